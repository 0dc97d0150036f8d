"""Whatever many do at once on the same aids, over real parallel connections: the amounts agree, and nothing deadlocks.

Callers act by chance on two territories. What must come out, the rows tell: `rebond check` computes every balance anew.
"""

import asyncio
import os
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal

from app.commands.tick import take_unstarted
from app.core.db import session_factory
from app.core.values import iban_from
from tests.awards.life import HASH
from tests.awards.recovering import Recovering
from tests.contract.cures import key
from tests.envelopes.acts import Acts
from tests.envelopes.test_limits import figures
from tests.envelopes.test_model import Service, deadlocks, nothing_differs, serving
from tests.grants.paying import Paying
from tests.lives import MORE
from tests.world import Client, World, ok

CALLERS, ACTS = 6, int(os.environ.get("REBOND_MODEL_STEPS", "14"))
BASE = 900_000
NOTIFIED = "2023-11-02"  # two years and more ago: what was not started lapses
KINDS = ("award", *["propose"] * 3, *["approve"] * 3, "send", *["record"] * 3, "reject", "cancel_payment",
         *["pay"] * 2, *["reverse_payment"] * 2, *["tranche"] * 2, "reverse_tranche", "repay", *["claim"] * 2,
         *["settle"] * 2, "reopen", "start", "complete", "close", *["recover"] * 2, "notify", "notify", "order",
         "order", *["receive"] * 2, "undo", "waive", "withdraw", "set_off", "ask", "ask", "amend", "amend", "end",
         "reverse", "payee", "tick")  # fmt: skip
# What a caller may be told who acts beside others, on what they have changed.
REFUSALS = {
    "account-overdrawn", "advance-payment-ceiling", "agreement-missing", "already-exists", "already-reversed",
    "award-above-base",
    "award-already-paid", "award-ended", "award-paid", "bank-details-unapproved", "before-completion-ceiling",
    "below-paid", "change-request-transition", "claim-transition", "claims-open", "completed-unstarted",
    "envelope-exhausted", "not-completed", "not-started", "nothing-agreed", "payment-above-due", "payment-transition",
    "payment-unapproved", "payments-exceed-award", "payments-in-flight", "receipts-exceed-recovery",
    "recovery-above-paid", "recovery-in-payment", "recovery-of-a-closing", "recovery-received", "recovery-transition",
    "repayment-exceeds-outstanding", "requester-decides", "set-off-above-payment", "stale-version", "start-too-late",
    "tranches-exceed-award", "bank-details-already-proposed", "bank-details-transition",
}  # fmt: skip


