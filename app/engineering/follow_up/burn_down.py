"""The burn-down of the days: what is left at the end of each day or week beside a straight line, as series and picture.

The SVG is written here: it needs no script, font or address from elsewhere, follows the reader's light or dark scheme,
and says in words what it shows. A charting library would give none of the three without being undone.
"""

import hashlib
import re
import unicodedata
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import accumulate
from math import ceil, floor, log10
from typing import Any, Literal
from xml.sax.saxutils import escape

from sqlalchemy import Text, case, cast, func, literal_column, select, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.access.models import Organisation
from app.core.db import Statement, param
from app.core.formats import day, number, short_day, short_month
from app.core.reading.query import Parameter
from app.engineering.follow_up import queries as follow_up
from app.engineering.follow_up.queries import RATIO, Shape
from app.missions.models import Mission

PARAMETERS = {
    **follow_up.PARAMETERS,
    "by": Parameter(Literal["day", "week"], "A point a day, or one at the end of each ISO week; week by default."),
    "format": Parameter(Literal["json", "svg"], "The representation; weighs more than Accept."),
}
MEDIA_TYPE = "image/svg+xml"
MOST_POINTS = 1000


@cache
def movements(shape: Shape) -> Statement:
    """One row: the window, what changed on which day as JSON, and the names that the picture is headed with."""
    of = follow_up.missions(shape)
    ordered, allotted = follow_up.orders(shape, of), follow_up.allotments(shape, of)
    entry, opened = follow_up.entries(shape, of), follow_up.window(ordered)
    zero = literal_column("0", ordered.c.days.type)
    budget = allotted if shape[1] else ordered
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
    moves = select(cast(func.json_agg(aggregate_order_by(row, by_day.c.on_day)), Text)).scalar_subquery()
    names = select(func.min(Mission.name)).where(Mission.id.in_(select(of.c.id))).scalar_subquery()
    member: Any = literal_column("NULL")
    if shape[1]:
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
        )
    )


# --- the series: no session, no await --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
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
    days_left_entered: Decimal | None
    days_left_validated: Decimal | None


ONE_DAY = timedelta(days=1)


def moves_of(rows: Iterable[tuple[str, Any, Any, Any]]) -> list[Move]:
    """The movements as PostgreSQL's JSON has them."""
    return [Move(date.fromisoformat(on), *(Decimal(str(each)) for each in days)) for on, *days in rows]


def step_of(first: date, last: date, by: str) -> int:
    """The calendar days between two points: 1 or 7, or a multiple of it where there would be too many points."""
    unit = 7 if by == "week" else 1
    return unit * ceil(((last - first).days + 1) / (unit * MOST_POINTS))


def days_shown(first: date, last: date, as_of: date, step: int) -> list[date]:
    """The eve of the first day, then each step (a Sunday where steps are weeks), the last day and `as_of`."""
    start = first if step % 7 else first + timedelta(days=6 - first.weekday())
    stepped = (start + timedelta(days=n) for n in range(0, max((last - start).days, -1) + 1, step))
    return sorted({first - ONE_DAY, last, *stepped, *([as_of] if first <= as_of <= last else [])})


def series(moves: Sequence[Move], starts_on: date, ends_on: date, as_of: date, by: str) -> tuple[int, list[Point]]:
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
    step = step_of(starts_on, last, by)
    points = []
    for on in days_shown(starts_on, last, as_of, step):
        budget, entered, validated = (column[bisect_right(days, on)] for column in sums)
        ahead = min(max((ends_on - on).days, 0), length)
        planned = (whole * ahead / length).quantize(RATIO, ROUND_HALF_UP)
        known = on <= as_of
        points.append(Point(on, budget, planned, budget - entered if known else None,
                            budget - validated if known else None))  # fmt: skip
    return step, points


def shown(point: Point) -> dict[str, Any]:
    """A point as JSON has it: quarters of days are exact there."""
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in vars(point).items()}


def heading(row: Any, territory: str) -> list[str]:
    """The names over the picture: the mission where it is one, else the territory, and the member asked for."""
    whole = row["mission_name"] if row["missions"] == 1 else territory
    return [whole, *([row["organisation_name"]] if row["organisation_name"] else [])]


