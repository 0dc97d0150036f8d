"""Days hold along the calendar: on no day do more days count than the orders signed by then had."""

import asyncio
from datetime import date
from typing import Any

import pytest

from tests.world import Mission, World, ok, problem


async def amend(world: World, mission: Mission, signed_on: str, days: float, reference: str = "AV-1") -> Any:
    order = {"kind": "amendment", "reference": reference, "signed_on": signed_on, "days": days, "reason": "Asked for."}
    return await world.operator.post(f"missions/{mission.id}/orders", order)


async def enter(world: World, mission: Mission, day: str, days: float = 1, **more: Any) -> Any:
    return await world.consultant.post("time-entries", mission.entry(worked_on=day, days=days, **more))


async def limit_row(world: World, mission: Mission) -> tuple[list[tuple[str, float, float]], list[float]]:
    row = await world.pool.fetchrow("SELECT * FROM mission_days WHERE mission_id = $1", mission.id)
    steps = zip(row["steps"], row["entered_before"], row["ordered_before"], strict=True)
    return [(f"{step}", float(entered), float(ordered)) for step, entered, ordered in steps], [
        float(allowed) for allowed in row["allowed_before"]
    ]


async def test_days_of_an_amendment_count_from_its_signature_on(world: World) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    ok(await enter(world, mission, "2023-07-04"), 201)
    ok(await amend(world, mission, "2023-09-25", 2))
    member = f"missions/{mission.id}/members/{mission.partner_member}"
    ok(await world.operator.patch(member, {"days_allotted": 3, "reason": "More.", "decided_on": "2023-09-25"}))
    for body in (mission.entry(worked_on="2023-09-24", days=0.25), mission.entry(worked_on="2023-06-15", days=0.25)):
        told = problem(await world.consultant.post("time-entries", body), 409, "days-not-yet-ordered")
        assert (told["days_requested"], told["days_left"], told["available_from"]) == (0.25, 0, "2023-09-25")
    batch = {"items": [mission.entry(worked_on=day, days=0.25) for day in ("2023-09-26", "2023-09-24")]}
    problem(await world.consultant.post("time-entries/batch", batch), 409, "days-not-yet-ordered")
    later = ok(await enter(world, mission, "2023-09-25", 0.5), 201)  # the cure
    problem(
        await world.consultant.patch(f"time-entries/{later['id']}", {"worked_on": "2023-09-24"}),
        409, "days-not-yet-ordered",
    )  # fmt: skip
    draft = ok(await enter(world, mission, "2023-09-24", 0.5, status="draft"), 201)
    problem(await world.consultant.post(f"time-entries/{draft['id']}/submit"), 409, "days-not-yet-ordered")
    ok(await enter(world, mission, "2023-09-26"), 201)
    problem(await enter(world, mission, "2023-09-27"), 409, "days-exhausted")
    for day, left in (("2023-09-24", 0), ("2023-09-25", 1.5), ("2023-09-26", 0.5)):
        assert ok(await world.operator.get(f"engineering?as_of={day}"))["days_left"] == left
    assert await limit_row(world, mission) == ([("2023-06-01", 0, 0), ("2023-09-25", 1, 1)], [0, 0])


async def test_an_amendment_takes_no_days_from_a_day_that_has_used_them(world: World) -> None:
    mission = await world.mission(days=2, lead=0, partner=1)
    ok(await enter(world, mission, "2023-07-04"), 201)
    ok(await amend(world, mission, "2023-08-01", 1))
    problem(await amend(world, mission, "2023-07-10", -1.25, "AV-2"), 409, "amendment-too-early")
    ok(await amend(world, mission, "2023-07-10", -1, "AV-2"))
    assert await limit_row(world, mission) == ([("2023-06-01", 0, 0), ("2023-08-01", 1, 1)], [0, 0])
    problem(await enter(world, mission, "2023-07-12", 0.25), 409, "days-not-yet-ordered")
    problem(await enter(world, mission, "2023-08-01", 0.25), 409, "allotment-exhausted")


