"""The cures of what refuses an amendment of an advance, an announced early repayment, and a turnover."""

from typing import Any

from tests.advances.amending import (
    APPROVAL,
    DECISION,
    FINDING,
    MAY,
    MOVE,
    PAID_ON,
    REASON,
    WRITE_OFF,
    Amending,
)
from tests.contract.cures import Case, seen, subject, walk
from tests.contract.cures.money import acts_of
from tests.contract.cures.requests import (
    Ask,
    email_missing,
    idempotency_key_missing,
    if_match_missing,
    person_required,
    ready,
)
from tests.world import ok

RATE: dict[str, Any] = {"annual_rate_bp": 100, **REASON}
LONGER: dict[str, Any] = {"available_until_on": "2024-10-31", **REASON}
ASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "request_reschedule": ("reschedules", MOVE), "request_waiver": ("waivers", REASON),
    "request_rate_change": ("rate-changes", RATE),
    "request_availability_extension": ("availability-extensions", LONGER),
    "request_write_off": ("write-offs", WRITE_OFF),
}  # fmt: skip
SAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "announce_early_repayment": (
        "early-repayments", {"amount_cents": 1, "planned_on": MAY, "choice": "shorten"},
    ),
    "declare_turnover": ("turnovers", {"year": 2024, "turnover_cents": 100, "due_on": "2025-06-30"}),
}  # fmt: skip
MAKE_VERSIONS = ("approve_reschedule", "approve_rate_change", "decide_waiver", "approve_write_off")
APPROVES = (*MAKE_VERSIONS, "approve_availability_extension")
OTHERS = ("reschedule", "rate_change", "availability_extension", "write_off")
JUDGES = (*APPROVES, *(f"refuse_{kind}" for kind in OTHERS))
WITHDRAWS = tuple(f"withdraw_{kind}" for kind in (*OTHERS, "waiver"))
EARLY = ("receive_early_repayment", "withdraw_early_repayment")
CONDITIONAL = {"kind": "conditional", "success_fee": {"rate_bp": 100, "cap_bp": 1_000}}
DRAWN_LATER: dict[str, Any] = {"paid_cents": 100_00, "available_until_on": "2024-06-30"}
RESCHEDULES = ("request_reschedule", "approve_reschedule")
NO = {"reason": "No."}

walk("if-match-missing", *JUDGES, *WITHDRAWS, *EARLY, "find_failure", "reverse_turnover")(if_match_missing)
walk("idempotency-key-missing", *ASKS, *SAYS)(idempotency_key_missing)
walk("person-required", *JUDGES, *WITHDRAWS)(person_required)
walk(
    "email-missing", *ASKS, *SAYS, *JUDGES, *WITHDRAWS, *EARLY, "find_failure", "reverse_turnover"
)(email_missing)  # fmt: skip


async def amending(case: Case, **how: Any) -> Amending:
    drawn: dict[str, Any] = DRAWN_LATER if case.act.endswith("availability_extension") else {}
    return await Amending.of(await acts_of(case), 400_00, **{**CONDITIONAL, **drawn, **how})


async def request_of(case: Case, scene: Amending, **more: Any) -> str:
    """The path of a request that the act of the case can decide."""
    if case.act.endswith("waiver"):
        return await (scene.asked("waivers", REASON) if case.act.startswith("withdraw") else scene.found())
    what, body = ASKS["request_" + case.act.partition("_")[2]]
    return await scene.asked(what, {**body, **more})


def verdict(case: Case, **more: Any) -> tuple[str, dict[str, Any]]:
    """The verb and the body of a decision."""
    verb = case.act.split("_")[0]
    return verb, {**{"approve": APPROVAL, "decide": DECISION}.get(verb, NO), **more}


@ready(*ASKS)
async def asks(case: Case) -> Ask:
    what, body = ASKS[case.act]
    return Ask("territory", "POST", f"{(await amending(case)).path}/{what}", body, keyed=True)


@ready(*SAYS)
async def says(case: Case) -> Ask:
    what, body = SAYS[case.act]
    return Ask("territory", "POST", f"{(await amending(case)).path}/{what}", body, keyed=True)


@ready(*JUDGES, *WITHDRAWS)
async def decisions(case: Case) -> Ask:
    path = await request_of(case, await amending(case))
    verb, body = verdict(case)
    return Ask("funder", "POST", f"{path}/{verb}", body, guarded=path)


@ready("find_failure")
async def findings(case: Case) -> Ask:
    path = await (await amending(case)).asked("waivers", REASON)
    return Ask("funder", "POST", f"{path}/find", FINDING, guarded=path)


@ready(*EARLY)
async def early(case: Case) -> Ask:
    scene = await amending(case)
    path = await scene.asked(*SAYS["announce_early_repayment"])
    if case.act == "withdraw_early_repayment":
        return Ask("funder", "POST", f"{path}/withdraw", NO, guarded=path)
    repayment = (await scene.repay(1, MAY)).rpartition("/")[2]
    return Ask("treasurer", "POST", f"{path}/receive", {"repayment_id": repayment}, guarded=path)


