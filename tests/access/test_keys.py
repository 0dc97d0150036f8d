"""API keys: shown once, rotated with an overlap, revoked, expired, and how they are kept."""

import asyncio
import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.access import gate
from app.access.gate import Credentials, digest_of
from app.core import clock
from app.core.problems import CredentialsInvalid
from tests.contract.test_listings import logged, watched
from tests.world import Client, World, ok, problem


@pytest.fixture(autouse=True)
def uncached(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests speak of the database; what a worker remembers has tests of its own below."""
    monkeypatch.setattr(app.state["credentials"], "_kept", 0.0)
    app.state["credentials"].forget()


def with_key(world: World, key: str) -> Client:
    return Client(world.http, key, world.admin.base)


async def issue(world: World, subject: str = "consultant", **more: Any) -> dict[str, Any]:
    return await world.issue(world.subjects[subject], **more)


async def program(world: World, *roles: str) -> str:
    """A program of the office that holds these roles here."""
    path = f"/v1/organisations/{world.organisations['office']}/service-accounts"
    account: str = ok(await world.admin.post(path, {"name": secrets.token_hex(4)}), 201)["id"]
    for role in roles:
        await world.grant(subject_id=account, role=role, territory=world.territory)
    return account


async def test_a_new_key_speaks_for_its_subject(world: World) -> None:
    issued = await issue(world)
    assert issued["key"].startswith("rbd_")
    assert issued["prefix"] == issued["key"][:12]
    me = ok(await with_key(world, issued["key"]).get("/v1/me"))
    assert me["subject_id"] == str(world.subjects["consultant"])
    assert me["key_id"] == issued["id"]
    assert me["roles"] == [{"role": "consultant", "territory": world.territory}]


async def test_a_secret_is_shown_once_and_stored_nowhere(world: World) -> None:
    headers = {"Idempotency-Key": f"key-{world.territory}"}
    body = {"subject_id": await program(world, "consultant"), "name": "once"}
    first = await world.admin.post("/v1/api-keys", body, headers=headers)
    key = ok(first, 201)["key"]
    assert first.headers["cache-control"] == "no-store"
    again = await world.admin.post("/v1/api-keys", body, headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert ok(again, 201) == {**first.json(), "key": None, "fingerprint": None}
    shown = ok(await world.admin.get(f"/v1/api-keys/{first.json()['id']}"))
    assert "key" not in shown
    assert await places_of(world, key[13:]) == []
    assert await places_of(world, hashlib.sha256(key.encode()).hexdigest()) == ["api_keys.digest"]


async def places_of(world: World, secret: str) -> list[str]:
    """Columns of any table that hold this text, in any type, bytes as hex."""
    columns = await world.pool.fetch(
        "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c"
        " JOIN pg_tables t ON t.tablename = c.table_name AND t.schemaname = c.table_schema"
        " WHERE c.table_schema = 'public'"
    )
    found = []
    for table, column, kind in columns:
        text = f"encode({column}, 'hex')" if kind == "bytea" else f"{column}::text"
        if await world.pool.fetchval(f"SELECT count(*) FROM {table} WHERE strpos({text}, $1) > 0", secret):
            found.append(f"{table}.{column}")
    assert len(columns) > 100
    return found


async def test_every_key_that_opens_nothing_costs_the_same_work(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it shares with one that works: a digest, and one look into an index by it. Digests are compared, never
    keys, so no byte of a key is found by how long it takes.
    """
    whole, revoked = (await issue(world))["key"], await issue(world)
    ok(await world.admin.post(f"/v1/api-keys/{revoked['id']}/revoke"))
    wrong = {
        "nothing of it": gate.PREFIX + "w" * (len(whole) - len(gate.PREFIX)),
        "its beginning": whole[:12] + "w" * (len(whole) - 12),
        "all but its last letter": whole[:-1] + ("A" if whole[-1] != "A" else "B"),
        "one that was revoked": revoked["key"],
    }
    digested: list[str] = []

    def counted(key: str) -> bytes:
        digested.append(key)
        return digest_of(key)

    monkeypatch.setattr(gate, "digest_of", counted)
    work = {}
    for name, key in wrong.items():
        with watched(app) as seen:
            problem(await with_key(world, key).get("/v1/me"), 401, "credentials-invalid")
            await logged()
        assert digested == [key], name
        digested.clear()
        work[name] = list(seen)
    assert set(map(tuple, work.values())) == {(gate._OPENING,)}
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")  # the table of a test is small
        for statement, given in {
            gate._OPENING: ([digest_of(whole)], clock.now()),
            gate._FIND: (digest_of(whole), clock.now(), clock.today()),
        }.items():
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *given))
            found = re.search(
                r"Index Scan using api_keys_digest_key on api_keys k\b.*\n\s+Index Cond: \(digest =", plan
            )
            assert found, plan


