"""The promise of the product in one call: days, euros and firms on a day, here and over all that one may see."""

from datetime import date, datetime
from typing import Any

import pytest

from app.access.rules import MATRIX, Role
from app.core.clock import PARIS, frozen
from app.firms.rules import Stage
from app.projects.rules import ProjectStage
from tests.envelopes.acts import Acts
from tests.envelopes.test_limits import FIGURES
from tests.envelopes.test_two_times import noon
from tests.projects.acts import COSTS, pass_through, project
from tests.world import World, ok, problem

CENTS = [f"{name}_cents" for name in FIGURES]
TIMES = ("as_of", "recorded_as_of")
SUMMED = [
    "days_ordered", "days_entered", "days_left", *CENTS, "projects_detected", "investment_cents", "jobs_fte",
]  # fmt: skip


async def stage(world: World, firm: str, stage: str, day: str) -> None:
    with frozen(noon(day)):
        ok(await world.clients["territory"].put(f"firms/{firm}", {"stage": stage}))


async def summary(world: World, day: str = "", path: str = "summary") -> dict[str, Any]:
    found: dict[str, Any] = ok(await world.auditor.get(path, params={"as_of": day} if day else {}))
    return found


async def test_it_begins_at_zero_and_names_every_stage(world: World) -> None:
    found = await summary(world)
    assert {name: found[name] for name in SUMMED} == dict.fromkeys(SUMMED, 0)
    assert found["firms_by_stage"] == {str(stage): 0 for stage in Stage}
    assert found["projects_by_stage"] == {str(stage): 0 for stage in ProjectStage}
    assert (found["territory"], found["territory_name"]) == (world.territory, world.territory)


async def test_on_any_day_it_says_what_counted_by_then(world: World) -> None:
    mission = await world.mission(days=10)
    for day, quantity in (("2023-07-04", 0.5), ("2023-07-06", 0.25)):
        ok(await world.consultant.post("time-entries", mission.entry(worked_on=day, days=quantity)), 201)
    draft = mission.entry(worked_on="2023-07-05", days=1, status="draft")
    ok(await world.consultant.post("time-entries", draft), 201)
    amendment = {"kind": "amendment", "reference": "A", "signed_on": "2023-07-10", "days": 2.5, "reason": "More"}
    ok(await world.operator.post(f"missions/{mission.id}/orders", amendment), 201)

    days = {}
    for day in ("2023-05-31", "2023-06-01", "2023-07-04", "2023-07-05", "2023-07-06", "2023-07-10", ""):
        found = await summary(world, day)
        assert found["as_of"] == day or not day
        days[day] = found["days_ordered"], found["days_entered"], found["days_left"]
    assert days == {
        "2023-05-31": (0, 0, 0),
        "2023-06-01": (10, 0, 10),
        "2023-07-04": (10, 0.5, 9.5),
        "2023-07-05": (10, 0.5, 9.5),
        "2023-07-06": (10, 0.75, 9.25),
        "2023-07-10": (12.5, 0.75, 11.75),
        "": (12.5, 0.75, 11.75),
    }


async def test_it_follows_firms_from_stage_to_stage(world: World) -> None:
    one, two = await world.add_firm(), await world.add_firm()
    stages = list(Stage)
    await stage(world, one, stages[0], "2024-05-13")
    await stage(world, two, stages[0], "2024-05-14")
    await stage(world, one, stages[1], "2024-05-15")
    await stage(world, one, stages[2], "2024-05-15")

    async def stood(day: str) -> dict[str, int]:
        return {name: n for name, n in (await summary(world, day))["firms_by_stage"].items() if n}

    assert await stood("2024-05-12") == {}
    assert await stood("2024-05-13") == {stages[0]: 1}
    assert await stood("2024-05-14") == {stages[0]: 2}
    assert await stood("2024-05-15") == {stages[0]: 1, stages[2]: 1}
    assert await stood("") == {stages[0]: 1, stages[2]: 1}


async def test_it_counts_projects_detected_by_the_day_with_what_they_cost_and_the_jobs_they_plan(world: World) -> None:
    first = await project(world, costs=COSTS, jobs_created_fte=2.5, jobs_maintained_fte=1, detected_on="2023-07-04")
    await project(world, costs=COSTS[:1], jobs_created_fte=4, detected_on="2023-07-10")
    await pass_through(world, first["id"], "oriented", "filed")

    async def told(day: str) -> tuple[int, int, float, dict[str, int]]:
        found = await summary(world, day)
        by_stage = {name: n for name, n in found["projects_by_stage"].items() if n}
        return found["projects_detected"], found["investment_cents"], found["jobs_fte"], by_stage

    assert await told("2023-07-03") == (0, 0, 0, {})
    assert await told("2023-07-04") == (1, 800_000_00, 3.5, {"detected": 1})
    assert await told("2023-08-01") == (2, 1_400_000_00, 7.5, {"detected": 1, "oriented": 1})
    assert await told("") == (2, 1_400_000_00, 7.5, {"detected": 1, "filed": 1})
    sums = ok(await world.auditor.get("projects/totals"))
    assert (sums["projects"], sums["cost_cents"], sums["jobs_fte"]) == (await told(""))[:3]


