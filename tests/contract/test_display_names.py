"""Every id that is read has a name for people beside it: a list of UUIDs is useless to those who read it."""

from collections.abc import Iterator
from types import NoneType
from typing import get_args

import pytest
from pydantic.fields import FieldInfo

from app.core.schemas import Read
from app.core.serving.routing import Route
from app.main import ROUTERS  # with it come the schemas of every domain
from tests.contract.conftest import Known
from tests.world import ok

# Ids whose name has another ending: the field that shows it.
SHOWN_AS: dict[str, str] = {
    # access, core
    "Me.subject_id": "name",
    # engineering, integrations
    "TimeEntry.audition_id": "audition_on",
    "FixedCell.audition_id": "audition_on",
    "FixedCell.corrects_id": "corrects_worked_on",
    "TimeEntry.corrects_id": "corrects_worked_on",
    "TimeEntry.certificate_id": "certificate_number",
    "ServiceCertificate.cancels_id": "cancels_number",
    "ServiceCertificate.cancelled_by_id": "cancelled_by_number",
    "CertificateRemark.entry_id": "entry_worked_on",
    "ActivityReport.person_id": "consultant_name",
    "ActivityReport.stale_entry_id": "stale_entry_worked_on",
    "EarlierRefusal.entry_id": "entry_worked_on",
    **{
        f"{schema}.{name}": shown
        for schema in ("TimeEntryCorrection", "AcceptedCorrection")
        for name, shown in (
            ("entry_id", "entry_worked_on"),
            ("audition_id", "audition_on"),
            ("certificate_id", "certificate_number"),
            ("counter_certificate_id", "counter_certificate_number"),
            ("rest_certificate_id", "rest_certificate_number"),
            ("corrected_by_id", "corrected_by_counted_on"),
        )
    },
    **{
        f"{schema}.{name}": shown
        for schema in ("Deliverable", "DeliverablePassage")
        for name, shown in (("roadmap_version_id", "roadmap_version_number"), ("committee_id", "committee_held_on"))
    },
    # missions
    **{f"{schema}.framework_id": "framework_reference" for schema in ("Order", "FrameworkOrder", "FrameworkParameter")},
    # projects, roadmap, envelopes
    "LedgerEntry.contribution_id": "contribution_reference",
    "Grant.override_id": "override_code",
    "AdvanceInstalment.advance_id": "decision_reference",
    "AnnouncedRepayment.repayment_id": "repayment_reference",
    "Receipt.account_id": "account_label",
    "Refund.receipt_id": "receipt_reference",
    "Refund.advance_id": "decision_reference",
    "Repayment.receipt_id": "reference",
    "Mandate.bank_details_id": "iban",
    "CollectionRun.account_id": "account_label",
    "CollectionRunLine.run_id": "run_collection_on",
    "CollectionRunLine.advance_id": "decision_reference",
    "CollectionRunLine.mandate_id": "mandate_reference",
    "CollectionRunLine.receipt_id": "receipt_reference",
    "AdvanceAlert.advance_id": "decision_reference",
    "AdvanceAmendment.advance_id": "decision_reference",
    "DebtClaim.advance_id": "decision_reference",
    "DebtClaim.proceeding_id": "proceeding_kind",
    "Acceleration.notice_id": "notice_sent_on",
    "Acceleration.proceeding_id": "proceeding_opened_on",
    "Recovery.grant_id": "project_title",
    "RecoveryReceipt.grant_id": "project_title",
    "RecoveryReceipt.recovery_id": "order_number",
    **{f"{schema}.aid_id": "decision_reference" for schema in ("Grant", "Advance", "AdvanceAwarded", "Commitment")},
    "Letter.aid_id": "decision_reference",
    "Letter.award_id": "decision_reference",
    "CommitmentReport.commitment_id": "commitment_due_on",
    "Payment.set_off_recovery_id": "set_off_order_number",
    "Payment.override_id": "override_code",
    "Payment.grant_id": "decision_reference",
    "Payment.bank_details_id": "iban",
    "PaymentRun.account_id": "account_label",
    "PaymentRunLine.run_id": "run_cut_off_on",
    "PaymentRunLine.payment_id": "payment_reference",
    "PaymentRunLine.tranche_id": "payment_reference",
    "PaymentRunLine.bank_details_id": "iban",
    "AdvanceAwarded.override_id": "override_code",
    "Advance.override_id": "override_code",
    "Tranche.override_id": "override_code",
    "Tranche.advance_id": "decision_reference",
    "Tranche.bank_details_id": "iban",
    "Shortfall.contribution_id": "contribution_reference",
    "Shortfall.repayment_id": "repayment_reference",
    "Project.detected_in_audition_id": "detected_in_audition_on",
    "FinancingLine.award_id": "proof_reference",
    "RoadmapVersion.committee_id": "adopted_on",
    "Grant.committee_id": "committee_on",
    "Advance.committee_id": "committee_on",
    "AdvanceAwarded.committee_id": "committee_on",
    # agendas, decisions
    "AgendaItem.application_id": "project_title",
    "CommitteeDecision.application_id": "project_title",
    "CommitteeDecision.committee_id": "decided_on",
    "CommitteeDecision.corrects_id": "corrects_reference",
    "CommitteeDecision.corrected_by_id": "corrected_by_reference",
    "LeftOfContribution.contribution_id": "contribution_reference",
    "Invoice.corrects_id": "corrects_number",
    "InvoicePassage.invoice_id": "invoice_number",
    # aid files
    "AidTotals.aid_id": "decision_reference",
    "AwardStory.aid_id": "decision_reference",
    **{f"{schema}.line_id": "line_label" for schema in ("ClaimLine", "ClaimedInvoice")},
    "ClaimedInvoice.claim_id": "claim_number",
    "Application.tax_certificate_id": "tax_certificate_valid_until_on",
    "Application.social_certificate_id": "social_certificate_valid_until_on",
    "Application.bank_details_id": "bank_details_iban",
}