async def test_a_dry_run_issues_no_key(world: World) -> None:
    body = {"subject_id": str(world.subjects["consultant"]), "name": "never"}
    answer = ok(await world.admin.post("/v1/api-keys?dry_run=true", body), 200)
    assert answer["key"] is None
    listed = ok(await world.admin.get("/v1/api-keys", params={"subject_id": body["subject_id"]}))["items"]
    assert "never" not in {key["name"] for key in listed}


async def test_a_key_for_nobody_is_refused(world: World) -> None:
    body = {"subject_id": "019a9f5e-0000-7000-8000-000000000000", "name": "lost"}
    refused = problem(await world.admin.post("/v1/api-keys", body), 404, "reference-not-found")
    assert refused["errors"][0]["pointer"] == "/subject_id"


async def rotate(world: World, old: dict[str, Any], hours: int) -> dict[str, Any]:
    """The holder rotates the key with itself."""
    body = {"overlap_hours": hours}
    new: dict[str, Any] = ok(await with_key(world, old["key"]).post(f"/v1/me/keys/{old['id']}/rotate", body), 201)
    return new


async def test_a_rotated_key_works_beside_the_new_one_until_the_overlap_ends(world: World) -> None:
    old = await issue(world, permissions=["missions:read"], territories=[world.territory], addresses=["127.0.0.1"])
    before = datetime.now(UTC)
    new = await rotate(world, old, 24)
    carried = ("permissions", "territories", "addresses", "confirmed_by", "confirmed_at")
    assert {name: new[name] for name in carried} == {name: old[name] for name in carried}
    assert (new["created_by"], new["addresses"]) == (str(world.subjects["consultant"]), ["127.0.0.1/32"])
    assert new["rotated_from_id"] == old["id"]
    assert (new["name"], new["scope"], new["subject_id"]) == (old["name"], old["scope"], old["subject_id"])
    ends_at = datetime.fromisoformat(ok(await world.admin.get(f"/v1/api-keys/{old['id']}"))["expires_at"])
    assert timedelta(hours=23, minutes=59) < ends_at - before < timedelta(hours=24, minutes=1)
    for key in (old["key"], new["key"]):
        ok(await with_key(world, key).get("/v1/me"))
    await world.pool.execute("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", old["id"])
    problem(await with_key(world, old["key"]).get("/v1/me"), 401, "credentials-invalid")
    ok(await with_key(world, new["key"]).get("/v1/me"))


async def test_a_rotation_without_overlap_ends_the_old_key_at_once(world: World) -> None:
    old = await issue(world)
    new = await rotate(world, old, 0)
    problem(await with_key(world, old["key"]).get("/v1/me"), 401, "credentials-invalid")
    ok(await with_key(world, new["key"]).get("/v1/me"))


async def test_a_rotation_never_makes_a_key_live_longer(world: World) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    old = await issue(world, expires_at=soon)
    new = await rotate(world, old, 720)
    kept = ok(await world.admin.get(f"/v1/api-keys/{old['id']}"))
    assert kept["expires_at"] == new["expires_at"] == old["expires_at"]


@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now() - interval '1 second'"])
async def test_an_ended_key_is_not_rotated(world: World, end: str) -> None:
    old = await issue_of(world, await program(world))
    await world.pool.execute(f"UPDATE api_keys SET {end} WHERE id = $1", old["id"])
    problem(await world.admin.post(f"/v1/api-keys/{old['id']}/rotate", {}), 409, "api-key-ended")


