"""The cures of what refuses a payment of a grant: when it is proposed, approved, sent, recorded or rejected."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2

from app.core import clock
from tests.contract.cures import Case, seen, subject, walk
from tests.envelopes.acts import DAY
from tests.grants.paying import AWARD, BASE, STARTED, Paying

ADVANCE, INTERIM, BALANCE = "advance_payment", "interim_payment", "balance_payment"
ASKED = ("pay_grant", "approve_grant_payment")  # what must stand for a payment is asked twice
ON_ITS_WAY = ("send_grant_payment", "record_grant_payment", "reject_grant_payment", "cancel_grant_payment")
BODIES: dict[str, dict[str, Any] | None] = {
    "approve": None, "send": {}, "record": {"paid_on": DAY}, "cancel": {"reason": "Later."},
    "reject": {"reason": "AC04", "rejected_on": str(clock.today())},
}  # fmt: skip


async def asked(case: Case, paying: Paying, cents: int, kind: str) -> Callable[..., Awaitable[httpx2.Response]]:
    """The act that the case is about: a proposal, or the approval of one that is made now, while it is possible."""
    if case.act == "pay_grant":
        return lambda less=cents: paying.propose(less, kind)
    payment = await paying.proposed(cents, kind)

    async def approve(less: int = cents) -> httpx2.Response:
        """Approve the payment; where it is too much, one of less, which takes its place."""
        return await paying.act(payment if less == cents else await paying.proposed(less, kind), "approve")

    return approve


# What makes a condition hold, and what breaks it again: columns of the aid, as acts on it set them.
CONDITIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "not-started": (ADVANCE, {"started_on": STARTED}, {"started_on": None}),
    "not-completed": (
        BALANCE, {"started_on": STARTED, "certified_cents": BASE, "completed_on": STARTED}, {"completed_on": None},
    ),
    "claims-open": (
        BALANCE, {"started_on": STARTED, "certified_cents": BASE, "completed_on": STARTED, "open_claims": 0},
        {"open_claims": 1},
    ),
    "completion-statement-late": (
        INTERIM, {"started_on": STARTED, "certified_cents": BASE, "planned_end_on": None, "completed_on": STARTED},
        {"planned_end_on": STARTED.replace(year=2021), "completed_on": None},
    ),
}  # fmt: skip


@walk("not-started", *ASKED)
@walk("not-completed", *ASKED)
@walk("claims-open", *ASKED)
@walk("completion-statement-late", *ASKED)
async def condition(case: Case) -> None:
    kind, holds, breaks = CONDITIONS[case.code]
    paying = await Paying.of(case.world, **holds)
    act = await asked(case, paying, 1, kind)
    await paying.set(**breaks)
    case.refused(await act())
    await paying.set(**holds)
    case.cured(await act())


@walk("tax-certificate-expired", *ASKED)
@walk("social-certificate-expired", *ASKED)
async def certificate_expired(case: Case) -> None:
    kind = case.code.split("-", 1)[0]
    paying = await Paying.of(case.world, started_on=STARTED)
    act = await asked(case, paying, 1, ADVANCE)
    await paying.expire(kind)
    case.refused(await act(), str(clock.today() - timedelta(days=1)))
    await paying.certificate(kind)
    case.cured(await act())


@walk("agreement-missing", *ASKED)
async def agreement_missing(case: Case) -> None:
    paying = await Paying.of(case.world, started_on=STARTED)
    act = await asked(case, paying, 1, ADVANCE)
    await paying.agree(by_both=False)
    case.refused(await act())
    await paying.agree()
    case.cured(await act())


@walk("bank-details-unapproved", *ASKED)
async def bank_details_unapproved(case: Case) -> None:
    paying = await Paying.of(case.world, started_on=STARTED)
    act = await asked(case, paying, 1, ADVANCE)
    await paying.withdraw_account()
    case.refused(await act())
    await paying.acts.payee(2)
    case.cured(await act())


@walk("territory-not-open", "approve_grant_payment")
@walk("proceedings-open", "approve_grant_payment")
async def door_of_an_approval(case: Case) -> None:
    paying = await Paying.of(await case.own(), started_on=STARTED)
    payment, acts = await paying.proposed(1), paying.acts
    if case.code == "territory-not-open":
        await acts.status("withdrawn")
        case.refused(await paying.act(payment, "approve"))
        await acts.status("laureate")
        case.cured(await paying.act(payment, "approve"))
        return
    opened = await acts.proceedings()
    case.refused(await paying.act(payment, "approve"))
    lifted = await paying.proposed(1, override_id=await acts.override())
    case.cured(await paying.act(lifted, "approve"))
    path = f"/v1/firms/{acts.firm}/proceedings/{opened['id']}"
    await case.world.clients["territory"].patch(path, {"closed_on": str(clock.today())})
    case.cured(await paying.act(payment, "approve"))


@walk("advance-payment-ceiling", *ASKED)
@walk("before-completion-ceiling", *ASKED)
@walk("payment-above-due", *ASKED)
async def ceiling(case: Case) -> None:
    """Pay what is allowed; or, once more is certified or a guarantee is on file, more."""
    kind = ADVANCE if case.code == "advance-payment-ceiling" else INTERIM
    certified = 10_000_000 if case.code == "payment-above-due" else BASE
    paying = await Paying.of(case.world, started_on=STARTED, certified_cents=certified)
    if case.act == "approve_grant_payment":
        most = {"advance-payment-ceiling": 3_000_000, "payment-above-due": 4_000_000}.get(case.code, 8_000_000)
        act = await asked(case, paying, most, kind)
        await paying.paid(1, kind)  # meanwhile
        told = case.refused(await act())
        ok_again = await paying.world.auditor.get(f"grants/{paying.grant}/payments?status=proposed")
        [waiting] = ok_again.json()["items"]
        await paying.act(waiting["id"], "cancel", {"reason": "Too much."})
        case.cured(await act(told["allowed_cents"]))
        return
    told = case.refused(await paying.propose(5_000_000 if case.code == "payment-above-due" else AWARD, kind))
    if case.code == "advance-payment-ceiling":
        await paying.set(guaranteed_until_on=clock.today())
        case.cured(await paying.propose(told["allowed_cents"] + 1, kind))
    elif case.code == "payment-above-due":
        await paying.set(certified_cents=certified + 1_000_000)
        case.cured(await paying.propose(told["allowed_cents"] + 1, kind))
    else:
        case.cured(await paying.propose(told["allowed_cents"], kind))


@walk("payment-own-approval", "approve_grant_payment")
@walk("payment-to-own-bank-details", "approve_grant_payment")
async def four_eyes(case: Case) -> None:
    paying = await Paying.of(case.world, started_on=STARTED)
    one = await subject(case.world, "treasurer")
    if case.code == "payment-to-own-bank-details":
        await paying.acts.payee(2, proposed_by=one)
    payment = await paying.proposed(1)
    by = one if case.code == "payment-to-own-bank-details" else paying.first
    case.refused(await paying.act(payment, "approve", by=by), "role treasurer")
    case.cured(await paying.act(payment, "approve"))


@walk("payment-unapproved", "send_grant_payment")
async def payment_unapproved(case: Case) -> None:
    paying = await Paying.of(case.world, started_on=STARTED)
    payment = await paying.proposed(1)
    case.refused(await paying.act(payment, "send", {}), "role treasurer")
    await paying.act(payment, "approve")
    case.cured(await paying.act(payment, "send", {}))


@walk("before-decision", "record_grant_payment")
async def recorded_before_the_decision(case: Case) -> None:
    paying = await Paying.of(case.world, started_on=STARTED)
    payment = await paying.sent(1)
    told = case.refused(await paying.act(payment, "record", {"paid_on": "2023-10-02"}))
    case.cured(await paying.act(payment, "record", {"paid_on": told["decided_on"]}))


@walk("recorder-sees", "see_grant_payment")
async def recorder_sees(case: Case) -> None:
    paying = await Paying.of(case.world)
    payment = (await paying.paid(1))["id"]
    case.refused(await paying.act(payment, "see", by=paying.first), "role treasurer")
    case.cured(await paying.act(payment, "see"))


@walk("decider-pays", "approve_grant_payment", *ON_ITS_WAY)
async def decider_handles(case: Case) -> None:
    acts = await Paying.money(case.world, 100)
    await acts.payee()
    both, second = await subject(case.world, "funder", "treasurer"), await subject(case.world, "treasurer")
    award = (await both.post("grants", acts.award(100), headers={"Idempotency-Key": acts.reference()})).json()["id"]
    path = f"grants/{award}/payments/{(await acts.proposal(award, 1)).json()['id']}"
    verb = case.act.removesuffix("_grant_payment")
    for before in {"approve": (), "reject": ("approve", "send")}.get(verb, ("approve",)):
        await second.post(f"{path}/{before}", BODIES[before], headers=await seen(second, path))
    case.refused(await both.post(f"{path}/{verb}", BODIES[verb], headers=await seen(both, path)), "role treasurer")
    case.cured(await second.post(f"{path}/{verb}", BODIES[verb], headers=await seen(second, path)))
