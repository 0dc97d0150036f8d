"""Late interest (*intérêts moratoires*) on what is overdue. Pure: no session, no await.

It is simple interest on real days over 365. The day from which it runs is not counted, the day of payment is. Each day
bears the rate of its half-year; one line is rounded once, half-up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from app.advances.schedule import half_up

ONE_DAY = timedelta(days=1)
YEAR = 365 * 10_000  # days of a year, basis points


class DatedRate(NamedTuple):
    """A yearly rate in basis points, from its first day to its last, both counted."""

    from_on: date
    until_on: date
    bp: int


class Span(NamedTuple):
    """Days on which nothing runs: from the first to the day before `until_on`; without end where that is None."""

    from_on: date
    until_on: date | None


class Overdue(NamedTuple):
    """What is overdue from the day after `on`, in cents, until the next step."""

    on: date
    cents: int


@dataclass(frozen=True)
class Segment:
    """Days in a row that bear one rate on one amount."""

    from_on: date
    until_on: date
    days: int
    bp: int
    cents: int


class NoRate(ValueError):
    """No legal rate is known for a day on which late interest runs."""

    def __init__(self, on: date) -> None:
        super().__init__(on)
        self.on = on


def segments(
    steps: Sequence[Overdue], start: date, as_of: date, rates: Sequence[DatedRate], stops: Sequence[Span] = ()
) -> list[Segment]:
    """The days after `start` up to `as_of` by rate and amount. Raises `NoRate`.

    `steps` are in the order of their days; the last of a day counts.
    """
    made = []
    for place, (on, cents) in enumerate(steps):
        until = min(steps[place + 1].on, as_of) if place + 1 < len(steps) else as_of
        day = max(on, start) + ONE_DAY
        while cents and day <= until:
            stop = _stopped(day, stops)
            if stop is not None:
                if stop.until_on is None:
                    break
                day = stop.until_on
                continue
            rate = _rate(day, rates)
            last = min([until, rate.until_on, *(stop.from_on - ONE_DAY for stop in stops if stop.from_on > day)])
            made.append(Segment(day, last, (last - day).days + 1, rate.bp, cents))
            day = last + ONE_DAY
    return made


def _stopped(day: date, stops: Sequence[Span]) -> Span | None:
    return next(
        (stop for stop in stops if stop.from_on <= day and (stop.until_on is None or day < stop.until_on)), None
    )


def _rate(day: date, rates: Sequence[DatedRate]) -> DatedRate:
    for rate in rates:
        if rate.from_on <= day <= rate.until_on:
            return rate
    raise NoRate(day)


def late_interest(
    steps: Sequence[Overdue], start: date, as_of: date, rates: Sequence[DatedRate], stops: Sequence[Span] = ()
) -> int:
    """The late interest of a line in cents, in all, from the day after `start` up to `as_of`. Raises `NoRate`."""
    return half_up(sum(part.cents * part.bp * part.days for part in segments(steps, start, as_of, rates, stops)), YEAR)