async def issue_of(world: World, subject_id: str, **more: Any) -> dict[str, Any]:
    """A key of a program, as an administrator is shown it; nobody has confirmed it."""
    body = {"subject_id": subject_id, "name": "nightly", **more}
    made: dict[str, Any] = ok(await world.admin.post("/v1/api-keys", body), 201)
    return made


async def test_an_admin_may_rotate_the_key_it_speaks_with(world: World) -> None:
    own = ok(await world.admin.get("/v1/me"))["key_id"]
    new = ok(await world.admin.post(f"/v1/api-keys/{own}/rotate", {"overlap_hours": 0}), 201)["key"]
    problem(await world.admin.get("/v1/me"), 401, "credentials-invalid")
    ok(await with_key(world, new).get("/v1/organisations?limit=1"))


async def test_a_revoked_key_works_no_more_and_stays_revoked(world: World) -> None:
    issued = await issue(world)
    revoked = ok(await world.admin.post(f"/v1/api-keys/{issued['id']}/revoke"))
    assert revoked["revoked_at"] is not None
    problem(await with_key(world, issued["key"]).get("/v1/me"), 401, "credentials-invalid")
    again = ok(await world.admin.post(f"/v1/api-keys/{issued['id']}/revoke"))
    assert again == revoked, "a second revocation changes nothing, nor does it count as one"
    told = [event["type"] for event in await world.events(issued["id"])]
    assert told == ["api_key.created", "api_key.enrolled", "api_key.confirmed", "api_key.revoked"]


async def test_an_expired_key_is_invalid(world: World) -> None:
    issued = await issue(world, expires_at=(datetime.now(UTC) + timedelta(days=729)).isoformat())
    ok(await with_key(world, issued["key"]).get("/v1/me"))
    await world.pool.execute("UPDATE api_keys SET expires_at = now() WHERE id = $1", issued["id"])
    problem(await with_key(world, issued["key"]).get("/v1/me"), 401, "credentials-invalid")


async def test_a_key_that_only_reads_reads_everything_and_writes_nothing(world: World) -> None:
    reader = with_key(world, (await issue(world, "operator", scope="read_only"))["key"])
    assert ok(await reader.get("/v1/me"))["scope"] == "read_only"
    ok(await reader.get("missions"))
    problem(await reader.post("missions", {"name": "Mine"}), 403, "insufficient-scope")
    problem(await reader.post("missions?dry_run=true", {"name": "Mine"}), 403, "insufficient-scope")
    problem(await reader.post("/v1/waves", {"number": 3}), 403, "forbidden")
    assert ok(await world.operator.get("missions"))["items"] == []


async def test_the_last_use_of_a_key_is_noted_at_most_once_a_minute(world: World) -> None:
    issued = await issue(world)
    client = with_key(world, issued["key"])

    async def used() -> datetime:
        ok(await client.get("/v1/me"))
        at: datetime = await world.pool.fetchval("SELECT last_used_at FROM api_keys WHERE id = $1", issued["id"])
        return at

    assert issued["last_used_at"] is None
    first = await used()
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)
    assert await used() == first
    await world.pool.execute(
        "UPDATE api_keys SET last_used_at = $2 WHERE id = $1", issued["id"], first - timedelta(seconds=59)
    )
    assert await used() == first - timedelta(seconds=59)
    await world.pool.execute(
        "UPDATE api_keys SET last_used_at = $2 WHERE id = $1", issued["id"], first - timedelta(minutes=2)
    )
    assert await used() >= first
    shown = ok(await world.admin.get(f"/v1/api-keys/{issued['id']}"))
    assert shown["version"] == issued["version"], "being used is no change of the key"


