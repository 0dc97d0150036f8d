"""A mission is closed when it is over, cancelled where it was a mistake, and reopened."""

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest

from app.missions.rules import TRANSITIONS, MissionAction, MissionStatus
from tests.world import Mission, World, ok, problem


async def act(world: World, mission: Mission, action: str) -> httpx2.Response:
    return await world.operator.post(f"missions/{mission.id}/{action}", {"reason": f"To {action}."})


async def clean(app: Any, world: World) -> None:
    assert await world.differences(app.state["engine"]) == []


async def test_a_closed_mission_takes_no_days_and_all_else_goes_on(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    await world.rates(mission)
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)["id"]
    draft = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05", status="draft")), 201)
    before = await world.follow_up()
    done = ok(await act(world, mission, "close"))
    assert (done["status"], done["status_reason"], done["status_by"]) == (
        "closed", "To close.", str(world.subjects["operator"]),
    )  # fmt: skip
    assert done["status_by_name"] == f"operator of {world.territory}"
    problem(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-06")), 409, "mission-ended")
    problem(await world.consultant.post(f"time-entries/{draft['id']}/submit"), 409, "mission-ended")
    assert await world.follow_up() == before
    ok(await world.consultant.patch(f"time-entries/{entry}", {"days": 0.25}))
    ok(await world.lead_judge.post(f"time-entries/{entry}/validate"))
    assert (await world.certify(mission))["days"] == 0.25
    assert ok(await world.operator.get("missions?status=closed"))["items"][0]["id"] == mission.id
    await clean(app, world)
    ok(await act(world, mission, "reopen"))
    ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-06")), 201)
    kinds = await world.pool.fetch(
        "SELECT type FROM events WHERE resource_type = 'mission' AND resource_id = $1 ORDER BY sequence", mission.id
    )
    assert [row["type"] for row in kinds if row["type"] != "mission.updated"] == [
        "mission.created", "mission.closed", "mission.reopened",
    ]  # fmt: skip


async def test_a_cancelled_mission_is_left_out_where_no_mission_is_named(app: Any, world: World) -> None:
    mission, twin = await world.mission(days=20), await world.mission(days=30)
    ok(await world.consultant.post("time-entries", mission.entry()), 201)
    read = world.operator
    both, summed = (await world.follow_up())["days_ordered"], ok(await read.get("summary"))["days_ordered"]
    ok(await act(world, twin, "cancel"))
    assert (both, (await world.follow_up())["days_ordered"]) == (50, 20)
    assert (summed, ok(await read.get("summary"))["days_ordered"]) == (50, 20)
    assert ok(await read.get(f"engineering?mission_id={twin.id}"))["days_ordered"] == 30
    assert ok(await read.get(f"missions/{twin.id}"))["status"] == "cancelled"
    problem(await world.consultant.post("time-entries", twin.entry(worked_on="2023-07-20")), 409, "mission-ended")
    ok(await act(world, twin, "reopen"))
    assert (await world.follow_up())["days_ordered"] == 50
    await clean(app, world)


async def test_a_mission_in_which_days_count_or_did_is_not_cancelled(world: World) -> None:
    mission = await world.mission(days=20)
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)["id"]
    problem(await act(world, mission, "cancel"), 409, "mission-in-use")
    ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-07"}), 201)
    late = {"reason": "Not worked."}
    assert ok(await world.consultant.post(f"time-entries/{entry}/reverse", late))["reversal_counted_on"] == "2023-08-01"
    problem(await act(world, mission, "cancel"), 409, "mission-in-use")


@pytest.mark.parametrize("status", MissionStatus)
async def test_every_act_in_every_state(world: World, status: MissionStatus) -> None:
    for action, (sources, target) in TRANSITIONS.items():
        mission = await world.mission(days=5)
        if status is not MissionStatus.OPEN:
            ok(await act(world, mission, "close" if status is MissionStatus.CLOSED else "cancel"))
        answer = await act(world, mission, action)
        if status in sources:
            assert ok(answer)["status"] == target
        else:
            assert problem(answer, 409, "mission-transition")["current"] == status
    assert len(TRANSITIONS) == len(MissionAction)


@pytest.mark.parametrize("action", ["close", "cancel"])
async def test_an_entry_and_the_end_of_its_mission_at_once(app: Any, world: World, action: str) -> None:
    for _ in range(4):
        mission = await world.mission(days=20)
        entered, ended = await asyncio.gather(
            world.consultant.post("time-entries", mission.entry()), act(world, mission, action)
        )
        if entered.status_code == 201:
            assert ended.status_code == (200 if action == "close" else 409)
            ok(await world.consultant.post(f"time-entries/{entered.json()['id']}/recall"))
        else:
            problem(entered, 409, "mission-ended")
            ok(ended)
    await clean(app, world)


async def test_the_limit_row_refuses_whoever_writes(pool: Any, world: World) -> None:
    mission = await world.mission(days=20)
    ok(await world.consultant.post("time-entries", mission.entry()), 201)
    ended = "SET status = '{}', status_by = $2, status_at = now(), status_reason = 'x' WHERE id = $1"
    alone = "SET status = 'closed', entered_on = NULL WHERE mission_id = $1 AND $2::uuid IS NOT NULL"
    for name, change in (
        ("mission_ended", f"UPDATE missions {ended.format('closed')}"),
        ("mission_days_status_fkey", f"UPDATE mission_days {alone}"),
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await pool.execute(change, mission.id, world.subjects["operator"])
        assert refused.value.constraint_name == name
    await pool.execute("UPDATE mission_days SET entered_on = NULL WHERE mission_id = $1", mission.id)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await pool.execute(f"UPDATE missions {ended.format('cancelled')}", mission.id, world.subjects["operator"])
    assert refused.value.constraint_name == "mission_in_use"


async def test_a_cancelled_mission_frees_its_external_id(world: World) -> None:
    client = world.operator
    body = {"name": "Mission", "external_id": "M-1"}
    first = ok(await client.post("missions", body), 201)["id"]
    problem(await client.post("missions", body), 409, "already-exists")
    ok(await client.post(f"missions/{first}/cancel", {"reason": "A mistake."}))
    second = ok(await client.post("missions", body), 201)["id"]
    found = ok(await client.get("missions?external_id=M-1"))["items"]
    assert {each["id"] for each in found} == {first, second}
    told = problem(await client.post(f"missions/{first}/reopen", {"reason": "None."}), 409, "already-exists")
    assert [(each["pointer"], each["id"]) for each in told["errors"]] == [("", second)]
    ok(await client.post(f"missions/{second}/close", {"reason": "Over."}))  # what is over keeps its name
    problem(await client.post("missions", body), 409, "already-exists")
