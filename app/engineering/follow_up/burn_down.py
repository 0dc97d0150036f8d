"""The burn-down of the days: what is left at the end of each day or week beside a straight line, as series and picture.

The SVG is written here: it needs no script, font or address from elsewhere, follows the reader's light or dark scheme,
and says in words what it shows. A charting library would give none of the three without being undone.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import accumulate
from math import ceil
from typing import Any, Literal

from pydantic_core import from_json
from sqlalchemy import CTE, Date, Text, case, cast, func, literal_column, select, union_all

from app.access.models import Organisation
from app.core.db import Statement, param
from app.core.reading import tabular
from app.core.reading.listing import HEADINGS, json_array
from app.core.reading.query import Parameter
from app.engineering.follow_up import counting
from app.engineering.follow_up.counting import Shape
from app.engineering.follow_up.landing import expectations
from app.engineering.follow_up.outlook import RATIO, expected, pace_of
from app.engineering.planning.rules import planned_by
from app.missions.models import Mission

PARAMETERS = {
    **counting.PARAMETERS,
    "by": Parameter(Literal["day", "week"], "A point a day, or one at the end of each ISO week; week by default."),
    "format": Parameter(Literal[(*tabular.NAMES, "svg")], "The representation; it outweighs Accept."),
    "headings": HEADINGS,
}
MEDIA_TYPE = "image/svg+xml"
FORMS = {**tabular.OFFERED, MEDIA_TYPE: "svg"}
MOST_POINTS = 1000


@cache
def movements(shape: Shape) -> Statement:
    """One row: the window, what changed on which day as JSON, and the names that the picture is headed with."""
    of = counting.missions(shape)
    ordered, allotted = counting.orders(shape, of), counting.allotments(shape, of)
    entry, opened = counting.entries(shape, of), counting.window(ordered)
    zero = literal_column("0", ordered.c.days.type)
    budget = allotted if shape.one_member else ordered
    validated = case((entry.c.validated, entry.c.days), else_=zero)
    moved = union_all(
        select(budget.c.on_day, budget.c.days.label("budget"), zero.label("entered"), zero.label("validated")),
        select(entry.c.counted_on, zero, entry.c.days, validated).where(entry.c.counts),
        select(entry.c.reversed_on, zero, -entry.c.days, -validated).where(
            entry.c.reversed_on <= param("as_of", entry.c.counted_on.type)
        ),
    ).subquery("moved")
    by_day = (
        select(moved.c.on_day, *(func.sum(moved.c[name]).label(name) for name in ("budget", "entered", "validated")))
        .group_by(moved.c.on_day)
        .subquery("by_day")
    )
    row = func.json_build_array(*by_day.c)
    moves = select(cast(json_array(row, by_day.c.on_day), Text)).scalar_subquery()
    names = select(func.min(Mission.name)).where(Mission.id.in_(select(of.c.id))).scalar_subquery()
    member: Any = literal_column("NULL")
    if shape.one_member:
        organisation_id = param("organisation_id", Organisation.id.type)
        member = select(Organisation.name).where(Organisation.id == organisation_id).scalar_subquery()
    return Statement(
        select(
            opened.c.starts_on,
            opened.c.ends_on,
            moves.label("moves"),
            names.label("mission_name"),
            member.label("organisation_name"),
            select(func.count()).select_from(of).scalar_subquery().label("missions"),
            expectations(shape, of, entry).label("expectations"),
            _worked(entry).label("worked"),
        )
    )


def _worked(entry: CTE) -> Any:
    """The days that count at the end of the day by the week worked, as JSON: what the pace is the mean of."""
    monday = cast(func.date_trunc(literal_column("'week'", Text()), entry.c.worked_on), Date)
    weeks = select(monday.label("week"), func.sum(entry.c.days).label("days")).where(counting.counts_at(entry))
    by_week = weeks.group_by(monday).subquery("by_week")
    return select(cast(json_array(func.json_build_array(*by_week.c), by_week.c.week), Text)).scalar_subquery()


# --- the series: no session, no await --------------------------------------------------------------------------------


@dataclass(frozen=True)
class DayMove:
    """What one day changed: days ordered (or allotted), entered, validated."""

    on: date
    budget: Decimal
    entered: Decimal
    validated: Decimal


@dataclass(frozen=True)
class Point:
    """What is left at the end of a day; None where the day is still to come."""

    on: date
    days_ordered: Decimal
    days_left_planned: Decimal
    days_left_by_plan: Decimal | None
    days_left_at_pace: Decimal | None
    days_left_entered: Decimal | None
    days_left_validated: Decimal | None


ONE_DAY = timedelta(days=1)


def moves_of(rows: Iterable[tuple[str, Any, Any, Any]]) -> list[DayMove]:
    """The movements as PostgreSQL's JSON has them."""
    return [DayMove(date.fromisoformat(on), *(Decimal(str(each)) for each in days)) for on, *days in rows]


