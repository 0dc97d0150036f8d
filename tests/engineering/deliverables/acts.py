"""What the tests of deliverables do again and again."""

from datetime import date, datetime, time
from typing import Any

import httpx2

from app.commands.tick import admit_deliverables, tell_late_deliverables
from app.core import clock
from tests.missions.frameworks.acts import a_framework, a_parameter
from tests.missions.frameworks.acts import ordered as order_under
from tests.world import Client, Mission, World, ok

# Who does each act, and the body it cannot do without; the day is added.
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "deliver": ("lead", {"document_sha256": "ab" * 32}),
    "verify": ("operator", {}),
    "admit": ("operator", {}),
    "defer": ("operator", {"reason": "The figures are missing.", "until_on": "2199-01-31"}),
    "admit-with-reduction": ("operator", {"reason": "Two interviews were not held.", "reduced_days": 1.5}),
    "reject": ("operator", {"reason": "It is about another basin."}),
}


async def ordered(world: World, mission: Mission | str | None = None, **more: Any) -> dict[str, Any]:
    """A deliverable that a mission orders, of a mission of its own unless one is given."""
    mission = mission or await world.mission()
    body = {"kind": "diagnosis", "title": "Diagnosis", "due_on": "2023-09-15", **more}
    mission_id = mission if isinstance(mission, str) else mission.id
    made: dict[str, Any] = ok(await world.operator.post(f"missions/{mission_id}/deliverables", body), 201)
    return made


def address(deliverable: dict[str, Any]) -> str:
    return f"missions/{deliverable['mission_id']}/deliverables/{deliverable['id']}"


async def act(
    world: World, deliverable: dict[str, Any], verb: str, on: str | None = None, by: Client | None = None,
    dry_run: bool = False, **more: Any,
) -> httpx2.Response:  # fmt: skip
    """The answer to an act on a deliverable, by who does it."""
    role, body = BODIES[verb]
    sent = {name: value for name, value in {**body, "on": on, **more}.items() if value is not None}
    path = f"{address(deliverable)}/{verb}" + "?dry_run=true" * dry_run
    return await (by or world.clients[role]).post(path, sent)


async def done(world: World, deliverable: dict[str, Any], *acts: tuple[str, str], **more: Any) -> dict[str, Any]:
    """The deliverable after acts that succeed, each on its day; `more` is for the last one."""
    found = deliverable
    for place, (verb, on) in enumerate(acts, 1):
        found = ok(await act(world, deliverable, verb, on, **(more if place == len(acts) else {})), 200)
    return found


async def read(world: World, deliverable: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = ok(await world.operator.get(address(deliverable)), 200)
    return found


async def history(world: World, deliverable: dict[str, Any]) -> list[tuple[str, str]]:
    """The acts of a deliverable with their days, as they were recorded."""
    told = ok(await world.operator.get(f"{address(deliverable)}/history?limit=500"), 200)["items"]
    return [(each["act"], each["effective_on"]) for each in told]


async def stored(world: World, deliverable: dict[str, Any]) -> list[str]:
    """Everything that an act could change."""
    rows = await world.pool.fetch(
        "SELECT to_jsonb(d)::text FROM deliverables d WHERE id = $1"
        " UNION ALL SELECT to_jsonb(p)::text FROM deliverable_passages p WHERE deliverable_id = $1"
        " UNION ALL SELECT id::text FROM events WHERE resource_id = $1::text",
        deliverable["id"],
    )
    return [row[0] for row in rows]


async def tick(app: Any, day: str) -> tuple[int, int]:
    """What `rebond tick` does about deliverables, of other tests too: how many silence admitted, how many are late."""
    sessions, on = app.state["sessions"], date.fromisoformat(day)
    return await admit_deliverables(sessions, on), await tell_late_deliverables(sessions, on)


def last_minute(day: str) -> datetime:
    """The last second of a day in Paris."""
    return datetime.combine(date.fromisoformat(day), time(23, 59, 59), clock.PARIS)


async def mission_under(world: World, months: int | None) -> str:
    """A mission of the lead firm, under a framework that verifies for so many months; None: under none."""
    if months is None:
        return (await world.mission()).id
    framework = await a_framework(world)
    await a_parameter(world, framework, name="verification_months", value=months)
    mission: str = ok(await world.operator.post("missions", {"name": "Mission", "step": 0.25}), 201)["id"]
    ok(await order_under(world, mission, framework), 201)
    lead = {"organisation_id": str(world.organisations["lead"]), "role": "lead", "days_allotted": 10}
    ok(await world.operator.post(f"missions/{mission}/members", lead), 201)
    return mission