async def test_its_money_is_the_envelopes_on_every_day(world: World) -> None:
    acts = await Acts.of(world)
    ok(await acts.contribute(1000, decided_on="2024-01-01", repayment_policy="recycle"), 201)
    grant = ok(await acts.grant(300, decided_on="2024-01-02"), 201)["id"]
    advance = ok(await acts.advance(200, decided_on="2024-01-03"), 201)["id"]
    paid = ok(await acts.pay(grant, 100, paid_on="2024-01-04"), 201)["id"]
    ok(await acts.tranche(advance, 150, paid_on="2024-01-05"), 201)
    ok(await acts.repay(advance, 50, received_on="2024-01-06"), 201)
    ok(await acts.reverse(f"grants/{grant}/payments/{paid}"))
    ok(await acts.release(f"grants/{grant}", released_on="2024-01-07"))
    seen = set()
    for number in range(1, 9):
        day = date(2024, 1, number).isoformat()
        envelope, found = await acts.envelope(as_of=day), await summary(world, day)
        assert {name: found[name] for name in CENTS} == {name: envelope[name] for name in CENTS}
        seen.add(tuple(found[name] for name in CENTS))
    assert len(seen) == 6  # the reversed payment's day says nothing, the last one nothing new
    assert found["outstanding_cents"] == 100
    assert found["recycled_cents"] == 50


async def test_the_whole_is_the_sum_of_the_territories_that_the_caller_sees(world: World, other: World) -> None:
    async with world.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'committee', $2, '2020-01-01', now(), now(), now())",
            world.subjects["funder"],
            other.territory,
        )
    for place in (world, other):
        await place.money()
        await project(place, costs=COSTS, jobs_created_fte=1.5)
        mission = await place.mission(days=10)
        ok(await place.consultant.post("time-entries", mission.entry()), 201)
        ok(await place.clients["territory"].put(f"firms/{await place.add_firm()}", {"stage": Stage.SOLICITED}))
    firm, shared = await world.add_firm(), 1
    for place in (world, other):
        ok(await place.clients["territory"].put(f"firms/{firm}", {"stage": Stage.SOLICITED}))
    for day in ("", "2023-10-31", "2023-11-30"):
        params = {"as_of": day} if day else {}
        whole = ok(await world.funder.get("/v1/summary", params=params))
        each = whole["by_territory"]
        assert [one["territory"] for one in each] == sorted([world.territory, other.territory])
        assert whole["territories"] == 2
        for name in SUMMED:
            assert whole[name] == sum(one[name] for one in each), name
        for name, firms in whole["firms_by_stage"].items():
            assert firms == sum(one["firms_by_stage"][name] for one in each)
        assert all(one["firms"] == sum(one["firms_by_stage"].values()) for one in each)
        assert whole["firms"] == sum(one["firms"] for one in each) - (shared if not day else 0)
        for name, projects in whole["projects_by_stage"].items():
            assert projects == sum(one["projects_by_stage"][name] for one in each)
        for one, place in zip(each, sorted((world, other), key=lambda w: w.territory), strict=True):
            alone = await summary(place, day)
            assert one == {name: value for name, value in alone.items() if name not in TIMES}
    assert (whole["contributed_cents"], whole["paid_cents"]) == (400_000_00, 20_000_00)


@pytest.mark.parametrize("role", sorted(MATRIX["summary:read"]))
async def test_each_role_sees_the_whole_of_its_own_territories(world: World, other: World, role: Role) -> None:
    await other.money()
    national = role in (Role.PROGRAMME, Role.OPERATOR, Role.AUDITOR, Role.ADMIN)
    whole = ok(await world.clients[role].get("/v1/summary"))
    slugs = {one["territory"] for one in whole["by_territory"]}
    assert len(slugs) == whole["territories"]
    if national:
        assert slugs >= {world.territory, other.territory}
    else:
        assert slugs == {world.territory}
        assert whole["contributed_cents"] == 0
        problem(await world.clients[role].get(f"/v1/territories/{other.territory}/summary"), 404, "not-found")


async def test_the_consortium_reads_its_mission_and_no_summary_of_the_money(world: World) -> None:
    for client in (world.consultant, world.lead):
        ok(await client.get("engineering"))
        problem(await client.get("summary"), 404, "not-found")
        problem(await client.get("/v1/summary"), 404, "not-found")


async def test_the_whole_of_nothing_is_zero(world: World) -> None:
    async with world.pool.acquire() as connection:
        nobody = await world.add_subject(connection, "nobody", "office", None)
    response = await nobody.get("/v1/summary")
    if response.is_success:
        found = ok(response)
        assert (found["territories"], found["by_territory"]) == (0, [])
        assert {name: found[name] for name in SUMMED} == dict.fromkeys(SUMMED, 0)
    else:
        problem(response, 404, "not-found")


@pytest.mark.parametrize("path", ["summary", "/v1/summary"])
async def test_a_day_is_a_day_and_a_parameter_a_known_one(world: World, path: str) -> None:
    for wrong in ("as_of=2024-02-30", "as_of=now", "as_of=", "asof=2024-01-01", "as_of=2024-01-01&as_of=2024-01-02",
                  "recorded_as_of=2199-12-31"):  # fmt: skip
        problem(await world.auditor.get(f"{path}?{wrong}"), 422, "validation-failed")
    assert ok(await world.auditor.get(f"{path}?as_of=2199-12-31"))["as_of"] == "2199-12-31"


async def test_today_is_the_day_of_paris(world: World) -> None:
    with frozen(datetime(2024, 5, 14, 0, 30, tzinfo=PARIS)):
        assert (await summary(world))["as_of"] == "2024-05-14"
        assert (await summary(world, path="/v1/summary"))["as_of"] == "2024-05-14"
