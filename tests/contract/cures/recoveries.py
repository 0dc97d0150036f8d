"""The cures of what must come back of a grant, of the closing of an aid, and of what is owed after it."""

from typing import Any

import httpx2

from tests.awards.closing import Aid
from tests.awards.recovering import BACK, NOTICE, ORDER, Recovering
from tests.contract.cures import Case, key, seen, subject, walk, word
from tests.contract.cures.money import acts_of
from tests.contract.cures.requests import Ask, ready
from tests.envelopes.acts import DAY, Acts
from tests.grants.paying import Paying
from tests.world import Client, ok

REASON = {"reason": "Misread."}
CLOSES = ("close_grant", "close_advance")
JUDGES = ("judge_grant_commitment", "judge_advance_commitment")
REPORTS = ("report_grant_commitment", "report_advance_commitment")
REPORT = {"observed_on": "2024-11-30", "text": "12 jobs stand.", "document_sha256": "0" * 64}
MET = {"outcome": "met", "judged_on": "2024-12-15", "reason": "All stand."}
CLAIM = {"cause": "object_changed", "reason": "Sold.", "opened_on": DAY}


async def scene_of(case: Case, *contributions: int, **contribution: Any) -> tuple[Recovering, str]:
    """Who recovers, and a grant of 100 cents of which 80 are paid."""
    acts = await acts_of(case, *contributions)
    grant = str(ok(await acts.grant(100), 201)["id"])
    ok(await acts.pay(grant, 80), 201)
    return await Recovering.of(acts), grant


async def opened(scene: Recovering, grant: str, cents: int = 50) -> str:
    return f"grants/{grant}/recoveries/{ok(await scene.open(grant, cents), 201)['id']}"


async def proposed(scene: Recovering, grant: str, cents: int) -> str:
    """The path of a proposed payment of the grant."""
    return f"grants/{grant}/payments/{ok(await scene.acts.proposal(grant, cents), 201)['id']}"


@ready("open_recovery", "notify_recovery", "order_recovery", "withdraw_recovery")
async def recoveries(case: Case) -> Ask:
    scene, grant = await scene_of(case)
    verb = case.act.split("_")[0]
    if verb == "open":
        return Ask("funder", "POST", f"grants/{grant}/recoveries", {**CLAIM, "amount_cents": 10}, keyed=True)
    path = await opened(scene, grant, 10)
    if verb == "order":
        ok(await scene.notify(path))
    body = {"notify": NOTICE, "withdraw": REASON}.get(verb) or {**ORDER, "order_number": word()}
    return Ask("funder", "POST", f"{path}/{verb}", body, guarded=path)


@ready("receive_recovery", "waive_recovery", "reverse_recovery_receipt", "set_off_grant_payment")
async def recoveries_settled(case: Case) -> Ask:
    scene, grant = await scene_of(case)
    path = await opened(scene, grant, 10)
    ok(await scene.notify(path))
    ok(await scene.act(path, "order", {**ORDER, "order_number": word()}, await subject(case.world, "funder")))
    if case.act == "waive_recovery":
        waiver = {"decision_reference": "RG-1", "waived_on": BACK, **REASON}
        return Ask("funder", "POST", f"{path}/waive", waiver, guarded=path)
    if case.act == "receive_recovery":
        body = {"amount_cents": 1, "received_on": BACK, "bank_reference": word()}
        return Ask("treasurer", "POST", f"{path}/receipts", body, keyed=True)
    if case.act == "reverse_recovery_receipt":
        receipt = f"{path}/receipts/{ok(await scene.receive(path, 1), 201)['id']}"
        return Ask("treasurer", "POST", f"{receipt}/reverse", REASON, guarded=receipt)
    await scene.acts.payee()
    payment = await proposed(scene, grant, 15)
    return Ask("treasurer", "POST", f"{payment}/set-off", {"recovery_id": path.rpartition("/")[2]}, guarded=payment)


async def closable(case: Case, certified: int | None = 80, **more: Any) -> Aid:
    """An aid on a base, completed unless nothing is certified; the award that the act is about is the one it has."""
    kind = "grant" if case.act.endswith("grant") or "grant_" in case.act else "advance"
    aid = await Aid.by(await acts_of(case), **{kind: 100, "base": 100, **more})
    if certified is not None:
        await aid.complete(certified)
    return aid


@ready(*CLOSES)
async def closings(case: Case) -> Ask:
    path = (await closable(case)).path
    return Ask("funder", "POST", f"{path}/close", REASON, guarded=path)


