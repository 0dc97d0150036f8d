"""Closed months: nothing counts in them any more, and a correction counts on the first open day."""

import asyncio
from collections import Counter
from datetime import date
from typing import Any

import pytest

from app.core import clock
from app.engineering.entries.rules import first_open_day
from tests.world import Mission, World, ok, problem


async def lock(world: World, mission: Mission, month: str = "2023-06") -> Any:
    return ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": month}), 201)


async def enter(world: World, mission: Mission, worked_on: str = "2023-06-20", **more: Any) -> str:
    made = ok(await world.consultant.post("time-entries", mission.entry(worked_on=worked_on, **more)), 201)
    return f"time-entries/{made['id']}"


@pytest.mark.parametrize(
    ("day", "locked", "opens"),
    [
        (date(2023, 6, 20), [], date(2023, 6, 20)),
        (date(2023, 6, 20), [date(2023, 6, 1)], date(2023, 7, 1)),
        (date(2023, 6, 20), [date(2023, 5, 1), date(2023, 7, 1)], date(2023, 6, 20)),
        (date(2023, 11, 30), [date(2023, 11, 1), date(2023, 12, 1)], date(2024, 1, 1)),
        (date(2024, 1, 31), [date(2024, 1, 1)], date(2024, 2, 1)),
        (date(2024, 2, 29), [date(2024, 2, 1)], date(2024, 3, 1)),
        (date(2024, 12, 31), [date(2024, 12, 1)], date(2025, 1, 1)),
    ],
)
def test_the_first_open_day(day: date, locked: list[date], opens: date) -> None:
    assert first_open_day(day, locked) == opens


async def test_nothing_that_counts_in_a_closed_month_is_entered_changed_or_validated(world: World) -> None:
    mission = await world.mission(days=10)
    submitted, draft = await enter(world, mission), await enter(world, mission, status="draft")
    await lock(world, mission)
    before = await world.follow_up()
    new = mission.entry(worked_on="2023-06-30", days=0.25)
    told = problem(await world.consultant.post("time-entries", new), 409, "month-locked")
    assert told["month"] == "2023-06"
    for client, method, path, body in (
        (world.consultant, "POST", "time-entries/batch", {"items": [new]}),
        (world.consultant, "POST", f"{draft}/submit", None),
        (world.consultant, "POST", f"{submitted}/recall", None),
        (world.lead_judge, "POST", f"{submitted}/validate", None),
        (world.lead_judge, "POST", f"{submitted}/reject", {"reason": "Why?"}),
        (world.consultant, "PATCH", submitted, {"note": "Afterwards"}),
        (world.consultant, "PATCH", submitted, {"days": 0.25}),
        (world.consultant, "PATCH", submitted, {"worked_on": "2023-07-04"}),
    ):
        arguments = {"json": body} if body is not None else {}
        problem(await client.request(method, path, **arguments), 409, "month-locked")
    assert await world.follow_up() == before
    ok(await world.consultant.patch(draft, {"note": "A draft counts nowhere."}))
    ok(await world.consultant.patch(draft, {"worked_on": "2023-07-04"}))
    ok(await world.consultant.post(f"{draft}/submit"))
    into = await world.consultant.patch(draft, {"worked_on": "2023-06-21"})
    problem(into, 409, "month-locked")


async def test_a_correction_counts_on_the_first_open_day_and_names_what_it_corrects(world: World) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    wrong = await enter(world, mission, days=1)
    ok(await world.lead_judge.post(f"{wrong}/validate"))
    await lock(world, mission)
    corrected = {"corrects_id": wrong.rpartition("/")[2]}
    right = mission.entry(worked_on="2023-06-21", days=1, **corrected)
    problem(await world.consultant.post("time-entries", right), 409, "corrected-not-reversed")
    gone = ok(await world.lead_judge.post(f"{wrong}/reverse", {"reason": "The day after."}))
    assert (gone["counted_on"], gone["reversal_counted_on"]) == ("2023-06-20", "2023-07-01")
    made = ok(await world.consultant.post("time-entries", right), 201)
    assert (made["worked_on"], made["counted_on"]) == ("2023-06-21", "2023-07-01")
    assert made["corrects_id"] == corrected["corrects_id"]
    assert made["corrects_worked_on"] == "2023-06-20"
    assert (await world.follow_up())["days_left"] == 0, "the reversal freed the day at once"
    path = f"time-entries/{made['id']}"
    problem(await world.consultant.patch(path, {"worked_on": "2023-07-10"}), 409, "correction-elsewhere")
    moved = ok(await world.consultant.patch(path, {"worked_on": "2023-06-22"}))
    assert moved["counted_on"] == "2023-07-01"
    ok(await world.lead_judge.post(f"{path}/validate"))
    listed = ok(
        await world.operator.get(f"time-entries?corrects_id={corrected['corrects_id']}&counted_from=2023-07-01")
    )
    assert [entry["id"] for entry in listed["items"]] == [made["id"]]


async def test_a_reversal_in_an_open_month_counts_on_the_entrys_own_day(world: World) -> None:
    mission = await world.mission(days=10)
    entry = await enter(world, mission)
    gone = ok(await world.consultant.post(f"{entry}/reverse", {"reason": "Twice."}))
    assert gone["reversal_counted_on"] == gone["counted_on"] == "2023-06-20"


