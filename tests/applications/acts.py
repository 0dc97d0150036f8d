"""What the tests of aid files do again and again."""

import hashlib
import secrets
from datetime import date, datetime, time, timedelta
from typing import Any

import httpx2

from app.core import clock
from app.core.values import iban_from
from tests.projects.acts import BALANCED, COSTS, FILED, copied, pass_through, perimeter, project, searched, staff
from tests.world import Client, World, ok

RECEIVED = "2024-01-15"

LINES = [
    {"label": "Machine", "kind": "tangible_asset", "amount_cents": 600_000_00, "quote_reference": "Q-1"},
    {"label": "Software", "kind": "intangible_asset", "amount_cents": 150_000_00},
]


async def knowing(world: World, siren: str, day: str = RECEIVED) -> None:
    """Record what a file asks of its firm, as of a day: size, accounts, certificates and approved bank details."""
    people = staff(world)
    size = {"eu_size": "small", "eu_size_evidence_on": "2023-06-30", "eu_size_source": "Liasses"}
    ok(await people.patch(f"firms/{siren}", size), 200)
    ok(
        await people.put(f"firms/{siren}/accounts/2022", {"turnover_cents": 480_000_000, "source": "Liasse"}),
        (200, 201),
    )
    for kind in ("tax", "social"):
        paper = {"kind": kind, "issued_on": day, "valid_until_on": str(date.fromisoformat(day) + timedelta(days=170)),
                 "sha256": secrets.token_hex(32)}  # fmt: skip
        ok(await people.post(f"firms/{siren}/certificates", paper), 201)
    details = {"iban": iban_from(1), "holder_name": "Firm"}
    made = ok(await people.post(f"firms/{siren}/bank-details", details), 201)
    approved = await world.clients["treasurer"].post(
        f"firms/{siren}/bank-details/{made['id']}/approve", headers={"If-Match": '"1"'}
    )
    ok(approved, 200)


async def oriented(world: World, day: str = RECEIVED, **more: Any) -> dict[str, Any]:
    """A project that is oriented to the programme, and whose file on this day would meet every condition."""

    async def make() -> dict[str, Any]:
        made = await project(world, commune_code="30007", costs=COSTS, **more)
        await searched(world, made["id"])
        ok(await staff(world).put(f"projects/{made['id']}/financing", {"status": "complete", "lines": BALANCED}), 201)
        await knowing(world, made["holders"][0]["siren"], day)
        return await pass_through(world, made["id"], "oriented")

    await perimeter(world)
    return await (make() if more else copied(world, ("oriented", day), ORIENTED, make))


# The rows of such a project, by table.
_FIRM = FILED["firms"]
ORIENTED = {
    **FILED,
    **dict.fromkeys(("firm_accounts", "firm_certificates", "firm_bank_details"), _FIRM),
    "firm_ibans": f"id = (SELECT iban_id FROM firm_bank_details WHERE {_FIRM})",
    **dict.fromkeys(("project_costs", "financing_plans"), "project_id = $1::uuid"),
    "financing_lines": "plan_id = (SELECT id FROM financing_plans WHERE project_id = $1::uuid)",
}


def midnight(day: str) -> str:
    """The first instant of a day in Paris."""
    return datetime.combine(date.fromisoformat(day), time(), clock.PARIS).isoformat()


def body_of(made: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The body of a file for a project, of its first holder."""
    return {
        "project_id": made["id"], "siren": made["holders"][0]["siren"], "scheme": "rebond_industriel",
        "requested_grant_cents": 120_000_00, "requested_advance_cents": 80_000_00, "lines": LINES,
        "planned_start_on": "2024-03-01", "planned_end_on": "2025-06-30", **more,
    }  # fmt: skip


async def draft(world: World, made: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A draft, of a project of its own unless one is given."""
    answer = await staff(world).post("applications", body_of(made or await oriented(world), **more))
    found: dict[str, Any] = ok(answer, 201)
    return found


async def submitted(
    world: World, made: dict[str, Any] | None = None, day: str = RECEIVED, **more: Any
) -> dict[str, Any]:
    """A file that was received at the first instant of a day in Paris."""
    file = await draft(world, made or await oriented(world, day), **more)
    return await done(world, file, "submit", received_at=midnight(day))


# Who does each act, and the body it cannot do without; the day is added.
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "submit": ("territory", {}),
    "acknowledge": ("territory", {"reference": "AR-1"}),
    "request-documents": ("funder", {"kinds": ["quote"], "indispensable": True}),
    "complete": ("funder", {}),
    "admit": ("funder", {}),
    "declare-inadmissible": ("funder", {"reason": "It is of another scheme."}),
    "open-review": ("funder", {}),
    "extend": ("funder", {"until_on": "2199-12-31", "reason": "An expert is heard."}),
    "withdraw": ("territory", {"reason": "The firm has given up."}),
}


async def act(
    world: World, file_id: str, verb: str, on: str | None = None, by: Client | None = None, **more: Any
) -> httpx2.Response:
    """The answer to an act on a file, by who does it."""
    role, body = BODIES[verb]
    sent = {**body, **more}
    if on is not None:
        sent["acknowledged_on" if verb == "acknowledge" else "on"] = on
        if verb == "submit":
            sent = {"received_at": midnight(sent.pop("on")), **more}
    if verb == "request-documents":
        sent.setdefault("given_until_on", sent.get("on", clock.today().isoformat()))
    return await (by or world.clients[role]).post(f"applications/{file_id}/{verb}", sent)


async def done(world: World, file: dict[str, Any], verb: str, on: str | None = None, **more: Any) -> dict[str, Any]:
    """The file after an act that succeeds."""
    found: dict[str, Any] = ok(await act(world, file["id"], verb, on, **more), 200)
    return found


async def read(world: World, file: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = ok(await staff(world).get(f"applications/{file['id']}"), 200)
    return found


async def history(world: World, file: dict[str, Any]) -> list[tuple[str, str]]:
    """The acts of a file with their days, as they were recorded."""
    told = ok(await staff(world).get(f"applications/{file['id']}/history?limit=500"), 200)["items"]
    return [(each["act"], each["effective_on"]) for each in told]


def digest(content: str) -> str:
    """The SHA-256 of a content."""
    return hashlib.sha256(content.encode()).hexdigest()
