"""The instant that a test sets is Python's and the database's."""

from datetime import UTC, datetime

from app.core import clock
from tests.conftest import Frozen
from tests.world import ok


async def test_a_day_is_set_for_the_service_and_for_its_database(frozen: Frozen) -> None:
    instant = datetime(2024, 2, 29, 22, 59, 59, tzinfo=UTC)
    world = await frozen.world()
    async with frozen.at(instant):
        assert clock.now() == await world.pool.fetchval("SELECT now()") == instant
        mission = await world.mission(days=1, lead=0, partner=1, alert_thresholds_bp=[5000])
        made = ok(await world.consultant.post("time-entries", mission.entry(days=0.5)), 201)
        assert made["created_at"] == "2024-02-29T22:59:59.000000Z"
        [crossed] = [row for row in await world.events(mission.id) if row["type"] == "mission.threshold_crossed"]
        assert crossed["occurred_at"] == instant, "which a trigger wrote"
    assert await world.pool.fetchval("SELECT now() > $1", instant)
    assert clock.now() > instant