@ready("reverse_turnover")
async def turnovers(case: Case) -> Ask:
    path = await (await amending(case)).asked(*SAYS["declare_turnover"])
    return Ask("funder", "POST", f"{path}/reverse", NO, guarded=path)


@walk("requester-decides", *JUDGES)
async def requester_decides(case: Case) -> None:
    scene = await amending(case)
    scene.acts.world.clients["territory"], staff = case.world.funder, case.world.clients["territory"]
    try:
        path = await request_of(case, scene)
    finally:
        scene.acts.world.clients["territory"] = staff
    verb, body = verdict(case)
    case.refused(await scene.act(path, verb, body))
    another = await subject(case.world, "funder")
    headers = await seen(case.world.auditor, path)
    case.cured(await another.post(f"{path}/{verb}", body, headers=headers))


@walk("decider-receives", "receive_early_repayment")
async def decider_receives(case: Case) -> None:
    both = await subject(case.world, "funder", "treasurer")
    funder, case.world.clients["funder"] = case.world.clients["funder"], both
    try:
        own = await amending(case)
        path = await own.asked(*SAYS["announce_early_repayment"])
        repayment = (await own.repay(1, MAY)).rpartition("/")[2]
    finally:
        case.world.clients["funder"] = funder
    spoilt = Ask("treasurer", "POST", f"{path}/receive", {"repayment_id": repayment}, guarded=path)
    case.refused(await spoilt.send(case, both))
    case.cured(await spoilt.send(case))


@walk("before-decision", *ASKS)
async def asked_before_decision(case: Case) -> None:
    scene = await amending(case)
    what, body = ASKS[case.act]
    case.refused(await scene.ask(what, {**body, "requested_on": "2023-10-02"}))
    case.cured(await scene.ask(what, body))


@walk("before-request", *APPROVES)
async def decided_before_request(case: Case) -> None:
    scene = await amending(case)
    path = await request_of(case, scene)
    verb, body = verdict(case)
    case.refused(await scene.act(path, verb, {**body, "decided_on": "2024-05-01"}))
    case.cured(await scene.act(path, verb, {**body, "decided_on": case.told["requested_on"]}))


@walk("before-request", "find_failure")
async def found_before_request(case: Case) -> None:
    scene = await amending(case)
    path = await scene.asked("waivers", REASON)
    case.refused(await scene.act(path, "find", {**FINDING, "found_on": "2024-05-01"}))
    case.cured(await scene.act(path, "find", {**FINDING, "found_on": case.told["requested_on"]}))


@walk("before-last-version", *MAKE_VERSIONS)
async def before_last_version(case: Case) -> None:
    scene = await amending(case)
    path = await request_of(case, scene)
    other = await scene.asked("reschedules", {**MOVE, "first_on": "2025-06-30"})
    ok(await scene.act(other, "approve", {**APPROVAL, "decided_on": "2024-05-20"}))
    if case.act == "approve_reschedule":
        path = await scene.asked("reschedules", {**MOVE, "due_on": "2024-03-31", "first_on": "2025-12-31"})
    verb, body = verdict(case)
    case.refused(await scene.act(path, verb, body))
    case.cured(await scene.act(path, verb, {**body, "decided_on": case.told["from_on"]}))


@walk("not-conditional", "request_waiver")
async def not_conditional(case: Case) -> None:
    scene = await Amending.of(await acts_of(case), 400_00)
    case.refused(await scene.ask("waivers", REASON))
    case.cured(await scene.ask("reschedules", MOVE))


@walk("waiver-too-high", "decide_waiver")
async def waiver_too_high(case: Case) -> None:
    scene = await amending(case, minimum_repayment_cents=100_00)
    path = await scene.found()
    part = {**DECISION, "waive": "part", "share": "last"}
    case.refused(await scene.act(path, "decide", {**part, "amount_cents": 300_01}))
    case.cured(await scene.act(path, "decide", {**part, "amount_cents": case.told["most_cents"]}))


@walk("agreement-missing", *(act for act in ASKS if act != "request_write_off"))
async def agreement_missing(case: Case) -> None:
    scene = await amending(case, agreed=False)
    case.refused(await scene.ask(*ASKS[case.act]))
    await scene.agree()
    case.cured(await scene.ask(*ASKS[case.act]))


@walk("availability-not-extended", "request_availability_extension", "approve_availability_extension")
async def availability_not_extended(case: Case) -> None:
    scene = await amending(case)
    what, body = ASKS["request_availability_extension"]
    if case.act.startswith("request"):
        case.refused(await scene.ask(what, {**body, "available_until_on": "2024-06-30"}))
        later = "2024-07-01"
        assert later > case.told["available_until_on"]
        case.cured(await scene.ask(what, {**body, "available_until_on": later}))
        return
    first, second = [await scene.asked(what, body) for _ in range(2)]
    ok(await scene.act(first, "approve", APPROVAL))
    case.refused(await scene.act(second, "approve", APPROVAL))
    third = await scene.asked(what, {**body, "available_until_on": "2024-11-30"})
    case.cured(await scene.act(third, "approve", APPROVAL))


