"""Sealing of the event trail, by `rebond tick`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from app.core import clock
from app.core.db import raw_connection
from app.integrations.feed.horizon import Horizon

RANGE = 10_000  # events of a seal at most: some tens of megabytes, hashed in less than a second
LOOKS = 200  # some ten seconds: how long a transaction that is still open keeps the tick waiting
_LOCK = 0x7365616C  # «seal»: one sealer at a time

# The next range: it begins where the last one ends, and ends with an event.
_NEXT = """
INSERT INTO event_seals (number, after, upto, previous_number, previous, sealed_at)
SELECT coalesce(last.number, 0) + 1, coalesce(last.upto, 0), next.upto, last.number, last.sha256, $3
FROM (VALUES (1)) AS one LEFT JOIN (SELECT * FROM event_seals ORDER BY number DESC LIMIT 1) AS last ON true
CROSS JOIN LATERAL (
    SELECT max(sequence) AS upto FROM (
        SELECT sequence FROM events WHERE sequence > coalesce(last.upto, 0) AND sequence <= $1
        ORDER BY sequence LIMIT $2
    ) AS following
) AS next
WHERE next.upto IS NOT NULL
RETURNING number, count, sha256
"""
_NEWEST = "SELECT number, sha256 FROM event_seals ORDER BY number DESC LIMIT 1"


@dataclass(frozen=True)
class Seal:
    """A seal as somebody keeps it elsewhere."""

    number: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.number}:{self.sha256}"


async def seal_events(engine: AsyncEngine, *, size: int = RANGE, say: Callable[[str], None] = lambda _: None) -> int:
    """Seal the events that are settled, in ranges of `size`: none that a seal leaves out can appear in its range later.

    Returns how many events were sealed. A transaction that stays open keeps back what came after it began: it is sealed
    by the next tick. A second sealer at the same time does nothing.
    """
    horizon = await _settled(engine)
    sealed = 0
    while True:
        async with raw_connection(engine) as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return sealed
            await connection.execute("SET LOCAL statement_timeout = '60s'")
            made = await connection.fetchrow(_NEXT, horizon, size, clock.now())
        if made is None:
            return sealed
        sealed += made["count"]
        say(f"{sealed} events sealed")


async def newest_seal(engine: AsyncEngine) -> Seal | None:
    """The last seal, which covers all before it; none where nothing is sealed yet."""
    async with raw_connection(engine) as connection:
        row = await connection.fetchrow(_NEWEST)
    return None if row is None else Seal(row["number"], row["sha256"])


async def kept_seal(engine: AsyncEngine, number: int) -> Seal | None:
    """The seal of this number."""
    async with raw_connection(engine) as connection:
        sha256 = await connection.fetchval("SELECT sha256 FROM event_seals WHERE number = $1", number)
    return None if sha256 is None else Seal(number, sha256)


async def _settled(engine: AsyncEngine) -> int:
    """The horizon once all that is committed now lies below it, or as far as it has come in time."""
    async with raw_connection(engine) as connection:
        newest = await connection.fetchval("SELECT coalesce(max(sequence), 0) FROM events")
    horizon = Horizon()
    for _ in range(LOOKS):
        if await horizon.advance(engine) >= newest:
            break
        await asyncio.sleep(0.05)
    return horizon.settled
