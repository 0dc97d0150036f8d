"""The acts on claims, each by who may do it, through HTTP; every one gives its response."""

import itertools
from typing import Any

import httpx2

from tests.envelopes.acts import Acts, key
from tests.world import Client, World, ok

_NUMBERS = itertools.count(1)
BASE = {"scheme": "rebond_industriel", "base_cents": 100_000}


class Claims:
    """Claims of one award of a firm."""

    def __init__(self, acts: Acts, award: dict[str, Any], kind: str = "grants") -> None:
        self.acts, self.world, self.award = acts, acts.world, award
        self.path = f"{kind}/{award['id']}/claims"
        self.line_id: str = (award["lines"] or [{"id": ""}])[0]["id"]

    @classmethod
    async def of(
        cls, world: World, kind: str = "grants", *, firm: str = "", acts: Acts | None = None, **more: Any
    ) -> "Claims":
        """An award under a scheme with one line of 1 000.00 €; the first of a territory brings its envelope."""
        acts = acts or await Acts.of(world, 1_000_000)
        acts.firm = firm or acts.firm
        award = acts.grant if kind == "grants" else acts.advance
        return cls(acts, ok(await award(50_000, **{**BASE, **more}), 201), kind)

    def line(self, cents: int = 10_000, **more: Any) -> dict[str, Any]:
        """An invoice that no other has."""
        body = {"invoice_number": f"F-{next(_NUMBERS)}", "supplier_siren": "320252489", "invoiced_on": "2024-03-11",
                "paid_on": "2024-04-30", "amount_excl_vat_cents": cents, "line_id": self.line_id}  # fmt: skip
        return {**body, **more}

    async def submit(self, *lines: dict[str, Any], by: Client | None = None, **more: Any) -> httpx2.Response:
        client = by or self.world.clients["territory"]
        return await client.post(self.path, {"lines": list(lines) or [self.line()], **more}, headers=key())

    async def submitted(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.submit(*lines, **more), 201)
        return found

    async def read(self, claim: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.world.auditor.get(f"{self.path}/{claim['id']}"))
        return found

    async def change(self, claim: dict[str, Any], **body: Any) -> httpx2.Response:
        path = f"{self.path}/{claim['id']}"
        return await self.world.clients["territory"].patch(path, body, headers={"If-Match": "*"})

    async def act(self, claim: dict[str, Any], act: str, by: Client | None = None, **body: Any) -> httpx2.Response:
        """Sample, settle or reopen as the funder, withdraw as the territory's staff."""
        client = by or (self.world.clients["territory"] if act == "withdraw" else self.world.funder)
        body = body or {"reason": "Mistaken."}
        return await client.post(f"{self.path}/{claim['id']}/{act}", body, headers={"If-Match": "*"})

    async def settle(self, claim: dict[str, Any], *verdicts: dict[str, int], **more: Any) -> httpx2.Response:
        """Settle the lines in their order; without verdicts each is certified as it was declared."""
        lines = claim["lines"]
        said = verdicts or [{"certified_cents": line["amount_excl_vat_cents"]} for line in lines]
        body = [{"id": line["id"], **verdict} for line, verdict in zip(lines, said, strict=False)]
        return await self.act(claim, "settle", lines=body, **more)

    async def certified(self) -> tuple[int, int, int]:
        """What is certified of the line and of the aid, and how many claims of it are open."""
        row = await self.world.pool.fetchrow(
            "SELECT l.certified_cents AS of_line, a.certified_cents, a.open_claims"
            " FROM aid_lines l JOIN aids a ON a.id = l.aid_id WHERE l.id = $1",
            self.line_id,
        )
        return row["of_line"], row["certified_cents"], row["open_claims"]
