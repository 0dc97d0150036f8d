"""Every CHECK is a limit, which has a problem, or a shape, which the API refuses before the database sees it.

Each shape is driven through HTTP: a request that the CHECK would refuse is a 422 that names the field. What no request
can say, because the service alone writes it, stands in `OURS` with the reason.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
import structlog
from prometheus_client import REGISTRY
from sqlalchemy import CheckConstraint
from structlog.testing import capture_logs

from app.access import service as access
from app.access.models import Organisation
from app.core.db import Base
from app.core.problems import BY_CONSTRAINT
from app.core.serving import shell
from app.core.values import MAX_CENTS
from app.core.writing.writes import Change, Write
from app.engineering.entries import service as engineering
from app.envelopes import routes as envelopes
from tests.contract.conftest import Known
from tests.contract.document import document
from tests.world import ok, problem

CHECKS = {
    str(each.name): each
    for table in Base.metadata.sorted_tables
    for check in table.constraints
    if isinstance(check, CheckConstraint)
    for each in check.info.get("held", {"": check}).values()  # those that one CHECK asks at once
}
SHAPES = {name for name, check in CHECKS.items() if check.info.get("shape")}
DOCUMENT = document()

T = "/v1/territories/{territory}"
MISSION, PROJECT = T + "/missions/{mission_id}", T + "/projects/{project_id}"
FIRM, SITE = "POST /v1/firms", "PUT /v1/firms/{siren}/sites/{siret}"
PARAMETER = "POST /v1/schemes/{scheme}/parameters"
MISSION_PLAN, REMAINING = f"PUT {MISSION}/plan", f"POST {MISSION}/remaining-days"
FRAMEWORK, FRAMEWORK_PARAMETER = "POST /v1/frameworks", "POST /v1/frameworks/{framework_id}/parameters"
ACCOUNTS = "POST /v1/organisations/{organisation_id}/bank-accounts"
BANK_DETAILS, FIRM_CERTIFICATE = f"POST {T}/firms/{{siren}}/bank-details", f"POST {T}/firms/{{siren}}/certificates"
CONTACT, MEETING, HOLD = f"POST {T}/contacts", f"POST {T}/committees", f"POST {T}/committees/{{id}}/hold"
AUDITION, DONE = f"POST {T}/auditions", f"POST {T}/auditions/{{id}}/hold"
PLAN, COSTS, ENTRY = f"PUT {PROJECT}/financing", f"POST {T}/projects", f"POST {T}/time-entries"
ORDER, ROADMAP = f"POST {MISSION}/orders", f"POST {T}/roadmap/versions"
CERTIFICATE = f"POST {T}/service-certificates"
DELIVERABLE = f"POST {MISSION}/deliverables"
FILE, OF_FILE = f"POST {T}/applications", f"{T}/applications/{{application_id}}"
DOCUMENT_OF_FILE, REVIEW = f"POST {OF_FILE}/documents", f"PUT {OF_FILE}/review"
OF_MEETING = T + "/committees/{committee_id}"
ADVANCE = T + "/advances/{advance_id}"
NOTICES = ADVANCE + "/notices"
RECOVERY = f"POST {T}/grants/{{grant_id}}/recoveries"
RECOVERY_RECEIPT = RECOVERY + "/{recovery_id}/receipts"
COMMITMENT = f"POST {T}/grants/{{grant_id}}/commitments"
LETTER = f"POST {T}/letters"
REPORT = f"POST {T}/activity-reports"
INVOICE = f"POST {T}/invoices"
CHANGE_REQUEST = f"POST {T}/grants/{{grant_id}}/change-requests"
RESCHEDULE, EARLY_REPAYMENT, TURNOVER = (
    f"POST {T}/advances/{{advance_id}}/{what}" for what in ("reschedules", "early-repayments", "turnovers")
)
RECEIPT = f"POST {T}/receipts"
CLAIM = f"POST {T}/grants/{{grant_id}}/claims"
FUTURE, TOO_MUCH, UNKNOWN = "2199-12-31", MAX_CENTS + 1, "none_of_them"
ABSENT = object()


@dataclass(frozen=True)
class Request:
    """An operation whose example is changed at these pointers, and the place (or problem) that the refusal names."""

    operation: str
    changes: Mapping[str, Any]
    pointer: str = field(default="")

    @property
    def place(self) -> str:
        return self.pointer or next(iter(self.changes))


def _one(operation: str, pointer: str, value: Any, at: str = "") -> Request:
    return Request(operation, {pointer: value}, at)


DRIVEN: dict[str, Request] = {
    # recoveries and commitments
    "recovery_amount": _one(RECOVERY, "/amount_cents", TOO_MUCH),
    "recovery_cause": _one(RECOVERY, "/cause", UNKNOWN),
    "recovery_document": _one(RECOVERY, "/document_sha256", "0"),
    "recovery_reply": _one(RECOVERY + "/{id}/notify", "/reply_until_on", "2025-03-17"),
    "recovery_days": _one(RECOVERY + "/{id}/order", "/due_on", "2025-03-18"),
    "recovery_end_reason": _one(RECOVERY + "/{id}/withdraw", "/reason", " "),
    "recovery_receipt_amount": _one(RECOVERY_RECEIPT, "/amount_cents", TOO_MUCH),
    "recovery_receipt_reason": _one(RECOVERY_RECEIPT + "/{id}/reverse", "/reason", " "),
    "aid_act_document": _one(f"POST {T}/grants/{{id}}/terminate", "/document_sha256", "0"),
    "aid_line_amount": _one(f"POST {T}/grants", "/base_cents", 0),
    "change_request_changes": _one(CHANGE_REQUEST, "/changes", []),
    "change_request_document": _one(CHANGE_REQUEST + "/{id}/approve", "/document_sha256", "0"),
    "amendment_document": _one(RESCHEDULE + "/{id}/approve", "/document_sha256", "0"),
    "early_repayment_amount": _one(EARLY_REPAYMENT, "/amount_cents", TOO_MUCH),
    "early_repayment_choice": _one(EARLY_REPAYMENT, "/choice", UNKNOWN),
    "early_repayment_withdrawn": _one(EARLY_REPAYMENT + "/{id}/withdraw", "/reason", " "),
    "turnover_amounts": _one(TURNOVER, "/turnover_cents", -1),
    "turnover_year": _one(TURNOVER, "/year", 2200),
    "turnover_reason": _one(TURNOVER + "/{id}/reverse", "/reason", " "),
    "receipt_amount": _one(RECEIPT, "/amount_cents", TOO_MUCH),
    "receipt_method": _one(RECEIPT, "/method", UNKNOWN),
    "receipt_payer_siren": _one(RECEIPT, "/payer/siren", "320252488"),
    "receipt_reason": _one(RECEIPT + "/{id}/reverse", "/reason", " "),
    "refund_amount": _one(RECEIPT + "/{receipt_id}/refunds", "/amount_cents", TOO_MUCH),
    "refund_ended": _one(RECEIPT + "/{receipt_id}/refunds/{id}/cancel", "/reason", " "),
    "letter_kind": _one(LETTER, "/kind", UNKNOWN),
    "letter_document": _one(LETTER + "/{id}/sign", "/document_sha256", "0"),
    "letter_end_reason": _one(LETTER + "/{id}/withdraw", "/reason", " "),
    "commitment_outcome": _one(COMMITMENT + "/{id}/judge", "/outcome", UNKNOWN),
    "commitment_report_document": _one(COMMITMENT + "/{commitment_id}/reports", "/document_sha256", "0"),
    "commitment_report_jobs": _one(COMMITMENT + "/{commitment_id}/reports", "/jobs_fte", -1),
    # firms
    "firm_siren": _one(FIRM, "/siren", "910000018"),
    "firm_name": _one(FIRM, "/name", " "),
    "firm_legal_form_code": _one(FIRM, "/legal_form_code", "571"),
    "firm_naf_code": _one(FIRM, "/naf_code", "2562B"),
    "firm_naf_version": _one(FIRM, "/naf_version", UNKNOWN),
    "firm_diffusion": _one(FIRM, "/diffusion", UNKNOWN),
    "firm_insee_category": _one(FIRM, "/insee_category", UNKNOWN),
    "firm_headcount_bracket": _one(FIRM, "/headcount_bracket", "54"),
    "firm_activity_naf_version": _one("POST /v1/firms/{siren}/activities", "/naf_version", UNKNOWN),
    "firm_activity_naf_code": _one("POST /v1/firms/{siren}/activities", "/naf_code", "25.53"),
    "proceeding_kind": _one("POST /v1/firms/{siren}/proceedings", "/kind", UNKNOWN),
    "proceeding_ended_by": Request(
        "POST /v1/firms/{siren}/proceedings", {"/ended_by": UNKNOWN, "/closed_on": "2024-12-01"}
    ),
    "site_diffusion": _one(SITE, "/diffusion", UNKNOWN),
    "site_naf_code": Request(SITE, {"/naf_code": "25.53", "/naf_version": "naf_2025"}),
    "site_naf_version": Request(SITE, {"/naf_version": UNKNOWN, "/naf_code": "25.53Y"}),
    "site_naf_code_without_version": _one(SITE, "/naf_version", "naf_2025", "naf-code-without-version"),
    "site_insee_code": _one(SITE, "/insee_code", "2C004"),
    "firm_accounts_turnover": _one(f"PUT {T}/firms/{{siren}}/accounts/{{year}}", "/turnover_cents", TOO_MUCH),
    "firm_accounts_balance_sheet": _one(f"PUT {T}/firms/{{siren}}/accounts/{{year}}", "/balance_sheet_cents", -1),
    "firm_accounts_headcount": _one(f"PUT {T}/firms/{{siren}}/accounts/{{year}}", "/headcount", 10_000_001),
    "firm_accounts_source": _one(f"PUT {T}/firms/{{siren}}/accounts/{{year}}", "/source", ""),
    "firm_stage_change_stage": _one(f"PUT {T}/firms/{{siren}}", "/stage", UNKNOWN),
    "territory_firm_stage": _one(f"PUT {T}/firms/{{siren}}", "/stage", UNKNOWN),
    "stage_in_the_future": _one(f"PUT {T}/firms/{{siren}}", "/effective_on", FUTURE),
    "territory_firm_eu_size": _one(f"PATCH {T}/firms/{{siren}}", "/eu_size", UNKNOWN),
    "firm_iban": _one(BANK_DETAILS, "/iban", "FR1420041010050500013M02607"),
    "bank_details_holder_name": _one(BANK_DETAILS, "/holder_name", " "),
    "bank_details_end_reason": _one(f"POST {T}/firms/{{siren}}/bank-details/{{id}}/refuse", "/reason", ABSENT),
    "mandate_reference": _one(f"POST {T}/firms/{{siren}}/mandates", "/reference", "RUM 1"),
    "mandate_days": _one(f"POST {T}/firms/{{siren}}/mandates", "/ended_on", "2020-01-01"),
    "collection_run_period": _one(f"POST {T}/collection-runs", "/due_to_on", "1899-12-31"),
    "collection_run_days": _one(f"POST {T}/collection-runs", "/due_to_on", "2199-12-31", "/"),
    "payment_run_period": _one(f"POST {T}/payment-runs", "/cut_off_on", "1899-12-31"),
    "payment_run_days": _one(f"POST {T}/payment-runs", "/execution_on", "2199-11-30", "/"),
    "bank_account_label": _one(ACCOUNTS, "/label", " "),
    "bank_account_from_on": _one(ACCOUNTS, "/from_on", "1899-12-31"),
    "bank_account_creditor_identifier": _one(ACCOUNTS, "/creditor_identifier", "FR73ZZZ123456"),
    "firm_certificate_kind": _one(FIRM_CERTIFICATE, "/kind", UNKNOWN),
    "firm_certificate_period": _one(FIRM_CERTIFICATE, "/valid_until_on", "2023-10-01"),
    "firm_certificate_issued_in_the_future": Request(
        FIRM_CERTIFICATE, {"/issued_on": FUTURE, "/valid_until_on": FUTURE}
    ),
    "firm_certificate_sha256": _one(FIRM_CERTIFICATE, "/sha256", "0" * 63),
    "firm_certificate_reversal": _one(f"POST {T}/firms/{{siren}}/certificates/{{id}}/reverse", "/reason", ABSENT),
    "contact_purpose": _one(CONTACT, "/purpose", UNKNOWN),
    "contact_legal_basis": _one(CONTACT, "/legal_basis", UNKNOWN),
    "contact_erased_but_named": _one(CONTACT, "/name", ""),
    "kept_too_long": _one(CONTACT, "/retain_until_on", FUTURE),
    # access and programme
    "organisation_name": _one("POST /v1/organisations", "/name", ""),
    "organisation_siren": _one("POST /v1/organisations", "/siren", "000000000"),
    "subject_name": _one("POST /v1/organisations/{organisation_id}/persons", "/name", "\t"),
    "subject_email_form": _one("POST /v1/organisations/{organisation_id}/persons", "/email", "é@b.example"),
    "subject_email": _one("POST /v1/organisations/{organisation_id}/service-accounts", "/email", "a@b.example"),
    "member_role": _one("POST /v1/members", "/role", UNKNOWN),
    "member_period": _one("POST /v1/members", "/to_on", "2023-06-13", "/"),
    "member_from_on": _one("POST /v1/members", "/from_on", "1899-12-31"),
    "member_to_on": _one("POST /v1/members", "/to_on", "2200-01-01"),
    "api_key_scope": _one("POST /v1/api-keys", "/scope", UNKNOWN),
    "api_key_narrowed": _one("POST /v1/api-keys", "/permissions", []),
    "territory_slug": _one("POST /v1/territories", "/slug", "a" * 64),
    "territory_region_code": _one("POST /v1/territories", "/region_code", "05"),
    "territory_status": _one("POST /v1/territories", "/status", UNKNOWN),
    "territory_epci_sirens": _one("POST /v1/territories", "/epci_sirens/0", "200066919"),
    "wave_number": _one("POST /v1/waves", "/number", 1000),
    "notice_due_dates": _one(f"POST {NOTICES}", "/lines", []),
    "notice_delay": _one(f"POST {NOTICES}", "/delay_days", 31),
    "notice_document": _one(f"POST {NOTICES}", "/document_sha256", "5A" * 32),
    "acceleration_document": _one(f"POST {ADVANCE}/accelerate", "/document_sha256", "5A" * 32),
    "debt_claim_amount": _one(f"POST {ADVANCE}/debt-claims", "/amount_cents", 0),
    "debt_claim_proof": _one(f"POST {ADVANCE}/debt-claims", "/proof_sha256", "5A" * 32),
    "debt_claim_plan": _one(f"POST {ADVANCE}/debt-claims/{{id}}/plan", "/document_sha256", "5A" * 32),
    "legal_rate_half_year": _one("POST /v1/legal-rates", "/from_on", "2026-07-02"),
    "legal_rate_rate": _one("POST /v1/legal-rates", "/rate_bp", 10_001),
    "role_quota_subject_kind": _one("POST /v1/quotas", "/subject_kind", UNKNOWN),
    "role_quota_role": _one("POST /v1/quotas", "/role", UNKNOWN),
    "role_quota_name": _one("POST /v1/quotas", "/name", UNKNOWN),
    "role_quota_value": _one("POST /v1/quotas", "/value", 10**12 + 1),
    "role_quota_from_on": _one("POST /v1/quotas", "/from_on", "1899-12-31"),
    "refinancing_rate_half_year": _one("POST /v1/refinancing-rates", "/from_on", "2026-07-02"),
    "refinancing_rate_rate": _one("POST /v1/refinancing-rates", "/rate_bp", 10_001),
    "scheme_code": _one("POST /v1/schemes", "/code", "a" * 41),
    "scheme_period": _one("POST /v1/schemes", "/valid_until_on", "2023-12-31", "/"),
    "scheme_parameter_name": _one(PARAMETER, "/name", "_months"),
    "scheme_parameter_value": _one(PARAMETER, "/value", {}),
    "scheme_parameter_period": _one(PARAMETER, "/valid_until_on", "2026-12-31", "/"),
    # frameworks
    "framework_words": _one(FRAMEWORK, "/reference", " "),
    "framework_period": _one(FRAMEWORK, "/to_on", "2022-12-31", "/"),
    "framework_max_days": _one(FRAMEWORK, "/max_days", 0.1),
    "framework_max_amount_cents": _one(FRAMEWORK, "/max_amount_cents", 0),
    "framework_member_role": _one(FRAMEWORK, "/members/0/role", UNKNOWN),
    "framework_member_siren": _one(FRAMEWORK, "/members/0/siren", "910000018"),
    "framework_unit_price_profile": _one(FRAMEWORK, "/unit_prices/0/profile", UNKNOWN),
    "framework_unit_price_day_rate_cents": _one(FRAMEWORK, "/unit_prices/0/day_rate_cents", 0),
    "framework_parameter_name": _one(FRAMEWORK_PARAMETER, "/name", "_months"),
    "framework_parameter_value": _one(FRAMEWORK_PARAMETER, "/value", {}),
    "framework_parameter_period": _one(FRAMEWORK_PARAMETER, "/valid_until_on", "2026-12-31", "/"),
    "order_amount": _one(ORDER, "/amount_cents", 0, "/"),
    # planning
    "mission_plan_planned_on": _one(MISSION_PLAN, "/planned_on", "1899-12-31"),
    "mission_plan_line_of_one": _one(MISSION_PLAN, "/lines/0/profile", ABSENT, "/lines/0"),
    "mission_plan_line_profile": _one(MISSION_PLAN, "/lines/0/profile", UNKNOWN),
    "mission_plan_line_week": _one(MISSION_PLAN, "/lines/0/week", "2023-W54"),
    "mission_plan_line_days": _one(MISSION_PLAN, "/lines/0/days", 0.1),
    "remaining_days_days": _one(REMAINING, "/remaining_days", 0.1),
    "remaining_days_reason": _one(REMAINING, "/reason", " "),
    "remaining_days_stated_on": _one(REMAINING, "/stated_on", "1899-12-31"),
    "commune_insee_code": _one(f"PUT {T}/perimeter/{{vintage}}", "/communes/0/insee_code", "3000"),
    # committees
    "committee_level": _one(MEETING, "/level", UNKNOWN),
    "committee_quorum": _one(MEETING, "/quorum", 0),
    "committee_member_kind": _one(MEETING, "/members/0/kind", UNKNOWN),
    "committee_member_name": _one(MEETING, "/members/0/name", ""),
    "committee_member_attendance": _one(MEETING, "/members/1/attendance", UNKNOWN),
    "committee_member_subject": _one(
        MEETING, "/members/1/subject_id", "019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11", at="/members"
    ),
    "committee_member_chair": _one(MEETING, "/members/2/chair", value=True, at="/members"),
    "committee_held": _one(HOLD, "/held_at", None),
    "held_in_the_future": _one(HOLD, "/held_at", FUTURE + "T00:00:00Z"),
    "committee_reason": _one(f"POST {T}/committees/{{id}}/cancel", "/reason", ABSENT),
    # missions
    "mission_step": _one(f"POST {T}/missions", "/step", 0.75),
    "mission_holiday_calendar": _one(f"POST {T}/missions", "/holiday_calendar", UNKNOWN),
    "mission_late_entry_grace_days": _one(f"POST {T}/missions", "/late_entry_grace_days", 3661),
    "mission_alert_thresholds_bp": _one(
        f"POST {T}/missions", "/alert_thresholds_bp", [10_001], "/alert_thresholds_bp/0"
    ),
    "mission_activity_label": _one(
        f"POST {T}/missions", "/activities", [{"code": "a", "label": ""}], "/activities/0/label"
    ),
    "mission_member_role": _one(f"POST {MISSION}/members", "/role", UNKNOWN),
    "mission_member_days_allotted": _one(f"POST {MISSION}/members", "/days_allotted", -0.25),
    "member_days_allotted": _one(f"POST {MISSION}/members", "/days_allotted", 0.1),
    "mission_days_allotted": _one(f"POST {MISSION}/members", "/days_allotted", -1),
    "allotment_days": _one(f"POST {MISSION}/members", "/days_allotted", 40.1),
    "order_kind": _one(ORDER, "/kind", UNKNOWN),
    "order_days": _one(ORDER, "/days", 0.1),
    "order_window": _one(ORDER, "/ends_on", "2023-06-13", "/"),
    "initial_order_incomplete": _one(ORDER, "/days", 0, "/"),
    "rate_profile": _one(f"POST {MISSION}/rates", "/profile", UNKNOWN),
    "rate_day_rate_cents": _one(f"POST {MISSION}/rates", "/day_rate_cents", 100_000_001),
    "rate_period": _one(f"POST {MISSION}/rates", "/to_on", "2023-06-13", "/"),
    "assignment_period": _one(f"POST {T}/consultants", "/to_on", "2023-06-13", "/"),
    # deliverables
    "deliverable_kind": _one(DELIVERABLE, "/kind", UNKNOWN),
    "deliverable_title": _one(DELIVERABLE, "/title", ""),
    "deliverable_weight": _one(DELIVERABLE, "/weight_bp", 10_001),
    "deliverable_reduction": _one(DELIVERABLE + "/{id}/admit-with-reduction", "/reduced_days", 0.1),
    "deliverable_passage_document": _one(DELIVERABLE + "/{id}/deliver", "/document_sha256", "AB" * 32),
    "deliverable_passage_members": _one(DELIVERABLE + "/{id}/reject", "/reason", ABSENT),
    "deliverable_passage_future": _one(DELIVERABLE + "/{id}/reject", "/on", FUTURE),
    "deliverable_passage_days": _one(DELIVERABLE + "/{id}/defer", "/until_on", "2023-01-01"),
    # auditions
    "audition_kind": _one(AUDITION, "/kind", UNKNOWN),
    "audition_held": _one(DONE, "/held_on", ABSENT),
    "audition_held_on": _one(DONE, "/held_on", FUTURE),
    "audition_follow_up_done_on": _one(f"PATCH {T}/auditions/{{id}}", "/follow_up_done_on", FUTURE),
    "audition_need_category": _one(DONE, "/needs/0/category", UNKNOWN),
    "audition_reason": _one(f"POST {T}/auditions/{{id}}/cancel", "/reason", ABSENT),
    "audition_note_body": _one(f"POST {T}/auditions/{{audition_id}}/notes", "/body", "\n"),
    # projects
    "project_title": _one(COSTS, "/title", ""),
    "project_kind": _one(COSTS, "/kind", UNKNOWN),
    "project_maturity": _one(COSTS, "/maturity", UNKNOWN),
    "project_funding_route": _one(COSTS, "/funding_route", UNKNOWN),
    "project_period": _one(COSTS, "/ends_on", "2024-01-14"),
    "project_jobs": _one(COSTS, "/jobs_created_fte", 100_000),
    "project_holder_kind": _one(COSTS, "/holders/0/kind", UNKNOWN),
    "project_holder_identity": _one(COSTS, "/holders/0/name", "Both", "/holders/0"),
    "project_holder_siren": Request(
        COSTS, {"/holders/0/siren": "910000018", "/holders/0/kind": "association", "/holders/0/name": "A"}
    ),
    "project_cost_kind": _one(COSTS, "/costs/0/kind", UNKNOWN),
    "project_cost_label": _one(COSTS, "/costs/0/label", ""),
    "project_cost_amount": _one(COSTS, "/costs/0/amount_cents", 0),
    "project_cost_reason": _one(COSTS, "/costs/1/reason", None, "/costs/1"),
    "project_stage_reason": Request(
        f"POST {PROJECT}/stages", {"/stage": "dropped", "/effective_on": ABSENT, "/funding_route": ABSENT}, "/reason"
    ),
    "project_stage_future": _one(f"POST {PROJECT}/stages", "/effective_on", FUTURE),
    "job_observation_term": _one(f"POST {PROJECT}/job-observations", "/after_months", 24),
    "job_observation_jobs": _one(f"POST {PROJECT}/job-observations", "/jobs_created_fte", -1),
    "job_observation_evidence": _one(f"POST {PROJECT}/job-observations", "/evidence", ""),
    "job_observation_future": _one(f"POST {PROJECT}/job-observations", "/observed_on", FUTURE),
    "financing_plan_status": _one(PLAN, "/status", UNKNOWN),
    "financing_line_kind": _one(PLAN, "/lines/0/kind", UNKNOWN),
    "financing_line_status": _one(PLAN, "/lines/0/status", UNKNOWN),
    "financing_line_source": _one(PLAN, "/lines/0/source", ""),
    "financing_line_amount": _one(PLAN, "/lines/0/amount_cents", TOO_MUCH),
    "financing_line_proof": _one(PLAN, "/lines/0/proof_reference", None, "/lines/0"),
    "financing_line_legal_basis": _one(PLAN, "/lines/1/legal_basis", "Article 41", "/lines/1"),
    "funding_statement_sources": _one(f"POST {PROJECT}/funding-statements", "/sources_searched", []),
    "funding_statement_future": _one(f"POST {PROJECT}/funding-statements", "/stated_on", FUTURE),
    # roadmap
    "roadmap_title": _one(ROADMAP, "/title", ""),
    "roadmap_period": Request(
        f"PATCH {T}/roadmap/versions/{{id}}", {"/ends_on": "2023-10-02", "/starts_on": "2023-10-03"}, "/ends_on"
    ),
    "roadmap_axis_title": _one(ROADMAP, "/axes/0/title", ""),
    "roadmap_action_title": _one(ROADMAP, "/axes/0/actions/0/title", ""),
    "roadmap_action_budget": _one(ROADMAP, "/axes/0/actions/0/budget_cents", -1),
    "followed_action_state": _one(f"POST {T}/roadmap/actions/{{action_id}}/states", "/state", UNKNOWN),
    "action_state_reason": Request(
        f"POST {T}/roadmap/actions/{{action_id}}/states", {"/state": "dropped", "/effective_on": ABSENT}, "/reason"
    ),
    "action_state_future": _one(f"POST {T}/roadmap/actions/{{action_id}}/states", "/effective_on", FUTURE),
    # engineering
    "time_entry_status": _one(ENTRY, "/status", UNKNOWN),
    "time_entry_days": _one(ENTRY, "/days", 1.25),
    "time_entry_counted_on": _one(ENTRY, "/worked_on", "1899-12-31"),
    "future_day": _one(ENTRY, "/worked_on", FUTURE),
    "reason_missing": _one(f"POST {T}/time-entries/{{id}}/reject", "/reason", ABSENT),
    "time_entry_correction_days": _one(f"POST {T}/time-entry-corrections", "/days", 1.25),
    "time_entry_correction_worked_on": _one(f"POST {T}/time-entry-corrections", "/worked_on", "1899-12-31"),
    "invoice_number": _one(INVOICE, "/number", "- /"),
    "invoice_references": _one(INVOICE, "/service_code", ""),
    "invoice_parties": _one(INVOICE, "/payer_siret", "32025248900000"),
    "invoice_passage_members": _one(INVOICE + "/{id}/cancel", "/reason", ABSENT),
    "invoice_passage_future": _one(INVOICE + "/{id}/record", "/on", FUTURE),
    "activity_report_month": _one(REPORT, "/month", "2023-06-14"),
    "activity_report_consultant_signed": _one(REPORT + "/{id}/sign", "/name", " "),
    "activity_report_lead_signed": _one(REPORT + "/{id}/countersign", "/name", " "),
    "month_lock_month": _one(f"POST {T}/month-locks", "/month", "2023-06-14"),
    "month_lock_not_over": _one(f"POST {T}/month-locks", "/month", "2199-12"),
    "month_lock_reopening": _one(f"POST {T}/month-locks/{{id}}/reopen", "/reason", ABSENT),
    "service_certificate_period": _one(CERTIFICATE, "/to_on", "2023-06-13", "/"),
    "service_certificate_reason": _one(f"POST {T}/service-certificates/{{id}}/cancel", "/reason", ABSENT),
    # money
    "contribution_amount": _one(f"POST {T}/envelope/contributions", "/amount_cents", 0),
    "contribution_repayment_policy": _one(f"POST {T}/envelope/contributions", "/repayment_policy", UNKNOWN),
    "contribution_reason": _one(f"POST {T}/envelope/contributions/{{id}}/reverse", "/reason", ABSENT),
    "grant_amount": _one(f"POST {T}/grants", "/amount_cents", TOO_MUCH),
    "grant_payment_amount": _one(f"POST {T}/grants/{{grant_id}}/payments", "/amount_cents", 0),
    "grant_payment_kind": _one(f"POST {T}/grants/{{grant_id}}/payments", "/kind", UNKNOWN),
    "grant_payment_reason": _one(f"POST {T}/grants/{{grant_id}}/payments/{{id}}/cancel", "/reason", ABSENT),
    "grant_payment_rejection": _one(f"POST {T}/grants/{{grant_id}}/payments/{{id}}/reject", "/reason", ABSENT),
    "advance_amount": _one(f"POST {T}/advances", "/amount_cents", 0),
    "advance_planned_disbursement": _one(f"POST {T}/advances", "/planned_disbursement_on", "2023-10-02"),
    "tranche_amount": _one(f"POST {T}/advances/{{advance_id}}/tranches", "/amount_cents", TOO_MUCH),
    "tranche_reason": _one(f"POST {T}/advances/{{advance_id}}/tranches/{{id}}/cancel", "/reason", ABSENT),
    "tranche_rejection": _one(f"POST {T}/advances/{{advance_id}}/tranches/{{id}}/reject", "/reason", ABSENT),
    "tranche_document": _one(f"POST {T}/advances/{{advance_id}}/tranches", "/document_sha256", "nothing"),
    "repayment_amount": _one(f"POST {T}/advances/{{advance_id}}/repayments", "/amount_cents", 0),
    "repayment_bounced": _one(f"POST {T}/advances/{{advance_id}}/repayments/{{id}}/bounce", "/bounced_on", ABSENT),
    "repayment_reason": _one(f"POST {T}/advances/{{advance_id}}/repayments/{{id}}/reverse", "/reason", ABSENT),
    "override_code": _one(f"POST {T}/overrides", "/code", UNKNOWN),
    "override_end_reason": _one(f"POST {T}/overrides/{{id}}/refuse", "/reason", ABSENT),
    # claims
    "claim_line_amounts": _one(CLAIM, "/lines/0/amount_excl_vat_cents", 0),
    "claim_line_invoice_amount": _one(CLAIM, "/lines/0/invoice_amount_excl_vat_cents", 1, "/lines/0"),
    "claim_line_lowers": _one(CLAIM, "/lines/0/lowers_invoice_number", "FA-1", "/lines/0"),
    "claim_line_keys": _one(CLAIM, "/lines/0/invoice_number", "—"),
    "claim_line_proof": _one(CLAIM, "/lines/0/proof_sha256", "00"),
    "claim_line_supplier": _one(CLAIM, "/lines/0/supplier_siren", ABSENT, "/lines/0"),
    "claim_line_supplier_siren": _one(CLAIM, "/lines/0/supplier_siren", "910000018"),
    "claim_sample": _one(CLAIM + "/{id}/sample", "/size", 0),
    "claim_reopened": _one(CLAIM + "/{id}/reopen", "/reason", ABSENT),
    "claim_withdrawn": _one(CLAIM + "/{id}/withdraw", "/reason", ABSENT),
    # aid files
    "application_requested": _one(FILE, "/requested_grant_cents", TOO_MUCH),
    "application_planned": _one(FILE, "/planned_end_on", "2024-02-29"),
    "application_line_label": _one(FILE, "/lines/0/label", ""),
    "application_line_kind": _one(FILE, "/lines/0/kind", UNKNOWN),
    "application_line_amount": _one(FILE, "/lines/0/amount_cents", 0),
    "application_document_kind": _one(DOCUMENT_OF_FILE, "/kind", UNKNOWN),
    "application_document_name": _one(DOCUMENT_OF_FILE, "/name", ""),
    "application_document_size": _one(DOCUMENT_OF_FILE, "/size_bytes", 0),
    "application_document_sha256": _one(DOCUMENT_OF_FILE, "/sha256", "AB" * 32),
    "application_document_future": _one(DOCUMENT_OF_FILE, "/received_on", FUTURE),
    "application_review_opinion": _one(REVIEW, "/opinion", UNKNOWN),
    "application_review_rating": _one(REVIEW, "/rating", 6),
    "application_review_recommended": _one(REVIEW, "/recommended_grant_cents", TOO_MUCH),
    "application_review_kyc": _one(REVIEW, "/kyc", UNKNOWN),
    "application_review_future": _one(REVIEW, "/completed_on", FUTURE),
    "application_passage_members": _one(f"POST {T}/applications/{{id}}/withdraw", "/reason", ABSENT),
    "application_passage_given_until": _one(
        f"POST {T}/applications/{{id}}/request-documents", "/given_until_on", "2024-01-31"
    ),
    "application_passage_given_until_bound": _one(
        f"POST {T}/applications/{{id}}/request-documents", "/given_until_on", "2199-12-31"
    ),
    "application_passage_future": _one(f"POST {T}/applications/{{id}}/withdraw", "/on", FUTURE),
    # agendas, decisions
    "agenda_item_proposal": _one(f"PUT {OF_MEETING}/agenda", "/items/0/proposal", UNKNOWN),
    "agenda_item_amounts": _one(f"PUT {OF_MEETING}/agenda", "/items/0/grant_cents", TOO_MUCH),
    "agenda_reopening_reason": _one(f"POST {OF_MEETING}/agenda/reopen", "/reason", ABSENT),
    "committee_decision_outcome": _one(f"POST {OF_MEETING}/decisions", "/items/0/outcome", UNKNOWN),
    "committee_decision_amounts": _one(f"POST {OF_MEETING}/decisions", "/items/0/advance_cents", TOO_MUCH),
    "committee_decision_votes": _one(f"POST {OF_MEETING}/decisions", "/items/0/votes/against", -1),
    "committee_decision_reversed": _one(f"POST {OF_MEETING}/decisions/{{id}}/reverse", "/reason", ABSENT),
    "committee_decision_corrects": _one(f"POST {OF_MEETING}/errata", "/reason", ABSENT),
    "entry_effective_on": _one(f"POST {T}/grants", "/decided_on", "1899-12-31"),
    "entry_amount": _one(f"POST {T}/grants", "/amount_cents", 0),
}

_PERSON = "a constant: a service account is refused with person-required"
_STATE = "the state machine writes it; no request names a state"
_COUNTER = "the service counts it"
_LEDGER = "the ledger writes it"
OURS: dict[str, str] = {
    **dict.fromkeys(
        ("event_seal_number", "event_seal_previous", "event_seal_first", "event_seal_range", "event_seal_count"),
        "the tick writes seals",
    ),
    **dict.fromkeys(("acceleration_ground", "acceleration_decided"), "an act of a person, or the answer to a judgment"),
    "acceleration_decider_kind": _PERSON,
    "debt_claim_admitted": "the service says which of the two is missing, of the claim as it is and as it becomes",
    **dict.fromkeys(
        ("notice_status", "notice_reason", "debt_claim_declared", "debt_claim_admitted_undeclared"), _STATE
    ),
    **dict.fromkeys(
        ("line_state_left", "line_span_left", "advance_span_amounts", "advance_span_days", "advance_span_replaced",
         "advance_line_span_days", "advance_line_span_replaced", "acceleration_due", "advance_alert_kind",
         "advance_alert_bucket", "advance_alert_amount"),
        "the account and the tick compute them",
    ),
    "application_review_content": "a review has all of them, or none where its territory was brought in",
    **dict.fromkeys(
        ("advance_awarder_kind", "grant_awarder_kind", "override_kinds", "committee_closer_kind", "audition_owner_kind",
         "leave_granter_kind", "month_locker_kind", "orderer_kind", "roadmap_adopter_kind", "consultant_is_a_person",
         "service_certifier_kind", "funding_statement_stater_kind", "certifier_kind", "validator_kind",
         "time_entry_correction_kinds", "bank_details_decider_kind", "application_review_author",
         "committee_decider_kind", "committee_member_subject_kind", "grant_payment_approver_kind",
         "tranche_approver_kind", "recovery_kinds", "commitment_judge_kind", "claim_settler_kind",
         "change_request_decider_kind", "amendment_decider_kind", "refund_approver_kind", "deliverable_decider_kind"),
        _PERSON,
    ),
    **dict.fromkeys(
        ("bank_details_status", "bank_details_decision", "bank_details_end",
         "override_status", "override_decision", "override_use", "override_used_by_type",
         "advance_status", "advance_cancelled_but_paid", "grant_status", "grant_awarded_but_paid",
         "grant_cancelled_but_paid", "committee_status", "committee_closed", "audition_status", "contribution_status",
         "grant_payment_status", "grant_payment_state", "grant_payment_bank_details", "grant_payment_exceeds",
         "grant_payment_set_off", "recovery_status", "recovery_settled_as", "recovery_settled", "recovery_settlement",
         "recovery_notification", "recovery_order", "recovery_waiver", "recovery_withdrawn", "recovery_receipt_status",
         "commitment_judged", "commitment_overdue", "aid_closed",
         "letter_status", "letter_signed", "letter_notified",
         "tranche_status", "tranche_state", "tranche_bank_details", "tranche_exceeds",
         "repayment_status", "roadmap_status", "roadmap_adoption",
         "roadmap_superseded", "import_status", "import_finished", "contact_erased", "contact_erased_because",
         "certified_without_certificate", "grant_reversed_but_released",
         "advance_reversed_but_released", "validated_by_nobody", "time_entry_reversal_counted_on",
         "time_entry_counts_when_worked", "time_entry_authors", "followed_action_history",
         "time_entry_correction_status", "time_entry_correction_agreed", "time_entry_correction_accepted",
         "time_entry_correction_ended", "time_entry_certification_refused", "application_state", "application_draft",
         "application_received", "application_clocks", "application_rests_on", "application_passage_transition",
         "agenda_state",
         "grant_ended", "grant_ended_as", "advance_ended", "advance_ended_as", "aid_act",
         "aid_act_transfer", "change_request_status", "change_request_decided", "amendment_status",
         "amendment_decided", "amendment_found", "early_repayment_status",
         "early_repayment_received", "turnover_status", "receipt_status", "receipt_bounced", "receipt_returned",
         "refund_status", "refund_approved", "refund_day", "repayment_choice", "advance_settled_as",
         "advance_written_off", "advance_version_cause",
         "mission_status", "mission_status_changed", "claim_status", "claim_line_status", "claim_settled",
         "deliverable_state", "deliverable_delivered_once", "deliverable_until", "deliverable_passage_transition"),
        _STATE,
    ),
    **dict.fromkeys(
        ("person_day_days", "correctable_days_corrected", "mission_days_entered",
         "mission_days_ordered", "member_days_entered",
         "committee_member_position",
         "audition_need_position", "roadmap_axis_position", "roadmap_action_position", "roadmap_number",
         "project_holder_position", "project_cost_position", "financing_line_position", "financing_plan_number",
         "project_stage_number", "action_state_number", "application_passage_number",
         "application_line_position", "service_certificate_number", "meeting_series_last_number", "agenda_number",
         "agenda_decisions_made", "agenda_item_position", "frozen_agenda_number", "committee_decision_number",
         "certificate_number_last_number", "import_rows", "recovery_amounts", "recovery_planned", "commitment_numbers",
         "grant_recovered", "grant_final", "advance_final", "claim_number", "claim_line_position",
         "declared_invoice_amounts", "aid_counts", "grant_flows", "amendment_waived", "advance_amended_terms",
         "advance_version_rate",
         "receipt_parts", "receipt_no_part_below_zero", "repayment_parts", "repayment_no_part_below_zero",
         "repayment_refunds", "advance_version_amounts", "advance_line_amounts", "advance_line_due_on",
         "change_request_amounts", "change_request_cents", "deliverable_passage_number",
         "deliverable_passage_reduction"),
        _COUNTER,
    ),
    **dict.fromkeys(
        ("account_name", "entry_act", "entry_balances", "entry_within_one_account", "grant_amounts", "advance_amounts"),
        _LEDGER,
    ),
    **dict.fromkeys(
        ("service_certificate_days", "service_certificate_vat", "service_certificate_hash",
         "service_certificate_line_days", "service_certificate_line_profile", "service_certificate_line_amount",
         "service_certificate_remark_kind"),
        "the sealed certificate is computed from the entries",
    ),
    **dict.fromkeys(
        ("activity_report_days", "activity_report_content_hash"), "the sealed report is computed from the entries"
    ),
    **dict.fromkeys(
        ("invoice_kind", "invoice_corrects", "invoice_figures", "invoice_content_hash", "invoice_line_number",
         "invoice_line_profile", "invoice_line_days", "invoice_line_amount", "invoice_vat_rate", "invoice_vat_amount"),
        "the sealed invoice is computed from the certificates",
    ),
    **dict.fromkeys(
        ("invoice_state", "invoice_first_state", "invoice_due", "invoice_passage_transition", "invoice_passage_number"),
        "the service computes them from the acts",
    ),
    "member_invoicing_sum": "a trigger counts certificates and invoices",
    "activity_report_signed_on": "the service compares the day with the report that it holds",
    "activity_report_stale": "a trigger writes it, when an entry changes",
    **dict.fromkeys(("firm_source", "site_source", "proceeding_source"), "each door has its source"),
    **dict.fromkeys(("site_siret", "perimeter_vintage", "firm_accounts_year"), "part of the address: 404 by its value"),
    **dict.fromkeys(("import_on_error", "import_problem_severity"), "a parameter of the import, read as an enum"),
    "application_base": "the service sums the lines",
    **dict.fromkeys(("aid_act_of_one_award", "change_request_of_one_award"), "the address names one award"),
    "mission_plan_number": _COUNTER,
    **dict.fromkeys(("framework_days_ordered", "framework_ordered_cents"), "a trigger counts the orders"),
    "over_line": "the service certifies what is left of the line, and deducts the rest as over_line",
    "amendment_kind": "the address says it",
    "commitment_kind": "the closing of an aid makes each of them",
    **dict.fromkeys(
        ("collection_run_totals", "collection_run_sha256", "collection_run_file_hmac",
         "collection_run_line_position",
         "collection_run_line_amount", "collection_run_line_text"),
        "the service computes the run and its lines from the instalments",
    ),
    **dict.fromkeys(
        ("collection_run_status", "collection_run_state", "collection_run_line_ended_as", "collection_run_line_end"),
        _STATE,
    ),
    **dict.fromkeys(
        ("access_record_kind", "access_record_read", "access_record_code", "access_record_address",
         "access_record_caller", "access_record_count", "access_record_kept"),
        "the service tells of accesses by itself",
    ),
    **dict.fromkeys(
        ("payment_run_totals", "payment_run_sha256", "payment_run_file_hmac", "payment_run_line_position",
         "payment_run_line_amount", "payment_run_line_text", "payment_run_line_sends_one"),
        "the service computes the run and its lines from the payments",
    ),
    **dict.fromkeys(
        ("payment_run_status", "payment_run_state", "payment_run_line_ended_as", "payment_run_line_rejection"), _STATE
    ),
    **dict.fromkeys(("agenda_level", "committee_decision_level"), "that of the meeting"),
    **dict.fromkeys(
        ("frozen_agenda_hash", "committee_record_hash", "letter_content_hash", "roadmap_sealed"),
        "the service computes it from what it seals",
    ),
    **dict.fromkeys(
        (f"{award}_{what}" for award in ("grant", "advance") for what in ("frozen", "frozen_kinds")),
        "the service copies all four from a file or a scheme; tests/applications/test_awards.py tries them in SQL",
    ),
    **dict.fromkeys(
        ("grant_decision_of_a_file", "advance_decision_of_a_file"), "a decision is always about a file of its agenda"
    ),
    "committee_decision_reasons": "the service says reasons_missing of each item",
    "committee_decision_future": "the day is that of the meeting, which was held",
    "application_refiles_ended": "a constant: the foreign key holds the file that another one names to it",
    "application_acknowledged": "an act before the one it follows is act-out-of-order",
    "financing_plan_amounts": "the largest plan, a hundred lines of the largest amount, stays below it",
    "account_too_large": "an act moves 10^12 cents at most: it would take nine thousand of the largest",
    "activity_period": "an activity ends the day before the next one starts",
    "subject_kind": "each address makes one kind",
    "member_approval": "an approval writes its day",
    "api_key_secret": "a key has its secret or the code that makes it: the one takes the other's place",
    "api_key_code": "a code is digested, and given its end",
    "api_key_confirmation": "a confirmation writes its day, of a secret that is there",
    "api_key_digest": "the service makes the key",
    "vat_rate_bp": "reference data of a migration",
    "project_commune": "the vintage is looked up with the commune",
    "time_entry_corrects_itself": "the id is new",
    "financing_line_award": "the award of a line is found by its kind, and secures it",
}  # fmt: skip


def test_every_check_is_a_limit_or_a_shape() -> None:
    unnamed = {name for name in CHECKS if name not in SHAPES and name not in BY_CONSTRAINT}
    assert unnamed == set(), "a CHECK without a problem is declared with `shape` beside its model"
    assert {name for name in SHAPES if name in BY_CONSTRAINT} == set(), "a limit is no shape"
    assert len(SHAPES) > 200


def test_every_shape_is_driven_or_ours() -> None:
    listed = [*DRIVEN, *OURS]
    assert len(listed) == len(set(listed))
    assert set(listed) == SHAPES


def _example(operation: str) -> tuple[dict[str, Any], str]:
    method, path = operation.split()
    described = DOCUMENT["paths"][path][method.lower()]
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    named = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    example = {} if method == "PATCH" else copy.deepcopy(named["examples"][0])
    return example, described["x-permission"]


def _put(body: Any, pointer: str, value: Any) -> None:
    *parents, last = pointer.strip("/").split("/")
    for part in parents:
        body = body[int(part)] if isinstance(body, list) else body[part]
    key: Any = int(last) if isinstance(body, list) else last
    if value is ABSENT:
        body.pop(key, None)
    else:
        body[key] = value


async def _send(known: Known, asked: Request) -> Any:
    method, path = asked.operation.split()
    body, permission = _example(asked.operation)
    for pointer, value in asked.changes.items():
        _put(body, pointer, value)
    address, client = known.address(path), known.holder(permission)
    if path.endswith("/roadmap/versions/{id}"):  # one that may still change
        drafts = ok(await client.get("roadmap/versions?status=draft"))["items"]
        address = f"{address.rpartition('/')[0]}/{drafts[0]['id']}"
    headers = {"Idempotency-Key": f"shape-{hash(json.dumps(body, sort_keys=True))}"}
    return await client.request(method, address, json=body, headers=headers)


@pytest.mark.parametrize(("name", "asked"), [pytest.param(name, asked, id=name) for name, asked in DRIVEN.items()])
async def test_a_request_beyond_a_shape_is_refused_at_its_field(known: Known, name: str, asked: Request) -> None:
    refused = await _send(known, asked)
    if "/" not in asked.place:  # a rule of two fields, with a problem of its own
        problem(refused, 422, asked.place)
        return
    told = problem(refused, 422, "validation-failed")
    assert asked.place.rstrip("/") in {error["pointer"] for error in told["errors"]}, told


@contextmanager
def _logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The lines that the shell logs. A logger keeps the settings of its first use, so the shell gets a fresh one."""
    monkeypatch.setattr(shell, "log", structlog.get_logger("rebond"))
    with capture_logs() as lines:
        yield lines


