"""The table of duties: each pair tried with a person of both roles, with another person, and with a program."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest

from app.access import duties
from app.access.duties import PAIRS, Pair
from app.access.rules import EmailMissing, PersonRequired, SubjectKind
from app.core import clock
from app.core.values import iban_from
from tests.applications import meetings
from tests.applications.acts import done, submitted
from tests.awards.claims.acts import Claims
from tests.awards.closing import Aid
from tests.awards.life import Life
from tests.awards.recovering import BACK, ORDER, Recovering
from tests.committees.test_meetings import HELD, RECORD
from tests.contract.cures import documented, key, seen, subject
from tests.contract.cures.days import certificate
from tests.engineering.deliverables import acts as deliverables
from tests.envelopes.acts import DAY, TERMS, Acts
from tests.roadmap.acts import AXES, DAYS, adopt
from tests.roadmap.acts import held as committee
from tests.world import Client, World, fresh_email, ok, problem

Second = Callable[[Client], Awaitable[httpx2.Response]]
First = Callable[[Client], Awaitable[Second]]


@dataclass(frozen=True)
class Trial:
    """A pair of acts: the role of each, and what prepares a world for the first, which then gives the second."""

    pair: Pair
    first: str
    second: str
    prepare: Callable[[World], Awaitable[First]]


TRIALS: dict[str, Trial] = {}

Prepares = Callable[..., Awaitable[First]]


def trial(pair: Pair, first: str, second: str, *names: str) -> Callable[[Prepares], Prepares]:
    """The function prepares the acts of these names, each of them a trial of the pair."""

    def register(function: Prepares) -> Prepares:
        for name in names:

            async def prepare(world: World, name: str = name) -> First:
                return await function(world, name)

            TRIALS[f"{pair.first}: {name}"] = Trial(pair, first, second, prepare)
        return function

    return register


@trial(duties.ENTERS_VALIDATES, "lead", "lead", "validate", "reject")
async def judging(world: World, act: str) -> First:
    mission = await world.mission()

    async def enter(client: Client) -> Second:
        entry = ok(await client.post("time-entries", mission.entry(by="lead")), 201)["id"]
        body = {"reason": "No."} if act == "reject" else None
        return lambda other: other.post(f"time-entries/{entry}/{act}", body)

    return enter


@trial(duties.VALIDATES_CERTIFIES, "lead", "operator", "entered", "validated")
async def certifying(world: World, act: str) -> First:
    mission = await world.mission()
    await world.rates(mission)

    async def validate(client: Client) -> Second:
        enters, judges = (client, world.lead_judge) if act == "entered" else (world.lead, client)
        entry = ok(await enters.post("time-entries", mission.entry(by="lead")), 201)["id"]
        ok(await judges.post(f"time-entries/{entry}/validate"))
        body = {**certificate(mission, world), "organisation_id": str(world.organisations["lead"])}
        return lambda other: other.post("service-certificates", body, headers=key())

    return validate


@trial(duties.DECIDES_PAYS, "funder", "treasurer", "grant", "advance", "grant payment taken back", "tranche taken back")
async def paying(world: World, act: str) -> First:
    acts = await Acts.of(world, 1000)
    kind, payments = ("grants", "payments") if "grant" in act else ("advances", "tranches")

    async def award(client: Client) -> Second:
        body = acts.award(100, **({} if kind == "grants" else {"terms": TERMS}))
        path = f"{kind}/{ok(await client.post(kind, body, headers=key()), 201)['id']}/{payments}"
        facts: dict[str, Any] = {"amount_cents": 10, "paid_on": DAY}
        if kind == "grants":
            facts |= {"kind": "interim_payment", "reference": secrets.token_hex(4)}
        if "taken back" not in act:
            return lambda other: other.post(path, facts, headers=key())
        path += f"/{ok(await world.treasurer.post(path, facts, headers=key()), 201)['id']}"
        return lambda other: other.post(f"{path}/reverse", {"reason": "Mistaken."}, headers={"If-Match": "*"})

    return award


ACTS_ON_PAYMENTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {  # what was done before, and the body of the act
    "send": (("approve",), {}),
    "record": (("approve",), {"paid_on": DAY}),
    "reject": (("approve", "send"), {"reason": "AC04"}),
    "cancel": (("approve",), {"reason": "Later."}),
}


@trial(duties.DECIDES_PAYS, "funder", "treasurer", "propose", *ACTS_ON_PAYMENTS)
async def handling_a_payment(world: World, act: str) -> First:
    acts, second = await Acts.of(world, 1000), await subject(world, "treasurer")
    await acts.payee()

    async def award(client: Client) -> Second:
        path = f"grants/{ok(await client.post('grants', acts.award(100), headers=key()), 201)['id']}/payments"
        body = {"amount_cents": 10, "kind": "interim_payment", "reference": secrets.token_hex(4)}
        if act == "propose":
            return lambda other: other.post(path, body, headers=key())
        path += f"/{ok(await world.treasurer.post(path, body, headers=key()), 201)['id']}"
        before, said = ACTS_ON_PAYMENTS[act]
        for verb in before:
            sending: dict[str, Any] | None = {} if verb == "send" else None
            ok(await second.post(f"{path}/{verb}", sending, headers={"If-Match": "*"}))
        if act == "reject":
            said = {**said, "rejected_on": str(clock.today())}
        return lambda other: other.post(f"{path}/{act}", said, headers={"If-Match": "*"})

    return award


@trial(duties.PROPOSES_PAYMENT_APPROVES, "treasurer", "treasurer", "a payment")
async def approving_a_payment(world: World, _act: str) -> First:
    acts = await Acts.of(world, 1000)
    await acts.payee(proposed_by=world.funder)

    async def propose(client: Client) -> Second:
        path = f"grants/{ok(await acts.grant(100), 201)['id']}/payments"
        body = {"amount_cents": 10, "kind": "interim_payment", "reference": secrets.token_hex(4)}
        path += f"/{ok(await client.post(path, body, headers=key()), 201)['id']}"
        return lambda other: other.post(f"{path}/approve", headers={"If-Match": "*"})

    return propose


@trial(duties.MAKES_ACCOUNT_APPROVES_PAYMENT, "treasurer", "treasurer", "proposed", "approved")
async def paying_to_an_account(world: World, act: str) -> First:
    acts, other_treasurer = await Acts.of(world, 1000), await subject(world, "treasurer")

    async def make(client: Client) -> Second:
        proposed_by, approved_by = (client, None) if act == "proposed" else (None, client)
        await acts.payee(proposed_by=proposed_by, approved_by=approved_by)
        path = f"grants/{ok(await acts.grant(100), 201)['id']}/payments"
        body = {"amount_cents": 10, "kind": "interim_payment", "reference": secrets.token_hex(4)}
        path += f"/{ok(await other_treasurer.post(path, body, headers=key()), 201)['id']}"
        return lambda other: other.post(f"{path}/approve", headers={"If-Match": "*"})

    return make


@trial(duties.RECORDS_SEES, "treasurer", "treasurer", "a payment that exceeds")
async def seeing(world: World, _act: str) -> First:
    acts = await Acts.of(world, 1000)
    grant = ok(await acts.grant(100), 201)["id"]
    await acts.proceedings()

    async def pay(client: Client) -> Second:
        body = {"amount_cents": 10, "kind": "interim_payment", "reference": secrets.token_hex(4), "paid_on": DAY}
        path = f"grants/{grant}/payments"
        path += f"/{ok(await client.post(path, body, headers=key()), 201)['id']}"
        return lambda other: other.post(f"{path}/see", headers={"If-Match": "*"})

    return pay


@trial(duties.DECIDES_RECEIVES, "funder", "treasurer", "receive", "bounce", "reverse")
async def receiving(world: World, act: str) -> First:
    acts = await Acts.of(world, 1000)

    async def award(client: Client) -> Second:
        body = acts.award(100, terms=TERMS)
        advance = ok(await client.post("advances", body, headers=key()), 201)["id"]
        ok(await acts.tranche(advance, 100), 201)
        path = f"advances/{advance}/repayments"
        facts = {"amount_cents": 10, "received_on": DAY, "reference": secrets.token_hex(4)}
        if act == "receive":
            return lambda other: other.post(path, facts, headers=key())
        path += f"/{ok(await world.treasurer.post(path, facts, headers=key()), 201)['id']}"
        why = {"reason": "Why"} | ({"bounced_on": DAY, "bank_reference": "R-1"} if act == "bounce" else {})
        return lambda other: other.post(f"{path}/{act}", why, headers={"If-Match": "*"})

    return award


@trial(duties.WRITES_CLOSES, "territory", "committee", "minutes", "the day of their adoption")
async def closing(world: World, act: str) -> First:
    members = [{"kind": "person", "name": "Chair", "chair": True, "attendance": "present"}]
    path = f"committees/{(await world.meeting(members=members, quorum=1))['id']}"
    ok(await world.clients["territory"].post(f"{path}/hold", {"held_at": HELD}))

    async def write(client: Client) -> Second:
        if act != "minutes":
            ok(await world.clients["territory"].patch(path, {"minutes": "Said."}))
        ok(await client.patch(path, RECORD if act == "minutes" else {"minutes_adopted_on": "2023-10-04"}))
        return lambda other: other.post(f"{path}/close")

    return write


@trial(duties.DRAFTS_ADOPTS, "territory", "committee", "made", "changed")
async def adopting(world: World, act: str) -> First:
    meeting = await committee(world)

    async def draft(client: Client) -> Second:
        author = client if act == "made" else world.clients["territory"]
        version = ok(await author.post("roadmap/versions", {**DAYS, "axes": AXES}), 201)["id"]
        ok(await client.patch(f"roadmap/versions/{version}", {"title": "Another"}))
        return lambda other: adopt(other, version, meeting)

    return draft


@trial(duties.WORKS_COUNTERSIGNS, "lead", "lead", "countersigned")
async def countersigning(world: World, _name: str) -> First:
    async def work(client: Client) -> Second:
        worker = UUID(ok(await client.get("/v1/me"))["subject_id"])
        mission = await world.mission(people={"lead": worker})
        ok(await client.post("time-entries", mission.entry(by="lead")), 201)
        month = {"consultant_id": mission.lead_consultant, "month": "2023-07"}
        path = f"activity-reports/{ok(await client.post('activity-reports', month), 201)['id']}"
        signature = {"name": "Camille Exemple", "signed_on": "2023-08-01"}
        ok(await client.post(f"{path}/sign", signature, headers={"If-Match": "*"}))
        return lambda other: other.post(f"{path}/countersign", signature, headers={"If-Match": "*"})

    return work


@trial(duties.DELIVERS_DECIDES, "lead", "operator", "admit", "defer", "admit-with-reduction", "reject")
async def deciding_deliverables(world: World, act: str) -> First:
    deliverable = await deliverables.ordered(world)

    async def deliver(client: Client) -> Second:
        ok(await deliverables.act(world, deliverable, "deliver", by=client))
        ok(await deliverables.act(world, deliverable, "verify"))
        return lambda other: deliverables.act(world, deliverable, act, by=other)

    return deliver


@trial(duties.PROPOSES_ACCEPTS, "lead", "lead", "proposed, agreed")
async def agreeing(world: World, _name: str) -> First:
    body = {"entry_id": await certified_day(world), "days": 0, "reason": "Not worked."}

    async def propose(client: Client) -> Second:
        path = f"time-entry-corrections/{ok(await client.post('time-entry-corrections', body), 201)['id']}"
        return lambda other: other.post(f"{path}/agree")

    return propose


@trial(duties.PROPOSES_ACCEPTS, "lead", "operator", "proposed, accepted", "agreed, accepted")
async def accepting(world: World, name: str) -> First:
    body = {"entry_id": await certified_day(world), "days": 0, "reason": "Not worked."}

    async def take_part(client: Client) -> Second:
        proposes, agrees = (client, world.lead_judge) if name.startswith("proposed") else (world.lead, client)
        path = f"time-entry-corrections/{ok(await proposes.post('time-entry-corrections', body), 201)['id']}"
        ok(await agrees.post(f"{path}/agree"))
        return lambda other: other.post(f"{path}/accept")

    return take_part


@trial(duties.PROPOSES_ACCOUNT_APPROVES, "funder", "treasurer", "approve", "refuse")
async def paying_to(world: World, act: str) -> First:
    path = f"firms/{await world.followed_firm()}/bank-details"

    async def propose(client: Client) -> Second:
        made = ok(await client.post(path, {"iban": iban_from(1), "holder_name": "Firm"}), 201)["id"]
        body = None if act == "approve" else {"reason": "Not confirmed by phone."}
        return lambda other: other.post(f"{path}/{made}/{act}", body, headers={"If-Match": "*"})

    return propose


@trial(duties.CLAIMS_SETTLES, "territory", "funder", "sample", "settle", "settle what another submitted")
async def settling(world: World, act: str) -> First:
    claims = await Claims.of(world)

    async def write(client: Client) -> Second:
        another = act == "settle what another submitted"
        claim = await claims.submitted(by=world.clients["territory"] if another else client)
        path, line = f"{claims.path}/{claim['id']}", claim["lines"][0]
        if another:
            ok(await client.patch(path, {"external_id": "DP-1"}, headers={"If-Match": "*"}))
        body: dict[str, Any] = {"lines": [{"id": line["id"], "certified_cents": line["amount_excl_vat_cents"]}]}
        verb = act.split(maxsplit=1)[0]
        if verb == "sample":
            body = {"method": "random", "size": 1}
        return lambda other: other.post(f"{path}/{verb}", body, headers={"If-Match": "*"})

    return write


@trial(duties.REVIEWS_DECIDES, "funder", "committee", "pre_select", "reject")
async def deciding(world: World, outcome: str) -> First:
    file = await submitted(world)
    await done(world, file, "admit", "2024-02-01")
    path = await meetings.meeting(world)
    await meetings.frozen(world, path, meetings.item(file, outcome))

    async def review(client: Client) -> Second:
        ok(await client.put(f"applications/{file['id']}/review", meetings.REVIEW), 201)
        body = {"items": [meetings.decision(file, outcome)]}
        return lambda other: other.post(f"{path}/decisions", body, headers=key())

    return review


async def certified_day(world: World) -> str:
    """An entry of the lead firm on a certificate."""
    mission = await world.mission()
    entry: str = ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)["id"]
    ok(await world.lead_judge.post(f"time-entries/{entry}/validate"))
    await world.certify(mission, of="lead")
    return entry


@trial(duties.PROPOSES_APPROVES, "funder", "programme", "approve", "refuse")
async def deciding_an_override(world: World, act: str) -> First:
    siren = await world.followed_firm()
    body = {"code": "proceedings-open", "siren": siren, "reason": "The plan stands.", "valid_until_on": "2199-12-31"}
    said = {"reason": "No."} if act == "refuse" else None

    async def propose(client: Client) -> Second:
        path = f"overrides/{ok(await client.post('overrides', body, headers=key()), 201)['id']}"
        return lambda other: other.post(f"{path}/{act}", said, headers={"If-Match": "*"})

    return propose


@trial(duties.ORDERS_WAIVES, "funder", "funder", "waived")
@trial(duties.ORDERS_SETTLES, "funder", "treasurer", "received", "receipt taken back", "set off")
async def ending_a_recovery(world: World, act: str) -> First:
    scene = await Recovering.of(await Acts.of(world, 1000))
    grant = str(ok(await scene.acts.grant(100), 201)["id"])
    ok(await scene.acts.pay(grant, 80), 201)
    await scene.acts.payee()

    async def order(client: Client) -> Second:
        path = f"grants/{grant}/recoveries/{ok(await scene.open(grant, 10), 201)['id']}"
        ok(await scene.notify(path))
        ok(await scene.act(path, "order", {**ORDER, "order_number": "TP-1"}, client))
        if act == "waived":
            return lambda other: scene.waive(path, other)
        if act == "set off":
            payment = f"grants/{grant}/payments/{ok(await scene.acts.proposal(grant, 15), 201)['id']}"
            return lambda other: scene.act(payment, "set-off", {"recovery_id": path.rpartition("/")[2]}, other)
        if act == "received":
            body = {"amount_cents": 1, "received_on": BACK, "bank_reference": "VIR-1"}
            return lambda other: other.post(f"{path}/receipts", body, headers=key())
        receipt = f"{path}/receipts/{ok(await scene.receive(path, 1), 201)['id']}"
        return lambda other: scene.act(receipt, "reverse", {"reason": "Mistaken."}, other)

    return order


@trial(duties.REPORTS_JUDGES, "funder", "funder", "judge")
async def judging_a_commitment(world: World, _act: str) -> First:
    aid = await Aid.of(world, grant=100, base=100)
    await aid.complete(80)
    ok(await aid.close())
    first = ok(await world.auditor.get(f"{aid.path}/commitments"))["items"][0]["id"]
    path = f"{aid.path}/commitments/{first}"

    async def report(client: Client) -> Second:
        body = {"observed_on": DAY, "text": "12 jobs stand.", "document_sha256": "0" * 64}
        ok(await client.post(f"{path}/reports", body), 201)
        judged = {"outcome": "met", "judged_on": DAY, "reason": "All stand."}
        return lambda other: other.post(f"{path}/judge", judged, headers={"If-Match": "*"})

    return report


@trial(duties.REQUESTS_DECIDES, "funder", "funder", "approve", "refuse")
async def deciding_a_change(world: World, verb: str) -> First:
    life = await Life.of(await Acts.of(world, 1000), 100)

    async def request(client: Client) -> Second:
        title = {"kind": "object", "project_title": "Atelier et bureaux"}
        path = f"{life.grant}/change-requests/{ok(await life.ask(title, by=client), 201)['id']}"
        verdict = {"reference": "AV-1", "decided_on": "2024-02-01"} if verb == "approve" else {"reason": "No."}
        return lambda other: other.post(f"{path}/{verb}", verdict, headers={"If-Match": "*"})

    return request


@trial(duties.PROPOSES_REFUND_APPROVES, "treasurer", "treasurer", "approve a refund")
async def sending_money_back(world: World, _act: str) -> First:
    said = {"amount_cents": 100, "received_on": DAY, "reference": "VIR-1"}
    path = f"receipts/{ok(await world.treasurer.post('receipts', said, headers=key()), 201)['id']}/refunds"

    async def propose(client: Client) -> Second:
        made = ok(await client.post(path, {"amount_cents": 1, "reason": "Not ours."}, headers=key()), 201)["id"]
        body = {"refunded_on": DAY, "reference": "VIR-2"}
        return lambda other: other.post(f"{path}/{made}/approve", body, headers={"If-Match": "*"})

    return propose


@trial(duties.PROPOSES_ROLE_APPROVES, "admin", "admin", "a role")
async def approving_a_role(world: World, _act: str) -> First:
    person = str(await world.add_person())

    async def propose(client: Client) -> Second:
        role = {"subject_id": person, "role": "treasurer", "territory": world.territory}
        path = f"/v1/members/{ok(await client.post('/v1/members', role), 201)['id']}"
        return lambda other: other.post(f"{path}/approve")

    return propose


@trial(duties.MAKES_KEY_CONFIRMS, "admin", "admin", "a key")
async def confirming_a_key(world: World, _act: str) -> First:
    async def make(client: Client) -> Second:
        wanted = {"subject_id": str(world.subjects["treasurer"]), "name": "laptop"}
        code = ok(await client.post("/v1/api-keys", wanted), 201)["code"]
        made = ok(await world.http.post("/v1/enrolments", json={"code": code}), 201)
        path, said = f"/v1/api-keys/{made['id']}/confirm", {"fingerprint": made["fingerprint"]}
        return lambda other: other.post(path, said)

    return make


walked = pytest.mark.parametrize("name", TRIALS)


def test_every_pair_of_the_table_is_tried() -> None:
    assert {each.pair for each in TRIALS.values()} == set(PAIRS)
    # Of two pairs the thing written is judged by somebody else: days, and claims.
    assert len({pair.refused for pair in PAIRS}) == len(PAIRS) - 1
    assert all(pair.refused.status == 403 and pair.refused.cure and pair.refused.cure_fr for pair in PAIRS)


@walked
async def test_one_person_of_both_roles_does_not_do_both_acts(world: World, name: str) -> None:
    each = TRIALS[name]
    both = await subject(world, *{each.first, each.second}, home=home_of(each))
    second = await (await each.prepare(world))(both)
    problem(await second(both), 403, each.pair.refused.code)
    ok(await second(await subject(world, each.second, home=home_of(each))), (200, 201))


@walked
async def test_a_person_of_both_roles_does_the_second_act_after_another(world: World, name: str) -> None:
    each = TRIALS[name]
    first = await (await each.prepare(world))(await subject(world, each.first))
    ok(await first(await subject(world, *{each.first, each.second}, home=home_of(each))), (200, 201))


@walked
async def test_a_program_decides_nothing_and_may_record_a_payment(world: World, name: str) -> None:
    each = TRIALS[name]
    second = await (await each.prepare(world))(await subject(world, each.first))
    if each.second == "admin":
        program = await administrator_of_before(world)
    else:
        program = await subject(world, each.second, kind="service_account", home=home_of(each))
    if each.pair.by_program:
        ok(await second(program), (200, 201))
    else:
        problem(await second(program), 403, "person-required")


async def administrator_of_before(world: World) -> Client:
    """A program that holds the role admin for the days that are left to it."""
    async with world.pool.acquire() as connection, connection.transaction():
        program = await world.add_subject(connection, "robot", "office", None, kind="service_account")
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "INSERT INTO members (subject_id, role, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'admin', '2020-01-01', now(), now(), now())",
            world.subjects["robot"],
        )
    return program


def home_of(each: Trial) -> str:
    """The organisation of the second act's role; one who also enters days is of the lead firm."""
    return "lead" if "lead" in (each.first, each.second) else "office"


