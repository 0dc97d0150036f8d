"""One request, one effect, the same answer again: on the hot path in one statement, and on the cold path."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.core import clock
from app.core.writing.idempotency import forget_expired
from tests.world import Client, Mission, World, dumps, ok, problem


@dataclass
class Post:
    """A POST that makes one row, and how to count those rows."""

    client: Client
    path: str
    body: dict[str, Any]
    other: dict[str, Any]
    count: str

    async def send(self, key: str, path: str = "", body: dict[str, Any] | None = None) -> httpx2.Response:
        headers = {"Idempotency-Key": key}
        return await self.client.post(path or self.path, body or self.body, headers=headers)

    async def rows(self, world: World) -> int:
        found: int = await world.pool.fetchval(self.count, world.territory)
        return found


ENTRIES = "SELECT count(*) FROM time_entries WHERE territory = $1"


@pytest.fixture
async def mission(world: World) -> Mission:
    return await world.mission(days=10, lead=0, partner=10)


@pytest.fixture(params=["hot", "cold", "list"])
async def post(request: pytest.FixtureRequest, world: World, mission: Mission) -> Post:
    """The hot path (one entry), a cold one (a mission), and one that answers with a list and without a Location."""
    entry, other = mission.entry(), mission.entry(worked_on="2023-07-05")
    if request.param == "hot":
        return Post(world.consultant, "time-entries", entry, other, ENTRIES)
    if request.param == "list":
        return Post(world.consultant, "time-entries/batch", {"items": [entry]}, {"items": [other]}, ENTRIES)
    missions = "SELECT count(*) FROM missions WHERE territory = $1"
    return Post(world.operator, "missions", {"name": "One"}, {"name": "Other"}, missions)


def same(first: httpx2.Response, again: httpx2.Response) -> None:
    """`again` is the stored answer of `first`."""
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("location", "etag", "content-type"):
        assert again.headers.get(name) == first.headers.get(name), name


async def test_twenty_at_once_with_one_key_make_one_row(world: World, post: Post) -> None:
    for body in (post.body, post.other):
        key = f"one-{body is post.body}"
        before = await post.rows(world)
        responses = await asyncio.gather(*(post.send(key, body=body) for _ in range(20)))
        assert await post.rows(world) == before + 1
        made = [response for response in responses if response.status_code == 201]
        (first,) = [response for response in made if "idempotency-replayed" not in response.headers]
        for response in made:
            if response is not first:
                same(first, response)
        for response in responses:
            if response not in made:
                problem(response, 409, "idempotency-key-in-use")
                assert response.headers["retry-after"] == "1"
        for response in await asyncio.gather(*(post.send(key, body=body) for _ in range(5))):
            same(first, response)
        assert await post.rows(world) == before + 1
        events = await world.pool.fetchval(
            "SELECT count(*) FROM events WHERE territory = $1 AND request_id = $2",
            world.territory,
            first.headers["x-request-id"],
        )
        assert events == 1


async def test_a_key_belongs_to_one_body_one_route_and_one_query(world: World, mission: Mission, post: Post) -> None:
    first = await post.send("fixed")
    ok(first, 201)
    rows = await post.rows(world)
    problem(await post.send("fixed", body=post.other), 422, "idempotency-key-reused")
    problem(await post.send("fixed", f"{post.path}?dry_run=false"), 422, "idempotency-key-reused")
    headers = {"Idempotency-Key": "fixed"}
    body: dict[str, Any]
    if post.client is world.operator:
        assignment = {"mission_id": mission.id, "from_on": "2023-07-01", "person_id": str(await world.add_person())}
        path, body = "consultants", assignment
    elif post.path == "time-entries":
        path, body = ("time-entries/batch", {"items": [post.other]})
    else:
        path, body = ("time-entries", post.other["items"][0])
    problem(await post.client.post(path, body, headers=headers), 422, "idempotency-key-reused")
    assert await post.rows(world) == rows
    same(first, await post.send("fixed"))


async def test_the_digest_is_of_the_bytes_that_were_sent(world: World, mission: Mission) -> None:
    headers = {"Idempotency-Key": "bytes", "Content-Type": "application/json"}
    body = dumps(mission.entry())
    first = await world.consultant.request("POST", "time-entries", content=body, headers=headers)
    ok(first, 201)
    same(first, await world.consultant.request("POST", "time-entries", content=body, headers=headers))
    spaced = await world.consultant.request("POST", "time-entries", content=body + b" ", headers=headers)
    problem(spaced, 422, "idempotency-key-reused")


async def test_a_refusal_stores_nothing_and_the_same_key_succeeds_later(world: World, mission: Mission) -> None:
    taken = ok(await world.consultant.post("time-entries", mission.entry(days=1)), 201)
    for path, body in (
        ("time-entries", mission.entry(days=0.5)),
        ("time-entries/batch", {"items": [mission.entry(days=0.5)]}),
    ):
        headers = {"Idempotency-Key": f"later-{path}"}
        for _ in range(2):
            problem(await world.consultant.post(path, body, headers=headers), 409, "person-day-exceeded")
    kept = "SELECT count(*) FROM idempotency_keys WHERE subject_id = $1"
    assert await world.pool.fetchval(kept, world.subjects["consultant"]) == 0
    ok(await world.consultant.post(f"time-entries/{taken['id']}/recall"))
    for path, body in (
        ("time-entries", mission.entry(days=0.25)),  # a refused key may carry another body, too
        ("time-entries/batch", {"items": [mission.entry(days=0.5)]}),
    ):
        headers = {"Idempotency-Key": f"later-{path}"}
        first = await world.consultant.post(path, body, headers=headers)
        ok(first, 201)
        same(first, await world.consultant.post(path, body, headers=headers))


async def test_a_stored_answer_comes_again_although_the_object_has_changed(world: World, mission: Mission) -> None:
    headers = {"Idempotency-Key": "then"}
    first = await world.consultant.post("time-entries", mission.entry(), headers=headers)
    entry = ok(first, 201)
    ok(await world.consultant.patch(f"time-entries/{entry['id']}", {"note": "Changed"}))
    same(first, await world.consultant.post("time-entries", mission.entry(), headers=headers))


async def test_two_subjects_may_use_the_same_key(world: World, mission: Mission) -> None:
    async with world.pool.acquire() as connection:
        colleague = await world.add_subject(connection, "colleague", "partner", "consultant")
    answers = [
        await client.post("time-entries", mission.entry(days=0.25), headers={"Idempotency-Key": "shared"})
        for client in (world.consultant, colleague)
    ]
    ids = {ok(answer, 201)["id"] for answer in answers}
    assert len(ids) == 2
    assert all("idempotency-replayed" not in answer.headers for answer in answers)
    assert ok(await colleague.get(f"time-entries/{answers[1].json()['id']}"))["entered_by"] == str(
        world.subjects["colleague"]
    )


@pytest.mark.parametrize("key", ["", "a" * 256, "a" * 300, "two words", " ", "tab\tkey", "caf\xe9"])
async def test_a_key_of_another_form_is_refused_before_anything_is_done(world: World, post: Post, key: str) -> None:
    rows = await post.rows(world)
    header = key.encode("latin-1")
    response = await post.client.post(post.path, post.body, headers={"Idempotency-Key": header})
    problem(response, 400, "idempotency-key-invalid")
    assert await post.rows(world) == rows


async def test_the_longest_key_is_taken(world: World, post: Post) -> None:
    first = await post.send("~" * 255)
    ok(first, 201)
    same(first, await post.send("~" * 255))


async def test_a_key_is_free_again_after_a_day(world: World, post: Post) -> None:
    """Before the sweeper has come by: the row of the old answer still stands there."""
    first = await post.send("old")
    ok(first, 201)
    subject = world.subjects["operator" if post.client is world.operator else "consultant"]
    old = "UPDATE idempotency_keys SET created_at = created_at - make_interval(mins => $2) WHERE subject_id = $1"
    await world.pool.execute(old, subject, 24 * 60 - 5)
    same(first, await post.send("old"))
    rows = await post.rows(world)
    await world.pool.execute(old, subject, 6)
    again = await asyncio.gather(*(post.send("old") for _ in range(10)))
    assert await post.rows(world) == rows + 1
    fresh = [a for a in again if a.status_code == 201 and "idempotency-replayed" not in a.headers]
    assert len(fresh) == 1
    assert fresh[0].content != first.content
    assert {a.status_code for a in again} <= {201, 409}
    for answer in again:
        if answer.status_code == 409:
            problem(answer, 409, "idempotency-key-in-use")
    same(fresh[0], await post.send("old"))


async def test_the_sweeper_forgets_what_is_older_than_a_day_and_nothing_else(world: World, app: Any) -> None:
    for key in ("young", "old"):
        ok(await world.operator.post("missions", {"name": "Kept"}, headers={"Idempotency-Key": key}), 201)
    subject = world.subjects["operator"]
    old = "UPDATE idempotency_keys SET created_at = $2 WHERE subject_id = $1 AND key = 'old'"
    await world.pool.execute(old, subject, clock.now() - timedelta(hours=24, minutes=1))
    async with app.state["sessions"]() as session, session.begin():
        assert await forget_expired(session) >= 1
    left = await world.pool.fetch("SELECT key FROM idempotency_keys WHERE subject_id = $1", subject)
    assert [row["key"] for row in left] == ["young"]


async def test_a_dry_run_keeps_no_key(world: World, post: Post) -> None:
    rows = await post.rows(world)
    events = await world.pool.fetchval("SELECT count(*) FROM events WHERE territory = $1", world.territory)
    for _ in range(2):
        response = await post.send("dry", f"{post.path}?dry_run=true")
        ok(response, 200)
        assert "idempotency-replayed" not in response.headers
        assert "location" not in response.headers
    assert await post.rows(world) == rows
    assert await world.pool.fetchval("SELECT count(*) FROM events WHERE territory = $1", world.territory) == events
    kept = "SELECT count(*) FROM idempotency_keys WHERE key = 'dry' AND subject_id = ANY ($1)"
    assert await world.pool.fetchval(kept, list(world.subjects.values())) == 0
    ok(await post.send("dry"), 201)


async def test_an_action_is_done_once_and_replayed(world: World, mission: Mission) -> None:
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)
    path = f"time-entries/{entry['id']}/recall"
    responses = await asyncio.gather(
        *(world.consultant.post(path, headers={"Idempotency-Key": "recall"}) for _ in range(10))
    )
    assert set(Counter(r.status_code for r in responses)) <= {200, 409}
    (first,) = [r for r in responses if r.status_code == 200 and "idempotency-replayed" not in r.headers]
    same(first, await world.consultant.post(path, headers={"Idempotency-Key": "recall"}))
    problem(await world.consultant.post(path), 409, "invalid-transition")


async def test_a_twin_is_told_while_the_first_waits_for_a_limit(world: World, mission: Mission) -> None:
    """The first is held up at the mission's row; its twins wait for nothing and take no connection with them."""
    headers = {"Idempotency-Key": "held"}
    ok(await world.consultant.post("time-entries", mission.entry(days=0.25)), 201)
    async with world.pool.acquire() as connection:
        lock = connection.transaction()
        await lock.start()
        await connection.execute("SELECT 1 FROM mission_days WHERE mission_id = $1 FOR UPDATE", mission.id)
        first = asyncio.create_task(world.consultant.post("time-entries", mission.entry(), headers=headers))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while not await world.pool.fetchval(waiting):  # each look is a round trip: the first gets its turn
            pass
        twins = await asyncio.gather(
            *(world.consultant.post("time-entries", mission.entry(), headers=headers) for _ in range(25))
        )
        await lock.rollback()
    for twin in twins:
        problem(twin, 409, "idempotency-key-in-use")
    ok(await first, 201)
    same(first.result(), await world.consultant.post("time-entries", mission.entry(), headers=headers))
