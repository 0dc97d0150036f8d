"""Payment runs of a world: an approved account of the office, and approved payments of its grants or advances."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import httpx2

from app.core import clock
from tests.contract.cures import key, seen
from tests.grants.paying import Paying
from tests.world import Client, World, ok

DAYS = {name: (clock.today() + timedelta(days=days)).isoformat()
        for name, days in (("today", 0), ("soon", 3), ("later", 10), ("late", 30))}  # fmt: skip
NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


@dataclass
class Runs:
    """An award that is paid without conditions, and an account that it is paid from."""

    paying: Paying
    account: str
    cut_offs: int = field(default=0)

    @classmethod
    async def of(cls, world: World, cents: int = 10_000_000, award: type[Paying] = Paying) -> "Runs":
        """Runs that pay an `award` of this kind: a grant (`Paying`) or an advance (`Drawing`)."""
        paying = await award.of(world, cents, scheme=False)
        return cls(paying, await world.bank_account(approved=True))

    async def another(self, cents: int = 1_000, by: Client | None = None, **more: Any) -> Paying:
        """Another grant of the firm, of an envelope that has grown by it."""
        acts = self.paying.acts
        ok(await acts.contribute(cents), 201)
        made = await (by or self.world.funder).post("grants", acts.award(cents, **more), headers=key())
        return replace(self.paying, grant=str(ok(made, 201)["id"]))

    @property
    def world(self) -> World:
        return self.paying.world

    @property
    def treasurer(self) -> Client:
        return self.paying.first

    async def make(self, by: Client | None = None, **more: Any) -> httpx2.Response:
        """A run with the next cut-off, executed when all that is planned in these tests is due."""
        self.cut_offs += 1
        cut_off = clock.today() + timedelta(days=self.cut_offs)
        body = {"account_id": self.account, "cut_off_on": cut_off.isoformat(), "execution_on": DAYS["late"], **more}
        return await (by or self.treasurer).post("payment-runs", body, headers=key())

    async def made(self, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.make(**more), 201)
        return found

    async def read(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.world.auditor.get(f"payment-runs/{run}"))
        return found

    async def lines(self, run: str, query: str = "sort=position") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ok(await self.world.auditor.get(f"payment-runs/{run}/lines?{query}"))["items"]
        return found

    async def file(self, run: str, by: Client | None = None) -> httpx2.Response:
        return await (by or self.treasurer).get(f"payment-runs/{run}/file?format=xml")

    async def hand_over(self, run: str, by: Client | None = None) -> None:
        assert (await self.file(run, by)).status_code == 200

    async def cancel(self, run: str, by: Client | None = None) -> httpx2.Response:
        path, client = f"payment-runs/{run}", by or self.treasurer
        return await client.post(f"{path}/cancel", {"reason": "Mistaken."}, headers=await seen(client, path))

    async def reject(self, run: str, line: str, **more: Any) -> httpx2.Response:
        path = f"payment-runs/{run}/lines/{line}"
        body = {"rejected_on": DAYS["today"], "reason_code": "AC04", **more}
        return await self.treasurer.post(f"{path}/reject", body, headers=await seen(self.treasurer, path))


def texts(file: bytes, path: str) -> list[str | None]:
    """The texts of the elements of a file at a path of plain names."""
    found = ET.fromstring(file).findall("/".join(["*", *(NAMESPACE + name for name in path.split("/"))]))
    return [element.text for element in found]


async def a_run(world: World) -> dict[str, str]:
    """A run with a line, which nobody has read: their ids by name."""
    runs = await Runs.of(world)
    await runs.paying.approved(1)
    run = (await runs.made())["id"]
    return {"run": run, "line": (await runs.lines(run))[0]["id"]}
