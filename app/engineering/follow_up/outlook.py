"""Consumption, forecast and landing of the days. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import ceil
from typing import Any

from pydantic_core import from_json, to_json

from app.engineering.planning.rules import Expectation, landing

RATIO = Decimal("0.0001")


PACE_WEEKS = 4


LAST_DAY = date(2199, 12, 31)


ONE_DAY, ONE_WEEK = timedelta(days=1), timedelta(weeks=1)


def ratio(part: Decimal | int, whole: Decimal | int) -> float | None:
    """A share to four decimals; None of nothing."""
    return float((Decimal(part) / Decimal(whole)).quantize(RATIO, ROUND_HALF_UP)) if whole else None


def consumption(
    entered: Decimal,
    budget: Decimal,
    starts_on: date | None,
    ends_on: date | None,
    as_of: date,
    auditions: int | None = None,
    projects: int | None = None,
) -> dict[str, Any]:
    """The share of the days used beside the share of the window elapsed, both at the end of a day; and what they gave.

    The window is counted in calendar days, both ends included.
    """
    whole = elapsed = None
    if starts_on is not None and ends_on is not None:
        whole = (ends_on - starts_on).days + 1
        elapsed = min(max((as_of - starts_on).days + 1, 0), whole)
    return {
        "share_used": ratio(entered, budget),
        "calendar_days": whole,
        "calendar_days_elapsed": elapsed,
        "share_elapsed": ratio(elapsed, whole) if whole is not None and elapsed is not None else None,
        "days_per_audition": ratio(entered, auditions or 0),
        "days_per_project": ratio(entered, projects or 0),
    }


ASSUMPTION = {
    "en": "The pace stays the mean of the last full ISO weeks of the window, at most four, by the day worked.",
    "fr": "Le rythme reste la moyenne des dernières semaines ISO entières de la période, quatre au plus, au jour"
    " travaillé.",
}


def pace_weeks(starts_on: date | None, as_of: date) -> list[date]:
    """The Mondays of the weeks whose mean is the pace: the last four, wholly in the window and over on the day."""
    if starts_on is None:
        return []
    monday = as_of + ONE_DAY - timedelta(days=(as_of + ONE_DAY).weekday())  # of the first week that is not over
    last = [monday - n * ONE_WEEK for n in range(PACE_WEEKS, 0, -1) if (monday - date.min).days >= n * 7]
    return [week for week in last if week >= starts_on]


def pace_of(worked: Mapping[date, Decimal], starts_on: date | None, as_of: date) -> Decimal | None:
    """The mean of the days worked in the weeks of the pace, exactly; None without such a week."""
    weeks = pace_weeks(starts_on, as_of)
    return sum((worked.get(week, Decimal(0)) for week in weeks), Decimal(0)) / len(weeks) if weeks else None


def forecast(
    left: Decimal,
    budget: Decimal,
    worked: Mapping[date, Decimal],
    starts_on: date | None,
    ends_on: date | None,
    as_of: date,
    language: str,
) -> dict[str, Any]:
    """The day on which the days are used up, if the last weeks' pace lasts; None with the reason where there is none.

    `worked` holds the days entered by the Monday of their week. Also what is left at the end of the window then.
    """
    weeks = pace_weeks(starts_on, as_of)
    pace = pace_of(worked, starts_on, as_of)
    exhausted_on, reason = None, None
    if not budget:
        reason = "nothing_ordered"
    elif left <= 0:
        reason = "already_exhausted"
    elif pace is None:
        reason = "no_full_week"
    elif not pace:
        reason = "no_days_in_these_weeks"
    elif (ahead := ceil(left * 7 / pace)) > (LAST_DAY - as_of).days:
        reason = "beyond_2199"
    else:
        exhausted_on = as_of + timedelta(days=ahead)
    left_at_end = None
    if pace is not None and ends_on is not None and ends_on >= as_of:
        rest = left - pace * (ends_on - as_of).days / 7
        left_at_end = float(max(rest, Decimal(0)).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return {
        "exhausted_on": exhausted_on,
        "reason": reason,
        "days_per_week": None if pace is None else float(pace.quantize(RATIO, ROUND_HALF_UP)),
        "weeks": [f"{week:%G-W%V}" for week in weeks],
        "days_left_at_end": left_at_end,
        "assumption": ASSUMPTION[language],
    }


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def expected(rows: Sequence[Any]) -> list[Expectation]:
    """What is expected of each mission, from the rows that PostgreSQL's JSON has."""
    found = []
    for done, this_week, planned_on, weeks, stated, stated_on, by_statement in rows:
        found.append(
            Expectation(
                _decimal(done),
                _decimal(this_week),
                {date.fromisoformat(week): _decimal(days) for week, days in weeks} if planned_on else None,
                date.fromisoformat(planned_on) if planned_on else None,
                _decimal(stated) if stated_on else None,
                date.fromisoformat(stated_on) if stated_on else None,
                _decimal(by_statement),
            )
        )
    return found


def landing_of(expectations: str | None, budget: Decimal, as_of: date) -> dict[str, Any] | None:
    """Where missions land, as the follow-up shows it; None for one member."""
    if expectations is None:
        return None
    found = landing(expected(from_json(expectations)), as_of)
    beyond = None if found.days_landing is None else found.days_landing - budget
    return {
        name: float(round(value, 4)) if isinstance(value, Decimal) else value
        for name, value in (vars(found) | {"days_beyond_order": beyond}).items()
    }


def with_outlook(
    totals: str, lists: str, expectations: str | None, as_of: date, language: str, *, one_member: bool
) -> bytes:
    """The follow-up as JSON: PostgreSQL's figures as it wrote them, with consumption, forecast and landing between."""
    figures, told = from_json(totals), from_json(lists)

    def days(name: str) -> Decimal:
        return Decimal(str(figures[name]))

    starts_on, ends_on = (figures[name] and date.fromisoformat(figures[name]) for name in ("starts_on", "ends_on"))
    budget = days("days_allotted" if one_member else "days_ordered")
    worked = {date.fromisoformat(week["starts_on"]): Decimal(str(week["days_entered"])) for week in told["by_week"]}
    outlook = {
        "consumption": consumption(
            days("days_entered"),
            budget,
            starts_on,
            ends_on,
            as_of,
            figures["auditions_held"],
            figures["projects_detected"],
        ),
        "forecast": forecast(days("days_left"), budget, worked, starts_on, ends_on, as_of, language),
        "landing": landing_of(expectations, budget, as_of),
    }
    return b",".join([totals[:-1].encode(), to_json(outlook)[1:-1], lists[1:].encode()])