# --- the picture -----------------------------------------------------------------------------------------------------

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 72, 928, 132, 470

WORDS = {
    "en": {
        "title": "Days left", "days": "days", "date": "Date", "planned": "planned (straight line)",
        "entered": "left after the days entered", "validated": "left after the days validated", "as_of": "as of {day}",
        "none": "Nothing is ordered: there is nothing to show.",
        "now": "As of {day}: {entered} of {ordered} days left after those entered, {validated} after those validated;"
               " {planned} planned.",
        "before": "The window opens on {starts_on} and closes on {ends_on}; {ordered} days are ordered.",
        "desc": "Line chart of the days left from {starts_on} to {ends_on}, in days.",
    },
    "fr": {
        "title": "Jours restants", "days": "jours", "date": "Date", "planned": "prévu (ligne droite)",
        "entered": "reste après les jours saisis", "validated": "reste après les jours validés", "as_of": "au {day}",
        "none": "Rien n’est commandé : il n’y a rien à montrer.",
        "now": "Au {day} : il reste {entered} jours sur {ordered} après ceux saisis, {validated} après ceux validés ;"
               " prévu : {planned}.",
        "before": "La période va du {starts_on} au {ends_on} ; {ordered} jours sont commandés.",
        "desc": "Courbe des jours restants du {starts_on} au {ends_on}, en jours.",
    },
}  # fmt: skip

# class → what it looks like in light and in dark; each pair has a contrast of at least 4.5 (text) or 3 (lines).
_COLOURS = {
    "ground": ("fill:#ffffff", "fill:#14181f"),
    "head": ("fill:#161d29", "fill:#f1f4f9"),
    "text": ("fill:#4a5568", "fill:#b3bdcc"),
    "grid": ("stroke:#e3e8ef", "stroke:#2b323d"),
    "axis": ("stroke:#8591a3", "stroke:#6f7b8c"),
    "planned": ("stroke:#6b7688", "stroke:#9aa5b5"),
    "entered": ("stroke:#0b5cad", "stroke:#6db3ff"),
    "validated": ("stroke:#b4530a", "stroke:#ffae57"),
    "area": ("fill:#0b5cad", "fill:#6db3ff"),
    "over": ("stroke:#ffffff", "stroke:#14181f"),
    "dot-entered": ("fill:#0b5cad;stroke:#ffffff", "fill:#6db3ff;stroke:#14181f"),
    "dot-validated": ("fill:#b4530a;stroke:#ffffff", "fill:#ffae57;stroke:#14181f"),
}
_SHAPES = {
    "head": "font-size:21px;font-weight:600",
    "text": "font-size:15px",
    "planned": "fill:none;stroke-width:2;stroke-dasharray:7 6",
    "entered": "fill:none;stroke-width:3;stroke-linejoin:round;stroke-linecap:round",
    "validated": "fill:none;stroke-width:3;stroke-linejoin:round;stroke-dasharray:1 6;stroke-linecap:round",
    "area": "fill-opacity:.09",
    "today": "stroke-dasharray:2 4",
    "over": "paint-order:stroke;stroke-width:5;stroke-linejoin:round",
    "dot-entered": "stroke-width:2",
    "dot-validated": "stroke-width:2",
}


def _style(scope: str) -> str:
    def rules(each: dict[str, str]) -> str:
        return "".join(f"#{scope} .{name}{{{look}}}" for name, look in each.items())

    light, dark = ({name: pair[place] for name, pair in _COLOURS.items()} for place in (0, 1))
    return (
        f"#{scope}{{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
        f"font-variant-numeric:tabular-nums;max-width:100%;height:auto}}{rules(_SHAPES)}{rules(light)}"
        f"@media (prefers-color-scheme:dark){{{rules(dark)}}}"
    )


def policy(svg: str) -> str:
    """The content security policy under which this picture alone, and nothing else, is shown."""
    found = re.search(r"<style>(.*?)</style>", svg, re.DOTALL)
    assert found is not None
    digest = b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"


