"""A plain model of aids: what each act on grants, advances, claims, payments and recoveries does to their amounts.

Amounts are whole cents, days are dates. Nothing here asks the service.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

OVER = ("cancelled", "reversed")
IN_FLIGHT = ("proposed", "approved", "sent")
AGREEMENT_ABOVE = 2_300_000


@dataclass
class Fact:
    """What an act adds to one figure, from a day on; `award`: of which award it was."""

    on: date
    figure: str
    cents: int
    award: str = ""


@dataclass
class Recovery:
    path: str
    cents: int
    opened_on: date
    of_closing: bool = False
    status: str = "opened"
    settled_as: str | None = None
    received: int = 0
    set_off: int = 0
    waived: int = 0
    planned: int = 0

    @property
    def left(self) -> int:
        return self.cents - self.received - self.set_off - self.waived - self.planned

    def settle(self, by: str) -> None:
        if not self.left and not self.planned:
            self.status, self.settled_as = "closed", by

    def reopen(self) -> None:
        self.status, self.settled_as = "ordered", None


@dataclass
class Receipt:
    id: str
    recovery: Recovery
    cents: int
    facts: list[Fact]
    gone: bool = False


@dataclass
class Repayment:
    """Money of the firm for an advance: what was outstanding when it came repays it, the rest is overpaid."""

    on: date
    cents: int
    principal: int = 0


@dataclass
class Payment:
    id: str
    kind: str
    cents: int
    status: str
    payee: int = 0
    on: date | None = None
    recovery: Recovery | None = None
    kept: int = 0
    facts: list[Fact] = field(default_factory=list)
    set_off_facts: list[Fact] = field(default_factory=list)
    released: dict[str, list[Fact]] = field(default_factory=dict)  # what it gave back as a balance, by award


@dataclass
class Award:
    kind: str
    id: str
    aid: "Aid"
    amount: int
    facts: list[Fact]  # of the award, and of what raised it
    paid: int = 0
    released: int = 0
    lowered: int = 0  # of what was released, by amendments
    repayments: list[Repayment] = field(default_factory=list)
    ended: str | None = None
    final: int | None = None
    reversed: bool = False
    payments: list[Payment] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"{self.kind}/{self.id}"

    @property
    def in_flight(self) -> int:
        return sum(each.cents for each in self.payments if each.status in IN_FLIGHT)

    @property
    def bound(self) -> bool:
        return any(each.status in ("approved", "sent") for each in self.payments)

    @property
    def claimed_back(self) -> int:
        return sum(each.cents for each in self.recoveries if each.status != "withdrawn")

    @property
    def recovered(self) -> int:
        return sum(each.received + each.set_off for each in self.recoveries)

    @property
    def repaid(self) -> int:
        return sum(each.principal for each in self.repayments)

    def principals(self) -> list[int]:
        """What each repayment repays, by its day: a tranche of the same day was paid before it."""
        found: list[int] = []
        for each in self.repayments:
            paid = sum(p.cents for p in self.payments if p.status == "recorded" and p.on and p.on <= each.on)
            found.append(max(min(each.cents, paid - sum(found)), 0))
        return found

    @property
    def unpaid(self) -> int:
        return self.amount - self.paid - self.released

    @property
    def status(self) -> str:
        if self.reversed:
            return "reversed"
        if self.released == self.amount:
            return "cancelled"
        if not self.paid:
            return "awarded"
        if self.unpaid:
            return "paying"
        if self.kind == "grants":
            return "closed"
        return "repaid" if self.repaid == self.paid else "repaying"

    @property
    def stands(self) -> bool:
        return self.status not in OVER

    def summed(self, kind: str, but: Payment | None) -> int:
        counted = (*IN_FLIGHT, "recorded")
        return sum(p.cents for p in self.payments if p is not but and p.kind == kind and p.status in counted)

    def drop(self, payment: Payment) -> None:
        """Cancel a payment in flight: it sets nothing off any more."""
        payment.status = "cancelled"
        if payment.recovery is not None:
            payment.recovery.planned = 0
            payment.recovery = None

    def drop_proposed(self) -> None:
        for payment in self.payments:
            if payment.status == "proposed":
                self.drop(payment)

    def settle(self) -> None:
        """One of which something is left to pay again has not ended."""
        if self.unpaid:
            self.ended = None


@dataclass
class Claim:
    id: str
    line: str
    cents: int
    status: str = "submitted"
    certified: int = 0


@dataclass
class Aid:
    decided_on: date
    base: int | None
    reference: str = ""
    line: str = ""
    awards: list[Award] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    requests: list[tuple[str, Award, int]] = field(default_factory=list)  # changes of an amount that nobody decided yet
    start_by: date | None = None
    statement_by: date | None = None
    agreed: bool = False
    guaranteed: bool = False
    started_on: date | None = None
    completed_on: date | None = None
    other_aid: int = 0
    closed: bool = False
    closed_by: Payment | None = None

    @property
    def certified(self) -> int:
        return sum(each.certified for each in self.claims)

    @property
    def open_claims(self) -> int:
        return sum(each.status == "submitted" for each in self.claims)

    def held(self, award: Award) -> list[Award]:
        """The award, and the others that stand."""
        return [award, *(each for each in self.awards if each is not award and each.stands)]

    @property
    def under_way(self) -> bool:
        """Whether the last day for the start ends nothing of it."""
        return self.started_on is not None or any(each.paid or each.bound for each in self.awards if each.stands)

    def lapsed(self, on: date) -> bool:
        return self.start_by is not None and on > self.start_by and not self.under_way

    def ended(self, award: Award) -> bool:
        return award.status in OVER or award.ended is not None or self.closed

    def finals(self, award: Award) -> dict[str, int]:
        """The final amounts, by kind: of the base as certified, public aid at most the base, the grant cut first."""
        assert self.base is not None
        if self.closed:
            held = {each.kind: each.final or 0 for each in self.held(award)}
            return {kind: held.get(kind, 0) for kind in ("grants", "advances")}
        held = {each.kind: each.amount - each.lowered for each in self.held(award)}
        found = {
            kind: min(held.get(kind, 0), held.get(kind, 0) * self.certified // self.base)
            for kind in ("grants", "advances")
        }
        excess = max(0, sum(found.values()) + self.other_aid - self.base)
        of_grant = min(found["grants"], excess)
        return {"grants": found["grants"] - of_grant, "advances": max(0, found["advances"] - (excess - of_grant))}


def broken(
    grant: Award, payment: Payment, on: date, year_cents: int, certified_from: date
) -> list[tuple[str, int | None]]:
    """The conditions and ceilings that a payment breaks on a day, in their order, with what the ceiling allows."""
    aid = grant.aid
    if aid.base is None:
        return []
    found: list[tuple[str, int | None]] = []
    if not aid.agreed and year_cents > AGREEMENT_ABOVE:
        found.append(("agreement-missing", None))
    others = [each for each in grant.payments if each is not payment]
    lives = (
        aid.started_on is not None
        or any(each.status in ("approved", "sent", "recorded") for each in others)
        or any(each.paid for each in aid.held(grant))
    )
    if not lives and aid.start_by is not None and on > aid.start_by:
        found.append(("award-ended", None))
    if payment.kind == "advance_payment" and aid.started_on is None:
        found.append(("not-started", None))
    if payment.kind == "balance_payment" and aid.completed_on is None:
        found.append(("not-completed", None))
    if payment.kind == "balance_payment" and aid.open_claims:
        found.append(("claims-open", None))
    if aid.statement_by is not None and (aid.completed_on or on) > aid.statement_by:
        found.append(("completion-statement-late", None))
    if on < certified_from:
        found += [("tax-certificate-expired", None), ("social-certificate-expired", None)]
    award = grant.amount - grant.released
    advances, interims = (grant.summed(kind, payment) for kind in ("advance_payment", "interim_payment"))
    in_flight = grant.in_flight - (payment.cents if payment in grant.payments and payment.status in IN_FLIGHT else 0)
    due = min(award, award * aid.certified // aid.base)
    if aid.completed_on is not None:
        due = min(award, aid.finals(grant)["grants"])
    allowed = [
        ("advance-payment-ceiling", award * (6 if aid.guaranteed else 3) // 10 - advances, ("advance_payment",)),
        ("before-completion-ceiling", award * 8 // 10 - advances - interims, ("advance_payment", "interim_payment")),
        ("payment-above-due", due - (grant.paid + in_flight - grant.recovered), ("interim_payment", "balance_payment")),
    ]
    found += [(code, max(most, 0)) for code, most, kinds in allowed if payment.kind in kinds and payment.cents > most]
    return found


@dataclass
class Money:
    """An envelope with one contribution, as facts by day."""

    recycles: bool
    facts: list[Fact] = field(default_factory=list)

    def by(self, day: date, figure: str, award: str = "") -> int:
        return sum(f.cents for f in self.facts if f.on <= day and f.figure == figure and award in ("", f.award))

    def least(self, day: date, figure: str = "available", award: str = "") -> int:
        """The least of a figure on any day from one on: what may be taken on that day."""
        days = {day, *(f.on for f in self.facts if f.on > day and f.figure == figure)}
        return min(self.by(each, figure, award) for each in days)

    def note(self, on: date, award: str = "", **figures: int) -> list[Fact]:
        made = [Fact(on, figure, cents, award) for figure, cents in figures.items() if cents]
        self.facts += made
        return made

    def take_back(self, facts: list[Fact]) -> bool:
        """Take an act back as if it had never been; not where what it gave has been spent."""
        kept = list(self.facts)
        self.facts += [Fact(f.on, f.figure, -f.cents, f.award) for f in facts]
        if facts and self.least(min(f.on for f in facts)) < 0:
            self.facts = kept
            return False
        return True

    def award(self, on: date, award: str, cents: int) -> list[Fact]:
        return self.note(on, award, available=-cents, committed=cents)

    def pay(self, on: date, award: Award, cents: int) -> list[Fact]:
        owed = {"outstanding" if award.kind == "advances" else "kept": cents}  # `kept` of grants: not told, but held
        return self.note(on, award.id, committed=-cents, paid=cents, **owed)

    def come_back(self, on: date, award: Award, cents: int) -> list[Fact]:
        again = cents if self.recycles else 0
        advance = award.kind == "advances"
        said = {"repaid": cents, "outstanding": -cents} if advance else {"recovered": cents, "kept": -cents}
        return self.note(on, award.id, recycled=again, available=again, **said)

    def release(self, on: date, award: Award, cents: int) -> list[Fact]:
        """From the day on, or where it was committed later, from then on."""
        made: list[Fact] = []
        later = sorted({f.on for f in self.facts if f.on > on and f.figure == "committed" and f.award == award.id})
        for day in (on, *later):
            part = min(cents - sum(f.cents for f in made if f.figure == "released"),
                       self.least(day, "committed", award.id))  # fmt: skip
            made += self.note(day, award.id, committed=-part, available=part, released=part)
        return made


def months_later(day: date, months: int) -> date:
    """The same day number, so many months later; days of the tests are in every month."""
    years, month = divmod(day.month - 1 + months, 12)
    return day.replace(year=day.year + years, month=month + 1)


def next_day(day: date) -> date:
    return day + timedelta(days=1)
