"""A plain model of what becomes of advances at a zero rate: facts of money in the order of their days."""

from dataclasses import dataclass, field
from datetime import date


@dataclass
class Tranche:
    """A tranche that was paid out."""

    path: str
    on: date
    cents: int
    gone: bool = False


@dataclass
class Receipt:
    """An entry of the bank: what it repays of advances, by their place, and what went back to the payer."""

    path: str
    received_on: date
    value_on: date
    cents: int
    parts: "dict[int, Part]" = field(default_factory=dict)  # those that were not taken back
    returned: int = 0
    status: str = "recorded"
    bounced_on: date | None = None

    @property
    def stands(self) -> bool:
        return self.status in ("recorded", "returned")

    @property
    def unassigned(self) -> int:
        return self.cents - sum(part.cents for part in self.parts.values() if self.stands)

    @property
    def refunded(self) -> int:
        return self.returned + sum(part.refunded for part in self.parts.values())


@dataclass
class Part:
    """What a receipt repays of one advance."""

    id: str
    order: int
    cents: int
    after_write_off: bool
    refunded: int = 0


@dataclass
class Waiver:
    """Capital that was waived."""

    on: date
    order: int
    cents: int


@dataclass
class Sums:
    """Where an advance stands, and what each part of a receipt came to: principal and overpaid."""

    disbursed: int = 0
    repaid: int = 0
    waived: int = 0
    written_off: int = 0
    taker: str | None = None  # what took the last cent
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def outstanding(self) -> int:
        return self.disbursed - self.repaid - self.waived - self.written_off

    @property
    def overpaid(self) -> int:
        return sum(overpaid for _, overpaid in self.parts.values())


@dataclass
class Loan:
    """An advance. `exact`: it bears no interest and no fee, so that the model says each of its sums."""

    place: int
    path: str
    cents: int
    exact: bool
    conditional: bool
    aid: str = ""  # of an advance that rests on a base
    tranches: list[Tranche] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)
    written_off_on: date | None = None
    closed: bool = False

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def paid(self) -> int:
        return sum(tranche.cents for tranche in self.tranches if not tranche.gone)

    def begun(self, on: date) -> bool:
        """Whether something was paid out by a day."""
        return any(tranche.on <= on for tranche in self.tranches if not tranche.gone)

    def sums(self, receipts: list[Receipt], by: date) -> Sums:
        """Where it stands at the end of a day."""
        found = Sums()
        events: list[tuple[date, int, int, object]] = []
        events += [(each.on, 0, 0, each) for each in self.tranches if not each.gone]
        events += [(each.on, 1, each.order, each) for each in self.waivers]
        for receipt in receipts:
            part = receipt.parts.get(self.place)
            if part is not None and receipt.stands:
                late = self.written_off_on if part.after_write_off else None
                on = receipt.value_on if late is None else max(receipt.value_on, late)
                events.append((on, 1 if late is None else 3, part.order, part))
        if self.written_off_on is not None:
            events.append((self.written_off_on, 2, 0, None))
        for on, _, _, event in sorted(events, key=lambda each: each[:3]):
            if on > by:
                break
            self._take(found, event)
        return found

    def _take(self, sums: Sums, event: object) -> None:
        before = sums.outstanding
        taker = "written_off"
        if isinstance(event, Tranche):
            sums.disbursed += event.cents
        elif isinstance(event, Waiver):
            sums.waived += min(event.cents, before)
            taker = "waived"
        elif isinstance(event, Part):
            left = event.cents - event.refunded
            cents = min(left, sums.written_off if event.after_write_off else before)
            sums.repaid += cents
            if event.after_write_off:
                sums.written_off -= cents
            sums.parts[event.id] = (cents, left - cents)
            taker = "repaid"
        else:
            sums.written_off = before
        if sums.outstanding:
            sums.taker = None
        elif before:
            sums.taker = taker