async def test_who_rejected_days_and_enters_them_anew_does_not_validate_them(world: World) -> None:
    """The other order: the second act first."""
    mission = await world.mission()
    entry = ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)["id"]
    judge, path = world.lead_judge, f"time-entries/{entry}"
    ok(await judge.post(f"{path}/reject", {"reason": "Half a day."}))
    ok(await judge.post(f"{path}/recall"))
    ok(await judge.patch(path, {"days": 0.25}))
    ok(await judge.post(f"{path}/submit"))
    problem(await judge.post(f"{path}/validate"), 403, "separation-of-duties")


class _Somebody:
    """Who acts in the tests of the table itself."""

    def __init__(self, kind: str, number: int | None, *, email: bool = True) -> None:
        self.kind, self.subject_id, self.has_email = kind, UUID(int=number) if number else None, email


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{pair.second}" for pair in PAIRS])
async def test_the_table_itself(pair: Pair) -> None:
    person, program = SubjectKind.PERSON, SubjectKind.SERVICE_ACCOUNT
    assert pair.separate(_Somebody(person, 1), [UUID(int=2), None]) == UUID(int=1)
    with pytest.raises(pair.refused):
        pair.separate(_Somebody(person, 1), [UUID(int=2), UUID(int=1)])
    with pytest.raises(EmailMissing):
        pair.separate(_Somebody(person, 1, email=False), [UUID(int=1)])
    with pytest.raises(PersonRequired):
        pair.separate(_Somebody("system", None), [])
    if pair.by_program:
        assert pair.separate(_Somebody(program, 3, email=False), [UUID(int=2)]) == UUID(int=3)
    else:
        with pytest.raises(PersonRequired):
            pair.separate(_Somebody(program, 3, email=False), [UUID(int=2)])


