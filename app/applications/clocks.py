"""The clocks of an aid file, in days of Paris (décret 2018-514, art. 4 and 5; CRPA, art. L. 114-5). Pure: no session.

A delay of n months ends at the end of the same day number n months later, or of the last day of a shorter month, and is
not moved by Saturdays, Sundays or holidays. A duty may be done on that last day; silence takes effect the day after.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from app.core.clock import after_months
from app.schemes.rules import Manner

ONE_DAY = timedelta(days=1)


class ClockStop(NamedTuple):
    """A request for indispensable pieces, which stops the clocks from its own day on."""

    asked_on: date
    received_on: date | None  # the day on which the last piece came in
    given_until_on: date
    number: int = 0  # among the acts of the file: of two on one day, the lower was done first

    @property
    def ends_on(self) -> date:
        """The first day on which the clocks run again. While nothing has come in, it is the day given."""
        day = self.given_until_on if self.received_on is None else min(self.received_on, self.given_until_on)
        return max(day, self.asked_on)


class Extension(NamedTuple):
    """A reasoned decision, taken before the end, that fixes another last day."""

    decided_on: date
    until_on: date
    number: int = 0


class Clock(NamedTuple):
    """What a clock says: the last day to act on, and how many days it was stopped."""

    last_day: date
    days_stopped: int

    @property
    def silence_on(self) -> date:
        """The day on which silence takes effect: the one after the last."""
        return self.last_day + ONE_DAY

    def has_run_out(self, on: date) -> bool:
        """Whether silence has taken effect by this day."""
        return on > self.last_day


def admissibility(received_on: date, months: int, stops: Iterable[ClockStop], manner: Manner) -> Clock:
    """The clock at whose end a file is deemed admissible. A stop suspends it, or makes the whole delay start again."""
    return _run(received_on, months, stops, manner=manner)


def decision(
    acknowledged_on: date, months: int, stops: Iterable[ClockStop], extensions: Iterable[Extension] = ()
) -> Clock:
    """The clock at whose end a file is rejected by silence. A stop after an extension moves the day that it fixed."""
    return _run(acknowledged_on, months, stops, extensions)


def _run(
    from_on: date,
    months: int,
    stops: Iterable[ClockStop],
    extensions: Iterable[Extension] = (),
    manner: Manner = Manner.SUSPENDS,
) -> Clock:
    """The clock in the order of its acts. A stopped day counts once, and an act after the last day changes nothing."""
    acts = [(each.decided_on, each.number, each.until_on, False) for each in extensions]
    acts += [(each.asked_on, each.number, each.ends_on, True) for each in stops]
    last_day, days_stopped, runs_on = after_months(from_on, months), 0, from_on
    for day, _, ends_on, stops_it in sorted(acts, key=lambda act: act[:2]):
        if day > last_day:
            break
        if not stops_it:
            last_day = max(last_day, ends_on)
            continue
        days = max((ends_on - max(day, runs_on)).days, 0)
        runs_on = max(runs_on, ends_on)
        days_stopped += days
        last_day = last_day + days * ONE_DAY if manner is Manner.SUSPENDS else after_months(runs_on, months)
    return Clock(last_day, days_stopped)
