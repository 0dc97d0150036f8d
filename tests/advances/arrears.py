"""An advance whose instalments are late, and what is done about it, through HTTP."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.envelopes.acts import Acts, key
from tests.world import World, ok

THIRD = 2_500_000  # each of three instalments: 31 March, 30 June and 30 September 2025
TERMS = {"instalments": 3, "frequency": "quarterly"}
MATCH = {"If-Match": "*"}
SHA = "5a" * 32


async def with_rates(world: World) -> None:
    """The legal rates of all half-years from 2024 to 2027 that the service does not come with."""
    known = ok(await world.auditor.get("/v1/legal-rates?limit=500"))["items"]
    for from_on in (f"{year}-{month}-01" for year in range(2024, 2028) for month in ("01", "07")):
        if from_on not in {rate["from_on"] for rate in known}:
            body = {"from_on": from_on, "rate_bp": 300, "source": "Exemple"}
            ok(await world.programme.post("/v1/legal-rates", body), 201)


@dataclass
class Late:
    """An advance of 75 000 €, paid on 15 November 2024 and agreed; nothing is repaid."""

    world: World
    acts: Acts
    advance: str

    @classmethod
    async def of(cls, world: World, *, agreed: bool = True, year: int = 2024, **terms: Any) -> "Late":
        """Paid in November of a year, the first third due on 31 March of the next."""
        if year >= 2024:
            await with_rates(world)
        acts = await Acts.of(world)
        acts.numbers = secrets.randbelow(10**9)
        ok(await acts.contribute(20_000_000, decided_on=f"{year}-10-01"), 201)
        terms = {**TERMS, "first_due_on": f"{year + 1}-03-31", **terms}
        made = await acts.advance(3 * THIRD, decided_on=f"{year}-11-01", terms=terms)
        late = cls(world, acts, ok(made, 201)["id"])
        if agreed:
            await late.agree()
        ok(await acts.tranche(late.advance, 3 * THIRD, paid_on=f"{year}-11-15"), 201)
        return late

    async def agree(self) -> None:
        agreement = {"reference": "C-1", "signed_by_firm_on": "2024-11-10", "signed_by_funder_on": "2024-11-10",
                     "document_sha256": SHA}  # fmt: skip
        ok(await self.world.funder.put(f"advances/{self.advance}/agreement", agreement))

    async def post(self, path: str, body: Any, *, by: str = "funder") -> httpx2.Response:
        return await self.world.clients[by].post(f"advances/{self.advance}/{path}", body, headers=key() | MATCH)

    async def notice(self, *lines: str, **more: Any) -> httpx2.Response:
        body = {"lines": lines or ["2025-03-31"], "sent_on": "2025-04-16", "received_on": "2025-04-20", **more}
        return await self.world.treasurer.post(f"advances/{self.advance}/notices", body, headers=key())

    async def accelerate(self, on: str, **more: Any) -> httpx2.Response:
        return await self.post("accelerate", {"reason": "Notice without effect.", "accelerated_on": on, **more})

    async def proceeding(self, kind: str, opened_on: str, **more: Any) -> dict[str, Any]:
        return await self.acts.proceedings(kind, opened_on=opened_on, **more)

    async def correct(self, proceeding: dict[str, Any], **changes: Any) -> None:
        path = f"/v1/firms/{self.acts.firm}/proceedings/{proceeding['id']}"
        ok(await self.world.operator.patch(path, changes))

    async def statement(self, as_of: str, **more: str) -> dict[str, Any]:
        found: dict[str, Any] = ok(
            await self.world.auditor.get(f"advances/{self.advance}/statement", params={"as_of": as_of, **more})
        )
        return found

    async def read(self, path: str = "") -> Any:
        return ok(await self.world.auditor.get(f"advances/{self.advance}{path}"))

    async def causes(self) -> list[str]:
        """Why each version of the schedule was made, in their order."""
        rows = "SELECT cause FROM advance_versions WHERE advance_id = $1 ORDER BY number"
        return [row["cause"] for row in await self.world.pool.fetch(rows, self.advance)]

    async def left(self, as_of: str) -> Sequence[tuple[str, int]]:
        return [
            (line["due_on"], line["left_cents"])
            for line in (await self.statement(as_of))["lines"]
            if line["left_cents"]
        ]
