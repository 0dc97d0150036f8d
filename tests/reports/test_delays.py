"""Delays of aid files: each step's median and 90th percentile, without the days on which documents were awaited."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from app.applications.clocks import ClockStop
from app.reports.delays.rules import Course, Milestone, delay_of, quantile
from tests.applications.acts import done, submitted
from tests.applications.test_story import lived
from tests.world import World, ok

M = Milestone


def day(text: str) -> date:
    return date.fromisoformat(f"2024-{text}")


def stop(asked: str, received: str | None, until: str) -> ClockStop:
    return ClockStop(day(asked), day(received) if received else None, day(until))


@pytest.mark.parametrize(
    ("begin", "end", "stops", "days", "stopped"),
    [
        ("01-15", "03-15", [], 60, 0),
        ("01-15", "01-15", [], 0, 0),
        ("01-15", "03-15", [stop("02-01", "02-20", "03-01")], 41, 19),
        ("01-15", "03-15", [stop("02-01", "03-10", "02-29")], 32, 28),  # the day given has passed
        ("01-15", "02-10", [stop("02-01", "02-20", "03-01")], 17, 9),  # the step ends within the stop
        ("02-10", "03-15", [stop("02-01", "02-20", "03-01")], 24, 10),  # it begins within it
        ("02-20", "03-15", [stop("02-01", "02-20", "03-01")], 24, 0),  # before it
        ("01-15", "03-15", [stop("02-01", "02-20", "03-01"), stop("02-10", "02-25", "03-01")], 36, 24),  # days once
        ("01-15", "03-15", [stop("02-01", None, "02-29")], 32, 28),
    ],
)
def test_stopped_days_are_taken_out(begin: str, end: str, stops: list[ClockStop], days: int, stopped: int) -> None:
    course = Course({M.RECEIPT: day(begin), M.ADMISSIBLE: day(end)}, stops)
    assert course.days(M.RECEIPT, M.ADMISSIBLE) == (days, stopped)
    assert course.days(M.ADMISSIBLE, M.DECISION) is None
    assert course.days(M.ADMISSIBLE, M.RECEIPT) is None or begin == end  # never below zero


@pytest.mark.parametrize(
    ("days", "median", "p90"),
    [
        ([], None, None),
        ([7], 7, 7),
        ([1, 2], 1.5, 1.9),
        ([1, 2, 10], 2, 8.4),
        (list(range(1, 12)), 6, 10),
        ([0, 0, 0, 1], 0, 0.7),
    ],
)
def test_quantiles_are_those_of_a_spreadsheet(days: list[int], median: float | None, p90: float | None) -> None:
    assert (quantile(days, Fraction(1, 2)), quantile(days, Fraction(9, 10))) == (median, p90)
    made = [Course({M.RECEIPT: day("01-01"), M.DECISION: date.fromordinal(day("01-01").toordinal() + n)}, ())
            for n in reversed(days)]  # fmt: skip
    assert delay_of(made, M.RECEIPT, M.DECISION) == (len(days), median, p90, 0)


async def test_delays_of_a_territory(world: World) -> None:
    await lived(world)
    # Another file, for which documents were awaited for 19 days, and which is not decided.
    other = await submitted(world)
    await done(world, other, "request-documents", "2024-01-20", given_until_on="2024-02-28")
    await done(world, other, "complete", "2024-02-08")
    await done(world, other, "admit", "2024-02-20")
    told = ok(await world.clients["committee"].get("applications/delays"))

    def step(number: int) -> dict[str, Any]:
        found: dict[str, Any] = told["steps"][number]
        return found

    assert told["files"] == 2
    assert step(0) == {"since": "receipt", "until": "admissible", "files": 2, "median_days": 17.0, "p90_days": 17.0,
                       "days_stopped": 19}  # fmt: skip
    paces = [(each["until"], each["files"], each["median_days"]) for each in told["steps"]]
    assert paces == [
        ("admissible", 2, 17.0), ("decision", 1, 109.0), ("agreement", 1, 21.0), ("first_payment", 1, 52.0),
        ("first_payment", 1, 199.0),
    ]  # fmt: skip
    # By a day, of some files.
    told = ok(await world.auditor.get("applications/delays?as_of=2024-05-19"))
    assert [each["files"] for each in told["steps"]] == [2, 0, 0, 0, 0]
    assert (step(1)["median_days"], step(1)["p90_days"]) == (None, None)
    for query, files in (("received_from=2024-01-16", 0), ("received_to=2024-01-15&scheme=rebond_industriel", 2)):
        assert ok(await world.auditor.get(f"applications/delays?{query}"))["files"] == files
