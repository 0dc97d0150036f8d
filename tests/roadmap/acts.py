"""What the tests of the roadmap do again and again."""

import secrets
from typing import Any

import httpx2

from tests.projects.acts import staff
from tests.world import Client, World, ok

AXES: list[dict[str, Any]] = [
    {"title": "Skills", "objective": "A hundred a year.", "actions": [
        {"title": "School of machining", "due_on": "2024-09-01", "budget_cents": 40_000_000, "indicator": "Operators"},
        {"title": "Open days"},
    ]},
    {"title": "Land", "actions": [{"title": "Two hectares at Salindres", "due_on": "2199-12-31"}]},
]  # fmt: skip
DAYS = {"title": "Feuille de route", "starts_on": "2023-10-03", "ends_on": "2027-12-31"}


async def held(world: World, held_at: str = "2023-10-03T12:00:00Z") -> str:
    """A meeting that was held at this instant."""
    members = [{"kind": "organisation", "name": "Préfecture (synthetic)", "chair": True}]
    body = {"level": "territorial", "planned_at": held_at, "members": members}
    meeting: str = ok(await staff(world).post("committees", body), 201)["id"]
    ok(await staff(world).post(f"committees/{meeting}/hold", {"held_at": held_at}), 200)
    return meeting


async def draft(world: World, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = ok(await staff(world).post("roadmap/versions", {**DAYS, "axes": AXES, **more}), 201)
    return made


async def adopt(client: Client, version_id: str, committee_id: str, **more: Any) -> httpx2.Response:
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    address = f"roadmap/versions/{version_id}/adopt"
    return await client.post(address, {"committee_id": committee_id}, headers=headers, **more)


async def in_force(world: World, held_at: str = "2023-10-03T12:00:00Z", **more: Any) -> dict[str, Any]:
    """A roadmap adopted on a day."""
    version = await draft(world, **more)
    found: dict[str, Any] = ok(await adopt(world.clients["committee"], version["id"], await held(world, held_at)), 200)
    return found