# Ids without a name beside them, and why.
OPAQUE: dict[str, str] = {
    **dict.fromkeys(
        ("Proceeding.ended_by", "DebtClaim.ended_by"), "It is no person, but the way in which the proceeding ended."
    ),
    # aid files
    "Application.refiles_id": "A file has no name; its project and firm are those of this one.",
    **dict.fromkeys(
        (
            f"{schema}.application_id"
            for schema in ("ApplicationDocument", "ApplicationPassage", "ApplicationReview", "Transitions")
        ),
        "It is read below its file, which has no name.",
    ),
    # agendas, decisions
    "Agenda.committee_id": "It is in the address of the agenda.",
    "CommitteeDecision.grant_id": "Its reference is that of the decision; its title is the project's.",
    "CommitteeDecision.advance_id": "As grant_id.",
    **{
        f"{schema}.{name}": why
        for schema in ("Grant", "Advance", "AdvanceAwarded")
        for name, why in (
            ("application_id", "A file has no name; its project and firm are those of the award."),
            ("decision_id", "Its reference is `decision_reference`, which awards without a decision here have too."),
        )
    },
    "FrozenAgenda.committee_id": "It is in the address of the agenda.",
    "CommitteeRecord.committee_id": "It is in the address of the record.",
    "SimulatedDecision.application_id": "It stands where the body of the request names it.",
    **dict.fromkeys(
        (
            "ActivityReportContent.made_by",
            "ReportedEntry.audition_id",
            "ReportedEntry.project_id",
            "FrozenContent.committee_id",
            "FrozenContent.frozen_by",
            "FrozenContribution.contribution_id",
            "FrozenContribution.organisation_id",
            "FrozenItem.application_id",
            "FrozenItem.project_id",
            "RecordContent.committee_id",
            "RecordContent.closed_by",
            "RoadmapContent.adopted_by",
            "RoadmapContent.committee_id",
            "SealedAction.owner_organisation_id",
            "SealedAction.project_ids",
        ),
        "The content is sealed: a name may change and its hash may not.",
    ),
    # missions
    "ThresholdCrossing.mission_id": "It is read below its mission; the database writes its event and joins no names.",
    # access, core
    "ApiKey.rotated_from_id": "The key that was replaced has the same name; its id only ties the two together.",
    "ApiKeyCreated.rotated_from_id": "As in ApiKey.",
    "EventActor.id": "Events hold nothing personal: the name is read from the organisation's persons.",
    "EventActor.organisation_id": "An event shows what was true when it was written; names are joined by id.",
    "FeedEvent.client_request_id": "It is no object: what the client called its request.",
    "AccessRecord.request_id": "It is no object: it ties a record to the logs.",
    "FeedEvent.request_id": "It is no object: it ties an answer to the logs.",
    # engineering
    "CertificateContent.mission_id": "The content is sealed: a name may change and its hash may not.",
    "CertificateContent.organisation_id": "As its mission_id.",
    "CertificateContent.certified_by": "As its mission_id.",
    "FixedCell.entry_id": "As in WeekCell.",
    "WeekCell.entry_id": "An entry has no name; its day, activity and days are beside its id.",
    # auditions
    "AttendedRead.audition_id": "An audition has no name; its kind, days and place are beside its id.",
    "Audition.contact_ids": "Contacts are read with a permission of its own, at T/contacts.",
    "AuditionNote.audition_id": "It is in the address of the note.",
    # projects, roadmap
    "ActionStateChange.action_id": "It is in the address of the history.",
    "FinancingComparison.project_id": "It is in the address of the comparison.",
    "FundingStatement.project_id": "It is in the address of the statement.",
    "JobObservation.project_id": "It is in the address of the observation.",
    "ProjectPassage.project_id": "It is in the address of the history.",
    # envelopes, grants, advances
    "Grant.project_id": "Its `project_title` is beside it, as the decision words it; also where no project is named.",
    "Advance.project_id": "As in Grant.",
    "AdvanceAwarded.project_id": "As in Grant.",
    "LedgerEntry.act_id": "Six kinds of act, not all with a name; act, day, amount and award are beside its id.",
    "LedgerEntry.reverses_id": "A movement has no name; the one taken back has the same act, award and amount.",
    "Override.used_by_id": "Four kinds of act, not all with a name; its kind and day are beside its id.",
    **dict.fromkeys(
        (
            f"{schema}.{name}"
            for schema in ("ExpenseClaim", "ClaimedInvoice", "AwardStory", "AidTotals")
            for name in ("grant_id", "advance_id")
        ),
        "Its reference is that of the decision, which is beside it.",
    ),
    **dict.fromkeys(
        (f"{schema}.returns_id" for schema in ("ClaimLine", "ClaimedInvoice")),
        "It is the same invoice, whose number and supplier are beside it.",
    ),
    "ClaimedInvoice.claim_external_id": "It is the name of the claim in another system.",
    **dict.fromkeys(
        (f"{schema}.{name}" for schema in ("ChangeRequest", "AidActRead") for name in ("grant_id", "advance_id")),
        "It is read below its aid: all awards of an aid have the reference and the firm of the one in the address.",
    ),
    "FormalNotice.advance_id": "It is in the address of the notice.",
    "Acceleration.advance_id": "It is in the address of the acceleration.",
    "Repayment.advance_id": "It is in the address of the repayment.",
    "Refund.repayment_id": "It is a part of the receipt, whose reference is beside it.",
    **dict.fromkeys(
        (
            f"{schema}.advance_id"
            for schema in (
                "AmendmentRead",
                "Reschedule",
                "RateChange",
                "AvailabilityExtension",
                "Waiver",
                "WriteOff",
                "AnnouncedRepayment",
                "Turnover",
            )
        ),
        "It is in the address of what is asked, announced or declared.",
    ),
    "AdvanceSettlement.advance_id": "It is in the address of the settlement.",
    "Schedule.advance_id": "It is in the address of the schedule.",
    "PaymentRunLine.grant_id": "decision_reference names the award of the line, which is a grant or an advance.",
    "PaymentRunLine.advance_id": "decision_reference names the award of the line, which is a grant or an advance.",
    "AdvanceStatement.advance_id": "It is in the address of the statement.",
}