async def owed(case: Case) -> tuple[Aid, str]:
    """The path of a commitment of a closed aid."""
    aid = await closable(case)
    ok(await aid.close())
    return (
        aid,
        f"{aid.path}/commitments/{ok(await case.world.auditor.get(f'{aid.path}/commitments'))['items'][0]['id']}",
    )


@ready(*JUDGES, *REPORTS)
async def commitments(case: Case) -> Ask:
    _, path = await owed(case)
    if case.act in REPORTS:
        return Ask("territory", "POST", f"{path}/reports", REPORT)
    return Ask("funder", "POST", f"{path}/judge", {**MET, "outcome": "waived"}, guarded=path)


# --- recoveries ------------------------------------------------------------------------------------------------------


@walk("recovery-above-paid", "open_recovery")
async def more_than_was_paid(case: Case) -> None:
    scene, grant = await scene_of(case)
    told = case.refused(await scene.open(grant, 81))
    case.cured(await scene.open(grant, told["recoverable_cents"]))


@walk("recovery-above-paid", "reverse_grant_payment")
async def payment_claimed_back(case: Case) -> None:
    acts = await acts_of(case)
    grant = str(ok(await acts.grant(100), 201)["id"])
    payment = f"grants/{grant}/payments/{ok(await acts.pay(grant, 80), 201)['id']}"
    scene = await Recovering.of(acts)
    path = await opened(scene, grant)
    case.refused(await acts.reverse(payment))
    ok(await scene.withdraw(path))
    case.cured(await acts.reverse(payment))


@walk("before-decision", "open_recovery")
async def found_before_the_decision(case: Case) -> None:
    scene, grant = await scene_of(case)
    told = case.refused(await scene.open(grant, 1, opened_on="2023-10-02"))
    case.cured(await scene.open(grant, 1, opened_on=told["decided_on"]))


@walk("before-recovery", "notify_recovery", "receive_recovery")
async def before_recovery(case: Case) -> None:
    scene, grant = await scene_of(case)
    path = await opened(scene, grant)
    if case.act != "notify_recovery":
        await scene.make_due(path)
    name, act = {
        "notify_recovery": ("notified_on", scene.notify),
        "receive_recovery": ("received_on", lambda path, **more: scene.receive(path, 1, **more)),
    }[case.act]
    told = case.refused(await act(path, **{name: "2023-10-02"}))
    case.cured(await act(path, **{name: told["opened_on"]}))


@walk("waived-before-order", "waive_recovery")
async def waived_before_it_was_ordered(case: Case) -> None:
    scene, grant = await scene_of(case)
    path = await scene.ordered(grant, 1)
    told = case.refused(await scene.waive(path, waived_on="2023-11-17"))
    case.cured(await scene.waive(path, waived_on=told["ordered_on"]))


@walk("before-notification", "order_recovery")
async def before_notification(case: Case) -> None:
    scene, grant = await scene_of(case)
    path = await opened(scene, grant)
    ok(await scene.notify(path))
    told = case.refused(await scene.order(path, replied_on="2023-11-01"))
    case.cured(await scene.order(path, replied_on=told["notified_on"]))


@walk("reply-pending", "order_recovery")
async def reply_pending(case: Case) -> None:
    scene, grant = await scene_of(case)
    for cure in ({"ordered_on": "2023-11-18"}, {"ordered_on": "2023-11-10", "replied_on": "2023-11-09"}):
        path = await opened(scene, grant, 10)
        ok(await scene.notify(path))
        case.refused(await scene.order(path, ordered_on="2023-11-17"))
        case.cured(await scene.order(path, **cure))


@walk("receipts-exceed-recovery", "receive_recovery")
async def receipts_exceed_recovery(case: Case) -> None:
    scene, grant = await scene_of(case)
    path = await scene.ordered(grant, 50)
    told = case.refused(await scene.receive(path, 51))
    case.cured(await scene.receive(path, told["remaining_cents"]))


@walk("envelope-exhausted", "reverse_recovery_receipt")
async def recycled_and_awarded(case: Case) -> None:
    world = await case.own()
    acts = Acts(world, await world.followed_firm())
    ok(await acts.contribute(100, repayment_policy="recycle"), 201)
    grant = str(ok(await acts.grant(100), 201)["id"])
    ok(await acts.pay(grant, 80), 201)
    scene = await Recovering.of(acts)
    path = await scene.ordered(grant, 50)
    receipt = ok(await scene.receive(path, 50), 201)["id"]
    other = ok(await acts.grant(50, decided_on=BACK), 201)["id"]
    told = case.refused(await scene.undo(path, receipt))
    assert [act["act_id"] for act in told["later_acts"]] == [other]
    ok(await acts.reverse(f"grants/{other}"))
    case.cured(await scene.undo(path, receipt))


