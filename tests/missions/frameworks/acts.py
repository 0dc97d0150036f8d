"""Frameworks and orders under them, for tests."""

import secrets
from typing import Any

import httpx2

from tests.world import World, fresh_siren, ok


def framework_body(**more: Any) -> dict[str, Any]:
    """The body of a framework of 2023 to 2026 that nothing limits."""
    lead, partner = fresh_siren(), fresh_siren()
    body = {
        "reference": f"AC-{secrets.token_hex(6)}", "from_on": "2023-01-01", "to_on": "2026-12-31",
        "members": [{"siren": lead, "role": "lead"}, {"siren": partner, "role": "partner"}],
    }  # fmt: skip
    return body | more


async def a_framework(world: World, **more: Any) -> str:
    """The id of a new framework."""
    return str(ok(await world.operator.post("/v1/frameworks", framework_body(**more)), 201)["id"])


async def a_parameter(world: World, framework: str, **more: Any) -> str:
    """The id of a value of one of its parameters, which has begun."""
    body = {"name": "payment_days", "value": 30, "valid_from_on": "2023-01-01", "source": "To be confirmed."} | more
    return str(ok(await world.operator.post(f"/v1/frameworks/{framework}/parameters", body), 201)["id"])


async def ordered(world: World, mission_id: str, framework: str | None, **more: Any) -> httpx2.Response:
    """An order of the mission under the framework: the initial one, or an amendment."""
    body = {"kind": "initial", "reference": f"BC-{secrets.token_hex(6)}", "signed_on": "2023-06-01", "days": 10}
    if more.get("kind") == "amendment":
        body |= {"signed_on": "2023-07-01", "reason": "Asked for."}
    else:
        body |= {"starts_on": "2023-06-14", "ends_on": "2023-09-30"}
    if framework is not None:
        body["framework_id"] = framework
    return await world.operator.post(f"missions/{mission_id}/orders", body | more)


async def figures(world: World, framework: str, as_of: str | None = None) -> dict[str, Any]:
    """A framework as the auditor reads it."""
    query = {"as_of": as_of} if as_of else {}
    found: dict[str, Any] = ok(await world.auditor.get(f"/v1/frameworks/{framework}", params=query))
    return found
