"""Acts on the accounts of advances, and what they must come to."""

from dataclasses import dataclass
from typing import Any

import httpx2

from app.advances.checks import CHECKS
from app.envelopes.checks import CHECKS as OF_ENVELOPES
from tests.contract.cures import subject
from tests.envelopes.acts import DAY, TERMS, Acts, key
from tests.world import Client, World, ok

PARTS = (
    "principal_cents",
    "interest_cents",
    "late_interest_cents",
    "fees_cents",
    "success_fee_cents",
    "overpaid_cents",
)

OWN = """
SELECT id FROM advances WHERE territory = $1 UNION ALL SELECT id FROM receipts WHERE territory = $1
UNION ALL SELECT id FROM advance_repayments WHERE territory = $1
UNION ALL SELECT id FROM advance_versions WHERE territory = $1
UNION ALL SELECT id FROM contributions WHERE territory = $1
"""


@dataclass
class Books:
    """A world with an envelope, and one who pays and receives."""

    acts: Acts

    @classmethod
    async def of(cls, world: World, *contributions: int) -> "Books":
        return cls(await Acts.of(world, *contributions))

    @property
    def world(self) -> World:
        return self.acts.world

    @property
    def treasurer(self) -> Client:
        return self.world.treasurer

    async def other(self) -> Client:
        """Another person who pays and receives."""
        return await subject(self.world, "treasurer")

    async def advance(self, cents: int, terms: dict[str, Any] = TERMS, *, paid_on: str | None = DAY) -> str:
        """An advance of which all is paid out."""
        made = str(ok(await self.acts.advance(cents, terms=terms), 201)["id"])
        if paid_on is not None:
            ok(await self.acts.tranche(made, cents, paid_on=paid_on), 201)
        return made

    async def receipt(self, cents: int, **more: Any) -> httpx2.Response:
        body = {"amount_cents": cents, "received_on": DAY, "reference": self.acts.reference(), **more}
        return await self.treasurer.post("receipts", body, headers=key())

    async def repay(self, advance: str, cents: int, **more: Any) -> httpx2.Response:
        return await self.acts.repay(advance, cents, **more)

    async def reverse(self, advance: str, repayment: str) -> httpx2.Response:
        return await self.acts.reverse(f"advances/{advance}/repayments/{repayment}")

    async def agree(self, *, every: bool = True) -> None:
        """Every balance of the territory is what its entries come to; there is one of every kind, or of some."""
        async with self.world.pool.acquire() as connection:
            own = {self.world.territory, *(str(key) for (key,) in await connection.fetch(OWN, self.world.territory))}
            for name, query in {**CHECKS, **OF_ENVELOPES}.items():
                rows = [tuple(row) for row in await connection.fetch(query) if own & set(row[0].split())]
                assert rows or not every, name
                assert [row for row in rows if row[1] != row[2]] == [], name
