"""What tests of invoices do: days that are certified, invoiced and followed."""

import secrets
from datetime import date, timedelta
from typing import Any

import httpx2

from app.core import clock
from tests.world import Client, Mission, World, ok

CHORUS = {"engagement_number": "1300451236", "service_code": "INVEST-30"}


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


def ago(days: int) -> str:
    """So many days before today, in Paris."""
    return (clock.today() - timedelta(days=days)).isoformat()


async def certified(
    world: World, mission: Mission, worked_on: str = "2023-07-03", days: float = 0.5, of: str = "partner", **more: Any
) -> dict[str, Any]:
    """A certificate of a day of the partner, or of the lead firm."""
    client = world.lead if of == "lead" else world.consultant
    made = ok(await client.post("time-entries", mission.entry(by=of, worked_on=worked_on, days=days)), 201)
    ok(await world.lead_judge.post(f"time-entries/{made['id']}/validate"))
    found: dict[str, Any] = await world.certify(mission, of=of, **more)
    return found


async def cancelled(world: World, certificate: dict[str, Any]) -> dict[str, Any]:
    """The counter-certificate of a certificate."""
    path = f"service-certificates/{certificate['id']}"
    tag = {"If-Match": (await world.operator.get(path)).headers["etag"]}
    found: dict[str, Any] = ok(await world.operator.post(f"{path}/cancel", {"reason": "Wrong."}, headers=tag), 201)
    return found


async def invoice(client: Client, *certificates: dict[str, Any], **more: Any) -> httpx2.Response:
    """Ask for an invoice of these certificates."""
    body = {"certificate_ids": [each["id"] for each in certificates], "number": f"FA {secrets.token_hex(6)}",
            "issued_on": clock.today().isoformat(), **CHORUS, **more}  # fmt: skip
    return await client.post("invoices", body, headers=keyed())


async def act(client: Client, invoice_id: str, verb: str, **body: Any) -> httpx2.Response:
    """Record an act on an invoice as it is now: what Chorus Pro says, a cancellation or a reversal."""
    tag = (await client.get(f"invoices/{invoice_id}")).headers["etag"]
    if verb in ("cancel", "reverse"):
        return await client.post(f"invoices/{invoice_id}/{verb}", body, headers={"If-Match": tag})
    return await client.post(f"invoices/{invoice_id}/record", {"act": verb, **body}, headers={"If-Match": tag})


async def backdate(world: World, table: str, key: str, created_on: date) -> None:
    """Let a sealed row be made on an earlier day, as if time had passed since."""
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = 'replica'")
        moved = f"UPDATE {table} SET created_at = $2::date + interval '12 hours' WHERE id = $1"
        await connection.execute(moved, key, created_on)


async def figures(world: World, mission: Mission, of: str = "partner") -> tuple[int, int, int]:
    """What is certified, invoiced and to be invoiced of a member."""
    row = await world.pool.fetchrow(
        "SELECT certified_cents, invoiced_cents, to_invoice_cents FROM member_invoicing"
        " WHERE mission_id = $1 AND organisation_id = $2",
        mission.id, world.organisations[of],
    )  # fmt: skip
    return tuple(row) if row is not None else (0, 0, 0)
