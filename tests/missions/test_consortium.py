"""Members of the consortium with their allotments, and the persons assigned."""

import asyncio
from typing import Any

import pytest

from app.core import clock
from tests.world import Mission, World, ok, problem

NOWHERE = "019a9f5e-0000-7000-8000-000000000000"


async def ordered(world: World, days: float = 10) -> str:
    """A mission with its order and no members."""
    mission_id = str(ok(await world.operator.post("missions", {"name": "Mission"}), 201)["id"])
    order = {"kind": "initial", "reference": "BC-1", "signed_on": "2023-06-01", "days": days,
             "starts_on": "2023-06-14", "ends_on": "2023-09-30"}  # fmt: skip
    ok(await world.operator.post(f"missions/{mission_id}/orders", order), 201)
    return mission_id


def member(world: World, organisation: str, days: float, role: str = "partner") -> dict[str, Any]:
    return {"organisation_id": str(world.organisations[organisation]), "role": role, "days_allotted": days}


async def allotted(world: World, mission_id: str) -> tuple[float, int]:
    mission = ok(await world.consultant.get(f"missions/{mission_id}"))
    return mission["days_allotted"], mission["version"]


# --- members ---------------------------------------------------------------------------------------------------------


async def test_allotments_sum_to_at_most_what_is_ordered(world: World) -> None:
    mission_id = await ordered(world, 10)
    address = f"missions/{mission_id}/members"
    lead = ok(await world.operator.post(address, member(world, "lead", 6, "lead")), 201)
    assert lead["organisation_name"] == f"lead of {world.territory}"
    assert await allotted(world, mission_id) == (6, 3)
    refused = await world.operator.post(address, member(world, "partner", 4.25))
    told = problem(refused, 409, "allotments-exceed-order")
    assert (told["days_allotted"], told["days_ordered"]) == (10.25, 10)
    assert "10.25 days would be allotted, 10.00 ordered." in told["detail"]
    assert await allotted(world, mission_id) == (6, 3)
    partner = ok(await world.operator.post(address, member(world, "partner", 4)), 201)
    assert await allotted(world, mission_id) == (10, 4)
    told = problem(
        await world.operator.patch(
            f"{address}/{partner['id']}", {"days_allotted": 4.25, "reason": "Agreed.", "decided_on": "2023-07-03"}
        ),
        409,
        "allotments-exceed-order",
    )
    assert (told["days_allotted"], told["days_ordered"]) == (10.25, 10)
    ok(
        await world.operator.patch(
            f"{address}/{lead['id']}", {"days_allotted": 5.5, "reason": "Agreed.", "decided_on": "2023-07-03"}
        )
    )
    ok(
        await world.operator.patch(
            f"{address}/{partner['id']}", {"days_allotted": 4.5, "reason": "Agreed.", "decided_on": "2023-07-03"}
        )
    )
    assert await allotted(world, mission_id) == (10, 6)
    listed = ok(await world.lead.get(f"{address}?sort=-days_allotted"))["items"]
    assert [(item["role"], item["days_allotted"], item["version"]) for item in listed] == [
        ("lead", 5.5, 2),
        ("partner", 4.5, 2),
    ]


