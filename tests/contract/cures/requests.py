"""The cures of what several acts refuse alike: a name that is taken, an id of nothing, a header or person missing.

For each act a request that would succeed; the walks spoil one thing of it, and mend it as the cure says.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx2

from app.core import clock
from app.core.values import iban_from
from tests.applications import acts as files_of
from tests.applications import meetings as meetings_of
from tests.contract.cures import NOBODY, WALKS, Case, key, seen, subject, walk, with_dry_run, word
from tests.contract.cures import receipts as receipts_of
from tests.contract.cures.claims import claims_of, of_claims
from tests.contract.cures.days import DAY, certificate, lock, submitted, validated
from tests.contract.cures.decisions import closed_meeting
from tests.contract.cures.files import REVIEW
from tests.contract.cures.missions import ORDER
from tests.contract.cures.money import acts_of, awarded, paid
from tests.contract.cures.records import REASON
from tests.contract.cures.schemes import code, parameter, scheme
from tests.envelopes.acts import DAY as MONEY_DAY
from tests.envelopes.acts import TERMS
from tests.missions.frameworks.acts import a_framework, a_parameter, framework_body
from tests.projects.acts import project, staff
from tests.roadmap.acts import DAYS, draft
from tests.roadmap.acts import held as committee
from tests.treasury.runs import DAYS as RUN_DAYS
from tests.treasury.runs import Runs
from tests.world import Client, World, fresh_email, fresh_siren, ok


@dataclass(frozen=True)
class Ask:
    """A request that would succeed: by whom, what, and the headers that it needs."""

    role: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    keyed: bool = False
    guarded: str = ""  # the address whose version goes into If-Match
    dry: bool = False

    def but(self, **facts: Any) -> "Ask":
        return replace(self, body={**(self.body or {}), **facts})

    async def send(
        self, case: Case, client: Client | None = None, *, keyed: bool = True, guarded: bool = True
    ) -> httpx2.Response:
        headers = key() if self.keyed and keyed else {}
        if self.guarded and guarded:
            headers |= await seen(case.world.auditor, self.guarded)
        arguments: dict[str, Any] = {"headers": headers}
        if self.body is not None:
            arguments["json"] = self.body
        if self.dry:
            arguments["params"] = {"dry_run": "true"}
        client = client or case.world.clients[self.role]
        return await client.request(self.method, self.path, **arguments)


Preparation = Callable[[Case], Awaitable[Ask]]
READY: dict[str, Preparation] = {}


def ready(*acts: str) -> Callable[[Preparation], Preparation]:
    """The function makes what these acts need, and gives the request."""

    def register(function: Preparation) -> Preparation:
        READY.update(dict.fromkeys(acts, function))
        return function

    return register


# --- access, territories, firms --------------------------------------------------------------------------------------


@ready("create_organisation", "update_organisation", "create_person", "update_person", "end_person",
       "create_service_account")  # fmt: skip
async def organisations(case: Case) -> Ask:
    path = "/v1/organisations"
    made = ok(await case.world.admin.post(path, {"name": word()}), 201)["id"]
    persons = f"{path}/{made}/persons"
    if case.act in ("update_person", "end_person"):
        person = ok(await case.world.admin.post(persons, {"name": word(), "email": fresh_email()}), 201)["id"]
        if case.act == "end_person":
            return Ask("admin", "POST", f"{persons}/{person}/end")
        return Ask("admin", "PATCH", f"{persons}/{person}", {"name": word()})
    return {
        "create_organisation": Ask("admin", "POST", path, {"name": word(), "siren": fresh_siren()}),
        "update_organisation": Ask("admin", "PATCH", f"{path}/{made}", {"siren": fresh_siren()}),
        "create_person": Ask("admin", "POST", persons, {"name": word(), "email": fresh_email()}),
        "create_service_account": Ask("admin", "POST", f"{path}/{made}/service-accounts", {"name": word()}),
    }[case.act]


HERE = "127.0.0.0/8"  # where the tests call from


@ready("create_member", "create_api_key", "approve_member", "confirm_api_key")
async def access(case: Case) -> Ask:
    person = str(await case.world.add_person())
    if case.act == "approve_member":
        role = {"subject_id": person, "role": "funder", "territory": case.world.territory}
        made = ok(await case.world.admin.post("/v1/members", role), 201)
        return Ask("admin", "POST", f"/v1/members/{made['id']}/approve")
    if case.act == "confirm_api_key":
        made = await enrolled(case.world, person)
        return Ask("admin", "POST", f"/v1/api-keys/{made['id']}/confirm", {"fingerprint": made["fingerprint"]})
    if case.act == "create_member":
        return Ask("admin", "POST", "/v1/members", {"subject_id": person, "role": "auditor", "from_on": DAY})
    return Ask("admin", "POST", "/v1/api-keys", {"subject_id": person, "name": "spare"})


async def enrolled(world: World, person: str) -> dict[str, Any]:
    """A key of a person that nobody has confirmed yet."""
    code = ok(await world.admin.post("/v1/api-keys", {"subject_id": person, "name": "new"}), 201)["code"]
    made: dict[str, Any] = ok(await world.http.post("/v1/enrolments", json={"code": code}), 201)
    return made


@ready("create_wave", "create_territory", "update_territory")
async def programme(case: Case) -> Ask:
    if case.act == "create_wave":
        return Ask("programme", "POST", "/v1/waves", {"number": 993})
    if case.act == "update_territory":
        return Ask("programme", "PATCH", "", {"wave_number": 1})
    body = {"slug": word("t"), "name": "New", "wave_number": 1, "lead_siren": fresh_siren()}
    return Ask("programme", "POST", "/v1/territories", body)


@ready("create_scheme", "update_scheme_parameter")
async def schemes(case: Case) -> Ask:
    if case.act == "update_scheme_parameter":
        path = await parameter(case.world, await scheme(case.world), valid_from_on=DAY)
        return Ask("programme", "PATCH", path, {"source": "Arrêté, art. 2"}, guarded=path)
    body = {"code": code(), "name": "Scheme", "legal_basis": "Décret n° 2018-514", "valid_from_on": DAY}
    return Ask("programme", "POST", "/v1/schemes", body)


@ready("create_framework", "update_framework", "update_framework_parameter")
async def frameworks(case: Case) -> Ask:
    if case.act == "create_framework":
        return Ask("operator", "POST", "/v1/frameworks", framework_body())
    path = f"/v1/frameworks/{await a_framework(case.world)}"
    if case.act == "update_framework":
        return Ask("operator", "PATCH", path, {"name": "Another"}, guarded=path)
    path += f"/parameters/{await a_parameter(case.world, path.rsplit('/', 1)[1])}"
    return Ask("operator", "PATCH", path, {"source": "CCAG-PI, art. 29"}, guarded=path)


@ready("create_firm", "create_proceeding", "put_territory_firm", "update_territory_firm")
async def firms(case: Case) -> Ask:
    if case.act == "update_territory_firm":
        return Ask("territory", "PATCH", f"firms/{await case.world.followed_firm()}", {"external_id": word()})
    siren = await case.world.add_firm()
    proceeding = {"kind": "safeguard", "opened_on": DAY}
    return {
        "create_firm": Ask("territory", "POST", "/v1/firms", {"siren": fresh_siren(), "name": "Firm"}),
        "create_proceeding": Ask("territory", "POST", f"/v1/firms/{siren}/proceedings", proceeding),
        "put_territory_firm": Ask("territory", "PUT", f"firms/{siren}", {"stage": "identified"}),
    }[case.act]


@ready("propose_bank_details", "approve_bank_details", "refuse_bank_details", "withdraw_bank_details")
async def bank_details(case: Case) -> Ask:
    path = f"firms/{await case.world.followed_firm()}/bank-details"
    body = {"iban": iban_from(1), "holder_name": "Firm"}
    verb = case.act.split("_")[0]
    if verb == "propose":
        return Ask("territory", "POST", path, body)
    path += f"/{ok(await case.world.funder.post(path, body), 201)['id']}"
    return Ask("treasurer", "POST", f"{path}/{verb}", None if verb == "approve" else REASON, guarded=path)


@ready("propose_bank_account", "approve_bank_account", "refuse_bank_account", "withdraw_bank_account")
async def bank_accounts(case: Case) -> Ask:
    path = f"/v1/organisations/{case.world.organisations['office']}/bank-accounts"
    body = {"label": word(), "iban": iban_from(1), "from_on": DAY}
    verb = case.act.split("_")[0]
    if verb == "propose":
        return Ask("treasurer", "POST", path, body)
    path += f"/{ok(await (await subject(case.world, 'treasurer')).post(path, body), 201)['id']}"
    return Ask("treasurer", "POST", f"{path}/{verb}", None if verb == "approve" else REASON, guarded=path)


@ready("make_payment_run", "cancel_payment_run", "get_payment_run_file", "reject_payment_run_line")
async def payment_runs(case: Case) -> Ask:
    runs = await Runs.of(await case.own())
    await runs.paying.approved(1)
    if case.act == "make_payment_run":
        body = {"account_id": runs.account, "cut_off_on": RUN_DAYS["soon"], "execution_on": RUN_DAYS["soon"]}
        return Ask("treasurer", "POST", "payment-runs", body, keyed=True)
    path = f"payment-runs/{(await runs.made())['id']}"
    if case.act == "get_payment_run_file":
        return Ask("treasurer", "GET", f"{path}/file")
    if case.act == "cancel_payment_run":
        return Ask("treasurer", "POST", f"{path}/cancel", REASON, guarded=path)
    ok(await runs.treasurer.get(f"{path}/file"))
    path += f"/lines/{ok(await runs.treasurer.get(f'{path}/lines'))['items'][0]['id']}"
    body = {"rejected_on": RUN_DAYS["today"], "reason_code": "AC04"}
    return Ask("treasurer", "POST", f"{path}/reject", body, guarded=path)


@ready("record_firm_certificate")
async def firm_certificates(case: Case) -> Ask:
    path = f"firms/{await case.world.followed_firm()}/certificates"
    body = {"kind": "tax", "issued_on": DAY, "valid_until_on": DAY, "sha256": secrets.token_hex(32)}
    return Ask("territory", "POST", path, body)


@ready("create_contact", "update_contact")
async def contacts(case: Case) -> Ask:
    if case.act == "update_contact":
        return Ask("territory", "PATCH", f"contacts/{(await case.world.contact())['id']}", {"function": "CEO"})
    body = {"siren": await case.world.followed_firm(), "name": "Camille", "purpose": "engineering_mission",
            "legal_basis": "contract", "retain_until_on": (clock.today() + timedelta(days=9)).isoformat()}  # fmt: skip
    return Ask("territory", "POST", "contacts", body)


# --- auditions, meetings, projects, roadmaps -------------------------------------------------------------------------


@ready("create_audition", "update_audition", "hold_audition")
async def auditions(case: Case) -> Ask:
    firm = await case.world.followed_firm()
    body: dict[str, Any] = {"kind": "interview", "sirens": [firm], "planned_on": DAY}
    if case.act == "create_audition":
        return Ask("consultant", "POST", "auditions", body)
    path = f"auditions/{(await case.world.audition(firm))['id']}"
    if case.act == "hold_audition":
        return Ask("consultant", "POST", f"{path}/hold", {"held_on": DAY, "consultant_ids": []})
    return Ask("consultant", "PATCH", path, {"sirens": [firm]})


@ready("create_committee", "update_committee", "hold_committee", "close_committee")
async def committees(case: Case) -> Ask:
    members = [{"kind": "person", "name": "Chair", "chair": True, "attendance": "present"}]
    body = {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z", "members": members}
    if case.act == "create_committee":
        return Ask("territory", "POST", "committees", body)
    path = f"committees/{(await case.world.meeting(members=members, quorum=1))['id']}"
    if case.act == "update_committee":
        return Ask("territory", "PATCH", path, {"place": "Alès"})
    if case.act == "hold_committee":
        return Ask("territory", "POST", f"{path}/hold", {"held_at": "2023-10-03T12:00:00Z"})
    ok(await staff(case.world).post(f"{path}/hold", {"held_at": "2023-10-03T12:00:00Z"}))
    record = {"minutes": "Said.", "minutes_adopted_on": "2023-10-04"}
    ok(await staff(case.world).patch(path, record))
    return Ask("committee", "POST", f"{path}/close")


@ready("put_agenda", "create_committee_decisions", "reverse_committee_decision", "create_erratum")
async def decisions(case: Case) -> Ask:
    world = await case.own()
    if case.act == "create_erratum":
        known = await closed_meeting(world)
        votes = {"for": 1, "against": 0, "abstained": 0}
        body = {"corrects_id": known["decision"], "reason": "Misread.", "votes": votes}
        return Ask("committee", "POST", f"{await meetings_of.meeting(world, on='2024-05-20')}/errata", body, keyed=True)
    file = await meetings_of.admitted(world)
    path = await meetings_of.meeting(world)
    if case.act == "put_agenda":
        return Ask("territory", "PUT", f"{path}/agenda", {"items": [meetings_of.item(file)]})
    await meetings_of.frozen(world, path, meetings_of.item(file))
    if case.act == "create_committee_decisions":
        return Ask("committee", "POST", f"{path}/decisions", {"items": [meetings_of.decision(file)]}, keyed=True)
    (made,) = await meetings_of.decided(world, path, meetings_of.decision(file))
    return Ask("committee", "POST", f"{path}/decisions/{made['id']}/reverse", {"reason": "Misread."})


@ready("create_project", "update_project", "create_funding_statement")
async def projects(case: Case) -> Ask:
    if case.act == "create_project":
        body = {"title": "P", "kind": "other", "maturity": "idea", "holders": [{"kind": "association", "name": "A"}]}
        return Ask("territory", "POST", "projects", {**body, "detected_on": DAY, "mission_id": None})
    path = f"projects/{(await project(case.world))['id']}"
    if case.act == "update_project":
        return Ask("territory", "PATCH", path, {"mission_id": None, "title": word()})
    return Ask("territory", "POST", f"{path}/funding-statements", {"sources_searched": ["ADEME"]})


@ready("create_roadmap_version", "update_roadmap_version", "adopt_roadmap_version")
async def roadmaps(case: Case) -> Ask:
    world = await case.own()
    axes = [{"title": "Axis", "actions": [{"title": "Action"}]}]
    if case.act == "create_roadmap_version":
        return Ask("territory", "POST", "roadmap/versions", {**DAYS, "axes": axes})
    path = f"roadmap/versions/{(await draft(world))['id']}"
    if case.act == "update_roadmap_version":
        return Ask("territory", "PATCH", path, {"axes": axes})
    return Ask("committee", "POST", f"{path}/adopt", {"committee_id": await committee(world)}, keyed=True)


# --- missions and days -----------------------------------------------------------------------------------------------


@ready("create_mission", "update_mission", "create_order", "create_mission_member", "create_rate", "update_rate",
       "grant_late_entry", "create_consultant", "lock_month", "reopen_month", "close_mission", "cancel_mission",
       "reopen_mission")  # fmt: skip
async def missions(case: Case) -> Ask:
    world = case.world
    if case.act == "create_mission":
        return Ask("operator", "POST", "missions", {"name": "Mission"})
    mission = await world.mission(days=100, lead=10, partner=10)
    path = f"missions/{mission.id}"
    if case.act in ("close_mission", "cancel_mission", "reopen_mission"):
        if case.act == "reopen_mission":
            ok(await world.operator.post(f"{path}/close", REASON))
        return Ask("operator", "POST", f"{path}/{case.act.split('_')[0]}", REASON)
    if case.act == "reopen_month":
        return Ask("operator", "POST", f"month-locks/{await lock(world, mission)}/reopen", REASON)
    rate = {"organisation_id": str(world.organisations["lead"]), "profile": "senior", "day_rate_cents": 1,
            "from_on": DAY}  # fmt: skip
    if case.act == "update_rate":
        made = ok(await world.operator.post(f"{path}/rates", rate), 201)["id"]
        return Ask("operator", "PATCH", f"{path}/rates/{made}", {"day_rate_cents": 2}, guarded=f"{path}/rates/{made}")
    member = {"organisation_id": str(world.organisations["office"]), "role": "partner", "days_allotted": 1}
    assignment = {"person_id": str(await world.add_person()), "mission_id": mission.id, "from_on": DAY}
    amendment = {**ORDER, "kind": "amendment", "reference": word(), **REASON}
    bodies: dict[str, tuple[str, str, dict[str, Any]]] = {
        "update_mission": ("PATCH", path, {"name": word()}),
        "create_order": ("POST", f"{path}/orders", amendment),
        "create_mission_member": ("POST", f"{path}/members", member),
        "create_rate": ("POST", f"{path}/rates", rate),
        "grant_late_entry": ("POST", f"{path}/late-entry-leaves", {"until_on": "2199-01-01", **REASON}),
        "create_consultant": ("POST", "consultants", assignment),
        "lock_month": ("POST", "month-locks", {"mission_id": mission.id, "month": "2023-07"}),
    }
    return Ask("operator", *bodies[case.act])


@ready("create_time_entry", "create_time_entry_batch", "put_time_entry_grid", "update_time_entry",
       "validate_time_entry", "reject_time_entry", "reverse_time_entry", "validate_time_entries",
       "reject_time_entries", "reverse_time_entries")  # fmt: skip
async def entries(case: Case) -> Ask:
    world = case.world
    mission = await world.mission()
    entry = mission.entry(days=0.25)
    if case.act == "create_time_entry":
        return Ask("consultant", "POST", "time-entries", entry)
    if case.act == "create_time_entry_batch":
        return Ask("consultant", "POST", "time-entries/batch", {"items": [entry]})
    if case.act == "put_time_entry_grid":
        grid = {"consultant_id": mission.partner_consultant, "week": "2023-W27", "cells": []}
        read = f"time-entries/grid?consultant_id={grid['consultant_id']}&week=2023-W27"
        return Ask("consultant", "PUT", "time-entries/grid", grid, guarded=read)
    made = await (validated if case.act.startswith("reverse") else submitted)(world, mission)
    if case.act.endswith("_entries"):
        step = case.act.removesuffix("_time_entries")
        return Ask("lead", "POST", f"time-entries/{step}", {"ids": [made]} | ({} if step == "validate" else REASON))
    if case.act == "update_time_entry":
        return Ask("consultant", "PATCH", f"time-entries/{made}", {"consultant_id": mission.partner_consultant})
    step = case.act.removesuffix("_time_entry")
    return Ask("lead", "POST", f"time-entries/{made}/{step}", None if step == "validate" else REASON)


@ready("create_service_certificate", "cancel_service_certificate")
async def certificates(case: Case) -> Ask:
    world = case.world
    mission = await world.mission()
    await world.rates(mission)
    await validated(world, mission, worked_on=DAY)
    if case.act == "create_service_certificate":
        return Ask("operator", "POST", "service-certificates", certificate(mission, world), keyed=True)
    path = f"service-certificates/{(await world.certify(mission))['id']}"
    return Ask("operator", "POST", f"{path}/cancel", REASON, guarded=path)


@ready(*(f"{act}_time_entry_correction" for act in ("create", "agree", "accept", "refuse", "withdraw")))
async def corrections(case: Case) -> Ask:
    world = case.world
    mission = await world.mission()
    body = {"entry_id": await validated(world, mission, worked_on=DAY), "days": 0.25, **REASON}
    await world.certify(mission)
    path = "time-entry-corrections"
    step = case.act.split("_")[0]
    if step == "create":
        return Ask("consultant", "POST", path, body)
    path += f"/{ok(await world.consultant.post(path, body), 201)['id']}"
    if step == "accept":
        ok(await world.lead.post(f"{path}/agree"))
    by = {"agree": "lead", "accept": "operator", "refuse": "operator", "withdraw": "consultant"}[step]
    return Ask(by, "POST", f"{path}/{step}", REASON if step in ("refuse", "withdraw") else None)


# --- money -----------------------------------------------------------------------------------------------------------


@ready("create_contribution", "reverse_contribution")
async def contributions(case: Case) -> Ask:
    path = "envelope/contributions"
    if case.act == "create_contribution":
        body = {"organisation_id": str(case.world.organisations["office"]), "amount_cents": 1, "decided_on": MONEY_DAY}
        return Ask("programme", "POST", path, {**body, "reference": word()}, keyed=True)
    await acts_of(case, own=True)
    path += f"/{ok(await case.world.auditor.get(path))['items'][0]['id']}"
    return Ask("programme", "POST", f"{path}/reverse", REASON, guarded=path)


@ready("award_grant", "award_advance")
async def awards(case: Case) -> Ask:
    acts = await acts_of(case)
    body = acts.award(100)
    if case.act == "award_advance":
        body["terms"] = TERMS
    return Ask("funder", "POST", "grants" if case.act == "award_grant" else "advances", body, keyed=True)


@ready("propose_override", "approve_override", "refuse_override", "withdraw_override")
async def overrides(case: Case) -> Ask:
    acts = await acts_of(case)
    if case.act == "propose_override":
        body = {"code": "firm-ceased", "siren": acts.firm, "valid_until_on": "2199-12-31"} | REASON
        return Ask("funder", "POST", "overrides", body, keyed=True)
    path, verb = f"overrides/{ok(await acts.propose(), 201)['id']}", case.act.split("_")[0]
    role = "funder" if verb == "withdraw" else "programme"
    return Ask(role, "POST", f"{path}/{verb}", None if verb == "approve" else REASON, guarded=path)


@ready("release_grant", "release_advance", "reverse_grant", "reverse_advance")
async def awards_ended(case: Case) -> Ask:
    path = await awarded(await acts_of(case), case, 100)
    return Ask("funder", "POST", f"{path}/{case.act.split('_')[0]}", REASON, guarded=path)


@ready("pay_grant", "pay_tranche", "receive_repayment")
async def payments(case: Case) -> Ask:
    acts = await acts_of(case)
    award = await awarded(acts, case, 100)
    if case.act == "pay_tranche":
        return Ask("treasurer", "POST", f"{award}/tranches", {"amount_cents": 10, "paid_on": MONEY_DAY}, keyed=True)
    facts: dict[str, Any] = {"amount_cents": 10, "reference": word()}
    if case.act == "pay_grant":
        facts |= {"paid_on": MONEY_DAY, "kind": "interim_payment"}
        return Ask("treasurer", "POST", f"{award}/payments", facts, keyed=True)
    await paid(acts, award, 90)
    return Ask("treasurer", "POST", f"{award}/repayments", {**facts, "received_on": MONEY_DAY}, keyed=True)


@ready("reverse_grant_payment", "reverse_tranche", "reverse_repayment", "bounce_repayment")
async def payments_reversed(case: Case) -> Ask:
    acts = await acts_of(case)
    award = await awarded(acts, case, 100)
    path = await paid(acts, award, 90)
    if case.act.endswith("repayment"):
        path = f"{award}/repayments/{ok(await acts.repay(award.split('/')[1], 10), 201)['id']}"
    if case.act == "bounce_repayment":
        bounce = {"bounced_on": MONEY_DAY, "reason": "Insufficient funds.", "bank_reference": "R-1"}
        return Ask("treasurer", "POST", f"{path}/bounce", bounce, guarded=path)
    return Ask("treasurer", "POST", f"{path}/reverse", REASON, guarded=path)


@ready("record_receipt", "assign_receipt", "unassign_receipt", "bounce_receipt", "reverse_receipt", "propose_refund",
       "approve_refund", "cancel_refund", "reverse_refund")  # fmt: skip
async def receipts(case: Case) -> Ask:
    acts, verb = await acts_of(case), case.act.split("_")[0]
    if case.act == "record_receipt":
        return Ask("treasurer", "POST", "receipts", receipts_of.entry(acts, 10), keyed=True)
    advance = await receipts_of.lent(acts)
    path = await receipts_of.received(acts, 20, (advance, 10))
    if case.act == "propose_refund":
        return Ask("treasurer", "POST", f"{path}/refunds", {**REASON, "amount_cents": 1}, keyed=True)
    if case.act.endswith("_refund"):
        proposer = await subject(case.world, "treasurer")
        refunds = f"{path}/refunds"
        made = ok(await proposer.post(refunds, {**REASON, "amount_cents": 1}, headers=key()), 201)["id"]
        one = f"{refunds}/{made}"
        if verb == "reverse":
            ok(await case.world.treasurer.post(f"{one}/approve", receipts_of.PAID, headers={"If-Match": "*"}))
        body: dict[str, Any] = receipts_of.PAID if verb == "approve" else REASON
        return Ask("treasurer", "POST", f"{one}/{verb}", body, guarded=one)
    [repayment] = ok(await case.world.treasurer.get(f"advances/{advance}/repayments"))["items"]
    bodies = {
        "assign": receipts_of.shares(await receipts_of.lent(acts), 5), "bounce": receipts_of.BOUNCE,
        "unassign": {**REASON, "repayment_id": repayment["id"]},
    }  # fmt: skip
    return Ask("treasurer", "POST", f"{path}/{verb}", bodies.get(verb, REASON), guarded=path)


def of_payments(*verbs: str) -> tuple[str, ...]:
    """The acts on payments of grants and on tranches of advances."""
    return tuple(f"{verb}_{noun}" for verb in verbs for noun in ("grant_payment", "tranche"))


@ready(*of_payments("approve", "send", "record", "reject", "cancel", "see"))
async def payments_stepped(case: Case) -> Ask:
    acts, (verb, noun) = await acts_of(case), case.act.split("_", 1)
    one, another = await subject(case.world, "treasurer"), await subject(case.world, "treasurer")
    await acts.payee(approved_by=another)
    award = await awarded(acts, case, 100)
    facts: dict[str, Any] = {"amount_cents": 10, "reference": word()}
    below, facts = ("tranches", facts) if noun == "tranche" else ("payments", {**facts, "kind": "interim_payment"})
    if verb == "see":
        await acts.proceedings()
        facts |= {"paid_on": MONEY_DAY}
    path = f"{award}/{below}/{ok(await one.post(f'{award}/{below}', facts, headers=key()), 201)['id']}"
    if verb in ("send", "record", "reject"):
        ok(await case.world.treasurer.post(f"{path}/approve", headers=await seen(one, path)))
    if verb == "reject":
        ok(await one.post(f"{path}/send", {}, headers=await seen(one, path)))
    body = {"send": {}, "record": {"paid_on": MONEY_DAY}, "cancel": REASON,
            "reject": {**REASON, "rejected_on": str(clock.today())}}.get(verb)  # fmt: skip
    return Ask("treasurer", "POST", f"{path}/{verb}", body, guarded=path)


@ready(*of_claims("submit", "update", "sample", "settle", "reopen", "withdraw"))
async def claims(case: Case) -> Ask:
    made = await claims_of(case)
    verb = case.act.split("_")[0]
    if verb == "submit":
        return Ask("territory", "POST", made.path, {"lines": [made.line()]})
    claim = await made.submitted()
    path, line = f"{made.path}/{claim['id']}", claim["lines"][0]
    verdict = {"id": line["id"], "certified_cents": line["amount_excl_vat_cents"]}
    if verb == "update":
        return Ask("territory", "PATCH", path, {"external_id": word()}, guarded=path)
    if verb == "reopen":
        ok(await made.settle(claim))
    body: dict[str, dict[str, Any]] = {"sample": {"method": "random", "size": 1}, "settle": {"lines": [verdict]}}
    role = "territory" if verb == "withdraw" else "funder"
    return Ask(role, "POST", f"{path}/{verb}", body.get(verb, REASON), guarded=path)


@ready("create_application", "update_application", "admit_application", "declare_application_inadmissible",
       "extend_application", "put_application_review")  # fmt: skip
async def files(case: Case) -> Ask:
    await case.own()
    made = await files_of.oriented(case.world)
    if case.act == "create_application":
        return Ask("territory", "POST", "applications", files_of.body_of(made))
    if case.act == "update_application":
        path = f"applications/{(await files_of.draft(case.world, made))['id']}"
        return Ask("territory", "PATCH", path, {"requested_grant_cents": 1})
    file = await files_of.submitted(case.world, made)
    if case.act == "put_application_review":
        await files_of.done(case.world, file, "admit", files_of.RECEIVED)
        return Ask("funder", "PUT", f"applications/{file['id']}/review", REVIEW)
    verb = case.act.replace("_application", "").replace("_", "-")
    _, body = files_of.BODIES[verb]
    return Ask("funder", "POST", f"applications/{file['id']}/{verb}", {**body, "on": files_of.RECEIVED})


# --- what is spoilt, and mended --------------------------------------------------------------------------------------

# A refusal of these changes nothing, so that the walks of an act share what is ready for it. The last of them does the
# act; those before show by a dry run that it would be accepted.
UNCHANGING = ("email-missing", "idempotency-key-missing", "if-match-missing", "person-required", "reference-not-found")
_READY: dict[str, tuple[World, Ask]] = {}


def together(pair: tuple[str, str]) -> tuple[str, ...]:
    """The order of the walks: those that share what is ready follow each other."""
    code, act = pair
    return ("", act, code) if code in UNCHANGING else (code, act)


async def shared(case: Case) -> tuple[Ask, Ask]:
    """What is ready for the act, to be refused and to be accepted: the same, or a dry run of it."""
    lasts = READY[case.act] not in (decisions, files)  # a silence that another walk finds would act on these files
    sharing = [code for code in UNCHANGING if lasts and (code, case.act) in WALKS and case.act in with_dry_run()]
    if case.act not in _READY:
        ask = await READY[case.act](case)
        _READY[case.act] = case.world, ask
    case.world, ask = _READY[case.act]
    if sharing and case.code != sharing[-1]:
        return ask, replace(ask, dry=True)
    del _READY[case.act]
    return ask, ask


@walk("if-match-missing", "reverse_repayment", "reverse_tranche", "release_advance", "reverse_advance",
      "reverse_contribution", "reverse_grant_payment", "release_grant", "reverse_grant", "update_rate",
      "cancel_service_certificate", "sign_activity_report", "countersign_activity_report", "bounce_repayment",
      "record_invoice_act", "cancel_invoice", "reverse_invoice_act",
      "put_time_entry_grid", "approve_override", "refuse_override",
      "withdraw_override", "update_scheme_parameter", "update_framework",
      "update_framework_parameter", "approve_bank_details", "refuse_bank_details",
      "withdraw_bank_details", *of_payments("approve", "send", "record", "reject", "cancel", "see"),
      "approve_bank_account",
      "refuse_bank_account", "withdraw_bank_account", "cancel_payment_run", "reject_payment_run_line",
      *of_claims("update", "sample", "settle", "reopen", "withdraw"),
      "notify_recovery", "order_recovery", "waive_recovery", "withdraw_recovery",
      "reverse_recovery_receipt", "set_off_grant_payment", "close_grant", "close_advance", "judge_grant_commitment",
      "judge_advance_commitment", "sign_letter", "notify_letter", "withdraw_letter", "assign_receipt",
      "unassign_receipt", "bounce_receipt", "reverse_receipt", "approve_refund", "cancel_refund",
      "reverse_refund")  # fmt: skip
async def if_match_missing(case: Case) -> None:
    ask, mended = await shared(case)
    case.refused(await ask.send(case, guarded=False))
    case.cured(await mended.send(case))


@walk("idempotency-key-missing", "award_advance", "receive_repayment", "pay_tranche", "create_contribution",
      "create_committee_decisions", "create_erratum",
      "award_grant", "pay_grant", "adopt_roadmap_version", "create_service_certificate", "create_invoice",
      "propose_override", "make_payment_run",
      "open_recovery", "receive_recovery", "record_receipt", "propose_refund")  # fmt: skip
async def idempotency_key_missing(case: Case) -> None:
    ask, mended = await shared(case)
    case.refused(await ask.send(case, keyed=False))
    case.cured(await mended.send(case))


@walk("person-required", "create_contribution", "reverse_contribution", "award_advance", "release_advance",
      "reverse_advance", "close_committee", "award_grant",
      "release_grant", "reverse_grant", "grant_late_entry", "create_order", "lock_month", "reopen_month",
      "create_funding_statement", "adopt_roadmap_version", "create_service_certificate", "cancel_service_certificate",
      "reject_time_entry", "reverse_time_entry", "validate_time_entry", "create_time_entry_correction",
      "agree_time_entry_correction", "accept_time_entry_correction", "refuse_time_entry_correction",
      "withdraw_time_entry_correction", "sign_activity_report", "countersign_activity_report",
      "close_mission", "cancel_mission", "reopen_mission",
      "propose_override", "approve_override", "refuse_override", "withdraw_override",
      "approve_bank_details", "refuse_bank_details", "withdraw_bank_details",
      "approve_bank_account", "refuse_bank_account", "withdraw_bank_account", "admit_application",
      "declare_application_inadmissible", "extend_application", "put_application_review",
      "create_committee_decisions", "reverse_committee_decision", "create_erratum",
      *of_payments("approve", "see"), *of_claims("sample", "settle", "reopen"),
      "open_recovery", "notify_recovery", "order_recovery", "waive_recovery", "withdraw_recovery",
      "close_grant", "close_advance", "judge_grant_commitment", "judge_advance_commitment",
      "admit_deliverable", "defer_deliverable", "admit_deliverable_with_reduction", "reject_deliverable",
      "approve_refund")  # fmt: skip
async def person_required(case: Case) -> None:
    ask, mended = await shared(case)
    program = await subject(case.world, ask.role, kind="service_account")
    case.refused(await ask.send(case, program))
    case.cured(await mended.send(case))


@walk("email-missing", "create_contribution", "reverse_contribution", "award_advance", "release_advance",
      "reverse_advance", "close_committee", "award_grant", "release_grant", "reverse_grant", "grant_late_entry",
      "create_order", "lock_month", "reopen_month", "create_funding_statement", "adopt_roadmap_version",
      "create_service_certificate", "cancel_service_certificate", "reject_time_entry", "reverse_time_entry",
      "validate_time_entry", "reject_time_entries", "reverse_time_entries", "validate_time_entries", "pay_grant",
      "reverse_grant_payment", "pay_tranche", "reverse_tranche", "receive_repayment", "bounce_repayment",
      "reverse_repayment", "create_time_entry_correction", "agree_time_entry_correction",
      "accept_time_entry_correction", "refuse_time_entry_correction", "withdraw_time_entry_correction",
      "create_activity_report", "countersign_activity_report", "create_invoice",
      "close_mission", "cancel_mission", "reopen_mission", "propose_override", "approve_override", "refuse_override",
      "withdraw_override", "propose_bank_details", "approve_bank_details", "refuse_bank_details",
      "withdraw_bank_details", "propose_bank_account", "approve_bank_account", "refuse_bank_account",
      "withdraw_bank_account", "make_payment_run", "cancel_payment_run", "get_payment_run_file",
      "reject_payment_run_line", "admit_application",
      "declare_application_inadmissible", "extend_application", "put_application_review",
      "create_committee_decisions", "reverse_committee_decision", "create_erratum",
      *of_payments("approve", "send", "record", "reject", "cancel", "see"),
      *of_claims("submit", "update", "sample", "settle", "reopen", "withdraw"),
      "open_recovery", "receive_recovery", "report_grant_commitment", "report_advance_commitment",
      "notify_recovery", "order_recovery", "waive_recovery", "withdraw_recovery",
      "reverse_recovery_receipt", "set_off_grant_payment", "close_grant", "close_advance", "judge_grant_commitment",
      "judge_advance_commitment", "draw_up_letter", "sign_letter", "notify_letter", "withdraw_letter",
      "record_receipt", "assign_receipt", "unassign_receipt", "bounce_receipt", "reverse_receipt", "propose_refund",
      "deliver_deliverable", "admit_deliverable", "defer_deliverable", "admit_deliverable_with_reduction",
      "reject_deliverable", "approve_refund", "cancel_refund", "reverse_refund",
      "approve_member", "confirm_api_key")  # fmt: skip
async def email_missing(case: Case) -> None:
    ask, mended = await shared(case)
    somebody = await subject(case.world, ask.role)
    me = ok(await somebody.get("/v1/me"))
    address = f"/v1/organisations/{me['organisation_id']}/persons/{me['subject_id']}"
    ok(await case.world.admin.patch(address, {"email": None}))
    case.refused(await ask.send(case, somebody), "Ask an administrator")
    ok(await somebody.get(""))  # who reads goes on reading
    ok(await case.world.admin.patch(address, {"email": fresh_email()}))
    case.cured(await mended.send(case, somebody))


SEAT_OF_NOBODY = [{"kind": "person", "name": "Nobody", "chair": True, "subject_id": NOBODY}]
AXES_OF_NOBODY = [{"title": "Axis", "actions": [{"title": "Action", "project_ids": [NOBODY]}]}]
# A field that names what does not exist, by act.
NOWHERE: dict[str, dict[str, Any]] = {
    "make_payment_run": {"account_id": NOBODY},
    "create_api_key": {"subject_id": NOBODY},
    "create_member": {"subject_id": NOBODY},
    "update_person": {"organisation_id": NOBODY},
    "create_territory": {"wave_number": 994},
    "update_territory": {"wave_number": 994},
    "award_advance": {"siren": ""},
    "award_grant": {"siren": ""},
    "pay_grant": {"override_id": NOBODY},
    "pay_tranche": {"override_id": NOBODY},
    "declare_debt": {"proceeding_id": NOBODY},
    "propose_override": {"siren": ""},
    "create_contact": {"siren": ""},
    "create_audition": {"sirens": [""]},
    "update_audition": {"sirens": [""]},
    "hold_audition": {"consultant_ids": [NOBODY]},
    "create_consultant": {"person_id": NOBODY},
    "create_contribution": {"organisation_id": NOBODY},
    "create_mission_member": {"organisation_id": NOBODY},
    "create_rate": {"organisation_id": NOBODY},
    "lock_month": {"mission_id": NOBODY},
    "create_project": {"mission_id": NOBODY},
    "update_project": {"mission_id": NOBODY},
    "create_roadmap_version": {"axes": AXES_OF_NOBODY},
    "update_roadmap_version": {"axes": AXES_OF_NOBODY},
    "adopt_roadmap_version": {"committee_id": NOBODY},
    "create_service_certificate": {"organisation_id": NOBODY},
    "create_time_entry": {"consultant_id": NOBODY},
    "put_time_entry_grid": {"consultant_id": NOBODY},
    "update_time_entry": {"consultant_id": NOBODY},
    "create_time_entry_correction": {"entry_id": NOBODY},
    "create_application": {"refiles_id": NOBODY},
    "update_application": {"refiles_id": NOBODY},
    "create_committee": {"members": SEAT_OF_NOBODY},
    "update_committee": {"members": SEAT_OF_NOBODY},
    "hold_committee": {"members": SEAT_OF_NOBODY},
    "put_agenda": {"items": [{"application_id": NOBODY, "proposal": "defer"}]},
    "create_erratum": {"corrects_id": NOBODY},
}


@walk("reference-not-found", *NOWHERE, "create_time_entry_batch", "put_territory_firm")
async def reference_not_found(case: Case) -> None:
    ask, mended = await shared(case)
    if case.act == "put_territory_firm":  # the id is in the address
        spoilt, named = replace(ask, path=f"firms/{fresh_siren()}"), "siren"
    elif case.act == "create_time_entry_batch":
        assert ask.body is not None
        spoilt, named = ask.but(items=[{**ask.body["items"][0], "consultant_id": NOBODY}]), "items/0/consultant_id"
    else:
        [(named, value)] = NOWHERE[case.act].items()
        value = {"siren": fresh_siren(), "sirens": [fresh_siren()]}.get(named, value)
        spoilt = ask.but(**{named: value})
    told = case.refused(await spoilt.send(case))
    assert all(error["pointer"].startswith(f"/{named}") for error in told["errors"])
    case.cured(await mended.send(case))


# A value that only one object may have, by act.
TAKEN: dict[str, tuple[str, Callable[[], Any]]] = {
    "create_firm": ("siren", fresh_siren),
    "create_proceeding": ("opened_on", iter(["2023-07-04", "2023-07-05"]).__next__),
    "create_member": ("from_on", iter(["2023-07-04", "2023-07-05"]).__next__),
    "create_organisation": ("siren", fresh_siren),
    "update_organisation": ("siren", fresh_siren),
    "create_person": ("email", lambda: f"{word()}@example.fr"),
    "update_person": ("email", lambda: f"{word()}@example.fr"),
    "create_service_account": ("name", word),
    "create_territory": ("slug", lambda: word("t")),
    "create_scheme": ("code", code),
    "create_framework": ("reference", word),
    "update_framework": ("reference", word),
    "create_wave": ("number", iter([991, 992]).__next__),
    "award_advance": ("decision_reference", word),
    "award_grant": ("decision_reference", word),
    "receive_repayment": ("reference", word),
    "order_recovery": ("order_number", word),
    "receive_recovery": ("bank_reference", word),
    "pay_grant": ("reference", word),
    "pay_tranche": ("reference", word),
    "create_contribution": ("reference", word),
    "create_order": ("reference", word),
    "create_audition": ("external_id", word),
    "update_audition": ("external_id", word),
    "create_committee": ("external_id", word),
    "update_committee": ("external_id", word),
    "create_contact": ("external_id", word),
    "record_firm_certificate": ("sha256", lambda: secrets.token_hex(32)),
    "update_contact": ("external_id", word),
    "update_territory_firm": ("external_id", word),
    "create_mission": ("external_id", word),
    "update_mission": ("external_id", word),
    "create_project": ("external_id", word),
    "update_project": ("external_id", word),
    "create_time_entry": ("external_id", word),
    "create_time_entry_batch": ("external_id", word),
    "update_time_entry": ("external_id", word),
}


@walk("already-exists", *TAKEN)
async def already_exists(case: Case) -> None:
    named, value = TAKEN[case.act]
    one, other = value(), value()

    def bearing(ask: Ask, value: Any) -> Ask:
        if case.act == "create_time_entry_batch":
            assert ask.body is not None
            return ask.but(items=[{**ask.body["items"][0], named: value}])
        return ask.but(**{named: value})

    ask = await READY[case.act](case)
    ok(await bearing(ask, one).send(case))
    anew = case.act.startswith("update") or case.act in ("create_territory", "order_recovery")  # done once to each
    ask = await READY[case.act](case) if anew else ask
    told = case.refused(await bearing(ask, one).send(case))
    assert any(error["pointer"].endswith(f"/{named}") for error in told["errors"])
    case.cured(await bearing(ask, other).send(case))


@walk("already-exists", "reopen_mission")
async def name_of_a_cancelled_mission(case: Case) -> None:
    """The external id of a cancelled mission is another's by now: either takes another one."""
    operator, body = case.world.operator, {"name": "Mission", "external_id": word()}
    for which in (0, 1):
        made = [ok(await operator.post("missions", body), 201)["id"]]
        ok(await operator.post(f"missions/{made[0]}/cancel", REASON))
        made.append(ok(await operator.post("missions", body), 201)["id"])
        path = f"missions/{made[0]}/reopen"
        case.refused(await operator.post(path, REASON))
        ok(await operator.patch(f"missions/{made[which]}", {"external_id": word()}))
        case.cured(await operator.post(path, REASON))
        body["external_id"] = word()


