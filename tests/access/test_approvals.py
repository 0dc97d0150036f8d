"""Nobody becomes everybody: roles are approved; keys are made by their holders, and confirmed by another person."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from app.access import service as access
from app.access.rules import BY_TWO, Role, network_of, within
from app.access.schemas import MemberCreate
from app.core import clock
from app.core.serving.addresses import client_of
from app.core.writing.writes import Change, System, Write, run
from tests.integrations.imports.files import CSV, csv_file, ended_of, send
from tests.world import Client, World, ok, problem


@pytest.fixture(autouse=True)
def uncached(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.state["credentials"], "_kept", 0.0)
    app.state["credentials"].forget()


def with_key(world: World, key: str) -> Client:
    return Client(world.http, key, world.admin.base)


async def newcomer(world: World, kind: str = "person") -> tuple[Client, str]:
    """Somebody with a key that nobody needs to confirm, and no role."""
    async with world.pool.acquire() as connection:
        client = await world.add_subject(connection, "newcomer", "office", None, kind=kind)
    return client, str(world.subjects["newcomer"])


async def invited(world: World, subject: str, **more: Any) -> dict[str, Any]:
    """A key of a person, as the administrator who makes it sees it."""
    body = {"subject_id": str(world.subjects[subject]), "name": "laptop", **more}
    made: dict[str, Any] = ok(await world.admin.post("/v1/api-keys", body), 201)
    return made


async def enrolled(world: World, code: str) -> dict[str, Any]:
    made: dict[str, Any] = ok(await world.http.post("/v1/enrolments", json={"code": code}), 201)
    return made


# --- who leaves -------------------------------------------------------------------------------------------------------


async def test_who_leaves_is_ended_at_once(world: World) -> None:
    """Keys, codes and roles in one act: nothing opens any more, and a second time nothing changes."""
    client, subject = await newcomer(world)
    tomorrow, yesterday = (str(clock.today() + timedelta(days)) for days in (1, -1))
    given: tuple[tuple[str, dict[str, str]], ...] = (
        ("auditor", {}), ("consultant", {"territory": world.territory, "to_on": tomorrow}), ("funder", {}),
        ("territory", {"territory": world.territory, "from_on": tomorrow}),
        ("lead", {"territory": world.territory, "from_on": yesterday, "to_on": yesterday}),
    )  # fmt: skip
    for role, more in given:
        ok(await world.admin.post("/v1/members", {"subject_id": subject, "role": role, **more}), 201)
    code = (await invited(world, "newcomer"))["code"]
    person = f"/v1/organisations/{ok(await client.get('/v1/me'))['organisation_id']}/persons/{subject}"
    before = ok(await world.admin.get(person))
    problem(await client.post(f"{person}/end"), 403, "forbidden")
    after = ok(await world.admin.post(f"{person}/end"))
    assert after["version"] == before["version"] + 1
    problem(await client.get("/v1/me"), 401, "credentials-invalid")
    problem(await world.http.post("/v1/enrolments", json={"code": code}), 409, "enrolment-code-invalid")
    roles = ok(await world.admin.get(f"/v1/members?subject_id={subject}"))["items"]
    today = str(clock.today())
    assert {role["role"]: role["to_on"] for role in roles} == {
        "auditor": today, "consultant": today, "funder": today, "territory": tomorrow, "lead": yesterday,
    }  # fmt: skip
    assert [event["type"] for event in await world.events(subject)][-1] == "person.ended"
    assert ok(await world.admin.post(f"{person}/end"))["version"] == after["version"]
    assert [event["type"] for event in await world.events(subject)].count("person.ended") == 1


async def test_nobody_is_ended_in_another_organisation(world: World) -> None:
    client, subject = await newcomer(world)
    elsewhere = ok(await world.admin.post("/v1/organisations", {"name": "Elsewhere"}), 201)["id"]
    problem(await world.admin.post(f"/v1/organisations/{elsewhere}/persons/{subject}/end"), 404, "not-found")
    ok(await client.get("/v1/me"))


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(Role))
async def test_a_role_by_two_permits_nothing_until_another_administrator_approves_it(world: World, role: Role) -> None:
    client, subject = await newcomer(world)
    body = {"subject_id": subject, "role": role, "territory": world.territory}
    made = ok(await world.admin.post("/v1/members", body), 201)
    waits = role in BY_TWO
    assert made["status"] == ("proposed" if waits else "granted")
    assert (made["proposed_by"], made["approved_by"]) == (str(world.subjects["admin"]), None)
    assert ok(await client.get("/v1/me"))["roles"] == ([] if waits else [{"role": role, "territory": world.territory}])
    path, waiting = f"/v1/members/{made['id']}", {"subject_id": subject, "status": "proposed"}
    assert len(ok(await world.auditor.get("/v1/members", params=waiting))["items"]) == waits
    if waits:
        problem(await world.admin.post(f"{path}/approve"), 403, "role-own-approval")
    approved = ok(await world.second_admin.post(f"{path}/approve"))
    assert approved["status"] == "granted"
    assert approved["approved_by"] == (str(world.subjects["second_admin"]) if waits else None)
    assert ok(await client.get("/v1/me"))["roles"] == [{"role": role, "territory": world.territory}]
    assert ok(await world.second_admin.post(f"{path}/approve")) == approved, "approved once"
    told = [event["type"] for event in await world.events(made["id"])]
    assert told == ["member.created", *(["member.approved"] if waits else [])]


@pytest.mark.parametrize("role", sorted(Role))
async def test_one_administrator_alone_moves_nobody_who_decides(world: World, role: Role) -> None:
    """What two have given a person of one organisation: granted or proposed, from today or later, until it is over."""
    _, person = await newcomer(world)
    home, there = (str(world.organisations[name]) for name in ("office", "partner"))
    move = partial(world.admin.patch, f"/v1/organisations/{home}/persons/{person}", {"organisation_id": there})
    over, tomorrow = ("2023-06-30", str(clock.today() + timedelta(1)))
    ok(await world.admin.post("/v1/members", {"subject_id": person, "role": role, "from_on": over, "to_on": over}), 201)
    made = ok(await world.admin.post("/v1/members", {"subject_id": person, "role": role, "from_on": tomorrow}), 201)
    if role in BY_TWO:
        problem(await move(), 409, "person-holds-roles")
        ok(await world.clients["second_admin"].post(f"/v1/members/{made['id']}/approve"))
        problem(await move(), 409, "person-holds-roles")
        await world.pool.execute("UPDATE members SET to_on = from_on WHERE id::text = $1", made["id"])
        problem(await move(), 409, "person-holds-roles")
        if role is Role.FUNDER:
            name, email = await world.pool.fetchrow("SELECT name, email FROM subjects WHERE id::text = $1", person)
            content = csv_file("nom,courriel,organisation_id", f"{name},{email},{there}")
            done = await ended_of(world.admin, await send(world.admin, "/v1/imports?kind=persons", content))
            assert (done["status"], done["rows_written"]) != ("succeeded", 1), done
        assert ok(await world.admin.get(f"/v1/organisations/{home}/persons/{person}"))["organisation_id"] == home
    else:
        assert ok(await move())["organisation_id"] == there


async def test_an_administrator_does_not_approve_a_role_of_its_own(world: World) -> None:
    second = str(world.subjects["second_admin"])
    role = {"subject_id": second, "role": "treasurer", "territory": world.territory}
    path = f"/v1/members/{ok(await world.admin.post('/v1/members', role), 201)['id']}/approve"
    problem(await world.second_admin.post(path), 403, "role-own-approval")
    async with world.pool.acquire() as connection:
        third = await world.add_subject(connection, "third", "office", "admin")
    ok(await third.post(path))


async def test_a_proposed_role_is_no_role_for_others_either(world: World) -> None:
    _, subject = await newcomer(world)
    role = {"subject_id": subject, "role": "lead", "territory": world.territory}
    ok(await world.admin.post("/v1/members", role), 201)
    found = ok(await world.operator.get(f"/v1/lookups/persons?territory={world.territory}&limit=500"))["items"]
    assert subject not in {each["id"] for each in found}


async def test_while_one_approves_the_other_makes_no_more_of_the_role(world: World) -> None:
    """Two connections: the change waits for the approval, and is then one of an approved role."""
    _, subject = await newcomer(world)
    role = {"subject_id": subject, "role": "treasurer", "territory": world.territory, "to_on": "2030-12-31"}
    made = ok(await world.admin.post("/v1/members", role), 201)
    path = f"/v1/members/{made['id']}"
    async with world.pool.acquire() as connection:
        begun = connection.transaction()
        await begun.start()
        await connection.execute(
            "UPDATE members SET approved_by = $2, approved_at = now(), version = version + 1 WHERE id = $1",
            made["id"], world.subjects["second_admin"],
        )  # fmt: skip
        waiting = asyncio.create_task(world.admin.patch(path, {"to_on": None}))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await begun.commit()
    problem(await waiting, 409, "role-prolonged")
    assert ok(await world.auditor.get(path))["to_on"] == "2030-12-31"


async def test_of_two_approvals_at_once_one_is_told(world: World) -> None:
    _, subject = await newcomer(world)
    role = {"subject_id": subject, "role": "funder", "territory": world.territory}
    made = ok(await world.admin.post("/v1/members", role), 201)
    answers = await asyncio.gather(*(world.second_admin.post(f"/v1/members/{made['id']}/approve") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert [event["type"] for event in await world.events(made["id"])] == ["member.created", "member.approved"]


async def test_a_program_is_no_administrator(world: World) -> None:
    _, program = await newcomer(world, "service_account")
    problem(await world.admin.post("/v1/members", {"subject_id": program, "role": "admin"}), 409, "admin-for-persons")


# --- keys ------------------------------------------------------------------------------------------------------------


async def test_an_administrator_never_sees_the_secret_of_a_person(world: World) -> None:
    made = await invited(world, "consultant")
    assert (made["key"], made["fingerprint"], made["prefix"]) == (None, None, None)
    lasts = datetime.fromisoformat(made["code_expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lasts == timedelta(hours=72)
    key = await enrolled(world, made["code"])
    assert key["key"].startswith("rbd_")
    assert (key["id"], key["code"], key["created_by"]) == (made["id"], None, str(world.subjects["admin"]))
    me = ok(await with_key(world, key["key"]).get("/v1/me"))
    assert (me["subject_id"], me["key_confirmed"]) == (str(world.subjects["consultant"]), False)
    assert [role["role"] for role in me["roles"]] == ["consultant"], "nothing of it decides, pays or administers"
    problem(await world.http.post("/v1/enrolments", json={"code": made["code"]}), 409, "enrolment-code-invalid")
    [_, enrolment] = await world.events(made["id"])
    assert (enrolment["type"], enrolment["actor_id"]) == ("api_key.enrolled", world.subjects["consultant"])
    assert key["key"] not in str(dict(enrolment))


@pytest.mark.parametrize("end", ["code_expires_at = now()", "revoked_at = now()", "expires_at = now()"])
async def test_a_code_that_ended_makes_no_secret(world: World, end: str) -> None:
    made = await invited(world, "consultant")
    await world.pool.execute(f"UPDATE api_keys SET {end} WHERE id = $1", made["id"])
    problem(await world.http.post("/v1/enrolments", json={"code": made["code"]}), 409, "enrolment-code-invalid")


async def test_of_many_enrolments_at_once_one_makes_the_secret(world: World) -> None:
    code = (await invited(world, "consultant"))["code"]
    answers = await asyncio.gather(*(world.http.post("/v1/enrolments", json={"code": code}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_a_key_carries_what_decides_once_another_administrator_confirms_its_fingerprint(world: World) -> None:
    made = await invited(world, "funder")
    confirm = f"/v1/api-keys/{made['id']}/confirm"
    problem(await world.second_admin.post(confirm, {"fingerprint": "0" * 20}), 409, "fingerprint-differs")
    key = await enrolled(world, made["code"])
    funder, said = with_key(world, key["key"]), {"fingerprint": key["fingerprint"]}
    told = problem(await funder.get("/v1/me"), 401, "credentials-invalid")
    assert "fingerprint" in told["detail"]
    problem(await world.second_admin.post(confirm, {"fingerprint": "0" * 20}), 409, "fingerprint-differs")
    problem(await world.admin.post(confirm, said), 403, "key-own-confirmation")
    spaced = {"fingerprint": " ".join(key["fingerprint"].upper()[place : place + 4] for place in range(0, 20, 4))}
    confirmed = ok(await world.second_admin.post(confirm, spaced))
    assert confirmed["confirmed_by"] == str(world.subjects["second_admin"])
    assert [role["role"] for role in ok(await funder.get("/v1/me"))["roles"]] == ["funder"]
    assert ok(await world.second_admin.post(confirm, said)) == confirmed


async def test_the_holder_confirms_no_key_of_its_own(world: World) -> None:
    """Also where it administers, and another one made the key."""
    made = await invited(world, "second_admin")
    key = await enrolled(world, made["code"])
    said = {"fingerprint": key["fingerprint"]}
    problem(await world.second_admin.post(f"/v1/api-keys/{made['id']}/confirm", said), 403, "key-own-confirmation")


async def test_the_role_that_comes_later_waits_for_the_confirmation_and_the_others_do_not(world: World) -> None:
    key = await enrolled(world, (await invited(world, "consultant"))["code"])
    client, subject = with_key(world, key["key"]), str(world.subjects["consultant"])
    await world.grant(subject_id=subject, role="treasurer", territory=world.territory)
    assert {role["role"] for role in ok(await client.get("/v1/me"))["roles"]} == {"consultant"}
    ok(await world.second_admin.post(f"/v1/api-keys/{key['id']}/confirm", {"fingerprint": key["fingerprint"]}))
    assert {role["role"] for role in ok(await client.get("/v1/me"))["roles"]} == {"consultant", "treasurer"}


async def test_the_key_of_a_paying_program_waits_too_and_a_rotated_one_again(world: World) -> None:
    path = f"/v1/organisations/{world.organisations['office']}/service-accounts"
    program = ok(await world.admin.post(path, {"name": "payer"}), 201)["id"]
    await world.grant(subject_id=program, role="treasurer", territory=world.territory)
    made = ok(await world.admin.post("/v1/api-keys", {"subject_id": program, "name": "nightly"}), 201)
    for _ in range(2):
        problem(await with_key(world, made["key"]).get("/v1/me"), 401, "credentials-invalid")
        said = {"fingerprint": made["fingerprint"]}
        ok(await world.second_admin.post(f"/v1/api-keys/{made['id']}/confirm", said))
        ok(await with_key(world, made["key"]).get("payment-runs"))
        made = ok(await world.admin.post(f"/v1/api-keys/{made['id']}/rotate", {}), 201)


async def test_a_holder_sees_rotates_and_revokes_the_own_keys_and_no_others(world: World) -> None:
    funder = await world.issue(world.subjects["funder"])
    theirs = await world.issue(world.subjects["treasurer"])
    client = with_key(world, funder["key"])
    own = {key["id"] for key in ok(await client.get("/v1/me/keys"))["items"]}
    assert funder["id"] in own
    assert {key["subject_id"] for key in ok(await client.get("/v1/me/keys"))["items"]} == {funder["subject_id"]}
    for path in (f"/v1/me/keys/{theirs['id']}",):
        problem(await client.get(path), 404, "not-found")
        problem(await client.post(f"{path}/rotate", {}), 404, "not-found")
        problem(await client.post(f"{path}/revoke"), 404, "not-found")
    [other] = own - {funder["id"]}
    problem(await client.post(f"/v1/me/keys/{other}/rotate", {}), 409, "another-key")
    ok(await client.post(f"/v1/me/keys/{other}/revoke"))
    problem(await world.funder.get("/v1/me"), 401, "credentials-invalid")
    new = ok(await client.post(f"/v1/me/keys/{funder['id']}/rotate", {"overlap_hours": 0}), 201)
    problem(await client.get("/v1/me"), 401, "credentials-invalid")
    assert ok(await with_key(world, new["key"]).get("/v1/me"))["roles"] != [], "confirmed as the one before"


async def test_a_key_that_only_reads_rotates_itself(world: World) -> None:
    reader = await world.issue(world.subjects["auditor"], scope="read_only")
    path = f"/v1/me/keys/{reader['id']}/rotate"
    new = ok(await with_key(world, reader["key"]).post(path, {}), 201)
    assert new["scope"] == "read_only"


# --- what a key carries ----------------------------------------------------------------------------------------------


async def test_a_key_carries_no_more_than_its_permissions(world: World) -> None:
    key = await world.issue(world.subjects["operator"], permissions=["missions:write", "missions:read"])
    client = with_key(world, key["key"])
    me = ok(await client.get("/v1/me"))
    assert me["permissions"] == ["me:keys", "me:read", "missions:read", "missions:write"]
    made = ok(await client.post("missions", {"name": "Mine"}), 201)
    ok(await client.get(f"missions/{made['id']}"))
    problem(await client.get("firms"), 404, "not-found")
    problem(await client.get("/v1/members"), 404, "not-found")
    body = {"mission_id": made["id"], "month": "2023-01"}
    problem(await client.post("month-locks", body), 403, "insufficient-scope")
    problem(await client.post("grants", {}), 404, "not-found")
    problem(await client.get("/v1/events"), 404, "not-found")


async def test_a_key_works_in_its_territories_alone(world: World, other: World) -> None:
    key = await world.issue(world.subjects["operator"], territories=[world.territory])
    client = with_key(world, key["key"])
    me = ok(await client.get("/v1/me"))
    assert me["roles"] == [{"role": "operator", "territory": world.territory}]
    assert me["permissions"] == []
    ok(await client.post("missions", {"name": "Here"}), 201)
    problem(await client.post(f"{other.admin.base}/missions", {"name": "There"}), 404, "not-found")
    problem(await client.get("/v1/frameworks"), 404, "not-found")
    assert [each["slug"] for each in ok(await client.get("/v1/territories"))["items"]] == [world.territory]


async def test_a_key_is_bound_to_its_addresses(world: World) -> None:
    for networks, works in ((["127.0.0.1"], True), (["192.0.2.0/24", "::1"], False), (["::/0", "127.0.0.0/8"], True)):
        key = await world.issue(world.subjects["consultant"], addresses=networks)
        answer = await with_key(world, key["key"]).get("missions")
        if works:
            ok(answer)
        else:
            assert "bound to" in problem(answer, 401, "credentials-invalid")["detail"]


@pytest.mark.parametrize(
    ("address", "found"),
    [("192.0.2.7", True), ("192.0.3.7", False), ("::ffff:192.0.2.7", True), ("2001:db8::1", True),
     ("2001:db9::1", False), ("", False), (None, False), ("unix", False)],
)  # fmt: skip
def test_an_address_is_in_a_network_however_it_is_written(address: str | None, found: bool) -> None:
    scope: dict[str, Any] = {"client": None if address is None else (address, 1), "headers": []}
    assert within(client_of(scope, ()), [network_of("192.0.2.0/24"), network_of("2001:db8::/32")]) is found


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("permissions", ["missions:fly"], "unknown_permission"),
        ("permissions", [], "too_few_items"),
        ("addresses", ["192.0.2.1/24"], "invalid_network"),
        ("addresses", ["localhost"], "invalid_network"),
        ("expires_at", "2020-01-01T00:00:00Z", "key_end_out_of_range"),
        ("expires_at", "2199-12-31T00:00:00Z", "key_end_out_of_range"),
    ],
)
async def test_what_a_key_cannot_be_is_refused(world: World, field: str, value: Any, code: str) -> None:
    body = {"subject_id": str(world.subjects["consultant"]), "name": "laptop", field: value}
    refused = problem(await world.admin.post("/v1/api-keys", body), 422, "validation-failed")
    assert [error["code"] for error in refused["errors"]] == [code]
    assert refused["errors"][0]["pointer"].startswith(f"/{field}")


async def test_a_key_names_territories_that_exist(world: World) -> None:
    body = {"subject_id": str(world.subjects["lead"]), "name": "x", "territories": [world.territory, "no-such-place"]}
    refused = problem(await world.admin.post("/v1/api-keys", body), 404, "reference-not-found")
    assert [error["pointer"] for error in refused["errors"]] == ["/territories/1"]


async def test_every_key_ends_after_a_quarter_for_a_person_and_a_year_for_a_program(world: World) -> None:
    _, program = await newcomer(world, "service_account")
    for subject, days in ((str(world.subjects["consultant"]), 90), (program, 400)):
        made = ok(await world.admin.post("/v1/api-keys", {"subject_id": subject, "name": "laptop"}), 201)
        ends = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
        assert ends == timedelta(days=days)
        by_hand = await world.pool.fetchval(  # as the version before this one makes it
            "INSERT INTO api_keys (subject_id, name, prefix, digest, scope, created_at, updated_at)"
            " SELECT id, 'old', 'rbd_x', sha256(id::text::bytea), 'full', now(), now() FROM subjects WHERE id = $1"
            " RETURNING expires_at",
            subject,
        )
        assert by_hand - datetime.now(UTC) > timedelta(days=days - 1)


# --- files and commands ----------------------------------------------------------------------------------------------


async def test_a_file_proposes_roles_and_grants_none(world: World) -> None:
    first, second = await world.add_person(), await world.add_person()
    address = await world.pool.fetchval("SELECT email FROM subjects WHERE id = $1", first)
    content = csv_file(
        "courriel,subject_id,rôle,territoire,from_on",
        f"{address},,Comptable,{world.territory},2023-06-14",
        f",{second},auditor,,2023-06-14",
    )
    for created in (2, 0):
        received = await send(world.admin, "/v1/imports?kind=members", content)
        done = await ended_of(world.admin, received)
        assert (done["status"], done["rows_created"]) == ("succeeded", created), done
    for subject, status in ((first, "proposed"), (second, "granted")):
        [member] = ok(await world.auditor.get("/v1/members", params={"subject_id": str(subject)}))["items"]
        assert (member["status"], member["proposed_by"]) == (status, str(world.subjects["admin"]))
    problem(
        await world.programme.request("POST", "/v1/imports?kind=members", content=content, headers=CSV),
        403,
        "forbidden",
    )
    wrong = csv_file("courriel,role,territory,from_on", "nobody@example.fr,lead,no-such-place,2023-06-14", ",lead,,")
    refused = await ended_of(world.admin, await send(world.admin, "/v1/imports?kind=members", wrong))
    assert refused["status"] == "refused"


async def test_the_service_itself_proposes_what_a_file_names(world: World, app: Any) -> None:
    """Also `rebond import` without a key: who sends a file has not looked at each of its lines."""
    person = await world.add_person()

    async def give(write: Write, *, grants: bool) -> Change:
        body = MemberCreate(subject_id=person, role=Role.FUNDER, territory=world.territory)
        return await access.create_member(write, body, grants=grants)

    for grants, status in ((False, "proposed"), (True, "granted")):
        await world.pool.execute("DELETE FROM members WHERE subject_id = $1", person)
        await run(app.state["sessions"], System(), partial(give, grants=grants), request_id="test")
        [member] = ok(await world.auditor.get("/v1/members", params={"subject_id": str(person)}))["items"]
        assert member["status"] == status
