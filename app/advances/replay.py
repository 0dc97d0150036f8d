"""What becomes of an advance: every line on every day, from facts alone. Pure: no session, no await.

Tranches, repayments and the acts of persons are facts. `replay` walks them in the order of their days and of their
recording, and answers where the advance stands; a version of the schedule that a tranche or an early repayment makes
is made on the way. Money that is taken back, or comes in late, is therefore no case of its own: the walk is done again.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from app.advances.late import Rate, Span
from app.advances.schedule import CashFlow, LoanTerms


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
    """What an act's version did with more than the outstanding principal, in cents, as known when it was made.

    `interest_cents`, `fees_cents` and `late_interest_cents` had fallen due on lines that the version replaces, and its
    new lines carry them; late interest that is None was waived or capitalised.
    """

    waived_cents: int = 0
    capitalised_cents: int = 0
    interest_cents: int = 0
    fees_cents: int = 0
    late_interest_cents: int | None = None


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
    carried: Carried = Carried()

    @property
    def outstanding_cents(self) -> int:
        """Principal that its open lines repay, less the interest that they add to it."""
        return sum(line.principal_cents - line.capitalised_cents for line in self.lines if not line.kept)


@dataclass(frozen=True)
class Tranche:
    """A part of the advance that was paid out."""

    id: Hashable
    on: date
    cents: int


@dataclass(frozen=True)
class Assignment:
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
    late interest.
    """

    terms: LoanTerms
    tranches: Sequence[Tranche] = ()
    assignments: Sequence[Assignment] = ()
    versions: Sequence[Version] = ()
    rule: AllocationRule = AllocationRule.NEXT
    notices: Sequence[Notice] = ()
    late_rates: Sequence[Rate] = ()
    stops: Sequence[Span] = ()
    charges: Sequence[Charge] = ()
    written_off_on: date | None = None


@dataclass(frozen=True)
class Split:
    """What an assignment paid, in cents. The parts sum to the assignment."""

    principal_cents: int = 0
    interest_cents: int = 0
    late_interest_cents: int = 0
    fees_cents: int = 0
    success_fee_cents: int = 0
    overpaid_cents: int = 0


@dataclass(frozen=True)
class LineState:
    """A line of the version in force, and what it still asks for on the day, in cents.

    `late_interest_cents` has run in all; `settled_on` is the value date of the last cent that it took.
    """

    line: Line
    principal_left_cents: int
    interest_left_cents: int
    fees_left_cents: int
    late_interest_cents: int
    late_interest_left_cents: int
    settled_on: date | None
    days_past_due: int

    @property
    def left_cents(self) -> int:
        """All that the line still asks for, late interest beside."""
        return self.principal_left_cents + self.interest_left_cents + self.fees_left_cents


class Basis(NamedTuple):
    """On what contract interest runs: the scheduled balance on `before`, the last due day, and what moved it since."""

    before: date
    opening_cents: int
    moves: tuple[CashFlow, ...]
    deferred_cents: int


@dataclass(frozen=True)
class Position:
    """Where an advance stands at the end of a day, in cents.

    `overdue_cents` is principal, interest and fees of lines past their day; `late_interest_cents` is due beside it.
    Disbursed and capitalised are always repaid, waived, written off or outstanding.
    """

    as_of: date
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
    basis: Basis | None = field(repr=False, default=None)


def replay(facts: Facts, as_of: date) -> Position:
    """Where the advance stands at the end of `as_of`. Raises `late.RateMissing`.

    `versions` of the answer are those that tranches, early repayments and acts make by then, as they would be made
    today: what `unwritten` compares with those that are stored.
    """
    raise NotImplementedError


def unwritten(stored: Sequence[Version], position: Position) -> list[Version]:
    """The versions to be written now, numbered after those that are stored.

    A new tranche, early repayment or act has its own cause; where one that is stored would be made otherwise today, a
    version of the same day takes its place, with the cause `replay`.
    """
    raise NotImplementedError


def taken(cents: int, amounts: Sequence[int], rule: AllocationRule) -> list[int]:
    """How much of each amount is taken, so that they sum to `cents`, or to all where that is less."""
    raise NotImplementedError
