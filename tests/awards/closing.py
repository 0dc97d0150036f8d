"""An aid of one decision that can be closed: its other acts are set as they would do."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx2
from pydantic_core import to_json

from tests.awards.recovering import Recovering
from tests.envelopes.acts import DAY, Acts
from tests.world import World, ok

COMPLETED = "2023-11-30"
CLOSED = "2023-12-15"


@dataclass
class Aid:
    """An aid of one decision: a grant, an advance or both, on a base; its other acts are set as they would do."""

    acts: Acts
    grant: str = ""
    advance: str = ""
    id: str = ""
    recovering: Recovering = field(init=False)

    @classmethod
    async def of(cls, world: World, *, grant: int = 0, advance: int = 0, base: int = 0, **more: Any) -> "Aid":
        """The only awards of an envelope of just their size."""
        return await cls.by(await Acts.of(world, grant + advance), grant=grant, advance=advance, base=base, **more)

    @classmethod
    async def by(cls, acts: Acts, *, grant: int = 0, advance: int = 0, base: int = 0, **more: Any) -> "Aid":
        """Awarded by these acts."""
        rests: dict[str, Any] = {"scheme": "rebond_industriel", "base_cents": base} if base else {}
        rests |= {"decision_reference": acts.reference(), **more}
        aid = cls(acts)
        if grant:
            aid.grant = str(ok(await acts.grant(grant, **rests), 201)["id"])
        if advance:
            aid.advance = str(ok(await acts.advance(advance, **rests), 201)["id"])
        found = "SELECT aid_id FROM grants WHERE id = $1 UNION ALL SELECT aid_id FROM advances WHERE id = $1"
        aid.id = str(await acts.world.pool.fetchval(found, aid.grant or aid.advance))
        aid.recovering = await Recovering.of(acts)
        return aid

    @property
    def path(self) -> str:
        return f"grants/{self.grant}" if self.grant else f"advances/{self.advance}"

    async def complete(
        self, certified: int, *, other_aid: int = 0, open_claims: int = 0, on: date | None = None
    ) -> None:
        """Completed, with what is certified and the aid of others that the firm declares; started `on` a day and
        completed on it, or on the days of the module.
        """
        aid = [{"source": "Region", "amount_cents": other_aid}] if other_aid else []
        started, completed = on or date.fromisoformat(DAY), on or date.fromisoformat(COMPLETED)
        await self.acts.world.pool.execute(
            "UPDATE aids SET started_on = $2, start_proof_sha256 = repeat('0', 64), completed_on = $3,"
            " completion_declared_on = $3, final_cost_cents = $4, public_aid = $5::jsonb, certified_cents = $4,"
            " open_claims = $6 WHERE id = $1",
            self.id, started, completed, certified, to_json(aid).decode(),
            open_claims,
        )  # fmt: skip

    async def close(self, path: str = "", **more: Any) -> httpx2.Response:
        path = path or self.path
        body = {"reason": "Final cost certified.", "closed_on": CLOSED, **more}
        return await self.acts.world.funder.post(f"{path}/close", body, headers=await self.acts.seen(path))

    async def balance(self, cents: int) -> str:
        paid = await self.acts.pay(self.grant, cents, kind="balance_payment", paid_on=CLOSED)
        return str(ok(paid, 201)["id"])

    async def says(self, path: str = "") -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.acts.world.auditor.get(path or self.path))
        return found

    async def money(self, path: str = "") -> tuple[int | None, int, int]:
        """Final, released and remaining cents of an award."""
        found = await self.says(path)
        return found["final_cents"], found["released_cents"], found["remaining_cents"]

    async def recoveries(self) -> list[tuple[str, int, str]]:
        found = ok(await self.acts.world.auditor.get(f"grants/{self.grant}/recoveries"))["items"]
        return [(each["cause"], each["amount_cents"], each["status"]) for each in found]