async def test_the_last_days_are_allotted_to_exactly_one_of_two(world: World) -> None:
    mission_id = await ordered(world, 10)
    bodies = [member(world, "lead", 6), member(world, "partner", 6)]
    answers = await asyncio.gather(*(world.operator.post(f"missions/{mission_id}/members", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert (await allotted(world, mission_id))[0] == 6


async def test_a_consortium_has_one_lead(world: World) -> None:
    mission = await world.mission(days=10)
    address = f"missions/{mission.id}/members"
    problem(await world.operator.post(address, member(world, "office", 0, "lead")), 409, "second-lead")
    problem(await world.operator.patch(f"{address}/{mission.partner_member}", {"role": "lead"}), 409, "second-lead")
    ok(await world.operator.patch(f"{address}/{mission.lead_member}", {"role": "partner"}))
    assert ok(await world.operator.patch(f"{address}/{mission.partner_member}", {"role": "lead"}))["role"] == "lead"


async def test_an_organisation_is_a_member_once(world: World) -> None:
    mission = await world.mission(days=10, lead=0, partner=0)
    refused = await world.operator.post(f"missions/{mission.id}/members", member(world, "partner", 1))
    assert {error["pointer"] for error in problem(refused, 409, "already-exists")["errors"]} >= {"/organisation_id"}
    unknown = {**member(world, "partner", 1), "organisation_id": NOWHERE}
    refused = await world.operator.post(f"missions/{mission.id}/members", unknown)
    assert problem(refused, 404, "reference-not-found")["errors"][0]["pointer"] == "/organisation_id"


async def test_an_allotment_never_falls_below_what_is_entered(world: World) -> None:
    mission = await world.mission(days=10)
    ok(await world.consultant.post("time-entries", mission.entry(days=0.75)), 201)
    address = f"missions/{mission.id}/members/{mission.partner_member}"
    told = problem(
        await world.operator.patch(address, {"days_allotted": 0.5, "reason": "Agreed.", "decided_on": "2023-07-03"}),
        409,
        "allotment-below-entered",
    )
    assert (told["days_allotted"], told["days_entered"]) == (0.5, 0.75)
    ok(await world.operator.patch(address, {"days_allotted": 0.75, "reason": "Agreed.", "decided_on": "2023-07-03"}))
    refused = await world.consultant.post("time-entries", mission.entry(days=0.25))
    assert problem(refused, 409, "allotment-exhausted")["days_left"] == 0
    ok(await world.operator.patch(address, {"days_allotted": 1, "reason": "Agreed.", "decided_on": "2023-07-03"}))
    ok(await world.consultant.post("time-entries", mission.entry(days=0.25)), 201)


@pytest.mark.parametrize("days", [-0.25, 0.1, "1", None, 1e9])
async def test_an_allotment_is_counted_in_quarter_days(world: World, days: Any) -> None:
    mission = await world.mission(days=10)
    address = f"missions/{mission.id}/members/{mission.partner_member}"
    problem(
        await world.operator.patch(address, {"days_allotted": days, "reason": "Agreed.", "decided_on": "2023-07-03"}),
        422,
        "validation-failed",
    )


async def test_the_same_allotment_again_changes_nothing(world: World) -> None:
    mission = await world.mission(days=10)
    before = await allotted(world, mission.id)
    address = f"missions/{mission.id}/members/{mission.partner_member}"
    first = await world.operator.get(address)
    again = await world.operator.patch(
        address, {"days_allotted": 5, "reason": "Agreed.", "decided_on": "2023-07-03", "role": "partner"}
    )
    assert (ok(again), again.headers["etag"]) == (first.json(), first.headers["etag"])
    assert await allotted(world, mission.id) == before
    assert len(await world.events(mission.partner_member)) == 1


async def test_a_dry_run_of_the_consortium_changes_nothing(world: World) -> None:
    mission = await world.mission(days=10, lead=4, partner=4)
    before = await allotted(world, mission.id), await world.follow_up()
    told = "SELECT count(*) FROM events WHERE territory = $1"
    events = await world.pool.fetchval(told, world.territory)
    members = f"missions/{mission.id}/members"
    person = str(await world.add_person("partner"))
    assigned = {"person_id": person, "mission_id": mission.id, "from_on": "2023-06-14"}
    leave = {"until_on": "2199-12-31", "reason": "Late."}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", members, member(world, "office", 2)),
        (
            "PATCH",
            f"{members}/{mission.partner_member}",
            {"days_allotted": 6, "reason": "Agreed.", "decided_on": "2023-07-03"},
        ),
        ("POST", "consultants", assigned),
        ("PATCH", f"consultants/{mission.partner_consultant}", {"to_on": "2023-07-31"}),
        ("POST", f"missions/{mission.id}/late-entry-leaves", leave),
        ("PATCH", f"missions/{mission.id}", {"step": 0.5}),
        ("POST", "missions", {"name": "Another"}),
    ]
    for method, path, body in calls:
        ok(await world.operator.request(method, path, json=body, params={"dry_run": "true"}), 200)
    beyond = member(world, "office", 2.25)
    problem(await world.operator.post(f"{members}?dry_run=true", beyond), 409, "allotments-exceed-order")
    assert (await allotted(world, mission.id), await world.follow_up()) == before
    assert await world.pool.fetchval(told, world.territory) == events
    assert len(ok(await world.lead.get("missions"))["items"]) == 1


async def test_a_change_of_a_member_is_a_change_of_the_mission(world: World) -> None:
    mission = await world.mission(days=10)
    tag = (await world.operator.get(f"missions/{mission.id}")).headers["etag"]
    address = f"missions/{mission.id}/members/{mission.partner_member}"
    ok(await world.operator.patch(address, {"days_allotted": 4, "reason": "Agreed.", "decided_on": "2023-07-03"}))
    mine = {"If-Match": tag}
    problem(await world.operator.patch(f"missions/{mission.id}", {"name": "X"}, headers=mine), 412, "stale-version")
    told = [event["type"] for event in await world.events(mission.id)]
    assert told[-1] == "mission.updated"
    assert [event["type"] for event in await world.events(mission.partner_member)][-1] == "mission_member.updated"


async def test_entering_days_moves_no_version_of_the_mission(world: World) -> None:
    mission = await world.mission(days=10)
    before = (await world.operator.get(f"missions/{mission.id}")).headers["etag"]
    ok(await world.consultant.post("time-entries", mission.entry()), 201)
    assert (await world.operator.get(f"missions/{mission.id}")).headers["etag"] == before


# --- consultants -----------------------------------------------------------------------------------------------------


async def assign(world: World, mission: Mission, person: Any, **more: Any) -> Any:
    body = {"person_id": str(person), "mission_id": mission.id, "from_on": "2023-06-14", **more}
    return await world.operator.post("consultants", body)


async def test_a_person_is_assigned_through_its_organisation(world: World) -> None:
    mission = await world.mission(days=10)
    person = await world.add_person("partner", "Consultante A")
    made = await assign(world, mission, person, profile="senior", to_on="2023-09-30")
    consultant = ok(made, 201)
    assert consultant["person_name"] == "Consultante A"
    assert consultant["organisation_id"] == str(world.organisations["partner"])
    assert (consultant["mission_name"], consultant["profile"]) == ("Mission", "senior")
    assert ok(await world.lead.get(made.headers["location"])) == consultant
    found = ok(await world.lead.get("consultants", params={"q": "consultante a", "mission_id": mission.id}))["items"]
    assert found == [consultant]
    [event] = await world.events(consultant["id"])
    assert "Consultante A" not in event["data"]


async def test_a_person_outside_the_consortium_is_not_assigned(world: World) -> None:
    mission = await world.mission(days=10)
    stranger = await world.add_person("office")
    problem(await assign(world, mission, stranger), 409, "person-not-in-consortium")
    ok(await world.operator.post(f"missions/{mission.id}/members", member(world, "office", 0)), 201)
    ok(await assign(world, mission, stranger), 201)


async def test_an_assignment_names_a_person_and_a_mission_of_this_territory(world: World, other: World) -> None:
    mission, elsewhere = await world.mission(days=10), await other.mission(days=10)
    person = await world.add_person("partner")
    account = f"/v1/organisations/{world.organisations['partner']}/service-accounts"
    program = ok(await world.admin.post(account, {"name": "warehouse"}), 201)["id"]
    for stranger in (NOWHERE, program):
        refused = problem(await assign(world, mission, stranger), 404, "reference-not-found")
        assert refused["errors"][0]["pointer"] == "/person_id"
    for mission_id in (NOWHERE, elsewhere.id):
        refused = problem(await assign(world, mission, person, mission_id=mission_id), 404, "reference-not-found")
        assert refused["errors"][0]["pointer"] == "/mission_id"


@pytest.mark.parametrize(
    ("from_on", "to_on", "status"),
    [
        ("2023-07-01", "2023-07-31", 409),
        ("2023-06-01", "2023-07-01", 409),
        ("2023-07-31", None, 409),
        ("2023-06-01", None, 409),
        ("2023-07-10", "2023-07-10", 409),
        ("2023-06-01", "2023-06-30", 201),
        ("2023-08-01", None, 201),
    ],
)
async def test_a_person_is_assigned_to_a_mission_once_at_a_time(
    world: World, from_on: str, to_on: str | None, status: int
) -> None:
    mission = await world.mission(days=10)
    person = await world.add_person("partner")
    ok(await assign(world, mission, person, from_on="2023-07-01", to_on="2023-07-31"), 201)
    answer = await assign(world, mission, person, from_on=from_on, to_on=to_on)
    if status == 201:
        ok(answer, 201)
    else:
        problem(answer, 409, "already-assigned")


async def test_twenty_assignments_of_a_person_at_once_are_one(world: World) -> None:
    mission = await world.mission(days=10)
    person = await world.add_person("partner")
    answers = await asyncio.gather(*(assign(world, mission, person) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_an_assignment_that_is_extended_does_not_meet_another(world: World) -> None:
    mission = await world.mission(days=10)
    person = await world.add_person("partner")
    first = ok(await assign(world, mission, person, to_on="2023-07-31"), 201)
    ok(await assign(world, mission, person, from_on="2023-08-01"), 201)
    problem(await world.operator.patch(f"consultants/{first['id']}", {"to_on": None}), 409, "already-assigned")


async def test_one_person_works_on_two_missions_at_a_time(world: World) -> None:
    first, second = await world.mission(days=10), await world.mission(days=10)
    person = await world.add_person("partner")
    for mission in (first, second):
        ok(await assign(world, mission, person), 201)


async def test_no_entry_falls_outside_an_assignment_that_shrinks(world: World) -> None:
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-04")), 201)
    address = f"consultants/{mission.partner_consultant}"
    for change in ({"to_on": "2023-07-03"}, {"from_on": "2023-07-05"}):
        problem(await world.operator.patch(address, change), 409, "entries-outside-assignment")
    shrunk = ok(await world.operator.patch(address, {"from_on": "2023-07-04", "to_on": "2023-07-04"}))
    assert (shrunk["from_on"], shrunk["to_on"]) == ("2023-07-04", "2023-07-04")
    ok(await world.consultant.post(f"time-entries/{entry['id']}/reverse", {"reason": "Wrong day."}))
    assert ok(await world.operator.patch(address, {"from_on": "2023-06-14", "to_on": "2023-07-03"}))["version"] == 3
    refused = problem(await world.consultant.post("time-entries", mission.entry()), 409, "outside-assignment")
    assert (refused["from_on"], refused["to_on"]) == ("2023-06-14", "2023-07-03")


async def test_entries_stay_with_an_assignment_that_moves_around_them(world: World) -> None:
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)
    ok(await world.operator.patch(f"consultants/{mission.partner_consultant}", {"to_on": "2023-08-31"}))
    read = ok(await world.consultant.get(f"time-entries/{entry['id']}"))
    assert (read["version"], read["consultant_id"]) == (1, mission.partner_consultant)
    ok(await world.operator.patch(f"consultants/{mission.partner_consultant}", {"to_on": None, "profile": "junior"}))


async def test_an_assignment_never_ends_before_it_begins(world: World) -> None:
    mission = await world.mission(days=10)
    person = await world.add_person("partner")
    problem(await assign(world, mission, person, to_on="2023-06-13"), 422, "validation-failed")
    made = ok(await assign(world, mission, person, to_on="2023-06-14"), 201)
    refused = await world.operator.patch(f"consultants/{made['id']}", {"from_on": "2023-06-15"})
    assert problem(refused, 422, "validation-failed")["errors"][0]["code"] == "period_reversed"
    again = await world.operator.patch(f"consultants/{made['id']}", {"to_on": "2023-06-14"})
    assert ok(again) == made


async def test_assignments_of_another_territory_are_not_there(world: World, other: World) -> None:
    mission = await other.mission(days=10)
    problem(await world.operator.get(f"consultants/{mission.lead_consultant}"), 404, "not-found")
    problem(await world.operator.patch(f"consultants/{mission.lead_consultant}", {"profile": "x"}), 404, "not-found")
    assert ok(await world.operator.get("consultants"))["items"] == []


async def test_an_allotment_has_the_day_of_the_only_order_or_is_asked_for_it(world: World) -> None:
    mission_id = await ordered(world, 10)
    [order] = ok(await world.operator.get(f"missions/{mission_id}/orders"))["items"]
    made = ok(await world.operator.post(f"missions/{mission_id}/members", member(world, "lead", 6)), 201)
    [act] = ok(await world.operator.get(f"missions/{mission_id}/allotments"))["items"]
    assert act["decided_on"] == order["signed_on"] < clock.today().isoformat()
    address = f"missions/{mission_id}/members/{made['id']}"
    told = problem(
        await world.operator.patch(address, {"days_allotted": 5, "reason": "Agreed."}), 422, "validation-failed"
    )
    assert [error["code"] for error in told["errors"]] == ["allotment_day"]
    amendment = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-09-01", "days": 2, "reason": "More."}
    ok(await world.operator.post(f"missions/{mission_id}/orders", amendment), 201)
    second = member(world, "partner", 1)
    told = problem(await world.operator.post(f"missions/{mission_id}/members", second), 422, "validation-failed")
    assert [(error["pointer"], error["code"]) for error in told["errors"]] == [("/decided_on", "required")]
    ok(await world.operator.post(f"missions/{mission_id}/members", second | {"decided_on": "2023-09-01"}), 201)
