"""The acts on an aid, each by who may do it, through HTTP."""

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.envelopes.acts import Acts, key
from tests.world import Client, ok

HASH = "ab" * 32
BASE = 10_000_000  # above the 23 000 euros from which an agreement is needed
SCHEME: dict[str, Any] = {"scheme": "rebond_industriel", "base_cents": BASE}
DECIDED = "2023-10-03"
NOTIFIED = {"notified_on": "2023-11-02", "planned_start_on": "2023-12-01", "planned_end_on": "2025-11-30"}
SIGNED = {"reference": "CONV-1", "signed_by_firm_on": "2023-11-08", "signed_by_funder_on": "2023-11-10",
          "document_sha256": HASH}  # fmt: skip
GUARANTEED = {"guarantor": "Banque du Gard", "reference": "GAR-1", "amount_cents": 100, "until_on": "2199-12-31",
              "document_sha256": HASH}  # fmt: skip
STARTED = {"started_on": "2023-12-04", "proof_sha256": HASH}
COMPLETED = {"completed_on": "2025-10-31", "declared_on": "2025-11-15", "final_cost_cents": 9_000_000,
             "public_aid": [{"source": "Région", "amount_cents": 1_000}]}  # fmt: skip
EXTENDED = {"months": 6, "requested_on": "2025-10-01", "reason": "Late delivery."}


@dataclass
class Life:
    """One aid of a firm: a grant, with an advance where it is asked for."""

    acts: Acts
    grant: str
    advance: str = ""

    @classmethod
    async def of(cls, acts: Acts, grant_cents: int = 4_000_000, advance_cents: int = 0, **more: Any) -> "Life":
        said = {"decision_reference": acts.reference(), **SCHEME, **more}
        grant = ok(await acts.grant(grant_cents, **said), 201)["id"]
        advance = ok(await acts.advance(advance_cents, **said), 201)["id"] if advance_cents else ""
        return cls(acts, f"grants/{grant}", f"advances/{advance}" if advance else "")

    async def act(self, verb: str, body: Any, *, of: str = "", by: Client | None = None) -> httpx2.Response:
        path = of or self.grant
        client = by or self.acts.world.funder
        return await client.post(f"{path}/{verb}", body, headers=await self.acts.seen(path))

    async def put(self, what: str, body: Any, *, of: str = "") -> httpx2.Response:
        return await self.acts.world.funder.put(f"{of or self.grant}/{what}", body)

    async def says(self, path: str = "") -> dict[str, Any]:
        found: dict[str, Any] = ok(await self.acts.world.auditor.get(path or self.grant))
        return found

    async def history(self, path: str = "") -> list[tuple[str, str]]:
        found = ok(await self.acts.world.auditor.get(f"{path or self.grant}/acts"))["items"]
        return [(each["act"], each["on"]) for each in found]

    async def ask(
        self, *changes: dict[str, Any], of: str = "", by: Client | None = None, **more: Any
    ) -> httpx2.Response:
        body = {"changes": list(changes), "reason": "Things change.", "requested_on": "2024-01-02", **more}
        client = by or self.acts.world.clients["territory"]
        return await client.post(f"{of or self.grant}/change-requests", body, headers=key())

    async def asked(self, *changes: dict[str, Any], of: str = "") -> str:
        """The path of a change request that the territory's staff has made."""
        path = of or self.grant
        return f"{path}/change-requests/{ok(await self.ask(*changes, of=path), 201)['id']}"

    async def decide(
        self, path: str, verb: str = "approve", *, by: Client | None = None, dry: bool = False, **more: Any
    ) -> httpx2.Response:
        body = {"reference": "AV-1", "decided_on": "2024-02-01"} if verb == "approve" else {"reason": "No."}
        headers = await self.acts.seen(path)
        client = by or self.acts.world.funder
        return await client.post(f"{path}/{verb}{'?dry_run=true' * dry}", {**body, **more}, headers=headers)
