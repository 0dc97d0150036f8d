"""The scenarios of the follow-up do what they say; how fast is the bench's business."""

from datetime import timedelta
from typing import Any

from app.core import clock
from app.core.clock import PARIS
from tests.bench.follow_up import ADDRESSES, ask, enter, fill, plan
from tests.world import World, ok


async def test_the_scenarios_of_the_follow_up_run_and_find_the_entries_by_their_mission(
    world: World, other: World, pool: Any
) -> None:
    window: dict[str, Any] = {"starts_on": "2023-01-01", "ends_on": "2025-12-31"}
    with clock.frozen(clock.now().astimezone(PARIS) - timedelta(days=2)):
        mission = await world.mission(days=100, lead=0, partner=100, **window)
        await enter(world, mission, 40)
    elsewhere = await other.mission(days=10, **window)
    await fill(pool, other, elsewhere, 4000)
    known = (clock.today() - timedelta(days=1)).isoformat()
    took = await ask(world.committee, mission.id, known, rounds=1)
    assert {address: len(seconds) for address, seconds in took.items()} == dict.fromkeys(ADDRESSES, 1)
    found = ok(await world.committee.get(f"engineering?recorded_as_of={known}"))
    assert (found["days_entered"], found["days_left"]) == (10, 90)
    assert "time_entries_mission_id_worked_on_idx" in await plan(pool, world.territory, mission.id)
