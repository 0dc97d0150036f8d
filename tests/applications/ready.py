"""A file that meets every condition of its receipt, made over HTTP, and each change that makes it miss one."""

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from app.core import clock
from app.core.values import iban_from
from tests.contract.cures import seen
from tests.projects.acts import COSTS, followed, pass_through, perimeter, project, searched, staff
from tests.world import World, ok

RECEIVED = "2024-01-15"
# What a plan counts on: the costs of `COSTS` come to 800 000 €, of which 750 000 € are eligible.
SOURCES = [
    {"kind": "own_funds", "source": "Equity", "amount_cents": 250_000_00, "status": "secured",
     "proof_reference": "Board of 4 July"},
    {"kind": "loan", "source": "Bank", "amount_cents": 300_000_00, "status": "requested"},
    {"kind": "rebond_grant", "source": "Rebond", "amount_cents": 150_000_00, "status": "requested"},
    {"kind": "rebond_advance", "source": "Rebond", "amount_cents": 100_000_00, "status": "requested"},
]  # fmt: skip
LINES: list[dict[str, Any]] = [
    {"label": "Machine", "kind": "tangible_asset", "amount_cents": 600_000_00, "quote_reference": "D-88",
     "ordered_on": "2024-02-01"},
    {"label": "Study", "kind": "intangible_asset", "amount_cents": 25_000_00, "ordered_on": "2023-06-01",
     "preliminary": True},
]  # fmt: skip
REVIEW = {"opinion": "favourable", "kyc": "clear", "text": "Well founded.", "completed_on": "2024-03-01"}


async def certificate(world: World, siren: str, kind: str, issued_on: str = "2023-12-01", **more: Any) -> None:
    """A certificate of the firm: it counts for 90 days unless `valid_until_on` says otherwise."""
    until = date.fromisoformat(issued_on) + timedelta(days=90)
    body = {"kind": kind, "issued_on": issued_on, "valid_until_on": until.isoformat(), "sha256": secrets.token_hex(32)}
    ok(await staff(world).post(f"firms/{siren}/certificates", {**body, **more}), 201)


async def propose_bank_details(world: World, siren: str) -> str:
    """The path of bank details that the territory proposes."""
    body = {"iban": iban_from(int(siren[:8])), "holder_name": "Mécanique cévenole"}
    made = ok(await staff(world).post(f"firms/{siren}/bank-details", body), 201)
    return f"firms/{siren}/bank-details/{made['id']}"


async def approve_bank_details(world: World, path: str) -> None:
    """The treasurer approves them."""
    ok(await world.treasurer.post(f"{path}/approve", headers=await seen(world.treasurer, path)), 200)


async def accounts(world: World, siren: str) -> None:
    """The accounts of a year."""
    body = {"turnover_cents": 2_000_000_00, "balance_sheet_cents": 1_000_000_00, "headcount": 18, "source": "Liasse"}
    ok(await staff(world).put(f"firms/{siren}/accounts/2022", body), (200, 201))


async def eu_size(world: World, siren: str) -> None:
    """The size of the firm, with its evidence."""
    size = {"eu_size": "small", "eu_size_evidence_on": "2022-12-31", "eu_size_source": "Liasse 2022"}
    ok(await staff(world).patch(f"firms/{siren}", size), 200)


async def plan(world: World, project_id: str, lines: list[dict[str, Any]], status: str = "complete") -> None:
    """A version of the project's financing plan."""
    ok(await staff(world).put(f"projects/{project_id}/financing", {"status": status, "lines": lines}), (200, 201))


async def draft(world: World, project_id: str, siren: str, **more: Any) -> dict[str, Any]:
    """The draft of a file of 250 000 € on a base of 625 000 €."""
    body = {
        "project_id": project_id, "siren": siren, "scheme": "rebond_industriel", "requested_grant_cents": 150_000_00,
        "requested_advance_cents": 100_000_00, "lines": LINES, "planned_start_on": "2024-02-29",
        "planned_end_on": "2026-02-28", **more,
    }  # fmt: skip
    made: dict[str, Any] = ok(await staff(world).post("applications", body), 201)
    return made


@dataclass
class ReadyFile:
    """A draft that lacks nothing to be received on 15 January 2024, with the ids of what it rests on."""

    world: World
    id: str
    project_id: str
    siren: str

    @property
    def path(self) -> str:
        return f"applications/{self.id}"

    async def submit(self, *, day: str = RECEIVED, dry_run: bool = False, **arguments: Any) -> Any:
        """The response to the receipt of the file at noon of a day."""
        where = f"{self.path}/submit" + ("?dry_run=true" if dry_run else "")
        return await staff(self.world).post(where, {"received_at": f"{day}T12:00:00Z"}, **arguments)

    async def renewed(self) -> None:
        """The firm's certificates are of today: the others have expired since the receipt."""
        for kind in ("tax", "social"):
            await certificate(self.world, self.siren, kind, clock.today().isoformat())

    async def admitted(self) -> None:
        """The file is received, admissible and under review today still: the time to decide it is extended."""
        ok(await self.submit(), 200)
        funder, longer = self.world.funder, {"until_on": "2199-12-31", "reason": "The expert is heard."}
        ok(await funder.post(f"{self.path}/admit", {"on": RECEIVED}), 200)
        ok(await funder.post(f"{self.path}/open-review", {"on": RECEIVED}), 200)
        ok(await funder.post(f"{self.path}/extend", {**longer, "on": RECEIVED}), 200)

    async def reviewed(self, **review: Any) -> None:
        """The funder has written the review."""
        known = await self.world.funder.get(f"{self.path}/review")
        headers = {"If-Match": known.headers["etag"]} if known.status_code == 200 else {}
        body = {**REVIEW, **review}
        ok(await self.world.funder.put(f"{self.path}/review", body, headers=headers), (200, 201))

    async def unmet(self, role: str, step: str) -> list[dict[str, Any]]:
        """What `…/transitions` tells this role of a step."""
        told = ok(await self.world.clients[role].get(f"{self.path}/transitions"))
        steps = {each["act"]: each["unmet"] for each in told["acts"]}
        steps |= {each["step"]: each["unmet"] for each in told["decisions"]}
        found: list[dict[str, Any]] = steps[step]
        return found


async def ready(
    world: World, *, without: frozenset[str] = frozenset(), costs: list[dict[str, Any]] | None = None, **more: Any
) -> ReadyFile:
    """A file that is ready to be received, but for the parts named in `without`."""
    await perimeter(world)
    siren = await followed(world)
    kept = {name for name in ("tax", "social") if name not in without}
    for kind in sorted(kept):
        await certificate(world, siren, kind)
    if "accounts" not in without:
        await accounts(world, siren)
    if "eu_size" not in without:
        await eu_size(world, siren)
    if "bank_details" not in without:
        path = await propose_bank_details(world, siren)
        if "approval" not in without:
            await approve_bank_details(world, path)
    place = {} if "commune" in without else {"commune_code": "30007"}
    made = await project(world, holders=[{"kind": "firm", "siren": siren}], costs=costs or COSTS, **place)
    if "plan" not in without:
        await plan(world, made["id"], SOURCES)
    if "statement" not in without:
        await searched(world, made["id"], "2023-12-01")
    await pass_through(world, made["id"], "oriented")
    file = await draft(world, made["id"], siren, **more)
    return ReadyFile(world, file["id"], made["id"], siren)
