"""Writing of access records beside the requests, and their deletion by `rebond tick`."""

import asyncio
import time
from secrets import randbits
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import raw_connection
from app.core.serving.background import within
from app.core.serving.trail import DROPPED, Access, AccessKind, AccessTrail

log = structlog.get_logger("rebond")

EVERY = 1.0  # seconds between two batches
BATCH = 200  # records that are written together: two milliseconds of the worker
LONGEST = 10.0  # seconds that the writing of one batch may take
TRIES = 60  # of one batch, after which it is dropped: one that is refused stops none of the others
DELETED_AT_ONCE = 5_000

_WRITE = f"""
INSERT INTO access_records (id, kind, occurred_at, method, route, path, place, status, code, subject_id, key_id,
                            address, request_id, count, kept_until)
SELECT *, occurred_at + CASE kind WHEN '{AccessKind.FAILED_AUTHENTICATION}' THEN interval '30 days'
                                  ELSE interval '12 months' END
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
            $9::text[], $10::uuid[], $11::uuid[], $12::text[], $13::text[], $14::int[])
    AS _ (id, kind, occurred_at, method, route, path, place, status, code, subject_id, key_id, address, request_id,
          count)
ON CONFLICT (id) DO NOTHING
"""  # noqa: S608  # the kind is ours
_DELETE = """
DELETE FROM access_records WHERE id = ANY (ARRAY(
    SELECT id FROM access_records WHERE kept_until <= now() ORDER BY kept_until LIMIT $1 FOR UPDATE SKIP LOCKED
))
"""


class AccessWriter:
    """Writes what a worker's trail has gathered, batch by batch. A batch that could not be written is tried again.

    Its records have ids from the start, so one whose COMMIT was not heard of is not written twice.
    """

    def __init__(self, engine: AsyncEngine, trail: AccessTrail) -> None:
        self._engine, self._trail = engine, trail
        self._batch: list[tuple[UUID, Access]] = []
        self._tries = 0

    async def serve(self) -> None:
        """Write every second, for as long as the process serves."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.write()
            except Exception:  # the database is away or busy: the requests report it
                log.warning("access_records_wait", exc_info=self._tries == 1)

    async def write(self, *, all_of_it: bool = False) -> None:
        """Write what waits, or `all_of_it`: also the refusals whose minute is not over."""
        while True:
            if not self._batch:
                self._batch = [(_new_id(), each) for each in self._trail.take(BATCH, all_of_it=all_of_it)]
                self._tries = 0
            if not self._batch:
                return
            self._tries += 1
            try:
                await within(LONGEST, self._write())
            except BaseException:  # a cancellation too: it is raised again
                if self._tries >= TRIES:
                    self._drop()
                raise
            self._batch = []

    async def _write(self) -> None:
        columns = zip(*((id_, *each) for id_, each in self._batch), strict=True)
        async with raw_connection(self._engine) as connection:
            await connection.execute(_WRITE, *map(list, columns))

    async def close(self) -> None:
        """Write all of it as the process stops, or drop it where that cannot be done at once."""
        try:
            await self.write(all_of_it=True)
        except Exception:  # the process stops all the same
            log.warning("access_records_dropped", exc_info=True)
            self._drop()
            DROPPED.inc(len(self._trail))

    def _drop(self) -> None:
        DROPPED.inc(len(self._batch))
        self._batch = []


def _new_id() -> UUID:
    """A UUIDv7, as the database makes them: milliseconds since 1970, then chance."""
    return UUID(int=(time.time_ns() // 1_000_000) << 80 | 7 << 76 | randbits(12) << 64 | 2 << 62 | randbits(62))


async def delete_due(engine: AsyncEngine, *, at_once: int = DELETED_AT_ONCE) -> int:
    """Delete the records that are no longer kept, so many a transaction. Returns how many."""
    deleted = 0
    while True:
        async with raw_connection(engine) as connection:
            told: str = await connection.execute(_DELETE, at_once)
        number = int(told.rpartition(" ")[2])
        deleted += number
        if number < at_once:
            return deleted
