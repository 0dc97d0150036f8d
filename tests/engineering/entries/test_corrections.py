"""A reference that lifts a rule is checked for what it is about; who takes an entry back frees its external id."""

import asyncio
import secrets
from collections import Counter
from typing import Any

import pytest

from tests.world import Mission, World, ok, problem


async def enter(world: World, mission: Mission, worked_on: str = "2023-06-20", days: float = 0.75, **more: Any) -> str:
    body = mission.entry(worked_on=worked_on, days=days, **more)
    return str(ok(await world.consultant.post("time-entries", body), 201)["id"])


async def lock(world: World, mission: Mission, month: str = "2023-06") -> Any:
    return ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": month}), 201)


async def reverse(world: World, entry: str) -> Any:
    return ok(await world.consultant.post(f"time-entries/{entry}/reverse", {"reason": "Wrong."}))


async def reject(world: World, entry: str) -> Any:
    return ok(await world.lead_judge.post(f"time-entries/{entry}/reject", {"reason": "Half a day less."}))


@pytest.fixture
async def mission(world: World) -> Mission:
    return await world.mission(days=20, lead=0, partner=20)


async def another(world: World, mission: Mission) -> str:
    """Another person of the same firm on the same mission."""
    person = await world.add_person("partner")
    body = {"person_id": str(person), "mission_id": mission.id, "from_on": "2023-01-01"}
    return str(ok(await world.operator.post("consultants", body), 201)["id"])


async def test_a_filter_looks_at_the_day_on_which_an_entry_counts_as_the_list_does(
    world: World, mission: Mission
) -> None:
    """A correction of a closed month counts later than it was worked."""
    wrong = await enter(world, mission)
    july = await enter(world, mission, "2023-07-05")
    await lock(world, mission)
    await reverse(world, wrong)
    correction = await enter(world, mission, corrects_id=wrong)
    counted_on = ok(await world.consultant.get(f"time-entries/{correction}"))["counted_on"]
    assert counted_on > "2023-06-30"
    for period, chosen in (
        ({"counted_to": "2023-06-30"}, set()),
        ({"counted_from": "2023-07-01"}, {correction, july}),
        ({"counted_to": counted_on, "counted_from": counted_on}, {correction}),
        ({"worked_from": "2023-06-01", "worked_to": "2023-06-30"}, {correction}),
        ({"worked_from": "2023-07-01", "counted_to": "2023-07-05"}, {july}),
    ):
        listed = await world.lead_judge.get("time-entries", params={"status": "submitted", **period})
        taken = await world.lead_judge.post("time-entries/validate?dry_run=true", {"filter": period})
        assert {each["id"] for each in ok(listed)["items"]} == {each["id"] for each in ok(taken)["items"]} == chosen


# --- what a correction may be ----------------------------------------------------------------------------------------


async def test_a_correction_opens_no_closed_month_for_anything_else(world: World, mission: Mission) -> None:
    wrong = await enter(world, mission)
    await lock(world, mission)
    await reverse(world, wrong)
    elsewhere, twin = await another(world, mission), await world.mission(days=5)
    refused = {
        "another person": {"consultant_id": elsewhere},
        "another month": {"worked_on": "2023-07-03"},
        "another mission": {"mission_id": twin.id, "consultant_id": twin.partner_consultant},
    }
    for what, more in refused.items():
        body = {**mission.entry(worked_on="2023-06-21", days=0.25, corrects_id=wrong), **more}
        answer = await world.consultant.post("time-entries", body)
        assert problem(answer, 409, "correction-elsewhere"), what
        batch = {"items": [mission.entry(worked_on="2023-06-21", days=0.25, corrects_id=wrong), body]}
        problem(await world.consultant.post("time-entries/batch", batch), 409, "correction-elsewhere")
    right = mission.entry(worked_on="2023-06-21", days=0.25, corrects_id=wrong)
    problem(await world.consultant.post("time-entries", {**right, "days": 1}), 409, "correction-exceeded")
    made = ok(await world.consultant.post("time-entries", right), 201)["id"]
    for what, change in refused.items():
        answer = await world.consultant.patch(f"time-entries/{made}", change)
        assert problem(answer, 409, "correction-elsewhere"), what
    problem(await world.consultant.patch(f"time-entries/{made}", {"days": 1}), 409, "correction-exceeded")
    ok(await world.consultant.patch(f"time-entries/{made}", {"days": 0.5, "worked_on": "2023-06-22"}))
    problem(await world.consultant.post("time-entries", {**right, "days": 0.5}), 409, "correction-exceeded")
    ok(await world.consultant.post("time-entries", right), 201)
    problem(await world.consultant.post("time-entries", right), 409, "correction-exceeded")