@walk("recovery-received", "withdraw_recovery")
async def recovery_received(case: Case) -> None:
    scene, grant = await scene_of(case)
    path = await scene.ordered(grant, 50)
    receipt = ok(await scene.receive(path, 1), 201)["id"]
    case.refused(await scene.withdraw(path))
    ok(await scene.undo(path, receipt))
    case.cured(await scene.withdraw(path))


@walk("recovery-received", "reverse_grant_payment")
async def closing_recovered(case: Case) -> None:
    aid, path, payment = await overpaid(case)
    await make_due_later(aid, path)
    receipt = ok(await aid.recovering.receive(path, 10, received_on="2024-02-01"), 201)["id"]
    case.refused(await aid.acts.reverse(payment))
    ok(await aid.recovering.undo(path, receipt))
    case.cured(await aid.acts.reverse(payment))


async def overpaid(case: Case) -> tuple[Aid, str, str]:
    """An aid whose balance closed it above its final amount: the paths of the recovery and of the balance."""
    aid = await Aid.by(await acts_of(case), grant=100, base=100)
    await aid.complete(50)
    payment = f"grants/{aid.grant}/payments/{await aid.balance(60)}"
    recovery = ok(await case.world.auditor.get(f"grants/{aid.grant}/recoveries"))["items"][0]["id"]
    return aid, f"grants/{aid.grant}/recoveries/{recovery}", payment


async def make_due_later(aid: Aid, path: str) -> None:
    ok(await aid.recovering.notify(path, notified_on="2024-01-02", reply_until_on="2024-01-17"))
    ok(await aid.recovering.order(path, ordered_on="2024-01-18", due_on="2024-02-28"))


@walk("recovery-of-a-closing", "withdraw_recovery")
async def recovery_of_a_closing(case: Case) -> None:
    aid, path, payment = await overpaid(case)
    case.refused(await aid.recovering.withdraw(path))
    case.cured(await aid.acts.reverse(payment))
    aid, path, _ = await overpaid(case)
    case.refused(await aid.recovering.withdraw(path))
    await make_due_later(aid, path)
    case.cured(await aid.recovering.waive(path, waived_on="2024-02-01"))


@walk("orderer-settles", "receive_recovery", "reverse_recovery_receipt", "set_off_grant_payment")
@walk("orderer-waives", "waive_recovery")
async def orderer_settles(case: Case) -> None:
    both = await subject(case.world, "funder", "treasurer")
    scene, grant = await scene_of(case)
    path = await opened(scene, grant, 10)
    ok(await scene.notify(path))
    ok(await scene.act(path, "order", {**ORDER, "order_number": word()}, both))
    act = await settling(case, scene, grant, path)
    case.refused(await act(both))
    case.cured(await act(await subject(case.world, "funder" if case.act == "waive_recovery" else "treasurer")))


async def settling(case: Case, scene: Recovering, grant: str, path: str) -> Any:
    """What settles an ordered recovery, by whom it is told."""
    if case.act == "waive_recovery":
        return lambda by: scene.waive(path, by)
    if case.act == "receive_recovery":
        body = {"amount_cents": 1, "received_on": BACK, "bank_reference": word()}
        return lambda by: by.post(f"{path}/receipts", body, headers=key())
    if case.act == "reverse_recovery_receipt":
        receipt = f"{path}/receipts/{ok(await scene.receive(path, 1), 201)['id']}"
        return lambda by: scene.act(receipt, "reverse", REASON, by)
    await scene.acts.payee()
    payment = await proposed(scene, grant, 15)
    return lambda by: scene.act(payment, "set-off", {"recovery_id": path.rpartition("/")[2]}, by)


@walk("set-off-above-payment", "set_off_grant_payment")
async def set_off_above_payment(case: Case) -> None:
    scene, grant = await scene_of(case)
    path = await scene.ordered(grant, 10)
    await scene.acts.payee()
    treasurer, body = scene.acts.world.treasurer, {"recovery_id": path.rpartition("/")[2]}
    case.refused(await scene.act(await proposed(scene, grant, 8), "set-off", body, treasurer))
    case.cured(await scene.act(await proposed(scene, grant, 11), "set-off", body, treasurer))


