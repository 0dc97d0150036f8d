"""The burn-down of the days: a series that agrees with the follow-up, and a picture that everybody can read."""

import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.serving.shell import content_policy
from app.engineering.follow_up.burn_down import MOST_POINTS, DayMove, days_shown, series, step_of
from app.engineering.follow_up.picture import picture, style_source
from tests.world import World, ok, problem

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script> & \"'` ]]> #let $x$ @a \\ שלום 工業 👩‍🏭 =1+1"


def move(on: str, budget: float = 0, entered: float = 0, validated: float = 0) -> DayMove:
    return DayMove(date.fromisoformat(on), Decimal(str(budget)), Decimal(str(entered)), Decimal(str(validated)))


def test_the_line_falls_from_the_eve_to_the_last_day_and_the_future_is_not_told() -> None:
    moves = [move("2023-06-01", 4), move("2023-06-14", entered=1, validated=1), move("2023-06-16", entered=0.5)]
    step, points = series(moves, date(2023, 6, 14), date(2023, 6, 17), date(2023, 6, 16), "day")
    assert step == 1
    told: list[Any] = [(str(p.on), p.days_left_planned, p.days_left_entered, p.days_left_validated) for p in points]
    assert told == [
        ("2023-06-13", 4, 4, 4), ("2023-06-14", 3, 3, 3), ("2023-06-15", 2, 3, 3), ("2023-06-16", 1, Decimal("2.5"), 3),
        ("2023-06-17", 0, None, None),
    ]  # fmt: skip


def test_an_amendment_lifts_what_is_left_on_the_day_it_was_signed() -> None:
    moves = [move("2023-06-01", 10), move("2023-06-15", 5)]
    _, points = series(moves, date(2023, 6, 14), date(2023, 6, 16), date(2023, 6, 16), "day")
    assert [point.days_left_entered for point in points] == [10, 10, 15, 15]
    assert [point.days_left_planned for point in points] == [15, 10, 5, 0]


@pytest.mark.parametrize(
    ("first", "last", "by", "step"),
    [("2023-06-14", "2023-06-14", "day", 1), ("2023-06-14", "2023-10-03", "day", 1),
     ("2023-06-14", "2023-10-03", "week", 7), ("2000-01-01", "2100-01-01", "day", 37),
     ("1900-01-01", "2199-12-31", "day", 110), ("1900-01-01", "2199-12-31", "week", 112)],
)  # fmt: skip
def test_a_long_window_has_longer_steps(first: str, last: str, by: str, step: int) -> None:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    assert step_of(start, end, by) == step
    shown = days_shown(start, end, end, step)
    assert len(shown) <= MOST_POINTS + 3
    assert (shown[0], shown[-1]) == (start - timedelta(days=1), end)


DAYS = st.dates(date(2023, 1, 1), date(2024, 12, 31))
QUARTERS = st.integers(0, 400).map(lambda n: Decimal(n) / 4)


