"""The acts that amend an advance, each by who may do it, through HTTP."""

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.envelopes.acts import Acts, key
from tests.world import World, ok

QUARTERS = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2024-03-31"}
CONDITIONAL = {**QUARTERS, "kind": "conditional"}
PAID_ON = "2024-01-02"
MAY = "2024-05-02"
REASON = {"reason": "Orders were delayed.", "requested_on": MAY}
MOVE = {"kind": "move", "due_on": "2024-06-30", "first_on": "2024-12-31", "late_interest": "kept", **REASON}
WRITE_OFF = {"ground": "irrecoverable", "proof_sha256": "0" * 64, **REASON}
FINDING = {"found_on": MAY, "finding": "Nothing was sold."}
APPROVAL = {"reference": "AV-1", "decided_on": MAY}
DECISION = {"waive": "full", **APPROVAL}


@dataclass
class Amending:
    """An advance that is paid out, and the acts on it."""

    acts: Acts
    path: str

    @classmethod
    async def of(
        cls, acts: Acts, cents: int = 400_00, *, agreed: bool = True, paid_cents: int | None = None, **terms: Any
    ) -> "Amending":
        made = ok(await acts.advance(cents, terms={**QUARTERS, **terms}), 201)["id"]
        if paid_cents != 0:
            ok(await acts.tranche(made, paid_cents or cents, paid_on=PAID_ON), 201)
        scene = cls(acts, f"advances/{made}")
        if agreed:
            await scene.agree()
        return scene

    @classmethod
    async def within(cls, world: World, cents: int = 400_00, **how: Any) -> "Amending":
        return await cls.of(await Acts.of(world, cents), cents, **how)

    async def agree(self) -> None:
        """Put the agreement on file, that both have signed."""
        await self.acts.world.agree(self.path)

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    async def ask(self, what: str, body: dict[str, Any], *, dry: bool = False) -> httpx2.Response:
        """Ask for a reschedule, a waiver or a write-off."""
        path = f"{self.path}/{what}" + ("?dry_run=true" if dry else "")
        return await self.acts.world.clients["territory"].post(path, body, headers=key())

    async def asked(self, what: str, body: dict[str, Any]) -> str:
        """The path of a request."""
        return f"{self.path}/{what}/{ok(await self.ask(what, body), 201)['id']}"

    async def act(self, path: str, verb: str, body: dict[str, Any]) -> httpx2.Response:
        """What a person of the funder does with a request."""
        return await self.acts.world.funder.post(f"{path}/{verb}", body, headers=await self.acts.seen(path))

    async def found(self) -> str:
        """The path of a waiver whose failure was found."""
        path = await self.asked("waivers", REASON)
        ok(await self.act(path, "find", FINDING))
        return path

    async def repay(self, cents: int, on: str) -> str:
        """The path of a repayment."""
        return f"{self.path}/repayments/{ok(await self.acts.repay(self.id, cents, received_on=on), 201)['id']}"

    async def read(self, what: str = "", **params: Any) -> Any:
        return ok(await self.acts.world.auditor.get(self.path + what, params=params))

    async def open(self, on: str, **params: Any) -> list[tuple[str, int]]:
        """What the open lines of the schedule in force on a day repay."""
        lines = (await self.read("/schedule", as_of=on, **params))["lines"]
        return [(line["due_on"], line["principal_cents"]) for line in lines if not line["kept"]]