async def test_a_late_reversal_frees_its_days_from_its_own_day_on(app: Any, world: World) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    wrong = ok(await enter(world, mission, "2023-06-20"), 201)
    ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-06"}), 201)
    july = ok(await enter(world, mission, "2023-07-04", 0.5, status="draft"), 201)
    problem(await world.consultant.post(f"time-entries/{july['id']}/submit"), 409, "days-exhausted")
    ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-07"}), 201)
    ok(await world.consultant.post(f"time-entries/{wrong['id']}/reverse", {"reason": "Another day."}))
    assert await limit_row(world, mission) == ([("2023-06-01", 0, 0), ("2023-08-01", 1, 1)], [0, 0])
    reopened = ok(await world.operator.get("month-locks"))["items"][-1]
    ok(await world.operator.post(f"month-locks/{reopened['id']}/reopen", {"reason": "One sheet."}))
    told = problem(await world.consultant.post(f"time-entries/{july['id']}/submit"), 409, "days-not-yet-ordered")
    assert told["available_from"] == "2023-08-01"
    ok(await enter(world, mission, "2023-08-01"), 201)
    assert await world.differences(app.state["engine"]) == []


@pytest.mark.parametrize("closed_first", [True, False])
async def test_reversals_of_one_call_count_each_on_its_own_day(world: World, closed_first: bool) -> None:
    mission = await world.mission(days=10)
    closed = ok(await enter(world, mission, "2023-09-05", 0.25), 201)["id"]
    opened = ok(await enter(world, mission, "2023-07-27", 0.25), 201)["id"]
    later = ok(await enter(world, mission, "2023-09-29", 0.25), 201)["id"]
    ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-09"}), 201)
    ids = [closed, opened, later] if closed_first else [opened, later, closed]
    done = ok(await world.consultant.post("time-entries/reverse", {"ids": ids, "reason": "Twice."}))["items"]
    assert {entry["id"]: entry["reversal_counted_on"] for entry in done} == {
        closed: "2023-10-01", later: "2023-10-01", opened: "2023-07-27",
    }  # fmt: skip
    assert ok(await world.operator.get("engineering?as_of=2023-08-31"))["days_entered"] == 0
    assert ok(await world.operator.get("engineering?as_of=2023-09-30"))["days_entered"] == 0.5


async def test_an_allowance_is_for_nobody_to_set_and_covers_the_days_up_to_its_step(world: World) -> None:
    mission = await world.mission(days=2, lead=0, partner=2)
    ok(await enter(world, mission, "2023-07-04"), 201)
    of = "WHERE mission_id = $1"
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"UPDATE mission_days SET allowed_before = '{{9}}' {of}", mission.id)
        assert await connection.fetchval(f"SELECT allowed_before FROM mission_days {of}", mission.id) == [0]
        await connection.execute("SET LOCAL session_replication_role = replica")  # as the migration does
        await connection.execute(
            "UPDATE mission_days SET steps = '{2023-08-01}', ordered_before = '{0}', entered_before = '{1}',"
            f" allowed_before = '{{1}}' {of}",
            mission.id,
        )
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute(f"UPDATE mission_days SET steps = '{{}}' {of}", mission.id)
        row = await connection.fetchrow(f"SELECT steps, allowed_before FROM mission_days {of}", mission.id)
        assert (row["steps"], row["allowed_before"]) == ([date(2023, 6, 1)], [1])
        await transaction.rollback()


# --- at the same instant ---------------------------------------------------------------------------------------------


async def test_an_entry_that_waits_beside_an_amendment_is_held_to_the_amendments_day(app: Any, world: World) -> None:
    """The entry waits for the row that the amendment holds, and counts before the step that it did not see."""
    mission = await world.mission(days=2, lead=0, partner=1.5)
    for first in ("amendment", "entry"):
        async with world.pool.acquire() as holder:
            transaction = holder.transaction()
            await transaction.start()
            await holder.execute("SELECT FROM mission_days WHERE mission_id = $1 FOR UPDATE", mission.id)
            acts = {
                "amendment": amend(world, mission, "2023-08-01", 0.5, first),
                "entry": enter(world, mission, "2023-07-04" if first == "entry" else "2023-07-05", 0.5),
            }
            order = [first, *(name for name in acts if name != first)]
            waiting = []
            for name in order:
                waiting.append(asyncio.create_task(acts[name]))
                await asyncio.sleep(0.15)
            await transaction.commit()
        for answer in await asyncio.gather(*waiting):
            ok(answer, 201)
        assert await world.differences(app.state["engine"]) == []
    steps, _ = await limit_row(world, mission)
    assert steps == [("2023-06-01", 0, 0), ("2023-08-01", 1, 2)]