def test_what_a_person_must_do_documents_the_address_that_it_needs() -> None:
    by_a_person = {act for act, codes in documented().items() if "person-required" in codes}
    with_an_address = {act for act, codes in documented().items() if "email-missing" in codes}
    refused = {pair.refused.code for pair in PAIRS}
    paired = {act for act, codes in documented().items() if refused & set(codes)}
    assert by_a_person | paired <= with_an_address
    assert len(paired) >= 12


# --- the database ----------------------------------------------------------------------------------------------------


BOTH = {
    "writer_closes": """
        UPDATE committees SET status = 'closed', minutes = 'Said.', minutes_adopted_on = '2023-10-04',
            minutes_authors = ARRAY[$2::uuid], closed_by = $2, closed_at = now()
        WHERE territory = $1""",
    "drafter_adopts": """
        UPDATE roadmap_versions SET status = 'adopted', authors = ARRAY[$2::uuid], adopted_by = $2,
            adopted_on = '2023-10-03', committee_id = (SELECT id FROM committees WHERE territory = $1)
        WHERE territory = $1""",
}


@pytest.mark.parametrize("constraint", BOTH)
async def test_the_database_refuses_one_subject_in_both_places(world: World, constraint: str) -> None:
    members = [{"kind": "person", "name": "Chair", "chair": True, "attendance": "present"}]
    path = f"committees/{(await world.meeting(members=members, quorum=1))['id']}"
    ok(await world.clients["territory"].post(f"{path}/hold", {"held_at": HELD}))
    ok(await world.clients["territory"].post("roadmap/versions", {**DAYS, "axes": AXES}), 201)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await world.pool.execute(BOTH[constraint], world.territory, world.subjects["committee"])
    assert refused.value.constraint_name == constraint