def picture(
    points: Sequence[Point], starts_on: date | None, ends_on: date | None, as_of: date, names: Sequence[str],
    language: str,
) -> str:  # fmt: skip
    """The burn-down as SVG. `names` head it: of the mission, of the member, or of the territory."""
    words = WORDS[language]
    # The one who reads both words and names is told where a name written from right to left ends (FSI … PDI).
    title = " · ".join([words["title"], *(f"\u2068{name}\u2069" for name in names)])
    drawn = " · ".join([words["title"], *(f"\u2068{_shortened(name, 52 // len(names))}\u2069" for name in names)])
    said = _said(points, starts_on, ends_on, as_of, language)
    shown = said.rpartition("\n")[2]
    body = _chart(points, as_of, language) if points else ""
    scope = "burn-down-" + hashlib.sha256(f"{title}{said}{body}".encode()).hexdigest()[:8]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{scope}" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" lang="{language}" role="img" aria-labelledby="{scope}-title"'
        f' aria-describedby="{scope}-desc">'
        f'<title id="{scope}-title">{escape(title)}</title><desc id="{scope}-desc">{escape(said)}</desc>'
        f"<style>{_style(scope)}</style>"
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<g aria-hidden="true"><text class="head" x="28" y="40">{escape(drawn)}</text>'
        f"{_lines(shown)}{body}</g></svg>\n"
    )


def _said(points: Sequence[Point], starts_on: date | None, ends_on: date | None, as_of: date, language: str) -> str:
    """What the picture shows, in words."""
    words = WORDS[language]
    if not points or starts_on is None or ends_on is None:
        return words["none"]
    window = {"starts_on": day(starts_on, language), "ends_on": day(ends_on, language)}
    told = [point for point in points if point.days_left_entered is not None]
    if not told:
        whole = number(points[0].days_left_planned, language)
        return words["desc"].format(**window) + "\n" + words["before"].format(**window, ordered=whole)
    now = told[-1]
    figures = {
        "day": day(max(now.on, min(as_of, points[-1].on)), language),
        "entered": number(now.days_left_entered or 0, language),
        "validated": number(now.days_left_validated or 0, language),
        "ordered": number(now.days_ordered, language),
        "planned": number(round(now.days_left_planned, 1), language),
    }
    return words["desc"].format(**window) + "\n" + words["now"].format(**figures)


