"""Missions and their orders: days and window come from orders alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core import clock
from tests.world import Mission, World, ok, problem

INITIAL = {
    "kind": "initial",
    "reference": "BC-1",
    "signed_on": "2023-06-01",
    "days": 100,
    "starts_on": "2023-06-14",
    "ends_on": "2023-09-30",
}


def amendment(reference: str = "AV-1", **more: Any) -> dict[str, Any]:
    given = {"kind": "amendment", "reference": reference, "signed_on": "2023-09-01", "days": 0, "reason": "Asked for."}
    return given | more


async def bare(world: World, **more: Any) -> str:
    """A mission without an order."""
    return str(ok(await world.operator.post("missions", {"name": "Mission", **more}), 201)["id"])


async def seen(world: World, mission_id: str) -> dict[str, Any]:
    found: dict[str, Any] = ok(await world.consultant.get(f"missions/{mission_id}"))
    return found


async def order(world: World, mission_id: str, body: dict[str, Any]) -> Any:
    return await world.operator.post(f"missions/{mission_id}/orders", body)


# --- the mission -----------------------------------------------------------------------------------------------------


async def test_a_mission_begins_without_days_and_without_a_window(world: World) -> None:
    made = await world.operator.post("missions", {"name": "Ingénierie", "external_id": "BDT-14"})
    mission = ok(made, 201)
    assert (mission["days_ordered"], mission["days_allotted"], mission["step"]) == (0, 0, 0.25)
    assert (mission["starts_on"], mission["ends_on"], mission["late_entry_grace_days"]) == (None, None, None)
    assert made.headers["etag"].startswith('"1-')  # it shows a name: a digest follows
    assert ok(await world.consultant.get(made.headers["location"])) == mission
    problem(await world.operator.post("missions", {"name": "Twin", "external_id": "BDT-14"}), 409, "already-exists")


async def test_an_external_id_is_unique_in_its_territory_alone(world: World, other: World) -> None:
    mine = await bare(world, external_id="BDT-14")
    theirs = await bare(other, external_id="BDT-14")
    for place, mission_id in ((world, mine), (other, theirs)):
        found = ok(await place.lead.get("missions", params={"external_id": "BDT-14"}))["items"]
        assert [item["id"] for item in found] == [mission_id]


@pytest.mark.parametrize("step", [0.1, 0.75, 1, 0, -0.25, "0.25", None])
async def test_a_step_is_a_quarter_or_half_a_day(world: World, step: Any) -> None:
    problem(await world.operator.post("missions", {"name": "M", "step": step}), 422, "validation-failed")


async def test_a_mission_is_renamed_on_the_version_that_was_read(world: World) -> None:
    mission_id = await bare(world)
    address = f"missions/{mission_id}"
    ok(await world.operator.patch(address, {"name": "Alès"}, headers={"If-Match": '"1"'}))
    problem(await world.operator.patch(address, {"name": "Bis"}, headers={"If-Match": '"1"'}), 412, "stale-version")
    again = await world.operator.patch(address, {"name": "Alès"})
    assert again.headers["etag"].startswith('"2-')
    assert [event["type"] for event in await world.events(mission_id)] == ["mission.created", "mission.updated"]


async def test_the_step_changes_only_while_nothing_is_entered(world: World) -> None:
    mission = await world.mission(days=10, step=0.5)
    address = f"missions/{mission.id}"
    ok(await world.operator.patch(address, {"step": 0.25}))
    entry = ok(await world.consultant.post("time-entries", mission.entry(days=0.25)), 201)
    problem(await world.operator.patch(address, {"step": 0.5}), 409, "step-in-use")
    assert ok(await world.operator.patch(address, {"name": "Renamed", "step": 0.25}))["step"] == 0.25
    ok(await world.consultant.post(f"time-entries/{entry['id']}/recall"))
    assert ok(await world.operator.patch(address, {"step": 0.5}))["step"] == 0.5
    refused = await world.consultant.post(f"time-entries/{entry['id']}/submit")
    assert problem(refused, 409, "off-step")["step"] == 0.5


# --- orders ----------------------------------------------------------------------------------------------------------


async def test_the_initial_order_gives_the_mission_its_days_and_its_window(world: World) -> None:
    mission_id = await bare(world)
    made = await order(world, mission_id, INITIAL)
    first = ok(made, 201)
    assert (first["days"], first["days_ordered"]) == (100, 100)
    assert ok(await world.lead.get(made.headers["location"])) == first
    mission = await seen(world, mission_id)
    assert (mission["days_ordered"], mission["starts_on"], mission["ends_on"]) == (100, "2023-06-14", "2023-09-30")
    assert mission["version"] == 2
    problem(await order(world, mission_id, {**INITIAL, "reference": "BC-2"}), 409, "second-initial-order")
    problem(await order(world, mission_id, amendment("BC-1")), 409, "already-exists")


async def test_no_amendment_comes_before_the_initial_order(world: World) -> None:
    mission_id = await bare(world)
    problem(await order(world, mission_id, amendment(days=5)), 409, "order-missing")
    assert ok(await world.lead.get(f"missions/{mission_id}/orders"))["items"] == []


async def test_amendments_add_days_take_days_away_and_move_the_window(world: World) -> None:
    mission_id = await bare(world)
    ok(await order(world, mission_id, INITIAL), 201)
    acts = [
        (amendment("AV-1", days=0, ends_on="2023-10-03", reason="Closing committee."), 100, "2023-06-14", "2023-10-03"),
        (amendment("AV-2", days=12.5), 112.5, "2023-06-14", "2023-10-03"),
        (amendment("AV-3", days=-30.25), 82.25, "2023-06-14", "2023-10-03"),
        (amendment("AV-4", starts_on="2023-06-01"), 82.25, "2023-06-01", "2023-10-03"),
        (amendment("AV-5", starts_on="2023-07-01", ends_on="2023-12-31"), 82.25, "2023-07-01", "2023-12-31"),
    ]
    for number, (body, days, starts_on, ends_on) in enumerate(acts):
        made = ok(await order(world, mission_id, body), 201)
        assert made["days_ordered"] == days
        mission = await seen(world, mission_id)
        assert (mission["days_ordered"], mission["starts_on"], mission["ends_on"]) == (days, starts_on, ends_on)
        assert mission["version"] == number + 3
        assert (await world.follow_up())["days_ordered"] == days
    listed = ok(await world.lead.get(f"missions/{mission_id}/orders"))["items"]
    assert [act["days_ordered"] for act in listed] == [100, 100, 112.5, 82.25, 82.25, 82.25]
    kinds = ok(await world.lead.get(f"missions/{mission_id}/orders?kind=initial&count=exact"))
    assert kinds["total"] == 1


async def test_an_order_is_an_act_and_is_never_changed(world: World) -> None:
    mission_id = await bare(world)
    made = ok(await order(world, mission_id, INITIAL), 201)
    address = f"missions/{mission_id}/orders/{made['id']}"
    for method in ("PATCH", "PUT", "DELETE"):
        refused = await world.operator.request(method, address, json={"days": 1})
        problem(refused, 405, "method-not-allowed")
    for attack in ("UPDATE orders SET days = 1000", "DELETE FROM orders"):
        with pytest.raises(Exception, match="append-only"):
            await world.pool.execute(f"{attack} WHERE mission_id = $1::text::uuid", mission_id)


@pytest.mark.parametrize(
    "change",
    [
        {"days": 0}, {"days": -1}, {"days": 0.1}, {"days": "100"}, {"starts_on": None}, {"ends_on": None},
        {"ends_on": "2023-06-13"}, {"kind": "final"}, {"signed_on": "2023-02-30"}, {"reference": ""},
        {"days": 1_000_000}, {"days_ordered": 100},
    ],
)  # fmt: skip
async def test_an_initial_order_says_its_days_and_its_whole_window(world: World, change: dict[str, Any]) -> None:
    mission_id = await bare(world)
    problem(await order(world, mission_id, {**INITIAL, **change}), 422, "validation-failed")
    assert (await seen(world, mission_id))["version"] == 1


async def test_a_window_never_ends_before_it_starts(world: World) -> None:
    mission_id = await bare(world)
    ok(await order(world, mission_id, INITIAL), 201)
    problem(await order(world, mission_id, amendment(ends_on="2023-06-13")), 409, "mission-window")
    problem(await order(world, mission_id, amendment(starts_on="2023-10-01")), 409, "mission-window")
    one_day = ok(await order(world, mission_id, amendment(ends_on="2023-06-14")), 201)
    assert one_day["ends_on"] == "2023-06-14"


async def test_what_is_ordered_never_falls_below_what_is_entered(world: World) -> None:
    mission = await world.mission(days=10, lead=0, partner=2)
    for day in ("2023-07-04", "2023-07-05"):
        ok(await world.consultant.post("time-entries", mission.entry(days=1, worked_on=day)), 201)
    ok(
        await world.operator.patch(
            f"missions/{mission.id}/members/{mission.partner_member}",
            {"days_allotted": 2, "reason": "Agreed.", "decided_on": "2023-07-03"},
        )
    )
    told = problem(await order(world, mission.id, amendment(days=-8.25)), 409, "ordered-below-entered")
    assert (told["days_ordered"], told["days_entered"]) == (1.75, 2)
    ok(await order(world, mission.id, amendment(days=-8)), 201)
    assert (await world.follow_up())["days_left"] == 0
    problem(await order(world, mission.id, amendment("AV-2", days=-50)), 409, "ordered-below-entered")


async def test_what_is_ordered_never_falls_below_what_is_allotted(world: World) -> None:
    mission = await world.mission(days=10, lead=6, partner=4)
    told = problem(await order(world, mission.id, amendment(days=-0.25)), 409, "allotments-exceed-order")
    assert (told["days_allotted"], told["days_ordered"]) == (10, 9.75)
    ok(
        await world.operator.patch(
            f"missions/{mission.id}/members/{mission.lead_member}",
            {"days_allotted": 5.75, "reason": "Agreed.", "decided_on": "2023-07-03"},
        )
    )
    ok(await order(world, mission.id, amendment(days=-0.25)), 201)


@pytest.mark.parametrize("bound", [{"ends_on": "2023-07-03"}, {"starts_on": "2023-07-05"}])
async def test_a_window_is_not_drawn_tighter_than_what_counts(world: World, bound: dict[str, str]) -> None:
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-04")), 201)
    refused = problem(await order(world, mission.id, amendment(**bound)), 409, "entries-outside-window")
    assert refused["entries"] == 1
    assert (await seen(world, mission.id))["ends_on"] == "2023-09-30"
    ok(await world.consultant.post(f"time-entries/{entry['id']}/recall"))
    ok(await order(world, mission.id, amendment(**bound)), 201)
    problem(await world.consultant.post(f"time-entries/{entry['id']}/submit"), 409, "outside-mission-window")


async def test_a_day_of_the_amended_window_is_taken_at_once(world: World) -> None:
    mission = await world.mission(days=10)
    late = mission.entry(worked_on="2023-10-03")
    refused = problem(await world.consultant.post("time-entries", late), 409, "outside-mission-window")
    assert (refused["starts_on"], refused["ends_on"]) == ("2023-06-14", "2023-09-30")
    ok(await order(world, mission.id, amendment(ends_on="2023-10-03")), 201)
    ok(await world.consultant.post("time-entries", late), 201)


async def test_a_mission_without_an_order_takes_no_days(world: World) -> None:
    mission_id = await bare(world)
    member = {"organisation_id": str(world.organisations["partner"]), "role": "partner", "days_allotted": 0,
              "decided_on": "2023-06-01"}  # fmt: skip
    ok(await world.operator.post(f"missions/{mission_id}/members", member), 201)
    person = await world.add_person("partner")
    assigned = {"person_id": str(person), "mission_id": mission_id, "from_on": "2023-06-14"}
    consultant = ok(await world.operator.post("consultants", assigned), 201)["id"]
    entry = Mission(mission_id, "", consultant, "", "").entry()
    refused = problem(await world.consultant.post("time-entries", entry), 409, "days-exhausted")
    assert (refused["days_left"], refused["days_ordered"]) == (0, 0)


async def test_a_dry_run_of_an_order_orders_nothing(world: World) -> None:
    mission_id = await bare(world)
    told = ok(await world.operator.post(f"missions/{mission_id}/orders?dry_run=true", INITIAL), 200)
    assert told["days_ordered"] == 100
    assert (await seen(world, mission_id))["days_ordered"] == 0
    assert [event["type"] for event in await world.events(mission_id)] == ["mission.created"]
    problem(await world.operator.post(f"missions/{mission_id}/orders?dry_run=true", amendment()), 409, "order-missing")


async def test_each_order_is_told_and_the_mission_with_it(world: World) -> None:
    mission_id = await bare(world)
    made = ok(await order(world, mission_id, INITIAL), 201)
    assert [event["type"] for event in await world.events(made["id"])] == ["order.created"]
    told = await world.events(mission_id)
    assert [(event["type"], event["resource_version"]) for event in told] == [
        ("mission.created", 1),
        ("mission.updated", 2),
    ]


async def test_the_orders_of_another_territorys_mission_are_not_there(world: World, other: World) -> None:
    mission = await other.mission(days=10)
    for client in (world.lead, world.operator):
        problem(await client.get(f"missions/{mission.id}/orders"), 404, "not-found")
    problem(await order(world, mission.id, amendment(days=5)), 404, "not-found")
    assert (await seen(other, mission.id))["days_ordered"] == 10


# --- late entry ------------------------------------------------------------------------------------------------------


async def test_days_are_entered_until_the_grace_after_the_window_has_passed(world: World) -> None:
    mission = await world.mission(days=10, late_entry_grace_days=30)  # 30 September and 30 days: 30 October
    with clock.frozen(datetime.fromisoformat("2023-10-30T22:59:59Z")):
        ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-09-29")), 201)
    with clock.frozen(datetime.fromisoformat("2023-10-30T23:00:00Z")):
        refused = await world.consultant.post("time-entries", mission.entry(worked_on="2023-09-28"))
        assert problem(refused, 409, "late-entry")["enterable_until_on"] == "2023-10-30"


async def test_after_the_grace_a_draft_is_kept_but_not_submitted(world: World) -> None:
    mission = await world.mission(days=10, late_entry_grace_days=0)
    draft = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)
    problem(await world.consultant.post(f"time-entries/{draft['id']}/submit"), 409, "late-entry")


async def test_after_the_grace_an_entry_may_shrink_but_not_move(world: World) -> None:
    mission = await world.mission(days=10, late_entry_grace_days=0)
    with clock.frozen(datetime.fromisoformat("2023-09-30T12:00:00Z")):
        entry = ok(await world.consultant.post("time-entries", mission.entry(days=1)), 201)
    address = f"time-entries/{entry['id']}"
    assert ok(await world.consultant.patch(address, {"days": 0.5}))["days"] == 0.5
    problem(await world.consultant.patch(address, {"days": 0.75}), 409, "late-entry")
    problem(await world.consultant.patch(address, {"worked_on": "2023-07-05"}), 409, "late-entry")
    ok(await world.consultant.patch(address, {"note": "Afterwards."}))
    ok(await world.consultant.post(f"{address}/reverse", {"reason": "Wrong."}))


async def test_the_operators_leave_opens_entry_again_until_its_day(world: World) -> None:
    mission = await world.mission(days=10, late_entry_grace_days=0)
    entry = mission.entry()
    problem(await world.consultant.post("time-entries", entry), 409, "late-entry")
    address = f"missions/{mission.id}/late-entry-leaves"
    yesterday = (clock.today() - timedelta(days=1)).isoformat()
    ok(await world.operator.post(address, {"until_on": yesterday, "reason": "Too short."}), 201)
    refused = problem(await world.consultant.post("time-entries", entry), 409, "late-entry")
    assert refused["enterable_until_on"] == yesterday
    made = await world.operator.post(address, {"until_on": clock.today().isoformat(), "reason": "Closing committee."})
    leave = ok(made, 201)
    assert leave["granted_by"] == str(world.subjects["operator"])
    assert ok(await world.lead.get(made.headers["location"])) == leave
    ok(await world.consultant.post("time-entries", entry), 201)
    assert [item["until_on"] for item in ok(await world.auditor.get(address))["items"]] == [
        yesterday,
        clock.today().isoformat(),
    ]
    assert [event["type"] for event in await world.events(leave["id"])] == ["late_entry_leave.created"]


async def test_a_leave_survives_amendments_and_changes_of_the_grace(world: World) -> None:
    mission = await world.mission(days=10, late_entry_grace_days=0)
    leave = {"until_on": "2199-12-31", "reason": "Demonstration."}
    ok(await world.operator.post(f"missions/{mission.id}/late-entry-leaves", leave), 201)
    ok(await order(world, mission.id, amendment(ends_on="2023-10-03")), 201)
    ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-10-03", days=0.25)), 201)
    ok(await world.operator.patch(f"missions/{mission.id}", {"late_entry_grace_days": 5}))
    ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-10-03", days=0.25)), 201)


async def test_a_mission_without_a_grace_takes_late_days(world: World) -> None:
    mission = await world.mission(days=10, late_entry_grace_days=0)
    problem(await world.consultant.post("time-entries", mission.entry()), 409, "late-entry")
    assert ok(await world.operator.patch(f"missions/{mission.id}", {"late_entry_grace_days": None}))["version"] > 1
    ok(await world.consultant.post("time-entries", mission.entry()), 201)


async def test_a_grace_set_afterwards_does_not_undo_what_was_entered(world: World) -> None:
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)
    ok(await world.operator.patch(f"missions/{mission.id}", {"late_entry_grace_days": 0}))
    problem(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05")), 409, "late-entry")
    assert ok(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"))["status"] == "validated"


async def test_a_late_amendment_moves_the_grace_with_the_window(world: World) -> None:
    mission = await world.mission(days=10, late_entry_grace_days=0)
    problem(await world.consultant.post("time-entries", mission.entry()), 409, "late-entry")
    ok(await order(world, mission.id, amendment(ends_on=clock.today().isoformat())), 201)
    ok(await world.consultant.post("time-entries", mission.entry()), 201)
