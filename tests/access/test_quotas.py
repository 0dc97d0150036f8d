"""What a caller may take: counted by subject, in each worker and in the database; told in answers; refused beyond."""

import asyncio
import re
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import asyncpg
import httpx2
import pytest

from app.access import gate
from app.access.gate import Credentials
from app.access.quotas.rules import Limits, quota_of
from app.access.rules import Role, SubjectKind
from app.core.problems import CredentialsInvalid
from app.core.quotas import Failures, QuotaExceeded, Slots, TokenBucket
from app.core.reading.exports import TooManyExports
from app.core.serving.addresses import address_of
from app.settings import Settings
from tests.conftest import plain, serving_in_process
from tests.contract.test_listings import watched
from tests.in_process import InProcess
from tests.world import World, fresh_siren, ok, problem

WORKERS = 2
PROXY = "127.0.0.1"


@pytest.fixture(scope="module")
def url(new_database: Any) -> str:
    address: str = new_database("quotas")
    return address


@pytest.fixture(scope="module")
async def strict(url: str, settings: Settings, anyio_backend: Any) -> AsyncIterator[World]:
    """A world with a database of its own, as one of two workers behind a proxy that is trusted serves it."""
    own = {"database_url": url, "workers": WORKERS}
    async with (
        serving_in_process(settings.model_copy(update=own)) as served,
        InProcess(served) as client,
        asyncpg.create_pool(plain(url), min_size=1, max_size=4) as connections,
    ):
        yield await World.create(client, connections)


async def record(world: World, name: str, value: int, role: str | None, kind: str = "person") -> Any:
    """The programme records a limit that holds from today on, or from a past day."""
    body = {"subject_kind": kind, "role": role, "name": name, "value": value, "from_on": "2026-01-03", "source": "Test"}
    return ok(await world.programme.post("/v1/quotas", body), 201)


def left(response: httpx2.Response) -> dict[str, tuple[int, int]]:
    """What RateLimit says: of each policy how much is left, and in how many seconds all of it will be."""
    found = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', response.headers["ratelimit"])
    return {name: (int(rest), int(seconds)) for name, rest, seconds in found}


async def test_requests_beyond_the_limit_wait_and_those_of_others_do_not(strict: World) -> None:
    for name, value in (("requests_per_minute", 10), ("writes_per_minute", 4)):
        await record(strict, name, value, "auditor")
    answers = [await strict.auditor.get("/v1/waves") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429], "a worker of two grants half of ten"
    for answer in answers:
        policy = '"requests_per_minute";q=10;w=60, "writes_per_minute";q=4;w=60'
        assert answer.headers["ratelimit-policy"] == policy
    assert [left(answer)["requests_per_minute"][0] for answer in answers] == [4, 3, 2, 1, 0, 0]
    assert all(seconds <= 60 for answer in answers for _, seconds in left(answer).values())
    told = problem(answers[-1], 429, "quota-exceeded")
    assert (told["policy"], told["limit"]) == ("requests_per_minute", 10)
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 12
    ok(await strict.operator.get("/v1/waves"))
    assert "ratelimit" not in (await strict.http.get("/v1/waves")).headers, "who is unknown has no limit"
    limits = ok(await strict.operator.get("/v1/quotas?as_of=2026-11-30&role=auditor"))["items"]
    assert {limit["name"]: limit["value"] for limit in limits} == {"requests_per_minute": 10, "writes_per_minute": 4}
    await record(strict, "requests_per_minute", 1000, "auditor")
    ok(await strict.auditor.get("/v1/waves"))


async def test_what_may_change_something_counts_twice_and_by_the_subject_not_by_its_key(strict: World) -> None:
    await record(strict, "writes_per_minute", 4, "admin")
    office = f"/v1/organisations/{strict.organisations['office']}"
    ok(await strict.admin.patch(office, {"name": "Service of the State"}))
    key = (await strict.issue(strict.subjects["admin"]))["key"]
    headers = {"Authorization": f"Bearer {key}"}
    refused = await strict.http.patch(office, json={"name": "Another"}, headers=headers)
    assert problem(refused, 429, "quota-exceeded")["policy"] == "writes_per_minute"
    assert left(refused)["writes_per_minute"][0] == 0
    ok(await strict.http.get(office, headers=headers))
    await record(strict, "writes_per_minute", 1000, "admin")


