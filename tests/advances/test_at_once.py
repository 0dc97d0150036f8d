"""Whatever many do at once on the same advances, over real parallel connections: no cent is lost, nothing deadlocks.

Callers act by chance on two advances that share receipts. What must come out, the rows tell: `rebond check` computes
every balance anew, and what each advance has stored is what its facts come to.
"""

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal

from app.commands.tick import take_judgments
from app.core import clock
from app.core.db import session_factory
from tests.advances.accounts import Books
from tests.advances.amending import MAY, WRITE_OFF
from tests.envelopes.acts import key
from tests.envelopes.test_limits import figures
from tests.envelopes.test_model import Service, deadlocks, nothing_differs, serving
from tests.lives import MORE
from tests.world import Client, World, ok

CALLERS, ACTS = 6, int(os.environ.get("REBOND_MODEL_STEPS", "12"))
TERMS = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2024-03-31", "annual_rate_bp": 300,
         "late_rate": "contract", "late_rate_bp": 700, "kind": "conditional", "notice_delay_days": 8}  # fmt: skip
PAID_ON, DAYS = "2024-01-02", ("2024-02-10", "2024-04-10", "2024-05-10", "2024-08-10", "2025-02-10")
ANY = {"If-Match": "*"}
KINDS = (*["repay"] * 4, *["receive"] * 2, "assign", "unassign", *["bounce"] * 3, *["reverse"] * 3, *["refund"] * 2,
         "tranche", "undo_tranche", *["reschedule"] * 2, "waive", "write_off", "notice", *["accelerate"] * 2, "tick",
         "read")  # fmt: skip
# What a caller may be told who acts beside others, on what they have changed.
REFUSALS = {
    "account-overdrawn", "already-accelerated", "already-bounced", "already-exists", "already-reversed",
    "already-written-off", "amendment-transition", "assignments-exceed-receipt", "award-ended", "before-last-version",
    "busy", "delay-running", "envelope-exhausted", "first-day-too-early", "line-not-overdue", "no-line-ahead",
    "nothing-outstanding", "notice-missing", "refunds-exceed-receipt", "repayment-exceeds-outstanding",
    "repayment-refunded", "reference-not-found", "tranches-exceed-award", "waiver-too-high",
}  # fmt: skip


