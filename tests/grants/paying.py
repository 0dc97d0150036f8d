"""A grant that can be paid, and the acts on its payments: two treasurers, bank details, certificates, a scheme."""

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx2

from app.core import clock
from tests.contract.cures import seen, subject
from tests.envelopes.acts import DAY, Acts
from tests.world import Client, World, ok

BASE = 25_000_000
AWARD = 10_000_001  # 100 000.01 €, on a base of 250 000 €


@dataclass
class Paying:
    """A grant of a firm with approved bank details, and who pays it: `first` proposes, `second` approves."""

    acts: Acts
    second: Client
    grant: str
    aid: str

    @classmethod
    async def of(cls, world: World, cents: int = AWARD, *, scheme: bool = True, **aid: Any) -> "Paying":
        """A grant in a new envelope. `aid` sets columns of its aid, as acts on it would."""
        acts = await cls.money(world, cents)
        second = await subject(world, "treasurer")
        rests = {"scheme": "rebond_industriel", "base_cents": BASE} if scheme else {}
        grant = ok(await acts.grant(cents, **rests), 201)["id"]
        found = await world.pool.fetchval("SELECT aid_id FROM grants WHERE id = $1", grant)
        paying = cls(acts, second, grant, str(found))
        await acts.payee()
        for kind in ("tax", "social"):
            await paying.certificate(kind)
        await paying.set(**aid)
        if scheme:
            await paying.agree()
        return paying

    @staticmethod
    async def money(world: World, cents: int) -> Acts:
        """The acts on a new firm, whose references nobody else has, and so much more in the envelope."""
        acts = Acts(world, await world.followed_firm(), secrets.randbelow(10**9))
        ok(await acts.contribute(cents), 201)
        return acts

    @property
    def world(self) -> World:
        return self.acts.world

    @property
    def first(self) -> Client:
        return self.world.treasurer

    async def set(self, **columns: Any) -> None:
        """Set columns of the aid, as acts on it would: `started_on`, `certified_cents` and others."""
        for name, value in columns.items():
            if name == "started_on":
                proof = "0" * 64 if value else None
                await self.world.pool.execute(
                    "UPDATE aids SET started_on = $2, start_proof_sha256 = $3 WHERE id = $1", self.aid, value, proof
                )
            elif name == "completed_on":
                await self.world.pool.execute(
                    "UPDATE aids SET completed_on = $2, completion_declared_on = $2,"
                    " final_cost_cents = CASE WHEN $2::date IS NOT NULL THEN 1 END,"
                    " public_aid = CASE WHEN $2::date IS NOT NULL THEN '[]'::jsonb END WHERE id = $1",
                    self.aid, value,
                )  # fmt: skip
            elif name == "guaranteed_until_on":
                await self.world.pool.execute(
                    "UPDATE aids SET guarantor = 'Bank', guarantee_reference = 'G', guarantee_cents = 1,"
                    " guarantee_sha256 = repeat('0', 64), guaranteed_until_on = $2 WHERE id = $1", self.aid, value,
                )  # fmt: skip
            else:
                await self.world.pool.execute(f"UPDATE aids SET {name} = $2 WHERE id = $1", self.aid, value)

    async def certificate(self, kind: str, until_on: date | None = None) -> str:
        today = clock.today()
        body = {"kind": kind, "issued_on": (today - timedelta(days=20)).isoformat(), "sha256": secrets.token_hex(32),
                "valid_until_on": (until_on or today + timedelta(days=20)).isoformat()}  # fmt: skip
        path = f"firms/{self.acts.firm}/certificates"
        return str(ok(await self.world.clients["territory"].post(path, body), 201)["id"])

    async def agree(self, *, by_both: bool = True, on: str = DAY) -> None:
        """The agreement of the aid, signed by both or by the firm alone."""
        body = {"reference": "CONV-1", "document_sha256": "0" * 64, "signed_by_firm_on": on}
        body |= {"signed_by_funder_on": on} if by_both else {}
        ok(await self.world.funder.put(f"grants/{self.grant}/agreement", body))

    async def expire(self, kind: str) -> None:
        """The firm's only certificate of a kind counted until yesterday."""
        await self.world.pool.execute(
            "UPDATE firm_certificates SET reversed_on = issued_on, reversal_reason = 'Forged.'"
            " WHERE siren = $1 AND kind = $2", self.acts.firm, kind,
        )  # fmt: skip
        await self.certificate(kind, clock.today() - timedelta(days=1))

    async def withdraw_account(self) -> None:
        """The firm has no approved bank details any more."""
        path = f"firms/{self.acts.firm}/bank-details"
        [standing] = ok(await self.world.auditor.get(f"{path}?status=approved"))["items"]
        body = {"reason": "Not theirs."}
        ok(await self.first.post(f"{path}/{standing['id']}/withdraw", body, headers={"If-Match": "*"}))

    async def propose(self, cents: int, kind: str = "advance_payment", **more: Any) -> httpx2.Response:
        return await self.acts.proposal(self.grant, cents, kind=kind, **more)

    async def paid(self, cents: int, kind: str = "advance_payment", **more: Any) -> dict[str, Any]:
        """Record a payment that was made."""
        found: dict[str, Any] = ok(await self.acts.pay(self.grant, cents, kind=kind, **more), 201)
        return found

    def path(self, payment: str) -> str:
        return f"grants/{self.grant}/payments/{payment}"

    async def act(self, payment: str, verb: str, body: Any = None, by: Client | None = None) -> httpx2.Response:
        """An act on a payment: its approval by the second treasurer, all else by the first, unless `by` says so."""
        path = self.path(payment)
        client = by or (self.second if verb in ("approve", "see") else self.first)
        return await client.post(f"{path}/{verb}", body, headers=await seen(client, path))

    async def proposed(self, cents: int, kind: str = "advance_payment", **more: Any) -> str:
        return str(ok(await self.propose(cents, kind, **more), 201)["id"])

    async def approved(self, cents: int, kind: str = "advance_payment", **more: Any) -> str:
        payment = await self.proposed(cents, kind, **more)
        ok(await self.act(payment, "approve"))
        return payment

    async def sent(self, cents: int, kind: str = "advance_payment", **more: Any) -> str:
        payment = await self.approved(cents, kind, **more)
        ok(await self.act(payment, "send", {}))
        return payment

    async def read(self, payment: str) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.world.auditor.get(self.path(payment)))
        return found

    async def room(self) -> tuple[int, int, int, int]:
        """Paid, in flight, released and remaining cents of the grant."""
        found = ok(await self.world.auditor.get(f"grants/{self.grant}"))
        names = ("paid", "in_flight", "released", "remaining")
        paid, in_flight, released, remaining = (found[f"{name}_cents"] for name in names)
        assert paid + in_flight + released + remaining == found["amount_cents"]
        return paid, in_flight, released, remaining

    async def to_do(self, client: Client) -> dict[str, int]:
        """How many payments wait for somebody, by kind; the link of each lists as many."""
        items = ok(await client.get("/v1/me/to-do"))["items"]
        found = {item["kind"]: item for item in items if item["kind"].startswith("payment")}
        for item in found.values():
            assert ok(await client.get(f"{item['link']}&count=exact"))["total"] == item["count"]
        return {kind: item["count"] for kind, item in found.items()}


STARTED = date.fromisoformat(DAY)
