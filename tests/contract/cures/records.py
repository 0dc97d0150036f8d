"""The cures of what refuses what is recorded: firms, contacts, auditions, meetings, projects, roadmaps, territories."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx2
import pytest

from app.core import clock
from app.core.reading import documents
from app.integrations.imports import annotated
from tests.committees.test_meetings import HELD, RECORD, closed, held, seats
from tests.contract.cures import Case, subject, walk, word
from tests.contract.cures.days import validated
from tests.contract.cures.decisions import closed_meeting
from tests.directory import siret_of
from tests.integrations.imports.files import ended_of, send
from tests.projects.acts import COSTS, pass_through, perimeter, project, staff
from tests.roadmap.acts import AXES, adopt, draft, in_force
from tests.roadmap.acts import held as committee
from tests.world import Client, World, fresh_siren, ok

REASON = {"reason": "So it was."}

# --- access and territories ------------------------------------------------------------------------------------------


@walk("api-key-ended", "rotate_api_key", "confirm_api_key")
async def api_key_ended(case: Case) -> None:
    world, verb = case.world, case.act.split("_", maxsplit=1)[0]
    for told in (case.refused, case.cured):
        spare = ok(await world.admin.post("/v1/api-keys", await key_of_a_program(world)), 201)
        body = {"fingerprint": spare["fingerprint"]} if verb == "confirm" else {}
        if told == case.refused:
            ok(await world.admin.post(f"/v1/api-keys/{spare['id']}/revoke"))
        told(await world.second_admin.post(f"/v1/api-keys/{spare['id']}/{verb}", body))


async def key_of_a_program(world: World) -> dict[str, Any]:
    """What asks for a key of a new program."""
    path = f"/v1/organisations/{world.organisations['office']}/service-accounts"
    return {"subject_id": ok(await world.admin.post(path, {"name": word()}), 201)["id"], "name": "spare"}


@walk("key-of-a-person", "rotate_api_key")
async def key_of_a_person(case: Case) -> None:
    admin, auditor = case.world.admin, str(case.world.subjects["auditor"])
    old = (await case.world.issue(auditor))["id"]
    case.refused(await admin.post(f"/v1/api-keys/{old}/rotate", {}))
    ok(await admin.post(f"/v1/api-keys/{old}/revoke"))
    case.cured(await admin.post("/v1/api-keys", {"subject_id": auditor, "name": "laptop"}))


@walk("another-key", "rotate_api_key", "rotate_own_key")
async def another_key(case: Case) -> None:
    role, place = ("admin", "api-keys") if case.act == "rotate_api_key" else ("consultant", "me/keys")
    spare = await case.world.issue(case.world.subjects[role], name="spare")
    path = f"/v1/{place}/{spare['id']}/rotate"
    case.refused(await case.world.clients[role].post(path, {}))
    case.cured(await Client(case.world.http, spare["key"], "").post(path, {}))


@walk("enrolment-code-invalid", "create_enrolment")
async def enrolment_code_invalid(case: Case) -> None:
    wanted = {"subject_id": str(case.world.subjects["auditor"]), "name": "new"}
    for told in (case.cured, case.refused, case.cured):  # the second time it has been used
        if told == case.cured:
            code = ok(await case.world.admin.post("/v1/api-keys", wanted), 201)["code"]
        case.told = case.told or {"code": "none yet"}
        told(await case.world.http.post("/v1/enrolments", json={"code": code}))


@walk("fingerprint-differs", "confirm_api_key")
@walk("key-own-confirmation", "confirm_api_key")
async def fingerprint(case: Case) -> None:
    made = ok(await case.world.admin.post("/v1/api-keys", await key_of_a_program(case.world)), 201)
    path, right = f"/v1/api-keys/{made['id']}/confirm", made["fingerprint"]
    by, said = (case.world.admin, right) if case.code == "key-own-confirmation" else (case.world.second_admin, "0" * 20)
    case.refused(await by.post(path, {"fingerprint": said}))
    case.cured(await case.world.second_admin.post(path, {"fingerprint": right}))


@walk("role-own-approval", "approve_member")
async def role_own_approval(case: Case) -> None:
    role = {"subject_id": str(await case.world.add_person()), "role": "funder", "territory": case.world.territory}
    path = f"/v1/members/{ok(await case.world.admin.post('/v1/members', role), 201)['id']}/approve"
    case.refused(await case.world.admin.post(path))
    case.cured(await case.world.second_admin.post(path))


@walk("role-prolonged", "update_member")
async def role_prolonged(case: Case) -> None:
    role = {"subject_id": str(await case.world.add_person()), "role": "funder", "territory": case.world.territory}
    made = await case.world.grant(**role, from_on="2023-01-01", to_on="2023-06-30")
    case.refused(await case.world.admin.patch(f"/v1/members/{made['id']}", {"to_on": None}))
    case.cured(await case.world.admin.post("/v1/members", {**role, "from_on": "2023-07-01"}))


@walk("person-holds-roles", "update_person")
async def person_holds_roles(case: Case) -> None:
    world, person = case.world, str(await case.world.add_person())
    home = await world.pool.fetchval("SELECT organisation_id FROM subjects WHERE id = $1", UUID(person))
    made = await world.grant(subject_id=person, role="funder", territory=world.territory, from_on="2023-01-01")
    there = next(str(each) for each in world.organisations.values() if each != home)
    move = partial(world.admin.patch, f"/v1/organisations/{home}/persons/{person}", {"organisation_id": there})
    case.refused(await move())
    ok(await world.admin.patch(f"/v1/members/{made['id']}", {"to_on": "2023-06-30"}))
    case.cured(await move())


@walk("admin-for-persons", "create_member", "update_member")
async def admin_for_persons(case: Case) -> None:
    world = case.world
    program = (await key_of_a_program(world))["subject_id"]
    role = {"subject_id": program, "role": "admin", "from_on": "2023-01-01", "to_on": "2023-06-30"}
    if case.act == "create_member":
        case.refused(await world.admin.post("/v1/members", role))
    else:  # one from before the rule
        async with world.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            member = await connection.fetchval(
                "INSERT INTO members (subject_id, role, from_on, to_on, created_at, updated_at)"
                " VALUES ($1, 'admin', '2023-01-01', '2023-06-30', now(), now()) RETURNING id",
                UUID(program),
            )
        case.refused(await world.admin.patch(f"/v1/members/{member}", {"to_on": "2023-07-31"}))
    case.cured(await world.admin.post("/v1/members", {**role, "subject_id": str(await world.add_person())}))


@walk("lead-not-among-epci", "create_territory", "update_territory")
async def lead_not_among_epci(case: Case) -> None:
    lead, other = fresh_siren(), fresh_siren()
    new = {"slug": word("t"), "name": "New", "wave_number": 1} if case.act == "create_territory" else {}
    if not new:
        await case.own()

    async def act(*epci: str) -> httpx2.Response:
        body = {**new, "lead_siren": lead, "epci_sirens": list(epci)}
        programme = case.world.programme
        return await (programme.post("/v1/territories", body) if new else programme.patch("", body))

    case.refused(await act(other))
    case.cured(await act(other, lead))


@walk("epci-of-another-territory", "create_territory", "update_territory")
async def epci_of_another_territory(case: Case) -> None:
    new = {"slug": word("t"), "name": "New", "wave_number": 1} if case.act == "create_territory" else {}
    programme, shared, elsewhere = (await case.own()).programme, fresh_siren(), word("t")
    body = {"slug": elsewhere, "name": "Elsewhere", "wave_number": 1, "lead_siren": shared}
    ok(await programme.post("/v1/territories", body), 201)

    async def act(*epci: str) -> httpx2.Response:
        body = {**new, "lead_siren": epci[0], "epci_sirens": list(epci)}
        return await (programme.post("/v1/territories", body) if new else programme.patch("", body))

    lead = fresh_siren()
    case.refused(await act(lead, shared))
    assert [each["slug"] for each in ok(await programme.get(f"/v1/territories?epci_siren={shared}"))["items"]] == [
        elsewhere
    ]
    case.cured(await act(lead))
    ok(await programme.patch(f"/v1/territories/{elsewhere}", {"status": "closed"}))
    address = f"/v1/territories/{new.get('slug') or case.world.territory}"
    ok(await programme.patch(address, {"epci_sirens": [lead, shared]}))


# --- firms -----------------------------------------------------------------------------------------------------------


@walk("naf-code-without-version", "update_firm", "put_site")
async def naf_code_without_version(case: Case) -> None:
    siren = await case.world.add_firm()

    async def act(code: str | None, version: str | None) -> httpx2.Response:
        body = {"naf_code": code, "naf_version": version}
        if case.act == "put_site":
            return await staff(case.world).put(f"/v1/firms/{siren}/sites/{siret_of(siren)}", body)
        return await staff(case.world).patch(f"/v1/firms/{siren}", body)

    case.refused(await act(None, "naf_rev2"))
    case.cured(await act("25.62B", "naf_rev2"))
    case.cured(await act(None, None))


@walk("owner-of-a-company", "put_firm_owner")
async def owner_of_a_company(case: Case) -> None:
    siren, name = await case.world.add_firm(), {"name": "Camille Exemple"}
    case.refused(await staff(case.world).put(f"/v1/firms/{siren}/owner", name))
    ok(await staff(case.world).patch(f"/v1/firms/{siren}", {"sole_trader": True}))
    case.cured(await staff(case.world).put(f"/v1/firms/{siren}/owner", name))


@walk("firm-unknown-to-directory", "refresh_firm")
@walk("directory-invalid", "refresh_firm")
@walk("directory-unavailable", "refresh_firm")
async def the_directory_does_not_help(case: Case) -> None:
    siren, operator = fresh_siren(), case.world.operator
    says: dict[str, Any] = {"firm-unknown-to-directory": [], "directory-invalid": b"<html>"}
    if case.code in says:
        case.directory.says[siren] = says[case.code]
    else:
        case.directory.says[siren] = lambda handler: handler.send_error(500)
    case.refused(await operator.post(f"/v1/firms/{siren}/refresh"))
    case.cured(await operator.put(f"/v1/firms/{siren}", {"name": "By hand"}))


@walk("eu-size-without-evidence", "update_territory_firm")
async def eu_size_without_evidence(case: Case) -> None:
    path = f"firms/{await case.world.followed_firm()}"
    case.refused(await staff(case.world).patch(path, {"eu_size": "small"}))
    evidence = {"eu_size": "small", "eu_size_evidence_on": "2023-07-04", "eu_size_source": "Liasse"}
    case.cured(await staff(case.world).patch(path, evidence))
    case.cured(await staff(case.world).patch(path, dict.fromkeys(evidence)))


@walk("stage-not-reachable", "put_territory_firm")
async def stage_not_reachable(case: Case) -> None:
    async def act(stage: str, day: str) -> httpx2.Response:
        return await staff(case.world).put(path, {"stage": stage, "effective_on": day})

    for between in (True, False):
        path = f"firms/{await case.world.add_firm()}"
        ok(await act("identified", "2023-07-04"), 201)
        case.refused(await act("shortlisted", "2023-07-06"))
        ok(await act("interviewed", "2023-07-05" if between else "2023-07-04"))
        case.cured(await act("shortlisted", "2023-07-06"))


@walk("stage-reserved", "put_territory_firm")
async def stage_reserved(case: Case) -> None:
    path, interviewed = f"firms/{await case.world.add_firm()}", {"stage": "interviewed"}
    case.refused(await case.world.consultant.put(path, interviewed))
    case.cured(await staff(case.world).put(path, interviewed))


@walk("firm-change-reserved", "put_firm")
async def firm_change_reserved(case: Case) -> None:
    siren, other_facts = await case.world.add_firm(), {"name": word()}
    case.refused(await case.world.consultant.put(f"/v1/firms/{siren}", other_facts))
    case.cured(await case.world.consultant.put(f"firms/{siren}", {"stage": "identified"}))
    case.cured(await staff(case.world).put(f"/v1/firms/{siren}", other_facts))


@walk("contact-gone", "update_contact")
async def contact_gone(case: Case) -> None:
    contact = await case.world.contact()
    ok(await staff(case.world).post(f"contacts/{contact['id']}/erase"))
    case.refused(await staff(case.world).patch(f"contacts/{contact['id']}", {"function": "CEO"}))
    again = {"siren": contact["siren"], "name": "Camille", "purpose": "engineering_mission", "legal_basis": "contract",
             "retain_until_on": (clock.today() + timedelta(days=9)).isoformat()}  # fmt: skip
    case.cured(await staff(case.world).post("contacts", again))


# --- auditions -------------------------------------------------------------------------------------------------------


@walk("audition-transition", "hold_audition", "cancel_audition", "miss_audition")
@walk("audition-over", "update_audition")
async def audition_over(case: Case) -> None:
    world = case.world
    audition = await world.audition()
    path = f"auditions/{audition['id']}"
    ok(await world.consultant.post(f"{path}/cancel", REASON))

    async def act(path: str) -> httpx2.Response:
        if case.act == "update_audition":
            return await world.consultant.patch(path, {"place": "Alès"})
        step = {"hold": "hold", "cancel": "cancel", "miss": "no-show"}[case.act.removesuffix("_audition")]
        return await world.consultant.post(f"{path}/{step}", {"held_on": "2023-07-04"} if step == "hold" else REASON)

    case.refused(await act(path))
    another = await world.audition(*audition["sirens"])
    case.cured(await act(f"auditions/{another['id']}"))


@walk("audition-transition", "reverse_audition")
async def audition_not_held(case: Case) -> None:
    """One that was not held is cancelled; one that was said to be held is reversed."""
    path, other = [f"auditions/{(await case.world.audition())['id']}" for _ in range(2)]
    case.refused(await case.world.consultant.post(f"{path}/reverse", REASON))
    case.cured(await case.world.consultant.post(f"{path}/cancel", REASON))
    ok(await case.world.consultant.post(f"{other}/hold", {"held_on": "2023-07-04"}))
    case.cured(await case.world.consultant.post(f"{other}/reverse", REASON))


@walk("audition-firm-in-use", "update_audition")
async def audition_firm_in_use(case: Case) -> None:
    """A project was detected in it with this firm: it names another audition, or none, first."""
    world = case.world
    one, two = await world.followed_firm(), await world.followed_firm()
    audition = (await world.audition(one, two))["id"]
    holders = [{"kind": "firm", "siren": one}]
    body = {"title": "Project", "kind": "other", "maturity": "idea", "holders": holders, "detected_on": "2023-07-04",
            "detected_in_audition_id": audition}  # fmt: skip
    staff = world.clients["territory"]
    made = ok(await staff.post("projects", body), 201)["id"]
    path = f"auditions/{audition}"
    case.refused(await world.consultant.patch(path, {"sirens": [two]}))
    case.cured(await world.consultant.patch(path, {"sirens": [two, one]}))
    case.refused(await world.consultant.patch(path, {"sirens": [two]}))
    ok(await staff.patch(f"projects/{made}", {"detected_in_audition_id": None}))
    case.cured(await world.consultant.patch(path, {"sirens": [two]}))


@walk("audition-transition", "update_audition")
@walk("nothing-found-yet", "update_audition")
async def not_held_yet(case: Case) -> None:
    path = f"auditions/{(await case.world.audition())['id']}"
    facts = {"findings": "Busy."} if case.code == "nothing-found-yet" else {"held_on": "2023-07-05"}
    case.refused(await case.world.consultant.patch(path, facts), "Record first that the audition was held")
    ok(await case.world.consultant.post(f"{path}/hold", {"held_on": "2023-07-04"}))
    case.cured(await case.world.consultant.patch(path, facts))


@walk("follow-up-incomplete", "create_audition", "update_audition", "hold_audition")
async def follow_up_incomplete(case: Case) -> None:
    world = case.world
    firm = await world.followed_firm()
    owner = str(world.subjects["consultant"])
    body: dict[str, Any] = {"kind": "interview", "sirens": [firm], "planned_on": "2023-07-04"}

    async def act(path: str, **facts: Any) -> httpx2.Response:
        if case.act == "create_audition":
            return await world.consultant.post("auditions", {**body, **facts})
        if case.act == "hold_audition":
            return await world.consultant.post(f"{path}/hold", {"held_on": "2023-07-04", **facts})
        return await world.consultant.patch(path, facts)

    for whole in (True, False):
        path = f"auditions/{(await world.audition(firm))['id']}"
        case.refused(await act(path, follow_up="Call back.", follow_up_owner_id=owner))
        due = {"follow_up": "Call back.", "follow_up_owner_id": owner, "follow_up_due_on": "2023-09-01"}
        case.cured(await act(path, **(due if whole else dict.fromkeys(due))))
    if case.act == "update_audition":
        ok(await act(path, **due))
        ok(await world.consultant.post(f"{path}/hold", {"held_on": "2023-07-04"}))
        case.refused(await act(path, follow_up_done_on="2023-07-03"))
        case.cured(await act(path, follow_up_done_on="2023-07-04"))


@walk("still-referenced", "update_audition")
async def a_firm_whose_person_took_part(case: Case) -> None:
    contact = await case.world.contact()
    path = f"auditions/{(await case.world.audition(contact['siren'], contact_ids=[contact['id']]))['id']}"
    others = {"sirens": [await case.world.followed_firm()]}
    case.refused(await case.world.consultant.patch(path, others))
    case.cured(await case.world.consultant.patch(path, {**others, "contact_ids": []}))


# --- meetings --------------------------------------------------------------------------------------------------------


@walk("meeting-closed", "update_committee")
async def meeting_closed(case: Case) -> None:
    path = await closed(case.world)
    case.refused(await staff(case.world).patch(path, {"place": "Alès"}))
    case.cured(await staff(case.world).patch(f"committees/{(await case.world.meeting())['id']}", {"place": "Alès"}))


def _meeting(**more: Any) -> dict[str, Any]:
    """A meeting that was held, told in one body."""
    return {"level": "territorial", "planned_at": HELD, "held_at": HELD, "members": seats("present")} | more


@walk("chair-missing", "create_committee", "update_committee", "hold_committee")
async def chair_missing(case: Case) -> None:
    world = case.world
    nobody, one = seats("present", chairs=0), seats("present", chairs=1)
    if case.act == "create_committee":
        case.refused(await staff(world).post("committees", _meeting(members=nobody)))
        case.cured(await staff(world).post("committees", _meeting(members=one)))
        return
    if case.act == "update_committee":
        path = await held(world)
        case.refused(await staff(world).patch(path, {"members": nobody}))
        case.cured(await staff(world).patch(path, {"members": one}))
        return
    path = f"committees/{(await world.meeting(members=nobody))['id']}"
    case.refused(await staff(world).post(f"{path}/hold", {"held_at": HELD}))
    case.cured(await staff(world).post(f"{path}/hold", {"held_at": HELD, "members": one}))


@walk("minutes-before-the-meeting", "create_committee", "update_committee")
async def minutes_before_the_meeting(case: Case) -> None:
    if case.act == "create_committee":
        planned = {name: value for name, value in _meeting().items() if name != "held_at"}
        case.refused(await staff(case.world).post("committees", planned | RECORD))
        case.cured(await staff(case.world).post("committees", _meeting() | RECORD))
        return
    path = f"committees/{(await case.world.meeting())['id']}"
    case.refused(await staff(case.world).patch(path, RECORD))
    ok(await staff(case.world).post(f"{path}/hold", {"held_at": HELD}))
    case.cured(await staff(case.world).patch(path, RECORD))


@walk("attendance-missing", "close_committee")
@walk("minutes-missing", "close_committee")
async def record_incomplete(case: Case) -> None:
    world, chair = case.world, case.world.clients["committee"]
    complete, without = ("present", "absent"), ("present", None)
    path = await held(world, *(without if case.code == "attendance-missing" else complete))
    if case.code == "attendance-missing":
        ok(await staff(world).patch(path, RECORD))
    case.refused(await chair.post(f"{path}/close"))
    ok(await staff(world).patch(path, {"members": seats(*complete)} if case.code == "attendance-missing" else RECORD))
    case.cured(await chair.post(f"{path}/close"))


@walk("writer-closes", "close_committee")
async def writer_closes(case: Case) -> None:
    world = case.world
    path = await held(world, "present", "absent")
    both = await subject(world, "territory", "committee")
    ok(await both.patch(path, RECORD))
    case.refused(await both.post(f"{path}/close"), "role committee")
    case.cured(await world.clients["committee"].post(f"{path}/close"))


# --- projects --------------------------------------------------------------------------------------------------------


@walk("commune-outside-perimeter", "create_project", "update_project")
async def commune_outside_perimeter(case: Case) -> None:
    world = await case.own()
    body = {"title": "P", "kind": "other", "maturity": "idea", "detected_on": "2023-07-04",
            "holders": [{"kind": "association", "name": "Association"}]}  # fmt: skip

    async def act(code: str) -> httpx2.Response:
        if case.act == "create_project":
            return await staff(world).post("projects", {**body, "commune_code": code})
        return await staff(world).patch(path, {"commune_code": code})

    path = f"projects/{ok(await staff(world).post('projects', body), 201)['id']}"
    case.refused(await act("30007"))
    await perimeter(world)  # the programme records that of the year
    case.cured(await act("30007"))
    case.refused(await act("30305"))
    case.cured(await act("30007"))


@walk("commune-in-use", "put_perimeter")
async def commune_in_use(case: Case) -> None:
    world = await case.own()
    await perimeter(world, 2023, "30007", "30010")
    await project(world, commune_code="30010")
    new = [{"insee_code": code, "name": "Commune"} for code in ("30007", "30305")]
    told = case.refused(await world.programme.put("perimeter/2023", {"communes": new}))
    kept = [{"insee_code": code, "name": "Commune"} for code in told["insee_codes"]]
    case.cured(await world.programme.put("perimeter/2023", {"communes": [*new, *kept]}))
    case.cured(await world.programme.put("perimeter/2024", {"communes": new}))


@walk("detected-too-late", "update_project")
async def detected_too_late(case: Case) -> None:
    """Give the day that the detail names, or an earlier one: the day of the record, then that of the next stage."""
    found = await project(case.world)
    path = f"projects/{found['id']}"
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    told = case.refused(await staff(case.world).patch(path, {"detected_on": tomorrow}))
    case.cured(await staff(case.world).patch(path, {"detected_on": told["latest_on"]}))
    ok(await staff(case.world).patch(path, {"detected_on": "2023-07-04"}))
    await pass_through(case.world, found["id"], "oriented")
    told = case.refused(await staff(case.world).patch(path, {"detected_on": "2023-08-02"}))
    for day in (told["latest_on"], "2023-07-31"):
        case.cured(await staff(case.world).patch(path, {"detected_on": day}))


@walk("detection-reserved", "create_project")
async def detection_reserved(case: Case) -> None:
    world = await case.own()
    mission = await world.mission(people={"partner": world.subjects["consultant"]})
    siren = await world.followed_firm()
    body = {"title": "Workshop", "kind": "equipment", "maturity": "idea", "detected_on": "2023-07-04",
            "holders": [{"kind": "firm", "siren": siren}]}  # fmt: skip
    case.refused(await world.consultant.post("projects", body))
    audition = await world.audition(siren, consultant_ids=[mission.partner_consultant])
    case.cured(await world.consultant.post("projects", {**body, "detected_in_audition_id": audition["id"]}))
    case.cured(await staff(world).post("projects", body))
    colleague = await subject(world, "consultant")
    theirs = {**body, "detected_in_audition_id": audition["id"]}
    case.refused(await colleague.post("projects", theirs))
    case.cured(await world.consultant.post("projects", theirs))
    case.cured(await staff(world).post("projects", theirs))


@walk("funding-route-missing", "update_project", "change_project_stage")
async def funding_route_missing(case: Case) -> None:
    world = case.world
    oriented = {"stage": "oriented", "effective_on": "2023-08-01"}
    for with_it in (True, False):
        path = f"projects/{(await project(world))['id']}"
        if case.act == "update_project":
            ok(await staff(world).post(f"{path}/stages", {**oriented, "funding_route": "rebond"}))
            case.refused(await staff(world).patch(path, {"funding_route": None}))
            case.cured(await staff(world).patch(path, {"funding_route": "bank"}))
            return
        case.refused(await staff(world).post(f"{path}/stages", oriented))
        if not with_it:
            ok(await staff(world).patch(path, {"funding_route": "rebond"}))
        with_route = {"funding_route": "rebond"} if with_it else {}
        case.cured(await staff(world).post(f"{path}/stages", {**oriented, **with_route}))


@walk("financing-incomplete", "put_financing")
async def financing_incomplete(case: Case) -> None:
    path = f"projects/{(await project(case.world, costs=COSTS[1:2]))['id']}"

    async def act(status: str, cents: int) -> httpx2.Response:
        lines = [{"kind": "loan", "source": "Bank", "amount_cents": cents, "status": "planned"}]
        return await staff(case.world).put(f"{path}/financing", {"status": status, "lines": lines})

    told = case.refused(await act("complete", 100_000_00))
    assert told["gaps"]
    case.cured(await act("draft", 100_000_00))
    case.cured(await act("complete", told["uses_cents"]))
    case.refused(await act("complete", 100_000_00))
    ok(await staff(case.world).patch(path, {"costs": [{**COSTS[1], "amount_cents": 100_000_00}]}))
    case.cured(await act("complete", 100_000_00))


@walk("other-public-aid-in-plan", "create_funding_statement")
async def other_public_aid_in_plan(case: Case) -> None:
    path = f"projects/{(await project(case.world, costs=COSTS))['id']}"

    async def plan(status: str) -> None:
        lines = [{"kind": "other_public_aid", "source": "Région", "amount_cents": 1000_00, "status": status,
                  "legal_basis": "Régime cadre"}]  # fmt: skip
        ok(await staff(case.world).put(f"{path}/financing", {"status": "draft", "lines": lines}))

    await plan("planned")
    statement = {"sources_searched": ["ADEME"]}
    case.refused(await staff(case.world).post(f"{path}/funding-statements", statement))
    await plan("refused")
    case.cured(await staff(case.world).post(f"{path}/funding-statements", statement))


# --- roadmaps --------------------------------------------------------------------------------------------------------


@walk("roadmap-adopted", "update_roadmap_version", "delete_roadmap_version", "adopt_roadmap_version")
async def roadmap_adopted(case: Case) -> None:
    world = await case.own()

    async def act(version: str) -> httpx2.Response:
        if case.act == "adopt_roadmap_version":
            return await adopt(world.clients["committee"], version, await committee(world, "2023-11-07T12:00:00Z"))
        if case.act == "update_roadmap_version":
            return await staff(world).patch(f"roadmap/versions/{version}", {"title": "Another"})
        return await staff(world).delete(f"roadmap/versions/{version}")

    case.refused(await act((await in_force(world))["id"]))
    copy = ok(await staff(world).post("roadmap/versions", {}), 201)
    assert len(copy["axes"]) == len(AXES)
    case.cured(await act(copy["id"]))


@walk("draft-exists", "create_roadmap_version")
async def draft_exists(case: Case) -> None:
    world = await case.own()
    first = await draft(world)
    case.refused(await staff(world).post("roadmap/versions", {"title": "B"}))
    case.cured(await staff(world).patch(f"roadmap/versions/{first['id']}", {"title": "B"}))
    ok(await staff(world).delete(f"roadmap/versions/{first['id']}"), 204)
    again = {"title": "B", "starts_on": "2023-10-03", "ends_on": "2027-12-31"}
    case.cured(await staff(world).post("roadmap/versions", again))


@walk("committee-not-held", "adopt_roadmap_version")
async def committee_not_held(case: Case) -> None:
    world = await case.own()
    meeting = (await world.meeting())["id"]
    version = (await draft(world))["id"]
    case.refused(await adopt(world.clients["committee"], version, meeting))
    ok(await staff(world).post(f"committees/{meeting}/hold", {"held_at": HELD}))
    case.cured(await adopt(world.clients["committee"], version, meeting))


@walk("roadmap-in-force-twice", "adopt_roadmap_version")
async def roadmap_in_force_twice(case: Case) -> None:
    world = await case.own()
    await in_force(world)
    version = (await draft(world))["id"]
    case.refused(await adopt(world.clients["committee"], version, await committee(world)))
    case.cured(await adopt(world.clients["committee"], version, await committee(world, "2023-11-07T12:00:00Z")))


@walk("drafter-adopts", "adopt_roadmap_version")
async def drafter_adopts(case: Case) -> None:
    world = await case.own()
    version, meeting = (await draft(world))["id"], await committee(world)
    case.refused(await adopt(staff(world), version, meeting), "role committee or territory")
    case.cured(await adopt(await subject(world, "territory"), version, meeting))


@walk("action-not-in-force", "change_roadmap_action_state")
async def action_not_in_force(case: Case) -> None:
    world = await case.own()
    version = await draft(world)
    path = f"roadmap/actions/{version['axes'][0]['actions'][0]['id']}/states"
    case.refused(await staff(world).post(path, {"state": "in_progress"}))
    ok(await adopt(world.clients["committee"], version["id"], await committee(world)))
    case.cured(await staff(world).post(path, {"state": "in_progress"}))


# --- files and documents ---------------------------------------------------------------------------------------------


@walk("unreadable-file", "create_import", "create_national_import")
async def unreadable_file(case: Case) -> None:
    here = case.act == "create_import"
    path = "imports?kind=perimeter" if here else "/v1/imports?kind=firms"
    client = case.world.programme if here else staff(case.world)

    async def act(content: bytes) -> httpx2.Response:
        return await client.request("POST", path, content=content, headers={"Content-Type": "text/csv"})

    case.refused(await act(b""))
    siren = fresh_siren()
    case.cured(await act(b"vintage;insee_code;name\n2023;30007;Commune" if here else f"siren;nom\n{siren};A".encode()))


OF_FILES = ("get_annotated_import", "get_annotated_national_import")
FILES = (*OF_FILES, "delete_import_file", "delete_national_import_file")


async def imported(case: Case, content: bytes | None = None) -> str:
    """The address of a finished import of the staff's, with a fault in its file."""
    national = "national" in case.act
    base = "/v1/imports" if national else f"/v1/territories/{case.world.territory}/imports"
    file = b"siren;nom\n123456789;A\n" if national else b"titre;type;maturite;siren\nA;equipement;etude;123\n"
    path = f"{base}?kind={'firms' if national else 'projects'}"
    ended = await ended_of(staff(case.world), await send(staff(case.world), path, content or file), base)
    return f"{base}/{ended['id']}"