async def test_days_of_corrections_are_given_back_and_drafts_take_them_once_submitted(
    app: Any, world: World, mission: Mission
) -> None:
    wrong = await enter(world, mission)
    await lock(world, mission)
    await reverse(world, wrong)
    draft = await enter(world, mission, "2023-06-21", 0.75, corrects_id=wrong, status="draft")
    first = await enter(world, mission, "2023-06-22", 0.75, corrects_id=wrong)
    problem(await world.consultant.post(f"time-entries/{draft}/submit"), 409, "correction-exceeded")
    ok(await world.consultant.post(f"time-entries/{first}/recall"))
    ok(await world.consultant.post(f"time-entries/{draft}/submit"))
    problem(await world.consultant.post(f"time-entries/{first}/submit"), 409, "correction-exceeded")
    await reverse(world, draft)
    ok(await world.consultant.post(f"time-entries/{first}/submit"))
    again = mission.entry(worked_on="2023-06-23", days=0.75, corrects_id=draft)  # a correction corrected
    problem(await world.consultant.post("time-entries", again), 409, "correction-exceeded")
    ok(await world.consultant.post(f"time-entries/{first}/recall"))
    made = ok(await world.consultant.post("time-entries", again), 201)["id"]
    problem(await world.consultant.post(f"time-entries/{first}/submit"), 409, "correction-exceeded")
    assert await world.differences(app.state["engine"]) == []
    await reverse(world, made)
    last = await enter(world, mission, "2023-06-23", 0.5, corrects_id=made)
    problem(await world.consultant.patch(f"time-entries/{last}", {"days": 1}), 409, "correction-exceeded")
    ok(await world.consultant.patch(f"time-entries/{first}", {"days": 0.25}))
    ok(await world.consultant.post(f"time-entries/{first}/submit"))
    assert await world.differences(app.state["engine"]) == []


async def test_an_entry_rejected_before_its_month_was_closed_is_corrected_after_it(
    app: Any, world: World, mission: Mission
) -> None:
    """The cure of `month-locked`, walked."""
    late, recalled = await enter(world, mission, days=0.5), await enter(world, mission, "2023-06-21", 0.5)
    waiting = await enter(world, mission, "2023-06-22", 0.5)
    for entry in (late, recalled):
        await reject(world, entry)
    ok(await world.consultant.post(f"time-entries/{recalled}/recall"))
    closed = await lock(world, mission)
    assert (closed["days_submitted"], closed["days_rejected"]) == (0.5, 0.5)
    ok(await world.consultant.patch(f"time-entries/{recalled}", {"days": 1}))
    problem(await world.consultant.post(f"time-entries/{recalled}/submit"), 409, "month-locked")
    problem(
        await world.consultant.post(
            "time-entries", mission.entry(worked_on="2023-06-22", days=0.25, corrects_id=waiting)
        ),
        409,
        "corrected-not-reversed",
    )
    for entry, day in ((late, "2023-06-20"), (recalled, "2023-06-21")):
        body = mission.entry(worked_on=day, days=0.75, corrects_id=entry)
        problem(await world.consultant.post("time-entries", body), 409, "correction-exceeded")
        made = ok(await world.consultant.post("time-entries", {**body, "days": 0.25}), 201)
        assert made["counted_on"] == "2023-07-01"
    ok(await world.operator.post(f"month-locks/{closed['id']}/reopen", {"reason": "One sheet."}))
    ok(await world.consultant.patch(f"time-entries/{recalled}", {"days": 0.5}))
    told = await world.consultant.post(f"time-entries/{recalled}/submit")
    problem(told, 409, "correction-exceeded")  # it would count twice
    never = await enter(world, mission, "2023-06-23", 0.25, status="draft")
    body = mission.entry(worked_on="2023-06-23", days=0.25, corrects_id=never)
    problem(await world.consultant.post("time-entries", body), 409, "corrected-not-reversed")
    assert await world.differences(app.state["engine"]) == []