def step_of(first: date, last: date, by: str) -> int:
    """The calendar days between two points: 1 or 7, or a multiple of it where there would be too many points."""
    unit = 7 if by == "week" else 1
    return unit * ceil(((last - first).days + 1) / (unit * MOST_POINTS))


def days_shown(first: date, last: date, as_of: date, step: int) -> list[date]:
    """The eve of the first day, then each step (a Sunday where steps are weeks), the last day and `as_of`."""
    start = first if step % 7 else first + timedelta(days=6 - first.weekday())
    stepped = (start + timedelta(days=n) for n in range(0, max((last - start).days, -1) + 1, step))
    return sorted({first - ONE_DAY, last, *stepped, *([as_of] if first <= as_of <= last else [])})


@dataclass(frozen=True)
class Outlook:
    """What is expected: the days planned by week (None: not all is planned), and the pace in days a week."""

    planned: Mapping[date, Decimal] | None = None
    pace: Decimal | None = None


def ahead_of(expectations: str | None, worked: str | None, starts_on: date, as_of: date) -> Outlook:
    """What is expected, from the JSON that `movements` gives."""
    weeks = {date.fromisoformat(week): Decimal(str(days)) for week, days in from_json(worked or "[]")}
    missions = expected(from_json(expectations or "[]"))
    planned: dict[date, Decimal] | None = {} if missions else None
    for each in missions:
        if each.planned is None or planned is None:
            planned = None
            continue
        for week, days in each.planned.items():
            planned[week] = planned.get(week, Decimal(0)) + days
    return Outlook(planned, pace_of(weeks, starts_on, as_of))


def series(
    moves: Sequence[DayMove], starts_on: date, ends_on: date, as_of: date, by: str, ahead_by: Outlook = Outlook()
) -> tuple[int, list[Point]]:
    """The step in calendar days, and the points.

    The straight line falls from all that is ordered as of the day, on the eve of the window, to nothing on its last
    day. What was ordered, entered and validated stands at each point as it counted by then.
    """
    days = [move.on for move in moves]
    last = max([ends_on, *(move.on for move in moves if move.entered)])
    sums = [
        [Decimal(0), *accumulate(getattr(move, name) for move in moves)] for name in ("budget", "entered", "validated")
    ]
    whole, length = sums[0][-1], (ends_on - starts_on).days + 1
    left_now = whole - sums[1][-1]
    step = step_of(starts_on, last, by)
    points = []
    for on in days_shown(starts_on, last, as_of, step):
        budget, entered, validated = (column[bisect_right(days, on)] for column in sums)
        ahead = min(max((ends_on - on).days, 0), length)
        planned = (whole * ahead / length).quantize(RATIO, ROUND_HALF_UP)
        by_plan = at_pace = None
        if ahead_by.planned is not None:
            by_plan = (whole - planned_by(ahead_by.planned, on)).quantize(RATIO, ROUND_HALF_UP)
        if ahead_by.pace is not None and on >= as_of:
            rest = left_now - ahead_by.pace * (on - as_of).days / 7
            at_pace = max(rest, Decimal(0)).quantize(RATIO, ROUND_HALF_UP)
        known = on <= as_of
        left = (budget - entered, budget - validated) if known else (None, None)
        points.append(Point(on, budget, planned, by_plan, at_pace, *left))
    return step, points


def shown(point: Point) -> dict[str, Any]:
    """A point as JSON has it: quarters of days are exact there."""
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in vars(point).items()}


def heading(row: Any, territory: str) -> list[str]:
    """The names over the picture: the mission where it is one, else the territory, and the member asked for."""
    whole = row["mission_name"] if row["missions"] == 1 else territory
    return [whole, *([row["organisation_name"]] if row["organisation_name"] else [])]


# --- the picture -----------------------------------------------------------------------------------------------------