def _counted(constraint: str) -> float:
    labels = {"code": "internal-error", "reason": constraint}
    return REGISTRY.get_sample_value("rebond_problems_total", labels) or 0.0


async def test_a_shape_that_is_reached_is_our_error_named_in_log_and_metrics(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nameless(write: Write, _body: object) -> Change:
        write.session.add(Organisation(name=""))
        await write.session.flush()
        raise AssertionError("the CHECK lets it pass")

    monkeypatch.setattr(access, "create_organisation", nameless)
    before = _counted("organisation_name")
    with _logged(monkeypatch) as lines:
        refused = await known.world.admin.post("/v1/organisations", {"name": "A name"})
    told = problem(refused, 500, "internal-error")
    assert "organisation_name" not in refused.text
    [line] = [line for line in lines if line["event"] == "unexpected_error"]
    assert (line["log_level"], line["constraint"], line["request_id"]) == (
        "error", "organisation_name", told["request_id"],
    )  # fmt: skip
    assert _counted("organisation_name") == before + 1


async def test_a_shape_that_the_hot_write_reaches_is_our_error_too(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = engineering.entry_values
    monkeypatch.setattr(engineering, "entry_values", lambda *given: values(*given) | {"days": Decimal("0.1")})
    body: dict[str, Any] = {name: known.ids[name] for name in ("mission_id", "consultant_id")}
    body |= {"worked_on": "2023-07-04", "days": 0.5, "activity": "audition"}
    with _logged(monkeypatch) as lines:
        problem(await known.world.consultant.post("time-entries", body), 500, "internal-error")
    assert [line["constraint"] for line in lines if line["event"] == "unexpected_error"] == ["time_entry_days"]


async def test_a_total_that_a_read_cannot_hold_is_our_error(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    async def overflow(*_: object) -> None:
        raise asyncpg.NumericValueOutOfRangeError("bigint out of range")

    monkeypatch.setattr(envelopes, "fetchrow", overflow)
    with _logged(monkeypatch) as lines:
        problem(await known.world.operator.get("envelope"), 500, "internal-error")
    assert [line["log_level"] for line in lines if line["event"] == "unexpected_error"] == ["error"]