async def test_a_repayment_from_before_the_rule_is_taken_back_by_another(world: World) -> None:
    """The constraint is of what stands: what was recorded so before can be sent back or reversed."""
    ids = await world.money()
    decided = "recorded_by = awarded_by"
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await world.pool.execute(f"UPDATE advance_repayments SET {decided} WHERE territory = $1", world.territory)
    assert refused.value.constraint_name == "decider_receives"
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("ALTER TABLE advance_repayments DROP CONSTRAINT decider_receives")
        await connection.execute(f"UPDATE advance_repayments SET {decided} WHERE territory = $1", world.territory)
        await connection.execute(
            "ALTER TABLE advance_repayments ADD CONSTRAINT decider_receives"
            " CHECK (status <> 'recorded' OR recorded_by <> awarded_by) NOT VALID"
        )
    path = f"advances/{ids['advance']}/repayments/{ids['repayment']}"
    ok(await world.treasurer.post(f"{path}/reverse", {"reason": "Why"}, headers=await seen(world.treasurer, path)))


async def test_who_writes_while_closing_has_not_both(world: World) -> None:
    """Both acts lock the meeting: the one that waits sees who did the other."""
    members = [{"kind": "person", "name": "Chair", "chair": True, "attendance": "present"}]
    for turn in range(6):
        path = f"committees/{(await world.meeting(members=members, quorum=1))['id']}"
        ok(await world.clients["territory"].post(f"{path}/hold", {"held_at": HELD}))
        ok(await world.clients["territory"].patch(path, RECORD))
        both = await subject(world, "territory", "committee")
        acts = [both.patch(path, {"minutes": "Otherwise."}), both.post(f"{path}/close")]
        answers = await asyncio.gather(*(acts if turn % 2 else reversed(acts)))
        assert sorted(answer.status_code for answer in answers) in ([200, 403], [200, 409])