@given(
    st.lists(st.builds(DayMove, DAYS, QUARTERS, QUARTERS, QUARTERS), unique_by=lambda m: m.on, max_size=20), DAYS, DAYS,
    DAYS, st.sampled_from(["day", "week"]),
)  # fmt: skip
def test_every_point_says_what_the_moves_by_then_come_to(
    moves: list[DayMove], one: date, two: date, as_of: date, by: str
) -> None:
    starts_on, ends_on = sorted((one, two))
    moves = sorted((m for m in moves if m.on <= as_of), key=lambda m: m.on)
    step, points = series(moves, starts_on, ends_on, as_of, by)
    days = [point.on for point in points]
    assert days == sorted(set(days))
    assert days[0] == starts_on - timedelta(days=1)
    assert ends_on in days or days[-1] > ends_on
    assert all(1 <= (later - earlier).days <= step for earlier, later in pairwise(days))
    planned = [point.days_left_planned for point in points]
    assert planned == sorted(planned, reverse=True)
    assert planned[0] == sum(m.budget for m in moves)
    assert planned[-1] == 0
    for point in points:
        past = [m for m in moves if m.on <= point.on]
        assert point.days_ordered == sum(m.budget for m in past)
        if point.on > as_of:
            assert point.days_left_entered is point.days_left_validated is None
        else:
            assert point.days_left_entered == sum(m.budget - m.entered for m in past)
            assert point.days_left_validated == sum(m.budget - m.validated for m in past)
    for language in ("en", "fr"):
        ET.fromstring(picture(points, starts_on, ends_on, as_of, ["A"], language))


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def worked(world: World) -> Any:
    mission = await world.mission(days=20)
    for day, days in (("2023-06-20", 1), ("2023-06-30", 0.5), ("2023-07-03", 0.25), ("2023-09-12", 1)):
        entry = ok(await world.consultant.post("time-entries", mission.entry(worked_on=day, days=days)), 201)
        if day < "2023-07":
            ok(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"))
    await world.pool.execute(  # allotted when ordered, not on the day of this test
        "INSERT INTO allotments (mission_id, organisation_id, days, decided_on, created_at, updated_at)"
        " SELECT mission_id, organisation_id, d.days * d.sign, d.day, now(), now() FROM allotments,"
        " LATERAL (VALUES (days, 1, date '2023-06-01'), (days, -1, decided_on)) d (days, sign, day)"
        " WHERE mission_id = $1::text::uuid",
        mission.id,
    )
    return mission


async def test_the_series_agrees_with_the_follow_up_of_each_day(world: World) -> None:
    mission = await worked(world)
    partner = str(world.organisations["partner"])
    for asked in ({}, {"mission_id": mission.id}, {"organisation_id": partner}):
        for as_of in ("2023-06-13", "2023-06-30", "2023-07-02", "2023-09-30", "2030-01-01"):
            query = {**asked, "as_of": as_of, "by": "day"}
            found = ok(await world.committee.get("engineering/burn-down", params=query))
            now = ok(await world.committee.get("engineering", params={**asked, "as_of": as_of}))
            assert (found["starts_on"], found["ends_on"]) == ("2023-06-14", "2023-09-30")
            assert [point["on"] for point in found["points"]][:: len(found["points"]) - 1] == [
                "2023-06-13",
                "2023-09-30",
            ]
            known = [point for point in found["points"] if point["days_left_entered"] is not None]
            assert known[-1]["on"] == min(as_of, "2023-09-30")
            assert known[-1]["days_left_entered"] == now["days_left"]
            assert known[-1]["days_left_validated"] == now["days_left"] + now["days_entered"] - now["days_validated"]
    weekly = ok(await world.committee.get("engineering/burn-down"))
    assert weekly["step_days"] == 7
    assert {date.fromisoformat(point["on"]).weekday() for point in weekly["points"][1:-1]} == {6}
    assert weekly["points"][0]["days_left_planned"] == 20


async def test_a_territory_without_a_mission_has_an_empty_burn_down(world: World, other: World) -> None:
    found = ok(await world.committee.get("engineering/burn-down"))
    assert (found["points"], found["step_days"], found["starts_on"]) == ([], None, None)
    shown = await world.committee.get("engineering/burn-down?format=svg")
    assert "there is nothing to show" in shown.text
    mission = await other.mission(days=10)
    for asked in (f"mission_id={mission.id}", f"organisation_id={other.organisations['partner']}"):
        for address in ("engineering", "engineering/burn-down"):
            problem(await world.operator.get(f"{address}?{asked}"), 404, "not-found")
    problem(await world.operator.get("engineering/burn-down?by=month"), 422, "validation-failed")
    problem(await world.operator.get("engineering/burn-down?format=pdf"), 406, "not-acceptable")
    problem(await world.operator.get("engineering/burn-down", headers={"Accept": "text/html"}), 406, "not-acceptable")


@pytest.mark.parametrize(
    ("address", "accept", "shown"),
    [("", "*/*", "application/json"), ("", "image/svg+xml", "image/svg+xml"), ("?format=svg", "*/*", "image/svg+xml"),
     ("?format=json", "image/svg+xml", "application/json"), ("", "image/*", "image/svg+xml"),
     ("", "text/html,image/svg+xml;q=0.9,*/*;q=0.8", "image/svg+xml"),
     ("", "text/csv", "text/csv; charset=utf-8; header=present"), ("", "image/svg+xml;q=0, */*", "application/json")],
)  # fmt: skip
async def test_the_form_is_asked_for_by_accept_or_by_name(world: World, address: str, accept: str, shown: str) -> None:
    response = await world.lead.get(f"engineering/burn-down{address}", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == shown
    assert "Accept" in response.headers["vary"]


async def test_the_picture_says_in_words_what_it_shows(world: World) -> None:
    mission = await worked(world)
    query = {"mission_id": mission.id, "as_of": "2023-07-02", "format": "svg"}
    for language, title, said, name in (
        ("en", "Days left", "As of 2\u00a0July\u00a02023: 18.5 of 20 days left", "left after the days entered"),
        ("fr", "Jours restants", "Au 2\u00a0juillet\u00a02023 : il reste 18,5 jours sur 20", "prévu (ligne droite)"),
    ):
        response = await world.lead.get("engineering/burn-down", params=query, headers={"Accept-Language": language})
        assert response.headers["content-language"] == language
        root = ET.fromstring(response.text)
        assert (root.tag, root.get("role"), root.get("lang")) == (f"{SVG}svg", "img", language)
        texts = {element.get("id"): element.text for element in root}
        assert texts[root.get("aria-labelledby")] == f"{title} · \u2068Mission\u2069"
        assert said in str(texts[root.get("aria-describedby")])
        drawn = [element.text for element in root.iter(f"{SVG}text")]
        assert name in drawn
        assert ("jours" if language == "fr" else "days") in drawn


async def test_the_picture_runs_nothing_and_asks_for_nothing(world: World) -> None:
    await worked(world)
    response = await world.lead.get("engineering/burn-down?format=svg")
    svg = response.text
    assert not re.search(r"<script|\bon\w+=|href|url\(|@import|\bstyle=|<!|<\?|foreignObject", svg)
    assert svg.count("http") == 1, "the name of SVG alone"
    assert "@media (prefers-color-scheme:dark)" in svg
    assert response.headers["content-security-policy"] == content_policy(style_source(svg))
    assert "script" not in style_source(svg)


async def test_hostile_names_stand_in_the_picture_as_they_are(world: World) -> None:
    await world.mission(days=10, name=HOSTILE)
    root = ET.fromstring((await world.lead.get("engineering/burn-down?format=svg")).text)
    assert root[0].text == f"Days left · \u2068{HOSTILE}\u2069"
    assert [element.tag for element in root] == [f"{SVG}{name}" for name in ("title", "desc", "style", "rect", "g")]


def test_colours_can_be_told_apart_in_both_schemes() -> None:
    """Text has a contrast of at least 4.5, lines of 3, on their ground (WCAG 2.2, 1.4.3 and 1.4.11)."""
    from app.engineering.follow_up.picture import _COLOURS

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for scheme in (0, 1):
        colours = {name: re.search(r"#(\w{6})", pair[scheme])[1] for name, pair in _COLOURS.items()}  # type: ignore[index]  # it matches
        ground = luminance(colours["ground"])
        for name, least in {"head": 4.5, "text": 4.5, "planned": 3, "entered": 3, "validated": 3, "axis": 3}.items():
            bright, dim = sorted((luminance(colours[name]), ground), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= least, (scheme, name)
