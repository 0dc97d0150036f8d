"""The cures of what refuses a payment of a grant or a tranche of an advance, from its proposal to its record."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2

from app.core import clock
from tests.advances.drawing import Drawing
from tests.contract.cures import Case, key, seen, subject, walk
from tests.envelopes.acts import DAY, TERMS
from tests.grants.paying import AWARD, BASE, STARTED, Paying
from tests.world import ok

ADVANCE, INTERIM, BALANCE = "advance_payment", "interim_payment", "balance_payment"
ASKED = ("pay_grant", "approve_grant_payment")  # what must stand for a payment is asked twice
DRAWN = ("pay_tranche", "approve_tranche")
BOTH = (*ASKED, *DRAWN)
NOUNS = ("grant_payment", "tranche")


def both(verb: str) -> tuple[str, ...]:
    """The act on a payment of either kind."""
    return tuple(f"{verb}_{noun}" for noun in NOUNS)


ON_ITS_WAY = tuple(act for verb in ("send", "record", "reject", "cancel") for act in both(verb))
BODIES: dict[str, dict[str, Any] | None] = {
    "approve": None, "send": {}, "record": {"paid_on": DAY}, "cancel": {"reason": "Later."},
    "reject": {"reason": "AC04", "rejected_on": str(clock.today())},
}  # fmt: skip


async def payable(case: Case, **more: Any) -> Paying:
    """An award of the case's kind."""
    return await (Drawing if "tranche" in case.act else Paying).of(case.world, **more)


async def asked(
    case: Case, paying: Paying, cents: int, kind: str = ADVANCE, **more: Any
) -> Callable[..., Awaitable[httpx2.Response]]:
    """The act that the case is about: a proposal, or the approval of one that is made now, while it is possible."""
    kind = "" if "tranche" in case.act else kind
    if case.act.startswith("pay"):
        return lambda less=cents: paying.propose(less, kind, **more)
    payment = await paying.proposed(cents, kind, **more)

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
@walk("completion-statement-late", *BOTH)
async def condition(case: Case) -> None:
    kind, holds, breaks = CONDITIONS[case.code]
    paying = await payable(case, **holds)
    act = await asked(case, paying, 1, kind)
    await paying.set(**breaks)
    case.refused(await act())
    await paying.set(**holds)
    case.cured(await act())


@walk("tax-certificate-expired", *BOTH)
@walk("social-certificate-expired", *BOTH)
async def certificate_expired(case: Case) -> None:
    kind = case.code.split("-", 1)[0]
    paying = await payable(case, started_on=STARTED)
    act = await asked(case, paying, 1)
    await paying.expire(kind)
    case.refused(await act(), str(clock.today() - timedelta(days=1)))
    await paying.certificate(kind)
    case.cured(await act())


@walk("agreement-missing", *BOTH)
async def agreement_missing(case: Case) -> None:
    paying = await payable(case, started_on=STARTED)
    act = await asked(case, paying, 1)
    await paying.agree(by_both=False)
    case.refused(await act())
    await paying.agree()
    case.cured(await act())


@walk("bank-details-unapproved", *BOTH)
async def bank_details_unapproved(case: Case) -> None:
    paying = await payable(case, started_on=STARTED)
    act = await asked(case, paying, 1)
    await paying.withdraw_account()
    case.refused(await act())
    await paying.acts.payee(2)
    case.cured(await act())


@walk("territory-not-open", *both("approve"))
@walk("proceedings-open", *both("approve"))
async def door_of_an_approval(case: Case) -> None:
    await case.own()
    paying = await payable(case, started_on=STARTED)
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


@walk("payment-own-approval", *both("approve"))
@walk("payment-to-own-bank-details", *both("approve"))
async def four_eyes(case: Case) -> None:
    paying = await payable(case, started_on=STARTED)
    one = await subject(case.world, "treasurer")
    if case.code == "payment-to-own-bank-details":
        await paying.acts.payee(2, proposed_by=one)
    payment = await paying.proposed(1)
    by = one if case.code == "payment-to-own-bank-details" else paying.first
    case.refused(await paying.act(payment, "approve", by=by), "role treasurer")
    case.cured(await paying.act(payment, "approve"))


@walk("payment-unapproved", *both("send"))
async def payment_unapproved(case: Case) -> None:
    paying = await payable(case, started_on=STARTED)
    payment = await paying.proposed(1)
    case.refused(await paying.act(payment, "send", {}), "role treasurer")
    await paying.act(payment, "approve")
    case.cured(await paying.act(payment, "send", {}))


