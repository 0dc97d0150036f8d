"""Plans and statements of what remains, for tests."""

from typing import Any

import httpx2

from tests.world import Mission, World, ok


def line(week: str, days: float, *, consultant: str | None = None, profile: str = "senior") -> dict[str, Any]:
    """A line of a plan."""
    of = {"profile": profile} if consultant is None else {"consultant_id": consultant}
    return {"week": week, "days": days, **of}


async def plan(world: World, mission: Mission, *lines: dict[str, Any], **more: Any) -> httpx2.Response:
    """Plan the days of the mission as its lead firm."""
    body = {"planned_on": "2023-06-12", "lines": list(lines)} | more
    return await world.lead.put(f"missions/{mission.id}/plan", body)


async def state(world: World, mission: Mission, days: float, stated_on: str = "2023-07-09") -> dict[str, Any]:
    """State what remains, as the lead firm."""
    body = {"remaining_days": days, "stated_on": stated_on, "reason": "Two more auditions."}
    made: dict[str, Any] = ok(await world.lead.post(f"missions/{mission.id}/remaining-days", body), 201)
    return made
