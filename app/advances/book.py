"""The lines of an advance's account as its facts are walked through: what each asks for, what is due, what is ahead.

Pure: no session, no await. `app.advances.allocation` gives them money, `app.advances.replay` everything else.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date

from app.advances.late import Overdue, late_interest
from app.advances.position import Facts, Line, Notice, Split, Version, VersionCause
from app.advances.rules import Settled
from app.advances.schedule import Basis, GraceKind, Instalment, interest_until, moved


@dataclass
class Entry:
    """A line in the walk, with what is left of it. `past`: its day has come. `void`: nothing is left for it to ask."""

    due_on: date
    principal: int = 0
    interest: int = 0
    capitalised: int = 0
    fees: int = 0
    late: int = 0
    rests: GraceKind | None = None
    kept: bool = False
    past: bool = False
    principal_left: int = 0
    interest_left: int = 0
    fees_left: int = 0
    late_paid: int = 0
    forgiven: int = 0
    settled_on: date | None = None
    void: bool = False
    steps: list[Overdue] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.kept:
            self.principal_left, self.interest_left, self.fees_left = self.principal, self.interest, self.fees

    @property
    def left(self) -> int:
        return self.principal_left + self.interest_left + self.fees_left

    def line(self) -> Line:
        return Line(
            self.due_on, self.principal, self.interest, self.capitalised, self.fees,
            self.late_paid if self.kept else self.late, self.kept,
        )  # fmt: skip

    def pay_principal(self, cents: int, on: date) -> None:
        self.principal_left -= cents
        if self.past:
            self.steps.append(Overdue(on, self.principal_left))


class Book:
    """The account on a day: its lines, the balance that interest runs on, and what the capital has come to."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.terms = facts.terms
        self.entries: list[Entry] = []
        self.versions: list[Version] = []
        self.splits: dict[Hashable, Split] = {}
        self.disbursed = self.capitalised = self.repaid = self.waived = self.written_off = 0
        self.settled_as: Settled | None = None
        self.basis: Basis | None = None
        self.charges = {charge.id: charge.cents for charge in facts.charges}
        self.follows_terms = True  # no act and no early repayment has changed the lines of the terms yet
        self.paid_ahead: dict[date, int] = defaultdict(int)
        self._first_notices = _first_notices(facts.notices)

    @property
    def outstanding(self) -> int:
        return self.disbursed + self.capitalised - self.repaid - self.waived - self.written_off

    def took(self, what: Settled) -> None:
        """Note what took the last cent, if it did."""
        self.settled_as = None if self.outstanding or not self.disbursed else self.settled_as or what

    def ahead(self) -> list[Entry]:
        return [entry for entry in self.entries if not entry.past and not entry.kept]

    def due(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.past and not entry.kept]

    def ran(self, on: date) -> int:
        """`Position.ran_cents` of a day on which no line falls due any more."""
        if self.basis is None or not self.terms.annual_rate_bp:
            return 0
        ahead = self.ahead()
        if ahead and ahead[0].rests is GraceKind.NOTHING_DUE:
            ran = self.basis.deferred_cents
        else:
            ran = interest_until(self.terms, self.basis, on, broken=self.basis.before < on)
        paid = sum(entry.interest - entry.interest_left for entry in self.entries if entry.due_on > on)
        return max(ran - paid, 0)

    def roll(self, on: date) -> None:
        """Let the lines up to this day fall due."""
        for entry in self.entries:
            if entry.past or entry.kept:
                continue
            if entry.due_on > on:
                break
            entry.past = True
            entry.steps.append(Overdue(entry.due_on, entry.principal_left))
            self.capitalised += entry.capitalised
            self.settled_as = None if self.outstanding else self.settled_as
            if self.basis is not None:
                deferred = 0
                if entry.rests is GraceKind.INTEREST_DEFERRED:
                    deferred = interest_until(self.terms, self.basis, entry.due_on)
                balance = self.basis.balance_cents - entry.principal_left + entry.capitalised
                self.basis = Basis(entry.due_on, balance, (), deferred)

    def late_of(self, entry: Entry, on: date) -> int:
        """The late interest of a line in all, up to this day."""
        notice_on = self._first_notices.get(entry.due_on)
        if not entry.steps or notice_on is None or notice_on > on:
            return entry.late - entry.forgiven
        start = max(notice_on, entry.due_on)
        ran = late_interest(entry.steps, start, on, self.facts.late_rates, self.facts.stops)
        return entry.late + ran - entry.forgiven

    def moved(self, on: date, cents: int) -> Basis:
        """The basis after this much more, or less where it is below zero."""
        assert self.basis is not None
        return moved(self.terms, self.basis, on, cents)

    def cut(self) -> None:
        """Cut lines paid in part in two: what was paid is kept, the rest stays open."""
        cut: list[Entry] = []
        for entry in self.entries:
            if entry.kept:
                cut.append(entry)
                continue
            kept = Entry(
                entry.due_on, entry.principal - entry.principal_left, entry.interest - entry.interest_left,
                0, entry.fees - entry.fees_left, late_paid=entry.late_paid, kept=True, past=True,
                settled_on=entry.settled_on,
            )  # fmt: skip
            paid = kept.principal + kept.interest + kept.fees
            whole = not entry.left and (entry.past or paid) and not self._late_left(entry)
            if entry.void and entry.past:
                continue
            if whole:
                kept.capitalised, kept.principal, kept.interest = entry.capitalised, entry.principal, entry.interest
                cut.append(kept)
                if not entry.past:  # a place for another tranche
                    cut.append(Entry(entry.due_on, rests=entry.rests, void=True))
                continue
            if paid:
                kept.late_paid = 0
                cut.append(kept)
            entry.principal, entry.interest, entry.fees = entry.principal_left, entry.interest_left, entry.fees_left
            cut.append(entry)
        self.entries = cut

    def _late_left(self, entry: Entry) -> bool:
        last = entry.settled_on or entry.due_on
        return self.late_of(entry, max(last, entry.steps[-1].on if entry.steps else last)) > entry.late_paid

    def make(self, on: date, cause: VersionCause, act: Hashable) -> None:
        """Note the version in force from now on."""
        self.cut()
        made = tuple(entry.line() for entry in self.entries if not entry.void)
        self.versions.append(Version(on, cause, made, act=act))

    def replace_ahead(self, made: Sequence[Instalment]) -> None:
        """Give the lines ahead new figures. Those after the last cent are there for another tranche, and not shown."""
        entries = self.ahead()
        for entry, line in zip(entries, made, strict=True):
            entry.principal, entry.interest = line.principal_cents, line.interest_cents
            entry.capitalised = line.capitalised_cents
            entry.principal_left, entry.interest_left = entry.principal, entry.interest
            entry.void = not (line.opening_cents or entry.left or entry.capitalised)
        self.set_ahead(entries)

    def set_ahead(self, entries: Sequence[Entry]) -> None:
        self.entries = [entry for entry in self.entries if entry.kept or entry.past] + list(entries)
        self.sort()

    def sort(self) -> None:
        self.entries.sort(key=lambda entry: (entry.due_on, not entry.kept))


def _first_notices(notices: Sequence[Notice]) -> dict[date, date]:
    """The first day of a notice that names each due date."""
    first: dict[date, date] = {}
    for notice in notices:
        for due_on in notice.due_dates:
            first[due_on] = min(first.get(due_on, notice.from_on), notice.from_on)
    return first