async def of_file(case: Case, address: str) -> httpx2.Response:
    client = staff(case.world)
    if case.act in OF_FILES:
        return await client.get(f"{address}/annotated", params={"format": "json"})
    return await client.delete(f"{address}/file")


@walk("file-needed", *FILES)
async def file_needed(case: Case) -> None:
    address = await imported(case)
    key = address.rpartition("/")[2]
    running = "UPDATE imports SET status = 'running', finished_at = NULL, heartbeat_at = now() WHERE id::text = $1"
    ended = "UPDATE imports SET status = 'refused', finished_at = now(), heartbeat_at = NULL WHERE id::text = $1"
    await case.world.pool.execute(running, key)
    case.refused(await of_file(case, address))
    await case.world.pool.execute(ended, key)
    case.cured(await of_file(case, address))


@walk("file-forgotten", *FILES)
async def file_forgotten(case: Case) -> None:
    address = await imported(case)
    ok(await staff(case.world).delete(f"{address}/file"))
    case.refused(await of_file(case, address))
    case.cured(await of_file(case, await imported(case)))


@walk("file-too-long", *OF_FILES)
async def file_too_long(case: Case) -> None:
    address = await imported(case)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(annotated, "MOST_LINES", 1)
        case.refused(await of_file(case, address))
    case.cured(await staff(case.world).get(f"{address}/problems"))


