"""Many entries at once: all or none, by ids or by a filter, and each refusal with its place and reason."""

import asyncio
from datetime import date, timedelta
from typing import Any

from tests.world import Mission, World, ok, problem

FIRST = date(2023, 6, 14)


async def enter(world: World, mission: Mission, number: int, **more: Any) -> list[str]:
    items = [
        mission.entry(worked_on=(FIRST + timedelta(days=day)).isoformat(), days=0.25, **more) for day in range(number)
    ]
    client = world.lead if more.get("by") == "lead" else world.consultant
    made = ok(await client.post("time-entries/batch", {"items": items}), 201)
    return [entry["id"] for entry in made["items"]]


async def states(world: World) -> dict[str, str]:
    listed = ok(await world.operator.get("time-entries?limit=500"))["items"]
    return {entry["id"]: entry["status"] for entry in listed}


async def test_a_month_is_validated_by_one_filter(world: World) -> None:
    mission = await world.mission(days=40)
    ids = await enter(world, mission, 30)
    june = {"filter": {"mission_id": mission.id, "worked_from": "2023-06-01", "worked_to": "2023-06-30"}}
    dry = ok(await world.lead_judge.post("time-entries/validate?dry_run=true", june))["items"]
    assert (len(dry), {entry["status"] for entry in dry}) == (17, {"validated"})
    assert set((await states(world)).values()) == {"submitted"}
    done = ok(await world.lead_judge.post("time-entries/validate", june))["items"]
    assert {entry["id"] for entry in done} == set(ids[:17])
    assert {entry["validated_by"] for entry in done} == {str(world.subjects["lead_judge"])}
    assert {entry["version"] for entry in done} == {2}
    again = await world.lead_judge.post("time-entries/validate", june)
    assert ok(again)["items"] == [], "a filter looks at what is in a state to take the step"
    [*_, event] = await world.events(ids[0])
    assert (event["type"], event["resource_version"]) == ("time_entry.validated", 2)


async def test_one_that_cannot_keeps_all_of_them_and_each_is_named(world: World, other: World) -> None:
    mission = await world.mission(days=40)
    good = await enter(world, mission, 3)
    draft = await enter(world, mission, 1, status="draft")
    own = await enter(world, mission, 1, by="lead")
    judged_himself = ok(await world.lead.get(f"time-entries/{own[0]}"))["id"]
    away = await other.mission(days=10)
    foreign = ok(await other.consultant.post("time-entries", away.entry()), 201)["id"]
    ids = [*good, *draft, judged_himself, foreign]
    told = problem(await world.lead.post("time-entries/validate", {"ids": ids}), 409, "entries-refused")["errors"]
    assert [(error["pointer"], error["code"]) for error in told] == [
        ("/ids/3", "invalid_transition"), ("/ids/4", "separation_of_duties"), ("/ids/5", "not_found"),
    ]  # fmt: skip
    assert told[0]["id"] == draft[0]
    french = await world.lead.post("time-entries/validate", {"ids": ids}, headers={"Accept-Language": "fr"})
    assert french.json()["errors"][0]["detail"].startswith("L'état de l'objet")
    assert {(await states(world))[entry] for entry in good} == {"submitted"}
    ok(await world.lead.post("time-entries/validate", {"ids": [*good, *good]}))
    assert {(await states(world))[entry] for entry in good} == {"validated"}


async def test_the_chain_in_bulk_frees_and_takes_days(app: Any, world: World) -> None:
    mission = await world.mission(days=10, lead=0, partner=10)
    ids = {"ids": await enter(world, mission, 20, status="draft")}
    reason = {**ids, "reason": "Another firm."}

    async def left() -> float:
        return float((await world.follow_up())["days_left"])

    for client, action, chosen, days in (
        (world.consultant, "submit", ids, 5), (world.consultant, "recall", ids, 10),
        (world.consultant, "submit", ids, 5), (world.lead_judge, "reject", reason, 10),
        (world.consultant, "recall", ids, 10), (world.consultant, "submit", ids, 5),
        (world.lead_judge, "validate", ids, 5), (world.lead_judge, "reverse", reason, 10),
    ):  # fmt: skip
        done = ok(await client.post(f"time-entries/{action}", chosen))["items"]
        assert (len(done), await left()) == (20, days), action
    assert {entry["reason"] for entry in done} == {"Another firm."}
    assert await world.differences(app.state["engine"]) == []


async def test_drafts_beyond_the_order_are_refused_together(world: World) -> None:
    mission = await world.mission(days=4, lead=0, partner=4)
    ids = await enter(world, mission, 20, status="draft")
    told = problem(await world.consultant.post("time-entries/submit", {"ids": ids}), 409, "days-exhausted")
    assert (told["days_requested"], told["days_left"]) == (5, 4)
    assert (await world.follow_up())["days_entered"] == 0
    half = await world.mission(days=4, step=0.5)
    off = await enter(world, half, 2, status="draft")
    problem(await world.consultant.post("time-entries/submit", {"ids": off}), 409, "off-step")


async def test_a_partner_steps_over_its_own_entries_alone(world: World) -> None:
    mission = await world.mission(days=40)
    own, lead = await enter(world, mission, 2), await enter(world, mission, 2, by="lead")
    told = problem(await world.consultant.post("time-entries/recall", {"ids": [*own, *lead]}), 409, "entries-refused")
    assert [(error["pointer"], error["code"]) for error in told["errors"]] == [
        ("/ids/2", "not_found"), ("/ids/3", "not_found"),
    ]  # fmt: skip
    done = ok(await world.consultant.post("time-entries/recall", {"filter": {}}))["items"]
    assert {entry["id"] for entry in done} == set(own)
    problem(await world.consultant.post("time-entries/validate", {"ids": own}), 403, "forbidden")


async def test_ids_or_a_filter_and_no_more_than_a_thousand(world: World) -> None:
    mission = await world.mission(days=10)
    bodies: list[dict[str, Any]] = [
        {}, {"ids": [], "filter": {}}, {"ids": []}, {"ids": [mission.id], "filter": {}},
        {"ids": [mission.id] * 1001}, {"filter": {"state": "draft"}},
    ]  # fmt: skip
    for body in bodies:
        problem(await world.consultant.post("time-entries/submit", body), 422, "validation-failed")
    problem(await world.lead_judge.post("time-entries/reject", {"filter": {}}), 422, "validation-failed")


async def test_two_who_validate_the_same_at_once_do_it_once(world: World) -> None:
    mission = await world.mission(days=40)
    ids = await enter(world, mission, 12)
    found = await asyncio.gather(
        *(world.lead_judge.post("time-entries/validate", {"ids": ids[::way]}) for way in (1, -1) for _ in range(3))
    )
    assert sorted(response.status_code for response in found) == [200, 409, 409, 409, 409, 409]
    assert {len(await world.events(entry)) for entry in ids} == {2}
