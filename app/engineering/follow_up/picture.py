"""The burn-down as an SVG picture with a text alternative and a dark scheme."""

import hashlib
import re
import unicodedata
from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import ceil, floor, log10
from xml.sax.saxutils import escape

from app.core.formats import day, number, short_day, short_month
from app.engineering.follow_up.burn_down import Point

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
        "by-plan": "by the plan", "at-pace": "at this pace",
        "lands": " With what remains to be done, it lands at {landing} days.",
    },
    "fr": {
        "title": "Jours restants", "days": "jours", "date": "Date", "planned": "prévu (ligne droite)",
        "entered": "reste après les jours saisis", "validated": "reste après les jours validés", "as_of": "au {day}",
        "none": "Rien n’est commandé : il n’y a rien à montrer.",
        "now": "Au {day} : il reste {entered} jours sur {ordered} après ceux saisis, {validated} après ceux validés ;"
               " prévu : {planned}.",
        "before": "La période va du {starts_on} au {ends_on} ; {ordered} jours sont commandés.",
        "desc": "Courbe des jours restants du {starts_on} au {ends_on}, en jours.",
        "by-plan": "selon le plan", "at-pace": "à ce rythme",
        "lands": " Avec ce qui reste à faire, l’atterrissage est à {landing} jours.",
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
    "by-plan": ("stroke:#6b3fa0", "stroke:#c4a1ff"),
    "at-pace": ("stroke:#0b5cad", "stroke:#6db3ff"),
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
    "by-plan": "fill:none;stroke-width:2;stroke-dasharray:12 4 2 4",
    "at-pace": "fill:none;stroke-width:2;stroke-dasharray:2 5",
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


def style_source(svg: str) -> str:
    """The source of a content security policy under which the style of this picture alone is taken."""
    style = re.search(r"<style>(.*?)</style>", svg, re.DOTALL)
    assert style is not None
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    return f"style-src 'sha256-{digest}'"


def picture(
    points: Sequence[Point], starts_on: date | None, ends_on: date | None, as_of: date, names: Sequence[str],
    language: str, landing: float | None = None,
) -> str:  # fmt: skip
    """The burn-down as SVG. `names` head it: of the mission, of the member, or of the territory.

    `landing` are the days that will be done in all, which its words say.
    """
    words = WORDS[language]
    # FSI … PDI mark where a name written from right to left ends.
    title = " · ".join([words["title"], *(f"\u2068{name}\u2069" for name in names)])
    drawn = " · ".join([words["title"], *(f"\u2068{_shortened(name, 52 // len(names))}\u2069" for name in names)])
    said = _said(points, starts_on, ends_on, as_of, language, landing)
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


def _said(
    points: Sequence[Point], starts_on: date | None, ends_on: date | None, as_of: date, language: str,
    landing: float | None,
) -> str:  # fmt: skip
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
    lands = "" if landing is None else words["lands"].format(landing=number(round(landing, 2), language))
    return words["desc"].format(**window) + "\n" + words["now"].format(**figures) + lands


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
    drawn = (
        (point.days_left_planned, point.days_left_by_plan, point.days_left_entered, point.days_left_validated)
        for point in points
    )
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
        parts.append(
            f'<text class="text" x="{LEFT - 12}" y="{y(value) + 5}" text-anchor="end">'
            f"{number(round(value, 4), language)}</text>"
        )
    parts.extend(
        f'<path class="axis" d="M{x(on)} {BOTTOM}v6"/><text class="text" x="{x(on)}" y="{BOTTOM + 25}"'
        f' text-anchor="middle">{label}</text>'
        for on, label in _dates(first, last, language)
    )
    middle = (LEFT + RIGHT) / 2
    parts.append(f'<text class="text" x="{middle}" y="{BOTTOM + 52}" text-anchor="middle">{words["date"]}</text>')
    planned = [(x(point.on), y(point.days_left_planned)) for point in points]
    parts.append(f'<path class="planned" d="{_path(planned)}"/>')
    ahead = {
        "by-plan": [(x(p.on), y(p.days_left_by_plan)) for p in points if p.days_left_by_plan is not None],
        "at-pace": [(x(p.on), y(p.days_left_at_pace)) for p in points if p.days_left_at_pace is not None],
    }
    # Their names stand beside them: below the plan, above the pace.
    for name, shift, anchor in (("by-plan", (-6, 20), "end"), ("at-pace", (6, -8), "start")):
        places = ahead[name]
        if len(places) > 1:
            left, top = places[len(places) // 2]
            parts.append(
                f'<path class="{name}" d="{_path(places)}"/><text class="text over" x="{round(left + shift[0], 1)}"'
                f' y="{round(top + shift[1], 1)}" text-anchor="{anchor}">{words[name]}</text>'
            )
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
        named = [monday + timedelta(days=n) for n in range(0, max((last - monday).days, -1) + 1, step)]
        return [(on, short_day(on, language)) for on in named or [first]]
    months = [date(year, n, 1) for year in range(first.year, last.year + 1) for n in range(1, 13)]
    if days <= 150:
        named = sorted([*months, *(month.replace(day=15) for month in months)])
        return [(on, short_day(on, language)) for on in named if first <= on <= last]
    step = next(n for n in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 3600) if days / 30.4 / n <= 9)
    inside = [on for on in months if first <= on <= last and ((on.year * 12 + on.month - 1) % step) == 0]
    return [(on, short_month(on, language) if step < 12 else str(on.year)) for on in inside]
