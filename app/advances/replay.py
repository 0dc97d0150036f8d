"""What becomes of an advance: every line on every day, from facts alone. Pure: no session, no await.

Tranches, repayments and the acts of persons are facts. `replay` walks them in the order of their days and of their
recording, and answers where the advance stands; a version of the schedule that a tranche or an early repayment makes
is made on the way. Money that is taken back, or comes in late, is therefore no case of its own: the walk is done again.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from app.advances.late import DatedRate, Overdue, Span, late_interest
from app.advances.rules import Settled
from app.advances.schedule import (
    Ahead,
    Basis,
    CashFlow,
    GraceKind,
    Impossible,
    Instalment,
    LoanTerms,
    ScheduleShape,
    at_rate,
    first_period,
    interest_until,
    lines,
    lines_again,
    lines_ahead,
    moved,
)


class AllocationRule(StrEnum):
    """Which lines money settles that comes before they are due.

    `next`: the next ones; `last`: the last ones; `spread`: equal parts, rounded down, odd cents to the first.
    """

    NEXT = "next"
    LAST = "last"
    SPREAD = "spread"


class EarlyChoice(StrEnum):
    """What an announced early repayment does.

    `shorten`: the instalment stays and the last lines fall away; `respread`: the lines stay and are made again.
    """

    SHORTEN = "shorten"
    RESPREAD = "respread"


class VersionCause(StrEnum):
    """Why a version of a schedule was made."""

    AGREEMENT = "agreement"
    TRANCHE = "tranche"
    AMENDMENT = "amendment"
    EARLY_REPAYMENT = "early_repayment"
    REDUCTION = "reduction"
    WAIVER = "waiver"
    ACCELERATION = "acceleration"
    PLAN = "plan"
    WRITE_OFF = "write_off"
    REPLAY = "replay"


ACTS = frozenset(
    {
        VersionCause.AMENDMENT, VersionCause.REDUCTION, VersionCause.WAIVER, VersionCause.ACCELERATION,
        VersionCause.PLAN,
    }
)  # fmt: skip


class Bucket(StrEnum):
    """Arrears by days past due."""

    CURRENT = "current"
    DAYS_1_30 = "1_30"
    DAYS_31_60 = "31_60"
    DAYS_61_90 = "61_90"
    DAYS_91_180 = "91_180"
    OVER_180 = "over_180"
    IN_PROCEEDINGS = "in_proceedings"


@dataclass(frozen=True)
class Line:
    """A line of a version, in cents. `kept`: it, or this part of it, was paid when the version was made.

    `capitalised_cents` is added to the balance on the due day, and not due. `late_interest_cents` is late interest from
    before the version, due with the line. A kept line of a waived or capitalised past has what was paid alone.
    """

    due_on: date
    principal_cents: int = 0
    interest_cents: int = 0
    capitalised_cents: int = 0
    fees_cents: int = 0
    late_interest_cents: int = 0
    kept: bool = False


class Carried(NamedTuple):
    """What an act decided beside its lines, and what else was unpaid when it was made, in cents.

    `interest_cents` and `fees_cents` had fallen due and were unpaid. `late_interest_cents` had run on lines past their
    day that the version replaces, and its new lines carry it; None where all late interest until the day was waived
    or capitalised. Lines up to `interest_free_until_on` that ask nothing are a grace in which no interest runs.
    `annual_rate_bp` is the rate from then on, where the act changed it.
    """

    waived_cents: int = 0
    capitalised_cents: int = 0
    interest_cents: int = 0
    fees_cents: int = 0
    late_interest_cents: int | None = 0
    interest_free_until_on: date | None = None
    annual_rate_bp: int | None = None


NOTHING_CARRIED = Carried()


@dataclass(frozen=True)
class Version:
    """A version of the schedule, in force from its day until the next one's.

    `act` is what made it: the tranche, the assignment or the act of a person. `order` is that of recording, among
    versions and assignments alike.
    """

    from_on: date
    cause: VersionCause
    lines: tuple[Line, ...]
    number: int = 0
    act: Hashable = None
    order: int = 0
    carried: Carried = NOTHING_CARRIED

    @property
    def outstanding_cents(self) -> int:
        """Principal that its open lines repay, less the interest that they add to it."""
        return sum(line.principal_cents - line.capitalised_cents for line in self.lines if not line.kept)


@dataclass(frozen=True)
class PaidTranche:
    """A part of the advance that was paid out."""

    id: Hashable
    on: date
    cents: int


@dataclass(frozen=True)
class Assigned:
    """Money of a receipt that an advance got. `order` is that of recording, among versions and assignments alike.

    `after_write_off`: it was recorded after the advance was written off, whatever its value date.
    """

    id: Hashable
    value_on: date
    cents: int
    order: int = 0
    choice: EarlyChoice | None = None
    after_write_off: bool = False


@dataclass(frozen=True)
class Notice:
    """A formal notice (*mise en demeure*): the lines of these due dates bear late interest from the day after."""

    from_on: date
    due_dates: frozenset[date]


@dataclass(frozen=True)
class Charge:
    """A success fee that falls due."""

    id: Hashable
    due_on: date
    cents: int


@dataclass(frozen=True)
class Facts:
    """All that an advance's account depends on.

    `versions` are all that are stored, in the order of their numbers. `stops` are the days on which proceedings stop
    late interest. `written_off_by` is the act of the write-off.
    """

    terms: LoanTerms
    tranches: Sequence[PaidTranche] = ()
    assignments: Sequence[Assigned] = ()
    versions: Sequence[Version] = ()
    rule: AllocationRule = AllocationRule.NEXT
    notices: Sequence[Notice] = ()
    late_rates: Sequence[DatedRate] = ()
    stops: Sequence[Span] = ()
    charges: Sequence[Charge] = ()
    written_off_on: date | None = None
    written_off_by: Hashable = "write_off"


@dataclass(frozen=True)
class Split:
    """What an assignment paid, in cents. The parts sum to the assignment; of the principal, `recovered_cents` had been
    written off.
    """

    principal_cents: int = 0
    interest_cents: int = 0
    late_interest_cents: int = 0
    fees_cents: int = 0
    success_fee_cents: int = 0
    overpaid_cents: int = 0
    recovered_cents: int = 0

    @property
    def income_cents(self) -> int:
        """All of it that is neither capital nor overpaid."""
        return self.interest_cents + self.late_interest_cents + self.fees_cents + self.success_fee_cents


@dataclass(frozen=True)
class LineState:
    """A line of the version in force, and what it still asks for on the day, in cents.

    `late_interest_cents` has run in all; `settled_on` is the value date of the last cent that it took. Of a line of a
    grace, `rests` says what becomes of interest.
    """

    line: Line
    principal_left_cents: int
    interest_left_cents: int
    fees_left_cents: int
    late_interest_cents: int
    late_interest_left_cents: int
    settled_on: date | None
    days_past_due: int
    rests: GraceKind | None = None

    @property
    def left_cents(self) -> int:
        """All that the line still asks for, late interest beside."""
        return self.principal_left_cents + self.interest_left_cents + self.fees_left_cents


@dataclass(frozen=True)
class Position:
    """Where an advance stands at the end of a day, in cents.

    `overdue_cents` is principal, interest and fees of lines past their day; `late_interest_cents` is due beside it.
    Disbursed and capitalised are always repaid, waived, written off or outstanding; `settled_as` is what took the last
    cent. `terms` are those in force.
    """

    as_of: date
    terms: LoanTerms = field(repr=False)
    lines: tuple[LineState, ...]
    splits: dict[Hashable, Split]
    versions: tuple[Version, ...]
    disbursed_cents: int
    capitalised_cents: int
    repaid_cents: int
    waived_cents: int
    written_off_cents: int
    outstanding_cents: int
    overdue_cents: int
    interest_due_cents: int
    late_interest_cents: int
    fees_due_cents: int
    success_fee_due_cents: int
    overpaid_cents: int
    days_past_due: int
    bucket: Bucket
    next_due_on: date | None
    next_due_cents: int
    settled_as: Settled | None = None
    basis: Basis | None = field(repr=False, default=None)
    # Interest that has run since the last due day and is not paid, with what was deferred until then.
    ran_cents: int = 0


class Sums(NamedTuple):
    """What an advance has come to on a day, in cents; `income_cents` is all but capital that was received."""

    disbursed_cents: int
    capitalised_cents: int
    repaid_cents: int
    waived_cents: int
    written_off_cents: int
    income_cents: int
    overpaid_cents: int


class OpenLine(NamedTuple):
    """A line of the version in force on a day, and what it still asks for, in cents."""

    due_on: date
    principal_cents: int
    interest_cents: int
    fees_cents: int
    principal_left_cents: int
    interest_left_cents: int
    fees_left_cents: int
    settled_on: date | None


class Standing(NamedTuple):
    """Where an advance stands from a day on, until the day of the next one; of each line the values of an `OpenLine`.

    There is one for each day and line: they are plain tuples.
    """

    from_on: date
    sums: Sums
    lines: tuple[tuple[Any, ...], ...]


# --- the walk --------------------------------------------------------------------------------------------------------


def replay(facts: Facts, as_of: date) -> Position:
    """Where the advance stands at the end of `as_of`. Raises `late.NoRate`.

    `versions` of the answer are those that tranches, early repayments and acts make by then, as they would be made
    today: what `unwritten` compares with those that are stored.
    """
    walk = _Walk(facts)
    for on, _, _, act in sorted(_events(facts, walk), key=lambda event: event[:3]):
        if on > as_of:
            break
        walk.roll(on)
        act()
    walk.roll(as_of)
    return walk.position(as_of)


def course(facts: Facts, as_of: date) -> tuple[Position, list[Standing]]:
    """Where the advance stands at the end of `as_of`, and from each day on which something changes: on any day, what
    `replay` says of it. One walk gives both.

    Late interest, which runs day by day, is not in the latter. Raises `late.NoRate`.
    """
    walk = _Walk(facts)
    position: Position | None = None
    found: list[Standing] = []

    def stand() -> Position:
        found.extend(walk.capitalise(as_of + timedelta(days=1)))
        walk.roll(as_of)
        return walk.position(as_of)

    for on, of_day in groupby(sorted(_events(facts, walk), key=lambda event: event[:3]), key=lambda event: event[0]):
        if position is None and on > as_of:
            position = stand()
        found += walk.capitalise(on)
        for _, _, _, act in of_day:
            walk.roll(on)
            act()
        walk.roll(on)
        found.append(walk.standing(on))
    if position is None:
        position = stand()
    return position, [*found, *walk.capitalise(date.max)]


def _events(facts: Facts, walk: "_Walk") -> Iterable[tuple[date, int, int, Callable[[], None]]]:
    """What happens, by day: first tranches, then acts and money in the order of recording, at last a write-off."""
    for place, tranche in enumerate(facts.tranches):
        yield tranche.on, 0, place, partial(walk.disburse, tranche)
    for version in facts.versions:
        if version.cause in ACTS:
            yield version.from_on, 1, version.order, partial(walk.apply, version)
        yield version.from_on, 4, version.number, partial(walk.look, version.from_on)
    for assignment in facts.assignments:
        if not assignment.after_write_off:
            yield assignment.value_on, 1, assignment.order, partial(walk.receive, assignment)
        elif facts.written_off_on is not None:
            day = max(assignment.value_on, facts.written_off_on)
            yield day, 3, assignment.order, partial(walk.receive, replace(assignment, value_on=day))
    if facts.written_off_on is not None:
        yield facts.written_off_on, 2, 0, partial(walk.write_off, facts.written_off_on)


@dataclass
class _Entry:
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


# The values of an `OpenLine`.
_AS_SHOWN: Callable[[_Entry], tuple[Any, ...]] = attrgetter(
    "due_on", "principal", "interest", "fees", "principal_left", "interest_left", "fees_left", "settled_on"
)


class _Parts:
    """What money is left of an assignment, and what it paid."""

    def __init__(self, cents: int) -> None:
        self.left = cents
        self.paid: dict[str, int] = defaultdict(int)

    def pay(self, part: str, asked: int) -> int:
        cents = min(self.left, max(asked, 0))
        self.left -= cents
        self.paid[part] += cents
        return cents

    def split(self) -> Split:
        self.pay("overpaid_cents", self.left)
        return Split(**self.paid)


class _Walk:
    """The account as the facts are walked through, day by day."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.terms = facts.terms
        self.entries: list[_Entry] = []
        self.versions: list[Version] = []
        self.splits: dict[Hashable, Split] = {}
        self.paid_out: list[CashFlow] = []
        self.disbursed = self.capitalised = self.repaid = self.waived = self.written_off = 0
        self.settled_as: Settled | None = None
        self.basis: Basis | None = None
        self.charges = {charge.id: charge.cents for charge in facts.charges}
        self._follows_terms = True  # no act and no early repayment has changed the lines of the terms yet
        self._paid_ahead: dict[date, int] = defaultdict(int)
        self._first_notices = _first_notices(facts.notices)
        self._counted = self._income = self._overpaid = 0

    @property
    def outstanding(self) -> int:
        return self.disbursed + self.capitalised - self.repaid - self.waived - self.written_off

    def took(self, what: Settled) -> None:
        """Note what took the last cent, if it did."""
        self.settled_as = None if self.outstanding or not self.disbursed else self.settled_as or what

    def ahead(self) -> list[_Entry]:
        return [entry for entry in self.entries if not entry.past and not entry.kept]

    def due(self) -> list[_Entry]:
        return [entry for entry in self.entries if entry.past and not entry.kept]

    def ran(self, on: date) -> int:
        """`Position.ran_cents` of a day on which no line falls due any more."""
        if self.basis is None or not self.terms.annual_rate_bp:
            return 0
        ahead = self.ahead()
        if ahead and ahead[0].rests is GraceKind.NOTHING_DUE:
            return self.basis.deferred_cents
        paid = sum(entry.interest - entry.interest_left for entry in self.entries if entry.due_on > on)
        return max(interest_until(self.terms, self.basis, on, broken=self.basis.before < on) - paid, 0)

    # days

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

    def late_of(self, entry: _Entry, on: date) -> int:
        """The late interest of a line in all, up to this day."""
        notice_on = self._first_notices.get(entry.due_on)
        if not entry.steps or notice_on is None or notice_on > on:
            return entry.late - entry.forgiven
        start = max(notice_on, entry.due_on)
        ran = late_interest(entry.steps, start, on, self.facts.late_rates, self.facts.stops)
        return entry.late + ran - entry.forgiven

    # tranches

    def disburse(self, tranche: PaidTranche) -> None:
        """Pay a tranche out: the lines ahead are made again from what is then outstanding."""
        self.disbursed += tranche.cents
        self.settled_as = None
        self.paid_out.append(CashFlow(tranche.on, tranche.cents))
        self.cut()
        try:
            self._lay_out(tranche)
        except Impossible:  # a fact of before its rules: nothing is ahead of it
            last = max((entry.due_on for entry in self.entries), default=tranche.on)
            self.basis = self._moved(tranche.on, tranche.cents) if self.basis else None
            self.entries.append(_Entry(max(last, tranche.on), tranche.cents))
            self._sort()
            self._follows_terms = False
            self.roll(tranche.on)
        self.make(tranche.on, VersionCause.TRANCHE, tranche.id)

    def _lay_out(self, tranche: PaidTranche) -> None:
        if self.basis is None:
            self.basis = Basis(first_period(self.terms, tranche.on), 0)
        if not self._follows_terms and not self.ahead():
            raise Impossible((), "tranche_after_last_due")
        basis = self._moved(tranche.on, tranche.cents)
        if not self._follows_terms:
            self._replace(lines_again(self.terms, basis, _ahead(self.ahead())))
            self.basis = basis
            return
        contract = lines(self.terms, self.paid_out)
        self.basis = basis
        resting = self.terms.grace_periods - self.terms.resting
        entries = [
            _entry(line, self.terms.grace_kind if line.number <= resting else None)
            for line in contract
            if line.due_on > tranche.on
        ]
        over = 0
        for entry in entries:
            entry.principal -= self._paid_ahead[entry.due_on]
            if entry.principal < 0:  # rounding alone can leave a line less than was paid on it
                over, entry.principal = over - entry.principal, 0
        for entry, cents in zip(
            entries, taken(over, [entry.principal for entry in entries], AllocationRule.NEXT), strict=True
        ):
            entry.principal -= cents
            entry.principal_left = entry.principal
        self._set_ahead([entry for entry in entries if entry.principal or not self._paid_ahead[entry.due_on]])

    def _moved(self, on: date, cents: int) -> Basis:
        """The basis after this much more, or less where it is below zero."""
        assert self.basis is not None
        return moved(self.terms, self.basis, on, cents)

    # money

    def receive(self, assignment: Assigned) -> None:
        """Allocate money: what is due, oldest first; what was written off; then principal ahead; at last the interest
        that has run on it, and the late interest that a reschedule has put beside it.

        What is more is overpaid by its value day, and stays so when a later tranche is paid or a fee falls due: it is
        the firm's, and two persons refund it. Setting it off against what falls due later is a decision (code civil,
        art. 1347, asks that it is invoked): the refund, and a receipt of that day.
        """
        on, parts = assignment.value_on, _Parts(assignment.cents)
        for entry in self.due():
            if not parts.left:
                break
            self._pay_due(entry, parts, on)
        recovered = parts.pay("principal_cents", self.written_off)
        self.repaid += recovered
        self.written_off -= recovered
        for charge in self.facts.charges:
            if charge.due_on <= on:
                self.charges[charge.id] -= parts.pay("success_fee_cents", self.charges[charge.id])
        self._pay_ahead(parts, assignment)
        ahead = self.ahead()
        if parts.left and not any(entry.principal_left for entry in ahead):
            for entry in ahead:
                late = parts.pay("late_interest_cents", self.late_of(entry, on) - entry.late_paid)
                cents = parts.pay("interest_cents", entry.interest_left)
                entry.late_paid += late
                entry.interest_left -= cents
                if late + cents and not entry.left:
                    entry.settled_on = on
        self.splits[assignment.id] = replace(parts.split(), recovered_cents=recovered)
        self.took(Settled.REPAID)

    def _pay_due(self, entry: _Entry, parts: _Parts, on: date) -> None:
        before = parts.left
        entry.fees_left -= parts.pay("fees_cents", entry.fees_left)
        late = self.late_of(entry, on) - entry.late_paid
        paid_late = parts.pay("late_interest_cents", late)
        entry.late_paid += paid_late
        entry.interest_left -= parts.pay("interest_cents", entry.interest_left)
        principal = parts.pay("principal_cents", entry.principal_left)
        if principal:
            entry.pay_principal(principal, on)
            self.repaid += principal
        if parts.left != before and not entry.left and paid_late == max(late, 0):
            entry.settled_on = on

    def _pay_ahead(self, parts: _Parts, assignment: Assigned) -> None:
        ahead = self.ahead()
        asked = sum(entry.principal_left - entry.capitalised for entry in ahead)
        cents = parts.pay("principal_cents", asked)
        if not cents or self.basis is None:
            return
        self.repaid += cents
        on, choice = assignment.value_on, assignment.choice
        basis = self._moved(on, -cents)
        rule = AllocationRule.LAST if choice is EarlyChoice.SHORTEN else self.facts.rule
        if not self.terms.annual_rate_bp and choice is not EarlyChoice.RESPREAD:
            self.basis = basis
            for entry, paid in zip(ahead, taken(cents, [entry.principal_left for entry in ahead], rule), strict=True):
                if not paid:
                    continue
                entry.pay_principal(paid, on)
                self._paid_ahead[entry.due_on] += paid
                if not entry.left:
                    entry.settled_on = on
            return
        self.cut()
        ahead = self.ahead()
        try:
            made = self._chosen(basis, ahead, choice) or self._less(basis, ahead, cents, rule)
        except Impossible:  # an instalment would be less than its interest
            made = self._less(basis, ahead, cents, rule)
        self.basis = basis
        self._replace(made)
        early = _Entry(on, cents, self._capital_of_grace(parts, on), kept=True, past=True, settled_on=on)
        self.entries.append(early)
        self._sort()
        self._follows_terms = False
        self.make(on, VersionCause.EARLY_REPAYMENT, assignment.id)

    def _capital_of_grace(self, parts: _Parts, on: date) -> int:
        """Take the interest that a grace would add to the capital, where all of that is repaid: then nothing is due."""
        ahead, ran = self.ahead(), self.ran(on)
        if self.outstanding or parts.left < ran or not any(entry.capitalised for entry in ahead):
            return 0
        self._set_ahead([_Entry(entry.due_on, rests=entry.rests, void=True) for entry in ahead])
        self.basis = Basis(on, 0)
        return parts.pay("interest_cents", ran)

    def _chosen(self, basis: Basis, ahead: Sequence[_Entry], choice: EarlyChoice | None) -> list[Instalment] | None:
        """The lines ahead as an announced early repayment chose them; None where the rule alone says them."""
        if choice is EarlyChoice.RESPREAD:
            return lines_again(self.terms, basis, _ahead(ahead))
        if choice is EarlyChoice.SHORTEN and self.terms.shape is ScheduleShape.CONSTANT_INSTALMENT:
            repaying = [entry for entry in ahead if entry.rests is None]
            # The first may bear deferred interest, and the last is what remains.
            usual = repaying[1 if len(repaying) > 2 else 0]
            return lines_again(self.terms, basis, _ahead(ahead), instalment_cents=usual.principal + usual.interest)
        return None

    def _less(self, basis: Basis, ahead: Sequence[_Entry], cents: int, rule: AllocationRule) -> list[Instalment]:
        """The lines ahead with less principal, taken by the rule, and the interest on what they leave."""
        less = taken(cents, [entry.principal for entry in ahead], rule)
        return fitted(
            self.terms, basis,
            [Ahead(entry.due_on, entry.principal - cut, entry.rests) for entry, cut in zip(ahead, less, strict=True)],
        )  # fmt: skip

    # acts

    def apply(self, version: Version) -> None:
        """Take the lines of an act. What is outstanding now and was not known then is carried by the first open line;
        what is less is taken as money would be.
        """
        on, carried = version.from_on, version.carried
        # The lines of a plan name all interest from its day on.
        rate_bp = 0 if version.cause is VersionCause.PLAN else carried.annual_rate_bp
        if rate_bp is not None:
            self.terms = at_rate(self.terms, rate_bp, on)
        if not self.disbursed:  # the tranche that it was made from was a mistake
            return
        self.cut()
        lines = self._known_now(version)
        due = self.due()
        late = {id(entry): self.late_of(entry, on) - entry.late_paid for entry in due}
        interest = sum(entry.interest_left for entry in due)
        fees = sum(entry.fees_left for entry in due)
        waived = min(carried.waived_cents, self.outstanding + carried.capitalised_cents)
        self.waived += waived
        self.capitalised += carried.capitalised_cents
        self.took(Settled.WAIVED)
        standing = list(due)
        entries = [self._taken_over(line, on, standing, carried) for line in lines if not line.kept]
        going = [entry for entry in due if not any(entry is other for other in entries)]
        if carried.late_interest_cents is None:
            for entry in entries:
                entry.forgiven += late.get(id(entry), 0)
            more_late = 0
        else:
            more_late = sum(late[id(entry)] for entry in going) - carried.late_interest_cents
        asked = sum(entry.principal - entry.capitalised for entry in entries)
        more = (self.outstanding - asked, interest - carried.interest_cents, fees - carried.fees_cents, more_late)
        self.entries = [entry for entry in self.entries if entry.kept] + entries
        self._sort()
        if any(more):
            self._carry(on, more)
        if self.basis is not None:
            ahead = self.outstanding - sum(entry.principal_left for entry in self.due())
            # The lines of an acceleration or a plan name the interest that has run: it runs no second time.
            anew = version.cause in (VersionCause.ACCELERATION, VersionCause.PLAN)
            self.basis = Basis(on, ahead) if anew else self._moved(on, ahead - self.basis.balance_cents)
            if more[0] and self.terms.annual_rate_bp and self.ahead():
                self._replace(self._less(self.basis, self.ahead(), 0, self.facts.rule))
        self._follows_terms = False
        if any(more) or lines != version.lines:
            self.make(on, VersionCause.REPLAY, version.act)
        else:
            self.versions.append(version)

    def _known_now(self, version: Version) -> tuple[Line, ...]:
        """The lines of an act; what an acceleration makes due bears the interest that ran as it is known now."""
        on = version.from_on
        if version.cause is not VersionCause.ACCELERATION or self.basis is None or self.basis.before == on:
            return version.lines
        ran = self.ran(on)
        others = tuple(line for line in version.lines if line.kept or line.due_on != on)
        at_once = [line for line in version.lines if not line.kept and line.due_on == on] or [Line(on, 0)]
        if len(at_once) > 1 or at_once[0].interest_cents == ran:
            return version.lines
        return (*others, replace(at_once[0], interest_cents=ran))

    def _taken_over(self, line: Line, on: date, standing: list[_Entry], carried: Carried) -> _Entry:
        """The entry of an act's line: the one that is past its day stays the same one, with its late interest.

        One is taken over once: what an act makes due on the day of another line is a line of its own.
        """
        for place, entry in enumerate(standing):
            if line.due_on <= on and entry.due_on == line.due_on and not entry.kept:
                del standing[place]
                entry.principal, entry.interest, entry.fees = line.principal_cents, line.interest_cents, line.fees_cents
                entry.late += line.late_interest_cents
                entry.principal_left, entry.interest_left, entry.fees_left = entry.principal, entry.interest, entry.fees
                entry.steps.append(Overdue(on, entry.principal))
                return entry
        resting = _rests(line, carried.interest_free_until_on) if self.terms.annual_rate_bp else None
        made = _Entry(
            line.due_on, line.principal_cents, line.interest_cents, line.capitalised_cents, line.fees_cents,
            line.late_interest_cents, resting, past=line.due_on <= on,
        )  # fmt: skip
        if made.past:
            made.steps.append(Overdue(on, made.principal))
        return made

    def _carry(self, on: date, more: tuple[int, int, int, int]) -> None:
        """Put what an act's lines ask too little on the first, and take what they ask too much."""
        open_entries = [entry for entry in self.entries if not entry.kept]
        if not open_entries:
            if max(more) <= 0:
                return
            open_entries = [_Entry(on, past=True)]
            self.entries.append(open_entries[0])
            self._sort()
        first = open_entries[0]
        principal, interest, fees, late = more
        if principal > 0:
            first.principal += principal
        else:
            due = [entry for entry in open_entries if entry.past]
            ahead = [entry for entry in open_entries if not entry.past]
            left = -principal
            for entries, rule in ((due, AllocationRule.NEXT), (ahead, self.facts.rule)):
                shares = taken(left, [entry.principal for entry in entries], rule)
                left -= sum(shares)
                for entry, cents in zip(entries, shares, strict=True):
                    entry.principal -= cents
        first.interest += max(interest, 0)
        first.fees += max(fees, 0)
        first.late += max(late, 0)
        for part, cents in (("interest", -interest), ("fees", -fees), ("late", -late)):
            amounts = [getattr(entry, part) for entry in open_entries]
            for entry, less in zip(open_entries, taken(max(cents, 0), amounts, AllocationRule.NEXT), strict=True):
                setattr(entry, part, getattr(entry, part) - less)
        for entry in open_entries:
            entry.principal_left, entry.interest_left, entry.fees_left = entry.principal, entry.interest, entry.fees
            if entry.past:
                entry.steps.append(Overdue(on, entry.principal))

    # a write-off

    def write_off(self, on: date) -> None:
        """Close every line: what is outstanding is written off. What is paid out after that is due by itself."""
        self.cut()
        self.written_off = self.outstanding
        self.took(Settled.WRITTEN_OFF)
        self.entries = [entry for entry in self.entries if entry.kept]
        self.basis, self._follows_terms = None, False
        self.make(on, VersionCause.WRITE_OFF, self.facts.written_off_by)

    # versions

    def cut(self) -> None:
        """Cut lines paid in part in two: what was paid is kept, the rest stays open."""
        cut: list[_Entry] = []
        for entry in self.entries:
            if entry.kept:
                cut.append(entry)
                continue
            kept = _Entry(
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
                    cut.append(_Entry(entry.due_on, rests=entry.rests, void=True))
                continue
            if paid:
                kept.late_paid = 0
                cut.append(kept)
            entry.principal, entry.interest, entry.fees = entry.principal_left, entry.interest_left, entry.fees_left
            cut.append(entry)
        self.entries = cut

    def _late_left(self, entry: _Entry) -> bool:
        last = entry.settled_on or entry.due_on
        return self.late_of(entry, max(last, entry.steps[-1].on if entry.steps else last)) > entry.late_paid

    def make(self, on: date, cause: VersionCause, act: Hashable) -> None:
        """Note the version in force from now on."""
        self.cut()
        made = tuple(entry.line() for entry in self.entries if not entry.void)
        self.versions.append(Version(on, cause, made, act=act))

    def look(self, on: date) -> None:
        """Note the lines of a day that has a stored version, where nothing makes one today."""
        if not any(version.from_on == on for version in self.versions):
            self.make(on, VersionCause.REPLAY, None)

    def _replace(self, made: Sequence[Instalment]) -> None:
        """Give the lines ahead new figures. Those after the last cent are there for another tranche, and not shown."""
        entries = self.ahead()
        for entry, line in zip(entries, made, strict=True):
            entry.principal, entry.interest = line.principal_cents, line.interest_cents
            entry.capitalised = line.capitalised_cents
            entry.principal_left, entry.interest_left = entry.principal, entry.interest
            entry.void = not (line.opening_cents or entry.left or entry.capitalised)
        self._set_ahead(entries)

    def _set_ahead(self, entries: Sequence[_Entry]) -> None:
        self.entries = [entry for entry in self.entries if entry.kept or entry.past] + list(entries)
        self._sort()

    def _sort(self) -> None:
        self.entries.sort(key=lambda entry: (entry.due_on, not entry.kept))

    # the answer

    def capitalise(self, before: date) -> Iterator[Standing]:
        """Where it stands from each day on which a line ahead adds its interest to the balance, before a day."""
        for on in sorted({entry.due_on for entry in self.ahead() if entry.capitalised and entry.due_on < before}):
            self.roll(on)
            yield self.standing(on)

    def standing(self, on: date) -> Standing:
        splits = list(self.splits.values())
        for split in splits[self._counted :]:
            self._income += split.income_cents
            self._overpaid += split.overpaid_cents
        self._counted = len(splits)
        sums = Sums(
            self.disbursed, self.capitalised, self.repaid, self.waived, self.written_off, self._income, self._overpaid
        )
        shown = tuple([_AS_SHOWN(entry) for entry in self.entries if not entry.void])
        return Standing(on, sums, shown)

    def position(self, as_of: date) -> Position:
        states = tuple(self._state(entry, as_of) for entry in self.entries if not entry.void)
        overdue = [state for state in states if state.line.due_on < as_of and state.left_cents]
        due = [state for state in states if state.line.due_on <= as_of]
        coming = [state for state in states if state.line.due_on >= as_of and state.left_cents]
        days = max((state.days_past_due for state in overdue), default=0)
        charges = sum(self.charges[charge.id] for charge in self.facts.charges if charge.due_on <= as_of)
        in_proceedings = any(
            stop.from_on <= as_of and (stop.until_on is None or as_of < stop.until_on) for stop in self.facts.stops
        )
        next_on = coming[0].line.due_on if coming else None
        return Position(
            as_of=as_of,
            terms=self.terms,
            lines=states,
            splits=dict(self.splits),
            versions=tuple(self.versions),
            disbursed_cents=self.disbursed,
            capitalised_cents=self.capitalised,
            repaid_cents=self.repaid,
            waived_cents=self.waived,
            written_off_cents=self.written_off,
            outstanding_cents=self.outstanding,
            overdue_cents=sum(state.left_cents for state in overdue),
            interest_due_cents=sum(state.interest_left_cents for state in due),
            late_interest_cents=sum(state.late_interest_left_cents for state in states),
            fees_due_cents=sum(state.fees_left_cents for state in due),
            success_fee_due_cents=charges,
            overpaid_cents=sum(split.overpaid_cents for split in self.splits.values()),
            days_past_due=days,
            bucket=Bucket.IN_PROCEEDINGS if in_proceedings else bucket_of(days),
            next_due_on=next_on,
            next_due_cents=sum(state.left_cents for state in coming if state.line.due_on == next_on),
            settled_as=self.settled_as,
            basis=self.basis,
            ran_cents=self.ran(as_of),
        )

    def _state(self, entry: _Entry, as_of: date) -> LineState:
        late = entry.late_paid if entry.kept else self.late_of(entry, as_of)
        days = (as_of - entry.due_on).days if entry.left and entry.due_on < as_of else 0
        return LineState(
            entry.line(), entry.principal_left, entry.interest_left, entry.fees_left,
            late, late - entry.late_paid, entry.settled_on, days, entry.rests,
        )  # fmt: skip


def bucket_of(days_past_due: int) -> Bucket:
    """The bucket of arrears of so many days."""
    for most, bucket in (
        (0, Bucket.CURRENT), (30, Bucket.DAYS_1_30), (60, Bucket.DAYS_31_60), (90, Bucket.DAYS_61_90),
        (180, Bucket.DAYS_91_180),
    ):  # fmt: skip
        if days_past_due <= most:
            return bucket
    return Bucket.OVER_180


def _first_notices(notices: Sequence[Notice]) -> dict[date, date]:
    """The first day of a notice that names each due date."""
    first: dict[date, date] = {}
    for notice in notices:
        for due_on in notice.due_dates:
            first[due_on] = min(first.get(due_on, notice.from_on), notice.from_on)
    return first


def _entry(line: Instalment, rests: GraceKind | None) -> _Entry:
    return _Entry(line.due_on, line.principal_cents, line.interest_cents, line.capitalised_cents, rests=rests)


def _ahead(entries: Sequence[_Entry]) -> list[Ahead]:
    """The lines ahead to be made again: one that repays nothing stays so, unless all do."""
    repaying = any(entry.principal_left for entry in entries)
    return [
        Ahead(
            entry.due_on, entry.principal_left,
            entry.rests or (GraceKind.INTEREST_ONLY if repaying and not entry.principal_left else None),
        )
        for entry in entries
    ]  # fmt: skip


def fitted(terms: LoanTerms, basis: Basis, ahead: Sequence[Ahead]) -> list[Instalment]:
    """Lines ahead of given principals, of which the last ones repay less, or the last one more, where less or more
    interest is capitalised than they count on.
    """
    while True:
        made = lines_ahead(terms, basis, ahead)
        over = -made[-1].closing_cents if made else 0
        changes = [-cut for cut in taken(max(over, 0), [line.cents for line in ahead], AllocationRule.LAST)]
        if over < 0:
            last = max((place for place, line in enumerate(ahead) if line.rests is None), default=None)
            if last is not None:
                changes[last] = -over
        if not any(changes):
            return made
        ahead = [line._replace(cents=line.cents + cents) for line, cents in zip(ahead, changes, strict=True)]


def _rests(line: Line, free_until: date | None) -> GraceKind | None:
    """The kind of grace that a line's figures show, of an advance with interest."""
    if line.capitalised_cents:
        return GraceKind.INTEREST_CAPITALISED
    if line.principal_cents or line.fees_cents or line.late_interest_cents:
        return None
    if line.interest_cents:
        return GraceKind.INTEREST_ONLY
    free = free_until is not None and line.due_on <= free_until
    return GraceKind.NOTHING_DUE if free else GraceKind.INTEREST_DEFERRED


def taken(cents: int, amounts: Sequence[int], rule: AllocationRule) -> list[int]:
    """How much of each amount is taken, so that they sum to `cents`, or to all where that is less."""
    shares = [0] * len(amounts)
    left = min(cents, sum(amounts))
    if rule is AllocationRule.SPREAD:
        while left:
            places = [place for place, amount in enumerate(amounts) if amount > shares[place]]
            each, odd = divmod(left, len(places))
            for order, place in enumerate(places):
                share = min(each + (order < odd), amounts[place] - shares[place])
                shares[place] += share
                left -= share
        return shares
    forward = rule is AllocationRule.NEXT
    for place in range(len(amounts)) if forward else reversed(range(len(amounts))):
        if not left:
            break
        shares[place] = min(left, amounts[place])
        left -= shares[place]
    return shares


# --- what is stored, and what is not yet ------------------------------------------------------------------------------


def unwritten(stored: Sequence[Version], position: Position) -> list[Version]:
    """The versions to be written now, numbered after those that are stored.

    A new tranche, early repayment or act has its own cause; where one that is stored would be made otherwise today, a
    version of the same day takes its place, with the cause `replay`.
    """
    there: dict[date, list[Version]] = defaultdict(list)
    for version in sorted(stored, key=lambda one: one.number):
        there[version.from_on].append(version)
    new: list[Version] = []
    for on, made in groupby(sorted(position.versions, key=lambda one: one.from_on), key=lambda one: one.from_on):
        of_day = list(made)
        known = {(version.cause, version.act) for version in there[on]}
        missing = [one for one in of_day if (one.cause, one.act) not in known and one.act is not None]
        last = (missing or there[on])[-1]
        new += missing
        if not _same(last, of_day[-1]):
            new.append(replace(of_day[-1], cause=VersionCause.REPLAY, carried=NOTHING_CARRIED))
    first = max((version.number for version in stored), default=0) + 1
    return [replace(version, number=first + place) for place, version in enumerate(new)]


def _same(one: Version, other: Version) -> bool:
    return _open_lines(one) == _open_lines(other)


def _open_lines(version: Version) -> dict[date, tuple[int, ...]]:
    sums: dict[date, tuple[int, ...]] = {}
    for line in version.lines:
        figures = (
            line.principal_cents, line.interest_cents, line.capitalised_cents, line.fees_cents,
            line.late_interest_cents,
        )  # fmt: skip
        if not line.kept and any(figures):
            have = sums.get(line.due_on, (0,) * len(figures))
            sums[line.due_on] = tuple(a + b for a, b in zip(have, figures, strict=True))
    return sums