@walk("unreadable-file", *OF_FILES)
async def unreadable_file_of_an_import(case: Case) -> None:
    case.refused(await of_file(case, await imported(case, b"PK\x03\x04 no workbook")))
    case.cured(await of_file(case, await imported(case)))


@walk("pdf-not-installed", "get_agenda", "get_committee_record")
async def pdf_of_a_meeting_not_installed(case: Case) -> None:
    world = await case.own()
    path = f"committees/{(await closed_meeting(world))['committee']}"
    path += "/agenda" if case.act == "get_agenda" else "/record"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "_installed", lambda: False)
        case.refused(await staff(world).get(path, params={"format": "pdf"}))
        response = await staff(world).get(path, params={"format": "xlsx"})
    assert response.content.startswith(b"PK")
    case.cured(await staff(world).get(path))


@walk("pdf-not-installed", "get_timesheet", "get_service_certificate")
async def pdf_not_installed(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    await validated(world, mission, worked_on="2023-07-04")
    path = f"consultants/{mission.partner_consultant}/timesheets/2023-07"
    if case.act == "get_service_certificate":
        path = f"service-certificates/{(await world.certify(mission))['id']}"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "_installed", lambda: False)
        case.refused(await world.operator.get(path, params={"format": "pdf"}))
        response = await world.operator.get(path, params={"format": "xlsx"})
    assert response.content.startswith(b"PK")
    case.cured(await world.operator.get(path))


@walk("import-space-exhausted", "create_import", "create_national_import")
async def import_space_exhausted(case: Case) -> None:
    """The limit is that of every territory's staff in this database, so it is lifted again whatever happens."""
    address = await imported(case)
    world, sender = case.world, staff(case.world)
    base = address.rpartition("/")[0]
    path = f"{base}?kind={'firms' if 'national' in case.act else 'projects'}"
    kept = await world.pool.fetchval(
        "SELECT sum(size_bytes)::bigint FROM imports WHERE requested_by = $1 AND file_kept_until IS NOT NULL",
        world.subjects["territory"],
    )

    async def limit(value: int) -> None:
        body = {"subject_kind": "person", "role": "territory", "name": "import_bytes", "value": value,
                "from_on": "2026-01-03", "source": "A cure."}  # fmt: skip
        ok(await world.programme.post("/v1/quotas", body), 201)

    async def act() -> httpx2.Response:
        headers = {"Content-Type": "text/csv"}
        return await sender.request("POST", path, content=b"x;y\n", headers=headers)

    await limit(kept)
    try:
        case.refused(await act())
        ok(await sender.delete(f"{address}/file"))
        case.cured(await act())
    finally:
        await limit(10**9)
