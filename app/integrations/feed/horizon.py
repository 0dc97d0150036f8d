"""Up to where the feed is shown (decision 2)."""

import asyncio
import time

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import raw_connection

AGE = Gauge(
    "rebond_feed_horizon_age_seconds",
    "How far the event feed is behind: seconds since the newest instant up to which it is known to be whole.",
    multiprocess_mode="mostrecent",
)


class Horizon:
    """The number up to which every event is settled: committed or rolled back, so that none can appear below it.

    Read the sequence's last value, *then* take a transaction id: every number up to that value was drawn by a
    transaction with a smaller id. Once no transaction up to that id is open, the value is the horizon.
    """

    def __init__(self) -> None:
        self.settled = 0
        self.settled_at = time.monotonic()
        self._sample: tuple[int, int, float] | None = None
        self._lock = asyncio.Lock()

    async def advance(self, engine: AsyncEngine) -> int:
        """The horizon now. It never goes back; an open transaction keeps it where it is."""
        async with self._lock, raw_connection(engine) as connection:
            if self._sample is None:
                now = time.monotonic()
                last = await connection.fetchval(
                    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_sequence"
                )
                if last == self.settled:
                    self.settled_at = now
                    return self.settled
                own = int(await connection.fetchval("SELECT pg_current_xact_id()::text"))
                self._sample = (last, own, now)
            oldest_open = int(await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
            last, own, sampled_at = self._sample
            if oldest_open > own:
                self.settled = max(self.settled, last)
                self.settled_at = sampled_at
                self._sample = None
            return self.settled

    async def look(self, engine: AsyncEngine) -> None:
        """Tell in the metrics how old the horizon is, whether anybody reads the feed or not."""
        try:
            await self.advance(engine)
        finally:  # while the database is away, its age grows
            AGE.set(time.monotonic() - self.settled_at)