async def test_an_unlimited_number_of_bad_keys_slows_their_address_and_no_good_key(strict: World) -> None:
    async def sent(key: str, address: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": f"10.9.9.9, {address}"}
        return await strict.http.get("/v1/waves", headers=headers)

    bad = [await sent(f"rbd_bad{number}", "192.0.2.1") for number in range(Failures.A_MINUTE // WORKERS + 2)]
    assert [answer.status_code for answer in bad] == [401] * (len(bad) - 2) + [429] * 2
    told = bad[-1]
    problem(told, 429, "too-many-failed-credentials")
    assert int(told.headers["retry-after"]) >= 1
    ok(await sent(strict.operator.key, "192.0.2.1"))
    assert (await sent("rbd_bad", "192.0.2.2")).status_code == 401
    missing = await strict.http.get("/v1/waves", headers={"X-Forwarded-For": "192.0.2.1"})
    assert missing.status_code == 401, "no key is no failed key"


async def upload(world: World, lines: int, **headers: str) -> httpx2.Response:
    content = b"siren;nom\n" + b"\n".join(f"{fresh_siren()};A".encode() for _ in range(lines))
    headers = {"Content-Type": "text/csv", **headers}
    return await world.clients["territory"].request("POST", "/v1/imports?kind=firms", content=content, headers=headers)


async def test_files_take_no_more_room_than_their_sender_has(strict: World) -> None:
    """However many are sent at once: the database counts."""
    first = ok(await upload(strict, 10), 202)
    size = await strict.pool.fetchval("SELECT size_bytes FROM imports WHERE id::text = $1", first["id"])
    whose = strict.subjects["territory"]
    kept = await strict.pool.fetchval("SELECT sum(size_bytes)::bigint FROM imports WHERE requested_by = $1", whose)
    pieces = "SELECT count(DISTINCT upload_id) FROM import_chunks"
    before = await strict.pool.fetchval(pieces)
    limit = kept + 2 * size
    await record(strict, "import_bytes", limit, "territory")
    answers = await asyncio.gather(*(upload(strict, 10, **{"Idempotency-Key": f"room-{n}"}) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] * 2 + [409] * 6
    told = next(answer for answer in answers if answer.status_code == 409)
    body = problem(told, 409, "import-space-exhausted")
    assert (body["kept_bytes"], body["file_bytes"], body["limit_bytes"]) == (limit, size, limit)
    assert await strict.pool.fetchval(pieces) == before + 2, "a file that was refused is forgotten at once"
    problem(await upload(strict, 10), 409, "import-space-exhausted")
    await record(strict, "import_bytes", 10**9, "territory")


async def test_imports_at_once_are_counted_over_all_workers(strict: World) -> None:
    await strict.pool.execute(
        "INSERT INTO imports (kind, status, dry_run, on_error, upload_id, size_bytes, format, requested_by, claim,"
        " heartbeat_at, created_at, updated_at)"
        " VALUES ('firms', 'running', false, 'abort', uuidv7(), 1, 'csv', $1, uuidv7(), now() + interval '1 hour',"
        " now(), now())", strict.subjects["territory"],
    )  # fmt: skip
    await record(strict, "imports_at_once", 1, "territory")
    refused = await upload(strict, 1)
    assert problem(refused, 429, "quota-exceeded")["policy"] == "imports_at_once"
    assert int(refused.headers["retry-after"]) >= 1
    refused = await upload(strict, 1, **{"Idempotency-Key": "at-once"})
    problem(refused, 429, "quota-exceeded")
    await record(strict, "imports_at_once", 100, "territory")
    ok(await upload(strict, 1), 202)


# --- the rules alone -------------------------------------------------------------------------------------------------


def test_a_bucket_is_full_at_first_and_fills_with_time() -> None:
    bucket = TokenBucket(6)
    bucket.at = 100.0
    assert [bucket.take(100.0) for _ in range(7)] == [True] * 6 + [False]
    assert bucket.wait == pytest.approx(10)
    assert bucket.told == (0, 60)
    assert bucket.take(109.9) is False
    assert bucket.take(110.1) is True
    assert [bucket.take(1000.0) for _ in range(7)] == [True] * 6 + [False], "never more than it holds"


def test_a_subject_has_the_most_generous_of_its_roles() -> None:
    person = SubjectKind.PERSON
    limits: Limits = {
        (person, None): {"a": 5, "b": 5}, (person, Role.LEAD): {"a": 2}, (person, Role.AUDITOR): {"a": 9},
        (SubjectKind.SERVICE_ACCOUNT, Role.LEAD): {"a": 100},
    }  # fmt: skip
    assert quota_of(limits, person, []) == {"a": 5, "b": 5}
    assert quota_of(limits, person, [Role.LEAD]) == {"a": 2, "b": 5}
    assert quota_of(limits, person, [Role.LEAD, Role.AUDITOR]) == {"a": 9, "b": 5}
    assert quota_of(limits, person, [Role.LEAD, Role.ADMIN]) == {"a": 5, "b": 5}
    assert quota_of({}, person, [Role.LEAD]) == {}


class Somebody:
    """A caller with a limit."""

    def __init__(self, number: int, **quota: int) -> None:
        self.subject_id: Any = number
        self.quota = quota


def test_a_caller_never_takes_the_last_place_of_all() -> None:
    slots = Slots("exports_at_once", 3, TooManyExports)
    greedy, modest, late = Somebody(1, exports_at_once=9), Somebody(2), Somebody(3)
    with slots.taken(greedy), slots.taken(greedy):
        with pytest.raises(QuotaExceeded), slots.taken(greedy):
            pass
        with slots.taken(modest), pytest.raises(TooManyExports), slots.taken(late):
            pass
        with slots.taken(late):
            pass
    narrow = Somebody(4, exports_at_once=1)
    with slots.taken(narrow), pytest.raises(QuotaExceeded), slots.taken(narrow):
        pass
    one = Slots("exports_at_once", 1, TooManyExports)
    with one.taken(greedy), pytest.raises(TooManyExports), one.taken(late):
        pass
    with one.taken(late):
        pass


async def test_a_key_that_works_waits_for_none_that_opens_nothing(app: Any, world: World) -> None:
    """Keys that a worker does not remember are looked at all at once: one that works takes its turn with no other."""
    good = (await world.issue(world.subjects["consultant"]))["key"]
    credentials = Credentials(60.0)
    with watched(app) as seen:
        wrong = [asyncio.create_task(credentials.actor(app.state["engine"], f"rbd_{number}")) for number in range(300)]
        found = await credentials.actor(app.state["engine"], good)
        answers = await asyncio.gather(*wrong, return_exceptions=True)
    assert found.subject_id == world.subjects["consultant"]
    assert {type(answer) for answer in answers} == {CredentialsInvalid}
    assert [statement for statement in seen if "api_keys" in statement] == [gate._OPENING, gate._FIND]


async def test_who_gives_up_takes_no_other_s_answer_along(app: Any) -> None:
    credentials = Credentials(60.0)
    leaves, stays = (asyncio.create_task(credentials.actor(app.state["engine"], "rbd_same")) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    with pytest.raises(CredentialsInvalid):
        await stays


def test_addresses_that_failed_are_remembered_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.quotas.MOST", 3)
    failures = Failures(1)
    for number in range(10):
        failures.count(f"192.0.2.{number}")
    assert len(failures._buckets) == 3


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [b"198.51.100.7"], "192.0.2.1"),  # a stranger's word
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [b"203.0.113.9, 198.51.100.7"], "198.51.100.7"),  # what the client wrote stands before
        ("10.0.0.1", [b"203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", [b"203.0.113.9", b"198.51.100.7"], "198.51.100.7"),  # two lines are one list
        ("10.0.0.1", [b"203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", [b"[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
        ("10.0.0.1", [b"2001:db8:1:2:ffff::1"], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", [b"198.51.100.7"], "198.51.100.7"),
        ("2001:db8::1", [b"198.51.100.7"], "2001:db8::/64"),
        ("", [b"198.51.100.7"], ""),
    ],
)
def test_an_address_is_what_trusted_proxies_say(peer: str, forwarded: list[bytes], address: str) -> None:
    scope = {"client": (peer, 1) if peer else None, "headers": [(b"x-forwarded-for", each) for each in forwarded]}
    assert address_of(scope, (ip_network("10.0.0.0/8"),)) == address
    if peer:
        assert address_of(scope, ()) == address_of({"client": (peer, 1), "headers": []}, ())
