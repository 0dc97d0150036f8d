"""The cures of formal notices, accelerations, and claims in proceedings."""

from typing import Any

from tests.advances.arrears import MATCH, SHA, THIRD, Late
from tests.contract.cures import Case, seen, walk
from tests.contract.cures.requests import (
    Ask,
    email_missing,
    idempotency_key_missing,
    if_match_missing,
    person_required,
    ready,
)
from tests.envelopes.acts import key
from tests.world import ok

NOTICES = ("update_notice", "withdraw_notice")
CLAIMS = ("update_debt_claim", "plan_advance")
walk("if-match-missing", "accelerate_advance", *NOTICES, *CLAIMS)(if_match_missing)
walk("idempotency-key-missing", "give_notice", "accelerate_advance", "declare_debt", "plan_advance")(
    idempotency_key_missing
)
walk("email-missing", "give_notice", "accelerate_advance", "declare_debt", "plan_advance")(email_missing)
walk("person-required", "accelerate_advance")(person_required)

NOTICE = {"lines": ["2025-03-31"], "sent_on": "2025-04-16", "received_on": "2025-04-20"}
ACCELERATION = {"reason": "Notice without effect.", "accelerated_on": "2025-05-06"}
DECLARED = {"declared_on": "2025-03-01", "amount_cents": 3 * THIRD, "proof_sha256": SHA}
PLAN = {
    "lines": [
        {"due_on": "2026-06-30", "principal_cents": THIRD},
        {"due_on": "2027-06-30", "principal_cents": 2 * THIRD},
    ]
}
ENDED = {"closed_on": "2025-10-01", "ended_by": "plan"}


@ready("give_notice", "update_notice", "withdraw_notice", "accelerate_advance")
async def notices(case: Case) -> Ask:
    late = await Late.of(case.world)
    path = f"advances/{late.advance}"
    if case.act == "give_notice":
        return Ask("treasurer", "POST", f"{path}/notices", NOTICE, keyed=True)
    made = f"{path}/notices/{ok(await late.notice(), 201)['id']}"
    if case.act == "accelerate_advance":
        return Ask("funder", "POST", f"{path}/accelerate", ACCELERATION, keyed=True, guarded=path)
    if case.act == "update_notice":
        return Ask("treasurer", "PATCH", made, {"received_on": "2025-04-22"}, guarded=made)
    return Ask("treasurer", "POST", f"{made}/withdraw", {"reason": "Another firm."}, guarded=made)


@ready("declare_debt", "update_debt_claim", "plan_advance")
async def claims(case: Case) -> Ask:
    late = await Late.of(case.world)
    ended = ENDED if case.act == "plan_advance" else {}
    proceeding = await late.proceeding("safeguard", "2025-02-06", **ended)
    path = f"advances/{late.advance}/debt-claims"
    body = {**DECLARED, "proceeding_id": proceeding["id"]}
    if case.act == "declare_debt":
        return Ask("treasurer", "POST", path, body, keyed=True)
    made = f"{path}/{ok(await case.world.treasurer.post(path, body, headers=key()), 201)['id']}"
    if case.act == "plan_advance":
        return Ask("funder", "POST", f"{made}/plan", PLAN, keyed=True, guarded=made)
    return Ask("treasurer", "PATCH", made, {"admitted_on": "2025-09-01", "admitted_cents": THIRD}, guarded=made)


@walk("line-not-overdue", "give_notice")
async def line_not_overdue(case: Case) -> None:
    late = await Late.of(case.world)
    case.refused(await late.notice("2025-03-31", "2199-12-31"))
    found = ok(await case.world.auditor.get(f"instalments?late=true&due_to=2025-04-15&advance_id={late.advance}"))
    case.cured(await late.notice(*(line["due_on"] for line in found["items"])))


@walk("notice-delay-too-short", "give_notice")
async def notice_delay_too_short(case: Case) -> None:
    late = await Late.of(case.world, notice_delay_days=20)
    told = case.refused(await late.notice(delay_days=15))
    case.cured(await late.notice(delay_days=told["agreed_days"]))


@walk("calls-stopped", "give_notice")
async def calls_stopped(case: Case) -> None:
    late = await Late.of(case.world)
    proceeding = await late.proceeding("safeguard", "2025-02-06")
    case.refused(await late.notice())
    path = f"advances/{late.advance}/debt-claims"
    body = {**DECLARED, "proceeding_id": proceeding["id"]}
    case.cured(await case.world.treasurer.post(path, body, headers=key()))


