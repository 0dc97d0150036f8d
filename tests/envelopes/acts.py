"""The acts on a territory's money, each by who may do it, through HTTP; every one gives its response."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

from app.core.values import iban_from
from tests.world import Client, World, ok

DAY = "2023-10-03"  # when everything is decided and moved, unless a test says otherwise
TERMS = {"instalments": 12, "frequency": "quarterly", "first_due_on": "2026-03-31"}


# The rows of a contribution of which nothing is awarded yet, by table.
CONTRIBUTION = {
    "contributions": "id = $1::uuid",
    **dict.fromkeys(("account_balances", "account_days", "ledger_entries"), "contribution_id = $1::uuid"),
    "events": "resource_id = $1::text",
}


def key() -> dict[str, str]:
    """A new intention."""
    return {"Idempotency-Key": str(uuid4())}


@dataclass
class Acts:
    """Contributions and awards in a world, on one firm."""

    world: World
    firm: str = ""
    numbers: int = field(default=0)

    @classmethod
    async def of(cls, world: World, *contributions: int) -> "Acts":
        """The acts in a world whose envelope has received these contributions."""
        acts = cls(world, await world.followed_firm())
        for cents in contributions:
            await acts.contributed(cents)
        return acts

    def reference(self) -> str:
        self.numbers += 1
        return f"R-{self.numbers}"

    async def contribute(self, cents: int, *, organisation: str = "office", **more: Any) -> httpx2.Response:
        body = {"organisation_id": str(self.world.organisations[organisation]), "amount_cents": cents}
        body |= {"decided_on": DAY, "reference": self.reference(), **more}
        return await self.world.programme.post("envelope/contributions", body, headers=key())

    async def contributed(self, cents: int) -> str:
        """The id of such a contribution, copied where one of as much was made before; nobody repeats its key."""
        kind, reference = ("contribution", cents), f"R-{self.numbers + 1}"
        if (found := await self.world.copy(kind, reference)) is not None:
            self.numbers += 1
            known, ids = found
            return ids[known]
        made = str(ok(await self.contribute(cents), 201)["id"])
        await self.world.keep(kind, CONTRIBUTION, made, made, reference)
        return made

    def award(self, cents: int, **more: Any) -> dict[str, Any]:
        body = {"siren": self.firm, "project_title": "Atelier", "amount_cents": cents, "decided_on": DAY}
        return {**body, "decision_reference": self.reference(), **more}

    async def grant(self, cents: int, **more: Any) -> httpx2.Response:
        return await self.world.funder.post("grants", self.award(cents, **more), headers=key())

    async def advance(self, cents: int, *, dry: bool = False, **more: Any) -> httpx2.Response:
        body = self.award(cents, **{"terms": TERMS, **more})
        path = "advances?dry_run=true" if dry else "advances"
        return await self.world.funder.post(path, body, headers=key())

    async def pay(self, grant: str, cents: int, **more: Any) -> httpx2.Response:
        body = {"amount_cents": cents, "paid_on": DAY, "kind": "interim_payment", "reference": self.reference(), **more}
        return await self.world.treasurer.post(f"grants/{grant}/payments", body, headers=key())

    async def payee(
        self, number: int = 1, *, proposed_by: Client | None = None, approved_by: Client | None = None
    ) -> str:
        """Approved bank details of the firm, which take the place of those before."""
        path = f"firms/{self.firm}/bank-details"
        proposer, approver = proposed_by or self.world.clients["territory"], approved_by or self.world.treasurer
        body = {"iban": iban_from(number), "holder_name": "Firm"}
        made = str(ok(await proposer.post(path, body), 201)["id"])
        ok(await approver.post(f"{path}/{made}/approve", headers={"If-Match": "*"}))
        return made

    async def proposal(self, grant: str, cents: int, **more: Any) -> httpx2.Response:
        """Propose a payment to the firm's approved bank details."""
        body = {"amount_cents": cents, "kind": "interim_payment", "reference": self.reference(), **more}
        return await self.world.treasurer.post(f"grants/{grant}/payments", body, headers=key())

    async def tranche(self, advance: str, cents: int, **more: Any) -> httpx2.Response:
        body = {"amount_cents": cents, "paid_on": DAY, **more}
        return await self.world.treasurer.post(f"advances/{advance}/tranches", body, headers=key())

    async def repay(self, advance: str, cents: int, **more: Any) -> httpx2.Response:
        body = {"amount_cents": cents, "received_on": DAY, "reference": self.reference(), **more}
        return await self.world.treasurer.post(f"advances/{advance}/repayments", body, headers=key())

    async def bounce(self, advance: str, repayment: str, **more: Any) -> httpx2.Response:
        path = f"advances/{advance}/repayments/{repayment}"
        body = {"bounced_on": DAY, "reason": "Insufficient funds.", "bank_reference": self.reference(), **more}
        return await self.world.treasurer.post(f"{path}/bounce", body, headers=await self.seen(path))

    async def propose(self, code: str = "proceedings-open", **more: Any) -> httpx2.Response:
        body = {"code": code, "siren": self.firm, "reason": "The plan is confirmed.", "valid_until_on": "2199-12-31"}
        return await self.world.funder.post("overrides", {**body, **more}, headers=key())

    async def judge(self, override: str, verb: str = "approve") -> httpx2.Response:
        """Approve or refuse an override as the programme's staff, or withdraw it as who proposed it."""
        path = f"overrides/{override}"
        client = self.world.funder if verb == "withdraw" else self.world.programme
        body = None if verb == "approve" else {"reason": "Not this time."}
        return await client.post(f"{path}/{verb}", body, headers=await self.seen(path))

    async def override(self, code: str = "proceedings-open", **more: Any) -> str:
        """The id of an approved override."""
        found = str(ok(await self.propose(code, **more), 201)["id"])
        ok(await self.judge(found))
        return found

    async def proceedings(self, kind: str = "reorganisation", **more: Any) -> dict[str, Any]:
        """Proceedings of the firm, open since the first of January 2023."""
        body = {"kind": kind, "opened_on": "2023-01-01", **more}
        found: dict[str, Any] = ok(await self.world.operator.post(f"/v1/firms/{self.firm}/proceedings", body), 201)
        return found

    async def cease(self, **more: Any) -> None:
        ok(await self.world.operator.patch(f"/v1/firms/{self.firm}", {"ceased": True, **more}))

    async def status(self, status: str) -> httpx2.Response:
        """Set the status of the territory."""
        return await self.world.programme.patch("", {"status": status})

    def who_undoes(self, path: str) -> Client:
        """Who reverses what stands at this path."""
        if path.startswith("envelope"):
            return self.world.programme
        return self.world.treasurer if path.count("/") > 1 else self.world.funder

    async def seen(self, path: str) -> dict[str, str]:
        """If-Match with the version that is read now."""
        response = await self.world.auditor.get(path)
        ok(response)
        return {"If-Match": response.headers["etag"]}

    async def reverse(self, path: str) -> httpx2.Response:
        headers = await self.seen(path)
        return await self.who_undoes(path).post(f"{path}/reverse", {"reason": "Mistaken."}, headers=headers)

    async def release(self, path: str, **more: Any) -> httpx2.Response:
        headers = await self.seen(path)
        return await self.world.funder.post(f"{path}/release", {"reason": "Cheaper.", **more}, headers=headers)

    async def envelope(self, **query: str) -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.world.auditor.get("envelope", params=query))
        return found
