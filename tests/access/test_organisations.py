"""Organisations, their people and their programs."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.world import World, fresh_email, fresh_siren, ok, problem


def home(world: World, organisation: str = "partner") -> str:
    return f"/v1/organisations/{world.organisations[organisation]}"


def somebody() -> dict[str, str]:
    name = secrets.token_hex(6)
    return {"name": f"Person {name}", "email": f"{name}@cabinet.example"}


async def test_an_organisation_is_registered_once_by_its_siren(world: World) -> None:
    body = {"name": "Cabinet", "siren": fresh_siren()}
    made = await world.admin.post("/v1/organisations", body)
    organisation = ok(made, 201)
    assert made.headers["location"] == f"/v1/organisations/{organisation['id']}"
    assert made.headers["etag"] == '"1"'
    refused = problem(await world.admin.post("/v1/organisations", {**body, "name": "Other"}), 409, "already-exists")
    assert refused["errors"] == [
        {"pointer": "/siren", "code": "duplicate", "detail": "Another object already has this value."}
    ]
    assert ok(await world.auditor.get("/v1/organisations", params={"siren": body["siren"]}))["items"] == [organisation]


async def test_twenty_registrations_of_one_siren_at_once_make_one_organisation(world: World) -> None:
    body = {"name": "Cabinet", "siren": fresh_siren()}
    answers = await asyncio.gather(*(world.admin.post("/v1/organisations", body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_state_services_without_a_siren_are_told_apart_by_their_id(world: World) -> None:
    first, second = [ok(await world.admin.post("/v1/organisations", {"name": "Préfecture"}), 201) for _ in range(2)]
    assert first["siren"] is second["siren"] is None
    assert first["id"] != second["id"]


async def test_an_organisation_is_renamed_and_the_same_name_again_changes_nothing(world: World) -> None:
    address = home(world)
    changed = await world.admin.patch(address, {"name": "Cabinet renommé"})
    assert ok(changed)["version"] == 2
    again = await world.admin.patch(address, {"name": "Cabinet renommé"})
    assert (again.json(), again.headers["etag"]) == (changed.json(), changed.headers["etag"])
    told = await world.events(world.organisations["partner"])
    assert [event["type"] for event in told] == ["organisation.updated"]
    taken = ok(await world.auditor.get(home(world, "lead")))["siren"]
    problem(await world.admin.patch(address, {"siren": taken}), 409, "already-exists")
    assert ok(await world.admin.patch(address, {"siren": None}))["siren"] is None


async def test_organisations_are_found_without_accents_or_case(world: World) -> None:
    name = f"Énergie {world.territory}"
    made = ok(await world.admin.post("/v1/organisations", {"name": name}), 201)
    assert ok(await world.auditor.get("/v1/organisations", params={"q": f"energie {world.territory}"}))["items"] == [
        made
    ]


async def test_one_human_is_one_person_whatever_the_case_of_the_address(world: World) -> None:
    person = somebody()
    made = ok(await world.admin.post(f"{home(world)}/persons", person), 201)
    assert made["organisation_name"] == f"partner of {world.territory}"
    twin = {"name": "Another name", "email": person["email"].upper()}
    for organisation in ("partner", "lead"):
        refused = problem(await world.admin.post(f"{home(world, organisation)}/persons", twin), 409, "already-exists")
        assert [error["pointer"] for error in refused["errors"]] == ["/email"]
        assert person["email"] not in str(refused)


async def test_twenty_registrations_of_one_human_at_once_make_one_person(world: World) -> None:
    person = somebody()
    answers = await asyncio.gather(*(world.admin.post(f"{home(world)}/persons", person) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_homonyms_are_told_apart_by_their_addresses(world: World) -> None:
    named = [{"name": "Dupont", "email": fresh_email()} for _ in range(2)]
    first, second = [ok(await world.admin.post(f"{home(world)}/persons", body), 201) for body in named]
    assert first["id"] != second["id"]


@pytest.mark.parametrize(("body", "code"), [({}, "required"), ({"email": None}, "not_text")])
async def test_a_new_person_needs_an_address(world: World, body: dict[str, Any], code: str) -> None:
    refused = problem(await world.admin.post(f"{home(world)}/persons", {"name": "Dupont"} | body), 422,
                      "validation-failed")  # fmt: skip
    assert [(error["pointer"], error["code"]) for error in refused["errors"]] == [("/email", code)]


async def test_a_person_moves_to_another_organisation_and_stays_one_person(world: World) -> None:
    person = ok(await world.admin.post(f"{home(world)}/persons", somebody()), 201)
    address = f"{home(world)}/persons/{person['id']}"
    moved = ok(await world.admin.patch(address, {"organisation_id": str(world.organisations["lead"])}))
    assert moved["organisation_name"] == f"lead of {world.territory}"
    assert moved["version"] == 2
    problem(await world.admin.get(address), 404, "not-found")
    assert ok(await world.admin.get(f"{home(world, 'lead')}/persons/{person['id']}")) == moved
    nowhere = {"organisation_id": "019a9f5e-0000-7000-8000-000000000000"}
    refused = await world.admin.patch(f"{home(world, 'lead')}/persons/{person['id']}", nowhere)
    assert problem(refused, 404, "reference-not-found")["errors"][0]["pointer"] == "/organisation_id"


async def test_a_person_who_moves_takes_his_key_to_the_new_house(world: World) -> None:
    """The key speaks for the subject: from then on it enters days of the new organisation alone."""
    mission = await world.mission(days=10)
    address = f"{home(world)}/persons/{world.subjects['consultant']}"
    ok(await world.admin.patch(address, {"organisation_id": str(world.organisations["lead"])}))
    me = ok(await world.consultant.get("/v1/me"))
    assert me["organisation_id"] == str(world.organisations["lead"])
    ok(await world.consultant.post("time-entries", mission.entry(by="lead")), 201)
    problem(await world.consultant.post("time-entries", mission.entry(by="partner")), 403, "other-organisation")


async def test_a_person_who_moves_keeps_the_days_worked_for_the_former_house(world: World) -> None:
    mission = await world.mission(days=10, people={"partner": world.subjects["consultant"]})
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)
    address = f"{home(world)}/persons/{world.subjects['consultant']}"
    ok(await world.admin.patch(address, {"organisation_id": str(world.organisations["lead"])}))
    assert ok(await world.operator.get(f"time-entries/{entry['id']}"))["organisation_id"] == str(
        world.organisations["partner"]
    )


async def test_nobody_is_registered_in_an_organisation_that_is_not_there(world: World) -> None:
    nowhere = "/v1/organisations/019a9f5e-0000-7000-8000-000000000000"
    for collection, body in (("persons", somebody()), ("service-accounts", {"name": "warehouse"})):
        problem(await world.admin.post(f"{nowhere}/{collection}", body), 404, "not-found")
        problem(await world.admin.get(f"{nowhere}/{collection}"), 404, "not-found")


@pytest.mark.parametrize("collection", ["persons", "service-accounts"])
async def test_people_and_programs_are_found_in_their_own_house_alone(world: World, collection: str) -> None:
    body = somebody() if collection == "persons" else {"name": "warehouse"}
    made = await world.admin.post(f"{home(world)}/{collection}", body)
    known = ok(made, 201)
    assert ok(await world.admin.get(made.headers["location"])) == known
    problem(await world.admin.get(f"{home(world, 'lead')}/{collection}/{known['id']}"), 404, "not-found")
    other = {"persons": "service-accounts", "service-accounts": "persons"}[collection]
    problem(await world.admin.get(f"{home(world)}/{other}/{known['id']}"), 404, "not-found")


async def test_a_programs_name_is_unique_in_its_house(world: World) -> None:
    body = {"name": "warehouse"}
    ok(await world.admin.post(f"{home(world)}/service-accounts", body), 201)
    problem(await world.admin.post(f"{home(world)}/service-accounts", body), 409, "already-exists")
    ok(await world.admin.post(f"{home(world, 'lead')}/service-accounts", body), 201)


async def test_a_program_has_no_e_mail_address_and_is_not_patched_as_a_person(world: World) -> None:
    body = {"name": "warehouse", "email": "a@b.example"}
    refused = problem(await world.admin.post(f"{home(world)}/service-accounts", body), 422, "validation-failed")
    assert refused["errors"][0]["code"] == "unknown_field"
    account = ok(await world.admin.post(f"{home(world)}/service-accounts", {"name": "warehouse"}), 201)
    problem(await world.admin.patch(f"{home(world)}/persons/{account['id']}", {"email": None}), 404, "not-found")


async def test_a_program_with_a_key_is_known_as_one(world: World) -> None:
    account = ok(await world.admin.post(f"{home(world)}/service-accounts", {"name": "warehouse"}), 201)
    role = {"subject_id": account["id"], "role": "consultant", "territory": world.territory}
    ok(await world.admin.post("/v1/members", role), 201)
    issued = ok(await world.admin.post("/v1/api-keys", {"subject_id": account["id"], "name": "nightly"}), 201)
    me = ok(await world.http.get("/v1/me", headers={"Authorization": f"Bearer {issued['key']}"}))
    assert (me["subject_kind"], me["name"]) == ("service_account", "warehouse")


async def test_names_and_addresses_stay_out_of_events(world: World) -> None:
    person = somebody()
    made = ok(await world.admin.post(f"{home(world)}/persons", person), 201)
    changed: dict[str, Any] = {"name": f"Other {secrets.token_hex(6)}", "email": None}
    ok(await world.admin.patch(f"{home(world)}/persons/{made['id']}", changed))
    told = await world.events(made["id"])
    assert [event["type"] for event in told] == ["person.created", "person.updated"]
    for text in (person["name"], person["email"], changed["name"]):
        assert await world.pool.fetchval("SELECT count(*) FROM events WHERE strpos(events::text, $1) > 0", text) == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "blank_text"),
        ({"name": "x" * 101}, "too_long"),
        ({"name": "A", "email": "nobody"}, "invalid_email"),
        ({"name": None}, "not_text"),
        ({}, "required"),
        ({"name": "A", "kind": "service_account"}, "unknown_field"),
    ],
)
async def test_a_person_that_cannot_be_is_refused_at_the_door(world: World, body: dict[str, Any], code: str) -> None:
    refused = problem(await world.admin.post(f"{home(world)}/persons", body), 422, "validation-failed")
    assert code in {error["code"] for error in refused["errors"]}
