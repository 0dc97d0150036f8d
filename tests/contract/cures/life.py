"""The cures of what refuses an act on an aid, its end, and a change of it: by its grant and by its advance alike."""

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.advances.drawing import Drawing
from tests.awards.claims.acts import Claims
from tests.awards.life import COMPLETED, EXTENDED, GUARANTEED, HASH, NOTIFIED, SCHEME, SIGNED, STARTED, Life
from tests.contract.cures import Case, key, seen, subject, walk
from tests.contract.cures.money import acts_of, awarded, pay
from tests.contract.cures.requests import (
    Ask,
    email_missing,
    idempotency_key_missing,
    if_match_missing,
    person_required,
    ready,
)
from tests.envelopes.acts import Acts
from tests.grants.paying import STARTED as PAID_FROM
from tests.grants.paying import Paying
from tests.projects.acts import filed
from tests.world import ok, problem


def both(*acts: str) -> tuple[str, ...]:
    """The acts by the grant and by the advance."""
    return tuple(act.format(noun) for noun in ("grant", "advance") for act in acts)


ACTS = both("notify_{}", "start_{}", "extend_start_of_{}", "complete_{}")
ENDS = both("cancel_{}", "terminate_{}")
PUTS = both("put_{}_agreement", "put_{}_guarantee")
ASKS = both("request_{}_change")
JUDGES = both("approve_{}_change_request", "refuse_{}_change_request")
WITHDRAWS = both("withdraw_{}_change_request")
APPROVES = both("approve_{}_change_request")

walk("if-match-missing", *ACTS, *ENDS, *JUDGES, *WITHDRAWS)(if_match_missing)
walk("email-missing", *ACTS, *ENDS, *PUTS, *ASKS, *JUDGES, *WITHDRAWS)(email_missing)
walk("person-required", *ENDS, *JUDGES, *WITHDRAWS)(person_required)
walk("idempotency-key-missing", *ASKS)(idempotency_key_missing)

ENDING = {"on": "2023-12-15", "reason": "Given up."}
OBJECT = {"kind": "object", "project_title": "Atelier et bureaux"}
APPROVAL = {"reference": "AV-1", "decided_on": "2024-02-01"}
VERBS: dict[str, tuple[str, dict[str, Any]]] = {
    "notify": ("notify", NOTIFIED), "start": ("start", STARTED), "extend": ("extension", EXTENDED),
    "complete": ("completion", COMPLETED), "cancel": ("cancel", ENDING), "terminate": ("terminate", ENDING),
}  # fmt: skip


@dataclass
class Tried:
    """An award of the instrument that the case is about, and the acts on it."""

    case: Case
    acts: Acts
    path: str

    @classmethod
    async def of(cls, case: Case, *, cents: int = 1_000, **more: Any) -> "Tried":
        acts = await acts_of(case)
        return cls(case, acts, await awarded(acts, case, cents, **{**SCHEME, **more}))

    @property
    def life(self) -> Life:
        return Life(self.acts, self.path)

    async def act(self, verb: str = "", **more: Any) -> httpx2.Response:
        """The act of the case, or another of these verbs."""
        address, body = VERBS[verb or self.case.act.split("_")[0]]
        return await self.life.act(address, {**body, **more})

    async def judge(self, path: str, **more: Any) -> httpx2.Response:
        verb = self.case.act.split("_")[0]
        body = {**APPROVAL, **more} if verb == "approve" else {"reason": "No."}
        headers = await seen(self.case.world.auditor, path)
        return await self.case.world.funder.post(f"{path}/{verb}", body, headers=headers)

    async def change(self, *changes: dict[str, Any]) -> httpx2.Response:
        """The decision on a new request with these changes."""
        return await self.judge(await self.life.asked(*changes))