def _lines(text: str) -> str:
    """The sentence under the heading, on as many lines as it needs."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) > 122:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "".join(
        f'<text class="text" x="28" y="{66 + 20 * n}">{escape(each)}</text>' for n, each in enumerate([*lines, line])
    )


def _shortened(name: str, most: int) -> str:
    """A name that fits its place: signs of East Asia are twice as wide."""
    width = 0
    for place, sign in enumerate(name):
        width += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if width > most:
            return name[: max(place - 1, 1)].rstrip() + "…"
    return name


def _chart(points: Sequence[Point], as_of: date, language: str) -> str:
    words = WORDS[language]
    first, last = points[0].on, points[-1].on
    drawn = ((point.days_left_planned, point.days_left_entered, point.days_left_validated) for point in points)
    values = [0.0, *(float(value) for each in drawn for value in each if value is not None)]
    low, high, step = _scale(min(values), max(values))

    def x(on: date) -> float:
        return round(LEFT + (on - first).days / max((last - first).days, 1) * (RIGHT - LEFT), 1)

    def y(value: Decimal | float) -> float:
        return round(BOTTOM - (float(value) - low) / (high - low) * (BOTTOM - TOP), 1)

    parts = [f'<text class="text" x="{LEFT - 12}" y="{TOP - 14}" text-anchor="end">{words["days"]}</text>']
    for n in range(round((high - low) / step) + 1):
        value = low + n * step
        kind = "axis" if value == 0 else "grid"
        parts.append(f'<path class="{kind}" d="M{LEFT} {y(value)}H{RIGHT}"/>')
        parts.append(f'<text class="text" x="{LEFT - 12}" y="{y(value) + 5}" text-anchor="end">'
                     f"{number(round(value, 4), language)}</text>")  # fmt: skip
    parts.extend(
        f'<path class="axis" d="M{x(on)} {BOTTOM}v6"/><text class="text" x="{x(on)}" y="{BOTTOM + 25}"'
        f' text-anchor="middle">{label}</text>'
        for on, label in _dates(first, last, language)
    )
    middle = (LEFT + RIGHT) / 2
    parts.append(f'<text class="text" x="{middle}" y="{BOTTOM + 52}" text-anchor="middle">{words["date"]}</text>')
    planned = [(x(point.on), y(point.days_left_planned)) for point in points]
    parts.append(f'<path class="planned" d="{_path(planned)}"/>')
    known = [point for point in points if point.days_left_entered is not None]
    if known:
        entered = [(x(point.on), y(point.days_left_entered or 0)) for point in known]
        validated = [(x(point.on), y(point.days_left_validated or 0)) for point in known]
        parts.append(f'<path class="area" d="{_path(entered)}V{y(max(low, 0))}H{entered[0][0]}Z"/>')
        if first < as_of <= last:
            parts.append(_today(x(as_of), words["as_of"].format(day=short_day(as_of, language))))
        parts.append(f'<path class="validated" d="{_path(validated)}"/><path class="entered" d="{_path(entered)}"/>')
        for name, (left, top) in (("validated", validated[-1]), ("entered", entered[-1])):
            parts.append(f'<circle class="dot-{name}" cx="{left}" cy="{top}" r="5"/>')
    return "".join(parts) + _legend(words)


def _today(left: float, label: str) -> str:
    anchor = "end" if left > (LEFT + RIGHT) / 2 else "start"
    shift = -8 if anchor == "end" else 8
    return (
        f'<path class="axis today" d="M{left} {TOP - 6}V{BOTTOM}"/>'
        f'<text class="text over" x="{left + shift}" y="{TOP + 8}" text-anchor="{anchor}">{label}</text>'
    )


def _legend(words: dict[str, str]) -> str:
    """A sample of each line with its name; the lines differ in stroke as in colour."""
    parts, left = [], LEFT + 20
    for name in ("planned", "entered", "validated"):
        parts.append(
            f'<path class="{name}" d="M{left} 105h34"/><text class="text" x="{left + 44}" y="110">{words[name]}</text>'
        )
        left += 44 + round(len(words[name]) * 7.6) + 30
    return "".join(parts)


def _path(places: Sequence[tuple[float, float]]) -> str:
    """Through these places; one alone is a line of no length, which a round cap makes a dot."""
    shown = places if len(places) > 1 else [*places, *places]
    return "M" + "L".join(f"{left} {top}" for left, top in shown)


def _scale(least: float, most: float) -> tuple[float, float, float]:
    """Round bounds that hold the values, and the step between lines: about five."""
    span = max(most - least, 1.0)
    power = 10.0 ** floor(log10(span / 5))
    step = next(unit * power for unit in (1, 2, 2.5, 5, 10) if unit * power * 5 >= span * 0.999)
    return floor(least / step) * step, max(ceil(most / step), 1) * step, step


def _dates(first: date, last: date, language: str) -> list[tuple[date, str]]:
    """Some nine days to name under the axis: Mondays, the 1st and 15th, firsts of months, or of years."""
    days = (last - first).days
    if days <= 75:
        step = 7 * ceil(days / 7 / 9) or 7
        monday = first + timedelta(days=(7 - first.weekday()) % 7)
        found = [monday + timedelta(days=n) for n in range(0, max((last - monday).days, -1) + 1, step)]
        return [(on, short_day(on, language)) for on in found or [first]]
    months = [date(year, n, 1) for year in range(first.year, last.year + 1) for n in range(1, 13)]
    if days <= 150:
        found = sorted([*months, *(month.replace(day=15) for month in months)])
        return [(on, short_day(on, language)) for on in found if first <= on <= last]
    step = next(n for n in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 3600) if days / 30.4 / n <= 9)
    inside = [on for on in months if first <= on <= last and ((on.year * 12 + on.month - 1) % step) == 0]
    return [(on, short_month(on, language) if step < 12 else str(on.year)) for on in inside]
