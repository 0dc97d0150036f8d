"""Plans by week, statements of what remains, and where a mission lands."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.engineering.planning.rules import Expectation, RemainingSource, landing, planned_by, remaining
from tests.engineering.planning.acts import line, plan, state
from tests.world import World, ok, problem

MONDAY = date(2023, 6, 19)
PLANNED = {date(2023, 6, 12): Decimal(4), MONDAY: Decimal(5), date(2023, 6, 26): Decimal("2.5")}


@pytest.mark.parametrize(
    ("on", "days"),
    [("2023-06-11", 0), ("2023-06-12", "0.8"), ("2023-06-16", 4), ("2023-06-18", 4), ("2023-06-20", 6),
     ("2023-06-30", "11.5"), ("2024-01-01", "11.5")],
)  # fmt: skip
def test_days_planned_by_a_day(on: str, days: Any) -> None:
    assert planned_by(PLANNED, date.fromisoformat(on)) == Decimal(days)


@pytest.mark.parametrize(
    ("known", "left"),
    [
        (Expectation(Decimal(3)), None),
        (Expectation(Decimal(3), planned=PLANNED, planned_on=MONDAY), ("7.5", "planned")),
        (Expectation(Decimal(3), Decimal(2), PLANNED, MONDAY), ("5.5", "planned")),  # of this week 3 are left
        (Expectation(Decimal(9), Decimal(6), PLANNED, MONDAY), ("2.5", "planned")),  # more was done than planned
        (Expectation(Decimal(9), stated=Decimal(20), stated_on=MONDAY, done_by_statement=Decimal(4)), (15, "stated")),
        (Expectation(Decimal(30), stated=Decimal(20), stated_on=MONDAY, done_by_statement=Decimal(4)), (0, "stated")),
        (Expectation(Decimal(9), Decimal(0), PLANNED, MONDAY, Decimal(20), MONDAY, Decimal(9)), (20, "stated")),
        (Expectation(Decimal(9), Decimal(0), PLANNED, MONDAY, Decimal(20), date(2023, 6, 18), Decimal(9)),
         ("7.5", "planned")),
    ],
)  # fmt: skip
def test_what_remains_is_what_the_newer_of_plan_and_statement_says(known: Expectation, left: Any) -> None:
    assert remaining(known, date(2023, 6, 20)) == (None if left is None else (Decimal(left[0]), left[1]))


def test_missions_land_together_where_each_is_known() -> None:
    one = Expectation(Decimal(3), planned=PLANNED, planned_on=MONDAY)
    two = Expectation(Decimal(1), stated=Decimal(2), stated_on=MONDAY, done_by_statement=Decimal(1))
    both = landing([one, two], date(2023, 6, 20))
    assert [both.days_done, both.days_remaining, both.days_landing] == [4, Decimal("9.5"), Decimal("13.5")]
    assert both.remaining_source is RemainingSource.STATED
    assert both.days_planned is None  # the second has no plan
    for unknown in ([one, Expectation(Decimal(1))], []):
        assert landing(unknown, MONDAY).days_landing is None


async def test_a_plan_has_versions_and_an_etag(world: World) -> None:
    mission = await world.mission(days=20)
    path = f"missions/{mission.id}/plan"
    problem(await world.lead.get(path), 404, "not-found")
    lines = [line("2023-W26", 3, consultant=mission.lead_consultant), line("2023-W25", 1.5, profile="junior")]
    made = await plan(world, mission, *lines)
    first = ok(made, 201)
    assert made.headers["etag"].startswith('"1-')
    assert (first["version"], first["days_planned"], first["overplanned"]) == (1, 4.5, [])
    assert [(each["week"], each["profile"], each["consultant_name"]) for each in first["lines"]] == [
        ("2023-W25", "junior", None), ("2023-W26", None, first["lines"][1]["consultant_name"]),
    ]  # fmt: skip
    assert ok(await plan(world, mission, *lines), 200)["version"] == 1  # the same plan again
    stale = {"headers": {"If-Match": '"2"'}}
    problem(await world.lead.put(path, {"planned_on": "2023-06-12", "lines": lines}, **stale), 412, "stale-version")
    second = ok(await plan(world, mission, *lines[:1], planned_on="2023-06-20"), 200)
    assert (second["version"], second["days_planned"]) == (2, 3)
    held = [
        ok(await world.consultant.get(path, params={"as_of": day}))["version"] for day in ("2023-06-19", "2023-06-20")
    ]
    assert held == [1, 2]
    problem(await world.consultant.get(path, params={"as_of": "2023-06-11"}), 404, "not-found")
    versions = ok(await world.consultant.get(f"{path}/versions"))["items"]
    assert [each["days_planned"] for each in versions] == [4.5, 3]
    assert ok(await world.lead.get(f"{path}/versions/{versions[0]['id']}")) == versions[0]
    told = problem(await plan(world, mission, planned_on="2023-06-19"), 409, "plan-out-of-order")
    assert told["last_planned_on"] == "2023-06-20"
    twice = problem(await plan(world, mission, *lines, lines[0]), 422, "validation-failed")
    assert [each["code"] for each in twice["errors"]] == ["planned_twice"]
    wrong = {"week": "2023-W26", "days": 1}
    assert problem(await plan(world, mission, wrong), 422, "validation-failed")["errors"][0]["code"] == (
        "consultant_or_profile"
    )
    other = await world.mission(days=5)
    theirs = line("2023-W26", 1, consultant=other.lead_consultant)
    lost = problem(await plan(world, mission, theirs, planned_on="2023-06-20"), 404, "reference-not-found")
    assert lost["errors"][0]["pointer"] == "/lines/0/consultant_id"
    problem(await world.operator.put(path, {"planned_on": "2023-06-12", "lines": []}), 403, "forbidden")
    events = await world.events(mission.id)
    planned = [row["data"] for row in events if row["type"] == "mission_plan.planned"]
    assert len(planned) == 2
    assert all("consultant_name" not in str(data) for data in planned)


async def test_who_works_in_which_week_is_read_by_who_works_orders_or_audits(world: World) -> None:
    """The territory and the funder read what the plan comes to, in the follow-up, and no person's weeks."""
    mission = await world.mission(days=20)
    made = ok(await plan(world, mission, line("2023-W26", 3, consultant=mission.lead_consultant)), 201)
    stated = await state(world, mission, 12.5)
    path = f"missions/{mission.id}"
    for role in ("lead", "consultant", "operator", "auditor"):
        assert ok(await world.clients[role].get(f"{path}/plan"))["id"] == made["id"]
    for role in ("territory", "funder"):
        reader = world.clients[role]
        for address in ("plan", "plan/versions", f"plan/versions/{made['id']}"):
            problem(await reader.get(f"{path}/{address}"), 404, "not-found")
        assert ok(await reader.get("engineering?as_of=2023-07-09"))["landing"]["days_planned"] == 3
        assert ok(await reader.get(f"{path}/remaining-days/{stated['id']}"))["remaining_days"] == 12.5
        types: set[str] = set()
        async with asyncio.timeout(60):  # the feed ends before what is still being written
            while "remaining_days.stated" not in types:
                feed = ok(await reader.get(f"/v1/events?territory={world.territory}&limit=500"))["items"]
                types = {each["type"] for each in feed}
        assert "mission_plan.planned" not in types