async def test_who_drafts_while_adopting_has_not_both(world: World) -> None:
    meetings = [await committee(world, f"2023-10-0{day}T12:00:00Z") for day in range(3, 9)]
    for turn, meeting in enumerate(meetings):
        version = ok(await world.clients["territory"].post("roadmap/versions", {**DAYS, "axes": AXES}), 201)["id"]
        both = await subject(world, "territory", "committee")
        path = f"roadmap/versions/{version}"
        acts = [both.patch(path, {"title": f"Turn {turn}"}), adopt(both, version, meeting)]
        answers = await asyncio.gather(*(acts if turn % 2 else reversed(acts)))
        assert sorted(answer.status_code for answer in answers) in ([200, 403], [200, 409])
        if (await both.get(path)).json()["status"] == "draft":
            ok(await adopt(world.clients["committee"], version, meeting))


async def test_an_adopted_roadmap_keeps_its_authors(world: World) -> None:
    ids = await world.plans()
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await world.pool.execute("UPDATE roadmap_versions SET authors = '{}' WHERE id = $1", UUID(ids["roadmap"]))
    assert refused.value.constraint_name == "roadmap_adopted"


# --- e-mail addresses ------------------------------------------------------------------------------------------------

INSERT = (
    "INSERT INTO subjects (kind, organisation_id, name, email, created_at, updated_at)"
    " VALUES ($1, $2, 'Zoé', $3, now(), now())"
)