def schemas(base: type[Read] = Read) -> Iterator[type[Read]]:
    """Every read schema of the application."""
    for schema in base.__subclasses__():
        if schema.__module__.startswith("app."):
            yield schema
        yield from schemas(schema)


def is_nullable(field: FieldInfo) -> bool:
    return NoneType in get_args(field.annotation)


def is_reference(name: str) -> bool:
    """Whether a field holds the id of another object, or of who did something."""
    return name.endswith(("_id", "_ids", "_by")) and name != "external_id"


def names_of(name: str) -> list[str]:
    """The fields that may show what an id refers to."""
    if name.endswith("_by"):
        return [f"{name}_name"]
    stem, _, ending = name.rpartition("_")
    plural = "s" if ending == "ids" else ""
    return [f"{stem}_{word}{plural}" for word in ("name", "title")]


def references() -> Iterator[tuple[type[Read], str]]:
    for schema in sorted(set(schemas()), key=lambda schema: schema.__name__):
        for name in schema.model_fields:
            if is_reference(name) or f"{schema.__name__}.{name}" in OPAQUE:
                yield schema, name


REFERENCES = list(references())


@pytest.mark.parametrize(("schema", "name"), [pytest.param(s, n, id=f"{s.__name__}.{n}") for s, n in REFERENCES])
def test_an_id_has_its_name_beside_it(schema: type[Read], name: str) -> None:
    place = f"{schema.__name__}.{name}"
    if place in OPAQUE:
        assert OPAQUE[place].endswith("."), "say why"
        return
    wanted = [SHOWN_AS[place]] if place in SHOWN_AS else names_of(name)
    shown = next((candidate for candidate in wanted if candidate in schema.model_fields), None)
    assert shown is not None, f"none of {wanted}"
    reference, field = schema.model_fields[name], schema.model_fields[shown]
    if is_nullable(reference):
        assert is_nullable(field), f"{shown} is null where {name} is"
    if name.endswith("_by"):
        assert shown in schema.personal(), f"{shown} is a person's"


