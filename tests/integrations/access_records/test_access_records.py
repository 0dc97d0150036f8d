"""Who reads what is personal or confidential, and who is refused, is recorded: once, bounded, for auditors alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.core import clock
from app.core.db import create_engine
from app.core.problems import CredentialsInvalid, Forbidden, NotFound
from app.core.quotas import QuotaExceeded
from app.core.serving import trail as trails
from app.core.serving.routing import Route
from app.core.serving.trail import AccessKind, AccessTrail
from app.integrations.access_records import service
from app.integrations.access_records.service import AccessWriter, delete_due
from app.settings import Settings
from tests.conftest import plain, serving_in_process
from tests.contract.document import document
from tests.in_process import InProcess
from tests.world import Client, World, ok, problem

RECORDS = "/v1/access-records"


@pytest.fixture(scope="module")
def own_url(new_database: Any) -> str:
    address: str = new_database("access_records")
    return address


@pytest.fixture(scope="module")
async def own(own_url: str, settings: Settings, anyio_backend: Any) -> AsyncIterator[tuple[World, AccessWriter]]:
    """A world with a database of its own behind a trusted proxy, and what writes its records: only when told to."""
    changed = {"database_url": own_url, "trusted_proxies": (ip_network("127.0.0.1/32"),)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(service, "EVERY", 3600.0)
        patched.setattr(trails, "time", SimpleNamespace(monotonic=lambda: 0.0))  # one minute, however long it takes
        async with (
            serving_in_process(settings.model_copy(update=changed)) as served,
            InProcess(served) as client,
            asyncpg.create_pool(plain(own_url), min_size=1, max_size=4) as connections,
        ):
            writer = AccessWriter(served.state["engine"], served.state["access_trail"])
            yield await World.create(client, connections), writer


async def listed(own: tuple[World, AccessWriter], query: str) -> list[dict[str, Any]]:
    """The records that an auditor finds, once all are written."""
    world, writer = own
    await writer.write(all_of_it=True)
    found: list[dict[str, Any]] = ok(await world.auditor.get(f"{RECORDS}?{query}"))["items"]
    return found


def key_of(world: World, name: str) -> Any:
    return world.pool.fetchval("SELECT id FROM api_keys WHERE subject_id = $1", world.subjects[name])


async def test_each_answer_with_what_is_personal_or_confidential_is_one_record(own: tuple[World, AccessWriter]) -> None:
    world, _ = own
    address = f"{world.lead.base}/contacts"
    answers = [await world.lead.get(f"contacts{query}") for query in ("", "?q=secret", "?format=csv", "?format=xlsx")]
    assert {answer.status_code for answer in answers} == {200}
    ok(await world.lead.get("missions"))
    ok(await world.lead.get("firms"))  # nothing in it is marked
    missing = await world.lead.get(f"contacts/{uuid4()}")
    mine = await listed(own, f"subject_id={world.subjects['lead']}&kind=read&path={address}")
    assert [each["request_id"] for each in mine] == [answer.headers["x-request-id"] for answer in reversed(answers)]
    told = mine[0]
    assert (told["route"], told["path"]) == ("/v1/territories/{territory}/contacts", address)
    assert (told["method"], told["status"], told["code"], told["count"]) == ("GET", 200, None, 1)
    assert (told["territory"], told["address"]) == (world.territory, None)
    assert told["subject_name"] == f"lead of {world.territory}"
    assert told["organisation_id"] == str(world.organisations["lead"])
    assert (told["key_id"], told["key_name"]) == (str(await key_of(world, "lead")), "test")
    assert "secret" not in str(mine), "no query is kept"
    everything = await listed(own, f"subject_id={world.subjects['lead']}&kind=read")
    assert not any(each["route"].endswith("/firms") for each in everything)
    assert missing.headers["x-request-id"] not in {each["request_id"] for each in everything}


async def test_what_the_reader_has_already_and_what_it_writes_is_no_read(own: tuple[World, AccessWriter]) -> None:
    world, _ = own
    firm = await world.followed_firm()
    body = {"siren": firm, "name": "Anne", "purpose": "information", "legal_basis": "consent",
            "retain_until_on": (clock.today() + timedelta(days=1)).isoformat()}  # fmt: skip
    made = await world.clients["territory"].post("contacts", body)
    contact = f"contacts/{ok(made, 201)['id']}"
    seen = await world.clients["funder"].get(contact)
    again = await world.clients["funder"].get(contact, headers={"If-None-Match": seen.headers["etag"]})
    assert again.status_code == 304
    await world.clients["funder"].request("HEAD", contact)
    [record] = await listed(own, f"path={world.lead.base}/{contact}")
    assert record["request_id"] == seen.headers["x-request-id"]


async def test_a_write_that_is_no_event_is_a_read(own: tuple[World, AccessWriter]) -> None:
    """What changes nothing, is tried, or is repeated shows the object as a GET does."""
    world, _ = own
    staff = world.clients["territory"]
    body = {"siren": await world.followed_firm(), "name": "Anne", "purpose": "information", "legal_basis": "consent",
            "retain_until_on": (clock.today() + timedelta(days=1)).isoformat()}  # fmt: skip
    once = {"Idempotency-Key": str(uuid4())}
    made = await staff.post("contacts", body, headers=once)
    contact, mission = f"contacts/{ok(made, 201)['id']}", await world.mission()
    entered = await world.consultant.post("time-entries", mission.entry(status="draft"), headers=once)
    told = [made, entered, await staff.patch(contact, {"name": "Anna"})]
    repeated = [
        (staff, await staff.post("contacts", body, headers=once)),
        (staff, await staff.patch(contact, {"name": "Anna"})),
        (staff, await staff.patch(f"{contact}?dry_run=true", {"name": "Anne"})),
        (staff, await staff.post("contacts?dry_run=true", body)),
        (world.consultant, await world.consultant.post("time-entries", mission.entry(status="draft"), headers=once)),
        (
            world.consultant,
            await world.consultant.post("time-entries?dry_run=true", mission.entry(worked_on="2023-07-05")),
        ),
        (world.consultant, await world.consultant.delete(f"time-entries/{entered.json()['id']}?dry_run=true")),
    ]
    for _, answer in repeated:
        assert answer.is_success, answer.text
        assert answer.headers["cache-control"] == "no-store"
    told.append(await world.consultant.delete(f"time-entries/{entered.json()['id']}"))
    for answer in told:
        assert answer.is_success, answer.text
        assert await world.pool.fetchval("SELECT count(*) FROM events WHERE request_id = $1", idof(answer)) == 1
    records = await listed(own, "kind=read&limit=500")
    recorded = {each["request_id"]: (each["method"], each["path"]) for each in records}
    assert not recorded.keys() & {idof(answer) for answer in told}
    for _, answer in repeated:
        assert recorded[idof(answer)] == (answer.request.method, answer.request.url.path)


def idof(answer: Any) -> str:
    """The id that the service gave the request."""
    named: str = answer.headers["x-request-id"]
    return named


def noted(trail: AccessTrail, route: Any, method: str = "GET", **state: Any) -> None:
    actor = SimpleNamespace(subject_id=uuid4(), key_id=uuid4())
    scope = {"route": route, "method": method, "path": "/x", "path_params": {},
             "state": {"actor": actor, "request_id": "r", "trusted_proxies": ()} | state}  # fmt: skip
    trail.note(scope, 200, None)


def test_of_every_route_the_schema_says_whether_its_reads_are_recorded(app: Any) -> None:
    """Every method of every address, by what the document says of all its successes."""
    recorded = set()
    routes = [each for each in app.application.router.routes if isinstance(each, Route)]
    paths, schemas = document()["paths"], document()["components"]["schemas"]

    def marked(part: Any, passed: frozenset[str] = frozenset()) -> bool:
        if isinstance(part, list):
            return any(marked(each, passed) for each in part)
        if not isinstance(part, dict):
            return False
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name in schemas and name not in passed:
            return marked(schemas[name], passed | {name})
        return bool(part.keys() & {"x-personal", "x-confidential"}) or marked(list(part.values()), passed)

    for route in (each for each in routes if each.path_format in paths):
        for method in (route.methods or set()) - {"HEAD"}:
            operation = paths[route.path_format][method.lower()]
            successes = [each.get("content") for code, each in operation["responses"].items() if code.startswith("2")]
            shows = route.gate is not None and marked(successes)
            for told in (False, True):
                trail = AccessTrail()
                noted(trail, route, method, event_told=told)
                assert len(trail) == (shows and (method == "GET" or not told)), (method, route.path)
            recorded |= {(method, route.path_format)} if shows else set()
            trail = AccessTrail()
            noted(trail, route, "HEAD")
            assert len(trail) == 0
    contacts = "/v1/territories/{territory}/contacts"
    assert {("GET", contacts), ("POST", contacts), ("PATCH", contacts + "/{id}"), ("GET", RECORDS)} <= recorded
    assert ("DELETE", "/v1/territories/{territory}/time-entries/{id}") in recorded, "its dry run shows it"
    assert len(recorded) < len(routes)


async def test_refusals_alike_are_one_record_with_their_number(own: tuple[World, AccessWriter]) -> None:
    world, _ = own
    who = world.clients["consultant"]
    for _ in range(3):
        problem(await who.get("grants"), 404, "not-found")
    problem(await who.post("missions", {}), 403, "forbidden")
    problem(await who.get("/v1/territories/elsewhere/grants"), 404, "not-found")
    problem(await who.get("time-entries?limit=0"), 422, "validation-failed")  # no refusal of a person
    told = await listed(own, f"subject_id={world.subjects['consultant']}&kind=refused")
    told = [each for each in told if each["route"] != RECORDS]
    assert {(each["method"], each["route"], each["code"], each["status"], each["count"]) for each in told} == {
        ("GET", "/v1/territories/{territory}/grants", "not-found", 404, 4),
        ("POST", "/v1/territories/{territory}/missions", "forbidden", 403, 1),
    }
    assert {each["territory"] for each in told} == {None, world.territory}, "null where they name several"
    assert {(each["path"], each["request_id"], each["address"]) for each in told} == {(None, None, None)}


async def test_failed_authentications_tell_the_address_behind_the_proxy_and_never_the_key(
    own: tuple[World, AccessWriter],
) -> None:
    world, _ = own
    wrong = "rbd_" + "w" * 43
    there = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    for _ in range(2):
        problem(await Client(world.http, wrong, world.lead.base).get("missions", headers=there), 401,
                "credentials-invalid")  # fmt: skip
    assert (await world.http.get("/v1/me", headers=there)).status_code == 401
    assert (await world.http.post("/v1/enrolments", json={"code": "c" * 43}, headers=there)).status_code == 409
    six = {"X-Forwarded-For": "2001:db8:1:2:3::4"}
    assert (await world.http.get("/v1/me", headers=six)).status_code == 401
    told = await listed(own, "address=203.0.113.9")
    assert {(each["route"], each["code"], each["status"], each["count"]) for each in told} == {
        ("/v1/territories/{territory}/missions", "credentials-invalid", 401, 2),
        ("/v1/me", "credentials-missing", 401, 1),
        ("/v1/enrolments", "enrolment-code-invalid", 409, 1),
    }
    assert {each["kind"] for each in told} == {"failed_authentication"}
    assert {(each["subject_id"], each["subject_name"], each["key_id"]) for each in told} == {(None, None, None)}
    assert [each["address"] for each in await listed(own, "address=2001:db8:1:2:ffff::1")] == ["2001:db8:1:2::/64"]
    stored = await world.pool.fetch("SELECT r::text FROM access_records r")
    assert not any(wrong[4:] in row[0] or "c" * 43 in row[0] or "198.51.100" in row[0] for row in stored)


async def test_a_bound_key_sent_from_elsewhere_is_a_failed_authentication(own: tuple[World, AccessWriter]) -> None:
    world, _ = own
    key = await world.issue(world.subjects["consultant"], addresses=["192.0.2.0/24"])
    client = Client(world.http, key["key"], world.lead.base)
    problem(await client.get("missions", headers={"X-Forwarded-For": "203.0.113.77"}), 401, "credentials-invalid")
    [record] = await listed(own, "address=203.0.113.77")
    assert (record["kind"], record["count"]) == ("failed_authentication", 1)


async def test_auditors_alone_read_it_and_are_recorded_themselves(own: tuple[World, AccessWriter]) -> None:
    world, _ = own
    for name, client in world.clients.items():
        if name != "auditor":
            problem(await client.get(RECORDS), 404, "not-found")
    first = await world.auditor.get(f"{RECORDS}?limit=1")
    table = await world.auditor.get(f"{RECORDS}?format=csv")
    assert first.headers["cache-control"] == "no-store"
    assert table.text.startswith("id,kind,occurred_at,")
    read = await listed(own, f"subject_id={world.subjects['auditor']}&kind=read&route={RECORDS}")
    assert {answer.headers["x-request-id"] for answer in (first, table)} <= {each["request_id"] for each in read}
    # A role of one territory does not tell who reads what in others.
    async with world.pool.acquire() as connection:
        local = await world.add_subject(connection, "inspector", "office", "auditor")
        await connection.execute(
            "UPDATE members SET to_on = '2020-01-02' WHERE subject_id = $1", world.subjects["inspector"]
        )
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, created_at, updated_at)"
            " VALUES ($1, 'auditor', $2, '2020-01-03', now(), now())", world.subjects["inspector"], world.territory,
        )  # fmt: skip
    problem(await local.get(RECORDS), 404, "not-found")


async def test_the_list_is_filtered_and_paged(own: tuple[World, AccessWriter]) -> None:
    world, _ = own
    begun = clock.now()
    for _ in range(3):
        ok(await world.treasurer.get("/v1/me"))
    mine = f"subject_id={world.subjects['treasurer']}&occurred_from={begun.isoformat().replace('+00:00', 'Z')}"
    assert len(await listed(own, mine)) == 3
    page = ok(await world.auditor.get(f"{RECORDS}?{mine}&limit=2"))
    rest = ok(await world.auditor.get(f"{RECORDS}?{mine}&limit=2&cursor={page['next_cursor']}"))
    times = [each["occurred_at"] for each in (*page["items"], *rest["items"])]
    assert (len(page["items"]), len(rest["items"])) == (2, 1)
    assert times == sorted(times, reverse=True)
    for query, number in (
        (f"organisation_id={world.organisations['office']}", 3), (f"organisation_id={world.organisations['lead']}", 0),
        (f"key_id={await key_of(world, 'treasurer')}", 3), (f"key_id={uuid4()}", 0), ("route=/v1/me", 3),
        ("kind=refused", 0), ("code=forbidden", 0), ("territory=elsewhere", 0), ("path=/v1/me", 3),
        (f"occurred_to={begun.isoformat().replace('+00:00', 'Z')}", 0),
    ):  # fmt: skip
        assert len(await listed(own, f"{mine}&{query}")) == number, query


# --- bounded, and beside the requests ---------------------------------------------------------------------------------


def refused(trail: AccessTrail, subject: Any, problem: Any) -> None:
    actor = None if isinstance(subject, str) else SimpleNamespace(subject_id=subject, key_id=None)
    state: dict[str, Any] = {"trusted_proxies": ()} | ({"actor": actor} if actor else {})
    scope = {"route": SimpleNamespace(path_format="/v1/x"), "method": "GET", "path": "/v1/x", "path_params": {},
             "headers": [], "client": (subject, 1) if isinstance(subject, str) else None, "state": state}  # fmt: skip
    trail.note(scope, problem.status, problem)


def dropped() -> float:
    return float(trails.DROPPED._value.get())


def test_whoever_asks_however_often_no_more_waits_than_there_is_room_for(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trails, "MOST", 20)
    route = next(r for r in app.application.router.routes if getattr(r, "path_format", "") == "/v1/me")
    trail, before = AccessTrail(), dropped()
    for number in range(50):
        noted(trail, route)
        refused(trail, f"192.0.2.{number}", CredentialsInvalid())
    assert (len(trail), dropped() - before) == (40, 60)
    refused(trail, "192.0.2.1", CredentialsInvalid())  # what is counted already is counted on
    assert (len(trail), dropped() - before) == (40, 60)
    assert len(trail.take(15)) == 15
    assert len(trail.take(15)) == 5, "refusals wait until their minute is over"
    told = trail.take(100, all_of_it=True)
    assert (len(told), sum(each.number for each in told)) == (20, 21)
    assert len(trail) == 0


def test_a_minute_of_refusals_by_one_caller_route_and_code_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(trails, "time", SimpleNamespace(monotonic=lambda: now[0]))
    trail, one, two = AccessTrail(), uuid4(), uuid4()
    for seconds, subject, why in (
        (0, one, NotFound()), (59, one, NotFound()), (59, two, NotFound()), (59, one, Forbidden()),
        (59, one, QuotaExceeded()), (61, one, NotFound()),
    ):  # fmt: skip
        now[0] = seconds
        refused(trail, subject, why)
    told = sorted((each.code, each.subject_id == one, each.number) for each in trail.take(100))
    assert told == [
        ("forbidden", True, 1),
        ("not-found", False, 1),
        ("not-found", True, 2),
        ("quota-exceeded", True, 1),
    ]
    now[0] = 120
    assert [each.number for each in trail.take(100)] == [1]


async def test_a_database_that_is_away_disturbs_nobody_and_nothing_is_written_twice(
    own: tuple[World, AccessWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = own
    trail, subject = AccessTrail(), uuid4()
    for code in (NotFound, Forbidden, QuotaExceeded):
        refused(trail, subject, code())
    away = create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing", pool_size=1)
    try:
        writer = AccessWriter(away, trail)
        for _ in range(3):
            with pytest.raises(OSError):
                await writer.write(all_of_it=True)
        writer._engine = own[1]._engine
        heard = writer._write

        async def unheard() -> None:
            await heard()
            raise ConnectionError

        with monkeypatch.context() as patched:
            patched.setattr(writer, "_write", unheard)
            with pytest.raises(ConnectionError):
                await writer.write(all_of_it=True)
        await writer.write(all_of_it=True)
        rows = await world.pool.fetchval("SELECT count(*) FROM access_records WHERE subject_id = $1", subject)
        assert rows == 3
        # A batch that is refused for ever is given up.
        writer, before = AccessWriter(away, trail), dropped()
        monkeypatch.setattr(service, "TRIES", 2)
        refused(trail, subject, NotFound())
        for _ in range(2):
            with pytest.raises(OSError):
                await writer.write(all_of_it=True)
        await writer.write(all_of_it=True)
        assert dropped() - before == 1
        # And what waits as the process stops is told as lost.
        refused(trail, subject, NotFound())
        await writer.close()
        assert dropped() - before == 2
    finally:
        await away.dispose()


async def test_it_is_written_each_second_and_the_rest_as_the_service_stops(
    own: tuple[World, AccessWriter], settings: Settings, own_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = own
    monkeypatch.setattr(service, "EVERY", 0.02)
    read = "SELECT count(*) FROM access_records WHERE subject_id = $1 AND kind = $2 AND route LIKE '/v1/me%'"
    who = world.subjects["second_admin"]
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(
            serving_in_process(settings.model_copy(update={"database_url": own_url}))
        )
        client = Client(await stack.enter_async_context(InProcess(served)), world.second_admin.key, world.lead.base)
        ok(await client.get("/v1/me"))
        problem(await client.get(f"/v1/members/{uuid4()}"), 404, "not-found")
        for _ in range(200):
            if await world.pool.fetchval(read, who, AccessKind.READ):
                break
            await asyncio.sleep(0.02)
        assert await world.pool.fetchval(read, who, AccessKind.READ) == 1
        assert await world.pool.fetchval(read, who, AccessKind.REFUSED) == 0
    assert await world.pool.fetchval(read, who, AccessKind.REFUSED) == 1


# --- kept, and deleted ------------------------------------------------------------------------------------------------

WRITE = (
    "INSERT INTO access_records (kind, occurred_at, method, route, path, request_id, status, subject_id, count,"
    " kept_until) SELECT 'read', now() - interval '1 year', 'GET', '/x', '/x', 'r', 200, $1, 1,"
    " now() + $2::interval FROM generate_series(1, $3)"
)


async def test_each_is_kept_its_time_and_then_deleted(own: tuple[World, AccessWriter]) -> None:
    world, writer = own
    ok(await world.lead.get("/v1/me"))
    problem(await world.lead.get(f"missions/{uuid4()}"), 404, "not-found")
    assert (await world.http.get("/v1/me")).status_code == 401
    await writer.write(all_of_it=True)
    kept_for = "SELECT kind, kept_until - occurred_at AS kept FROM access_records WHERE route <> '/x'"
    ages = await world.pool.fetch(kept_for)
    longest = {kind: max(row["kept"] for row in ages if row["kind"] == kind) for kind in AccessKind}
    assert longest[AccessKind.FAILED_AUTHENTICATION] == timedelta(days=30)
    assert longest[AccessKind.READ] in (timedelta(days=365), timedelta(days=366))
    assert longest[AccessKind.REFUSED] == longest[AccessKind.READ]
    due, kept = uuid4(), uuid4()
    await world.pool.execute(WRITE, due, timedelta(seconds=-1), 7)
    await world.pool.execute(WRITE, kept, timedelta(minutes=5), 1)
    assert await delete_due(writer._engine, at_once=3) == 7
    left = await world.pool.fetch("SELECT subject_id FROM access_records WHERE subject_id = ANY ($1)", [due, kept])
    assert [row[0] for row in left] == [kept]
    assert await delete_due(writer._engine) == 0


@pytest.mark.parametrize(
    "change", ["DELETE FROM access_records", "UPDATE access_records SET count = 2", "TRUNCATE access_records"]
)
async def test_the_database_refuses_to_change_it_or_to_delete_it_before(
    own: tuple[World, AccessWriter], change: str
) -> None:
    world, _ = own
    await world.pool.execute(WRITE, uuid4(), timedelta(days=1), 1)
    with pytest.raises(asyncpg.RestrictViolationError):
        await world.pool.execute(change)
