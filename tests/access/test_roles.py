"""Roles: in one territory or in all, between two days; and who the caller is."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.access.rules import MATRIX, NATIONAL, OWN_ORGANISATION, Actor, Role, RoleInForce, SubjectKind, permissions_of
from app.core import clock
from app.integrations.imports.importers import IMPORTERS
from tests.world import Client, World, fresh_siren, ok, problem

TODAY = clock.today()


@pytest.fixture(autouse=True)
def uncached(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.state["credentials"], "_kept", 0.0)
    app.state["credentials"].forget()


async def newcomer(world: World, organisation: str = "partner") -> tuple[Client, str]:
    """Somebody with a key and no role."""
    async with world.pool.acquire() as connection:
        client = await world.add_subject(connection, "newcomer", organisation, None)
    return client, str(world.subjects["newcomer"])


async def test_me_says_who_and_what(world: World) -> None:
    answer = await world.consultant.get("/v1/me")
    me = ok(answer)
    assert me["subject_kind"] == "person"
    assert me["name"] == f"consultant of {world.territory}"
    assert (me["organisation_id"], me["organisation_name"]) == (
        str(world.organisations["partner"]), f"partner of {world.territory}",
    )  # fmt: skip
    assert me["permissions"] == [], "a local role permits nothing in all territories"
    [(place, held)] = me["territory_permissions"].items()
    assert place == world.territory
    assert held == sorted(permissions_of([Role.CONSULTANT]))
    assert "time_entries:write" in held
    assert "time_entries:validate" not in held
    assert answer.headers["cache-control"] == "no-store"
    national = ok(await world.operator.get("/v1/me"))
    assert national["roles"] == [{"role": "operator", "territory": None}]
    assert "missions:write" in national["permissions"]
    assert national["territory_permissions"] == {}


async def test_a_role_counts_at_once_and_until_its_last_day(world: World) -> None:
    client, subject = await newcomer(world)
    problem(await client.get("missions"), 404, "not-found")
    body = {"subject_id": subject, "role": "lead", "territory": world.territory}
    member = await world.grant(**body)
    assert (member["from_on"], member["to_on"]) == (TODAY.isoformat(), None)
    ok(await client.get("missions"))
    ok(await world.admin.patch(f"/v1/members/{member['id']}", {"to_on": TODAY.isoformat()}))
    ok(await client.get("missions"))
    with clock.frozen(datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=clock.PARIS) + timedelta(days=1)):
        problem(await client.get("missions"), 404, "not-found")
    address = f"/v1/members/{member['id']}"
    problem(await world.admin.patch(address, {"to_on": None}), 409, "role-prolonged")
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    assert (await world.grant(**body, from_on=tomorrow))["status"] == "granted"


async def test_a_role_that_needs_no_approval_is_reopened(world: World) -> None:
    _, subject = await newcomer(world)
    role = {"subject_id": subject, "role": "consultant", "territory": world.territory}
    member = ok(await world.admin.post("/v1/members", {**role, "to_on": TODAY.isoformat()}), 201)
    assert (member["status"], member["approved_at"]) == ("granted", None)
    opened = ok(await world.admin.patch(f"/v1/members/{member['id']}", {"to_on": None}))
    assert (opened["to_on"], opened["version"]) == (None, 2)


@pytest.mark.parametrize(
    ("from_on", "to_on", "seen"),
    [(-10, -1, 404), (-10, 0, 200), (0, 0, 200), (0, None, 200), (1, None, 404), (1, 5, 404)],
)
async def test_a_role_holds_between_two_days_both_included(
    world: World, from_on: int, to_on: int | None, seen: int
) -> None:
    client, subject = await newcomer(world)
    body = {
        "subject_id": subject,
        "role": "funder",
        "territory": world.territory,
        "from_on": (TODAY + timedelta(days=from_on)).isoformat(),
        "to_on": None if to_on is None else (TODAY + timedelta(days=to_on)).isoformat(),
    }
    await world.grant(**body)
    assert (await client.get("missions")).status_code == seen


async def test_a_role_ends_at_midnight_in_paris(world: World) -> None:
    client, subject = await newcomer(world)
    body = {
        "subject_id": subject,
        "role": "funder",
        "territory": world.territory,
        "from_on": "2025-07-01",
        "to_on": "2025-07-14",
    }
    await world.grant(**body)
    with clock.frozen(datetime.fromisoformat("2025-07-14T21:59:59Z")):
        ok(await client.get("missions"))
    with clock.frozen(datetime.fromisoformat("2025-07-14T22:00:00Z")):
        problem(await client.get("missions"), 404, "not-found")


async def test_a_role_in_one_territory_is_none_in_another(world: World, other: World) -> None:
    client, subject = await newcomer(world)
    await world.grant(subject_id=subject, role="operator", territory=world.territory)
    ok(await client.post("missions", {"name": "Here"}), 201)
    problem(await client.post(f"{other.operator.base}/missions", {"name": "There"}), 404, "not-found")
    problem(await client.get(f"{other.operator.base}/missions"), 404, "not-found")
    listed = ok(await client.get("/v1/territories"))["items"]
    assert [territory["slug"] for territory in listed] == [world.territory]


async def test_roles_in_two_territories_each_permit_their_own(world: World, other: World) -> None:
    client, subject = await newcomer(world)
    for role, place in (("operator", world), ("committee", other)):
        await world.grant(subject_id=subject, role=role, territory=place.territory)
    ok(await client.post("missions", {"name": "Here"}), 201)
    ok(await client.get(f"{other.operator.base}/engineering"))
    problem(await client.get(f"{other.operator.base}/missions"), 404, "not-found")
    assert {role["role"] for role in ok(await client.get("/v1/me"))["roles"]} == {"operator", "committee"}
    slugs = {territory["slug"] for territory in ok(await client.get("/v1/territories?limit=500"))["items"]}
    assert slugs == {world.territory, other.territory}


async def test_an_admin_of_one_territory_rules_no_organisation_member_or_key(world: World) -> None:
    """What these change belongs to no single territory: only a role in all of them permits it."""
    client, subject = await newcomer(world, "office")
    body = {"subject_id": subject, "role": "admin", "territory": world.territory}
    await world.grant(**body)
    assert ok(await client.get("missions"))["items"] == []
    ok(await client.get("/v1/organisations?limit=1"))
    problem(await client.post("/v1/organisations", {"name": "Mine"}), 403, "forbidden")
    problem(await client.post("/v1/members", {**body, "role": "lead"}), 403, "forbidden")
    problem(await client.get("/v1/api-keys"), 404, "not-found")
    problem(await client.post("/v1/api-keys", {"subject_id": subject, "name": "more"}), 404, "not-found")


async def test_a_programme_role_in_one_territory_opens_no_wave(world: World) -> None:
    client, subject = await newcomer(world, "office")
    await world.grant(subject_id=subject, role="programme", territory=world.territory)
    ok(await client.patch("", {"name": "Bassin"}))
    problem(await client.post("/v1/waves", {"number": 998}), 403, "forbidden")
    territory = {"slug": f"{world.territory}-x", "name": "X", "wave_number": 1, "lead_siren": fresh_siren()}
    problem(await client.post("/v1/territories", territory), 403, "forbidden")


async def test_national_events_are_shown_to_national_roles_alone(world: World) -> None:
    made = ok(await world.admin.post("/v1/organisations", {"name": "Seen nationally"}), 201)
    assert await world.shown(world.auditor, about := f"resource_id={made['id']}")
    assert ok(await world.lead.get(f"/v1/events?{about}"))["items"] == []


async def test_the_same_role_twice_from_the_same_day_exists_already(world: World) -> None:
    _, subject = await newcomer(world)
    for place in (world.territory, None):
        body = {"subject_id": subject, "role": "auditor", "territory": place, "from_on": "2024-01-01"}
        ok(await world.admin.post("/v1/members", body), 201)
        problem(await world.admin.post("/v1/members", body), 409, "already-exists")
    ok(await world.admin.post("/v1/members", {**body, "from_on": "2025-01-01"}), 201)


async def test_a_role_names_a_subject_and_a_territory_that_exist(world: World) -> None:
    _, subject = await newcomer(world)
    body = {"subject_id": subject, "role": "lead", "territory": world.territory}
    for field, value in (("subject_id", "019a9f5e-0000-7000-8000-000000000000"), ("territory", "no-such-place")):
        refused = problem(await world.admin.post("/v1/members", {**body, field: value}), 404, "reference-not-found")
        assert [error["pointer"] for error in refused["errors"]] == [f"/{field}"]
    refused = problem(await world.admin.post("/v1/members", {**body, "role": "king"}), 422, "validation-failed")
    assert refused["errors"][0]["code"] == "not_one_of"


async def test_a_role_never_ends_before_it_begins(world: World) -> None:
    _, subject = await newcomer(world)
    body = {"subject_id": subject, "role": "lead", "territory": world.territory, "from_on": "2024-01-02"}
    problem(await world.admin.post("/v1/members", {**body, "to_on": "2024-01-01"}), 422, "validation-failed")
    past = {**body, "to_on": "2000-01-01"}
    del past["from_on"]
    refused = problem(await world.admin.post("/v1/members", past), 422, "validation-failed")
    assert refused["errors"][0] == {
        "pointer": "/to_on",
        "code": "period_reversed",
        "detail": "The end must not be before the start.",
    }
    member = ok(await world.admin.post("/v1/members", body), 201)
    problem(await world.admin.patch(f"/v1/members/{member['id']}", {"to_on": "2024-01-01"}), 422, "validation-failed")
    problem(await world.admin.patch(f"/v1/members/{member['id']}", {}), 422, "validation-failed")


async def test_ending_a_role_on_the_same_day_again_changes_nothing(world: World) -> None:
    _, subject = await newcomer(world)
    body = {"subject_id": subject, "role": "lead", "territory": world.territory, "to_on": "2199-12-31"}
    made = await world.admin.post("/v1/members", body)
    member = ok(made, 201)
    again = await world.admin.patch(f"/v1/members/{member['id']}", {"to_on": "2199-12-31"})
    assert ok(again) == member
    assert again.headers["etag"] == made.headers["etag"]
    assert len(await world.events(member["id"])) == 1


async def test_members_are_found_by_subject_role_and_territory(world: World) -> None:
    subject = str(world.subjects["lead"])
    for query in ({"subject_id": subject}, {"territory": world.territory, "role": "lead"}):
        listed = ok(await world.auditor.get("/v1/members", params=query))["items"]
        assert subject in {member["subject_id"] for member in listed}
        assert {member["role"] for member in listed} == {"lead"}
    assert ok(await world.auditor.get("/v1/members", params={"subject_id": subject, "role": "admin"}))["items"] == []


async def test_a_name_never_enters_the_event_of_a_role(world: World) -> None:
    _, subject = await newcomer(world)
    body = {"subject_id": subject, "role": "lead", "territory": world.territory}
    member = ok(await world.admin.post("/v1/members", body), 201)
    [event] = await world.events(member["id"])
    names = {"subject_name", "proposed_by_name", "approved_by_name"}
    assert json.loads(event["data"]) == {name: value for name, value in member.items() if name not in names}


# --- the matrix, without a database -----------------------------------------------------------------------------------

ACTOR = Actor(
    SubjectKind.PERSON, SubjectKind.PERSON, None,  # type: ignore[arg-type]  # its id does not matter here
    (RoleInForce(Role.LEAD, "ales"), RoleInForce(Role.CONSULTANT, "dreux"), RoleInForce(Role.AUDITOR, None)),
)  # fmt: skip


def test_a_subject_holds_in_a_territory_what_it_holds_there_and_everywhere() -> None:
    assert ACTOR.roles("ales") == {Role.LEAD, Role.AUDITOR}
    assert ACTOR.roles("cambresis") == ACTOR.roles(None) == {Role.AUDITOR}
    assert ACTOR.may("time_entries:validate", "ales")
    assert not ACTOR.may("time_entries:validate", "dreux")
    assert not ACTOR.may("organisations:write", None)
    assert ACTOR.territories("time_entries:write") == ["ales", "dreux"]
    assert ACTOR.territories("time_entries:read") is None


def test_a_consultant_who_is_also_more_sees_more_than_its_own() -> None:
    consultant = Actor(ACTOR.subject_id, SubjectKind.PERSON, None, (RoleInForce(Role.CONSULTANT, "dreux"),))
    assert consultant.sees_only_own("time_entries:read", "dreux")
    assert not consultant.sees_only_own("time_entries:read", "ales"), "where nothing is held nothing is limited"
    assert not ACTOR.sees_only_own("time_entries:read", "dreux"), "it is an auditor everywhere"


def test_an_auditor_writes_nothing_and_reads_everything_but_the_numbers_of_accounts() -> None:
    held = permissions_of([Role.AUDITOR])
    reads = {permission for permission in MATRIX if permission.endswith(":read")}
    assert held == reads - {"firm_ibans:read"} | {"me:keys"}


def test_an_administrator_writes_organisations_members_and_keys_and_nothing_else() -> None:
    written = {permission for permission in permissions_of([Role.ADMIN]) if not permission.endswith(":read")}
    assert written == {"organisations:write", "members:write", "api_keys:write", "imports:write", "me:keys"}
    kinds = {kind for kind, each in IMPORTERS.items() if each.permission in written}
    assert kinds == {"organisations", "persons", "members"}


def test_whoever_writes_or_judges_also_sees() -> None:
    for permission, roles in MATRIX.items():
        assert roles <= MATRIX[permission.partition(":")[0] + ":read"], permission
    for permission, roles in OWN_ORGANISATION.items():
        assert roles < MATRIX[permission]


def test_nobody_both_enters_and_orders_days() -> None:
    assert not MATRIX["time_entries:write"] & MATRIX["missions:write"]


async def test_who_reads_in_one_territory_sees_the_members_and_persons_of_that_one(world: World, other: World) -> None:
    async with world.pool.acquire() as connection:
        client = await world.add_subject(connection, "inspector", "partner", None)
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'auditor', $2, '2020-01-01', now(), now(), now())",
            world.subjects["inspector"], world.territory,
        )  # fmt: skip
    members = ok(await client.get("/v1/members?limit=500"))["items"]
    assert {member["territory"] for member in members} == {world.territory}
    foreign = ok(await other.admin.get(f"/v1/members?territory={other.territory}"))["items"][0]
    problem(await client.get(f"/v1/members/{foreign['id']}"), 404, "not-found")

    here, there = (f"/v1/organisations/{place.organisations['partner']}/persons" for place in (world, other))
    assert str(world.subjects["consultant"]) in {person["id"] for person in ok(await client.get(here))["items"]}
    for kind in ("persons", "service-accounts"):
        problem(await client.get(there.replace("persons", kind)), 404, "not-found")
    problem(await client.get(f"{there}/{other.subjects['consultant']}"), 404, "not-found")
    assert ok(await world.auditor.get(there))["items"] != []

    asked = [str(place.organisations[name]) for place in (world, other) for name in ("partner", "lead", "office")]
    shown = {each["id"] for each in ok(await client.get("/v1/organisations", params={"id": asked}))["items"]}
    assert shown == {*asked[:3], asked[-1]}, "of the other's office somebody acts everywhere"
    # A member of a mission acts here too, whoever of it has a role.
    alone = ok(await world.admin.post("/v1/organisations", {"name": "Nobody has a role"}), 201)["id"]
    problem(await client.get(f"/v1/organisations/{alone}"), 404, "not-found")
    mission = await world.mission()
    ok(
        await world.operator.post(
            f"missions/{mission.id}/members", {"organisation_id": alone, "role": "partner", "days_allotted": 0}
        ),
        201,
    )
    ok(await client.get(f"/v1/organisations/{alone}"))
    assert ok(await client.get(f"/v1/organisations/{alone}/persons"))["items"] == []


async def test_me_names_no_national_permission_for_a_role_in_one_territory(world: World) -> None:
    async with world.pool.acquire() as connection:
        client = await world.add_subject(connection, "keeper", "partner", None)
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'admin', $2, '2020-01-01', now(), now(), now())",
            world.subjects["keeper"], world.territory,
        )  # fmt: skip
    me = ok(await client.get("/v1/me"))
    assert me["permissions"] == []
    held = set(me["territory_permissions"][world.territory])
    assert "members:read" in held
    assert not held & NATIONAL
    problem(await client.post("/v1/organisations", {"name": "Somebody"}), 403, "forbidden")