@ready(*ACTS)
async def acts_on_an_aid(case: Case) -> Ask:
    tried = await Tried.of(case)
    for verb in {"extend": ["notify"], "complete": ["start"]}.get(case.act.split("_")[0], []):
        ok(await tried.act(verb))
    address, body = VERBS[case.act.split("_")[0]]
    return Ask("funder", "POST", f"{tried.path}/{address}", body, guarded=tried.path)


@ready(*ENDS)
async def ends(case: Case) -> Ask:
    tried = await Tried.of(case)
    if case.act.startswith("terminate"):
        ok(await tried.act("start"))
    return Ask("funder", "POST", f"{tried.path}/{case.act.split('_')[0]}", ENDING, guarded=tried.path)


@ready(*PUTS)
async def papers(case: Case) -> Ask:
    what = case.act.split("_")[2]
    path = (await Tried.of(case)).path
    return Ask("funder", "PUT", f"{path}/{what}", SIGNED if what == "agreement" else GUARANTEED)


@ready(*ASKS)
async def requests(case: Case) -> Ask:
    body = {"changes": [OBJECT], "reason": "It changes."}
    return Ask("funder", "POST", f"{(await Tried.of(case)).path}/change-requests", body, keyed=True)


@ready(*JUDGES, *WITHDRAWS)
async def decisions(case: Case) -> Ask:
    tried = await Tried.of(case)
    path, verb = await tried.life.asked(OBJECT), case.act.split("_")[0]
    return Ask("funder", "POST", f"{path}/{verb}", APPROVAL if verb == "approve" else {"reason": "No."}, guarded=path)


@walk("before-decision", *both("notify_{}"), *ENDS)
async def before_decision(case: Case) -> None:
    tried = await Tried.of(case)
    if case.act.startswith("terminate"):
        ok(await tried.act("start"))
    name = "notified_on" if case.act.startswith("notify") else "on"
    case.refused(await tried.act(**{name: "2023-10-02"}))
    case.cured(await tried.act(**{name: case.told["decided_on"]}))


@walk("before-decision", *both("put_{}_agreement"))
async def signed_before_decision(case: Case) -> None:
    life = (await Tried.of(case)).life
    case.refused(await life.put("agreement", {**SIGNED, "signed_by_firm_on": "2023-10-02"}))
    case.cured(await life.put("agreement", {**SIGNED, "signed_by_firm_on": case.told["decided_on"]}))


@walk("before-decision", *ASKS)
async def asked_before_decision(case: Case) -> None:
    life = (await Tried.of(case)).life
    case.refused(await life.ask(OBJECT, requested_on="2023-10-02"))
    case.cured(await life.ask(OBJECT, requested_on=case.told["decided_on"]))


@walk("before-request", *APPROVES)
async def decided_before_the_request(case: Case) -> None:
    tried = await Tried.of(case)
    path = await tried.life.asked(OBJECT)
    case.refused(await tried.judge(path, decided_on="2024-01-01"))
    case.cured(await tried.judge(path, decided_on=case.told["requested_on"]))


@walk("not-notified", *both("extend_start_of_{}"))
async def not_notified(case: Case) -> None:
    tried = await Tried.of(case)
    case.refused(await tried.act())
    ok(await tried.act("notify"))
    case.cured(await tried.act())


@walk("already-started", *both("extend_start_of_{}"))
async def already_started(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await tried.act("notify"))
    ok(await tried.act("start"))
    case.refused(await tried.act())
    case.cured(await tried.act("start", started_on="2023-12-05"))


@walk("start-extension-used", *both("extend_start_of_{}"))
async def start_extension_used(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await tried.act("notify"))
    ok(await tried.act())
    case.refused(await tried.act())
    case.cured(await tried.act("start", started_on=case.told["start_by_on"]))


@walk("start-extension-late", *both("extend_start_of_{}"))
async def start_extension_late(case: Case) -> None:
    tried = await Tried.of(case)
    start_by_on = ok(await tried.act("notify"))["start_by_on"]
    case.refused(await tried.act(requested_on="2025-11-03"))
    case.cured(await tried.act(requested_on=start_by_on))