async def test_corrections_at_the_same_instant_take_what_was_reversed_once(world: World, mission: Mission) -> None:
    wrong = await enter(world, mission)
    await lock(world, mission)
    await reverse(world, wrong)
    days = [f"2023-06-{day}" for day in range(15, 22)]
    found = await asyncio.gather(
        *(
            world.consultant.post("time-entries", mission.entry(worked_on=day, days=0.25, corrects_id=wrong))
            for day in days
        )
    )
    told = Counter(answer.json().get("type", "") if answer.is_error else "taken" for answer in found)
    assert told == {"taken": 3, "/problems/correction-exceeded": 4}


async def test_the_database_alone_holds_a_correction_to_its_entry(world: World, mission: Mission) -> None:
    wrong = await enter(world, mission)
    await reverse(world, wrong)
    for change, constraint in (
        ("days_corrected = 1", "correction_exceeded"),
        ("days_corrected = 'NaN'", "correctable_days_corrected"),
        ("days_corrected = -0.25", "correctable_days_corrected"),
        ("for_person_id = uuidv7(), for_mission_id = mission_id, for_month = month", "correction_elsewhere"),
        ("for_person_id = person_id, for_mission_id = mission_id, for_month = month + 31", "correction_elsewhere"),
    ):
        with pytest.raises(Exception, match=constraint):
            await world.pool.execute(f"UPDATE correctable_days SET {change} WHERE entry_id = $1", wrong)


# --- external ids ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [reverse, reject])
async def test_an_external_id_of_what_was_taken_back_may_be_entered_again(
    world: World, mission: Mission, back: Any
) -> None:
    name = f"cra-{secrets.token_hex(4)}"
    first = await enter(world, mission, external_id=name)
    problem(await world.consultant.post("time-entries", mission.entry(external_id=name)), 409, "already-exists")
    await back(world, first)
    second = await enter(world, mission, "2023-06-21", external_id=name)
    told = problem(await world.consultant.post("time-entries", mission.entry(external_id=name)), 409, "already-exists")
    assert [error["pointer"] for error in told["errors"]] == ["/external_id"]
    listed = ok(await world.consultant.get(f"time-entries?external_id={name}"))["items"]
    assert [entry["id"] for entry in listed] == [first, second]
    await back(world, second)
    ok(await world.consultant.post("time-entries/batch", {"items": [mission.entry(external_id=name)]}), 201)


async def test_a_recall_does_not_take_an_external_id_that_another_bears(world: World, mission: Mission) -> None:
    first = await enter(world, mission, external_id="A-1")
    await reject(world, first)
    other = await enter(world, mission, "2023-06-21", external_id="A-1")
    recall = f"time-entries/{first}/recall"
    told = problem(await world.consultant.post(recall), 409, "already-exists")
    assert (told["existing_id"], told["errors"][0]["pointer"]) == (other, "/external_id")
    told = problem(await world.consultant.post("time-entries/recall", {"ids": [first]}), 409, "entries-refused")
    assert (told["errors"][0]["code"], told["errors"][0]["existing_id"]) == ("already_exists", other)
    problem(await world.consultant.post(recall, {"external_id": "A-2"}), 422, "validation-failed")
    problem(await world.consultant.post(recall, {"id": None}), 422, "validation-failed")
    given_up = ok(await world.consultant.post(recall, {"external_id": None}))
    assert (given_up["status"], given_up["external_id"]) == ("draft", None)
    await reject(world, other)
    ok(await world.consultant.patch(f"time-entries/{first}", {"external_id": "A-1"}))
    told = problem(await world.consultant.post(f"time-entries/{other}/recall"), 409, "already-exists")
    assert told["existing_id"] == first
    ok(await world.consultant.delete(f"time-entries/{first}"))
    assert ok(await world.consultant.post(f"time-entries/{other}/recall", {}))["external_id"] == "A-1"
