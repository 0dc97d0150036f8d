"""Readers who wait for events: at once, in order, each once, as they may; and what ends their waiting."""

import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from typing import Any

import httpx2
import pytest
from prometheus_client import generate_latest

from app.core.serving.draining import DRAIN
from app.integrations.feed import live
from app.integrations.feed.live import Live, Question
from app.settings import Settings
from tests.conftest import serving_in_process
from tests.core.writing.test_events import APPEND, Reader, caught_up
from tests.in_process import InProcess
from tests.integrations.feed.streams import Stream, following
from tests.world import Client, World, ok, problem


async def append(world: World, name: str, kind: str = "mission") -> str:
    """An event of the territory about no object that exists."""
    statement = APPEND.replace("'mission'", f"'{kind}'")
    await world.pool.execute(statement, world.territory, name, 1)
    return name


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["resource"]["id"] for event in events if event["type"] == "probe.made"]


async def now(client: Client, query: str = "") -> str:
    """The cursor of who begins at what comes from now on."""
    cursor: str = ok(await client.get(f"/v1/events?after=now{query}"))["next_cursor"]
    return cursor


# --- waiting ---------------------------------------------------------------------------------------------------------


async def test_an_answer_that_waits_comes_with_the_first_event(world: World) -> None:
    cursor = await now(world.lead)
    waiting = asyncio.create_task(world.lead.get(f"/v1/events?wait=30&after={cursor}"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await append(world, "first")
    page = ok(await asyncio.wait_for(waiting, 10))
    assert names(page["items"]) == ["first"]
    await append(world, "second")
    async with asyncio.timeout(10):
        assert names(ok(await world.lead.get(f"/v1/events?wait=30&after={page['next_cursor']}"))["items"]) == ["second"]


async def test_an_answer_that_waits_in_vain_is_empty_and_its_cursor_goes_on(world: World) -> None:
    """Also past what this caller does not see."""
    cursor = following = await now(world.lead)
    await append(world, "hidden", "contribution")
    async with asyncio.timeout(60):  # other tests' transactions hold the horizon
        while following == cursor:
            began = time.monotonic()
            page = ok(await world.lead.get(f"/v1/events?wait=1&after={cursor}"))
            assert (page["items"], time.monotonic() - began >= 1) == ([], True)
            following = page["next_cursor"]
    await append(world, "shown")
    assert names(ok(await world.lead.get(f"/v1/events?wait=30&after={following}"))["items"]) == ["shown"]


async def test_from_now_on_leaves_out_what_was_and_misses_nothing_that_comes(world: World) -> None:
    await append(world, "before")
    await caught_up(world, Reader(world.lead))
    cursor = await now(world.lead)
    for name in ("one", "two", "three"):
        await append(world, name)
    reader = Reader(world.lead, limit=2)
    reader.cursor = cursor
    await reader.until(lambda r: len(names(r.seen)) == 3)
    assert names(reader.seen) == ["one", "two", "three"]


async def test_a_wait_holds_as_many_events_as_the_page_may(world: World) -> None:
    cursor = await now(world.lead)
    waiting = asyncio.create_task(world.lead.get(f"/v1/events?wait=30&limit=1&after={cursor}"))
    await asyncio.sleep(0.2)
    async with world.pool.acquire() as connection, connection.transaction():
        for name in ("one", "two"):
            await connection.execute(APPEND, world.territory, name, 1)
    page = ok(await waiting)
    assert names(page["items"]) == ["one"]
    assert names(ok(await world.lead.get(f"/v1/events?after={page['next_cursor']}"))["items"]) == ["two"]


@pytest.mark.parametrize("query", ["wait=0", "wait=31", "wait=1.5", "wait=", "wait=x", "format=sse&wait=5",
                                   "format=sse&limit=5", "format=stream"])  # fmt: skip
async def test_what_cannot_be_waited_for_is_refused(world: World, query: str) -> None:
    problem(await world.lead.get(f"/v1/events?{query}"), 422, "validation-failed")


async def test_a_cursor_that_is_none_ends_no_stream_in_its_middle(world: World) -> None:
    for headers in ({"Last-Event-ID": "no-cursor"}, {"Last-Event-ID": await now(world.operator)}):
        answer = await world.lead.get("/v1/events", headers={"Accept": "text/event-stream", **headers})
        problem(answer, 422, "invalid-cursor")


# --- streams ---------------------------------------------------------------------------------------------------------


async def test_a_stream_tells_what_the_feed_shows_and_goes_on_where_it_broke(world: World) -> None:
    await append(world, "before")
    await caught_up(world, Reader(world.lead))
    async with following(world.lead, f"after={await now(world.lead)}") as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert (stream.headers["cache-control"], stream.headers["x-accel-buffering"]) == ("no-store", "no")
        [first] = stream.sent
        assert (first.name, first.data) == ("cursor", {"next_cursor": first.id})
        await append(world, "one")
        await stream.until(lambda s: names(s.events) == ["one"])
        await append(world, "two")
        await stream.until(lambda s: names(s.events) == ["one", "two"])
        places = [each.id for each in stream.sent]
    await append(world, "three")
    for place, wanted in zip(places, (["one", "two", "three"], ["two", "three"], ["three"]), strict=True):
        async with following(world.lead, f"after={places[-1]}", last=place) as again:
            await again.until(lambda s, wanted=wanted: names(s.events) == wanted)
        page = ok(await world.lead.get(f"/v1/events?after={place}"))  # one cursor for both
        assert page["items"] == again.events


async def test_streams_beside_writers_tell_each_event_once_in_the_order_of_the_feed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little is held, with a reader who stops now and then, and transactions that last or come to nothing."""
    monkeypatch.setattr(live, "PAGE", 3)
    monkeypatch.setattr(live, "HELD", 4)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    async def write(number: int) -> None:
        for turn in range(20):
            async with world.pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                for part in range(chance.randrange(1, 6)):
                    await connection.execute(APPEND, world.territory, f"{number}-{turn}-{part}", 1)
                await asyncio.sleep(chance.random() * 0.03)
                await (transaction.rollback() if chance.random() < 1 / 6 else transaction.commit())

    async def stop_now_and_then(stream: Stream) -> None:
        while True:
            stream.reading.clear()
            await asyncio.sleep(chance.random() * 0.4)
            stream.reading.set()
            await asyncio.sleep(chance.random() * 0.2)

    start = await now(world.lead), await now(world.operator, f"&territory={world.territory}")
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(following(world.lead, f"after={start[0]}")) for _ in range(3)]
        query = f"after={start[1]}&territory={world.territory}"
        streams.append(await stack.enter_async_context(following(world.operator, query)))
        slow = asyncio.create_task(stop_now_and_then(streams[0]))
        await asyncio.gather(*(write(number) for number in range(4)))
        reader = Reader(world.lead, limit=500)
        reader.cursor = start[0]
        await append(world, "last")
        await reader.until(lambda r: "last" in names(r.seen))
        for stream in streams:
            await stream.until(lambda s: "last" in names(s.events))
        slow.cancel()
    assert len(reader.seen) > 100
    for stream in streams:
        assert stream.events == reader.seen


async def test_who_waits_is_told_what_it_may_see_alone(world: World, other: World) -> None:
    async with contextlib.AsyncExitStack() as stack:
        told = {
            name: await stack.enter_async_context(following(world.clients[name], "after=now"))
            for name in ("lead", "funder", "operator")
        }
        await append(world, "money", "contribution")
        await append(other, "elsewhere")
        await append(world, "mission")
        for stream in told.values():
            await stream.until(lambda s: "mission" in names(s.events))
        shown = {name: names(stream.events) for name, stream in told.items()}
    assert shown == {"lead": ["mission"], "funder": ["money", "mission"],
                     "operator": ["money", "elsewhere", "mission"]}  # fmt: skip


async def test_silence_is_told_and_where_the_reader_is_though_nothing_is_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.integrations.feed.feed.HEARTBEAT", 0.2)
    async with following(world.lead, "after=now") as stream:
        await stream.until(lambda s: "\n:\n" in s.body)
        [first] = stream.sent
        await append(world, "hidden", "contribution")
        await stream.until(lambda s: len(s.sent) > 1)
        assert (stream.sent[-1].name, stream.cursor != first.id, stream.events) == ("cursor", True, [])
        await append(world, "shown")
        await stream.until(lambda s: names(s.events) == ["shown"])


# --- what it costs ---------------------------------------------------------------------------------------------------


async def test_who_sees_the_same_is_read_for_once_who_sees_none_of_it_never_and_no_connection_is_held(
    world: World, other: World, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[bytes] = Counter()
    page = Question.page

    async def counted(self: Question, *given: Any) -> Any:
        reads[self.key[1]] += 1
        return await page(self, *given)

    async with contextlib.AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(following(client, "after=now"))
            for client in [world.lead] * 8 + [world.lead_judge] * 7 + [world.funder] * 5
        ]
        elsewhere = await stack.enter_async_context(following(other.lead, f"after=now&territory={other.territory}"))
        await asyncio.sleep(0.3)
        held = []
        for _ in range(5):
            held.append(app.state["engine"].pool.checkedout())
            await asyncio.sleep(0.02)
        assert min(held) == 0
        monkeypatch.setattr(Question, "page", counted)
        await append(world, "seen")
        for stream in streams:
            await stream.until(lambda s: names(s.events) == ["seen"])
        # The two persons of the lead firm see the same.
        assert list(reads.values()) == [1, 1]
        await append(other, "there")
        await elsewhere.until(lambda s: names(s.events) == ["there"])
        assert list(reads.values()) == [1, 1, 1]


async def test_nobody_waits_and_nothing_is_looked_for(world: World, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def look(_self: Live) -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(Live, "_look", look)
    async with following(world.lead, "after=now"):
        await asyncio.sleep(0.3)
        assert looks
    await asyncio.sleep(0.15)
    looks = 0
    await asyncio.sleep(0.3)
    assert (looks, app.state["listeners"].in_use, app.state["live"]._views) == (0, 0, {})


async def test_a_reader_who_leaves_gives_its_place_back(world: World, app: Any) -> None:
    async with following(world.lead, "after=now") as stream:
        assert app.state["listeners"].in_use == 1
        stream.leave.set()
        async with asyncio.timeout(5):
            while app.state["listeners"].in_use:  # noqa: ASYNC110  # nothing else tells
                await asyncio.sleep(0.01)


async def test_what_was_waited_for_counts_as_no_time_of_an_answer(world: World) -> None:
    def seconds() -> float:
        told = re.search(
            r'^rebond_request_seconds_sum\{method="GET",route="/v1/events"\} (\S+)$',
            generate_latest().decode(), re.MULTILINE,
        )  # fmt: skip
        return float(told[1]) if told else 0.0

    cursor = await now(world.lead)
    before = seconds()
    ok(
        await world.lead.get(
            f"/v1/events?wait=1&type=nothing.happens&after={await now(world.lead, '&type=nothing.happens')}"
        )
    )
    ok(await world.lead.get(f"/v1/events?after={cursor}"))
    assert seconds() - before < 1


async def test_places_are_few_for_one_and_there_is_one_for_others(settings: Settings, world: World) -> None:
    few = settings.model_copy(update={"listeners": 2})
    async with serving_in_process(few) as served, InProcess(served) as http, contextlib.AsyncExitStack() as stack:
        clients = {name: Client(http, world.clients[name].key, "") for name in ("lead", "funder", "operator")}
        await stack.enter_async_context(following(clients["lead"], "after=now"))
        refused = await clients["lead"].get("/v1/events?after=now&wait=1")
        told = problem(refused, 429, "quota-exceeded")
        assert (told["policy"], refused.headers["retry-after"]) == ("listeners_at_once", "5")
        ok(await clients["lead"].get("/v1/events?after=now"))
        await stack.enter_async_context(following(clients["funder"], "after=now"))
        answer = await clients["operator"].get("/v1/events?after=now", headers={"Accept": "text/event-stream"})
        problem(answer, 503, "too-many-listeners")
    limits = ok(await world.operator.get("/v1/quotas?name=listeners_at_once"))["items"]
    assert {limit["subject_kind"]: limit["value"] for limit in limits} == {"person": 20, "service_account": 100}


# --- what ends it ----------------------------------------------------------------------------------------------------


async def test_a_stream_ends_with_its_key_and_with_what_the_key_carries(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "KEYS", 0.0)
    key = await world.issue(str(world.subjects["lead_judge"]), name="screen")
    revoked = Client(world.http, key["key"], "")
    ok(await revoked.get("/v1/events?limit=1"))
    async with (
        following(revoked, "after=now") as first,
        following(world.funder, "after=now") as second,
        following(world.lead, "after=now") as stays,
    ):
        ok(await world.admin.post(f"/v1/api-keys/{key['id']}/revoke"))
        await first.until(lambda s: s.ended, 10)
        await world.pool.execute(
            "UPDATE members SET to_on = '2020-01-02' WHERE subject_id = $1", world.subjects["funder"]
        )
        await second.until(lambda s: s.ended, 10)
        await append(world, "goes on")
        await stays.until(lambda s: names(s.events) == ["goes on"])
        assert not stays.ended
    assert (first.events, second.events) == ([], [])
    problem(await revoked.get("/v1/events"), 401, "credentials-invalid")


async def test_those_who_wait_are_let_go_as_the_process_stops(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = await now(world.lead)
    async with following(world.lead, "after=now") as stream:
        waiting = asyncio.create_task(world.lead.get(f"/v1/events?wait=30&after={cursor}"))
        await asyncio.sleep(0.2)
        monkeypatch.setattr(DRAIN, "begun", True)
        await stream.until(lambda s: s.ended, 5)
        answer = await asyncio.wait_for(waiting, 5)
        assert (ok(answer)["items"], answer.headers["connection"]) == ([], "close")


async def test_head_says_what_get_says_and_streams_nothing(world: World) -> None:
    head: httpx2.Response = await world.lead.request("HEAD", "/v1/events", headers={"Accept": "text/event-stream"})
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