@walk("start-extension-too-long", *both("extend_start_of_{}"))
async def start_extension_too_long(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await tried.act("notify"))
    case.refused(await tried.act(months=13))
    case.cured(await tried.act(months=case.told["most_months"]))


@walk("start-too-late", *both("start_{}"))
async def start_too_late(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await tried.act("notify"))
    case.refused(await tried.act(started_on="2025-11-03"))
    case.cured(await tried.act(started_on=case.told["start_by_on"]))


@walk("completed-before-start", *both("start_{}", "complete_{}"))
async def completed_before_start(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await tried.act("start"))
    if case.act.startswith("start"):
        ok(await tried.act("complete"))
        case.refused(await tried.act(started_on="2025-11-01"))
        case.cured(await tried.act())
    else:
        early = {"completed_on": "2023-12-03"}
        case.refused(await tried.act(**early))
        case.cured(await tried.act(completed_on=case.told["started_on"]))


@walk("completed-unstarted", *both("complete_{}"))
async def completed_unstarted(case: Case) -> None:
    tried = await Tried.of(case)
    case.refused(await tried.act())
    ok(await tried.act("start"))
    case.cured(await tried.act())


@walk("award-paid", *both("cancel_{}"))
async def award_paid(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await pay(tried.acts, tried.path, 10), 201)
    case.refused(await tried.act())
    case.cured(await tried.act("terminate"))


@walk("nothing-agreed", *both("terminate_{}"))
async def nothing_agreed(case: Case) -> None:
    tried = await Tried.of(case)
    case.refused(await tried.act())
    case.cured(await tried.act("cancel"))


@walk("payments-in-flight", *both("cancel_{}"), *both("terminate_{}"), *both("release_{}"), *both("reverse_{}"))
async def payments_in_flight(case: Case) -> None:
    verb, noun = case.act.split("_")
    paying = await (Paying if noun == "grant" else Drawing).of(case.world, started_on=PAID_FROM)
    payment = await paying.approved(1)
    path = f"{noun}s/{paying.grant}"
    body = ENDING if verb in ("cancel", "terminate") else {"reason": "Given up."}

    async def end() -> httpx2.Response:
        headers = await seen(case.world.auditor, path)
        return await case.world.funder.post(f"{path}/{verb}", body, headers=headers)

    case.refused(await end())
    ok(await paying.act(payment, "cancel", {"reason": "Later."}))
    case.cured(await end())


# --- changes ---------------------------------------------------------------------------------------------------------


@walk("change-request-transition", *JUDGES, *WITHDRAWS)
async def change_request_transition(case: Case) -> None:
    tried = await Tried.of(case)
    path = await tried.life.asked(OBJECT)
    ok(await tried.judge(path))
    case.refused(await tried.judge(path))
    case.cured(await tried.change(OBJECT))


@walk("requester-decides", *JUDGES)
async def requester_decides(case: Case) -> None:
    tried = await Tried.of(case)
    body: dict[str, Any] = {"changes": [OBJECT], "reason": "It changes.", "requested_on": "2024-01-02"}
    asked = ok(await case.world.funder.post(f"{tried.path}/change-requests", body, headers=key()), 201)
    path, verb = f"{tried.path}/change-requests/{asked['id']}", case.act.split("_")[0]
    case.refused(await tried.judge(path))
    another = await subject(case.world, "funder")
    headers = await seen(case.world.auditor, path)
    verdict: dict[str, Any] = APPROVAL if verb == "approve" else {"reason": "No."}
    case.cured(await another.post(f"{path}/{verb}", verdict, headers=headers))


def amount(cents: int) -> dict[str, Any]:
    return {"kind": "amount", "amount_cents": cents}


@walk("below-paid", *APPROVES)
async def below_paid(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await pay(tried.acts, tried.path, 10), 201)
    case.refused(await tried.change(amount(9)))
    case.cured(await tried.change(amount(case.told["paid_cents"])))


