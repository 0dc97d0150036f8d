"""Any interleaving of acts on two advances: each is answered as it may be, and every account of them is one.

How lives are drawn, told and kept: `tests/lives.py`. An advance that bears no interest is held against a plain model
(`modelled.py`), to the cent, on several days; of one that does, no cent is lost and all that is told of it agrees.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar

import httpx2
import pytest

from app.commands.tick import take_judgments
from app.core import clock
from tests.advances.accounts import PARTS, Books
from tests.advances.modelled import Loan, Part, Receipt, Sums, Tranche, Waiver
from tests.awards.closing import Aid
from tests.envelopes.acts import Acts, key
from tests.envelopes.test_limits import figures
from tests.lives import FRESH, MORE, Chance, Life, seed_of, told
from tests.lives import STEPS as ASKED
from tests.world import Client, World, ok

SEEDS = range(4)
STEPS = ASKED or 60
SHA = "5a" * 32
ANY = {"If-Match": "*"}
VERBS = {"reverse", "assign", "unassign", "bounce", "approve", "decide", "receive", "plan", "accelerate"}
CONSERVED = ("disbursed", "capitalised", "repaid", "waived", "written_off", "outstanding")

# What may be answered to a request whose sense depends on where the advance stands; facts of money are predicted.
LAYS_OUT = {"nothing-outstanding", "already-written-off", "before-last-version", "before-decision", "before-request"}
REFUSED: dict[str, set[str]] = {
    "reschedule": LAYS_OUT | {"no-line-ahead", "first-day-too-early", "reschedule-too-long", "reference-not-found"},
    "waive": LAYS_OUT | {"not-conditional", "waiver-too-high"},
    "write_off": LAYS_OUT,
    "notice": {"line-not-overdue", "calls-stopped", "award-ended"},
    "accelerate": {"already-accelerated", "clause-void", "notice-missing", "delay-running", "award-ended"},
    "announce": {"nothing-outstanding", "already-written-off", "reference-not-found"},
    "plan": {"no-plan", "already-planned", "plan-lines-sum", "claim-before-opening", "already-exists"},
    "turnover": {"no-success-fee", "already-written-off", "already-exists"},
}


class Advances(Life):
    """Each act is done by HTTP and on the model, and is answered as the model says."""

    KINDS: ClassVar = [
        *["tranche"] * 3, "undo_tranche", *["repay"] * 6, *["receive"] * 2, "assign", "unassign", *["bounce"] * 3,
        *["reverse"] * 3, *["refund"] * 3, "undo_refund", *["announce"] * 2, *["reschedule"] * 4, *["waive"] * 2,
        "write_off", *["notice"] * 2, *["accelerate"] * 2, "proceed", "correct", "plan", "turnover", "undo_turnover",
        "close_aid", "spend", "tick",
    ]  # fmt: skip

    def __init__(self, books: Books, other: Client, factory: Any, chance: Chance, *, exact: bool, recycles: bool):
        super().__init__(chance)
        self.books, self.by, self.other, self.factory = books, books.acts, other, factory
        self.exact, self.recycles = exact, recycles
        self.today = clock.today()
        self.first = self.today - timedelta(days=600)
        self.loans: list[Loan] = []
        self.receipts: list[Receipt] = []
        self.refunds: list[tuple[Receipt, Part | None, str, int]] = []
        self.proceedings: list[dict[str, Any]] = []
        self.turnovers: list[tuple[Loan, str]] = []
        self.order = 0

    @classmethod
    async def of(cls, world: World, factory: Any, chance: Chance, *, exact: bool, recycles: bool) -> "Advances":
        books = Books(await Acts.of(world))
        life = cls(books, await books.other(), factory, chance, exact=exact, recycles=recycles)
        policy = "recycle" if recycles else "return"
        first = life.first.isoformat()
        ok(await books.acts.contribute(2_000_000, decided_on=first, repayment_policy=policy), 201)
        return life

    async def step(self) -> None:
        """An act by chance; the first ones award two advances and pay a part of each."""
        first = ["award", "tranche", "award", "tranche"]
        done = len(self.acts)
        await self.do(first[done] if done < len(first) else self.chance.choice(self.KINDS))

    async def do(self, kind: str, draws: Sequence[int] | None = None) -> None:
        if not self.loans and kind != "award":  # of a life that is cut down
            self.acts.append((kind, list(draws or ())))
            return
        await super().do(kind, draws)

    # --- drawing and sending -----------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        return self.by.world

    def day(self, since: date | None = None) -> date:
        """A day from one on until today: today in one of four cases."""
        first = since or self.first
        days = (self.today - first).days
        return self.today if not self.chance.below(4) else first + timedelta(days=self.chance.below(days + 1))

    def cents(self, most: int) -> int:
        """An amount about a bound: the bound, a cent more, or less."""
        return max(1, (most, most + 1, *[self.chance.randint(1, max(most, 1))] * 3)[self.chance.below(5)])

    def loan(self) -> Loan:
        return self.chance.choice(self.loans)

    def answered(self, response: httpx2.Response, allowed: set[str] | str) -> Any:
        """The answer, None where it is refused as it may be."""
        code = response.json()["type"].removeprefix("/problems/") if response.is_error else ""
        expected = code in allowed if isinstance(allowed, set) else code == allowed
        assert expected, f"{self.acts[-1]}: {allowed or 'taken'} expected; {response.status_code} {response.text}"
        return None if code else response.json() if response.content else {}

    async def act(self, by: Client, path: str, body: Any, allowed: set[str] | str) -> Any:
        headers = key() | (ANY if path.rpartition("/")[2] in VERBS else {})
        return self.answered(await by.post(path, body, headers=headers), allowed)

    def sums(self, loan: Loan, by: date | None = None) -> Sums:
        return loan.sums(self.receipts, by or self.today)

    def told(self, receipt: Receipt) -> Any:
        return self.world.auditor.get(receipt.path)

    def next(self) -> int:
        self.order += 1
        return self.order

    # --- what is paid out --------------------------------------------------------------------------------------------

    async def award(self) -> bool:
        place = len(self.loans)
        rate = 0 if self.exact else self.chance.choice([0, 300, 1200])
        terms: dict[str, Any] = {
            "instalments": self.chance.choice([3, 4, 8]), "frequency": "quarterly",
            "first_due_on": (self.first + timedelta(days=self.chance.choice([40, 200, 450]))).isoformat(),
            "allocation_rule": self.chance.choice(["next", "last", "spread"]), "annual_rate_bp": rate,
            "late_rate": "contract", "late_rate_bp": 0 if self.exact else self.chance.choice([0, 700]),
            "kind": self.chance.choice(["conditional", "conditional", "fixed"]), "notice_delay_days": 8,
        }  # fmt: skip
        if self.chance.below(2):
            grace = ["interest_only", "interest_deferred", "interest_capitalised", "nothing_due"]
            terms |= {"grace_periods": self.chance.choice([1, 2]), "grace_kind": self.chance.choice(grace)}
        if not self.exact:
            terms["shape"] = self.chance.choice(["constant_principal", "constant_instalment", "bullet"])
            if terms["kind"] == "conditional":
                terms["success_fee"] = {"rate_bp": 200, "cap_bp": 1000}
        cents = self.chance.randint(1000, 400_000)
        rests: dict[str, Any] = {"scheme": "rebond_industriel", "base_cents": 2 * cents} if self.chance.below(2) else {}
        made = ok(await self.by.advance(cents, terms=terms, decided_on=self.first.isoformat(), **rests), 201)
        agreement = {"reference": f"C-{place}", "document_sha256": SHA} | dict.fromkeys(
            ("signed_by_firm_on", "signed_by_funder_on"), self.first.isoformat()
        )
        ok(await self.world.funder.put(f"advances/{made['id']}/agreement", agreement))
        loan = Loan(place, f"advances/{made['id']}", cents, self.exact, terms["kind"] == "conditional")
        if rests:
            found = "SELECT aid_id FROM advances WHERE id = $1"
            loan.aid = str(await self.world.pool.fetchval(found, made["id"]))
        self.loans.append(loan)
        return True

    async def tranche(self) -> bool:
        loan = self.loan()
        left = loan.cents - loan.paid
        cents = left if not self.chance.below(3) else self.cents(left)
        on = self.first + timedelta(days=self.chance.below(30)) if self.chance.below(3) else self.day()
        expect: set[str] | str = {"tranches-exceed-award", "award-ended"} if max(cents, 1) > left else ""
        body = {"amount_cents": max(cents, 1), "paid_on": on.isoformat()}
        made = await self.act(self.world.treasurer, f"{loan.path}/tranches", body, expect)
        if made is not None:
            loan.tranches.append(Tranche(f"{loan.path}/tranches/{made['id']}", on, cents))
        return made is not None

    async def undo_tranche(self) -> bool | None:
        loan = self.loan()
        if not loan.tranches:
            return None
        tranche = self.chance.choice(loan.tranches)
        before, was = self.sums(loan).overpaid, tranche.gone
        tranche.gone = True
        allowed: set[str] | str = (
            "already-reversed" if was else {"", "repayment-exceeds-outstanding", "account-overdrawn"}
        )
        if not was and self.exact and self.sums(loan).overpaid > before:
            allowed = "repayment-exceeds-outstanding"
        elif self.exact and not was:
            bounced = any(each.bounced_on and loan.place in each.parts for each in self.receipts)
            allowed = {"", "account-overdrawn"} if bounced else ""
        done = await self.act(self.world.treasurer, f"{tranche.path}/reverse", {"reason": "Mistaken."}, allowed)
        tranche.gone = was or done is not None
        return done is not None

    async def close_aid(self) -> bool | None:
        """Less than the base was certified: what was paid above that is due at once, the rest is released."""
        loan = self.loan()
        if not loan.aid or loan.closed:
            return None
        aid = Aid(self.by, advance=loan.id, id=loan.aid)
        certified, on = 1 + self.chance.below(2 * loan.cents), self.day(self.today - timedelta(days=200))
        await aid.complete(certified, on=self.first)
        done = self.answered(await aid.close(closed_on=on.isoformat()), {"", "award-ended"})
        if done is not None:
            loan.closed, loan.cents = True, done["amount_cents"] - done["released_cents"]
        return done is not None

    async def spend(self) -> bool | None:
        """A grant takes what came back."""
        if not self.recycles:
            return None
        available = figures(await self.by.envelope())["available"]
        if not available:
            return None
        cents = self.chance.choice([available, 1 + self.chance.below(available)])
        on = self.first + timedelta(days=self.chance.below(600))  # before the territory was served here
        made = await self.by.grant(cents, decided_on=on.isoformat())
        return self.answered(made, {"", "envelope-exhausted", "proceedings-open"}) is not None

    # --- what comes in -----------------------------------------------------------------------------------------------

    def owed(self, loan: Loan) -> int:
        outstanding: int = self.sums(loan).outstanding
        return max(outstanding, 1)

    def days(self) -> dict[str, str]:
        """When money came in, and its value day: mostly the same."""
        received = self.day()
        said = {"received_on": received.isoformat()}
        if not self.chance.below(3):
            said["value_on"] = self.day().isoformat()
        return said

    async def repay(self) -> bool:
        loan, said = self.loan(), self.days()
        return await self._receive(said, {loan.place: self.cents(self.owed(loan))}, 0)

    async def receive(self) -> bool:
        """A receipt of both advances, or of none, of which a rest waits."""
        said = self.days()
        shares = {loan.place: self.cents(self.owed(loan)) for loan in self.loans if self.chance.below(3)}
        return await self._receive(said, shares, self.chance.below(3) * 1000 + (not shares))

    async def _receive(self, said: dict[str, str], shares: dict[int, int], rest: int) -> bool:
        value = date.fromisoformat(said.get("value_on", said["received_on"]))
        begun = all(self.loans[place].begun(value) for place in shares)
        expect = "" if begun else "repayment-exceeds-outstanding"
        whole = sum(shares.values()) + rest
        body = {**said, "amount_cents": whole, "reference": self.by.reference()}
        treasurer = self.world.treasurer
        if len(shares) == 1 and not rest:
            [place] = shares
            made = await self.act(treasurer, f"{self.loans[place].path}/repayments", body, expect)
            receipt = made and made["receipt_id"]
        else:
            each = [{"advance_id": self.loans[place].id, "amount_cents": cents} for place, cents in shares.items()]
            made = await self.act(treasurer, "receipts", {**body, "assignments": each}, expect)
            receipt = made and made["id"]
        if made is None:
            return False
        found = Receipt(f"receipts/{receipt}", date.fromisoformat(said["received_on"]), value, whole)
        self.receipts.append(found)
        await self.parts(found, shares)
        return True

    async def parts(self, receipt: Receipt, shares: dict[int, int]) -> None:
        """Note the repayments that a receipt was assigned as."""
        for place, cents in shares.items():
            loan = self.loans[place]
            query = {"receipt_id": receipt.path.rpartition("/")[2], "status": "recorded"}
            [made] = ok(await self.world.auditor.get(f"{loan.path}/repayments", params=query))["items"]
            receipt.parts[place] = Part(made["id"], self.next(), cents, loan.written_off_on is not None)

    def some_receipt(self, fits: Callable[[Receipt], bool]) -> Receipt | None:
        fitting = [each for each in self.receipts if fits(each)]
        options = fitting if fitting and self.chance.below(8) else self.receipts
        return self.chance.choice(options) if options else None

    async def assign(self) -> bool | None:
        receipt = self.some_receipt(lambda each: each.stands and each.unassigned > each.returned)
        if receipt is None:
            return None
        loan = self.loan()
        left = receipt.unassigned - receipt.returned if receipt.status == "recorded" else 0
        cents = self.cents(left)
        expect = "assignments-exceed-receipt" if cents > left else ""
        expect = expect or ("" if loan.begun(receipt.value_on) else "repayment-exceeds-outstanding")
        expect = "already-exists" if loan.place in receipt.parts and receipt.status == "recorded" else expect
        body = {"assignments": [{"advance_id": loan.id, "amount_cents": cents}]}
        done = await self.act(self.world.treasurer, f"{receipt.path}/assign", body, expect)
        if done is not None:
            await self.parts(receipt, {loan.place: cents})
        return done is not None

    def may_be_spent(self) -> set[str]:
        return {"", "envelope-exhausted"} if self.recycles else {""}

    async def unassign(self) -> bool | None:
        receipt = self.some_receipt(lambda each: each.stands and bool(each.parts))
        if receipt is None or not receipt.parts or not receipt.stands:
            return None
        place = self.chance.choice(sorted(receipt.parts))
        part = receipt.parts[place]
        allowed = {"repayment-refunded"} if part.refunded else self.may_be_spent()
        body = {"repayment_id": part.id, "reason": "Of another."}
        done = await self.act(self.world.treasurer, f"{receipt.path}/unassign", body, allowed)
        if done is not None:
            del receipt.parts[place]
        return done is not None

    async def bounce(self) -> bool | None:
        """The bank sends money back: that is never refused."""
        receipt = self.some_receipt(lambda each: each.stands)
        if receipt is None:
            return None
        on = self.day(receipt.received_on)
        expect = {"bounced": "already-bounced", "reversed": "already-reversed"}.get(receipt.status, "")
        body = {"bounced_on": on.isoformat(), "reason": "AM04", "bank_reference": self.by.reference()}
        done = await self.act(self.world.treasurer, f"{receipt.path}/bounce", body, expect)
        if done is not None:
            receipt.status, receipt.bounced_on = "bounced", on
        return done is not None

    async def reverse(self) -> bool | None:
        receipt = self.some_receipt(lambda each: each.status != "reversed")
        if receipt is None:
            return None
        allowed = {"already-reversed"} if receipt.status == "reversed" else self.may_be_spent()
        if receipt.status != "reversed" and receipt.refunded:
            allowed = {"repayment-refunded"}
        body = {"reason": "Mistaken."}
        done = await self.act(self.world.treasurer, f"{receipt.path}/reverse", body, allowed)
        if done is not None:
            receipt.status = "reversed"
        return done is not None

    async def refund(self) -> bool | None:
        """What is overpaid or not assigned goes back by two persons."""
        receipt = self.some_receipt(lambda each: each.stands)
        if receipt is None or not receipt.stands:
            return None
        place = self.chance.choice([None, *sorted(receipt.parts)])
        part = None if place is None else receipt.parts[place]
        if part is None:
            left = receipt.unassigned - receipt.returned if receipt.status == "recorded" else 0
        else:
            path = f"{self.loans[place or 0].path}/repayments/{part.id}"
            said = ok(await self.world.auditor.get(path))
            left = said["overpaid_cents"] - said["refunded_cents"]
        cents = self.cents(left)
        body = {"amount_cents": cents, "reason": "Too much.", "repayment_id": part and part.id}
        path = f"{receipt.path}/refunds"
        expect = "refunds-exceed-receipt" if cents > left else ""
        made = await self.act(self.world.treasurer, path, body, expect)
        if made is None:
            return False
        paid = {"refunded_on": self.today.isoformat(), "reference": self.by.reference()}
        await self.act(self.other, f"{path}/{made['id']}/approve", paid, "")
        self.count(receipt, part, cents)
        self.refunds.append((receipt, part, f"{path}/{made['id']}", cents))
        return True

    def count(self, receipt: Receipt, part: Part | None, cents: int) -> None:
        if part is None:
            receipt.returned += cents
        else:
            part.refunded += cents
        if receipt.stands:
            receipt.status = "returned" if receipt.refunded == receipt.cents else "recorded"

    async def undo_refund(self) -> bool | None:
        if not self.refunds:
            return None
        refund = self.chance.choice(self.refunds)
        receipt, part, path, cents = refund
        await self.act(self.world.treasurer, f"{path}/reverse", {"reason": "It came back."}, "")
        self.refunds.remove(refund)
        self.count(receipt, part, -cents)
        return True

    # --- acts of persons on the schedule -----------------------------------------------------------------------------

    async def announce(self) -> bool | None:
        """An early repayment is announced, and named once it has come."""
        loan = self.loan()
        parts = [each.parts[loan.place] for each in self.receipts if each.stands and loan.place in each.parts]
        if not parts:
            return None
        choice = self.chance.choice(["shorten", "respread"])
        body = {"amount_cents": 1, "planned_on": self.today.isoformat(), "choice": choice}
        treasurer = self.world.treasurer
        made = await self.act(self.world.clients["territory"], f"{loan.path}/early-repayments", body,
                              {"", *REFUSED["announce"]})  # fmt: skip
        if made is None:
            return False
        named = {"repayment_id": self.chance.choice(parts).id}
        path = f"{loan.path}/early-repayments/{made['id']}/receive"
        return await self.act(treasurer, path, named, {"", "already-exists"}) is not None

    async def decided(
        self, loan: Loan, what: str, kind: str, asked: Any, body: Any, *, verb: str = "approve", on: date
    ) -> Any:
        """What is asked for by one and decided by another, on one day; None where either is refused."""
        allowed = {"", *REFUSED[kind]}
        asker, funder = self.world.clients["territory"], self.world.funder
        dated = {"requested_on": on.isoformat(), "reason": "Orders were delayed."}
        made = await self.act(asker, f"{loan.path}/{what}", {**asked, **dated}, allowed)
        if made is None:
            return None
        path = f"{loan.path}/{what}/{made['id']}"
        if what == "waivers":
            ok(await funder.post(f"{path}/find", {"found_on": on.isoformat(), "finding": "No sale."}, headers=ANY))
        decision = {"reference": self.by.reference(), "decided_on": on.isoformat(), **body}
        return await self.act(funder, f"{path}/{verb}", decision, allowed)

    async def reschedule(self) -> bool:
        loan, on = self.loan(), self.day(self.today - timedelta(days=200))
        lines = ok(await self.world.auditor.get(f"{loan.path}/schedule", params={"as_of": on.isoformat()}))["lines"]
        open_ = [line["due_on"] for line in lines if not line["kept"]] or [on.isoformat()]
        due_on, later = self.chance.choice(open_), self.chance.below(500) - 20
        first_on = (on + timedelta(days=later)).isoformat()
        kind = self.chance.choice(["move", "add_instalments", "grace", "re_amortise", "re_age"])
        grace = ["interest_only", "interest_deferred", "interest_capitalised", "nothing_due"]
        asked: dict[str, Any] = {
            "move": {"due_on": due_on, "first_on": first_on},
            "add_instalments": {"instalments": 1 + self.chance.below(4)},
            "grace": {"due_on": due_on, "periods": 1 + self.chance.below(2), "grace_kind": self.chance.choice(grace)},
            "re_amortise": {},
            "re_age": {"instalments": 1 + self.chance.below(5), "first_on": first_on},
        }[kind]
        late = self.chance.choice(["kept", "waived", "capitalised"])
        asked |= {"kind": kind, "late_interest": late}
        return await self.decided(loan, "reschedules", "reschedule", asked, {}, on=on) is not None

    async def waive(self) -> bool:
        loan, on = self.loan(), self.day(self.today - timedelta(days=200))
        body: dict[str, Any] = {"waive": self.chance.choice(["full", "part", "part", "part"])}
        if body["waive"] == "part":
            body |= {
                "amount_cents": self.cents(self.owed(loan) // 2),
                "share": self.chance.choice(["proportion", "last"]),
            }
        done = await self.decided(loan, "waivers", "waive", {}, body, verb="decide", on=on)
        if done is not None:
            loan.waivers.append(Waiver(on, self.next(), done["waived_cents"]))
        return done is not None

    async def write_off(self) -> bool | None:
        if self.chance.below(3):  # it ends most of what can be done
            return None
        loan, on = self.loan(), self.day(self.today - timedelta(days=100))
        asked = {"ground": "irrecoverable", "proof_sha256": SHA}
        done = await self.decided(loan, "write-offs", "write_off", asked, {}, on=on)
        if done is not None:
            loan.written_off_on = on
        return done is not None

    async def notice(self) -> bool:
        loan, on = self.loan(), self.day()
        lines = ok(await self.world.auditor.get(f"{loan.path}/statement", params={"as_of": on.isoformat()}))["lines"]
        late = [line["due_on"] for line in lines if line["late_cents"]] or [self.first.isoformat()]
        received = on if self.chance.below(4) else None
        body = {"lines": sorted(set(late)), "sent_on": on.isoformat(), "received_on": received and on.isoformat()}
        made = await self.act(self.world.treasurer, f"{loan.path}/notices", body, {"", *REFUSED["notice"]})
        return made is not None

    async def accelerate(self) -> bool:
        loan = self.loan()
        body = {"reason": "No effect.", "accelerated_on": self.day(self.today - timedelta(days=100)).isoformat()}
        path = f"{loan.path}/accelerate"
        return await self.act(self.world.funder, path, body, {"", *REFUSED["accelerate"]}) is not None

    async def turnover(self) -> bool:
        loan = self.loan()
        body = {"year": self.first.year + self.chance.below(3), "turnover_cents": self.chance.below(10_000_000),
                "due_on": self.day().isoformat()}  # fmt: skip
        made = await self.act(
            self.world.clients["territory"], f"{loan.path}/turnovers", body, {"", *REFUSED["turnover"]}
        )
        if made is not None:
            self.turnovers.append((loan, made["id"]))
        return made is not None

    async def undo_turnover(self) -> bool | None:
        if not self.turnovers:
            return None
        loan, turnover = self.turnovers.pop(self.chance.below(len(self.turnovers)))
        path = f"{loan.path}/turnovers/{turnover}/reverse"
        await self.act(self.world.funder, path, {"reason": "Mistaken."}, "")
        return True

    # --- the register, and the day -----------------------------------------------------------------------------------

    async def proceed(self) -> bool | None:
        if self.proceedings and self.chance.below(2):
            return None
        on = self.day(self.today - timedelta(days=300))
        body: dict[str, Any] = {"kind": self.chance.choice(["safeguard", "reorganisation", "liquidation"])}
        body["opened_on"] = on.isoformat()
        if body["kind"] == "liquidation" and self.chance.below(2):
            body["continued_until_on"] = self.day(on).isoformat()
        path = f"/v1/firms/{self.by.firm}/proceedings"
        made = self.answered(await self.world.operator.post(path, body), {"", "already-exists"})
        if made is not None:
            self.proceedings.append(made)
        await self.tick()
        return made is not None

    async def correct(self) -> bool | None:
        """A judgment is corrected, or the proceeding ends."""
        if not self.proceedings:
            return None
        known = self.chance.choice(self.proceedings)
        opened = date.fromisoformat(known["opened_on"])
        ended = {"closed_on": self.day(opened).isoformat(), "ended_by": self.chance.choice(["plan", "closing"])}
        corrected = {"kind": self.chance.choice(["safeguard", "liquidation"])}
        body = self.chance.choice([ended, ended, corrected])
        path = f"/v1/firms/{self.by.firm}/proceedings/{known['id']}"
        done = await self.world.operator.patch(path, body)
        assert done.status_code < 500, done.text
        if done.is_success:
            known |= done.json()
        await self.tick()
        return done.is_success

    async def plan(self) -> bool | None:
        loan = self.loan()
        if not self.proceedings:
            return None
        known = self.chance.choice(self.proceedings)
        claims = f"{loan.path}/debt-claims"
        body = {"proceeding_id": known["id"], "declared_on": self.today.isoformat(), "amount_cents": 1,
                "proof_sha256": SHA}  # fmt: skip
        await self.act(self.world.treasurer, claims, body, {"", *REFUSED["plan"]})
        found = ok(await self.world.auditor.get(claims))["items"]
        [claim] = [each["id"] for each in found if each["proceeding_id"] == known["id"]]
        on = self.today if known["closed_on"] is None else date.fromisoformat(known["closed_on"])
        owed = await self.statement(loan, on)
        half = owed["outstanding_cents"] // 2
        lines = [
            {"due_on": (on + timedelta(days=30 * (place + 1))).isoformat(), "principal_cents": cents}
            for place, cents in enumerate((half, owed["outstanding_cents"] - half))
        ]
        allowed = {"", *REFUSED["plan"]}
        return await self.act(self.world.funder, f"{claims}/{claim}/plan", {"lines": lines}, allowed) is not None

    async def tick(self) -> bool:
        await take_judgments(self.factory, self.today)
        return True

    # --- what must hold ----------------------------------------------------------------------------------------------

    async def statement(self, loan: Loan, on: date) -> Any:
        return ok(await self.world.auditor.get(f"{loan.path}/statement", params={"as_of": on.isoformat()}))

    async def compare(self) -> None:
        stands = []
        for loan in self.loans:
            now = await self.statement(loan, self.today)
            stands.append(now)
            await self.agrees(loan, now)
            on = self.first + timedelta(days=(97 * len(self.acts)) % 600)
            for day in (on, *[each.on for each in loan.waivers[-1:]], *filter(None, [loan.written_off_on])):
                self.conserved(await self.statement(loan, day), loan, day)
        await self.of_one_account(stands)
        if len(self.acts) % 12 == 0:
            await self.books.agree(every=False)

    def conserved(self, said: Any, loan: Loan, on: date) -> None:
        """No cent is lost, and those of the model where it says them."""
        disbursed, capitalised, repaid, waived, written_off, outstanding = (said[f"{name}_cents"] for name in CONSERVED)
        assert disbursed + capitalised == repaid + waived + written_off + outstanding
        assert min(repaid, waived, written_off, outstanding, said["late_cents"], said["overpaid_cents"]) >= 0
        assert said["received_cents"] == repaid + said["income_cents"] + said["overpaid_cents"]
        assert sum(line["late_cents"] for line in said["lines"]) == said["late_cents"]
        if not loan.exact:
            return
        wanted = self.sums(loan, on)
        assert (disbursed, repaid, waived, written_off, said["overpaid_cents"]) == (
            wanted.disbursed, wanted.repaid, wanted.waived, wanted.written_off, wanted.overpaid
        ), on  # fmt: skip
        assert capitalised == said["income_cents"] == 0

    async def agrees(self, loan: Loan, now: Any) -> None:
        """The advance, its schedule, its instalments and its repayments say what its statement says."""
        self.conserved(now, loan, self.today)
        auditor = self.world.auditor
        advance = ok(await auditor.get(loan.path))
        assert [advance[f"{name}_cents"] for name in CONSERVED] == [now[f"{name}_cents"] for name in CONSERVED]
        settled = bool(now["disbursed_cents"]) and not now["outstanding_cents"]
        assert (advance["settled_as"] is not None) == settled
        if loan.exact:
            assert advance["settled_as"] == (self.sums(loan).taker if settled else None)
        schedule = ok(await auditor.get(f"{loan.path}/schedule"))
        if now["disbursed_cents"]:
            assert schedule["version"] == now["version"]
            open_ = [line for line in schedule["lines"] if not line["kept"]]
            asked = sum(line["principal_cents"] - line["capitalised_cents"] for line in open_)
            assert asked == schedule["outstanding_cents"]
        rows = ok(await auditor.get("instalments", params={"advance_id": loan.id, "limit": "500"}))["items"]
        left = [(line["due_on"], line["left_cents"]) for line in now["lines"] if line["left_cents"]]
        assert sorted((row["due_on"], row["left_cents"]) for row in rows if row["left_cents"]) == sorted(left)
        repayments = ok(await auditor.get(f"{loan.path}/repayments?limit=500"))["items"]
        for each in repayments:
            assert each["amount_cents"] == sum(each[part] for part in PARTS)
        standing = [each for each in repayments if each["status"] == "recorded"]
        assert sum(each["principal_cents"] for each in standing) == now["repaid_cents"]
        kept = sum(each["amount_cents"] - each["refunded_cents"] for each in standing)
        assert kept == now["received_cents"]
        if loan.exact:
            wanted = self.sums(loan).parts
            said = {each["id"]: (each["principal_cents"], each["overpaid_cents"] - each["refunded_cents"])
                    for each in standing}  # fmt: skip
            assert said == wanted

    async def of_one_account(self, stands: Sequence[Any]) -> None:
        """The portfolio and the envelope are the sums of the statements."""
        shown = ok(await self.world.auditor.get("advances/portfolio"))
        for name in ("disbursed", "repaid", "waived", "written_off", "outstanding", "income", "overpaid"):
            assert shown[f"{name}_cents"] == sum(each[f"{name}_cents"] for each in stands), name
        assert shown["overdue_cents"] == sum(each["late_cents"] for each in stands)
        now = figures(await self.by.envelope())
        assert min(now.values()) >= 0
        assert now["paid"] == shown["disbursed_cents"]
        if self.exact:
            for name in ("repaid", "waived", "written_off", "outstanding"):
                assert now[name] == shown[f"{name}_cents"], name

    async def close(self) -> None:
        """The alerts are told, what settles each advance is told, and every balance is what its entries come to."""
        for loan in self.loans:
            now = await self.statement(loan, self.today)
            settles = ok(await self.world.auditor.get(f"{loan.path}/settlement", params={"on": self.today.isoformat()}))
            assert settles["principal_cents"] == now["outstanding_cents"]
            assert settles["late_interest_cents"] == now["late_interest_cents"]
        for receipt in self.receipts:
            said = ok(await self.told(receipt))
            whole = sum(said[part] for part in PARTS) + said["unassigned_cents"]
            assert (said["status"], said["amount_cents"]) == (receipt.status, receipt.cents)
            if receipt.stands:
                assert whole == receipt.cents
                assert said["unassigned_cents"] == receipt.unassigned
        if self.acts:
            await self.books.agree(every=False)


def within(app: Any, world: World, seed: int, *, anew: bool) -> Callable[[Chance], Awaitable[Advances]]:
    """Lives in this world, or each in a world of its own; the seed says what they are like."""

    async def new(chance: Chance) -> Advances:
        place = await World.create(world.http, world.pool) if anew else world
        sessions = app.state["sessions"]
        return await Advances.of(place, sessions, chance, exact=seed % 2 == 0, recycles=seed % 4 < 2)

    return new


@pytest.mark.parametrize("seed", [*SEEDS, *MORE, *[FRESH] * 2])
async def test_any_interleaving_of_acts_on_advances_keeps_every_cent(app: Any, world: World, seed: int | str) -> None:
    chosen = seed_of(seed)
    life = await within(app, world, chosen, anew=False)(Chance(chosen))
    async with told(life, within(app, world, chosen, anew=True)):
        for _ in range(STEPS):
            await life.step()
            await life.compare()
        await life.close()
        assert await world.differences(app.state["engine"]) == []
