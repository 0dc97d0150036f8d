"""New versions of a schedule, as acts of persons make them. Pure: no session, no await.

Each takes where the advance stands on the day of the act, and answers a version that `replay` takes as a fact.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from app.advances.replay import Line, Position, Version
from app.advances.schedule import GraceKind, LoanTerms


class LateInterest(StrEnum):
    """What becomes of late interest until the day of a reschedule."""

    KEPT = "kept"
    WAIVED = "waived"
    CAPITALISED = "capitalised"


class WaiverShare(StrEnum):
    """Which lines a waiver in part takes from: all in proportion, or the last first."""

    PROPORTION = "proportion"
    LAST = "last"


def move(terms: LoanTerms, stand: Position, late: LateInterest, due_on: date, first_on: date) -> Version:
    """Move the line of `due_on` and all after it, the first of them to `first_on`."""
    raise NotImplementedError


def add_instalments(terms: LoanTerms, stand: Position, late: LateInterest, count: int) -> Version:
    """Spread what is not due yet over the lines ahead and `count` more."""
    raise NotImplementedError


def grace(
    terms: LoanTerms, stand: Position, late: LateInterest, periods: int, kind: GraceKind, due_on: date
) -> Version:
    """Put a grace of `periods` before the line of `due_on`."""
    raise NotImplementedError


def re_amortise(terms: LoanTerms, stand: Position, late: LateInterest) -> Version:
    """Share the arrears over the lines ahead."""
    raise NotImplementedError


def re_age(terms: LoanTerms, stand: Position, late: LateInterest, count: int, first_on: date) -> Version:
    """Spread all that is open over `count` new lines from `first_on`."""
    raise NotImplementedError


def waive(terms: LoanTerms, stand: Position, cents: int, share: WaiverShare) -> Version:
    """Waive principal of the open lines; all of it closes them with their interest."""
    raise NotImplementedError


def reduce(terms: LoanTerms, stand: Position, cents: int) -> Version:
    """Take principal from the last open lines, and make it due that day."""
    raise NotImplementedError


def accelerate(terms: LoanTerms, stand: Position) -> Version:
    """Make all that is outstanding due that day, with the interest that has run."""
    raise NotImplementedError


def plan(stand: Position, lines: Sequence[Line]) -> Version:
    """Replace the open lines by those of a plan."""
    raise NotImplementedError