@dataclass
class Basin:
    """Two advances on which all callers act, and what was answered to them."""

    books: Books
    other: Client
    sessions: Any
    advances: list[str] = field(default_factory=list)
    receipts: list[tuple[str, str]] = field(default_factory=list)  # a receipt, and one of its repayments
    tranches: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    @classmethod
    async def of(cls, world: World, engine: Any) -> "Basin":
        books = await Books.of(world)
        ok(await books.acts.contribute(1_000_000, repayment_policy="recycle"), 201)
        basin = cls(books, await books.other(), session_factory(engine))
        for _ in range(2):
            advance = await books.advance(100_000, TERMS, paid_on=None)
            agreement = {"reference": "C-1", "signed_by_firm_on": PAID_ON, "signed_by_funder_on": PAID_ON}
            ok(await world.funder.put(f"advances/{advance}/agreement", {**agreement, "document_sha256": "0" * 64}))
            ok(await books.acts.tranche(advance, 60_000, paid_on=PAID_ON), 201)
            basin.advances.append(advance)
        return basin

    async def caller(self, chance: random.Random) -> None:
        """Acts by chance, one after the other."""
        for _ in range(ACTS):
            kind = chance.choice(KINDS)
            response = await getattr(self, kind)(chance, chance.choice(self.advances))
            if response is None:
                continue
            code = response.json()["type"].removeprefix("/problems/") if response.is_error else "done"
            assert code in {"done", *REFUSALS}, f"{kind}: {response.text}"
            self.answers[f"{kind} {code}"] += 1

    async def post(self, by: Client, path: str, body: Any, *, made: bool = False) -> httpx2.Response:
        return await by.post(path, body, headers=key() | ({} if made else ANY))

    async def repay(self, chance: random.Random, advance: str) -> httpx2.Response:
        said = {"received_on": chance.choice(DAYS), "value_on": chance.choice(DAYS)}
        made = await self.books.repay(advance, chance.randint(1, 30_000), **said)
        if made.is_success:
            self.receipts.append((made.json()["receipt_id"], made.json()["id"]))
        return made

    async def receive(self, chance: random.Random, _: str) -> httpx2.Response:
        shares = [{"advance_id": each, "amount_cents": chance.randint(1, 9_000)} for each in self.advances]
        made = await self.books.receipt(20_000, received_on=chance.choice(DAYS), assignments=shares)
        if made.is_success:
            receipt = made.json()["id"]
            query = {"receipt_id": receipt}
            found = await self.books.treasurer.get(f"advances/{self.advances[0]}/repayments", params=query)
            self.receipts.append((receipt, ok(found)["items"][0]["id"]))
        return made

    async def on_receipt(self, chance: random.Random, verb: str, **body: Any) -> httpx2.Response | None:
        if not self.receipts:
            return None
        receipt, repayment = chance.choice(self.receipts[-6:])
        named = {"repayment_id": repayment} if verb == "unassign" else {}
        return await self.post(self.books.treasurer, f"receipts/{receipt}/{verb}", {**body, **named})

    async def assign(self, chance: random.Random, advance: str) -> httpx2.Response | None:
        return await self.on_receipt(chance, "assign", assignments=[{"advance_id": advance, "amount_cents": 500}])

    async def unassign(self, chance: random.Random, _: str) -> httpx2.Response | None:
        return await self.on_receipt(chance, "unassign", reason="Of another.")

    async def bounce(self, chance: random.Random, _: str) -> httpx2.Response | None:
        return await self.on_receipt(chance, "bounce", bounced_on=DAYS[-1], reason="AM04", bank_reference="B-1")

    async def reverse(self, chance: random.Random, _: str) -> httpx2.Response | None:
        return await self.on_receipt(chance, "reverse", reason="Mistaken.")

    async def refund(self, chance: random.Random, _: str) -> httpx2.Response | None:
        if not self.receipts:
            return None
        receipt, repayment = chance.choice(self.receipts[-6:])
        body = {"amount_cents": chance.randint(1, 300), "reason": "Too much.", "repayment_id": repayment}
        path = f"receipts/{receipt}/refunds"
        made = await self.post(self.books.treasurer, path, body, made=True)
        if made.is_error:
            return made
        paid = {"refunded_on": DAYS[-1], "reference": self.books.acts.reference()}
        return await self.post(self.other, f"{path}/{made.json()['id']}/approve", paid)

    async def tranche(self, chance: random.Random, advance: str) -> httpx2.Response:
        made = await self.books.acts.tranche(advance, chance.randint(1, 30_000), paid_on=chance.choice(DAYS[:3]))
        if made.is_success:
            self.tranches.append(f"advances/{advance}/tranches/{made.json()['id']}")
        return made

    async def undo_tranche(self, chance: random.Random, _: str) -> httpx2.Response | None:
        if not self.tranches:
            return None
        path = f"{chance.choice(self.tranches)}/reverse"
        return await self.post(self.books.treasurer, path, {"reason": "Mistaken."})

    async def asked(self, what: str, advance: str, body: Any, verb: str, decision: Any) -> httpx2.Response:
        path = f"advances/{advance}/{what}"
        dated = {**body, "reason": "Orders were delayed.", "requested_on": MAY}
        made = await self.post(self.books.world.clients["territory"], path, dated, made=True)
        if made.is_error:
            return made
        path = f"{path}/{made.json()['id']}"
        funder = self.books.world.funder
        if what == "waivers":
            ok(await self.post(funder, f"{path}/find", {"found_on": MAY, "finding": "Nothing was sold."}))
        return await self.post(funder, f"{path}/{verb}", {"reference": "AV-1", **decision})

    async def reschedule(self, chance: random.Random, advance: str) -> httpx2.Response:
        again = {"kind": "re_age", "instalments": 3, "first_on": "2027-01-31"}
        kind: dict[str, Any] = again if chance.random() < 0.5 else {"kind": "re_amortise"}
        body = {**kind, "late_interest": chance.choice(["kept", "waived", "capitalised"])}
        return await self.asked("reschedules", advance, body, "approve", {})

    async def waive(self, chance: random.Random, advance: str) -> httpx2.Response:
        part = {"waive": "part", "amount_cents": chance.randint(1, 20_000), "share": "proportion"}
        return await self.asked("waivers", advance, {}, "decide", part)

    async def write_off(self, chance: random.Random, advance: str) -> httpx2.Response | None:
        return None if chance.random() < 0.8 else await self.asked("write-offs", advance, WRITE_OFF, "approve", {})

    async def notice(self, _: random.Random, advance: str) -> httpx2.Response:
        body = {"lines": ["2024-03-31"], "sent_on": "2024-04-16", "received_on": "2024-04-20"}
        return await self.post(self.books.treasurer, f"advances/{advance}/notices", body, made=True)

    async def accelerate(self, _: random.Random, advance: str) -> httpx2.Response:
        body = {"reason": "Notice without effect.", "accelerated_on": "2024-06-10"}
        return await self.post(self.books.world.funder, f"advances/{advance}/accelerate", body)

    async def tick(self, _: random.Random, __: str) -> None:
        await take_judgments(self.sessions, clock.today())

    async def read(self, _: random.Random, advance: str) -> httpx2.Response:
        return await self.books.world.auditor.get(f"advances/{advance}/statement")

    async def agree(self) -> None:
        """What each advance has stored is what its facts come to, and the portfolio and the envelope are their sums."""
        auditor, stands = self.books.world.auditor, []
        for advance in self.advances:
            now, said = [ok(await auditor.get(f"advances/{advance}{what}")) for what in ("/statement", "")]
            names = [f"{name}_cents" for name in ("disbursed", "capitalised", "repaid", "waived", "written_off")]
            assert {name: said[name] for name in names} == {name: now[name] for name in names}
            gone = now["repaid_cents"] + now["waived_cents"] + now["written_off_cents"]
            assert now["disbursed_cents"] + now["capitalised_cents"] == gone + now["outstanding_cents"]
            assert said["outstanding_cents"] == now["outstanding_cents"]
            stands.append(now)
        shown = ok(await auditor.get("advances/portfolio"))
        for name in ("outstanding_cents", "repaid_cents", "income_cents", "overpaid_cents", "waived_cents"):
            assert shown[name] == sum(each[name] for each in stands), name
        envelope = figures(await self.books.acts.envelope())
        assert min(envelope.values()) >= 0
        assert envelope["paid"] == shown["disbursed_cents"]


