"""Every route, walked: what it needs, what it documents, and who gets through."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.access.rules import MATRIX
from app.core.problems import CATALOGUE
from app.core.writing import strictjson
from tests.contract.cures.decisions import closed_meeting
from tests.contract.cures.files import admissible
from tests.contract.document import document
from tests.directory import siret_of
from tests.engineering.deliverables.acts import ordered
from tests.engineering.invoices.acts import invoice
from tests.engineering.planning.acts import line, plan, state
from tests.missions.frameworks.acts import a_framework, a_parameter
from tests.treasury.collecting import a_collection
from tests.treasury.runs import a_run
from tests.world import AMENDED, Client, Mission, World, ok

Placed = tuple[World, Mission, dict[str, str]]  # with real ids in it

# --- who may do what, as product.md says it -----------------------------------------------------------------------

ALL = {
    "programme", "operator", "consultant", "lead", "territory", "funder", "treasurer", "committee", "auditor", "admin",
}  # fmt: skip
NATIONAL = {"programme", "operator", "auditor", "admin"}  # who reads everything, in all territories
IN_PLACE = NATIONAL | {"lead", "territory", "funder", "treasurer"}
AT_WORK = IN_PLACE | {"consultant"}
CONSORTIUM = NATIONAL | {"lead", "consultant"}  # each firm its own
MEETING = {"consultant", "lead", "territory"}  # who meets the firms
PEOPLE = NATIONAL | MEETING | {"funder"}  # who needs the names of a firm's people
MONEY = NATIONAL | {"territory", "funder", "treasurer"}

REGISTRARS = {"programme", "operator", "territory"}  # who writes public facts of firms
IMPORTERS = {
    "consultant",
    "lead",
    "territory",
    "programme",
    "funder",
    "treasurer",
    "admin",
}  # each for the kinds that its other permissions allow
SENDERS = IMPORTERS & REGISTRARS  # of the imports that stand here, which are of firms

T = "/v1/territories/{territory}"
FIRM = "/v1/firms/{siren}"
SCHEME = "/v1/schemes/{scheme}"
FRAMEWORK = "/v1/frameworks/{framework_id}"
DELIVERABLES = T + "/missions/{mission_id}/deliverables"
DELIVERABLE = DELIVERABLES + "/{id}"
MISSION = T + "/missions/{mission_id}"
ENTRY = T + "/time-entries/{id}"
CORRECTION = T + "/time-entry-corrections/{id}"
REPORT = T + "/activity-reports/{id}"
INVOICE = T + "/invoices/{id}"
GRANT = T + "/grants/{grant_id}"
ADVANCE = T + "/advances/{advance_id}"
RECOVERY = GRANT + "/recoveries/{id}"
RECEIPT = GRANT + "/recoveries/{recovery_id}/receipts/{id}"
REFUNDS = T + "/receipts/{receipt_id}/refunds"
CLAIMS = {"grant_claim": GRANT + "/claims", "advance_claim": ADVANCE + "/claims"}
OVERRIDE = T + "/overrides/{id}"
APPLICATION, OF_APPLICATION = T + "/applications/{id}", T + "/applications/{application_id}"
BANK_DETAILS = T + "/firms/{siren}/bank-details"
CERTIFICATES = T + "/firms/{siren}/certificates"
MANDATES = T + "/firms/{siren}/mandates"
COLLECTION, OF_COLLECTION = T + "/collection-runs/{id}", T + "/collection-runs/{collection_run_id}"
RUN, OF_RUN = T + "/payment-runs/{id}", T + "/payment-runs/{run_id}"
ACCOUNTS = "/v1/organisations/{organisation_id}/bank-accounts"  # of the caller's organisation, for a local role
CALCULATOR = "/v1/advance-schedules"  # a POST that reads: it stores nothing, and any key may ask
CONTACT = T + "/contacts/{id}"
ENROLMENTS = "/v1/enrolments"
COMMITTEE, OF_COMMITTEE = T + "/committees/{id}", T + "/committees/{committee_id}"
NOTES = T + "/auditions/{audition_id}/notes"
PROJECT = T + "/projects/{project_id}"
VERSION = T + "/roadmap/versions/{id}"

# address → who reads it, who writes to it
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "/v1/me": (ALL, set()),
    "/v1/me/to-do": (ALL, set()),
    "/v1/events": (AT_WORK, set()),
    "/v1/events/seals": (ALL, set()),
    "/v1/access-records": ({"auditor"}, set()),
    "/v1/organisations": (NATIONAL, {"admin"}),
    "/v1/organisations/{id}": (NATIONAL, {"admin"}),
    "/v1/organisations/{organisation_id}/persons": (NATIONAL, {"admin"}),
    "/v1/organisations/{organisation_id}/persons/{id}": (NATIONAL, {"admin"}),
    "/v1/organisations/{organisation_id}/persons/{id}/end": (NATIONAL, {"admin"}),
    "/v1/organisations/{organisation_id}/service-accounts": (NATIONAL, {"admin"}),
    "/v1/organisations/{organisation_id}/service-accounts/{id}": (NATIONAL, set()),
    "/v1/members": (NATIONAL, {"admin"}),
    "/v1/members/{id}": (NATIONAL, {"admin"}),
    "/v1/members/{id}/approve": (NATIONAL, {"admin"}),
    "/v1/api-keys": (NATIONAL, {"admin"}),
    "/v1/api-keys/{id}": (NATIONAL, set()),
    "/v1/api-keys/{id}/rotate": (NATIONAL, {"admin"}),
    "/v1/api-keys/{id}/revoke": (NATIONAL, {"admin"}),
    "/v1/api-keys/{id}/confirm": (NATIONAL, {"admin"}),
    "/v1/me/keys": (ALL, set()),
    "/v1/me/keys/{id}": (ALL, set()),
    "/v1/me/keys/{id}/rotate": (ALL, ALL),
    "/v1/me/keys/{id}/revoke": (ALL, ALL),
    "/v1/quotas": (ALL, {"programme"}),
    "/v1/quotas/{id}": (ALL, set()),
    "/v1/lookups/persons": (NATIONAL | MEETING, set()),
    "/v1/lookups/organisations": (NATIONAL | MEETING, set()),
    "/v1/waves": (ALL, {"programme"}),
    "/v1/waves/{id}": (ALL, {"programme"}),
    "/v1/schemes": (ALL, {"programme"}),
    SCHEME: (ALL, {"programme"}),
    SCHEME + "/parameters": (ALL, {"programme"}),
    SCHEME + "/parameters/{id}": (ALL, {"programme"}),
    "/v1/frameworks": (NATIONAL, {"operator"}),
    "/v1/frameworks/{id}": (NATIONAL, {"operator"}),
    FRAMEWORK + "/orders": (NATIONAL, set()),
    FRAMEWORK + "/parameters": (NATIONAL, {"operator"}),
    FRAMEWORK + "/parameters/{id}": (NATIONAL, {"operator"}),
    "/v1/legal-rates": (ALL, {"programme"}),
    "/v1/legal-rates/{id}": (ALL, set()),
    "/v1/refinancing-rates": (ALL, {"programme"}),
    "/v1/refinancing-rates/{id}": (ALL, set()),
    "/v1/territories": (ALL, {"programme"}),
    T: (ALL, {"programme"}),
    T + "/perimeter": (ALL, set()),
    T + "/perimeter/{vintage}": (ALL, {"programme"}),
    "/v1/firms": (ALL, REGISTRARS),
    FIRM: (ALL, REGISTRARS),
    FIRM + "/refresh": (ALL, REGISTRARS),
    FIRM + "/owner": (MONEY, REGISTRARS),
    FIRM + "/activities": (ALL, REGISTRARS),
    FIRM + "/sites": (ALL, set()),
    FIRM + "/sites/{siret}": (ALL, REGISTRARS),
    FIRM + "/seats": (ALL, set()),
    FIRM + "/proceedings": (ALL, REGISTRARS),
    FIRM + "/proceedings/{id}": (ALL, REGISTRARS),
    T + "/firms": (AT_WORK, set()),
    T + "/firms/funnel": (AT_WORK, set()),
    T + "/firms/{siren}/accounts": (AT_WORK, set()),
    T + "/firms/{siren}/accounts/{year}": (AT_WORK, {"territory"}),
    T + "/firms/{siren}/note": (NATIONAL | {"territory"}, {"territory"}),
    T + "/firms/{siren}": (AT_WORK, {"territory"}),
    T + "/firms/{siren}/stages": (AT_WORK, set()),
    T + "/contacts": (PEOPLE, {"territory"}),
    CONTACT: (PEOPLE, {"territory"}),
    CONTACT + "/erase": (PEOPLE, {"territory"}),
    CONTACT + "/export": (PEOPLE, set()),
    T + "/committees": (ALL, {"territory"}),
    COMMITTEE: (ALL, {"territory"}),
    COMMITTEE + "/hold": (ALL, {"territory"}),
    COMMITTEE + "/cancel": (ALL, {"territory"}),
    COMMITTEE + "/close": (ALL, {"committee"}),
    T + "/auditions": (AT_WORK, MEETING),
    T + "/auditions/{id}": (AT_WORK, MEETING),
    T + "/auditions/{id}/hold": (AT_WORK, MEETING),
    T + "/auditions/{id}/cancel": (AT_WORK, MEETING),
    T + "/auditions/{id}/no-show": (AT_WORK, MEETING),
    T + "/auditions/{id}/reverse": (AT_WORK, MEETING),
    NOTES: (NATIONAL | MEETING, MEETING),
    NOTES + "/{id}": (NATIONAL | MEETING, MEETING),
    T + "/projects": (AT_WORK, {"territory"}),
    "/v1/projects": (AT_WORK, set()),
    T + "/projects/totals": (AT_WORK, set()),
    T + "/projects/{id}": (AT_WORK, {"territory"}),
    PROJECT + "/stages": (AT_WORK, {"territory"}),
    PROJECT + "/job-observations": (AT_WORK, {"territory"}),
    PROJECT + "/job-observations/{id}": (AT_WORK, set()),
    PROJECT + "/financing": (AT_WORK, {"territory"}),
    PROJECT + "/financing/versions": (AT_WORK, set()),
    PROJECT + "/financing/versions/{id}": (AT_WORK, set()),
    PROJECT + "/financing/versions/{id}/compare": (AT_WORK, set()),
    PROJECT + "/funding-statements": (AT_WORK, {"territory"}),
    PROJECT + "/funding-statements/{id}": (AT_WORK, set()),
    T + "/roadmap": (ALL, set()),
    T + "/roadmap/versions": (ALL, {"territory"}),
    VERSION: (ALL, {"territory"}),
    VERSION + "/adopt": (ALL, {"territory", "committee"}),
    VERSION + "/compare": (ALL, set()),
    VERSION + "/content": (ALL, set()),
    T + "/roadmap/actions": (ALL, set()),
    T + "/roadmap/actions/{id}": (ALL, set()),
    T + "/roadmap/actions/{action_id}/states": (ALL, {"territory"}),
    T + "/missions": (AT_WORK, {"operator"}),
    T + "/missions/{id}": (AT_WORK, {"operator"}),
    **{T + f"/missions/{{id}}/{act}": (AT_WORK, {"operator"}) for act in ("close", "cancel", "reopen")},
    MISSION + "/orders": (AT_WORK, {"operator"}),
    MISSION + "/orders/{id}": (AT_WORK, set()),
    MISSION + "/late-entry-leaves": (AT_WORK, {"operator"}),
    MISSION + "/late-entry-leaves/{id}": (AT_WORK, set()),
    MISSION + "/terms": (AT_WORK, set()),
    MISSION + "/allotments": (AT_WORK, set()),
    MISSION + "/allotments/{id}": (AT_WORK, set()),
    MISSION + "/threshold-crossings": (AT_WORK, set()),
    MISSION + "/rates": (CONSORTIUM, {"operator"}),
    MISSION + "/rates/{id}": (CONSORTIUM, {"operator"}),
    MISSION + "/plan": (CONSORTIUM, {"lead"}),
    MISSION + "/plan/versions": (CONSORTIUM, set()),
    MISSION + "/plan/versions/{id}": (CONSORTIUM, set()),
    MISSION + "/remaining-days": (AT_WORK, {"lead"}),
    MISSION + "/remaining-days/{id}": (AT_WORK, set()),
    MISSION + "/members": (AT_WORK, {"operator"}),
    MISSION + "/members/{id}": (AT_WORK, {"operator"}),
    T + "/consultants": (AT_WORK, {"operator"}),
    T + "/consultants/{id}": (AT_WORK, {"operator"}),
    T + "/time-entries": (AT_WORK, {"consultant", "lead"}),
    "/v1/time-entries": (AT_WORK, set()),
    T + "/time-entries/batch": (AT_WORK, {"consultant", "lead"}),
    ENTRY: (AT_WORK, {"consultant", "lead"}),
    ENTRY + "/submit": (AT_WORK, {"consultant", "lead"}),
    ENTRY + "/recall": (AT_WORK, {"consultant", "lead"}),
    ENTRY + "/reverse": (AT_WORK, {"consultant", "lead", "operator"}),
    ENTRY + "/validate": (AT_WORK, {"lead"}),
    ENTRY + "/reject": (AT_WORK, {"lead"}),
    T + "/time-entries/grid": (AT_WORK, {"consultant", "lead"}),
    T + "/time-entries/submit": (AT_WORK, {"consultant", "lead"}),
    T + "/time-entries/recall": (AT_WORK, {"consultant", "lead"}),
    T + "/time-entries/reverse": (AT_WORK, {"consultant", "lead", "operator"}),
    T + "/time-entries/validate": (AT_WORK, {"lead"}),
    T + "/time-entries/reject": (AT_WORK, {"lead"}),
    T + "/month-locks": (AT_WORK, {"operator"}),
    T + "/month-locks/{id}": (AT_WORK, set()),
    T + "/month-locks/{id}/reopen": (AT_WORK, {"operator"}),
    T + "/time-entry-corrections": (AT_WORK, {"consultant", "lead"}),
    CORRECTION: (AT_WORK, set()),
    CORRECTION + "/agree": (AT_WORK, {"lead"}),
    CORRECTION + "/refuse": (AT_WORK, {"lead", "operator"}),
    CORRECTION + "/withdraw": (AT_WORK, {"consultant", "lead"}),
    CORRECTION + "/accept": (AT_WORK, {"operator"}),
    T + "/deliverables": (AT_WORK, set()),
    T + "/deliverables/{id}": (AT_WORK, set()),
    DELIVERABLES: (AT_WORK, {"operator"}),
    DELIVERABLE: (AT_WORK, {"operator"}),
    DELIVERABLE + "/deliver": (AT_WORK, {"lead"}),
    DELIVERABLE + "/verify": (AT_WORK, {"operator"}),
    DELIVERABLE + "/admit": (AT_WORK, {"operator"}),
    DELIVERABLE + "/defer": (AT_WORK, {"operator"}),
    DELIVERABLE + "/admit-with-reduction": (AT_WORK, {"operator"}),
    DELIVERABLE + "/reject": (AT_WORK, {"operator"}),
    DELIVERABLES + "/{deliverable_id}/history": (AT_WORK, set()),
    T + "/activity-reports": (CONSORTIUM, {"consultant", "lead"}),
    REPORT: (CONSORTIUM, set()),
    REPORT + "/content": (CONSORTIUM, set()),
    REPORT + "/sign": (CONSORTIUM, {"consultant", "lead"}),
    REPORT + "/countersign": (CONSORTIUM, {"lead"}),
    T + "/service-certificates": (CONSORTIUM, {"operator"}),
    T + "/service-certificates/{id}": (CONSORTIUM, set()),
    T + "/service-certificates/{id}/content": (CONSORTIUM, set()),
    T + "/service-certificates/{id}/cancel": (CONSORTIUM, {"operator"}),
    T + "/invoices": (CONSORTIUM, {"consultant", "lead"}),
    INVOICE: (CONSORTIUM, set()),
    INVOICE + "/content": (CONSORTIUM, set()),
    INVOICE + "/record": (CONSORTIUM, {"consultant", "lead", "operator"}),
    INVOICE + "/cancel": (CONSORTIUM, {"consultant", "lead"}),
    INVOICE + "/reverse": (CONSORTIUM, {"consultant", "lead", "operator"}),
    T + "/invoices/{invoice_id}/history": (CONSORTIUM, set()),
    T + "/engineering": (ALL, set()),
    T + "/engineering/burn-down": (ALL, set()),
    T + "/engineering/to-do": (ALL, set()),
    T + "/consultants/{id}/timesheets/{month}": (AT_WORK, set()),
    T + "/envelope": (MONEY | {"committee"}, set()),
    T + "/envelope/contributions": (MONEY | {"committee"}, {"programme"}),
    T + "/envelope/contributions/{id}": (MONEY | {"committee"}, set()),
    T + "/envelope/contributions/{id}/reverse": (MONEY | {"committee"}, {"programme"}),
    T + "/envelope/entries": (MONEY | {"committee"}, set()),
    T + "/grants": (MONEY, {"funder"}),
    "/v1/grants": (MONEY, set()),
    T + "/grants/{id}": (MONEY, set()),
    T + "/grants/{id}/release": (MONEY, {"funder"}),
    T + "/grants/{id}/reverse": (MONEY, {"funder"}),
    T + "/grants/{id}/close": (MONEY, {"funder"}),
    **{
        f"{T}/{noun}/{{id}}/{act}": (MONEY, {"funder"})
        for noun in ("grants", "advances")
        for act in ("notify", "start", "extension", "completion", "terminate", "cancel")
    },
    **{
        f"{award}/{below}": (MONEY, who)
        for award in (GRANT, ADVANCE)
        for below, who in (
            ("acts", set()),
            ("agreement", {"funder"}),
            ("guarantee", {"funder"}),
            ("change-requests", {"territory", "funder"}),
            ("change-requests/{id}", set()),
            ("change-requests/{id}/approve", {"funder"}),
            ("change-requests/{id}/refuse", {"funder"}),
            ("change-requests/{id}/withdraw", {"territory", "funder"}),
        )
    },
    **{
        f"{ADVANCE}/{what}{below}": (MONEY, who)
        for what, acts in (
            *(
                (what, {"approve": {"funder"}, "refuse": {"funder"}, "withdraw": {"territory", "funder"}})
                for what in ("reschedules", "rate-changes", "availability-extensions", "write-offs")
            ),
            ("waivers", {"find": {"operator", "funder"}, "decide": {"funder"}, "withdraw": {"territory", "funder"}}),
            ("early-repayments", {"receive": {"treasurer"}, "withdraw": {"territory", "funder"}}),
            ("turnovers", {"reverse": {"funder"}}),
        )
        for below, who in (
            ("", {"territory", "funder"}),
            ("/{id}", set()),
            *((f"/{{id}}/{act}", whom) for act, whom in acts.items()),
        )
    },
    ADVANCE + "/settlement": (MONEY, set()),
    T + "/recoveries": (MONEY, set()),
    RECOVERY.removesuffix("/{id}"): (MONEY, {"funder"}),
    RECOVERY: (MONEY, set()),
    **{f"{RECOVERY}/{act}": (MONEY, {"funder"}) for act in ("notify", "order", "waive", "withdraw")},
    RECEIPT.removesuffix("/{id}"): (MONEY, {"treasurer"}),
    RECEIPT: (MONEY, set()),
    RECEIPT + "/reverse": (MONEY, {"treasurer"}),
    T + "/letters": (MONEY, {"funder"}),
    T + "/letters/{id}": (MONEY, set()),
    **{f"{T}/letters/{{id}}/{act}": (MONEY, {"funder"}) for act in ("sign", "notify", "withdraw")},
    T + "/commitments": (MONEY, set()),
    T + "/commitments/{id}": (MONEY, set()),
    **{
        f"{award}/commitments{below}": (MONEY, who)
        for award in (GRANT, ADVANCE)
        for below, who in (
            ("", set()),
            ("/{id}", set()),
            ("/{id}/judge", {"funder"}),
            ("/{commitment_id}/reports", {"territory", "funder"}),
            ("/{commitment_id}/reports/{id}", set()),
        )
    },
    GRANT + "/payments": (MONEY, {"treasurer"}),
    GRANT + "/payments/{id}": (MONEY, set()),
    **{
        f"{GRANT}/payments/{{id}}/{act}": (MONEY, {"treasurer"})
        for act in ("set-off", "approve", "send", "record", "reject", "cancel", "reverse", "see")
    },
    T + "/grant-payments": (MONEY, set()),
    T + "/claims": (MONEY, set()),
    T + "/claims/{id}": (MONEY, set()),
    T + "/claim-lines": (MONEY, set()),
    **{
        path + act: (MONEY, writers)
        for path in CLAIMS.values()
        for act, writers in {
            "": {"territory", "funder"},
            "/{id}": {"territory", "funder"},
            "/{id}/withdraw": {"territory", "funder"},
            "/{id}/sample": {"funder"},
            "/{id}/settle": {"funder"},
            "/{id}/reopen": {"funder"},
        }.items()
    },
    T + "/bank-details": (MONEY, set()),
    BANK_DETAILS: (MONEY, {"territory", "funder", "treasurer"}),
    BANK_DETAILS + "/{id}": (MONEY, set()),
    BANK_DETAILS + "/{id}/iban": ({"treasurer"}, set()),
    BANK_DETAILS + "/{id}/approve": (MONEY, {"treasurer"}),
    BANK_DETAILS + "/{id}/refuse": (MONEY, {"treasurer"}),
    BANK_DETAILS + "/{id}/withdraw": (MONEY, {"territory", "funder", "treasurer"}),
    ACCOUNTS: (MONEY, {"treasurer"}),
    ACCOUNTS + "/{id}": (MONEY, set()),
    ACCOUNTS + "/{id}/iban": ({"treasurer"}, set()),
    **{f"{ACCOUNTS}/{{id}}/{act}": (MONEY, {"treasurer"}) for act in ("approve", "refuse", "withdraw")},
    MANDATES: (MONEY, {"treasurer"}),
    MANDATES + "/{id}": (MONEY, set()),
    MANDATES + "/{id}/end": (MONEY, {"treasurer"}),
    T + "/collection-runs": (MONEY, {"treasurer"}),
    COLLECTION: (MONEY, set()),
    COLLECTION + "/cancel": (MONEY, {"treasurer"}),
    COLLECTION + "/file": ({"treasurer"}, set()),
    OF_COLLECTION + "/lines": (MONEY, set()),
    OF_COLLECTION + "/lines/{id}": (MONEY, set()),
    OF_COLLECTION + "/lines/{id}/record": (MONEY, {"treasurer"}),
    OF_COLLECTION + "/lines/{id}/return": (MONEY, {"treasurer"}),
    T + "/payment-runs": (MONEY, {"treasurer"}),
    RUN: (MONEY, set()),
    RUN + "/cancel": (MONEY, {"treasurer"}),
    RUN + "/file": ({"treasurer"}, set()),
    OF_RUN + "/lines": (MONEY, set()),
    OF_RUN + "/lines/{id}": (MONEY, set()),
    OF_RUN + "/lines/{id}/reject": (MONEY, {"treasurer"}),
    CERTIFICATES: (MONEY, {"territory", "funder"}),
    CERTIFICATES + "/{id}": (MONEY, set()),
    CERTIFICATES + "/{id}/reverse": (MONEY, {"territory", "funder"}),
    T + "/applications": (MONEY | {"committee"}, {"territory"}),
    "/v1/applications": (MONEY | {"committee"}, set()),
    APPLICATION: (MONEY | {"committee"}, {"territory"}),
    **{f"{APPLICATION}/{act}": (MONEY | {"committee"}, {"territory"}) for act in ("submit", "acknowledge", "withdraw")},
    **{
        f"{APPLICATION}/{act}": (MONEY | {"committee"}, {"funder"})
        for act in ("request-documents", "complete", "admit", "declare-inadmissible", "open-review", "extend")
    },
    OF_APPLICATION + "/transitions": (MONEY | {"committee"}, set()),
    OF_APPLICATION + "/history": (MONEY | {"committee"}, set()),
    OF_APPLICATION + "/documents": (MONEY | {"committee"}, {"territory"}),
    OF_APPLICATION + "/documents/{id}": (MONEY | {"committee"}, {"territory"}),
    OF_COMMITTEE + "/agenda": (MONEY | {"committee"}, {"territory"}),
    OF_COMMITTEE + "/agenda/freeze": (MONEY | {"committee"}, {"territory"}),
    OF_COMMITTEE + "/agenda/reopen": (MONEY | {"committee"}, {"territory"}),
    OF_COMMITTEE + "/agenda/versions": (MONEY | {"committee"}, set()),
    OF_COMMITTEE + "/agenda/versions/{id}": (MONEY | {"committee"}, set()),
    OF_COMMITTEE + "/agenda/versions/{id}/content": (MONEY | {"committee"}, set()),
    OF_COMMITTEE + "/decisions": (MONEY | {"committee"}, {"committee"}),
    OF_COMMITTEE + "/decisions/{id}": (MONEY | {"committee"}, set()),
    OF_COMMITTEE + "/decisions/{id}/reverse": (MONEY | {"committee"}, {"committee"}),
    OF_COMMITTEE + "/errata": (MONEY | {"committee"}, {"committee"}),
    OF_COMMITTEE + "/record": (MONEY | {"committee"}, set()),
    OF_COMMITTEE + "/record/content": (MONEY | {"committee"}, set()),
    OF_APPLICATION + "/review": ({"funder", "operator", "programme", "auditor"}, {"funder"}),
    T + "/overrides": (MONEY, {"funder", "treasurer"}),
    OVERRIDE: (MONEY, set()),
    OVERRIDE + "/approve": (MONEY, {"programme"}),
    OVERRIDE + "/refuse": (MONEY, {"programme"}),
    OVERRIDE + "/withdraw": (MONEY, {"funder", "treasurer"}),
    CALCULATOR: (ALL, ALL),
    T + "/instalments": (MONEY, set()),
    "/v1/instalments": (MONEY, set()),
    T + "/advances/portfolio": (MONEY, set()),
    "/v1/advances/portfolio": (MONEY, set()),
    T + "/advance-alerts": (MONEY, set()),
    ADVANCE + "/notices": (MONEY, {"funder", "treasurer"}),
    ADVANCE + "/notices/{id}": (MONEY, {"funder", "treasurer"}),
    ADVANCE + "/notices/{id}/withdraw": (MONEY, {"funder", "treasurer"}),
    ADVANCE + "/accelerate": (MONEY, {"funder"}),
    ADVANCE + "/accelerations": (MONEY, set()),
    ADVANCE + "/accelerations/{id}": (MONEY, set()),
    T + "/debt-claims": (MONEY, set()),
    ADVANCE + "/debt-claims": (MONEY, {"funder", "treasurer"}),
    ADVANCE + "/debt-claims/{id}": (MONEY, {"funder", "treasurer"}),
    ADVANCE + "/debt-claims/{id}/plan": (MONEY, {"funder"}),
    T + "/advances": (MONEY, {"funder"}),
    "/v1/advances": (MONEY, set()),
    T + "/advances/{id}": (MONEY, set()),
    T + "/advances/{id}/close": (MONEY, {"funder"}),
    T + "/advances/{id}/release": (MONEY, {"funder"}),
    T + "/advances/{id}/reverse": (MONEY, {"funder"}),
    ADVANCE + "/tranches": (MONEY, {"treasurer"}),
    ADVANCE + "/tranches/{id}": (MONEY, set()),
    **{
        f"{ADVANCE}/tranches/{{id}}/{act}": (MONEY, {"treasurer"})
        for act in ("approve", "send", "record", "reject", "cancel", "reverse", "see")
    },
    T + "/advance-tranches": (MONEY, set()),
    ADVANCE + "/repayments": (MONEY, {"treasurer"}),
    ADVANCE + "/repayments/{id}": (MONEY, set()),
    ADVANCE + "/repayments/{id}/reverse": (MONEY, {"treasurer"}),
    ADVANCE + "/repayments/{id}/bounce": (MONEY, {"treasurer"}),
    T + "/advance-amendments": (MONEY, set()),
    T + "/receipt-refunds": (MONEY, set()),
    T + "/receipts": (MONEY, {"treasurer"}),
    T + "/receipts/{id}": (MONEY, set()),
    **{T + f"/receipts/{{id}}/{verb}": (MONEY, {"treasurer"}) for verb in ("assign", "unassign", "bounce", "reverse")},
    REFUNDS: (MONEY, {"treasurer"}),
    REFUNDS + "/{id}": (MONEY, set()),
    **{f"{REFUNDS}/{{id}}/{verb}": (MONEY, {"treasurer"}) for verb in ("approve", "cancel", "reverse")},
    ADVANCE + "/schedule": (MONEY, set()),
    ADVANCE + "/statement": (MONEY, set()),
    "/v1/imports": (AT_WORK, IMPORTERS),
    # Of the partner, whose consultant sends entries, and nobody firms.
    "/v1/imports/{id}": (NATIONAL, set()),
    "/v1/imports/{id}/cancel": (NATIONAL, {"programme"}),
    "/v1/imports/{id}/annotated": (AT_WORK, set()),
    "/v1/imports/{id}/file": (AT_WORK, IMPORTERS),
    "/v1/imports/{import_id}/problems": (NATIONAL, set()),
    "/v1/imports/kinds": (AT_WORK, set()),
    "/v1/imports/kinds/{import_kind}/template": (AT_WORK, set()),
    T + "/imports": (AT_WORK, IMPORTERS),
    T + "/imports/{id}": (NATIONAL | {"consultant"}, set()),
    T + "/imports/{id}/cancel": (NATIONAL | {"consultant"}, {"consultant"}),
    T + "/imports/{id}/annotated": (AT_WORK, set()),
    T + "/imports/{id}/file": (AT_WORK, IMPORTERS),
    T + "/imports/{import_id}/problems": (NATIONAL | {"consultant"}, set()),
    T + "/awards/{award_id}/story": (MONEY, set()),
    T + "/awards/{award_id}/totals": (MONEY, set()),
    T + "/totals": (MONEY, set()),
    T + "/applications/delays": (MONEY | {"committee"}, set()),
    "/v1/firms/{siren}/totals": (MONEY, set()),
    T + "/summary": (ALL - {"consultant", "lead"}, set()),
    "/v1/summary": (ALL - {"consultant", "lead"}, set()),
    T + "/search": (ALL, set()),
}


# Who may write by one method of an address beside those who may by all: consultancies add what is not known yet.
ALSO = {
    ("POST", "/v1/firms"): {"consultant", "lead"},
    ("PUT", FIRM): {"consultant", "lead"},
    ("PUT", T + "/firms/{siren}"): {"consultant", "lead"},
    ("POST", T + "/projects"): {"consultant", "lead"},
}


def writers_of(method: str, path: str) -> set[str]:
    return TABLE[path][1] | ALSO.get((method, path), set())


# The ids are the partner's: the lead has its own rates and certificates, and sees no other's.
OF_THE_PARTNER = {
    MISSION + "/rates/{id}", T + "/service-certificates/{id}", T + "/service-certificates/{id}/content",
    INVOICE, INVOICE + "/content", T + "/invoices/{invoice_id}/history",
}  # fmt: skip


# The id is that of the consultant's key, and nobody else's; who rotates it sends a body, which is refused first.
OF_THE_CONSULTANT = {"/v1/me/keys/{id}", "/v1/me/keys/{id}/revoke"}


def expected(role: str, method: str, path: str, *, own: bool) -> str:
    """`shown`, `passed` (the gate lets through), `forbidden` or `hidden`, for a role in its own or another territory.

    The ids are those of the own territory: in another one, whoever looks there finds none of them.
    """
    readers, writers = TABLE[path][0], writers_of(method, path)
    away = "{territory}" in path and not own
    if role not in readers or (away and role not in NATIONAL):
        return "hidden"
    if path in OF_THE_CONSULTANT:
        return {"GET": "shown"}.get(method, "passed") if role == "consultant" else "hidden"
    if method == "GET":
        if (role == "lead" and path in OF_THE_PARTNER) or path.endswith("/annotated"):
            return "hidden"  # a copy of a file is for its sender alone, who is none of these
        absent = re.search(r"\{(\w+_)?(id|siren|vintage)\}|/roadmap$", path)
        return "hidden" if away and absent else "shown"
    bodiless = (
        "/imports/{id}/cancel", "/overrides/{id}/approve", "/bank-details/{id}/approve", "-corrections/{id}/accept",
    )  # fmt: skip
    senders = away and path.endswith("/imports/{id}/cancel") and role in IMPORTERS  # its kind says who may
    without_body = ((away and path.endswith(bodiless)) or path.endswith("/imports/{id}/file")) and role in writers
    if senders or without_body:
        return "hidden"  # without a body that could be refused first, the id is looked for
    return "passed" if role in writers else "forbidden"


def outcome(response: httpx2.Response) -> str:
    code = response.json().get("type", "") if response.content else ""
    if response.status_code == 404:
        assert code == "/problems/not-found", response.text
        return "hidden"
    if code == "/problems/forbidden":
        assert response.status_code == 403
        return "forbidden"
    if response.request.method == "GET":
        return "shown" if response.status_code == 200 else response.text
    return "passed" if response.status_code in (200, 409, 422, 428) or response.status_code == 403 else response.text


# --- the table of routes ---------------------------------------------------------------------------------------------


def plain_path(path: str) -> str:
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)


def routes(app: Any) -> Iterator[tuple[str, str, Any]]:
    """(method, address, route) of everything under /v1 but the index, and where a code takes the place of a key."""
    for route in app.application.routes:
        for method in sorted(route.methods):
            if route.path.startswith("/v1/") and route.path != ENROLMENTS:
                yield method, plain_path(route.path), route


def operations(app: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_route_names_a_permission_of_the_matrix(app: Any) -> None:
    walked = list(routes(app))
    assert len(walked) > 60
    nameless = [(method, path) for method, path, route in walked if route.gate is None]
    assert nameless == []
    assert {route.gate.permission for _, _, route in walked} == set(MATRIX)


def test_a_route_reads_with_a_permission_to_read_and_writes_with_another(app: Any) -> None:
    for method, path, route in routes(app):
        assert route.gate.permission.endswith(":read") is (method == "GET" or path == CALCULATOR), (method, path)


def test_only_the_index_and_what_stands_beside_the_resources_is_open(app: Any) -> None:
    """`routes` are all the routes there are: nothing is mounted or included past the walk."""
    open_ = {route.path for route in app.application.routes if route.gate is None}
    assert open_ == {
        "/", "/v1", ENROLMENTS, "/healthz", "/readyz", "/problems", "/problems/{code:slug}", "/openapi.json", "/docs",
        "/.well-known/security.txt", "/docs/page.js", "/docs/page.css",
    }  # fmt: skip


def test_the_table_of_this_test_knows_every_address(app: Any) -> None:
    assert {path for _, path, _ in routes(app)} == set(TABLE)


async def places(world: World) -> tuple[Mission, dict[str, str]]:
    """Real ids of a territory in which everything exists once."""
    mission = await world.mission(days=10, alert_thresholds_bp=[1])
    siren = await world.add_firm()
    staff = world.clients["territory"]
    ok(await staff.put(f"firms/{siren}", {"stage": "identified"}))
    ok(await staff.patch(f"/v1/firms/{siren}", {"sole_trader": True}))
    ok(await staff.put(f"/v1/firms/{siren}/owner", {"name": "Camille Exemple"}))
    ok(await staff.put(f"/v1/firms/{siren}/sites/{siret_of(siren)}", {"seat_from_on": "2019-03-01"}))
    collected = await a_collection(world, siren)  # before its proceedings, in which nothing is collected
    proceeding = {"kind": "safeguard", "opened_on": "2024-02-06"}
    proceeding_id = ok(await staff.post(f"/v1/firms/{siren}/proceedings", proceeding), 201)["id"]
    ok(await staff.put(f"firms/{siren}/accounts/2022", {"headcount": 34, "source": "Liasse 2022"}))
    ok(await staff.put(f"firms/{siren}/note", {"text": "Repreneur recherché."}))
    communes = {"communes": [{"insee_code": "30007", "name": "Alès"}]}
    ok(await world.programme.put("perimeter/2023", communes))
    leave = {"until_on": "2099-12-31", "reason": "Committee."}
    leave_id = ok(await world.operator.post(f"missions/{mission.id}/late-entry-leaves", leave))["id"]
    orders = ok(await world.operator.get(f"missions/{mission.id}/orders"))["items"]
    organisation = str(world.organisations["partner"])
    account = ok(await world.admin.post(f"/v1/organisations/{organisation}/service-accounts", {"name": "warehouse"}))
    person = str(world.subjects["consultant"])
    me = ok(await world.consultant.get("/v1/me"))
    member = ok(await world.admin.get("/v1/members", params={"subject_id": person}))["items"][0]
    wave = ok(await world.programme.get("/v1/waves?limit=1"))["items"][0]
    parameter = ok(await world.programme.get("/v1/schemes/rebond_industriel/parameters?limit=1"))["items"][0]
    legal_rate = ok(await world.programme.get("/v1/legal-rates?limit=1"))["items"][0]
    quota = ok(await world.programme.get("/v1/quotas?limit=1"))["items"][0]
    refinancing_rate = ok(await world.programme.get("/v1/refinancing-rates?limit=1"))["items"][0]
    framework = await a_framework(world)
    framework_parameter = await a_parameter(world, framework)
    money = await world.money()
    money |= await world.owed(money["grant"]) | await world.amended(money["advance"])
    money |= await world.arrears(money["advance"], money["firm"])
    file = await admissible(world)
    decided = await closed_meeting(world)
    meetings = await world.meetings()
    plans = await world.plans()
    papers = await world.papers(siren)
    run = await a_run(world)
    said = {"amount_cents": 10, "received_on": "2024-04-02", "reference": "VIR-1"}
    received = ok(await world.treasurer.post("receipts", said, headers={"Idempotency-Key": "receipt"}), 201)["id"]
    back, refunds = {"amount_cents": 1, "reason": "Not ours."}, f"receipts/{received}/refunds"
    refunded = ok(await world.treasurer.post(refunds, back, headers={"Idempotency-Key": "refund"}), 201)["id"]
    entry = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-06-20", days=0.25)), 201)
    ok(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"))
    certificate = await world.certify(mission)
    invoiced = ok(await invoice(world.consultant, certificate), 201)
    month = {"consultant_id": mission.partner_consultant, "month": "2023-06"}
    report = ok(await world.consultant.post("activity-reports", month), 201)
    planned = ok(await plan(world, mission, line("2023-W26", 1)), 201)
    remaining = await state(world, mission, 5)
    rates = ok(await world.operator.get(f"missions/{mission.id}/rates?organisation_id={organisation}"))["items"]
    allotments = ok(await world.operator.get(f"missions/{mission.id}/allotments"))["items"]
    lock = ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-06"}), 201)
    proposal = {"entry_id": entry["id"], "days": 0, "reason": "Not worked."}
    correction = ok(await world.consultant.post("time-entry-corrections", proposal), 201)
    deliverable = await ordered(world, mission)
    found = {
        DELIVERABLE: deliverable["id"],
        T + "/deliverables/{id}": deliverable["id"],
        "deliverable_id": deliverable["id"],
        CORRECTION: correction["id"],
        REPORT: report["id"],
        INVOICE: invoiced["id"],
        "invoice_id": invoiced["id"],
        T + "/service-certificates/{id}": certificate["id"],
        MISSION + "/rates/{id}": rates[0]["id"],
        MISSION + "/plan/versions/{id}": planned["id"],
        MISSION + "/remaining-days/{id}": remaining["id"],
        MISSION + "/allotments/{id}": allotments[0]["id"],
        T + "/month-locks/{id}": lock["id"],
        T + "/projects/{id}": plans["project"],
        "project_id": plans["project"],
        PROJECT + "/job-observations/{id}": plans["jobs"],
        PROJECT + "/financing/versions/{id}": plans["plan"],
        PROJECT + "/funding-statements/{id}": plans["statement"],
        VERSION: plans["roadmap"],
        T + "/roadmap/actions/{id}": plans["action"],
        "action_id": plans["action"],
        CONTACT: meetings["contact"],
        COMMITTEE: meetings["committee"],
        "audition_id": meetings["audition"],
        T + "/auditions/{id}": meetings["audition"],
        NOTES + "/{id}": meetings["note"],
        "mission_id": mission.id,
        "organisation_id": organisation,
        "territory": world.territory,
        "siren": siren,
        "siret": siret_of(siren),
        "year": "2022",
        FIRM + "/proceedings/{id}": proceeding_id,
        "vintage": "2023",
        "scheme": "rebond_industriel",
        SCHEME + "/parameters/{id}": parameter["id"],
        "framework_id": framework,
        "/v1/frameworks/{id}": framework,
        FRAMEWORK + "/parameters/{id}": framework_parameter,
        "/v1/legal-rates/{id}": legal_rate["id"],
        "/v1/quotas/{id}": quota["id"],
        "/v1/refinancing-rates/{id}": refinancing_rate["id"],
        "month": "2023-07",
        "/v1/organisations/{id}": organisation,
        "/v1/organisations/{organisation_id}/persons/{id}": person,
        "/v1/organisations/{organisation_id}/service-accounts/{id}": account["id"],
        "/v1/members/{id}": member["id"],
        "/v1/api-keys/{id}": me["key_id"],
        "/v1/me/keys/{id}": me["key_id"],
        "/v1/waves/{id}": wave["id"],
        T + "/missions/{id}": mission.id,
        MISSION + "/orders/{id}": orders[0]["id"],
        MISSION + "/late-entry-leaves/{id}": leave_id,
        MISSION + "/members/{id}": mission.partner_member,
        T + "/consultants/{id}": mission.partner_consultant,
        "grant_id": money["grant"],
        "advance_id": money["advance"],
        "award_id": money["grant"],
        T + "/envelope/contributions/{id}": money["contribution"],
        T + "/grants/{id}": money["grant"],
        GRANT + "/payments/{id}": money["payment"],
        RECOVERY: money["recovery"],
        "recovery_id": money["recovery"],
        RECEIPT: money["receipt"],
        T + "/letters/{id}": money["letter"],
        GRANT + "/change-requests/{id}": money["grant_change_request"],
        ADVANCE + "/change-requests/{id}": money["advance_change_request"],
        **{f"{ADVANCE}/{what}/{{id}}": money[what] for what in AMENDED},
        "commitment_id": money["commitment"],
        T + "/commitments/{id}": money["commitment"],
        GRANT + "/commitments/{id}": money["commitment"],
        GRANT + "/commitments/{commitment_id}/reports/{id}": money["commitment_report"],
        ADVANCE + "/commitments/{id}": money["commitment"],
        ADVANCE + "/commitments/{commitment_id}/reports/{id}": money["commitment_report"],
        T + "/claims/{id}": money["grant_claim"],
        **{path + "/{id}": money[name] for name, path in CLAIMS.items()},
        OVERRIDE: money["override"],
        APPLICATION: file["id"],
        "application_id": file["id"],
        OF_APPLICATION + "/documents/{id}": file["document_id"],
        "committee_id": decided["committee"],
        OF_COMMITTEE + "/agenda/versions/{id}": decided["version"],
        OF_COMMITTEE + "/decisions/{id}": decided["decision"],
        BANK_DETAILS + "/{id}": papers["bank_details"],
        CERTIFICATES + "/{id}": papers["certificate"],
        MANDATES + "/{id}": collected["mandate"],
        COLLECTION: collected["collection"],
        "collection_run_id": collected["collection"],
        OF_COLLECTION + "/lines/{id}": collected["debit"],
        RUN: run["run"],
        "run_id": run["run"],
        OF_RUN + "/lines/{id}": run["line"],
        ACCOUNTS: str(world.organisations["office"]),
        ACCOUNTS + "/{id}": papers["bank_account"],
        T + "/advances/{id}": money["advance"],
        ADVANCE + "/notices/{id}": money["notice"],
        ADVANCE + "/accelerations/{id}": money["acceleration"],
        ADVANCE + "/debt-claims/{id}": money["debt_claim"],
        ADVANCE + "/tranches/{id}": money["tranche"],
        ADVANCE + "/repayments/{id}": money["repayment"],
        T + "/receipts/{id}": received,
        "receipt_id": received,
        REFUNDS + "/{id}": refunded,
        "/v1/imports/{id}": await world.add_import(None),
        T + "/imports/{id}": await world.add_import(world.territory),
    }
    return mission, found


def address(path: str, known: dict[str, str]) -> str:
    """The address with real ids; `{id}` is found by the template that ends with it."""
    head = re.sub(r"\{id\}.*", "{id}", path)
    values = {**known, "id": known.get(head, ""), "import_kind": "projects"}
    if path.startswith(ACCOUNTS):
        values["organisation_id"] = known[ACCOUNTS]
    values["import_id"] = known.get((T if "{territory}" in path else "/v1") + "/imports/{id}", "")
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], path)


async def ask(
    client: Client, method: str, path: str, route: Any, query: dict[str, str] | None = None
) -> httpx2.Response:
    """A read, or a write that cannot change anything: an unknown field, or a dry run where there is no body."""
    if method == "GET":
        return await client.get(path, params=query)
    if route.body_field is not None:
        return await client.request(method, path, json={"nope": 1})
    return await client.request(method, path, params={"dry_run": "true"})


@pytest.fixture(scope="module")
async def placed(http: httpx2.AsyncClient, pool: Any, anyio_backend: Any) -> Placed:
    """A territory with everything, shared: what `ask` asks changes nothing."""
    world = await World.create(http, pool)
    return world, *(await places(world))


async def test_every_route_with_every_role_in_both_territories(app: Any, placed: Placed, other: World) -> None:
    world, mission, known = placed
    entries = {
        "lead": ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)["id"],
        "consultant": ok(await world.consultant.post("time-entries", mission.entry()), 201)["id"],
    }
    away, worked_by = await other.mission(days=1), {"lead": mission.lead_consultant}
    # A read of an account's number is an event; all else that is read leaves none.
    written = "SELECT count(*) FROM events WHERE territory = $1 AND type NOT LIKE '%.%_read'"
    events = await world.pool.fetchval(written, world.territory)
    wrong, tried = [], set()
    for method, path, route in routes(app):
        for role in sorted(ALL):
            ids = {**known, ENTRY: entries.get(role, entries["consultant"])}
            for own in (True, False) if "{territory}" in path else (True,):
                ids["territory"] = world.territory if own else other.territory
                worker = worked_by.get(role, mission.partner_consultant) if own else away.partner_consultant
                grid = {"consultant_id": worker, "week": "2023-W27"}
                query = {"/grid": grid, "/search": {"q": "a"}}.get(path[path.rfind("/") :])
                response = await ask(world.clients[role], method, address(path, ids), route, query)
                found, wanted = outcome(response), expected(role, method, path, own=own)
                tried.add((wanted, own))
                if found != wanted:
                    wrong.append((role, method, path, "own" if own else "other", wanted, found))
    assert wrong == []
    assert tried == {(word, own) for word in ("shown", "passed", "forbidden", "hidden") for own in (True, False)}, (
        "each answer is met in both territories"
    )
    assert events == await world.pool.fetchval(written, world.territory)


async def test_a_write_that_passes_the_gate_is_told_what_is_wrong_with_its_body(app: Any, placed: Placed) -> None:
    """The 422 comes after the permission: who may not write learns nothing about the body."""
    world, _, known = placed
    for method, path, route in routes(app):
        if method == "GET" or route.body_field is None or "/time-entries/{" in path:
            continue
        for role in writers_of(method, path):
            response = await ask(world.clients[role], method, address(path, known), route)
            assert response.status_code == 422, (role, method, path, response.text)
            assert "unknown_field" in {error["code"] for error in response.json()["errors"]}, (method, path)


async def test_no_route_answers_without_a_key(app: Any, http: httpx2.AsyncClient, placed: Placed) -> None:
    known = {**placed[2], ENTRY: placed[1].id}
    bearers = [{}, {"Authorization": "Bearer rbd_" + "x" * 43}, {"Authorization": "Basic cmJkOng="}]
    for number, (method, path, route) in enumerate(routes(app)):
        for bearer in bearers:
            body = {"nope": 1} if route.body_field is not None else None
            headers = {**bearer, "X-Forwarded-For": f"192.0.2.{number % 250}"}  # too many from one are 429
            response = await http.request(method, address(path, known), headers=headers, json=body)
            assert response.status_code == 401, (method, path, response.text)
            code = "credentials-invalid" if bearer else "credentials-missing"
            assert response.json()["type"] == f"/problems/{code}", (method, path)
            assert response.headers["www-authenticate"].startswith("Bearer"), (method, path)


async def test_a_subject_without_a_role_sees_itself_and_nothing_else(app: Any, placed: Placed) -> None:
    world, mission, known = placed
    known = {**known, ENTRY: mission.id}
    async with world.pool.acquire() as connection:
        nobody = await world.add_subject(connection, "nobody", "partner", None)
    for method, path, route in routes(app):
        response = await ask(nobody, method, address(path, known), route)
        own = {"/v1/me": 200, "/v1/me/to-do": 200, "/v1/me/keys": 200, "/v1/me/keys/{id}/rotate": 422}
        wanted = {**own, CALCULATOR: 422}.get(path, 404)
        assert response.status_code == wanted, (method, path, response.text)


async def test_what_may_not_be_seen_answers_exactly_like_what_is_not_there(world: World, other: World) -> None:
    mission = await world.mission(days=10)
    absent = "019a9f5e-0000-7000-8000-000000000000"

    def said(response: httpx2.Response) -> dict[str, Any]:
        return {k: v for k, v in response.json().items() if k not in ("request_id", "instance")}

    hidden = await other.lead.get(f"/v1/territories/{world.territory}/missions/{mission.id}")
    nowhere = await other.lead.get(f"/v1/territories/no-such-place/missions/{mission.id}")
    gone = await other.lead.get(f"missions/{absent}")
    crossed = await other.operator.get(f"missions/{mission.id}")
    assert {response.status_code for response in (hidden, nowhere, gone, crossed)} == {404}
    assert said(hidden) == said(nowhere) == said(gone) == said(crossed)


# --- what the document says -----------------------------------------------------------------------------------------


def test_the_document_shows_every_route_and_no_other(app: Any) -> None:
    documented = {(method, path) for method, path, _ in operations(app) if path.startswith("/v1/")}
    assert documented == {(method, path) for method, path, _ in routes(app)} | {("POST", ENROLMENTS)}


def test_every_operation_has_a_name_a_summary_words_and_a_curl_line(app: Any) -> None:
    names = [operation["operationId"] for _, _, operation in operations(app)]
    assert len(names) == len(set(names))
    for method, path, operation in operations(app):
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", operation["operationId"]), operation["operationId"]
        assert operation["summary"], path
        assert operation["description"].endswith("."), path
        [sample] = operation["x-codeSamples"]
        assert sample["lang"] == "curl"
        assert sample["source"].startswith("curl -s"), path
        assert (f"-X {method}" in sample["source"]) is (method != "GET"), path
        assert "{" not in sample["source"].partition("http://")[2], "the address of the sample is a real one"
        sends = "--json" in sample["source"] or "--data-binary" in sample["source"]
        assert sends is ("requestBody" in operation), path


def test_every_operation_says_its_permission_and_its_security(app: Any) -> None:
    gates = {(method, path): route.gate.permission for method, path, route in routes(app)}
    for method, path, operation in operations(app):
        if path.startswith("/v1/") and path != ENROLMENTS:
            assert operation["security"] == [{"key": []}], path
            assert operation["x-permission"] == gates[method, path]
        else:
            assert operation["security"] == [], path


def test_every_operation_lists_its_problems_with_their_codes(app: Any) -> None:
    reads, writes = {"401", "404", "422"}, {"400", "401", "403", "404", "409", "412", "413", "415", "422", "503"}
    for method, path, operation in operations(app):
        if not path.startswith("/v1/"):
            continue
        refused = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        least = reads if method == "GET" else reads | {"400", "413", "415"} if path == CALCULATOR else writes
        if path == ENROLMENTS:  # nobody is known yet, and nothing is compared
            least -= {"401", "403", "404", "412"}
        assert set(refused) >= least, (method, path)
        for status, answer in refused.items():
            assert answer["content"] == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }, (method, path, status)
            codes = re.findall(r"`([a-z0-9-]+)`: ", answer["description"])
            assert codes, (method, path, status)
            assert {CATALOGUE[code].status for code in codes} == {int(status)}, (method, path, status)


def test_every_answer_has_a_schema_with_words(app: Any) -> None:
    schemas = document()["components"]["schemas"]
    for method, path, operation in operations(app):
        if not path.startswith("/v1/"):
            continue
        for status, answer in operation["responses"].items():
            if status in ("200", "201"):
                name = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert schemas[name]["description"], (method, path, name)
                assert schemas[name]["properties"], (method, path, name)
    wordless = [name for name, schema in schemas.items() if not schema.get("description")]
    assert wordless == []


def test_every_body_has_an_example_that_its_own_model_takes(app: Any) -> None:
    seen = 0
    for method, path, route in routes(app):
        if route.body_field is None:
            continue
        model = route.body_field.field_info.annotation
        examples = model.model_config["json_schema_extra"]["examples"]
        assert examples, (method, path)
        for example in examples:
            model.model_validate(strictjson.loads(httpx2.Request("POST", "http://x", json=example).content))
            seen += 1
    assert seen > 25


def test_every_path_parameter_is_documented_with_an_example(app: Any) -> None:
    for method, path, operation in operations(app):
        wanted = set(re.findall(r"\{(\w+)\}", path))
        described = {p["name"]: p for p in operation.get("parameters", []) if p["in"] == "path"}
        assert set(described) == wanted, (method, path)
        assert all(p["required"] and p["example"] and p["schema"]["type"] for p in described.values())


def test_query_parameters_are_described_in_words_and_json_schema(app: Any) -> None:
    known = {
        "type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "items",
        "examples", "default", "title", "description", "anyOf", "additionalProperties",
    }  # fmt: skip
    for method, path, operation in operations(app):
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "query":
                continue
            assert parameter["description"], (method, path, parameter["name"])
            schema = parameter["schema"]
            unknown = (set(schema) | set(schema.get("items", {}))) - known - {"$ref"}
            assert not unknown, (method, path, parameter["name"], unknown)