@dataclass
class Basin:
    """A territory's aids on which all its callers act, and what was answered to them."""

    scene: Paying
    recovering: Recovering
    sessions: Any
    lines: dict[str, str] = field(default_factory=dict)  # of a grant, the line of its base
    known: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # the paths of what was made
    answers: Counter[str] = field(default_factory=Counter)
    number: int = 1

    @classmethod
    async def of(cls, world: World, engine: Any) -> "Basin":
        scene = await Paying.of(world, 100, scheme=False)
        ok(await scene.acts.contribute(2_500_000, repayment_policy="recycle"), 201)
        basin = cls(scene, await Recovering.of(scene.acts), session_factory(engine))
        for number in range(3):
            await basin.awarded(started=number > 0)
        return basin

    @property
    def acts(self) -> Acts:
        return self.scene.acts

    @property
    def world(self) -> World:
        return self.scene.world

    async def awarded(self, *, started: bool) -> None:
        """A grant and an advance of one decision, started or to lapse."""
        said: dict[str, Any] = {"scheme": "rebond_industriel", "base_cents": BASE}
        said |= {"decision_reference": self.acts.reference()}
        terms = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2099-12-31"}
        grant = ok(await self.acts.grant(400_000, **said), 201)
        advance = ok(await self.acts.advance(200_000, terms=terms, **said), 201)
        self.lines[f"grants/{grant['id']}"] = grant["lines"][0]["id"]
        self.known["grants"].append(f"grants/{grant['id']}")
        self.known["advances"].append(f"advances/{advance['id']}")
        path = f"grants/{grant['id']}"
        ok(await self.post(path, "notify", {"notified_on": NOTIFIED}))
        if started:
            ok(await self.post(path, "start", {"started_on": "2023-12-04", "proof_sha256": HASH}))

    async def post(self, path: str, verb: str, body: Any, by: Client | None = None) -> httpx2.Response:
        client = by or self.world.funder
        headers = await self.acts.seen(path)
        return await client.post(f"{path}/{verb}", body, headers=headers)

    async def caller(self, chance: random.Random) -> None:
        """Acts by chance, one after the other."""
        for _ in range(ACTS):
            kind = chance.choice(KINDS)
            response = await getattr(self, kind)(chance)
            if response is None:
                continue
            code = response.json()["type"].removeprefix("/problems/") if response.is_error else "done"
            assert code in {"done", *REFUSALS}, f"{kind}: {response.text}"
            self.answers[f"{kind} {code}"] += 1

    async def made(self, kind: str, path: str, response: httpx2.Response) -> httpx2.Response:
        if response.is_success:
            self.known[kind].append(f"{path}/{response.json()['id']}")
        return response

    async def on(
        self, chance: random.Random, kind: str, verb: str, body: Any = None, by: Client | None = None
    ) -> httpx2.Response | None:
        """An act on one of these, in the version that was read just before."""
        if not self.known[kind]:
            return None
        return await self.post(chance.choice(self.known[kind]), verb, body, by)

    # --- acts --------------------------------------------------------------------------------------------------------

    async def award(self, chance: random.Random) -> httpx2.Response:
        cents = chance.randint(1, 400_000)
        response = await self.acts.grant(cents, scheme="rebond_industriel", base_cents=BASE)
        if response.is_success:
            self.lines[f"grants/{response.json()['id']}"] = response.json()["lines"][0]["id"]
        return await self.made("grants", "grants", response)

    async def propose(self, chance: random.Random) -> httpx2.Response:
        return await self._payment(chance, self.acts.proposal)

    async def pay(self, chance: random.Random) -> httpx2.Response:
        return await self._payment(chance, self.acts.pay)

    async def _payment(self, chance: random.Random, act: Any) -> httpx2.Response:
        path = chance.choice(self.known["grants"])
        kind = chance.choice(["advance_payment", "advance_payment", "interim_payment", "balance_payment"])
        response = await act(path.partition("/")[2], chance.randint(1, 60_000), kind=kind)
        return await self.made("payments", f"{path}/payments", response)

    async def approve(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "payments", "approve", by=self.scene.second)

    async def send(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "payments", "send", {}, self.scene.first)

    async def record(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "payments", "record", {"paid_on": "2024-05-02"}, self.scene.first)

    async def reject(self, chance: random.Random) -> httpx2.Response | None:
        body = {"rejected_on": date.today().isoformat(), "reason": "AC04"}
        return await self.on(chance, "payments", "reject", body, self.scene.first)

    async def cancel_payment(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "payments", "cancel", {"reason": "No."}, self.scene.first)

    async def reverse_payment(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "payments", "reverse", {"reason": "No."}, self.scene.first)

    async def set_off(self, chance: random.Random) -> httpx2.Response | None:
        if not self.known["recoveries"] or not self.known["payments"]:
            return None
        recovery = chance.choice(self.known["recoveries"])
        of_grant = [path for path in self.known["payments"] if path.split("/")[1] == recovery.split("/")[1]]
        if not of_grant:
            return None
        body = {"recovery_id": recovery.rpartition("/")[2]}
        return await self.post(chance.choice(of_grant), "set-off", body, self.scene.first)

    async def tranche(self, chance: random.Random) -> httpx2.Response:
        path = chance.choice(self.known["advances"])
        response = await self.acts.tranche(path.partition("/")[2], chance.randint(1, 100_000))
        return await self.made("tranches", f"{path}/tranches", response)

    async def reverse_tranche(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "tranches", "reverse", {"reason": "No."}, self.scene.first)

    async def repay(self, chance: random.Random) -> httpx2.Response:
        path = chance.choice(self.known["advances"])
        return await self.acts.repay(path.partition("/")[2], chance.randint(1, 50_000), received_on="2024-06-03")

    async def claim(self, chance: random.Random) -> httpx2.Response:
        path = chance.choice(list(self.lines))
        line = {"invoice_number": self.acts.reference(), "supplier_siren": "320252489", "invoiced_on": "2024-03-11",
                "paid_on": "2024-04-30", "amount_excl_vat_cents": chance.randint(1, BASE // 2),
                "line_id": self.lines[path]}  # fmt: skip
        body, client = {"lines": [line]}, self.world.clients["territory"]
        return await self.made("claims", f"{path}/claims", await client.post(f"{path}/claims", body, headers=key()))

    async def settle(self, chance: random.Random) -> httpx2.Response | None:
        if not self.known["claims"]:
            return None
        path = chance.choice(self.known["claims"])
        [line] = ok(await self.world.auditor.get(path))["lines"]
        verdict = {"id": line["id"], "certified_cents": line["amount_excl_vat_cents"]}
        return await self.post(path, "settle", {"lines": [verdict]})

    async def reopen(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "claims", "reopen", {"reason": "No."})

    async def start(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "grants", "start", {"started_on": "2023-12-04", "proof_sha256": HASH})

    async def complete(self, chance: random.Random) -> httpx2.Response | None:
        body = {"completed_on": "2024-05-02", "declared_on": "2024-05-02", "final_cost_cents": 1, "public_aid": []}
        return await self.on(chance, chance.choice(["grants", "advances"]), "completion", body)

    async def close(self, chance: random.Random) -> httpx2.Response | None:
        body = {"reason": "Certified.", "closed_on": "2024-06-03"}
        return await self.on(chance, chance.choice(["grants", "advances"]), "close", body)

    async def recover(self, chance: random.Random) -> httpx2.Response:
        path = chance.choice(self.known["grants"])
        response = await self.recovering.open(path.partition("/")[2], chance.randint(1, 30_000), opened_on="2024-06-03")
        return await self.made("recoveries", f"{path}/recoveries", response)

    async def notify(self, chance: random.Random) -> httpx2.Response | None:
        body = {"notified_on": "2024-06-03", "reply_until_on": "2024-06-18"}
        return await self.on(chance, "recoveries", "notify", body)

    async def order(self, chance: random.Random) -> httpx2.Response | None:
        body = {"order_number": self.acts.reference(), "ordered_on": "2024-06-19", "due_on": "2024-07-31"}
        return await self.on(chance, "recoveries", "order", body)

    async def receive(self, chance: random.Random) -> httpx2.Response | None:
        if not self.known["recoveries"]:
            return None
        path = chance.choice(self.known["recoveries"])
        response = await self.recovering.receive(path, chance.randint(1, 20_000), received_on="2024-07-01")
        return await self.made("receipts", f"{path}/receipts", response)

    async def undo(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "receipts", "reverse", {"reason": "No."}, self.scene.first)

    async def waive(self, chance: random.Random) -> httpx2.Response | None:
        body = {"decision_reference": "RG-1", "waived_on": "2024-07-01", "reason": "In liquidation."}
        return await self.on(chance, "recoveries", "waive", body, self.recovering.judge)

    async def withdraw(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "recoveries", "withdraw", {"reason": "No."})

    async def ask(self, chance: random.Random) -> httpx2.Response:
        path = chance.choice(self.known[chance.choice(["grants", "advances"])])
        body = {"changes": [{"kind": "amount", "amount_cents": chance.randint(1, 500_000)}], "reason": "Cheaper."}
        client = self.world.clients["territory"]
        response = await client.post(f"{path}/change-requests", body, headers=key())
        return await self.made("requests", f"{path}/change-requests", response)

    async def amend(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "requests", "approve", {"reference": "AV-1"})

    async def end(self, chance: random.Random) -> httpx2.Response | None:
        verb = chance.choice(["cancel", "terminate", "release"])
        body = {"released_on" if verb == "release" else "on": "2024-06-03", "reason": "Given up."}
        return await self.on(chance, chance.choice(["grants", "advances"]), verb, body)

    async def reverse(self, chance: random.Random) -> httpx2.Response | None:
        return await self.on(chance, "grants", "reverse", {"reason": "No."})

    async def payee(self, _: random.Random) -> httpx2.Response:
        self.number += 1
        path = f"firms/{self.acts.firm}/bank-details"
        body = {"iban": iban_from(self.number), "holder_name": "Firm"}
        made = await self.world.clients["territory"].post(path, body)
        if made.is_error:
            return made
        return await self.world.treasurer.post(
            f"{path}/{made.json()['id']}/approve", headers={"If-Match": "*"}
        )  # fmt: skip

    async def tick(self, _: random.Random) -> None:
        await take_unstarted(self.sessions, date(2025, 12, 1))

    # --- what must hold ----------------------------------------------------------------------------------------------

    async def agrees(self) -> None:
        """The envelope is what its awards come to by their own rows, and no figure is below zero on any day."""
        now = figures(await self.acts.envelope())
        row = await self.world.pool.fetchrow(
            """
            SELECT sum(committed) AS committed, sum(paid) AS paid, sum(recovered) AS recovered, sum(repaid) AS repaid
            FROM (
                SELECT amount_cents - paid_cents - released_cents AS committed, paid_cents AS paid,
                       recovered_cents AS recovered, 0 AS repaid
                FROM grants WHERE territory = $1 AND status <> 'reversed'
                UNION ALL
                SELECT amount_cents - disbursed_cents - released_cents, disbursed_cents, 0, repaid_cents
                FROM advances WHERE territory = $1 AND status <> 'reversed'
            ) AS _
            """,
            self.world.territory,
        )
        assert {name: now[name] for name in row.keys()} == dict(row)  # noqa: SIM118  # a record's names
        lowest = "SELECT min(closing_cents) FROM account_days WHERE territory = $1 AND account <> 'contributor'"
        assert await self.world.pool.fetchval(lowest, self.world.territory) >= 0
        assert min(now.values()) >= 0


async def at_once(service: Service, seed: int) -> Counter[str]:
    basins = [await Basin.of(await World.create(service.http, service.pool), service.engine) for _ in range(2)]
    callers = [
        basin.caller(random.Random(f"{seed} {place} {number}"))
        for place, basin in enumerate(basins)
        for number in range(CALLERS)
    ]
    await asyncio.gather(*callers)
    for basin in basins:
        await basin.agrees()
    await nothing_differs(service.engine)
    return sum((basin.answers for basin in basins), Counter())


@pytest.fixture(scope="module")
def own_database(new_database: Any) -> str:
    url: str = new_database("aids")
    return url


def test_whatever_many_do_at_once_on_the_same_aids_their_amounts_agree(own_database: str) -> None:
    total: Counter[str] = Counter()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving(own_database)) as served:
        service = Service(portal, *served)
        fresh = random.SystemRandom().randrange(2**32)
        print(f"seed {fresh}")  # shown where the test fails
        for seed in (0, fresh, *MORE):
            total += service.call(at_once, service, seed)
    print(dict(total))
    assert sum(count for name, count in total.items() if name.endswith(" done")) > len(KINDS)
    assert asyncio.run(deadlocks(own_database)) == 0
