"""The acts on recoveries, each by who may do it, through HTTP."""

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.envelopes.acts import DAY, Acts, key
from tests.world import Client, ok

NOTICE = {"notified_on": "2023-11-02", "reply_until_on": "2023-11-17"}
ORDER = {"ordered_on": "2023-11-18", "due_on": "2023-12-31"}
BACK = "2023-12-01"  # when money comes back, unless a test says otherwise


@dataclass
class Recovering:
    """Recoveries of the grants of some acts; `judge` is a second person who may waive."""

    acts: Acts
    judge: Client

    @classmethod
    async def of(cls, acts: Acts) -> "Recovering":
        async with acts.world.pool.acquire() as connection:
            return cls(acts, await acts.world.add_subject(connection, "judge", "office", "funder"))

    async def open(self, grant: str, cents: int, **more: Any) -> httpx2.Response:
        body = {"cause": "object_changed", "amount_cents": cents, "reason": "Sold.", "opened_on": DAY, **more}
        return await self.acts.world.funder.post(f"grants/{grant}/recoveries", body, headers=key())

    async def act(self, path: str, verb: str, body: Any, by: Client | None = None) -> httpx2.Response:
        client = by or self.acts.world.funder
        return await client.post(f"{path}/{verb}", body, headers=await self.acts.seen(path))

    async def notify(self, path: str, **more: Any) -> httpx2.Response:
        return await self.act(path, "notify", {**NOTICE, **more})

    async def order(self, path: str, **more: Any) -> httpx2.Response:
        return await self.act(path, "order", {"order_number": self.acts.reference(), **ORDER, **more})

    async def ordered(self, grant: str, cents: int, **more: Any) -> str:
        """The path of a recovery that the firm must pay."""
        path = f"grants/{grant}/recoveries/{ok(await self.open(grant, cents, **more), 201)['id']}"
        await self.make_due(path)
        return path

    async def make_due(self, path: str) -> None:
        ok(await self.notify(path))
        ok(await self.order(path))

    async def receive(self, path: str, cents: int, **more: Any) -> httpx2.Response:
        body = {"amount_cents": cents, "received_on": BACK, "bank_reference": self.acts.reference(), **more}
        return await self.acts.world.treasurer.post(f"{path}/receipts", body, headers=key())

    async def undo(self, path: str, receipt: str) -> httpx2.Response:
        return await self.act(
            f"{path}/receipts/{receipt}", "reverse", {"reason": "Mistaken."}, self.acts.world.treasurer
        )

    async def waive(self, path: str, by: Client | None = None, **more: Any) -> httpx2.Response:
        body = {"decision_reference": "RG-1", "waived_on": BACK, "reason": "In liquidation.", **more}
        return await self.act(path, "waive", body, by or self.judge)

    async def withdraw(self, path: str) -> httpx2.Response:
        return await self.act(path, "withdraw", {"reason": "It was not sold."})

    async def says(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.acts.world.auditor.get(path))
        return found