@walk("recovery-in-payment", "set_off_grant_payment", "waive_recovery", "withdraw_recovery")
async def recovery_in_payment(case: Case) -> None:
    scene, grant = await scene_of(case)
    path = await scene.ordered(grant, 5)
    await scene.acts.payee()
    treasurer, body = scene.acts.world.treasurer, {"recovery_id": path.rpartition("/")[2]}
    payment, other = await proposed(scene, grant, 7), await proposed(scene, grant, 7)
    ok(await scene.act(payment, "set-off", body, treasurer))

    async def again() -> httpx2.Response:
        if case.act == "set_off_grant_payment":
            return await scene.act(other, "set-off", body, treasurer)
        return await (scene.waive if case.act == "waive_recovery" else scene.withdraw)(path)

    case.refused(await again())
    ok(await scene.act(payment, "cancel", REASON, treasurer))
    case.cured(await again())


@walk("reference-not-found", "set_off_grant_payment")
async def recovery_of_another_grant(case: Case) -> None:
    scene, grant = await scene_of(case)
    path = await scene.ordered(grant, 5)
    await scene.acts.payee()
    payment, treasurer = await proposed(scene, grant, 7), scene.acts.world.treasurer
    another = await opened(scene, str((await scene_of(case))[1]))
    case.refused(await scene.act(payment, "set-off", {"recovery_id": another.rpartition("/")[2]}, treasurer))
    case.cured(await scene.act(payment, "set-off", {"recovery_id": path.rpartition("/")[2]}, treasurer))


# --- the closing of an aid -------------------------------------------------------------------------------------------


@walk("not-completed", *CLOSES)
async def not_completed(case: Case) -> None:
    aid = await closable(case, None)
    case.refused(await aid.close())
    await complete_over_http(aid)
    case.cured(await aid.close())


async def complete_over_http(aid: Aid) -> None:
    """The start and the completion of an aid, as its firm declares them."""
    world = aid.acts.world
    start = {"started_on": DAY, "proof_sha256": "0" * 64}
    ok(await world.funder.post(f"{aid.path}/start", start, headers=await aid.acts.seen(aid.path)))
    body = {"completed_on": "2023-11-30", "declared_on": "2023-11-30", "final_cost_cents": 100, "public_aid": []}
    ok(await world.funder.post(f"{aid.path}/completion", body, headers=await aid.acts.seen(aid.path)))


@walk("claims-open", *CLOSES)
async def claims_open(case: Case) -> None:
    aid = await closable(case)
    await aid.complete(80, open_claims=1)
    assert case.refused(await aid.close())["open_claims"] == 1
    await aid.complete(80)
    case.cured(await aid.close())


@walk("before-completion", *CLOSES)
async def before_completion(case: Case) -> None:
    aid = await closable(case)
    told = case.refused(await aid.close(closed_on="2023-11-29"))
    case.cured(await aid.close(closed_on=told["completed_on"]))


@walk("closing-without-base", *CLOSES)
async def closing_without_base(case: Case) -> None:
    aid = await closable(case, None, base=0)
    case.refused(await aid.close())
    case.cured(await aid.acts.release(aid.path))


@walk("payments-in-flight", *CLOSES)
async def payments_in_flight(case: Case) -> None:
    aid = await Aid.by(await acts_of(case), grant=100, advance=100, base=200)
    path = f"grants/{aid.grant}" if case.act == "close_grant" else f"advances/{aid.advance}"
    await aid.complete(200)
    paying = Paying(aid.acts, await subject(case.world, "treasurer"), aid.grant, aid.id)
    await aid.acts.payee()
    for kind in ("tax", "social"):
        await paying.certificate(kind)
    payment = f"grants/{aid.grant}/payments/{await paying.approved(10, 'interim_payment')}"
    another = paying.first
    case.refused(await aid.close(path))
    ok(await another.post(f"{payment}/cancel", REASON, headers=await seen(another, payment)))
    case.cured(await aid.close(path))


# --- commitments -----------------------------------------------------------------------------------------------------


@walk("commitment-not-reported", *JUDGES)
async def commitment_not_reported(case: Case) -> None:
    _, path = await owed(case)

    async def judge(by: Client, outcome: str = "met") -> httpx2.Response:
        return await by.post(f"{path}/judge", {**MET, "outcome": outcome}, headers=await seen(by, path))

    case.refused(await judge(case.world.funder))
    ok(await case.world.clients["territory"].post(f"{path}/reports", REPORT), 201)
    case.cured(await judge(case.world.funder))
    _, path = await owed(case)
    case.cured(await judge(case.world.funder, "not_met"))


@walk("reporter-judges", *JUDGES)
async def reporter_judges(case: Case) -> None:
    _, path = await owed(case)
    funder, other = case.world.funder, await subject(case.world, "funder")
    ok(await funder.post(f"{path}/reports", REPORT), 201)
    case.refused(await funder.post(f"{path}/judge", MET, headers=await seen(funder, path)))
    case.cured(await other.post(f"{path}/judge", MET, headers=await seen(other, path)))
