"""The follow-up of the days: totals, by member, by ISO week."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engineering.follow_up.outlook import consumption, forecast, pace_weeks
from app.engineering.invoices.rules import InvoiceState
from tests.world import World, ok, problem


async def enter(world: World, mission: Any, *, by: str = "partner", **more: Any) -> str:
    client = world.lead if by == "lead" else world.consultant
    return str(ok(await client.post("time-entries", mission.entry(by=by, **more)), 201)["id"])


async def test_a_territory_without_a_mission_has_no_days(world: World) -> None:
    found = await world.follow_up()
    outlook = {name: found.pop(name) for name in ("consumption", "forecast", "landing", "as_of")}
    assert found == {
        "territory": world.territory, "recorded_as_of": None, "starts_on": None, "ends_on": None, "days_ordered": 0,
        "days_allotted": 0, "days_entered": 0, "days_validated": 0, "days_certified": 0, "days_draft": 0,
        "days_left": 0, "auditions_held": 0, "projects_detected": 0, "deliverables": found["deliverables"],
        "by_member": [], "by_profile": [], "by_activity": [], "by_firm": [], "by_week": [],
        "activity_reports": {"to_sign": 0, "signed_by_consultant": 0, "signed": 0, "stale": 0},
        "invoices": {**dict.fromkeys(map(str, InvoiceState), 0), "days_invoiced": 0, "days_to_invoice": 0},
    }  # fmt: skip
    assert found["deliverables"].pop("late") == []
    assert set(found["deliverables"].values()) == {0}
    assert set(outlook["consumption"].values()) == {None}
    assert (outlook["forecast"]["exhausted_on"], outlook["forecast"]["reason"]) == (None, "nothing_ordered")


async def test_each_state_counts_where_it_should(world: World) -> None:
    mission = await world.mission(days=20)
    day = iter(range(3, 30))
    entries = {}
    for state, action, body in (
        ("draft", None, None),
        ("submitted", None, None),
        ("recalled", "recall", None),
        ("validated", "validate", None),
        ("rejected", "reject", {"reason": "Which firm?"}),
        ("reversed", "reverse", {"reason": "Twice."}),
    ):
        status = "draft" if state == "draft" else "submitted"
        entries[state] = await enter(world, mission, worked_on=f"2023-07-{next(day):02}", days=0.25, status=status)
        if action is not None:
            client = world.lead_judge if action in ("validate", "reject") else world.consultant
            ok(await client.post(f"time-entries/{entries[state]}/{action}", body))
    found = await world.follow_up()
    figures = {name: found[name] for name in found if name.startswith("days_")}
    assert figures == {
        "days_ordered": 20, "days_allotted": 20, "days_entered": 0.5, "days_validated": 0.25, "days_certified": 0,
        "days_draft": 0.5, "days_left": 19.5,
    }  # fmt: skip
    [partner] = [member for member in found["by_member"] if member["organisation_name"].startswith("partner")]
    assert {name: partner[name] for name in partner if name.startswith("days_")} == {
        "days_allotted": 10, "days_entered": 0.5, "days_validated": 0.25, "days_certified": 0, "days_draft": 0.5,
        "days_left": 9.5,
    }  # fmt: skip
    assert sum(week["days_entered"] for week in found["by_week"]) == 0.5
    assert sum(week["days_validated"] for week in found["by_week"]) == 0.25


async def test_members_are_told_apart_and_sum_to_the_whole(world: World) -> None:
    mission = await world.mission(days=20, lead=12, partner=6)
    await enter(world, mission, days=0.75)
    await enter(world, mission, by="lead", days=1)
    await enter(world, mission, by="lead", days=0.25, worked_on="2023-07-05", status="draft")
    found = await world.follow_up()
    told = {
        member["organisation_id"]: tuple(member[f"days_{name}"] for name in ("allotted", "entered", "draft", "left"))
        for member in found["by_member"]
    }  # fmt: skip
    assert told == {
        str(world.organisations["lead"]): (12, 1, 0.25, 11),
        str(world.organisations["partner"]): (6, 0.75, 0, 5.25),
    }
    assert found["days_entered"] == 1.75
    assert found["days_left"] == 18.25, "what is not allotted is left too"


async def test_missions_sum_and_are_asked_for_one_by_one(world: World, other: World) -> None:
    first, second = await world.mission(days=10), await world.mission(days=20)
    await enter(world, first, days=1)
    await enter(world, second, days=0.5, worked_on="2023-07-11")
    whole = await world.follow_up()
    assert (whole["days_ordered"], whole["days_entered"], whole["days_left"]) == (30, 1.5, 28.5)
    assert [member["days_allotted"] for member in whole["by_member"]] == [15, 15]
    for mission, ordered, entered in ((first, 10, 1), (second, 20, 0.5)):
        found = ok(await world.committee.get(f"engineering?mission_id={mission.id}"))
        assert (found["days_ordered"], found["days_entered"]) == (ordered, entered)
        assert [week["days_entered"] for week in found["by_week"]] == [entered]
    problem(await other.operator.get(f"engineering?mission_id={first.id}"), 404, "not-found")
    problem(await world.operator.get("engineering?mission_id=1"), 422, "validation-failed")
    problem(await world.operator.get("engineering?mision_id=1"), 422, "validation-failed")


@pytest.mark.parametrize(
    ("worked_on", "week", "starts_on"),
    [
        ("2024-12-29", "2024-W52", "2024-12-23"),
        ("2024-12-30", "2025-W01", "2024-12-30"),  # a Monday of December in the next year's first week
        ("2025-01-01", "2025-W01", "2024-12-30"),
        ("2021-01-03", "2020-W53", "2020-12-28"),  # a Sunday of January in the last year's week 53
        ("2020-12-31", "2020-W53", "2020-12-28"),
        ("2024-02-29", "2024-W09", "2024-02-26"),  # leap day
        ("2025-03-30", "2025-W13", "2025-03-24"),  # 23 hours long
        ("2025-10-26", "2025-W43", "2025-10-20"),  # 25 hours long
    ],
)
async def test_days_fall_into_iso_weeks(world: World, worked_on: str, week: str, starts_on: str) -> None:
    day = date.fromisoformat(worked_on)
    mission = await world.mission(days=10, starts_on=str(day - timedelta(days=9)), ends_on=str(day + timedelta(days=9)))
    assigned = {"from_on": "2020-01-01"}
    ok(await world.operator.patch(f"consultants/{mission.partner_consultant}", assigned))
    await enter(world, mission, days=1, worked_on=worked_on)
    found = (await world.follow_up())["by_week"]
    assert found == [
        {
            "week": week,
            "starts_on": starts_on,
            "days_entered": 1,
            "days_validated": 0,
            "days_certified": 0,
            "days_draft": 0,
        }
    ]
    iso = day.isocalendar()
    assert week == f"{iso.year}-W{iso.week:02}"


async def test_weeks_stand_in_order_and_hold_seven_days(world: World) -> None:
    mission = await world.mission(days=30, starts_on="2024-12-16", ends_on="2025-01-31")
    for offset in range(21):
        day = date(2024, 12, 16) + timedelta(days=offset)
        await enter(world, mission, days=0.5, worked_on=day.isoformat())
    weeks = (await world.follow_up())["by_week"]
    assert [(week["week"], week["starts_on"], week["days_entered"]) for week in weeks] == [
        ("2024-W51", "2024-12-16", 3.5),
        ("2024-W52", "2024-12-23", 3.5),
        ("2025-W01", "2024-12-30", 3.5),
    ]


async def test_days_are_told_by_profile_activity_and_firm(world: World) -> None:
    mission = await world.mission(days=20)
    siren = await world.followed_firm("Forge")
    ok(await world.operator.patch(f"consultants/{mission.lead_consultant}", {"profile": "expert"}))
    await enter(world, mission, days=1, siren=siren)
    await enter(world, mission, days=0.5, worked_on="2023-07-05", status="draft", siren=siren)
    await enter(world, mission, by="lead", days=0.75, activity="roadmap")
    found = await world.follow_up()
    told = {
        name: [(row[key], row["days_entered"], row["days_draft"]) for row in found[name]]
        for name, key in (("by_profile", "profile"), ("by_activity", "activity"), ("by_firm", "siren"))
    }
    assert told == {
        "by_profile": [("expert", 0.75, 0), (None, 1, 0.5)],
        "by_activity": [("audition", 1, 0.5), ("roadmap", 0.75, 0)],
        "by_firm": [(siren, 1, 0.5), (None, 0.75, 0)],
    }
    assert [row["firm_name"] for row in found["by_firm"]] == ["Forge", None]
    partner = ok(await world.operator.get(f"engineering?organisation_id={world.organisations['partner']}"))
    assert [row["organisation_id"] for row in partner["by_member"]] == [str(world.organisations["partner"])]
    assert (partner["days_ordered"], partner["days_allotted"], partner["days_left"]) == (20, 10, 9)
    assert [row["activity"] for row in partner["by_activity"]] == ["audition"]
    assert (partner["auditions_held"], partner["projects_detected"]) == (None, None)


async def test_the_days_are_held_against_the_time_and_against_what_they_gave(world: World) -> None:
    mission, elsewhere = await world.mission(days=20), await world.mission(days=5)
    for week, days in enumerate((1, 0.5, 0.25, 0.75, 1)):
        await enter(world, mission, days=days, worked_on=str(date(2023, 6, 19) + timedelta(weeks=week)))
    held = await world.audition(mission_id=mission.id)
    await world.audition(mission_id=mission.id)
    ok(await world.consultant.post(f"auditions/{held['id']}/hold", {"held_on": "2023-07-04"}))
    firm = held["sirens"][0]
    project = {"title": "Line", "kind": "equipment", "maturity": "study", "holders": [{"kind": "firm", "siren": firm}]}
    for day in ("2023-07-04", "2023-07-20"):
        body = {**project, "detected_on": day, "detected_in_audition_id": held["id"]}
        ok(await world.clients["territory"].post("projects", body), 201)
    asked = {"mission_id": mission.id, "as_of": "2023-07-16"}
    found = ok(await world.committee.get("engineering", params=asked))
    assert found["consumption"] == {
        "share_used": 0.125, "calendar_days": 109, "calendar_days_elapsed": 33, "share_elapsed": 0.3028,
        "days_per_audition": 2.5, "days_per_project": 2.5,
    }  # fmt: skip
    forecast = found["forecast"]
    assert "four" in forecast.pop("assumption")
    assert forecast == {
        "exhausted_on": "2024-01-28", "reason": None, "days_per_week": 0.625,
        "weeks": ["2023-W25", "2023-W26", "2023-W27", "2023-W28"], "days_left_at_end": 10.71,
    }  # fmt: skip
    french = await world.committee.get("engineering", headers={"Accept-Language": "fr"})
    assert "quatre au plus" in french.json()["forecast"]["assumption"]
    later = ok(await world.committee.get("engineering", params={**asked, "as_of": "2023-07-31"}))
    assert (later["auditions_held"], later["projects_detected"]) == (1, 2)
    none = ok(await world.committee.get("engineering", params={**asked, "mission_id": elsewhere.id}))
    assert (none["auditions_held"], none["projects_detected"], none["consumption"]["days_per_audition"]) == (0, 0, None)
    known = ok(await world.committee.get("engineering", params={**asked, "recorded_as_of": "2023-07-16"}))
    assert (known["auditions_held"], known["projects_detected"]) == (0, 0)


# --- consumption and forecast, without a database --------------------------------------------------------------------

STARTS, ENDS = date(2023, 6, 14), date(2023, 9, 30)


@pytest.mark.parametrize(
    ("as_of", "weeks"),
    [
        ("2023-06-14", []),
        ("2023-06-18", []),  # the week of the start is not wholly in the window
        ("2023-06-24", []),
        ("2023-06-25", ["2023-06-19"]),
        ("2023-07-16", ["2023-06-19", "2023-06-26", "2023-07-03", "2023-07-10"]),
        ("2023-07-22", ["2023-06-19", "2023-06-26", "2023-07-03", "2023-07-10"]),
        ("2023-07-23", ["2023-06-26", "2023-07-03", "2023-07-10", "2023-07-17"]),
        ("1900-01-01", []),
    ],
)
def test_the_pace_is_that_of_the_last_four_full_weeks(as_of: str, weeks: list[str]) -> None:
    assert [str(week) for week in pace_weeks(STARTS, date.fromisoformat(as_of))] == weeks


@pytest.mark.parametrize(
    ("left", "budget", "worked", "as_of", "told"),
    [
        (10, 20, {"2023-06-19": 5}, "2023-06-25", ("2023-07-09", None)),
        (10, 20, {"2023-06-19": 5}, "2023-06-30", ("2023-07-14", None)),
        (10, 20, {"2023-06-19": 4, "2023-06-26": 1}, "2023-07-02", ("2023-07-30", None)),
        (10, 0, {"2023-06-19": 5}, "2023-06-25", (None, "nothing_ordered")),
        (0, 20, {"2023-06-19": 5}, "2023-06-25", (None, "already_exhausted")),
        (-1, 20, {"2023-06-19": 5}, "2023-06-25", (None, "already_exhausted")),
        (10, 20, {"2023-06-19": 5}, "2023-06-24", (None, "no_full_week")),
        (10, 20, {}, "2023-06-25", (None, "no_days_in_these_weeks")),
        (99999.75, 99999.75, {"2023-06-19": 0.25}, "2023-06-25", (None, "beyond_2199")),
    ],
)
def test_a_forecast_says_the_day_or_why_there_is_none(
    left: float, budget: float, worked: dict[str, float], as_of: str, told: tuple[str | None, str | None]
) -> None:
    days = {date.fromisoformat(week): Decimal(str(part)) for week, part in worked.items()}
    found = forecast(Decimal(str(left)), Decimal(str(budget)), days, STARTS, ENDS, date.fromisoformat(as_of), "en")
    assert (found["exhausted_on"] and str(found["exhausted_on"]), found["reason"]) == told


@pytest.mark.parametrize(
    ("as_of", "elapsed", "share"),
    [("2023-06-13", 0, 0), ("2023-06-14", 1, 0.0092), ("2023-08-07", 55, 0.5046), ("2023-09-30", 109, 1),
     ("2030-01-01", 109, 1)],
)  # fmt: skip
def test_the_window_elapses_from_its_first_day_to_its_last(as_of: str, elapsed: int, share: float) -> None:
    found = consumption(Decimal(5), Decimal(20), STARTS, ENDS, date.fromisoformat(as_of))
    assert (found["calendar_days"], found["calendar_days_elapsed"], found["share_elapsed"]) == (109, elapsed, share)
    assert found["share_used"] == 0.25


QUARTERS = st.integers(0, 40).map(lambda n: Decimal(n) / 4)
DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))
MONDAYS = DAYS.map(lambda day: day - timedelta(days=day.weekday()))


@given(QUARTERS, QUARTERS, st.dictionaries(MONDAYS, QUARTERS, max_size=9), DAYS, DAYS, DAYS)
def test_a_forecast_is_a_day_or_a_reason_and_the_pace_reaches_it(
    left: Decimal, budget: Decimal, worked: dict[date, Decimal], one: date, two: date, as_of: date
) -> None:
    starts_on, ends_on = sorted((one, two))
    found = forecast(left, budget, worked, starts_on, ends_on, as_of, "fr")
    assert (found["exhausted_on"] is None) is (found["reason"] is not None)
    weeks = pace_weeks(starts_on, as_of)
    assert len(weeks) <= 4
    assert all(starts_on <= week <= as_of - timedelta(days=6) for week in weeks)
    if found["exhausted_on"] is not None:
        pace = sum((worked.get(week, Decimal(0)) for week in weeks), Decimal(0)) / len(weeks) / 7
        ahead = (found["exhausted_on"] - as_of).days
        assert pace * ahead >= left - Decimal("0.0001")
        assert pace * (ahead - 1) < left
    if found["days_left_at_end"] is not None:
        assert 0 <= found["days_left_at_end"] <= max(left, 0)


async def test_everybody_who_sees_the_territory_reads_the_same_follow_up(world: World, other: World) -> None:
    mission = await world.mission(days=10)
    await enter(world, mission, days=1)
    whole = await world.follow_up()
    invoices = whole.pop("invoices")
    for client in world.clients.values():
        seen = ok(await client.get("engineering"))
        assert seen.pop("invoices") in (None, invoices), "who reads no invoices reads none here"
        assert seen == whole
    assert (await other.follow_up())["days_entered"] == 0
    problem(await other.lead.get(f"{world.lead.base}/engineering"), 404, "not-found")


async def test_the_totals_agree_with_the_entries_after_a_long_life(world: World) -> None:
    mission = await world.mission(days=10)
    entry = await enter(world, mission, days=1)
    address = f"time-entries/{entry}"
    for days in (0.25, 0.75, 0.5):
        ok(await world.consultant.patch(address, {"days": days}))
    ok(await world.consultant.patch(address, {"worked_on": "2023-07-10"}))
    for action in ("recall", "submit", "recall", "submit"):
        ok(await world.consultant.post(f"{address}/{action}"))
    ok(await world.lead_judge.post(f"{address}/reject", {"reason": "Which firm?"}))
    assert (await world.follow_up())["days_entered"] == 0
    ok(await world.consultant.post(f"{address}/recall"))
    ok(await world.consultant.post(f"{address}/submit"))
    ok(await world.lead_judge.post(f"{address}/validate"))
    found = await world.follow_up()
    assert (found["days_entered"], found["days_validated"], found["days_left"]) == (0.5, 0.5, 9.5)
    assert [week["week"] for week in found["by_week"]] == ["2023-W28"]
    of = "WHERE mission_id = $1::text::uuid"
    sums = (
        f"SELECT sum(days) FROM time_entries {of} AND status = 'validated'",
        f"SELECT days_entered FROM mission_days {of}",
        f"SELECT sum(days_entered) FROM member_days {of}",
        f"SELECT sum(p.days) FROM person_days p JOIN consultants c USING (person_id) {of}",
    )
    assert [float(await world.pool.fetchval(query, mission.id)) for query in sums] == [0.5] * 4
