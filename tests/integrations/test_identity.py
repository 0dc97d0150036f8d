"""An event's (territory, resource type, resource id) names one thing, and the last of them is a version of its own."""

import json
import re
from collections import defaultdict
from typing import Any

import pytest

from app.advances.arrears.rules import AdvanceAlertKind
from tests.contract.conftest import Known, one_of_everything
from tests.core.writing.test_events import Reader
from tests.world import World, ok

T = "/v1/territories/{territory}"
# Where each type of resource is read, by the fields of the event's data.
ADDRESSES = {
    "advance": T + "/advances/{id}",
    "allotment": T + "/missions/{mission_id}/allotments/{id}",
    "api_key": "/v1/api-keys/{id}",
    "bank_account": "/v1/organisations/{organisation_id}/bank-accounts/{id}",
    "payment_run": T + "/payment-runs/{id}",
    "collection_run": T + "/collection-runs/{id}",
    "mandate": T + "/firms/{siren}/mandates/{id}",
    "bank_details": T + "/firms/{siren}/bank-details/{id}",
    "firm_certificate": T + "/firms/{siren}/certificates/{id}",
    "application": T + "/applications/{id}",
    "application_document": T + "/applications/{application_id}/documents/{id}",
    "application_review": T + "/applications/{application_id}/review",
    "audition": T + "/auditions/{id}",
    "audition_note": T + "/auditions/{audition_id}/notes/{id}",
    "agenda": T + "/committees/{committee_id}/agenda",
    "claim": T + "/claims/{id}",
    "change_request": T + "/{award}/change-requests/{id}",
    "receipt": T + "/receipts/{id}",
    "receipt_refund": T + "/receipts/{receipt_id}/refunds/{id}",
    "reschedule": T + "/advances/{advance_id}/reschedules/{id}",
    "rate_change": T + "/advances/{advance_id}/rate-changes/{id}",
    "availability_extension": T + "/advances/{advance_id}/availability-extensions/{id}",
    "waiver": T + "/advances/{advance_id}/waivers/{id}",
    "write_off": T + "/advances/{advance_id}/write-offs/{id}",
    "early_repayment": T + "/advances/{advance_id}/early-repayments/{id}",
    "turnover": T + "/advances/{advance_id}/turnovers/{id}",
    "commitment": T + "/commitments/{id}",
    # It is read below a grant or an advance, which its event leaves out; it has no version.
    "commitment_report": T + "/commitments/{commitment_id}/reports/{id}",
    "committee": T + "/committees/{id}",
    "committee_decision": T + "/committees/{committee_id}/decisions/{id}",
    "consultant": T + "/consultants/{id}",
    "contact": T + "/contacts/{id}",
    "contribution": T + "/envelope/contributions/{id}",
    "financing": T + "/projects/{project_id}/financing",
    "firm": "/v1/firms/{siren}",
    "firm_activity": "/v1/firms/{siren}/activities",
    "firm_accounts": T + "/firms/{siren}/accounts/{year}",
    "firm_note": T + "/firms/{siren}/note",
    "firm_owner": "/v1/firms/{siren}/owner",
    "funding_statement": T + "/projects/{project_id}/funding-statements/{id}",
    "grant": T + "/grants/{id}",
    "override": T + "/overrides/{id}",
    "import": T + "/imports/{id}",
    "job_observation": T + "/projects/{project_id}/job-observations/{id}",
    "late_entry_leave": T + "/missions/{mission_id}/late-entry-leaves/{id}",
    "member": "/v1/members/{id}",
    "legal_rate": "/v1/legal-rates/{id}",
    "refinancing_rate": "/v1/refinancing-rates/{id}",
    "invoice": T + "/invoices/{id}",
    "activity_report": T + "/activity-reports/{id}",
    "letter": T + "/letters/{id}",
    "mission": T + "/missions/{id}",
    "mission_plan": T + "/missions/{mission_id}/plan",
    "remaining_days": T + "/missions/{mission_id}/remaining-days/{id}",
    "deliverable": T + "/missions/{mission_id}/deliverables/{id}",
    "framework": "/v1/frameworks/{id}",
    "framework_parameter": "/v1/frameworks/{framework_id}/parameters/{id}",
    "mission_member": T + "/missions/{mission_id}/members/{id}",
    "month_lock": T + "/month-locks/{id}",
    "order": T + "/missions/{mission_id}/orders/{id}",
    "organisation": "/v1/organisations/{id}",
    "grant_payment": T + "/grants/{grant_id}/payments/{id}",
    "perimeter": T + "/perimeter/{vintage}",
    "person": "/v1/organisations/{organisation_id}/persons/{id}",
    "proceeding": "/v1/firms/{siren}/proceedings/{id}",
    "project": T + "/projects/{id}",
    "rate": T + "/missions/{mission_id}/rates/{id}",
    "recovery": T + "/grants/{grant_id}/recoveries/{id}",
    "recovery_receipt": T + "/grants/{grant_id}/recoveries/{recovery_id}/receipts/{id}",
    "advance_notice": T + "/advances/{advance_id}/notices/{id}",
    "advance_acceleration": T + "/advances/{advance_id}/accelerations/{id}",
    "debt_claim": T + "/advances/{advance_id}/debt-claims/{id}",
    "advance_repayment": T + "/advances/{advance_id}/repayments/{id}",
    "roadmap_action": T + "/roadmap/actions/{id}",
    "roadmap_version": T + "/roadmap/versions/{id}",
    "scheme": "/v1/schemes/{code}",
    "scheme_parameter": "/v1/schemes/{scheme}/parameters/{id}",
    "service_account": "/v1/organisations/{organisation_id}/service-accounts/{id}",
    "service_certificate": T + "/service-certificates/{id}",
    "site": "/v1/firms/{siren}/sites/{siret}",
    "territory": T,
    "territory_firm": T + "/firms/{siren}",
    "time_entry": T + "/time-entries/{id}",
    "time_entry_correction": T + "/time-entry-corrections/{id}",
    "advance_tranche": T + "/advances/{advance_id}/tranches/{id}",
    "wave": "/v1/waves/{id}",
}
# What is shown is the crossing, what it is about the mission; so are alerts of an advance.
ABOUT = {
    "mission.threshold_crossed": "mission_id",
    **{f"advance.{kind}": "advance_id" for kind in AdvanceAlertKind},
}