@walk("no-line-ahead", "request_rate_change", "approve_rate_change")
async def no_line_ahead_of_a_rate(case: Case) -> None:
    scene = await amending(case)
    late = "2025-01-31"
    again = {"kind": "re_age", "instalments": 4, "first_on": "2025-06-30", "late_interest": "kept", **REASON}
    approval = {**APPROVAL, "decided_on": late}
    path = "" if case.act.startswith("request") else await scene.asked("rate-changes", RATE)

    async def change() -> Any:
        if path:
            return await scene.act(path, "approve", approval)
        return await scene.ask("rate-changes", {**RATE, "requested_on": late})

    case.refused(await change())
    ok(await scene.act(await scene.asked("reschedules", again), "approve", approval))
    case.cured(await change())


@walk("no-line-ahead", *RESCHEDULES)
async def no_line_ahead(case: Case) -> None:
    scene = await amending(case)
    late = "2025-01-31"
    arrears = {"kind": "re_amortise", "late_interest": "kept", **REASON}
    again = {"kind": "re_age", "instalments": 4, "first_on": "2025-06-30", "late_interest": "kept", **REASON}
    if case.act == "request_reschedule":
        case.refused(await scene.ask("reschedules", {**arrears, "requested_on": late}))
        case.cured(await scene.ask("reschedules", {**again, "requested_on": late}))
        return
    approval = {**APPROVAL, "decided_on": late}
    case.refused(await scene.act(await scene.asked("reschedules", arrears), "approve", approval))
    case.cured(await scene.act(await scene.asked("reschedules", again), "approve", approval))


@walk("first-day-too-early", *RESCHEDULES)
async def first_day_too_early(case: Case) -> None:
    scene = await amending(case)
    if case.act == "request_reschedule":
        case.refused(await scene.ask("reschedules", {**MOVE, "first_on": MAY}))
        case.cured(await scene.ask("reschedules", MOVE))
        return
    path = await scene.asked("reschedules", {**MOVE, "first_on": "2024-06-01"})
    approval = {**APPROVAL, "decided_on": "2024-06-01"}
    case.refused(await scene.act(path, "approve", approval))
    case.cured(await scene.act(await scene.asked("reschedules", MOVE), "approve", approval))


@walk("reschedule-too-long", "request_reschedule")
async def reschedule_too_long(case: Case) -> None:
    scene = await amending(case)
    body = {"kind": "add_instalments", "late_interest": "kept", **REASON}
    case.refused(await scene.ask("reschedules", {**body, "instalments": 600}))
    case.cured(await scene.ask("reschedules", {**body, "instalments": case.told["most"] - 4}))


@walk("reference-not-found", *RESCHEDULES)
async def line_not_found(case: Case) -> None:
    scene = await amending(case)
    if case.act == "request_reschedule":
        case.refused(await scene.ask("reschedules", {**MOVE, "due_on": "2024-06-29"}))
        case.cured(await scene.ask("reschedules", MOVE))
        return
    path = await scene.asked("reschedules", MOVE)
    await scene.repay(200_00, MAY)  # what was to move is paid
    case.refused(await scene.act(path, "approve", APPROVAL))
    later = await scene.asked("reschedules", {**MOVE, "due_on": "2024-09-30"})
    case.cured(await scene.act(later, "approve", APPROVAL))


@walk("reference-not-found", "receive_early_repayment")
async def repayment_not_found(case: Case) -> None:
    ask, other = await early(case), await amending(case)
    elsewhere = (await other.repay(1, PAID_ON)).rpartition("/")[2]
    case.refused(await ask.but(repayment_id=elsewhere).send(case))
    case.cured(await ask.send(case))


@walk("already-exists", "receive_early_repayment")
async def received_twice(case: Case) -> None:
    scene = await amending(case)
    first, second = [await scene.asked(*SAYS["announce_early_repayment"]) for _ in range(2)]
    one, other = [(await scene.repay(1, MAY)).rpartition("/")[2] for _ in range(2)]
    treasurer = case.world.treasurer
    ok(await treasurer.post(f"{first}/receive", {"repayment_id": one}, headers=await seen(treasurer, first)))
    headers = await seen(treasurer, second)
    case.refused(await treasurer.post(f"{second}/receive", {"repayment_id": one}, headers=headers))
    case.cured(await treasurer.post(f"{second}/receive", {"repayment_id": other}, headers=headers))


@walk("already-exists", "declare_turnover")
async def declared_twice(case: Case) -> None:
    ask = await says(case)
    ok(await ask.send(case), 201)
    case.refused(await ask.send(case))
    case.cured(await ask.but(year=2025).send(case))
