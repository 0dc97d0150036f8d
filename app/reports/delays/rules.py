"""How long aid files take, from their receipt to the first payment, without the days on which documents were awaited.

The acts of a file are replayed as they are for its clocks (`applications.rules`): the days that are left out are those
that stop a clock. Pure: no session, no await.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from app.applications.clocks import ClockStop
from app.applications.rules import FOUND_ADMISSIBLE, ApplicationAct, RecordedAct, replay

_HALF, _NINE_TENTHS = Fraction(1, 2), Fraction(9, 10)


class Milestone(StrEnum):
    """A day that a file reaches once, in this order."""

    RECEIPT = "receipt"
    ADMISSIBLE = "admissible"
    DECISION = "decision"
    AGREEMENT = "agreement"
    FIRST_PAYMENT = "first_payment"


M = Milestone
STEPS = (
    (M.RECEIPT, M.ADMISSIBLE),
    (M.ADMISSIBLE, M.DECISION),
    (M.DECISION, M.AGREEMENT),
    (M.AGREEMENT, M.FIRST_PAYMENT),
    (M.RECEIPT, M.FIRST_PAYMENT),
)
# A decision is somebody's: what silence rejects, and what the firm withdraws, nobody decided.
_DECIDES = (ApplicationAct.GRANT, ApplicationAct.REJECT)


@dataclass(frozen=True)
class Course:
    """The days that a file has reached, and those from which to which its clocks stood."""

    reached: dict[Milestone, date]
    stops: Sequence[ClockStop]

    def days(self, since: Milestone, until: Milestone) -> tuple[int, int] | None:
        """Days from one milestone to another, and days stopped, which are not among them; None until it is reached."""
        begin, end = self.reached.get(since), self.reached.get(until)
        if begin is None or end is None or end < begin:
            return None
        stopped = sum(_stopped(self.stops, begin, end))
        return (end - begin).days - stopped, stopped


def _stopped(stops: Iterable[ClockStop], begin: date, end: date) -> Iterator[int]:
    """The days of each stop between two days, those that two stops share once."""
    until = begin
    for stop in sorted(stops):
        first, last = max(stop.asked_on, until), min(stop.ends_on, end)
        if last > first:
            yield (last - first).days
            until = last


class Delay(NamedTuple):
    """What the files that have made a step took for it."""

    files: int
    median_days: float | None
    p90_days: float | None
    days_stopped: int


def delay_of(courses: Iterable[Course], since: Milestone, until: Milestone) -> Delay:
    """The delay of a step over all files that have made it."""
    made = [taken for course in courses if (taken := course.days(since, until)) is not None]
    days = sorted(taken for taken, _ in made)
    return Delay(len(days), quantile(days, _HALF), quantile(days, _NINE_TENTHS), sum(stopped for _, stopped in made))


def quantile(days: Sequence[int], part: Fraction) -> float | None:
    """The value below which a part of sorted values lies, between two of them in proportion; None of nothing.

    It is what MEDIAN and PERCENTILE of a spreadsheet say.
    """
    if not days:
        return None
    place = part * (len(days) - 1)
    below = math.floor(place)
    above = min(below + 1, len(days) - 1)
    return round(float(days[below] + (place - below) * (days[above] - days[below])), 2)


def course_of(passages: Sequence[RecordedAct], agreed_on: date | None, paid_on: date | None, as_of: date) -> Course:
    """The course of a file by a day, of its acts, the day of its agreement and that of its first payment."""
    life = replay(passages)
    reached: dict[Milestone, date | None] = {M.RECEIPT: life.received_on}
    for done in life.standing:
        if done.to_state in FOUND_ADMISSIBLE:
            reached.setdefault(M.ADMISSIBLE, done.effective_on)
        if done.act in _DECIDES:
            reached[M.DECISION] = done.effective_on
    reached |= {M.AGREEMENT: agreed_on, M.FIRST_PAYMENT: paid_on}
    return Course({name: day for name, day in reached.items() if day is not None and day <= as_of}, life.stops())