@walk("before-last-payment", *APPROVES)
async def before_last_payment(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await pay(tried.acts, tried.path, 10, paid_on="2024-01-15"), 201)
    path = await tried.life.asked(OBJECT)
    case.refused(await tried.judge(path, decided_on="2024-01-14"))
    case.cured(await tried.judge(path, decided_on=case.told["last_paid_on"]))


@walk("award-above-base", *APPROVES)
async def changed_above_base(case: Case) -> None:
    tried = await Tried.of(case, base_cents=2_000)
    case.refused(await tried.change(amount(2_001)))
    case.cured(await tried.change(amount(case.told["base_cents"])))


@walk("envelope-exhausted", *APPROVES)
async def changed_above_the_envelope(case: Case) -> None:
    acts = await acts_of(case, 1_500)
    tried = Tried(case, acts, await awarded(acts, case, 1_000, **SCHEME))
    case.refused(await tried.change(amount(1_501)))
    case.cured(await tried.change(amount(1_500)))


@walk("not-held-by-parameters", *ASKS)
async def not_held_by_parameters(case: Case) -> None:
    tried = await Tried.of(case, scheme=None, base_cents=None)
    case.refused(await tried.life.ask({"kind": "parameters", "parameters": {"start_months": 30}}))
    case.cured(await tried.life.ask(OBJECT))


@walk("parameter-unknown", *ASKS)
async def parameter_unknown(case: Case) -> None:
    tried = await Tried.of(case)
    case.refused(await tried.life.ask({"kind": "parameters", "parameters": {"begin_months": 30}}))
    known = ok(await case.world.auditor.get(f"/v1/schemes/{case.told['scheme']}/parameters"))["items"]
    [name] = {each["name"] for each in known} & {"start_months"}
    case.cured(await tried.life.ask({"kind": "parameters", "parameters": {name: 30}}))


@walk("below-start-extension", *ASKS, *APPROVES)
async def below_start_extension(case: Case) -> None:
    """Of a request that was there before the extension, too."""
    tried = await Tried.of(case)
    less = {"kind": "parameters", "parameters": {"start_months": 3, "start_extension_months": 5}}
    waiting = await tried.life.asked(less, of=tried.path)
    for verb in ("notify", "extend"):
        ok(await tried.act(verb))
    refused = await (tried.life.ask(less, of=tried.path) if case.act in ASKS else tried.life.decide(waiting))
    told = case.refused(refused)
    ok(await tried.life.decide(waiting, "refuse"))
    kept = {name: told[name] for name in ("start_months", "start_extension_months")}
    for name, months in kept.items():
        less_of_one = {"kind": "parameters", "parameters": {**kept, name: months - 1}}
        problem(await tried.life.ask(less_of_one, of=tried.path), 409, "below-start-extension")
    enough = {"kind": "parameters", "parameters": kept}
    if case.act in ASKS:
        case.cured(await tried.life.ask(enough, of=tried.path))
    else:
        case.cured(await tried.life.decide(await tried.life.asked(enough, of=tried.path)))


@walk("planned-end-before-start", *APPROVES)
async def planned_end_before_start(case: Case) -> None:
    tried = await Tried.of(case)
    ok(await tried.act("notify"))
    case.refused(await tried.change({"kind": "dates", "planned_end_on": "2023-11-30"}))
    days = {"planned_start_on": "2023-11-01", "planned_end_on": "2023-11-30"}
    case.cured(await tried.change({"kind": "dates", **days}))


# --- another holder --------------------------------------------------------------------------------------------------


@dataclass
class Passing:
    """A request that the aid of a tried award pass to another firm, which has all that it needs."""

    tried: Tried
    taker: Acts
    path: str

    @classmethod
    async def of(cls, case: Case, tried: Tried | None = None, *, paid: bool = True) -> "Passing":
        tried = tried or await Tried.of(case)
        taker = Acts(case.world, await case.world.followed_firm())
        if paid:
            await taker.payee(2)
        return cls(tried, taker, await tried.life.asked(cls.change(taker.firm)))

    @staticmethod
    def change(siren: str) -> dict[str, Any]:
        return {"kind": "holder", "siren": siren, "proof_sha256": HASH}

    async def judge(self) -> httpx2.Response:
        return await self.tried.judge(self.path)


