"""An advance that can be drawn, and the acts on its tranches: those of a grant's payments (`tests.grants.paying`)."""

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.contract.cures import key, subject
from tests.envelopes.acts import DAY, TERMS
from tests.grants.paying import AWARD, BASE, Paying
from tests.world import World, ok


@dataclass
class Drawing(Paying):
    """An advance of a firm with approved bank details. Its id is where a grant's would be."""

    @classmethod
    async def of(
        cls, world: World, cents: int = AWARD, *, scheme: bool = True, terms: dict[str, Any] | None = None, **aid: Any
    ) -> "Drawing":
        """An advance in a new envelope. `aid` sets columns of its aid, as acts on it would."""
        acts = await cls.money(world, cents)
        second = await subject(world, "treasurer")
        rests: dict[str, Any] = {"scheme": "rebond_industriel", "base_cents": BASE} if scheme else {}
        advance = ok(await acts.advance(cents, terms={**TERMS, **(terms or {})}, **rests), 201)["id"]
        found = await world.pool.fetchval("SELECT aid_id FROM advances WHERE id = $1", advance)
        drawing = cls(acts, second, advance, str(found))
        await acts.payee()
        for kind in ("tax", "social"):
            await drawing.certificate(kind)
        await drawing.set(**aid)
        if scheme:
            await drawing.agree()
        return drawing

    @property
    def advance(self) -> str:
        return self.grant

    async def agree(self, *, by_both: bool = True, on: str = DAY) -> None:
        body = {"reference": "CONV-1", "document_sha256": "0" * 64, "signed_by_firm_on": on}
        body |= {"signed_by_funder_on": on} if by_both else {}
        ok(await self.world.funder.put(f"advances/{self.advance}/agreement", body))

    async def propose(self, cents: int, kind: str = "", **more: Any) -> httpx2.Response:
        assert not kind, "a tranche is of no kind"
        body = {"amount_cents": cents, **more}
        return await self.first.post(f"advances/{self.advance}/tranches", body, headers=key())

    async def proposed(self, cents: int, kind: str = "", **more: Any) -> str:
        return str(ok(await self.propose(cents, kind, **more), 201)["id"])

    async def approved(self, cents: int, kind: str = "", **more: Any) -> str:
        tranche = await self.proposed(cents, kind, **more)
        ok(await self.act(tranche, "approve"))
        return tranche

    async def sent(self, cents: int, kind: str = "", **more: Any) -> str:
        tranche = await self.approved(cents, kind, **more)
        ok(await self.act(tranche, "send", {}))
        return tranche

    async def drawn(self, cents: int, **more: Any) -> dict[str, Any]:
        """Record a tranche that was paid out."""
        found: dict[str, Any] = ok(await self.acts.tranche(self.advance, cents, **more), 201)
        return found

    def path(self, payment: str) -> str:
        return f"advances/{self.advance}/tranches/{payment}"

    async def says(self) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.world.auditor.get(f"advances/{self.advance}"))
        return found

    async def room(self) -> tuple[int, int, int, int]:
        """Disbursed, in flight, released and remaining cents of the advance."""
        found = await self.says()
        names = ("disbursed", "in_flight", "released", "remaining")
        disbursed, in_flight, released, remaining = (found[f"{name}_cents"] for name in names)
        assert disbursed + in_flight + released + remaining == found["amount_cents"]
        return disbursed, in_flight, released, remaining

    async def to_do(self, client: Any) -> dict[str, int]:
        """How many tranches wait for somebody, by kind; the link of each lists as many."""
        items = ok(await client.get("/v1/me/to-do"))["items"]
        found = {item["kind"]: item for item in items if item["kind"].startswith("tranches_")}
        for item in found.values():
            assert ok(await client.get(f"{item['link']}&count=exact"))["total"] == item["count"]
        return {kind: item["count"] for kind, item in found.items()}