def test_the_exceptions_speak_of_fields_that_exist() -> None:
    known = {f"{schema.__name__}.{name}": schema for schema in schemas() for name in schema.model_fields}
    assert [place for place in {**OPAQUE, **SHOWN_AS} if place not in known] == []
    assert [place for place in SHOWN_AS if SHOWN_AS[place] not in known[place].model_fields] == []
    assert [place for place in SHOWN_AS if place in OPAQUE] == []


def test_the_walk_finds_ids_of_every_kind() -> None:
    found = {f"{schema.__name__}.{name}" for schema, name in REFERENCES}
    assert {"Me.subject_id", "Member.organisation_id", "Committee.closed_by", "EventActor.id"} <= found
    assert len(found) > 100


async def test_the_name_of_who_acted_is_the_present_one_and_enters_no_event(known: Known) -> None:
    pool = known.world.pool
    person = known.world.subjects["operator"]
    await pool.execute("UPDATE subjects SET name = 'Renamed since' WHERE id = $1", person)
    names = {str(row["id"]): row["name"] for row in await pool.fetch("SELECT id, name FROM subjects")}
    seen = set()
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]
    for route in [route for route in routes if (route.openapi_extra or {}).get("x-listing")]:
        holder = known.holder(route.gate.permission if route.gate else None)
        for item in ok(await holder.get(f"{known.address(route.path_format)}?limit=500"))["items"]:
            for name in [name for name in item if name.endswith("_by") and f"{name}_name" in item]:
                assert item[f"{name}_name"] == names.get(item[name]), (route.path_format, name)
                seen.add((name, item[f"{name}_name"]))
    assert ("ordered_by", "Renamed since") in seen
    told = await pool.fetch("SELECT type, data FROM events, jsonb_object_keys(data) AS key WHERE key LIKE '%_by_name'")
    assert told == []
