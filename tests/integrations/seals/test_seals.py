"""Seals find every event that was changed, removed, added or swapped, and seal none that may still appear."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.core.db import create_engine
from app.integrations.seals import service
from app.integrations.seals.checks import CHECKS
from app.settings import Settings
from tests.commands.test_check import command
from tests.conftest import plain, serving_in_process
from tests.in_process import InProcess
from tests.world import World, ok

WRITE = (
    "INSERT INTO events (type, occurred_at, actor_kind, request_id, resource_type, resource_id, data)"
    " SELECT 'firm.updated', now(), 'system', 'r', 'firm', n::text, jsonb_build_object('name', 'Élan ' || n)"
    " FROM generate_series(1, $1) n"
)


@pytest.fixture(scope="module")
def sealed_url(new_database: Any) -> str:
    url: str = new_database("event_seals")
    return url


@pytest.fixture
async def engine(sealed_url: str, anyio_backend: Any) -> AsyncIterator[Any]:
    made = create_engine(sealed_url, pool_size=3)
    yield made
    await made.dispose()


@pytest.fixture
async def bare(sealed_url: str, anyio_backend: Any) -> AsyncIterator[Any]:
    """A connection that goes round the service."""
    connection = await asyncpg.connect(plain(sealed_url))
    yield connection
    await connection.close()


async def differing(bare: Any) -> set[int]:
    """The numbers of the seals that are not what the events come to."""
    return {int(key) for key, again, stored in await bare.fetch(CHECKS["seal of the events"]) if again != stored}


async def test_all_that_is_settled_is_sealed_in_ranges_that_follow_each_other(engine: Any, bare: Any) -> None:
    await bare.execute(WRITE, 7)
    first = await service.newest_seal(engine)
    begun = 0 if first is None else first.number
    assert await service.seal_events(engine, size=3) >= 7
    assert await service.seal_events(engine, size=3) == 0
    seals = await bare.fetch("SELECT * FROM event_seals ORDER BY number")
    assert [seal["number"] for seal in seals] == list(range(1, len(seals) + 1))
    assert len(seals) >= begun + 3
    for before, seal in zip([None, *seals], seals, strict=False):
        assert seal["after"] == (before["upto"] if before else 0)
        assert seal["previous"] == (before["sha256"] if before else None)
    assert seals[-1]["upto"] == await bare.fetchval("SELECT max(sequence) FROM events")
    assert sum(seal["count"] for seal in seals) == await bare.fetchval("SELECT count(*) FROM events")
    assert await differing(bare) == set()
    newest = await service.newest_seal(engine)
    assert newest is not None
    assert await service.kept_seal(engine, newest.number) == newest
    assert await service.kept_seal(engine, newest.number + 1) is None


SWAP = (
    "UPDATE events e SET data = o.data FROM events o WHERE e.sequence IN ({0}, {1}) AND o.sequence IN ({0}, {1})"
    " AND e.sequence <> o.sequence"
)
ADD = (
    "INSERT INTO events (sequence, type, occurred_at, actor_kind, request_id, resource_type, resource_id, data)"
    " SELECT {hole}, type, occurred_at, actor_kind, request_id, resource_type, resource_id, data"
    " FROM events WHERE sequence = {0}"
)
RENUMBER = (
    "UPDATE events SET sequence = -sequence WHERE sequence IN ({0}, {1});"
    " UPDATE events SET sequence = CASE sequence WHEN -{0} THEN {1} ELSE {0} END WHERE sequence IN (-{0}, -{1})"
)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE events SET {column} = {value} WHERE sequence = {0}",
        "DELETE FROM events WHERE sequence = {0}",
        SWAP,
        RENUMBER,
        ADD,
    ],
    ids=["changed", "removed", "swapped", "renumbered", "added"],
)
async def test_an_event_that_is_not_what_it_was_is_found_in_its_range(engine: Any, bare: Any, attack: str) -> None:
    await bare.execute(WRITE, 3)
    hole = await bare.fetchval("SELECT nextval('events_sequence')")
    await bare.execute(WRITE, 3)
    await service.seal_events(engine, size=6)
    first, last = hole - 1, hole + 1
    numbers = "SELECT number FROM event_seals WHERE upto >= $1 AND after < $1"
    columns = await bare.fetch(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'events'"
    )
    if "{column}" in attack:
        other = {
            "text": "'another'", "uuid": "uuidv7()", "jsonb": "'{{}}'", "bigint": "{0} + 1000000", "integer": "7",
            "timestamp with time zone": "now() + interval '1 microsecond'",
        }  # fmt: skip
        attacks = [
            attack.replace("{column}", row["column_name"]).replace("{value}", other[row["data_type"]])
            for row in columns
        ]
        assert len(attacks) > 10
    else:
        attacks = [attack]
    hit = {await bare.fetchval(numbers, number) for number in (first, last)}
    for each in attacks:
        transaction = bare.transaction()
        await transaction.start()
        await bare.execute("SET LOCAL session_replication_role = replica")
        await bare.execute(each.format(first, last, hole=hole))
        found = await differing(bare)
        await transaction.rollback()
        assert found, each
        assert found <= hit, each
    assert await differing(bare) == set()


async def test_what_is_still_open_keeps_back_what_came_after_it(
    engine: Any, bare: Any, sealed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOOKS", 3)
    await service.seal_events(engine)
    other = await asyncpg.connect(plain(sealed_url))
    transaction = other.transaction()
    await transaction.start()
    await other.execute(WRITE, 1)
    await bare.execute(WRITE, 2)
    assert await service.seal_events(engine) == 0
    await transaction.commit()
    await other.close()
    assert await service.seal_events(engine) == 3
    assert await differing(bare) == set()


async def test_two_sealers_at_once_make_each_seal_once(engine: Any, bare: Any) -> None:
    await service.seal_events(engine)  # what other tests have written
    await bare.execute(WRITE, 40)
    sealed = await asyncio.gather(*(service.seal_events(engine, size=2) for _ in range(3)))
    assert sum(sealed) == 40
    assert await differing(bare) == set()


@pytest.mark.parametrize(
    "columns",
    [
        {"number": "number + 2"},
        {"after": "upto - 1"},
        {"after": "upto + 1"},
        {"previous": "repeat('0', 64)"},
        {"previous": "NULL", "previous_number": "NULL"},
        {"previous_number": "number - 1"},
    ],
    ids=" ".join,
)
async def test_no_seal_stands_beside_the_chain(engine: Any, bare: Any, columns: dict[str, str]) -> None:
    await bare.execute(WRITE, 5)
    await service.seal_events(engine, size=2)
    await bare.execute(WRITE, 2)
    usual = {
        "number": "number + 1", "after": "upto", "upto": "upto + 2", "previous_number": "number",
        "previous": "sha256", "sealed_at": "now()",
    } | columns  # fmt: skip
    insert = (
        f"INSERT INTO event_seals ({', '.join(usual)}) SELECT {', '.join(usual.values())}"
        " FROM event_seals ORDER BY number DESC LIMIT 1"
    )
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError)):
        await bare.execute(insert)


@pytest.mark.parametrize(
    "sql", ["UPDATE event_seals SET number = number", "DELETE FROM event_seals WHERE false", "TRUNCATE event_seals"]
)
async def test_a_seal_stays_as_it_was_made(bare: Any, sql: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError):
        await bare.execute(sql)


async def test_nobody_writes_a_digest(engine: Any, bare: Any) -> None:
    await bare.execute(WRITE, 1)
    await service.seal_events(engine)
    await bare.execute(WRITE, 2)
    await bare.execute(
        "INSERT INTO event_seals (number, after, upto, count, sha256, previous_number, previous, sealed_at)"
        " SELECT number + 1, upto, upto + 2, 99, repeat('0', 64), number, sha256, now()"
        " FROM event_seals ORDER BY number DESC LIMIT 1"
    )
    assert await differing(bare) == set()


async def test_a_seal_that_was_kept_is_held_against_the_database(
    engine: Any, bare: Any, sealed_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await bare.execute(WRITE, 1)
    await service.seal_events(engine)
    kept = await service.newest_seal(engine)
    assert kept is not None

    async def said(*seals: str) -> tuple[Any, list[str]]:
        words = [word for seal in seals for word in ("--seal", seal)]
        return await asyncio.to_thread(command, sealed_url, capsys, monkeypatch, *words)

    code, lines = await said(str(kept))
    assert code in (0, None)
    assert lines[0] == f"seal {kept.number} is the one that was kept"
    code, lines = await said(f"{kept.number}:{'0' * 64}", f"{kept.number + 1}:{'0' * 64}")
    assert code == 1
    assert lines[:2] == [
        f"seal {kept.number}: here it is {kept.sha256}, kept was {'0' * 64}",
        f"seal {kept.number + 1}: there is none of this number here",
    ]
    assert lines[-1].endswith(" 0 differ")


async def test_the_newest_seal_comes_first_in_the_list(engine: Any, sealed_url: str, settings: Settings) -> None:
    async with (
        serving_in_process(settings.model_copy(update={"database_url": sealed_url})) as served,
        InProcess(served) as client,
        asyncpg.create_pool(plain(sealed_url), min_size=1, max_size=2) as connections,
    ):
        world = await World.create(client, connections)  # which leaves events
        await service.seal_events(engine)
        seals = ok(await world.auditor.get("/v1/events/seals?limit=500"))["items"]
        assert [seal["number"] for seal in seals] == list(range(len(seals), 0, -1))
        one = seals[-1]
        assert (one["number"], one["after"], one["previous"]) == (1, 0, None)
        assert ok(await world.consultant.get("/v1/events/seals?number=1"))["items"] == [one]
        assert ok(await world.lead.get(f"/v1/events/seals?number_from={len(seals) + 1}"))["items"] == []