async def test_twenty_uses_at_once_are_no_obstacle_to_each_other(world: World) -> None:
    client = with_key(world, (await issue(world))["key"])
    answers = await asyncio.gather(*(client.get("/v1/me") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Bearer rbd_", "bearer rbd_x y", "Basic cmJkOng=", "Bearer x" + "y" * 46,
        "Bearer rbd_" + "é" * 43, "Bearer rbd_" + "x" * 5000, "Bearer rbd_' OR true; --", "Token rbd_" + "x" * 43,
    ],
)  # fmt: skip
async def test_an_unreadable_credential_is_invalid_and_told_nothing(world: World, header: str) -> None:
    answer = await world.http.get("/v1/me", headers=[(b"Authorization", header.encode("latin-1"))])
    body = problem(answer, 401, "credentials-invalid")
    assert answer.headers["www-authenticate"] == 'Bearer realm="rebond"'
    assert "errors" not in body


async def test_the_scheme_is_read_without_case(world: World) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        ok(await world.http.get("/v1/me", headers={"Authorization": f"{scheme} {world.admin.key}"}))


async def test_a_key_in_the_query_string_is_no_credential(world: World) -> None:
    problem(await world.http.get(f"/v1/me?api_key={world.admin.key}"), 401, "credentials-missing")


# --- what a worker remembers -----------------------------------------------------------------------------------------


class Watch:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    found = Watch()
    monkeypatch.setattr(gate, "time", found)
    return found


async def test_another_worker_believes_a_revoked_key_for_less_than_five_seconds(
    app: Any, world: World, watch: Watch, settings: Any
) -> None:
    issued = await issue(world)
    elsewhere = Credentials(settings.credential_cache)
    engine = app.state["engine"]
    actor = await elsewhere.actor(engine, issued["key"])
    assert actor.subject_id == world.subjects["consultant"]
    ok(await world.admin.post(f"/v1/api-keys/{issued['id']}/revoke"))
    problem(await with_key(world, issued["key"]).get("/v1/me"), 401, "credentials-invalid")
    assert await elsewhere.actor(engine, issued["key"]) is actor, "remembered: no query was made"
    watch.at += settings.credential_cache
    assert settings.credential_cache < 5
    with pytest.raises(CredentialsInvalid):
        await elsewhere.actor(engine, issued["key"])


async def test_being_asked_again_does_not_prolong_what_is_remembered(app: Any, world: World, watch: Watch) -> None:
    issued = await issue(world)
    elsewhere = Credentials(3.0)
    for _ in range(3):
        await elsewhere.actor(app.state["engine"], issued["key"])
        watch.at += 0.9
    await world.pool.execute("UPDATE api_keys SET revoked_at = now() WHERE id = $1", issued["id"])
    watch.at += 0.4
    with pytest.raises(CredentialsInvalid):
        await elsewhere.actor(app.state["engine"], issued["key"])


async def test_a_worker_remembers_a_bounded_number_of_keys(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "KEPT", 3)
    elsewhere = Credentials(60.0)
    for role in ("admin", "operator", "lead", "consultant", "auditor"):
        await elsewhere.actor(app.state["engine"], world.clients[role].key)
    assert len(elsewhere._seen) == 3


async def test_an_unknown_key_is_never_remembered(app: Any, world: World) -> None:
    elsewhere = Credentials(60.0)
    with pytest.raises(CredentialsInvalid):
        await elsewhere.actor(app.state["engine"], "rbd_" + "x" * 43)
    assert len(elsewhere._seen) == 0


async def test_a_remembered_key_stops_at_its_own_expiry_within_the_memory(app: Any, world: World, watch: Watch) -> None:
    """A key that expires while it is remembered goes on for the memory's few seconds at most."""
    issued = await issue(world, expires_at=(clock.now() + timedelta(seconds=1)).isoformat())
    elsewhere = Credentials(4.0)
    await elsewhere.actor(app.state["engine"], issued["key"])
    await world.pool.execute("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", issued["id"])
    watch.at += 4.0
    with pytest.raises(CredentialsInvalid):
        await elsewhere.actor(app.state["engine"], issued["key"])


async def test_no_setting_lets_a_worker_remember_for_five_seconds() -> None:
    from pydantic import ValidationError

    from app.settings import Settings

    with pytest.raises(ValidationError, match="credential_cache"):
        Settings(_env_file=None, credential_cache=5.0)