@walk("before-decision", *both("record"))
async def recorded_before_the_decision(case: Case) -> None:
    paying = await payable(case, started_on=STARTED)
    payment = await paying.sent(1)
    told = case.refused(await paying.act(payment, "record", {"paid_on": "2023-10-02"}))
    case.cured(await paying.act(payment, "record", {"paid_on": told["decided_on"]}))


@walk("recorder-sees", *both("see"))
async def recorder_sees(case: Case) -> None:
    paying = await payable(case)
    if isinstance(paying, Drawing):
        await paying.expire("tax")
        payment = (await paying.drawn(1, paid_on=str(clock.today())))["id"]
    else:
        payment = (await paying.paid(1))["id"]
    case.refused(await paying.act(payment, "see", by=paying.first), "role treasurer")
    case.cured(await paying.act(payment, "see"))


@walk("decider-pays", *both("approve"), *ON_ITS_WAY)
async def decider_handles(case: Case) -> None:
    acts = await Paying.money(case.world, 100)
    await acts.payee()
    decider, second = await subject(case.world, "funder", "treasurer"), await subject(case.world, "treasurer")
    of_grant, verb = "grant" in case.act, case.act.split("_", 1)[0]
    awards, body = ("grants", acts.award(100)) if of_grant else ("advances", acts.award(100, terms=TERMS))
    award = (await decider.post(awards, body, headers={"Idempotency-Key": acts.reference()})).json()["id"]
    path = f"{awards}/{award}/{'payments' if of_grant else 'tranches'}"
    facts = {"kind": INTERIM, "reference": acts.reference()} if of_grant else {}
    proposed = await case.world.treasurer.post(path, {"amount_cents": 1, **facts}, headers=key())
    path += f"/{proposed.json()['id']}"
    for before in {"approve": (), "reject": ("approve", "send")}.get(verb, ("approve",)):
        await second.post(f"{path}/{before}", BODIES[before], headers=await seen(second, path))
    case.refused(
        await decider.post(f"{path}/{verb}", BODIES[verb], headers=await seen(decider, path)), "role treasurer"
    )
    case.cured(await second.post(f"{path}/{verb}", BODIES[verb], headers=await seen(second, path)))


# --- of tranches alone -----------------------------------------------------------------------------------------------


@walk("tranche-document-missing", *DRAWN)
@walk("certified-share-too-low", *DRAWN)
async def condition_of_a_tranche(case: Case) -> None:
    """What is proposed as the second tranche is the first once the one before it is cancelled."""
    with_document = case.code == "tranche-document-missing"
    condition: dict[str, Any] = {"document": "Lease"} if with_document else {"certified_bp": 5_000}
    drawing = await Drawing.of(case.world, started_on=STARTED, terms={"tranches": [condition]})
    document = {"document_sha256": "0" * 64} if with_document else {}
    waiting = ""
    if case.act == "approve_tranche":
        await drawing.set(certified_cents=BASE)
        first, waiting = await drawing.proposed(1, **document), await drawing.proposed(1)
        await drawing.set(certified_cents=0)
        ok(await drawing.act(first, "cancel", {"reason": "Later."}))
        case.refused(await drawing.act(waiting, "approve"))
    else:
        case.refused(await drawing.propose(1))
    if with_document and waiting:
        ok(await drawing.act(waiting, "cancel", {"reason": "Without the document."}))
        waiting = await drawing.proposed(1, **document)
    await drawing.set(certified_cents=BASE // 2)
    case.cured(await (drawing.act(waiting, "approve") if waiting else drawing.propose(1, **document)))


@walk("payment-above-due", *DRAWN)
async def tranche_above_the_final_amount(case: Case) -> None:
    done: dict[str, Any] = {"started_on": STARTED, "completed_on": STARTED}
    drawing = await Drawing.of(case.world, certified_cents=BASE, **done)
    act = await asked(case, drawing, AWARD)
    await drawing.set(certified_cents=BASE // 2)
    told = case.refused(await act())
    if case.act == "approve_tranche":
        [waiting] = (await drawing.world.auditor.get(f"advances/{drawing.advance}/tranches")).json()["items"]
        await drawing.act(waiting["id"], "cancel", {"reason": "Too much."})
    case.cured(await act(told["allowed_cents"]))


@walk("advance-not-payable", *DRAWN)
async def not_payable(case: Case) -> None:
    drawing = await Drawing.of(case.world, scheme=False)
    act = await asked(case, drawing, 1)
    await case.world.pool.execute("UPDATE advances SET accelerated_on = $2 WHERE id = $1", drawing.advance, STARTED)
    case.refused(await act())
    case.cured(await drawing.acts.release(f"advances/{drawing.advance}"))