@walk("reference-not-found", *ASKS)
async def another_firm_not_found(case: Case) -> None:
    tried = await Tried.of(case)
    case.refused(await tried.life.ask(Passing.change("552100554")))
    case.cured(await tried.life.ask(Passing.change(await case.world.add_firm())))


@walk("bank-details-unapproved", *APPROVES)
async def bank_details_unapproved(case: Case) -> None:
    passing = await Passing.of(case, paid=False)
    case.refused(await passing.judge())
    await passing.taker.payee(2)
    case.cured(await passing.judge())


@walk("firm-ceased", *APPROVES)
async def new_holder_ceased(case: Case) -> None:
    passing = await Passing.of(case)
    await passing.taker.cease()
    case.refused(await passing.judge())
    ok(await case.world.operator.patch(f"/v1/firms/{passing.taker.firm}", {"ceased": False}))
    case.cured(await passing.judge())


@walk("proceedings-open", *APPROVES)
async def new_holder_in_proceedings(case: Case) -> None:
    passing = await Passing.of(case)
    opened = await passing.taker.proceedings()
    case.refused(await passing.judge())
    path = f"/v1/firms/{passing.taker.firm}/proceedings/{opened['id']}"
    ok(await case.world.operator.patch(path, {"closed_on": "2023-06-01"}, headers={"If-Match": "*"}))
    case.cured(await passing.judge())


@walk("project-of-another-firm", *APPROVES)
async def new_holder_holds_no_project(case: Case) -> None:
    acts = await acts_of(case)
    project = (await filed(case.world, acts.firm))["id"]
    passing = await Passing.of(case, Tried(case, acts, await awarded(acts, case, 1_000, **SCHEME, project_id=project)))
    case.refused(await passing.judge())
    holders = [{"kind": "firm", "siren": siren} for siren in (acts.firm, passing.taker.firm)]
    headers = await seen(case.world.auditor, f"projects/{project}")
    ok(await case.world.clients["territory"].patch(f"projects/{project}", {"holders": holders}, headers=headers))
    case.cured(await passing.judge())


@walk("payments-in-flight", "approve_grant_change_request")
async def new_holder_beside_a_payment(case: Case) -> None:
    paying = await Paying.of(case.world, started_on=PAID_FROM)
    payment = await paying.sent(1, "advance_payment")
    passing = await Passing.of(case, Tried(case, paying.acts, f"grants/{paying.grant}"))
    case.refused(await passing.judge())
    ok(await paying.act(payment, "record", {"paid_on": "2024-01-10"}))
    case.cured(await passing.judge())


@walk("invoice-already-claimed", *APPROVES)
async def new_holder_claims_the_same(case: Case) -> None:
    passing = await Passing.of(case)
    kind = passing.tried.path.partition("/")[0]
    mine = Claims(passing.tried.acts, await passing.tried.life.says(), kind)
    theirs = await Claims.of(case.world, kind, acts=passing.taker)
    ok(await mine.submit(line := mine.line(100)), 201)
    double = await theirs.submitted({**line, "line_id": theirs.line_id})
    case.refused(await passing.judge())
    ok(await theirs.act(double, "withdraw"))
    case.cured(await passing.judge())


@walk("holder-changed", *APPROVES)
async def holder_changed(case: Case) -> None:
    passing = await Passing.of(case)
    late = await Passing.of(case, passing.tried)
    ok(await passing.judge())
    case.refused(await late.judge())
    headers = await seen(case.world.auditor, late.path)
    ok(await case.world.funder.post(f"{late.path}/refuse", {"reason": "It has passed."}, headers=headers))
    case.cured(await passing.tried.change(Passing.change(late.taker.firm)))