async def everything(world: World) -> Known:
    """One of everything, another firm with the same year, and more states of some objects."""
    known = await one_of_everything(world)
    staff = world.clients["territory"]
    other = await world.followed_firm()
    for siren in (known.ids["siren"], other):
        for year in (2021, 2022):
            figures = {"headcount": year, "source": "Liasse"}
            ok(await staff.put(f"firms/{siren}/accounts/{year}", figures), (200, 201))
    communes = {"communes": [{"insee_code": "30007", "name": "Alès"}]}
    ok(await world.programme.put("perimeter/2024", communes), 201)
    return known


async def test_an_identity_is_one_address_and_an_address_one_identity(world: World) -> None:
    before = await world.pool.fetchval("SELECT coalesce(max(sequence), 0) FROM events")
    await everything(world)
    rows = await world.pool.fetch(
        "SELECT territory, resource_type, resource_id, resource_version, data::text, type FROM events"
        " WHERE (territory = $1 OR territory IS NULL) AND sequence > $2 ORDER BY sequence DESC",
        world.territory,
        before,
    )
    at: dict[Any, set[str]] = defaultdict(set)
    named: dict[str, set[Any]] = defaultdict(set)
    latest: dict[Any, tuple[int | None, str]] = {}
    for row in rows:
        identity = (row["territory"], row["resource_type"], row["resource_id"])
        data = {"territory": world.territory, **json.loads(row["data"])}
        if row["type"] in ABOUT:
            data["id"] = data[ABOUT[row["type"]]]
        data["award"] = f"grants/{given}" if (given := data.get("grant_id")) else f"advances/{data.get('advance_id')}"
        address = ADDRESSES[row["resource_type"]].format_map(data)
        at[identity].add(address)
        named[address].add(identity)
        latest.setdefault(identity, (row["resource_version"], address))
    assert [(identity, found) for identity, found in at.items() if len(found) > 1] == []
    assert [(address, found) for address, found in named.items() if len(found) > 1] == []
    told = {identity for identity in latest if identity[1] == "firm_accounts"}
    years = "SELECT count(*) FROM firm_accounts WHERE territory = $1"
    assert len(told) == await world.pool.fetchval(years, world.territory) > 4, "two years of two firms among them"
    assert all(re.fullmatch(r"\d{9}/20\d\d", identity[2]) for identity in told)
    for (territory, type_, _), (version, address) in latest.items():
        if territory is None or version is None:
            continue
        shown = await world.auditor.get(address)
        assert ok(shown, 200)["version"] == version, (type_, address)


async def test_the_feed_finds_the_years_of_one_firm(world: World) -> None:
    known = await everything(world)
    siren = known.ids["siren"]
    reader = Reader(world.operator, f"&resource_type=firm_accounts&resource_id={siren}/2022")
    await reader.until(lambda reader: len(reader.seen) >= 2)
    found = reader.seen
    assert {(event["data"]["siren"], event["data"]["year"]) for event in found} == {(siren, 2022)}
    assert [event["resource"]["version"] for event in found] == [1, 2]


async def notes_and_drafts(world: World) -> dict[str, tuple[str, str]]:
    """Something that can be deleted: by the type of its events, who deletes it and where."""
    siren = await world.followed_firm()
    staff = world.clients["territory"]
    planned = {"kind": "interview", "sirens": [siren], "planned_on": "2023-07-04"}
    audition = ok(await staff.post("auditions", planned), 201)["id"]
    note = ok(await staff.post(f"auditions/{audition}/notes", {"body": "Said in confidence."}), 201)["id"]
    draft = {
        "title": "Draft",
        "starts_on": "2023-01-01",
        "ends_on": "2025-12-31",
        "axes": [{"title": "Axis", "actions": [{"title": "Action"}]}],
    }
    draft = ok(await staff.post("roadmap/versions", draft), 201)["id"]
    return {
        "audition_note": ("territory", f"auditions/{audition}/notes/{note}"),
        "roadmap_version": ("territory", f"roadmap/versions/{draft}"),
    }


@pytest.mark.parametrize("kind", ["audition_note", "roadmap_version"])
@pytest.mark.parametrize("changed", [False, True])
async def test_a_deletion_has_a_version_of_its_own(world: World, kind: str, changed: bool) -> None:
    who, path = (await notes_and_drafts(world))[kind]
    if changed:
        ok(await world.clients[who].patch(path, {"body": "Else."} if kind == "audition_note" else {"title": "Else"}))
    ok(await world.clients[who].delete(path), 204)
    key = path.rpartition("/")[2]
    found = await world.pool.fetch(
        "SELECT type, resource_version, data ->> 'version' AS version FROM events WHERE resource_id = $1"
        " ORDER BY sequence", key,
    )  # fmt: skip
    versions = [row["resource_version"] for row in found]
    assert versions == list(range(1, len(found) + 1)) == [int(row["version"]) for row in found]
    assert found[-1]["type"] == f"{kind}.deleted"
    assert len(found) == 3 if changed else 2