@walk("legal-rate-missing", "get_statement")
async def legal_rate_missing(case: Case) -> None:
    late = await Late.of(case.world, agreed=False, year=2014)
    ok(await late.notice("2015-03-31", sent_on="2015-04-16", received_on="2015-04-20"), 201)
    path = f"advances/{late.advance}/statement"
    answer = await case.world.auditor.get(path)
    case.refused(answer)
    while answer.status_code == 409:
        on = answer.json()["on"]
        half = f"{on[:4]}-{'01' if on[5:7] < '07' else '07'}-01"
        rate = {"from_on": half, "rate_bp": 300, "source": "Arrêté"}
        ok(await case.world.programme.post("/v1/legal-rates", rate), 201)
        answer = await case.world.auditor.get(path)
    case.cured(answer)


@walk("notice-withdrawn", *NOTICES)
async def notice_withdrawn(case: Case) -> None:
    ask = await notices(case)
    path = ask.guarded
    withdrawn = {"reason": "Another firm."}
    ok(await case.world.treasurer.post(f"{path}/withdraw", withdrawn, headers=await seen(case.world.auditor, path)))
    case.refused(await ask.send(case))
    again = path.rpartition("/")[0]
    case.cured(await case.world.treasurer.post(again, NOTICE, headers=key()))


@walk("notice-missing", "accelerate_advance")
async def notice_missing(case: Case) -> None:
    late = await Late.of(case.world)
    case.refused(await late.accelerate("2025-05-06"))
    ok(await late.notice(), 201)
    case.cured(await late.accelerate("2025-05-06"))


@walk("delay-running", "accelerate_advance")
async def delay_running(case: Case) -> None:
    late = await Late.of(case.world)
    ok(await late.notice(), 201)
    told = case.refused(await late.accelerate("2025-05-05"))
    assert told["until"] == "2025-05-05"
    case.cured(await late.accelerate("2025-05-06"))


@walk("clause-void", "accelerate_advance")
async def clause_void(case: Case) -> None:
    late = await Late.of(case.world)
    ok(await late.notice(), 201)
    proceeding = await late.proceeding("safeguard", "2025-05-01")
    case.refused(await late.accelerate("2025-05-06"))
    await late.correct(proceeding, closed_on="2025-05-05", ended_by="closing")
    case.cured(await late.accelerate("2025-05-06"))


@walk("agreement-missing", "accelerate_advance")
async def agreement_missing(case: Case) -> None:
    late = await Late.of(case.world, agreed=False)
    ok(await late.notice(), 201)
    case.refused(await late.accelerate("2025-05-06"))
    await late.agree()
    case.cured(await late.accelerate("2025-05-06"))


@walk("claim-not-declared", *CLAIMS)
async def claim_not_declared(case: Case) -> None:
    late = await Late.of(case.world)
    proceeding = await late.proceeding("safeguard", "2025-02-06")
    ok(await late.acts.repay(late.advance, 1, received_on="2025-02-10"), 201)  # an act reads the register
    [waits] = ok(await case.world.auditor.get(f"debt-claims?to_declare=true&advance_id={late.advance}"))["items"]
    path = f"advances/{late.advance}/debt-claims"
    what: dict[str, Any] = {"admitted_on": "2025-09-01", "admitted_cents": THIRD}
    if case.act == "plan_advance":
        case.refused(await late.post(f"debt-claims/{waits['id']}/plan", PLAN))
    else:
        case.refused(await case.world.treasurer.patch(f"{path}/{waits['id']}", what, headers=MATCH))
    body = {**DECLARED, "proceeding_id": proceeding["id"]}
    case.cured(await case.world.treasurer.post(path, body, headers=key()))


@walk("no-plan", "plan_advance")
async def no_plan(case: Case) -> None:
    late = await Late.of(case.world)
    proceeding = await late.proceeding("safeguard", "2025-02-06")
    body = {**DECLARED, "proceeding_id": proceeding["id"]}
    path = f"advances/{late.advance}/debt-claims"
    claim = ok(await case.world.treasurer.post(path, body, headers=key()), 201)["id"]
    case.refused(await late.post(f"debt-claims/{claim}/plan", PLAN))
    await late.correct(proceeding, **ENDED)
    case.cured(await late.post(f"debt-claims/{claim}/plan", PLAN))


@walk("plan-lines-sum", "plan_advance")
async def plan_lines_sum(case: Case) -> None:
    ask = await claims(case)
    told = case.refused(await ask.but(lines=PLAN["lines"][:1]).send(case))
    assert (told["lines_cents"], told["outstanding_cents"]) == (THIRD, 3 * THIRD)
    case.cured(await ask.but(lines=PLAN["lines"]).send(case))
