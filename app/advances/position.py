"""What an advance's account is made of, and where it stands: words and plain values. Pure: no session, no await.

`app.advances.replay` makes the latter of the former.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from app.advances.late import DatedRate, Span
from app.advances.rules import Settled
from app.advances.schedule import Basis, GraceKind, LoanTerms


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


def bucket_of(days_past_due: int) -> Bucket:
    """The bucket of arrears of so many days."""
    for most, bucket in (
        (0, Bucket.CURRENT), (30, Bucket.DAYS_1_30), (60, Bucket.DAYS_31_60), (90, Bucket.DAYS_61_90),
        (180, Bucket.DAYS_91_180),
    ):  # fmt: skip
        if days_past_due <= most:
            return bucket
    return Bucket.OVER_180


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