@walk("already-exists", "create_mission_member")
async def member_twice(case: Case) -> None:
    """Read and change the object that has the value: an organisation is a member once."""
    ask = await READY[case.act](case)
    made = ok(await ask.send(case), 201)["id"]
    case.refused(await ask.send(case))
    allotment = {"days_allotted": 2, "decided_on": DAY, **REASON}
    case.cured(await case.world.operator.patch(f"{ask.path}/{made}", allotment))


# --- what every write documents, once each ---------------------------------------------------------------------------

# Codes that all writes or all lists document: each is walked once, by an act that stands for the others.
GENERIC: dict[str, str] = {}


def once(code: str, act: str) -> Callable[[Any], Any]:
    GENERIC[code] = act
    return walk(code, act)


@once("not-found", "get_firm")
async def not_found(case: Case) -> None:
    case.refused(await case.world.auditor.get(f"/v1/firms/{fresh_siren()}"))
    known = ok(await case.world.auditor.get("/"))
    assert "firms" in str(known)
    case.cured(await case.world.auditor.get(f"/v1/firms/{await case.world.add_firm()}"))


@once("not-acceptable", "get_me")
async def not_acceptable(case: Case) -> None:
    for asked in ({"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}):
        case.refused(await case.world.auditor.get("/v1/me", **asked))
    case.cured(await case.world.auditor.get("/v1/me", headers={"Accept": "application/json"}))
    case.cured(await case.world.auditor.get("/v1/me"))


@once("credentials-missing", "get_me")
async def credentials_missing(case: Case) -> None:
    case.refused(await case.world.http.get("/v1/me"))
    headers = {"Authorization": f"Bearer {case.world.auditor.key}"}
    case.cured(await case.world.http.get("/v1/me", headers=headers))


@once("credentials-invalid", "get_me")
async def credentials_invalid(case: Case) -> None:
    bare = case.world.auditor.key
    case.refused(await case.world.http.get("/v1/me", headers={"Authorization": bare}), "«Bearer »")
    case.cured(await case.world.http.get("/v1/me", headers={"Authorization": f"Bearer {bare}"}))
    lost = Client(case.world.http, f"rbd_{'x' * 43}", "")
    case.refused(await lost.get("/v1/me"), "Ask an administrator")
    new = (await case.world.issue(case.world.subjects["auditor"]))["key"]
    case.cured(await Client(case.world.http, new, "").get("/v1/me"))
    for place, told in (("192.0.2.0/24", case.refused), (HERE, case.cured)):
        bound = (await case.world.issue(case.world.subjects["auditor"], addresses=[place]))["key"]
        told(await Client(case.world.http, bound, "").get("/v1/me"))
    fresh = await enrolled(case.world, str(case.world.subjects["funder"]))
    case.refused(await Client(case.world.http, fresh["key"], "").get("/v1/me"), "fingerprint")
    confirm = f"/v1/api-keys/{fresh['id']}/confirm"
    ok(await case.world.second_admin.post(confirm, {"fingerprint": fresh["fingerprint"]}))
    case.cured(await Client(case.world.http, fresh["key"], "").get("/v1/me"))


ORGANISATIONS = "/v1/organisations"


@once("validation-failed", "create_organisation")
async def validation_failed(case: Case) -> None:
    told = case.refused(await case.world.admin.post(ORGANISATIONS, {}))
    corrected = {error["pointer"].removeprefix("/"): word() for error in told["errors"]}
    case.cured(await case.world.admin.post(ORGANISATIONS, corrected))


@once("malformed-json", "create_organisation")
@once("unsupported-media-type", "create_organisation")
async def unreadable(case: Case) -> None:
    content, media = b'{"name": "Unread"}', "application/json"
    wrong = (content[:-1], media) if case.code == "malformed-json" else (content, "text/plain")
    for (sent, kind), told in ((wrong, case.refused), ((content, media), case.cured)):
        told(await case.world.admin.request("POST", ORGANISATIONS, content=sent, headers={"Content-Type": kind}))


@once("idempotency-key-invalid", "create_organisation")
@once("idempotency-key-reused", "create_organisation")
async def idempotency_key(case: Case) -> None:
    used = key()
    ok(await case.world.admin.post(ORGANISATIONS, {"name": word()}, headers=used), 201)
    wrong = used if case.code.endswith("reused") else {"Idempotency-Key": "x" * 256}
    body = {"name": word()}
    case.refused(await case.world.admin.post(ORGANISATIONS, body, headers=wrong))
    case.cured(await case.world.admin.post(ORGANISATIONS, body, headers=key()))


@once("forbidden", "create_organisation")
async def forbidden(case: Case) -> None:
    body = {"name": word()}
    wanted = case.refused(await case.world.auditor.post(ORGANISATIONS, body))["permission"]
    for client, may in ((case.world.auditor, False), (case.world.admin, True)):
        assert (wanted in ok(await client.get("/v1/me"))["permissions"]) is may
    case.cured(await case.world.admin.post(ORGANISATIONS, body))


@once("insufficient-scope", "create_organisation")
async def insufficient_scope(case: Case) -> None:
    async with case.world.pool.acquire() as connection:
        reader = await case.world.add_subject(connection, word(), "office", "admin", scope="read_only")
    body = {"name": word()}
    case.refused(await reader.post(ORGANISATIONS, body))
    own = ok(await reader.get("/v1/me"))["subject_id"]
    narrow = await case.world.issue(own, permissions=["organisations:read"])
    case.refused(await Client(case.world.http, narrow["key"], "").post(ORGANISATIONS, body))
    full = await case.world.issue(own, scope="full", permissions=["organisations:write"])
    case.cured(await Client(case.world.http, full["key"], "").post(ORGANISATIONS, body))


@once("stale-version", "update_organisation")
async def stale_version(case: Case) -> None:
    ask = await READY[case.act](case)
    old = await seen(case.world.admin, ask.path)
    ok(await ask.send(case))
    change = {"name": word()}
    case.refused(await case.world.admin.patch(ask.path, change, headers=old))
    now = await seen(case.world.admin, ask.path)
    case.cured(await case.world.admin.patch(ask.path, change, headers=now))


@once("object-exists", "put_firm")
async def object_exists(case: Case) -> None:
    """Who does not follow the firm is told no ETag; who sees the register in all territories is."""
    path = f"/v1/firms/{await case.world.add_firm()}"
    for client, told in ((staff(case.world), {"If-Match": "*"}), (case.world.operator, None)):
        case.refused(await client.put(path, {"name": word()}, headers={"If-None-Match": "*"}))
        case.cured(await client.put(path, {"name": word()}, headers=told or await seen(client, path)))


@once("nothing-to-compare", "create_organisation")
async def nothing_to_compare(case: Case) -> None:
    body = {"name": word()}
    for condition in ({"If-Match": '"1"'}, {"If-None-Match": "*"}):
        case.refused(await case.world.admin.post(ORGANISATIONS, body, headers=condition))
    case.cured(await case.world.admin.post(ORGANISATIONS, body))


@once("total-too-large", "create_order")
async def total_too_large(case: Case) -> None:
    ask = await READY[case.act](case)
    case.refused(await ask.but(days=99999.75).send(case))
    case.cured(await ask.but(days=10).send(case))


@once("invalid-cursor", "list_organisations")
async def invalid_cursor(case: Case) -> None:
    case.refused(await case.world.admin.get(ORGANISATIONS, params={"cursor": "x"}))
    case.cured(await case.world.admin.get(ORGANISATIONS))


@once("malformed-request", "create_organisation")
async def malformed_request(case: Case) -> None:
    body = {"name": word()}
    case.refused(await case.world.admin.post(f"{ORGANISATIONS}?dry_run=%ff", body))
    case.cured(await case.world.admin.post(f"{ORGANISATIONS}?dry_run=true", body))