async def test_who_is_planned_twice_is_told_without_the_other(world: World, other: World) -> None:
    person = await world.add_person("lead")
    here = await world.mission(days=20, people={"lead": person})
    # The same person, for the same firm, in a mission of another territory.
    other.organisations["lead"] = world.organisations["lead"]
    there = await other.mission(days=20, people={"lead": person})
    ok(await plan(world, here, line("2023-W26", 3, consultant=here.lead_consultant)), 201)
    lead_there = await other.pool.fetchval("SELECT name FROM territories WHERE slug = $1", other.territory)
    assert lead_there == other.territory
    await other.pool.execute(
        "WITH p AS (INSERT INTO mission_plans (territory, mission_id, number, planned_on, recorded_by, recorded_at)"
        " VALUES ($1, $2, 1, '2023-06-12', $3, now()) RETURNING id)"
        " INSERT INTO mission_plan_lines (plan_id, mission_id, week_on, consultant_id, days)"
        " SELECT id, $2, '2023-06-26', $4, 2.5 FROM p",
        other.territory, there.id, other.subjects["lead"], there.lead_consultant,
    )  # fmt: skip
    seen = ok(await world.lead.get(f"missions/{here.id}/plan"))
    [told] = seen["overplanned"]
    assert (told["consultant_id"], told["week"], told["days"], told["elsewhere"]) == (
        here.lead_consultant, "2023-W26", 3, True,
    )  # fmt: skip
    assert other.territory not in str(seen)
    assert there.id not in str(seen)
    ok(await other.operator.post(f"missions/{there.id}/cancel", {"reason": "A mistake."}))
    assert ok(await world.lead.get(f"missions/{here.id}/plan"))["overplanned"] == []
    alone = ok(await plan(world, here, line("2023-W26", 5.5, consultant=here.lead_consultant)), 200)["overplanned"]
    assert [(each["days"], each["elsewhere"]) for each in alone] == [(5.5, False)]


