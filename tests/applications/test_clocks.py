"""The clocks of an aid file: the table of the law to the day, both manners of a stop, properties over random stops."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.applications.clocks import Clock, ClockStop, Extension, admissibility, decision
from app.core import clock
from app.core.clock import PARIS, after_months
from app.schemes.rules import Manner


def day(text: str) -> date:
    return date.fromisoformat(text)


def stop(asked: str, received: str | None, given_until: str) -> ClockStop:
    return ClockStop(day(asked), day(received) if received else None, day(given_until))


# domain.md §10.1: from, months, stops (asked, received, date given), days stopped, last day, silence takes effect.
Case = tuple[str, int, list[tuple[str, str | None, str]], int, str, str]
TABLE: dict[str, Case] = {
    "plain": ("2024-01-15", 2, [], 0, "2024-03-15", "2024-03-16"),
    "end of month to shorter": ("2023-12-31", 2, [], 0, "2024-02-29", "2024-03-01"),
    "leap": ("2024-12-29", 2, [], 0, "2025-02-28", "2025-03-01"),
    "eight months over a year end": ("2024-06-30", 8, [], 0, "2025-02-28", "2025-03-01"),
    "over the clock change of 31 March": ("2024-02-10", 2, [], 0, "2024-04-10", "2024-04-11"),
    "over the clock change of 27 October": ("2024-09-05", 2, [], 0, "2024-11-05", "2024-11-06"),
    "stopped once, answered in time": (
        "2024-01-15", 2, [("2024-02-01", "2024-02-20", "2024-03-01")], 19, "2024-04-03", "2024-04-04",
    ),
    "stopped, time given has passed unanswered": (
        "2024-01-15", 2, [("2024-02-01", "2024-03-10", "2024-02-29")], 28, "2024-04-12", "2024-04-13",
    ),
    "stopped on the last day": (
        "2024-01-15", 2, [("2024-03-15", "2024-03-25", "2024-04-15")], 10, "2024-03-25", "2024-03-26",
    ),
    "stopped over the clock change": (
        "2024-02-05", 2, [("2024-03-25", "2024-04-04", "2024-04-30")], 10, "2024-04-15", "2024-04-16",
    ),
    # More of the same law.
    "31st to 30th": ("2024-01-31", 3, [], 0, "2024-04-30", "2024-05-01"),
    "29 February to 29 April": ("2024-02-29", 2, [], 0, "2024-04-29", "2024-04-30"),
    "a last day on a Saturday stays": ("2024-04-15", 2, [], 0, "2024-06-15", "2024-06-16"),
    "asked after the last day": (
        "2024-01-15", 2, [("2024-03-16", "2024-03-25", "2024-04-15")], 0, "2024-03-15", "2024-03-16",
    ),
    "asked and received on one day": (
        "2024-01-15", 2, [("2024-02-01", "2024-02-01", "2024-03-01")], 0, "2024-03-15", "2024-03-16",
    ),
    "nothing has come in yet": ("2024-01-15", 2, [("2024-02-01", None, "2024-03-01")], 29, "2024-04-13", "2024-04-14"),
    "asked before the clock began": (
        "2024-01-15", 2, [("2024-01-10", "2024-01-20", "2024-02-15")], 5, "2024-03-20", "2024-03-21",
    ),
    "two stops overlap": (
        "2024-01-15", 2, [("2024-02-01", "2024-02-20", "2024-03-01"), ("2024-02-10", "2024-02-25", "2024-03-10")],
        24, "2024-04-08", "2024-04-09",
    ),
    "one stop inside another": (
        "2024-01-15", 2, [("2024-02-01", "2024-02-20", "2024-03-01"), ("2024-02-05", "2024-02-10", "2024-03-01")],
        19, "2024-04-03", "2024-04-04",
    ),
    "the second asked in time thanks to the first": (
        "2024-01-15", 2, [("2024-02-01", "2024-02-20", "2024-03-01"), ("2024-04-03", "2024-04-05", "2024-05-01")],
        21, "2024-04-05", "2024-04-06",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_the_clock_of_the_table(case: str) -> None:
    since, months, stops, days_stopped, last_day, silence_on = TABLE[case]
    asked = [stop(*each) for each in stops]
    expected = Clock(day(last_day), days_stopped)
    assert admissibility(day(since), months, asked, Manner.SUSPENDS) == expected
    assert decision(day(since), months, asked) == expected
    assert expected.silence_on == day(silence_on)


# What the general rule says of the same stops (CRPA, art. L. 114-5): the whole delay from the day the pieces came in.
RESTARTED: dict[str, tuple[str, list[tuple[str, str | None, str]], int, str]] = {
    "plain": ("2024-01-15", [], 0, "2024-03-15"),
    "pieces came in": ("2024-01-15", [("2024-02-01", "2024-02-20", "2024-03-01")], 19, "2024-04-20"),
    "the time given has passed": ("2024-01-15", [("2024-02-01", None, "2024-02-29")], 28, "2024-04-29"),
    "on one day": ("2024-01-15", [("2024-02-01", "2024-02-01", "2024-03-01")], 0, "2024-04-01"),
    "asked after the last day": ("2024-01-15", [("2024-03-16", "2024-03-25", "2024-04-15")], 0, "2024-03-15"),
    "to a shorter month": ("2023-11-15", [("2023-12-20", "2023-12-31", "2024-01-31")], 11, "2024-02-29"),
    "the last of two that overlap": (
        "2024-01-15",
        [("2024-02-01", "2024-02-25", "2024-03-01"), ("2024-02-10", "2024-02-20", "2024-03-10")], 24, "2024-04-25",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RESTARTED)
def test_a_clock_that_restarts(case: str) -> None:
    since, stops, days_stopped, last_day = RESTARTED[case]
    asked = [stop(*each) for each in stops]
    assert admissibility(day(since), 2, asked, Manner.RESTARTS) == Clock(day(last_day), days_stopped)


PAUSE = ("2024-08-01", "2024-08-11", "2024-09-01")
EXTENDED: dict[str, tuple[list[tuple[str, str, str]], list[tuple[str, str]], int, str]] = {
    "extended": ([], [("2024-09-10", "2024-12-31")], 0, "2024-12-31"),
    "on the last day": ([], [("2024-09-15", "2024-10-15")], 0, "2024-10-15"),
    "too late": ([], [("2024-09-16", "2024-12-31")], 0, "2024-09-15"),
    "twice": ([], [("2024-09-10", "2024-10-31"), ("2024-10-20", "2024-12-31")], 0, "2024-12-31"),
    "after a stop it is the day that was fixed": ([PAUSE], [("2024-09-20", "2024-12-31")], 10, "2024-12-31"),
    "a stop after it moves the day": ([PAUSE], [("2024-07-01", "2024-12-01")], 10, "2024-12-11"),
    "in time thanks to a stop": ([PAUSE], [("2024-09-25", "2024-10-31")], 10, "2024-10-31"),
    "a stop in time thanks to it": (
        [("2024-10-15", "2024-10-20", "2024-11-15")], [("2024-09-15", "2024-10-15")], 5, "2024-10-20",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EXTENDED)
def test_a_decision_clock_that_is_extended(case: str) -> None:
    stops, extensions, days_stopped, last_day = EXTENDED[case]
    told = decision(
        day("2024-01-15"), 8, [stop(*each) for each in stops], [Extension(day(on), day(to)) for on, to in extensions]
    )
    assert told == Clock(day(last_day), days_stopped)


@pytest.mark.parametrize(
    ("since", "months", "last_day"),
    [
        ("2024-02-29", 24, "2026-02-28"),
        ("2023-10-20", 24, "2025-10-20"),
        ("2024-05-31", 12, "2025-05-31"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2024-12-31", 2, "2025-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-03-31", 0, "2024-03-31"),
    ],
)
def test_months_after_a_day(since: str, months: int, last_day: str) -> None:
    assert after_months(day(since), months) == day(last_day)


@pytest.mark.parametrize(
    ("instant", "paris"),
    [
        ("2024-03-30T22:59:59+00:00", "2024-03-30"),
        ("2024-03-31T21:59:59+00:00", "2024-03-31"),
        ("2024-03-31T22:00:00+00:00", "2024-04-01"),
        ("2024-10-26T21:59:59+00:00", "2024-10-26"),
        ("2024-10-26T22:00:00+00:00", "2024-10-27"),
        ("2024-10-27T23:00:00+00:00", "2024-10-28"),
        ("2025-12-31T23:00:00+00:00", "2026-01-01"),
    ],
)
def test_an_instant_is_a_day_of_paris(instant: str, paris: str) -> None:
    assert clock.paris_day(datetime.fromisoformat(instant)) == day(paris)


@pytest.mark.parametrize("case", TABLE)
def test_a_clock_runs_to_its_last_minute_in_paris_and_not_to_the_next(case: str) -> None:
    since, months, stops, *_ = TABLE[case]
    told = decision(day(since), months, [stop(*each) for each in stops])
    last_minute = datetime.combine(told.last_day, time(23, 59), PARIS).astimezone(UTC)
    for instant, run_out in ((last_minute, False), (last_minute + timedelta(minutes=1), True)):
        with clock.frozen(instant):
            assert told.has_run_out(clock.today()) is run_out


def test_a_clock_change_on_the_last_day_moves_nothing() -> None:
    """The day of 23 hours and the day of 25 hours both end at midnight in Paris."""
    for since, last_day, hours in (("2024-01-31", "2024-03-31", 23), ("2024-08-27", "2024-10-27", 25)):
        told = decision(day(since), 2, [])
        assert told.last_day == day(last_day)
        begins, ends = (datetime.combine(on, time(), PARIS).astimezone(UTC) for on in (told.last_day, told.silence_on))
        assert ends - begins == timedelta(hours=hours)
        assert not told.has_run_out(clock.paris_day(ends - timedelta(seconds=1)))
        assert told.has_run_out(clock.paris_day(ends))


# --- random stops ----------------------------------------------------------------------------------------------------

DAYS = st.dates(date(2019, 1, 1), date(2031, 12, 31))


@st.composite
def clocks(draw: st.DrawFn) -> tuple[date, int, list[ClockStop]]:
    """A first day, a delay, and requests for pieces that were made while it ran, some answered, some not."""
    since, months = draw(DAYS), draw(st.sampled_from([1, 2, 8]))
    stops = []
    for _ in range(draw(st.integers(0, 6))):
        asked = since + timedelta(days=draw(st.integers(0, 27)))
        given_until = asked + timedelta(days=draw(st.integers(0, 60)))
        after = draw(st.none() | st.integers(0, 90))
        received = None if after is None else asked + timedelta(days=after)
        stops.append(ClockStop(asked, received, given_until))
    return since, months, stops


def _stopped(stops: list[ClockStop]) -> set[date]:
    """The stopped days one by one: from the request to the day before the pieces, or before the day given."""
    days = set()
    for each in stops:
        last = each.given_until_on if each.received_on is None else min(each.received_on, each.given_until_on)
        on = each.asked_on
        while on < last:
            days.add(on)
            on += timedelta(days=1)
    return days


@given(clocks())
def test_each_stopped_day_moves_the_end_by_a_day(drawn: tuple[date, int, list[ClockStop]]) -> None:
    since, months, stops = drawn
    first = after_months(since, months)
    stopped = _stopped(stops)
    for told in (decision(since, months, stops), admissibility(since, months, stops, Manner.SUSPENDS)):
        assert told == Clock(first + timedelta(days=len(stopped)), len(stopped))
        assert told.silence_on == told.last_day + timedelta(days=1)


@given(clocks(), st.randoms(use_true_random=False), st.sampled_from(Manner))
def test_the_order_of_stops_does_not_matter(
    drawn: tuple[date, int, list[ClockStop]], random: Random, manner: Manner
) -> None:
    since, months, stops = drawn
    shuffled = [*stops, *stops[:1]]  # the same request told twice is one
    random.shuffle(shuffled)
    assert admissibility(since, months, shuffled, manner) == admissibility(since, months, stops, manner)
    assert decision(since, months, shuffled) == decision(since, months, stops)


@given(clocks())
def test_a_clock_that_restarts_ends_the_whole_delay_after_the_last_stop(
    drawn: tuple[date, int, list[ClockStop]],
) -> None:
    since, months, stops = drawn
    told = admissibility(since, months, stops, Manner.RESTARTS)
    assert told == Clock(after_months(max([since, *(each.ends_on for each in stops)]), months), len(_stopped(stops)))
    assert told.last_day >= after_months(since, months)


@given(DAYS, st.integers(0, 120))
def test_months_end_on_the_day_number_or_on_the_months_last_day(since: date, months: int) -> None:
    end = after_months(since, months)
    assert (end.year * 12 + end.month) - (since.year * 12 + since.month) == months
    assert end.day == since.day or (end.day < since.day and end.day == calendar.monthrange(end.year, end.month)[1])
