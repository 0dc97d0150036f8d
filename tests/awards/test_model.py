"""Any interleaving of acts on aids: awards, claims, payments, recoveries, endings, held against a plain model.

How lives are drawn, told and kept: `tests/lives.py`. The model is `modelled.py`. Splitting among contributions and
shortfalls are the envelope's model (`tests/envelopes/test_model.py`): here the envelope has one contribution.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, TypeVar

import httpx2
import pytest

from app.commands.tick import take_unstarted
from app.core import clock
from tests.awards.life import HASH
from tests.awards.modelled import (
    IN_FLIGHT,
    OVER,
    Aid,
    Award,
    Claim,
    Money,
    Payment,
    Receipt,
    Recovery,
    Repayment,
    broken,
    months_later,
    next_day,
)
from tests.awards.recovering import Recovering
from tests.contract.cures import seen
from tests.envelopes.acts import DAY, key
from tests.envelopes.test_limits import FIGURES, figures
from tests.grants.paying import Paying
from tests.lives import FRESH, MORE, Act, Chance, Life, relived, seed_of, told
from tests.lives import STEPS as ASKED
from tests.world import Client, World, ok

T = TypeVar("T")
SEEDS = range(3)
STEPS = ASKED or 45
GIVEN = 10_000_000
DECIDED, NOTIFIED, LATER = date.fromisoformat(DAY), date(2023, 11, 2), date(2024, 5, 2)
DECIDED_LATER = date(2024, 5, 14)
KINDS = ("advance_payment", "interim_payment", "balance_payment")


class Aids(Life):
    """Each act is done by HTTP and on the model, and is answered as the model says."""

    KINDS: ClassVar = [
        *["award"] * 3, "notify", "agree", "guarantee", *["start"] * 2, *["complete"] * 2, *["claim"] * 3,
        *["settle_claim"] * 3, "reopen_claim", "withdraw_claim", *["propose"] * 4, *["approve"] * 3, "send", "send",
        *["record"] * 3, "reject", "cancel_payment", *["pay"] * 3, "reverse_payment", "reverse_payment", "tranche",
        "tranche", "reverse_tranche", "repay", "payee", *["ask"] * 2, *["amend"] * 2, *["close_aid"] * 2, "recover",
        *["notify_recovery"] * 2, *["order_recovery"] * 2, *["receive"] * 3, "undo_receipt", "waive", "withdraw",
        "set_off", "set_off", "end", "end", "reverse", "tick", "tomorrow",
    ]  # fmt: skip

    def __init__(self, scene: Paying, sessions: Any, chance: Chance, recycles: bool) -> None:
        super().__init__(chance)
        self.scene, self.by, self.sessions = scene, scene.acts, sessions
        self.recovering = Recovering(scene.acts, scene.world.clients["judge"])
        self.money = Money(recycles)
        self.money.note(DECIDED, contributed=GIVEN, available=GIVEN)
        self.now = datetime.now(UTC)
        self.begun = self.today
        self.payees = 0
        self.aids: list[Aid] = []
        self.touched: Award | None = None
        self.then: dict[str, Any] = {}  # what each past day was told to have been, as it was known then

    @classmethod
    async def of(cls, world: World, sessions: Any, chance: Chance, recycles: bool) -> "Aids":
        scene = await Paying.of(world, 1, scheme=False)
        ok(await scene.acts.reverse(f"grants/{scene.grant}"))
        async with world.pool.acquire() as connection:
            await world.add_subject(connection, "judge", "office", "funder")
        policy = "recycle" if recycles else "return"
        ok(await scene.acts.contribute(GIVEN - 1, repayment_policy=policy), 201)
        return cls(scene, sessions, chance, recycles)

    # --- drawing and sending -----------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        return self.scene.world

    @property
    def today(self) -> date:
        return clock.paris_day(self.now)

    @property
    def awards(self) -> list[Award]:
        return [award for aid in self.aids for award in aid.awards]

    def some(self, options: Iterable[T]) -> T | None:
        """One of them, the newest in half of all cases; None where there is none."""
        known = list(options)
        if not known:
            return None
        return known[-1] if self.chance.below(2) else self.chance.choice(known)

    def most_often(self, options: Sequence[T], fits: Callable[[T], bool]) -> T | None:
        """One that fits in three of four cases, else any."""
        fitting = [each for each in options if fits(each)]
        return self.some(fitting if fitting and self.chance.below(4) else options)

    def cents(self, most: int) -> int:
        """An amount about a bound: the bound, a cent more, or less."""
        return max(1, (most, most + 1, *[self.chance.randint(1, max(most, 1))] * 4)[self.chance.below(6)])

    def year_cents(self, aid: Aid) -> int:
        year = aid.decided_on.year
        return sum(
            a.amount - a.released for each in self.aids if each.decided_on.year == year for a in each.awards if a.stands
        )

    def broken(self, grant: Award, payment: Payment, on: date) -> list[tuple[str, int | None]]:
        return broken(grant, payment, on, self.year_cents(grant.aid), certified_from=self.begun)

    def answered(self, response: httpx2.Response, expect: str) -> Any:
        """The answer, which must be the one that the model expects."""
        said = response.json() if response.content else {}
        code = said["type"].removeprefix("/problems/") if response.is_error else ""
        assert code == expect, f"{self.acts[-1]}: {expect or 'taken'} expected; {response.status_code} {response.text}"
        return said

    async def post(self, path: str, verb: str, body: Any, expect: str, by: Client | None = None) -> Any:
        """Act on what was read last."""
        client = by or self.world.funder
        headers = await seen(client, path)
        return self.answered(await client.post(f"{path}/{verb}", body, headers=headers), expect)

    def payments(self) -> list[tuple[Award, Payment]]:
        return [(award, payment) for award in self.awards if award.kind == "grants" for payment in award.payments]

    def tranches(self) -> list[tuple[Award, Payment]]:
        return [(award, payment) for award in self.awards if award.kind == "advances" for payment in award.payments]

    def recoveries(self) -> list[tuple[Award, Recovery]]:
        return [(award, each) for award in self.awards for each in award.recoveries]

    def claims(self) -> list[tuple[Aid, Claim]]:
        return [(aid, each) for aid in self.aids for each in aid.claims]

    def claims_path(self, aid: Aid) -> str:
        return f"{aid.awards[0].path}/claims"

    async def step(self) -> None:
        """An act by chance; the first ones decide."""
        await self.do("award" if len(self.aids) < 2 else self.chance.choice(self.KINDS))

    async def do(self, kind: str, draws: Sequence[int] | None = None) -> None:
        self.touched = None
        with clock.frozen(self.now):
            await super().do(kind, draws)

    # --- the decision and what follows it ----------------------------------------------------------------------------

    async def award(self) -> bool:
        """An award of a new decision, or the other instrument of one that has only one."""
        joins = self.most_often([None, *self.aids], lambda a: a is not None and len(a.awards) == 1)
        if joins is not None and (len(joins.awards) > 1 or not joins.awards[0].stands):
            joins = None
        kind = "grants" if joins is None and self.chance.below(3) else "advances"
        if joins is not None:
            kind = "advances" if joins.awards[0].kind == "grants" else "grants"
        bare = not self.chance.below(5)
        on = (DECIDED, DECIDED, DECIDED_LATER)[self.chance.below(3)]
        base = None if bare else 500_000 + self.chance.below(4) * 500_001
        aid = joins or Aid(on, base)
        aid.reference = aid.reference or self.by.reference()
        cents = self.cents(aid.base or self.chance.randint(1, 1_500_000))
        free = self.money.least(aid.decided_on)
        expect = "award-above-base" if aid.base is not None and cents > aid.base else ""
        expect = expect or ("envelope-exhausted" if cents > free else "")
        said: dict[str, Any] = {"decided_on": aid.decided_on.isoformat(), "decision_reference": aid.reference}
        said |= {} if aid.base is None else {"scheme": "rebond_industriel", "base_cents": aid.base}
        terms = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2099-12-31"}
        made = self.answered(
            await (self.by.grant(cents, **said) if kind == "grants" else self.by.advance(cents, terms=terms, **said)),
            expect,
        )
        if expect:
            return False
        award = Award(kind, made["id"], aid, cents, self.money.award(aid.decided_on, made["id"], cents))
        aid.awards.append(award)
        if joins is None:
            self.aids.append(aid)
            aid.line = (made["lines"] or [{"id": ""}])[0]["id"]
        self.touched = award
        return True

    async def on_aid(self, verb: str, body: Any, more: Callable[[Aid], str] = lambda _: "") -> Aid | None:
        """An act on an aid; the aid where it is taken, None where it is refused or there is none."""
        award = self.touched = self.most_often(self.awards, lambda a: not a.aid.ended(a))
        if award is None:
            return None
        expect = "award-ended" if award.aid.ended(award) else more(award.aid)
        await self.post(award.path, verb, body, expect)
        return None if expect else award.aid

    async def notify(self) -> bool | None:
        early = self.chance.below(2)
        late = not self.chance.below(4)
        award = self.touched = self.most_often(self.awards, lambda a: not a.aid.ended(a) and a.aid.start_by is None)
        if award is None:
            return None
        aid = award.aid
        on = NOTIFIED if early else self.today
        ended = aid.ended(award)
        expect = "award-ended" if ended else "before-decision" if on < aid.decided_on else ""
        body = {"notified_on": on.isoformat()} | ({"planned_end_on": "2024-06-28"} if late else {})
        await self.post(award.path, "notify", body, expect)
        if not expect and aid.base is not None:
            aid.start_by = months_later(on, 24)
            aid.statement_by = date(2025, 6, 28) if late else aid.statement_by
        return not expect

    async def agree(self) -> bool | None:
        return await self.put("agreement", "agreed", {
            "reference": "CONV", "document_sha256": HASH, "signed_by_firm_on": self.today.isoformat(),
            "signed_by_funder_on": self.today.isoformat(),
        })  # fmt: skip

    async def guarantee(self) -> bool | None:
        return await self.put("guarantee", "guaranteed", {
            "guarantor": "Bank", "reference": "G", "amount_cents": 1, "until_on": "2199-12-31", "document_sha256": HASH,
        })  # fmt: skip

    async def put(self, what: str, name: str, body: Any) -> bool | None:
        award = self.touched = self.most_often(self.awards, lambda a: not a.aid.ended(a) and not getattr(a.aid, name))
        if award is None:
            return None
        expect = "award-ended" if award.aid.ended(award) else ""
        self.answered(await self.world.funder.put(f"{award.path}/{what}", body), expect)
        if not expect:
            setattr(award.aid, name, True)
        return not expect

    async def start(self) -> bool | None:
        award = self.touched = self.most_often(self.awards, lambda a: not a.aid.ended(a) and a.aid.started_on is None)
        if award is None:
            return None
        aid = award.aid
        on = (date(2023, 12, 4), self.today)[self.chance.below(2)]
        expect = "award-ended" if aid.ended(award) else ""
        expect = expect or ("start-too-late" if aid.start_by is not None and on > aid.start_by else "")
        expect = expect or ("completed-before-start" if aid.completed_on is not None and aid.completed_on < on else "")
        body = {"started_on": on.isoformat(), "proof_sha256": HASH}
        await self.post(award.path, "start", body, expect)
        if not expect:
            aid.started_on = on
        return not expect

    async def complete(self) -> bool | None:
        other = (0, 0, self.chance.randint(1, 1_000_000))[self.chance.below(3)]
        award = self.touched = self.most_often(
            self.awards, lambda a: not a.aid.ended(a) and a.aid.started_on is not None
        )  # fmt: skip
        if award is None:
            return None
        aid = award.aid
        expect = "award-ended" if aid.ended(award) else "completed-unstarted" if aid.started_on is None else ""
        public = [{"source": "Region", "amount_cents": other}] if other else []
        today = self.today.isoformat()
        body = {"completed_on": today, "declared_on": today, "final_cost_cents": 1, "public_aid": public}
        await self.post(award.path, "completion", body, expect)
        if not expect:
            aid.completed_on, aid.other_aid = self.today, other
        return not expect

    # --- claims ------------------------------------------------------------------------------------------------------

    def no_claims(self, aid: Aid, *endings: str) -> bool:
        """Whether the aid is closed, or each of its awards has ended so."""
        held = aid.held(aid.awards[0])
        return aid.closed or all(each.ended in endings for each in held)

    async def claim(self) -> bool | None:
        aid = self.most_often(self.aids, lambda a: a.base is not None and not a.closed)
        if aid is None:
            return None
        cents = self.cents(aid.base or 1)
        expect = "award-without-lines" if aid.base is None else ""
        over = ("closed", "lapsed", "cancelled", "reversed", "terminated")
        expect = expect or ("award-ended" if self.no_claims(aid, *over) else "")
        line = {"invoice_number": self.by.reference(), "supplier_siren": "320252489", "invoiced_on": "2024-03-11",
                "paid_on": "2024-04-30", "amount_excl_vat_cents": cents,
                "line_id": aid.line or aid.awards[0].id}  # fmt: skip
        path = self.claims_path(aid)
        made = self.answered(await self.world.clients["territory"].post(path, {"lines": [line]}, headers=key()), expect)
        if not expect:
            aid.claims.append(Claim(made["id"], made["lines"][0]["id"], cents))
        return not expect

    async def settle_claim(self) -> bool | None:
        found = self.most_often(self.claims(), lambda each: each[1].status == "submitted")
        if found is None:
            return None
        aid, claim = found
        deducted = self.chance.below(claim.cents) if not self.chance.below(4) else 0
        expect = "claim-transition" if claim.status != "submitted" else ""
        expect = expect or ("award-ended" if self.no_claims(aid, "closed", "lapsed", "cancelled", "reversed") else "")
        verdict = {"id": claim.line, "certified_cents": claim.cents - deducted}
        verdict |= {"not_eligible_cents": deducted} if deducted else {}
        await self.post(f"{self.claims_path(aid)}/{claim.id}", "settle", {"lines": [verdict]}, expect)
        if not expect:
            claim.status = "settled"
            claim.certified = min(claim.cents - deducted, (aid.base or 0) - aid.certified)
        return not expect

    async def reopen_claim(self) -> bool | None:
        found = self.most_often(self.claims(), lambda each: each[1].status == "settled")
        if found is None:
            return None
        aid, claim = found
        expect = "claim-transition" if claim.status != "settled" else ""
        expect = expect or ("award-ended" if self.no_claims(aid, "closed") else "")
        await self.post(f"{self.claims_path(aid)}/{claim.id}", "reopen", {"reason": "Mistaken."}, expect)
        if not expect:
            claim.status, claim.certified = "submitted", 0
        return not expect

    async def withdraw_claim(self) -> bool | None:
        found = self.most_often(self.claims(), lambda each: each[1].status == "submitted")
        if found is None:
            return None
        aid, claim = found
        expect = "claim-transition" if claim.status != "submitted" else ""
        path = f"{self.claims_path(aid)}/{claim.id}"
        await self.post(path, "withdraw", {"reason": "Mistaken."}, expect, self.world.clients["territory"])
        if not expect:
            claim.status = "withdrawn"
        return not expect

    # --- payments of grants ------------------------------------------------------------------------------------------

    def some_payment(self) -> tuple[Award, Payment] | None:
        """A payment that is not made yet, of a kind and an amount drawn about what is allowed."""
        grant = self.touched = self.most_often(
            [each for each in self.awards if each.kind == "grants"], lambda a: a.unpaid > a.in_flight
        )  # fmt: skip
        if grant is None:
            return None
        payment = Payment("", self.chance.choice(KINDS), 10**15, "")
        room = grant.unpaid - grant.in_flight
        ceilings = [most for _, most in self.broken(grant, payment, self.today) if most]
        payment.cents = self.cents(min([room, *ceilings]))
        return grant, payment

    def above_award(self, grant: Award, payment: Payment) -> str:
        if grant.status in ("closed", *OVER):
            return "award-ended"
        return "payments-exceed-award" if payment.cents > grant.unpaid - grant.in_flight else ""

    async def propose(self) -> bool | None:
        found = self.some_payment()
        if found is None:
            return None
        grant, payment = found
        expect, allowed = self.above_award(grant, payment), None
        if not expect and (refused := self.broken(grant, payment, self.today)):
            expect, allowed = refused[0]
        made = self.answered(await self.by.proposal(grant.id, payment.cents, kind=payment.kind), expect)
        assert not expect or made.get("allowed_cents") == allowed
        if not expect:
            payment.id, payment.status, payment.payee = made["id"], "proposed", self.payees
            grant.payments.append(payment)
        return not expect

    async def pay(self) -> bool | None:
        """Record what was paid elsewhere: a fact, told what it exceeds."""
        found = self.some_payment()
        if found is None:
            return None
        grant, payment = found
        on = (self.today, self.today, LATER)[self.chance.below(3)]
        expect = self.above_award(grant, payment)
        expect = "before-decision" if expect != "award-ended" and on < grant.aid.decided_on else expect
        short = payment.cents > self.money.least(on, "committed", grant.id)
        expect = expect or ("account-overdrawn" if short else "")
        exceeds = [code for code, _ in self.broken(grant, payment, on)]
        said = await self.by.pay(grant.id, payment.cents, kind=payment.kind, paid_on=on.isoformat())
        made = self.answered(said, expect)
        if not expect:
            assert made["exceeds"] == exceeds
            payment.id, payment.status = made["id"], "recorded"
            grant.payments.append(payment)
            self.count(grant, payment, on)
        return not expect

    def count(self, grant: Award, payment: Payment, on: date) -> None:
        """A payment that is recorded: the balance closes the aid where its final amounts are known."""
        aid = grant.aid
        payment.on = on
        grant.paid += payment.cents
        payment.facts = self.money.pay(on, grant, payment.cents)
        balance = payment.kind == "balance_payment"
        if balance:
            grant.drop_proposed()
        last = balance and not grant.in_flight
        if payment.recovery is not None:
            recovery = payment.recovery
            payment.set_off_facts = self.money.come_back(max(on, recovery.opened_on), grant, payment.kept)
            recovery.set_off, recovery.planned = recovery.set_off + recovery.planned, 0
            recovery.settle("set_off")
        if last and aid.base is not None and aid.completed_on and not aid.open_claims and not aid.closed:
            aid.closed_by = payment
            self.settle(grant, on, payment)
        elif last:
            payment.released[grant.id] = self.money.release(on, grant, rest := grant.unpaid)
            grant.released += rest
            if aid.base is None or aid.closed:
                grant.ended = "closed"

    def settle(self, asked: Award, on: date, balance: Payment | None) -> None:
        """Close the aid at its final amounts."""
        aid = asked.aid
        finals = aid.finals(asked)
        for award in aid.held(asked):
            award.final = finals[award.kind]
            last = award.kind == "grants" and balance is not None
            due = 0 if last else min(award.unpaid, max(0, award.final - award.paid))
            given = award.unpaid - due
            facts = self.money.release(on, award, given)
            if balance is not None:
                balance.released[award.id] = facts
            award.released += given
            if not due:
                award.ended = "closed"
            overpaid = award.paid - award.claimed_back - award.final
            if award.kind == "grants" and overpaid > 0:
                day = max([on, *(p.on for p in award.payments if p.on is not None and p.status == "recorded")])
                award.recoveries.append(Recovery("", overpaid, day, of_closing=True))
        aid.closed = True

    async def step_payment(
        self, verb: str, needed: Sequence[str], body: Any, by: Client,
        more: Callable[[Award, Payment], str] = lambda *_: "",
    ) -> tuple[Award, Payment, dict[str, Any]] | bool | None:  # fmt: skip
        """An act on a payment; what it gave, where it was taken."""
        found = self.most_often(self.payments(), lambda each: each[1].status in needed)
        if found is None:
            return None
        grant, payment = found
        self.touched = grant
        expect = "" if payment.status in needed else "payment-transition"
        if verb == "send" and payment.status == "proposed":
            expect = "payment-unapproved"
        if verb == "reverse" and payment.status == "reversed":
            expect = "already-reversed"
        expect = expect or more(grant, payment)
        said = await self.post(f"{grant.path}/payments/{payment.id}", verb, body, expect, by)
        return False if expect else (grant, payment, said)

    def approvable(self, grant: Award, payment: Payment) -> str:
        if grant.status in ("closed", *OVER):
            return "award-ended"
        refused = self.broken(grant, payment, self.today)
        return refused[0][0] if refused else ""

    async def approve(self) -> bool | None:
        found = await self.step_payment("approve", ["proposed"], None, self.scene.second, self.approvable)
        if not isinstance(found, tuple):
            return found
        found[1].status = "approved"
        return True

    async def send(self) -> bool | None:
        found = await self.step_payment("send", ["approved"], {}, self.scene.first)
        if not isinstance(found, tuple):
            return found
        found[1].status = "sent"
        return True

    async def record(self) -> bool | None:
        exceeds: list[str] = []

        def exceeded(grant: Award, payment: Payment) -> str:
            exceeds.extend(["payment-unapproved"] if payment.status == "proposed" else [])
            exceeds.extend(code for code, _ in self.broken(grant, payment, self.today))
            return ""

        body = {"paid_on": self.today.isoformat()}
        found = await self.step_payment("record", IN_FLIGHT, body, self.scene.first, exceeded)
        if not isinstance(found, tuple):
            return found
        grant, payment, said = found
        assert said["exceeds"] == exceeds
        payment.status = "recorded"
        self.count(grant, payment, self.today)
        return True

    async def reject(self) -> bool | None:
        body = {"rejected_on": self.today.isoformat(), "reason": "AC04", "planned_on": self.today.isoformat()}
        found = await self.step_payment("reject", ["sent"], body, self.scene.first)
        if not isinstance(found, tuple):
            return found
        payment = found[1]
        payment.status = "approved" if payment.payee == self.payees else "proposed"
        payment.payee = self.payees
        return True

    async def cancel_payment(self) -> bool | None:
        body = {"reason": "Another day."}
        found = await self.step_payment("cancel", ["proposed", "approved"], body, self.scene.first)
        if not isinstance(found, tuple):
            return found
        found[0].drop(found[1])
        return True

    async def reverse_payment(self) -> bool | None:
        found = await self.step_payment("reverse", ["recorded"], {"reason": "Mistaken."}, self.scene.first, self.undone)
        return found if not isinstance(found, tuple) else True

    def undone(self, grant: Award, payment: Payment) -> str:
        """Take a payment back in the model; why it is refused, where it is: then nothing has changed."""
        aid, facts = grant.aid, list(self.money.facts)
        closes = aid.closed_by is payment
        drops = [each for each in grant.recoveries if each.of_closing and each.status != "withdrawn"] if closes else []
        for each in drops:
            if each.received or each.set_off:
                return "recovery-received"
            if each.status == "closed":
                return "recovery-transition"
            if each.planned:
                return "recovery-in-payment"
        kept = payment.recovery
        if kept is not None and kept.settled_as == "waived":
            return "recovery-transition"
        back = [fact for given in payment.released.values() for fact in given if fact.figure == "released"]
        spent = any(not self.money.take_back(given) for given in payment.released.values() if closes)
        spent = spent or not self.money.take_back(payment.set_off_facts)
        left = grant.claimed_back - sum(each.cents for each in drops)
        refused = "envelope-exhausted" if spent else "recovery-above-paid" if left > grant.paid - payment.cents else ""
        if not refused and not closes:
            taken = all(self.money.take_back(given) for given in payment.released.values())
            refused = "" if taken else "envelope-exhausted"
        if not refused:
            self.money.take_back(payment.facts)
            days = {f.on for f in self.money.facts}
            refused = "account-overdrawn" if any(self.money.by(day, "kept", grant.id) < 0 for day in days) else ""
        if refused:
            self.money.facts = facts
            return refused
        for each in drops:
            each.status = "withdrawn"
        if kept is not None:
            kept.reopen()
            kept.set_off -= payment.kept
        payment.status = "reversed"
        grant.paid -= payment.cents
        for award in aid.awards:
            award.released -= sum(fact.cents for fact in back if fact.award == award.id)
        if closes:
            aid.closed, aid.closed_by = False, None
            for award in aid.held(grant):
                award.final = award.ended = None
        grant.settle()
        return ""

    async def payee(self) -> bool:
        """The firm has another account: what is not sent is proposed again, to it."""
        self.payees += 1
        await self.by.payee(self.payees + 1)
        for _, payment in self.payments():
            if payment.status in ("proposed", "approved"):
                payment.status, payment.payee = "proposed", self.payees
        return True

    async def set_off(self) -> bool | None:
        found = self.most_often(self.recoveries(), lambda each: each[1].status == "ordered" and not each[1].planned)
        if found is None:
            return None
        grant, recovery = found
        payment = self.most_often(grant.payments, lambda p: p.status == "proposed" and p.cents > recovery.left)
        if payment is None:
            return None
        self.touched = grant
        expect = "" if payment.status == "proposed" else "payment-transition"
        expect = expect or ("recovery-in-payment" if payment.recovery is not None else "")
        expect = expect or ("recovery-transition" if recovery.status != "ordered" else "")
        expect = expect or ("recovery-in-payment" if recovery.planned else "")
        expect = expect or ("set-off-above-payment" if recovery.left >= payment.cents else "")
        path = f"{grant.path}/payments/{payment.id}"
        await self.post(path, "set-off", {"recovery_id": recovery.path.rpartition("/")[2]}, expect, self.scene.first)
        if not expect:
            payment.recovery, payment.kept = recovery, recovery.left
            recovery.planned = recovery.left
        return not expect

    # --- advances ----------------------------------------------------------------------------------------------------

    async def tranche(self) -> bool | None:
        award = self.touched = self.most_often([a for a in self.awards if a.kind == "advances"], lambda a: a.unpaid > 0)
        if award is None:
            return None
        cents = self.cents(award.unpaid)
        over = award.status in OVER or (award.released and not award.unpaid)
        expect = "award-ended" if over else "tranches-exceed-award" if cents > award.unpaid else ""
        made = self.answered(await self.by.tranche(award.id, cents, paid_on=self.today.isoformat()), expect)
        if not expect:
            facts = self.money.pay(self.today, award, cents)
            award.payments.append(Payment(made["id"], "tranche", cents, "recorded", on=self.today, facts=facts))
            award.paid += cents
            self.share(award)
        return not expect

    async def reverse_tranche(self) -> bool | None:
        found = self.most_often(self.tranches(), lambda each: each[1].status == "recorded")
        if found is None:
            return None
        award, tranche = found
        self.touched = award
        expect = "already-reversed" if tranche.status == "reversed" else ""
        if not expect:
            tranche.status = "reversed"
            if sum(award.principals()) < award.repaid:  # a repayment would be overpaid
                expect, tranche.status = "repayment-exceeds-outstanding", "recorded"
        await self.post(f"{award.path}/tranches/{tranche.id}", "reverse", {"reason": "No."}, expect, self.scene.first)
        if not expect:
            self.money.take_back(tranche.facts)
            award.paid -= tranche.cents
            award.settle()
        return not expect

    async def repay(self) -> bool | None:
        award = self.touched = self.most_often(
            [a for a in self.awards if a.kind == "advances"], lambda a: a.paid > a.repaid
        )  # fmt: skip
        if award is None:
            return None
        cents = self.cents(award.paid - award.repaid)
        expect = "" if award.paid else "repayment-exceeds-outstanding"
        self.answered(await self.by.repay(award.id, cents, received_on=self.today.isoformat()), expect)
        if not expect:
            award.repayments.append(Repayment(self.today, cents))
            self.share(award)
        return not expect

    def share(self, award: Award) -> None:
        """Give each repayment what it repays now: a tranche of its own day can follow one that was overpaid."""
        for each, principal in zip(award.repayments, award.principals(), strict=True):
            self.money.come_back(each.on, award, principal - each.principal)
            each.principal = principal

    # --- change requests and endings ---------------------------------------------------------------------------------

    async def ask(self) -> bool | None:
        award = self.touched = self.most_often(self.awards, lambda a: not a.aid.ended(a))
        if award is None:
            return None
        cents = self.cents(self.chance.choice([award.paid + award.in_flight, award.aid.base or award.amount * 2]))
        expect = "award-ended" if award.aid.ended(award) or award.aid.lapsed(self.today) else ""
        body = {"changes": [{"kind": "amount", "amount_cents": cents}], "reason": "Things change."}
        path = f"{award.path}/change-requests"
        made = self.answered(await self.world.clients["territory"].post(path, body, headers=key()), expect)
        if not expect:
            award.aid.requests.append((f"{path}/{made['id']}", award, cents))
        return not expect

    async def amend(self) -> bool | None:
        found = self.some([each for aid in self.aids for each in aid.requests])
        if found is None:
            return None
        path, award, wanted = found
        aid, stands = award.aid, award.amount - award.released
        self.touched = award
        taken, more = award.paid + award.in_flight, wanted - stands
        expect = "award-ended" if aid.ended(award) or aid.lapsed(self.today) else ""
        expect = expect or ("below-paid" if wanted < taken else "")
        above = aid.base is not None and more > max(aid.base - award.amount, 0)
        expect = expect or ("award-above-base" if above else "")
        expect = expect or ("envelope-exhausted" if more > self.money.least(self.today) else "")
        await self.post(path, "approve", {"reference": "AV", "decided_on": self.today.isoformat()}, expect)
        if expect:
            return False
        aid.requests.remove(found)
        if more > 0:
            award.amount += more
            award.facts += self.money.award(self.today, award.id, more)
            award.settle()
        elif more < 0:
            award.released -= more
            award.lowered -= more
            self.money.release(self.today, award, -more)
            award.settle()
            if not award.unpaid:
                award.ended = "closed"
        return True

    async def close_aid(self) -> bool | None:
        award = self.touched = self.most_often(
            self.awards, lambda a: a.aid.completed_on is not None and not a.aid.closed and not a.aid.open_claims
        )  # fmt: skip
        if award is None:
            return None
        aid = award.aid
        held = aid.held(award)
        expect = "award-ended" if award.status in OVER or aid.closed else ""
        expect = expect or ("closing-without-base" if aid.base is None else "")
        expect = expect or ("not-completed" if aid.completed_on is None else "claims-open" if aid.open_claims else "")
        expect = expect or ("payments-in-flight" if any(each.bound for each in held if each.kind == "grants") else "")
        await self.post(award.path, "close", {"reason": "Final cost."}, expect)
        if not expect:
            for each in held:
                if each.kind == "grants":
                    each.drop_proposed()
            self.settle(award, self.today, None)
        return not expect

    async def end(self) -> bool | None:
        """Cancel, terminate or release, today or on an earlier day."""
        award = self.touched = self.most_often(self.awards, lambda a: a.unpaid > 0 and a.stands)
        if award is None:
            return None
        aid, verb = award.aid, self.chance.choice(["cancel", "terminate", "release"])
        on = (self.today, LATER)[self.chance.below(2)]
        expect = "award-paid" if verb == "cancel" and award.paid else ""
        if verb == "terminate" and not award.paid and not aid.agreed and aid.started_on is None:
            expect = "nothing-agreed"
        expect = expect or ("award-ended" if award.status in OVER or not award.unpaid else "")
        expect = expect or ("before-decision" if on < aid.decided_on else "")
        expect = expect or ("payments-in-flight" if award.kind == "grants" and award.bound else "")
        body = {"released_on" if verb == "release" else "on": on.isoformat(), "reason": "Given up."}
        await self.post(award.path, verb, body, expect)
        if not expect:
            cancelled = verb == "cancel" or (verb == "release" and not award.paid)
            self.ends(award, on, "cancelled" if cancelled else "terminated")
        return not expect

    def ends(self, award: Award, on: date, ending: str) -> None:
        if award.kind == "grants":
            award.drop_proposed()
        given = award.unpaid
        self.money.release(on, award, given)
        award.released += given
        award.ended = ending

    async def reverse(self) -> bool | None:
        award = self.touched = self.most_often(self.awards, lambda a: a.stands and not a.paid)
        if award is None or self.chance.below(3):
            return None  # seldom
        expect = "award-ended" if award.status in OVER else ""
        expect = expect or ("award-already-paid" if award.paid or award.released else "")
        expect = expect or ("payments-in-flight" if award.kind == "grants" and award.bound else "")
        await self.post(award.path, "reverse", {"reason": "Mistaken."}, expect)
        if not expect:
            if award.kind == "grants":
                award.drop_proposed()
            self.money.take_back(award.facts)
            award.reversed, award.ended = True, "reversed"
        return not expect

    async def tick(self) -> bool:
        await take_unstarted(self.sessions, self.today)
        for aid in self.aids:
            open_ = [a for a in aid.awards if a.ended is None and a.status not in OVER]
            if aid.started_on is not None or aid.start_by is None or aid.start_by >= self.today:
                continue
            if not any(each.status != "closed" for each in open_):
                continue
            if aid.under_way:
                continue
            for each in open_:
                self.ends(each, next_day(aid.start_by), "lapsed")
        return True

    # --- recoveries --------------------------------------------------------------------------------------------------

    async def recover(self) -> bool | None:
        grant = self.touched = self.most_often(
            [a for a in self.awards if a.kind == "grants"], lambda a: a.paid > a.claimed_back
        )  # fmt: skip
        if grant is None:
            return None
        left = grant.paid - grant.claimed_back
        cents = self.cents(left)
        expect = "recovery-above-paid" if cents > left else ""
        said = await self.recovering.open(grant.id, cents, opened_on=self.today.isoformat())
        made = self.answered(said, expect)
        if not expect:
            grant.recoveries.append(Recovery(f"{grant.path}/recoveries/{made['id']}", cents, self.today))
        return not expect

    async def named(self, grant: Award) -> None:
        """Learn the addresses of the recoveries that closings have opened."""
        path = f"{grant.path}/recoveries"
        known = {each.path for each in grant.recoveries}
        unknown = [each for each in grant.recoveries if not each.path]
        if unknown:
            items = ok(await self.world.auditor.get(f"{path}?sort=id&limit=100"))["items"]
            fresh = [f"{path}/{each['id']}" for each in items if f"{path}/{each['id']}" not in known]
            assert len(fresh) == len(unknown)
            for each, address in zip(unknown, sorted(fresh), strict=True):
                each.path = address

    async def on_recovery(
        self, fits: Callable[[Recovery], bool], act: Callable[[Award, Recovery], Awaitable[bool]]
    ) -> bool | None:
        for grant in self.awards:
            await self.named(grant)
        found = self.most_often(self.recoveries(), lambda each: fits(each[1]))
        if found is None:
            return None
        self.touched = found[0]
        return await act(*found)

    async def notify_recovery(self) -> bool | None:
        async def act(_: Award, recovery: Recovery) -> bool:
            expect = "recovery-transition" if recovery.status != "opened" else ""
            until = (self.today + timedelta(days=15)).isoformat()
            said = await self.recovering.notify(
                recovery.path, notified_on=self.today.isoformat(), reply_until_on=until
            )  # fmt: skip
            self.answered(said, expect)
            recovery.status = recovery.status if expect else "notified"
            return not expect

        return await self.on_recovery(lambda r: r.status == "opened", act)

    async def order_recovery(self) -> bool | None:
        async def act(_: Award, recovery: Recovery) -> bool:
            expect = "recovery-transition" if recovery.status != "notified" else ""
            today = self.today.isoformat()
            said = await self.recovering.order(recovery.path, ordered_on=today, due_on=today, replied_on=today)
            self.answered(said, expect)
            recovery.status = recovery.status if expect else "ordered"
            return not expect

        return await self.on_recovery(lambda r: r.status == "notified", act)

    async def receive(self) -> bool | None:
        async def act(grant: Award, recovery: Recovery) -> bool:
            cents = self.cents(recovery.left)
            expect = "recovery-transition" if recovery.status != "ordered" else ""
            expect = expect or ("receipts-exceed-recovery" if cents > recovery.left else "")
            said = await self.recovering.receive(recovery.path, cents, received_on=self.today.isoformat())
            made = self.answered(said, expect)
            if not expect:
                facts = self.money.come_back(self.today, grant, cents)
                grant.receipts.append(Receipt(made["id"], recovery, cents, facts))
                recovery.received += cents
                recovery.settle("repaid")
            return not expect

        return await self.on_recovery(lambda r: r.status == "ordered", act)

    async def undo_receipt(self) -> bool | None:
        found = self.most_often([(a, each) for a in self.awards for each in a.receipts], lambda each: not each[1].gone)
        if found is None:
            return None
        self.touched, receipt = found
        recovery = receipt.recovery
        expect = "already-reversed" if receipt.gone else ""
        expect = expect or ("recovery-transition" if recovery.settled_as == "waived" else "")
        expect = expect or ("" if self.money.take_back(receipt.facts) else "envelope-exhausted")
        self.answered(await self.recovering.undo(recovery.path, receipt.id), expect)
        if not expect:
            receipt.gone = True
            recovery.reopen()
            recovery.received -= receipt.cents
        return not expect

    async def waive(self) -> bool | None:
        async def act(_: Award, recovery: Recovery) -> bool:
            expect = "recovery-transition" if recovery.status != "ordered" else ""
            expect = expect or ("recovery-in-payment" if recovery.planned else "")
            self.answered(await self.recovering.waive(recovery.path, waived_on=self.today.isoformat()), expect)
            if not expect:
                recovery.waived = recovery.left
                recovery.settle("waived")
            return not expect

        return await self.on_recovery(lambda r: r.status == "ordered", act)

    async def withdraw(self) -> bool | None:
        async def act(_: Award, recovery: Recovery) -> bool:
            open_ = recovery.status in ("opened", "notified", "ordered")
            expect = "recovery-of-a-closing" if recovery.of_closing and open_ else ""
            expect = expect or ("recovery-received" if recovery.received + recovery.set_off else "")
            expect = expect or ("" if open_ else "recovery-transition")
            expect = expect or ("recovery-in-payment" if recovery.planned else "")
            self.answered(await self.recovering.withdraw(recovery.path), expect)
            recovery.status = recovery.status if expect else "withdrawn"
            return not expect

        return await self.on_recovery(lambda r: r.status in ("opened", "notified"), act)

    # --- what must hold ----------------------------------------------------------------------------------------------

    async def tomorrow(self) -> bool:
        """The day ends: what it told, and what every day before told, is told for ever."""
        was = self.today
        self.now += timedelta(days=1)
        with clock.frozen(self.now):
            self.then[was.isoformat()] = await self.known(was.isoformat())
            for day, told_then in self.then.items():
                assert await self.known(day) == told_then
        return True

    async def known(self, day: str) -> list[Any]:
        times = {"recorded_as_of": day}
        return [await self.by.envelope(as_of=as_of, **times) for as_of in (LATER.isoformat(), day)]

    async def compare(self) -> None:
        with clock.frozen(self.now):
            said = figures(await self.by.envelope())
            assert said == {name: self.money.by(self.today, name) for name in FIGURES}
            for award in self.touched.aid.awards if self.touched is not None else []:
                await self.agrees(award)

    async def agrees(self, award: Award) -> None:
        """An award says what the model says of it."""
        aid, said = award.aid, ok(await self.world.auditor.get(award.path))
        told = {name: said[f"{name}_cents"] for name in ("amount", "released", "remaining", "final")}
        free = 0 if award.reversed else award.unpaid - (award.in_flight if award.kind == "grants" else 0)
        wanted = {"amount": award.amount, "released": award.released, "remaining": free, "final": award.final}
        seen_as = "closed" if award.status == "closed" else award.status if award.status in OVER else None
        passed = {"completed": aid.completed_on, "started": aid.started_on, "agreed": aid.agreed}
        stage = award.ended or seen_as or next((name for name, done in passed.items() if done), "awarded")
        if award.kind == "advances":  # whose stage tells of its money, and of its end only where nothing was paid
            flowing = {"paying": "disbursing", "repaying": "running", "repaid": "repaid"}
            over = award.ended if award.ended in ("lapsed", "terminated") else seen_as
            ended = over if award.status in ("cancelled", "reversed") else None
            stage = flowing.get(award.status) or ended or ("agreed" if aid.agreed else "awarded")
        assert (told, said["status"], said["stage"]) == (wanted, award.status, stage)
        if said["lines"] is not None:
            assert [line["certified_cents"] for line in said["lines"]] == [aid.certified]
        if award.kind == "grants":
            names = ("paid", "in_flight", "claimed_back", "recovered")
            assert [said[f"{name}_cents"] for name in names] == [getattr(award, name) for name in names]
            open_ = any(each.status in ("opened", "notified", "ordered") for each in award.recoveries)
            assert said["in_recovery"] == open_
        else:
            assert (said["disbursed_cents"], said["outstanding_cents"]) == (award.paid, award.paid - award.repaid)

    async def close(self) -> None:
        """Whatever was told is told still; every award, claim, payment and recovery is as the model has it."""
        await self.tomorrow()
        with clock.frozen(self.now):
            for award in self.awards:
                await self.agrees(award)
                await self.named(award)
                for each in award.recoveries:
                    said = ok(await self.world.auditor.get(each.path))
                    assert (said["status"], said["settled_as"]) == (each.status, each.settled_as)
                    assert said["remaining_cents"] == (0 if each.status == "withdrawn" else each.left)
            for grant, payment in self.payments():
                said = ok(await self.world.auditor.get(f"{grant.path}/payments/{payment.id}"))
                assert said["status"] == payment.status
            for by in (NOTIFIED, LATER, next_day(months_later(NOTIFIED, 24)), self.today):
                now = figures(await self.by.envelope(as_of=by.isoformat()))
                assert now == {name: self.money.by(by, name) for name in FIGURES}
                assert min(now.values()) >= 0


# What random lives have found: their acts, cut down. What comes back is recycled.
LIVES: dict[str, list[Act]] = {
    "an award that an amendment lowers counts for less among those of its year": [
        ("award", [1, 0, 3, 1, 3, 1716337, 3]),
        ("award", [2, 1, 4, 2, 2, 1872560, 5]),
        ("ask", [0, 0, 1, 0, 0, 3]),
        ("amend", [1]),
        ("propose", [3, 1, 2, 0, 2]),
    ],
    "the balance is reversed whose closing gave an unpaid advance back whole": [
        ("award", [1, 1, 1, 0, 0, 345100, 0]),
        ("award", [2, 0, 0, 0, 1, 210195, 1]),
        ("award", [0, 1, 0, 1, 67339, 5]),  # the advance of the second
        ("award", [0, 1, 0, 2, 0, 0, 481344, 0]),
        ("start", [3, 0, 0, 0]),
        ("complete", [765081, 1, 2, 1]),
        ("pay", [2, 1, 2, 18008, 4, 0]),
        ("reverse_payment", [0, 0, 0]),
    ],
}


def within(app: Any, world: World, *, anew: bool, recycles: bool) -> Callable[[Chance], Awaitable[Aids]]:
    """Lives in this world, or each in a world of its own; whether what comes back can be awarded again."""

    async def new(chance: Chance) -> Aids:
        place = await World.create(world.http, world.pool) if anew else world
        return await Aids.of(place, app.state["sessions"], chance, recycles)

    return new


@pytest.mark.parametrize("seed", [*SEEDS, *MORE, *[FRESH] * 2])
async def test_any_interleaving_of_acts_on_aids_ends_with_the_amounts_of_a_plain_model(
    app: Any, world: World, seed: int | str
) -> None:
    chosen = seed_of(seed)
    recycles = chosen % 3 > 0
    life = await within(app, world, anew=False, recycles=recycles)(Chance(chosen))
    async with told(life, within(app, world, anew=True, recycles=recycles)):
        for _ in range(STEPS):
            await life.step()
            await life.compare()
        await life.close()
        assert await world.differences(app.state["engine"]) == []


@pytest.mark.parametrize("name", LIVES)
async def test_what_random_lives_of_aids_have_found_stays_mended(app: Any, world: World, name: str) -> None:
    found = await relived(within(app, world, anew=False, recycles=True), LIVES[name])
    assert await world.differences(app.state["engine"]) == []
    assert found.acts == LIVES[name]
