"""What a consultancy may record of firms and projects, and what only the territory's staff may."""

import asyncio

import pytest

from tests.world import World, fresh_siren, ok, problem

ROLES = pytest.mark.parametrize("role", ["consultant", "lead"])


@ROLES
async def test_a_consultancy_registers_a_new_firm_and_leaves_a_known_one_as_it_is(world: World, role: str) -> None:
    client, staff = world.clients[role], world.clients["territory"]
    siren = fresh_siren()
    ok(await client.put(f"/v1/firms/{siren}", {"name": "Forges du Gardon"}), 201)
    ok(await client.put(f"/v1/firms/{siren}", {"name": "Forges du Gardon"}), 200)  # the same again
    refused = await client.put(f"/v1/firms/{siren}", {"name": "Other"})
    problem(refused, 403, "firm-change-reserved")
    problem(await client.post("/v1/firms", {"siren": siren, "name": "Other"}), 409, "already-exists")
    assert ok(await client.get(f"/v1/firms/{siren}"))["name"] == "Forges du Gardon"
    assert [event["type"] for event in await world.events(siren)] == ["firm.created"]
    ok(await staff.put(f"/v1/firms/{siren}", {"name": "Other"}), 200)
    for method, path, body in (
        ("PATCH", "", {"name": "Third"}),
        ("POST", "/refresh", None),
        ("POST", "/activities", {"naf_code": "25.62B", "naf_version": "naf_rev2", "from_on": "2023-01-01"}),
        ("POST", "/proceedings", {"kind": "liquidation", "opened_on": "2023-01-01"}),
    ):
        response = await client.request(method, f"/v1/firms/{siren}{path}", **({"json": body} if body else {}))
        problem(response, 403, "forbidden")
    ok(await client.post("/v1/firms", {"siren": fresh_siren(), "name": "Second"}), 201)


async def test_of_two_who_register_a_firm_at_once_one_makes_it_and_a_consultancy_changes_nothing(world: World) -> None:
    siren = fresh_siren()
    answers = await asyncio.gather(
        *(world.clients[role].put(f"/v1/firms/{siren}", {"name": f"By {role}"}) for role in ("consultant", "lead") * 3)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201, 403, 403, 403]
    first = next(answer.json()["name"] for answer in answers if answer.status_code == 201)
    assert ok(await world.auditor.get(f"/v1/firms/{siren}"))["name"] == first


@ROLES
async def test_a_consultancy_records_a_firm_as_identified_and_moves_none(world: World, role: str) -> None:
    client, staff, siren = world.clients[role], world.clients["territory"], await world.add_firm()
    for stage in ("solicited", "interviewed", "declined"):
        problem(await client.put(f"firms/{siren}", {"stage": stage, "reason": "Met."}), 403, "stage-reserved")
    identified = {"stage": "identified", "effective_on": "2023-07-04"}
    assert ok(await client.put(f"firms/{siren}", identified), 201)["stage"] == "identified"
    ok(await client.put(f"firms/{siren}", identified), 200)
    [passage] = ok(await client.get(f"firms/{siren}/stages"))["items"]
    assert passage["recorded_by"] == str(world.subjects[role])
    problem(await client.put(f"firms/{siren}", {**identified, "effective_on": "2023-07-01"}), 403, "stage-reserved")
    problem(await client.put(f"firms/{siren}", {**identified, "reason": "Again."}), 403, "stage-reserved")
    ok(await staff.put(f"firms/{siren}", {"stage": "interviewed", "reason": "Met."}), 200)
    problem(await client.put(f"firms/{siren}", {"stage": "identified", "reason": "Back."}), 403, "stage-reserved")
    problem(await client.patch(f"firms/{siren}", {"external_id": "x"}), 403, "forbidden")
    problem(await client.put(f"firms/{fresh_siren()}", {"stage": "identified"}), 404, "reference-not-found")


@ROLES
async def test_a_consultant_records_projects_detected_in_an_audition_of_its_own(world: World, role: str) -> None:
    mission = await world.mission(people={"partner": world.subjects["consultant"], "lead": world.subjects["lead"]})
    ours = mission.lead_consultant if role == "lead" else mission.partner_consultant
    theirs = mission.partner_consultant if role == "lead" else mission.lead_consultant
    client, siren = world.clients[role], await world.followed_firm()
    own = await world.audition(siren, consultant_ids=[ours, theirs])
    other = await world.audition(siren, consultant_ids=[theirs])
    ok(await client.post(f"auditions/{own['id']}/hold", {"held_on": "2023-07-04"}))
    body = {"title": "Workshop", "kind": "equipment", "maturity": "idea", "detected_on": "2023-07-04",
            "holders": [{"kind": "firm", "siren": siren}]}  # fmt: skip
    nobody = "019a9f5e-0000-7000-8000-000000000000"
    for audition in (None, other["id"], nobody):
        refused = await client.post("projects", {**body, "detected_in_audition_id": audition})
        problem(refused, 403, "detection-reserved")
    del body["detected_on"]
    made = ok(await client.post("projects", {**body, "detected_in_audition_id": own["id"]}), 201)
    assert (made["stage"], made["detected_on"]) == ("detected", "2023-07-04")
    problem(await client.patch(f"projects/{made['id']}", {"title": "Other"}), 403, "forbidden")
    stage = {"stage": "oriented", "funding_route": "rebond"}
    problem(await client.post(f"projects/{made['id']}/stages", stage), 403, "forbidden")


async def test_an_audition_of_another_territory_is_none_of_ones_own(world: World, other: World) -> None:
    """Somebody who works in two territories records each project where it was detected."""
    person, client = other.subjects["consultant"], other.consultant
    await world.pool.execute(
        "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
        " VALUES ($1, 'consultant', $2, '2020-01-01', now(), now(), now())",
        person,
        world.territory,
    )
    mission = await other.mission(people={"partner": person})
    audition = await other.audition(consultant_ids=[mission.partner_consultant])
    body = {"title": "Workshop", "kind": "equipment", "maturity": "idea", "detected_on": "2023-07-04",
            "detected_in_audition_id": audition["id"]}  # fmt: skip
    here = {**body, "holders": [{"kind": "firm", "siren": await world.followed_firm()}]}
    problem(await client.post(f"{world.consultant.base}/projects", here), 403, "detection-reserved")
    there = {**body, "holders": [{"kind": "firm", "siren": audition["sirens"][0]}]}
    ok(await client.post("projects", there), 201)