@pytest.mark.parametrize("open_day", ["2023-06-20", "2023-08-10"])
@pytest.mark.parametrize("closed_first", [True, False], ids=["closed first", "open first"])
async def test_each_reversal_of_one_call_counts_on_its_own_day(
    world: World, open_day: str, *, closed_first: bool
) -> None:
    mission = await world.mission(days=10)
    days = ["2023-07-04", open_day] if closed_first else [open_day, "2023-07-04"]
    ids = [(await enter(world, mission, day)).rpartition("/")[2] for day in days]
    await lock(world, mission, "2023-07")
    body = {"ids": ids, "reason": "Never worked."}
    gone = ok(await world.lead_judge.post("time-entries/reverse", body))["items"]
    # July is closed: that reversal counts on the first open day, the other on its entry's own.
    assert {entry["counted_on"]: entry["reversal_counted_on"] for entry in gone} == {
        "2023-07-04": "2023-08-01", open_day: open_day,
    }  # fmt: skip
    assert ok(await world.operator.get("engineering?as_of=2023-08-31"))["days_left"] == 10


async def test_what_is_corrected_is_an_entry_of_the_same_firm_here(world: World, other: World) -> None:
    mission, away = await world.mission(days=10), await other.mission(days=10)
    lead = ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)
    foreign = ok(await other.consultant.post("time-entries", away.entry()), 201)
    for entry_id in (lead["id"], foreign["id"], mission.id):
        refused = await world.consultant.post("time-entries", mission.entry(corrects_id=entry_id))
        told = problem(refused, 404, "reference-not-found")
        assert told["errors"][0]["pointer"] == "/corrects_id"


async def test_a_month_is_closed_once_it_is_over_and_by_a_person(world: World, other: World) -> None:
    mission = await world.mission(days=10)
    this_month = f"{clock.today():%Y-%m}"
    for month in (this_month, "2199-01"):
        body = {"mission_id": mission.id, "month": month}
        told = problem(await world.operator.post("month-locks", body), 422, "validation-failed")
        assert told["errors"][0]["code"] == "month_not_over"
    for wrong in ("2023-13", "2023-6", "2023-06-01", 202306, None):
        asked = {"mission_id": mission.id, "month": wrong}
        problem(await world.operator.post("month-locks", asked), 422, "validation-failed")
    async with world.pool.acquire() as connection:
        robot = await world.add_subject(connection, "robot", "office", "operator", kind="service_account")
    body = {"mission_id": mission.id, "month": "2023-06"}
    problem(await robot.post("month-locks", body), 403, "person-required")
    problem(await other.operator.post("month-locks", body), 404, "reference-not-found")
    made = await lock(world, mission)
    assert (made["month"], made["days_submitted"], made["reopened_at"]) == ("2023-06", 0, None)
    problem(await world.operator.post("month-locks", body), 409, "month-already-locked")
    reopen = f"month-locks/{made['id']}/reopen"
    problem(await robot.post(reopen, {"reason": "Again."}), 403, "person-required")
    problem(await world.operator.post(reopen, {}), 422, "validation-failed")
    opened = ok(await world.operator.post(reopen, {"reason": "A sheet is missing."}))
    assert opened["reopened_by"] == str(world.subjects["operator"])
    problem(await world.operator.post(reopen, {"reason": "Twice."}), 409, "month-open")
    await enter(world, mission)
    await lock(world, mission)
    locks = ok(await world.lead.get(f"month-locks?mission_id={mission.id}&month_from=2023-06&month_to=2023-06"))[
        "items"
    ]
    assert [(item["reopening_reason"], item["days_submitted"]) for item in locks] == [
        ("A sheet is missing.", 0.5), (None, 0.5),
    ]  # fmt: skip


async def test_a_lock_of_one_mission_leaves_the_others_open(world: World) -> None:
    first, second = await world.mission(days=10), await world.mission(days=10)
    await lock(world, first)
    await enter(world, second)
    problem(await world.consultant.post("time-entries", first.entry(worked_on="2023-06-21")), 409, "month-locked")


async def test_a_lock_and_entries_at_the_same_instant_never_miss_each_other(world: World) -> None:
    mission = await world.mission(days=100)
    for month in ("2023-06", "2023-07", "2023-08"):
        days = [f"{month}-{day:02}" for day in range(15, 27)]
        body = {"mission_id": mission.id, "month": month}
        found = await asyncio.gather(
            *(world.consultant.post("time-entries", mission.entry(worked_on=day, days=0.25)) for day in days[:6]),
            world.operator.post("month-locks", body),
            *(world.consultant.post("time-entries", mission.entry(worked_on=day, days=0.25)) for day in days[6:]),
        )
        told = Counter(r.json().get("type", "") if r.is_error else str(r.status_code) for r in found)
        assert set(told) <= {"201", "/problems/month-locked"}, told
        entered = ok(await world.operator.get(f"month-locks?mission_id={mission.id}&month_from={month}"))["items"]
        assert [item["days_submitted"] for item in entered] == [(told["201"] - 1) * 0.25]