async def many_at_once(service: Service, seed: int) -> Counter[str]:
    basin = await Basin.of(await World.create(service.http, service.pool), service.engine)
    await asyncio.gather(*(basin.caller(random.Random(f"{seed} {number}")) for number in range(CALLERS)))
    await basin.agree()
    await nothing_differs(service.engine)
    return basin.answers


async def fifty_on_the_last_cents(service: Service) -> None:
    """Each of fifty repays a cent of the twenty that are left: all are taken, and thirty are overpaid."""
    basin = await Basin.of(await World.create(service.http, service.pool), service.engine)
    books, auditor = basin.books, basin.books.world.auditor
    advance = await books.advance(1_000, {**TERMS, "annual_rate_bp": 0}, paid_on=PAID_ON)
    ok(await books.repay(advance, 980, received_on=DAYS[0]), 201)
    one: list[httpx2.Response] = await asyncio.gather(
        *(books.repay(advance, 1, received_on=DAYS[0]) for _ in range(50))
    )
    made = [ok(each, 201) for each in one]
    parts = [ok(await auditor.get(f"advances/{advance}/repayments/{each['id']}")) for each in made]
    assert Counter((each["principal_cents"], each["overpaid_cents"]) for each in parts) == {(1, 0): 20, (0, 1): 30}
    said = ok(await auditor.get(f"advances/{advance}"))
    assert (said["repaid_cents"], said["outstanding_cents"], said["settled_as"]) == (1_000, 0, "repaid")
    # A bounce of what repaid most beside as many repayments: what was overpaid takes its place.
    first = ok(await auditor.get(f"advances/{advance}/repayments?amount_min_cents=980"))["items"][0]
    await asyncio.gather(
        books.acts.bounce(advance, first["id"], bounced_on=DAYS[1]),
        *(books.repay(advance, 10, received_on=DAYS[1]) for _ in range(10)),
    )
    said = ok(await auditor.get(f"advances/{advance}"))
    assert (said["repaid_cents"], said["outstanding_cents"], said["settled_as"]) == (150, 850, None)


@pytest.fixture(scope="module")
def own_database(new_database: Any) -> str:
    url: str = new_database("advances")
    return url


def test_many_callers_at_once_on_the_same_advances_lose_no_cent_and_never_deadlock(own_database: str) -> None:
    total: Counter[str] = Counter()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving(own_database)) as served:
        service = Service(portal, *served)
        service.call(fifty_on_the_last_cents, service)
        fresh = random.SystemRandom().randrange(2**32)
        print(f"seed {fresh}")  # shown where the test fails
        for seed in (0, *MORE, fresh):
            total += service.call(many_at_once, service, seed)
        service.call(nothing_differs, service.engine)
    print(dict(total))
    assert sum(count for answer, count in total.items() if answer.endswith(" done")) > 40
    assert asyncio.run(deadlocks(own_database)) == 0