@pytest.mark.parametrize(
    "email", ["ZOE@example.fr", "zo\u00e9@example.fr", "zoe\u0301@example.fr", "zoe@example.fr ", " a@b.fr"]
)
async def test_the_database_keeps_one_form_of_an_address(world: World, email: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await world.pool.execute(INSERT, "person", world.organisations["office"], email)
    assert refused.value.constraint_name == "subject_email_form"
    path = f"/v1/organisations/{world.organisations['office']}/persons"
    if email.isascii() and " " not in email:
        return  # capitals are folded
    problem(await world.admin.post(path, {"name": "Zoé", "email": email}), 422, "validation-failed")


async def test_of_the_forms_of_one_address_at_once_one_is_registered(world: World) -> None:
    """Through the service in two organisations, then by SQL from two connections."""
    email = fresh_email()
    forms = [email, email.upper(), email.title(), email.replace("example", "EXAMPLE")] * 3
    homes = [world.organisations["office"], world.organisations["lead"]]
    answers = await asyncio.gather(
        *(world.admin.post(f"/v1/organisations/{homes[n % 2]}/persons", {"name": "Zoé", "email": form})
          for n, form in enumerate(forms))
    )  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    other = fresh_email()
    async with world.pool.acquire() as one, world.pool.acquire() as two:
        begun = one.transaction()
        await begun.start()
        await one.execute(INSERT, "person", homes[0], other)
        waiting = asyncio.create_task(two.execute(INSERT, "person", homes[1], other))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await begun.commit()
        with pytest.raises(asyncpg.UniqueViolationError):
            await waiting


async def test_a_person_is_never_registered_without_an_address(world: World) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await world.pool.execute(INSERT, "person", world.organisations["office"], None)
    assert refused.value.constraint_name == "person_without_email"
    await world.pool.execute(INSERT, "service_account", world.organisations["office"], None)


async def test_a_person_from_before_the_rule_reads_enters_and_is_renamed(world: World) -> None:
    mission = await world.mission()
    lead = world.subjects["lead"]
    await world.pool.execute("UPDATE subjects SET email = NULL WHERE id = $1", lead)
    path = f"/v1/organisations/{world.organisations['lead']}/persons/{lead}"
    ok(await world.admin.patch(path, {"name": "Renamed"}))  # the key is looked up anew
    ok(await world.lead.get("engineering"))
    entry = ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)["id"]
    theirs = ok(await world.consultant.post("time-entries", mission.entry()), 201)["id"]
    problem(await world.lead.post(f"time-entries/{theirs}/validate"), 403, "email-missing")
    ok(await world.lead.post(f"time-entries/{entry}/reverse", {"reason": "Mine, and submitted alone."}))
    ok(await world.admin.patch(path, {"email": fresh_email()}))
    ok(await world.lead.post(f"time-entries/{theirs}/validate"))