async def test_the_follow_up_shows_plan_done_remaining_and_landing(world: World) -> None:
    mission = await world.mission(days=20)
    empty = (await world.follow_up())["landing"]
    assert (empty["days_landing"], empty["days_planned"], empty["days_done"]) == (None, None, 0)
    ok(await plan(world, mission, line("2023-W27", 4), line("2023-W28", 8)), 201)
    for day in ("2023-07-04", "2023-07-05", "2023-07-11"):
        ok(await world.consultant.post("time-entries", mission.entry(worked_on=day, days=1)), 201)

    async def landed(as_of: str, **more: str) -> dict[str, Any]:
        query = {"as_of": as_of, **more}
        found: dict[str, Any] = ok(await world.operator.get("engineering", params=query))["landing"]
        return found

    seen = await landed("2023-07-05")  # Wednesday of week 27: two of four days are done, eight are ahead
    assert seen == {
        "days_planned": 12, "days_planned_by_now": 2.4, "days_done": 2, "days_remaining": 10,
        "remaining_source": "planned", "days_landing": 12, "days_beyond_order": -8,
    }  # fmt: skip
    made = await state(world, mission, 19, "2023-07-09")
    assert (await landed("2023-07-08"))["remaining_source"] == "planned"
    seen = await landed("2023-07-11")
    figures = ("days_done", "days_remaining", "days_landing", "days_beyond_order")
    assert [seen[name] for name in figures] == [3, 18, 21, 1]
    assert seen["remaining_source"] == "stated"
    assert await landed("2023-07-11", organisation_id=str(world.organisations["lead"])) is None
    assert (await landed("2023-07-11", recorded_as_of="2023-07-11"))["days_landing"] is None  # nothing was known then
    burn = ok(await world.operator.get("engineering/burn-down?as_of=2023-07-11&by=day"))
    assert burn["landing"] == seen
    by_plan = {point["on"]: point["days_left_by_plan"] for point in burn["points"]}
    assert [by_plan[f"2023-07-{day}"] for day in ("02", "03", "07", "09", "14", "31")] == [20, 19.2, 16, 16, 8, 8]
    at_pace = {point["on"]: point["days_left_at_pace"] for point in burn["points"]}
    assert (at_pace["2023-07-10"], at_pace["2023-07-11"]) == (None, 17)
    assert at_pace["2023-07-18"] == pytest.approx(17 - 2 / 3, abs=1e-4)  # two days in three full weeks
    drawn = (await world.operator.get("engineering/burn-down?as_of=2023-07-11&format=svg")).text
    assert 'class="by-plan"' in drawn
    assert "lands at 21 days" in drawn
    assert made["recorded_by_name"] == f"lead of {world.territory}"
    assert ok(await world.funder.get(f"missions/{mission.id}/remaining-days"))["items"] == [made]
    problem(await world.consultant.post(f"missions/{mission.id}/remaining-days", {}), 403, "forbidden")
    future = {"remaining_days": 1, "stated_on": "2199-01-01", "reason": "None."}
    late = problem(await world.lead.post(f"missions/{mission.id}/remaining-days", future), 422, "validation-failed")
    assert late["errors"][0]["code"] == "future_day"


async def test_only_the_lead_firm_of_the_mission_plans(world: World) -> None:
    mission = await world.mission(days=20)
    async with world.pool.acquire() as connection:
        stranger = await world.add_subject(connection, "stranger", "partner", "lead")
    problem(
        await stranger.put(f"missions/{mission.id}/plan", {"planned_on": "2023-06-12", "lines": []}),
        403,
        "not-the-lead-firm",
    )
    body = {"remaining_days": 1, "stated_on": "2023-07-09", "reason": "None."}
    problem(await stranger.post(f"missions/{mission.id}/remaining-days", body), 403, "not-the-lead-firm")
