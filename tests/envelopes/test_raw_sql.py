"""What the database itself refuses of money, whoever writes: every CHECK and every rule of a row, by bare SQL."""

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest

from app.core.db import Base
from tests.advances.amendment_attacks import AMENDMENTS
from tests.advances.arrears_attacks import ARREARS, late
from tests.advances.arrears_attacks import TARGETS as OF_ARREARS
from tests.advances.attacks import ACCOUNTS
from tests.advances.attacks import TARGETS as OF_ACCOUNTS
from tests.awards.attacks import (
    AIDS,
    CHANGE_REQUESTS,
    CLOSINGS,
    COMMITMENTS,
    KEPT,
    LETTERS,
    RECOVERIES,
    TARGETS,
)
from tests.bare_sql import Attack, change, clone
from tests.contract.cures import subject
from tests.engineering.entries.test_raw_sql import Stage
from tests.envelopes.acts import TERMS, Acts
from tests.projects.acts import project
from tests.world import World, ok

GRANT, ADVANCE, PAYMENT = "id = $grant", "id = $advance", "id = $payment"
PROPOSAL, AGREED, ON_ITS_WAY = "id = $proposal", "id = $agreed", "id = $on_its_way"  # payments not made yet
OFFER = "id = $offer"  # a tranche not paid yet
TRANCHE, REPAYMENT, CONTRIBUTION = "id = $tranche", "id = $repayment", "id = $contribution"
ENTRY = "act = 'payment' AND act_id = $payment"
TOO_LARGE = "1000000000001"  # cents of one act: ten billion euros and one cent


def account(name: str) -> str:
    return f"contribution_id = $contribution AND account = '{name}'"


def entry(**changes: str) -> str:
    """INSERT of a copy of the payment's entry; its running balances are taken as they are."""
    return clone("ledger_entries", ENTRY, **changes)


CONTRIBUTIONS = [
    *(
        Attack("contribution_amount", clone("contributions", CONTRIBUTION, reference="'N'", amount_cents=cents))
        for cents in ("0", "-1", TOO_LARGE)
    ),
    Attack("contribution_repayment_policy", change("contributions", CONTRIBUTION, repayment_policy="'keep'")),
    Attack("contribution_reason", change("contributions", CONTRIBUTION, status="'reversed'")),
    Attack("contribution_reason", change("contributions", CONTRIBUTION, reason="'Why'")),
    Attack("contribution_status", change("contributions", CONTRIBUTION, status="'lost'")),
    Attack("contributions_reference_key", clone("contributions", CONTRIBUTION)),
    Attack("contributions_territory_fkey", clone("contributions", CONTRIBUTION, territory="'nowhere'")),
    Attack("contributions_organisation_id_fkey", clone("contributions", CONTRIBUTION, organisation_id="uuidv7()")),
    Attack("account_balances_territory_contribution_id_fkey", f"DELETE FROM contributions WHERE {CONTRIBUTION}"),
]

BALANCES = [
    Attack("envelope_exhausted", change("account_balances", account("available"), balance_cents="-1")),
    *(
        Attack("account_overdrawn", change("account_balances", account(name), balance_cents="-1"))
        for name in ("contributor", "grants_committed", "grants_paid", "advances_committed", "advances_paid",
                     "released", "repaid")
    ),
    Attack("account_too_large", change("account_balances", account("available"), balance_cents="9007199254740992")),
    # A payment on the day before its award, an award on the day before its money: by the closings of those days.
    Attack("account_overdrawn", entry(effective_on="'2023-10-02'")),
    Attack("envelope_exhausted", entry(debit="'grants_committed'", credit="'available'", effective_on="'2023-06-13'")),
    Attack("account_name", clone("account_balances", account("available"), account="'slush'")),
    Attack("account_balances_pkey", clone("account_balances", account("available"))),
    Attack(
        "account_balances_territory_contribution_id_fkey",
        clone("account_balances", account("available"), territory="$elsewhere"),
    ),
    Attack("ledger_entries_debit_fkey", "DELETE FROM account_balances WHERE " + account("repaid")),
]  # fmt: skip

ENTRIES = [
    Attack("entry_within_one_account", entry(debit="credit")),
    Attack("entry_within_one_account", entry(credit="debit")),
    *(Attack("entry_amount", entry(amount_cents=cents)) for cents in ("0", "-1", "9007199254740992")),
    Attack("entry_act", entry(act="'gift'")),
    Attack("entry_balances", entry(debit_balance_cents="-1")),
    Attack("entry_balances", entry(credit_balance_cents="-1")),
    *(Attack("entry_effective_on", entry(effective_on=day)) for day in ("'1899-12-31'", "'2200-01-01'", "'infinity'")),
    Attack("ledger_entries_debit_fkey", entry(debit="'slush'")),
    Attack("ledger_entries_credit_fkey", entry(credit="'slush'")),
    # A contribution of another territory: either side of the pair is refused, whichever is looked at first.
    Attack("ledger_entries_credit_fkey", entry(territory="$elsewhere", debit="'slush'")),
    Attack("ledger_entries_credit_fkey", entry(contribution_id="$other_contribution")),
    Attack("ledger_entries_credit_fkey", entry(contribution_id="uuidv7()")),
    Attack("ledger_entries_reverses_id_fkey", entry(reverses_id="uuidv7()")),
    Attack("ledger_entries_recorded_by_fkey", entry(recorded_by="uuidv7()")),
    Attack("already_reversed", entry(reverses_id="id") + "; " + entry(reverses_id="id")),
]

GRANTS = [
    Attack("payments_exceed_award", change("grants", GRANT, paid_cents="amount_cents + 1", status="'paying'")),
    Attack("payments_exceed_award", change("grants", GRANT, released_cents="amount_cents - paid_cents + 1")),
    Attack("payments_exceed_award", change("grants", GRANT, amount_cents="paid_cents - 1")),
    Attack("grant_amounts", change("grants", GRANT, paid_cents="-1")),
    Attack("grant_amounts", change("grants", GRANT, released_cents="-1")),
    *(Attack("grant_amount", change("grants", "id = $new_grant", amount_cents=cents)) for cents in ("0", TOO_LARGE)),
    Attack("grant_status", change("grants", GRANT, status="'lost'")),
    Attack("grant_cancelled_but_paid", change("grants", GRANT, status="'cancelled'")),
    Attack("grant_cancelled_but_paid", change("grants", GRANT, status="'reversed'")),
    Attack("grant_reversed_but_released", change("grants", "id = $new_grant", status="'reversed'", released_cents="1")),
    Attack("grant_awarded_but_paid", change("grants", GRANT, status="'awarded'")),
    Attack("grant_awarder_kind", change("grants", "id = $new_grant", awarder_kind="'service_account'")),
    Attack(
        "grant_awarder_kind", change("grants", "id = $new_grant", awarded_by="$robot", awarder_kind="'service_account'")
    ),
    Attack("grant_awarded_by_a_person", change("grants", "id = $new_grant", awarded_by="$robot")),
    Attack("grant_awarded_by_a_person", change("grants", "id = $new_grant", awarded_by="uuidv7()")),
    Attack("grants_firm_siren_fkey", change("grants", GRANT, firm_siren="'123456782'")),
    Attack("aids_territory_fkey", clone("grants", GRANT, territory="'nowhere'", decision_reference="'N'")),
    Attack("grants_decision_reference_key", clone("grants", GRANT, external_id="NULL")),
    Attack(
        "grants_external_id_key",
        clone("grants", "id = $new_grant", decision_reference="'N'", external_id="'E'")
        + "; "
        + clone("grants", "id = $new_grant", decision_reference="'M'", external_id="'E'"),
    ),
    Attack("grant_payments_grant_fkey", f"DELETE FROM grants WHERE {GRANT}"),
    Attack("grant_payments_grant_fkey", change("grants", GRANT, awarded_by="$judge")),
    Attack("decider_pays", clone("grant_payments", PAYMENT, reference="'N'", recorded_by="awarded_by")),
    Attack("decider_pays", change("grant_payments", PAYMENT, recorded_by="awarded_by")),
    # The decider named on the payment is the grant's: it cannot be put aside to let him pay.
    Attack(
        "grant_payments_grant_fkey",
        clone("grant_payments", PAYMENT, reference="'N'", recorded_by="awarded_by", awarded_by="$judge"),
    ),
    Attack("grant_payments_grant_fkey", clone("grant_payments", PAYMENT, reference="'N'", territory="$elsewhere")),
    Attack("grant_payments_grant_fkey", clone("grant_payments", PAYMENT, reference="'N'", grant_id="$advance")),
    Attack("grant_payments_reference_key", clone("grant_payments", PAYMENT)),
    Attack(
        "grant_payments_recorded_by_fkey", clone("grant_payments", PAYMENT, reference="'N'", recorded_by="uuidv7()")
    ),
    *(
        Attack("grant_payment_amount", clone("grant_payments", PAYMENT, reference="'N'", amount_cents=c))
        for c in ("0", "-1", TOO_LARGE)
    ),
    Attack("grant_payment_kind", clone("grant_payments", PAYMENT, reference="'N'", kind="'gift'")),
    Attack("grant_payment_reason", change("grant_payments", PAYMENT, status="'reversed'")),
    Attack("grant_payment_reason", change("grant_payments", PAYMENT, reason="'Why'")),
    Attack("grant_payment_status", clone("grant_payments", PROPOSAL, reference="'N'", status="'lost'")),
]

APPROVE = {"status": "'approved'", "approved_by": "$judge"}
WITHDRAW = (
    "UPDATE firm_bank_details SET status = 'withdrawn', ended_at = now(), end_reason = 'Theirs' WHERE siren = $firm"
    " AND status = 'approved'; "
)
PAYMENTS = [
    # The four eyes: who proposes, who made the bank details, who decided the aid.
    Attack("payment_own_approval", change("grant_payments", PROPOSAL, **{**APPROVE, "approved_by": "proposed_by"})),
    *(
        Attack("payment_to_own_bank_details", change("grant_payments", PROPOSAL, **{**APPROVE, "approved_by": maker}))
        for maker in ("details_proposed_by", "details_decided_by")
    ),
    Attack("decider_pays", change("grant_payments", PROPOSAL, **{**APPROVE, "approved_by": "awarded_by"})),
    Attack("decider_pays", clone("grant_payments", PROPOSAL, reference="'N'", proposed_by="awarded_by")),
    Attack("recorder_sees", change("grant_payments", PAYMENT, seen_by="recorded_by", seen_at="now()")),
    Attack("grant_payment_approver_kind", change("grant_payments", PROPOSAL, approver_kind="'service_account'")),
    Attack(
        "grant_payment_approved_by_a_person",
        change("grant_payments", PROPOSAL, **{**APPROVE, "approved_by": "$robot"}),
    ),
    *(
        Attack("payment_transition", change("grant_payments", row, **changes))
        for row, changes in (
            (PROPOSAL, {"amount_cents": "amount_cents + 1"}),
            (PROPOSAL, {"kind": "'balance_payment'"}),
            (PROPOSAL, {"proposed_by": "$judge"}),
            (PROPOSAL, {"status": "'sent'", "approved_by": "$judge", "sent_on": "'2023-10-03'"}),
            (AGREED, {"approved_by": "$robot"}),
            (AGREED, {"bank_details_id": "NULL"}),
            (ON_ITS_WAY, {"status": "'cancelled'", "reason": "'Why'"}),
            (PAYMENT, {"amount_cents": "amount_cents + 1"}),
            (PAYMENT, {"status": "'proposed'", "paid_on": "NULL", "recorded_by": "NULL"}),
        )
    ),
    *(Attack("payment_transition", clone("grant_payments", row, reference="'N'")) for row in (AGREED, ON_ITS_WAY)),
    Attack("payment_transition", f"DELETE FROM grant_payments WHERE {PAYMENT}"),
    # An account that is not approved, or another firm's.
    Attack("bank_details_unapproved", WITHDRAW + change("grant_payments", PROPOSAL, **APPROVE)),
    Attack("bank_details_unapproved", WITHDRAW + clone("grant_payments", PROPOSAL, reference="'N'")),
    Attack(
        "bank_details_unapproved",
        WITHDRAW + change("grant_payments", AGREED, status="'sent'", sent_on="'2023-10-03'"),
    ),
    Attack("bank_details_unapproved", clone("grant_payments", PROPOSAL, reference="'N'", grant_id="$new_grant")),
    Attack(
        "grant_payments_bank_details_fkey",
        clone("grant_payments", PROPOSAL, reference="'N'", details_decided_by="$judge"),
    ),
    Attack("grant_payment_bank_details", clone("grant_payments", PROPOSAL, reference="'N'", details_decided_by="NULL")),
    *(
        Attack("grant_payment_state", change("grant_payments", row, **changes))
        for row, changes in (
            (PROPOSAL, {"paid_on": "'2023-10-03'"}),
            (PROPOSAL, {"recorded_by": "$judge"}),
            (PROPOSAL, {"approved_by": "$judge"}),
            (PROPOSAL, {"status": "'approved'"}),
            (AGREED, {"sent_on": "'2023-10-03'"}),
            (AGREED, {"status": "'sent'"}),
            (ON_ITS_WAY, {"status": "'recorded'"}),
            (PAYMENT, {"paid_on": "NULL"}),
        )
    ),
    Attack("grant_payment_rejection", change("grant_payments", ON_ITS_WAY, rejected_on="'2023-10-03'")),
    Attack("grant_payment_exceeds", change("grant_payments", PROPOSAL, exceeds="ARRAY['not-started']")),
    Attack("grant_payment_exceeds", change("grant_payments", PAYMENT, seen_by="$judge")),
    Attack(
        "grant_payments_proposed_by_fkey", clone("grant_payments", PROPOSAL, reference="'N'", proposed_by="uuidv7()")
    ),
    Attack("grant_payments_seen_by_fkey", change("grant_payments", PAYMENT, seen_by="uuidv7()", seen_at="now()")),
]

# Tranches are held as payments of grants are: by constraints and a guard of the same making.
TRANCHES = [
    Attack("payment_own_approval", change("advance_tranches", OFFER, **{**APPROVE, "approved_by": "proposed_by"})),
    Attack(
        "payment_to_own_bank_details",
        change("advance_tranches", OFFER, **{**APPROVE, "approved_by": "details_decided_by"}),
    ),
    Attack("decider_pays", change("advance_tranches", OFFER, **{**APPROVE, "approved_by": "awarded_by"})),
    Attack("recorder_sees", change("advance_tranches", TRANCHE, seen_by="recorded_by", seen_at="now()")),
    Attack("tranche_approver_kind", change("advance_tranches", OFFER, approver_kind="'service_account'")),
    Attack("tranche_approved_by_a_person", change("advance_tranches", OFFER, **{**APPROVE, "approved_by": "$robot"})),
    *(
        Attack("payment_transition", change("advance_tranches", row, **changes))
        for row, changes in (
            (OFFER, {"amount_cents": "amount_cents + 1"}),
            (OFFER, {"document_sha256": "repeat('0', 64)"}),
            (OFFER, {"status": "'sent'", "approved_by": "$judge", "sent_on": "'2023-10-03'"}),
            (TRANCHE, {"status": "'proposed'", "paid_on": "NULL", "recorded_by": "NULL"}),
        )
    ),
    Attack("payment_transition", f"DELETE FROM advance_tranches WHERE {TRANCHE}"),
    Attack("bank_details_unapproved", WITHDRAW + change("advance_tranches", OFFER, **APPROVE)),
    Attack("advance_tranches_bank_details_fkey", clone("advance_tranches", OFFER, details_decided_by="$judge")),
    Attack("tranche_bank_details", clone("advance_tranches", OFFER, details_decided_by="NULL")),
    Attack("tranche_state", change("advance_tranches", OFFER, paid_on="'2023-10-03'")),
    Attack("tranche_rejection", change("advance_tranches", OFFER, rejected_on="'2023-10-03'")),
    Attack("tranche_exceeds", change("advance_tranches", OFFER, exceeds="ARRAY['award-ended']")),
    Attack("advance_tranches_proposed_by_fkey", clone("advance_tranches", OFFER, proposed_by="uuidv7()")),
    Attack("advance_tranches_seen_by_fkey", change("advance_tranches", TRANCHE, seen_by="uuidv7()", seen_at="now()")),
    Attack(
        "advance_tranches_reference_key",
        "; ".join(2 * [clone("advance_tranches", TRANCHE, reference="'N'")]),
    ),
]

ADVANCES = [
    Attack("tranches_exceed_award", change("advances", ADVANCE, disbursed_cents="amount_cents + 1")),
    Attack("tranches_exceed_award", change("advances", ADVANCE, released_cents="amount_cents - disbursed_cents + 1")),
    Attack("repayment_exceeds_outstanding", change("advances", ADVANCE, repaid_cents="disbursed_cents + 1")),
    Attack("repayment_exceeds_outstanding", change("advances", ADVANCE, disbursed_cents="repaid_cents - 1")),
    *(
        Attack("advance_amounts", change("advances", ADVANCE, **{f"{name}_cents": "-1"}))
        for name in ("released", "repaid")
    ),
    Attack("advance_amounts", change("advances", "id = $new_advance", disbursed_cents="-1", repaid_cents="-1")),
    *(Attack("advance_amount", change("advances", "id = $new_advance", amount_cents=c)) for c in ("0", TOO_LARGE)),
    Attack("advance_status", change("advances", ADVANCE, status="'lost'")),
    Attack("advance_planned_disbursement", change("advances", ADVANCE, planned_disbursement_on="decided_on - 1")),
    Attack("advance_cancelled_but_paid", change("advances", ADVANCE, status="'cancelled'")),
    Attack("advance_cancelled_but_paid", change("advances", ADVANCE, status="'reversed'")),
    Attack(
        "advance_reversed_but_released",
        change("advances", "id = $new_advance", status="'reversed'", released_cents="1"),
    ),
    Attack("advance_awarder_kind", change("advances", "id = $new_advance", awarder_kind="'service_account'")),
    Attack("advance_awarded_by_a_person", change("advances", "id = $new_advance", awarded_by="$robot")),
    Attack("advances_firm_siren_fkey", change("advances", ADVANCE, firm_siren="'123456782'")),
    Attack("aids_territory_fkey", clone("advances", ADVANCE, territory="'nowhere'", decision_reference="'N'")),
    Attack("advances_decision_reference_key", clone("advances", ADVANCE, external_id="NULL")),
    Attack(
        "advances_external_id_key",
        clone("advances", "id = $new_advance", decision_reference="'N'", external_id="'E'")
        + "; "
        + clone("advances", "id = $new_advance", decision_reference="'M'", external_id="'E'"),
    ),
    Attack("advance_tranches_advance_fkey", clone("advance_tranches", TRANCHE, territory="$elsewhere")),
    Attack("advance_tranches_advance_fkey", clone("advance_tranches", TRANCHE, awarded_by="$judge")),
    Attack("advance_tranches_advance_fkey", clone("advance_tranches", TRANCHE, advance_id="$grant")),
    Attack("decider_pays", clone("advance_tranches", TRANCHE, recorded_by="awarded_by")),
    Attack("advance_tranches_recorded_by_fkey", clone("advance_tranches", TRANCHE, recorded_by="uuidv7()")),
    *(Attack("tranche_amount", clone("advance_tranches", TRANCHE, amount_cents=c)) for c in ("0", "-1", TOO_LARGE)),
    Attack("tranche_reason", change("advance_tranches", TRANCHE, status="'reversed'")),
    Attack("tranche_reason", change("advance_tranches", TRANCHE, reason="'Why'")),
    Attack("tranche_status", clone("advance_tranches", OFFER, status="'lost'")),
    Attack("tranche_document", clone("advance_tranches", TRANCHE, document_sha256="'none'")),
    Attack(
        "advance_repayments_advance_fkey",
        clone("advance_repayments", REPAYMENT, receipt_id="NULL", reference="'N'", territory="$elsewhere"),
    ),
    Attack("decider_receives", change("advance_repayments", REPAYMENT, recorded_by="awarded_by")),
    Attack(
        "advance_repayments_recorded_by_fkey",
        clone("advance_repayments", REPAYMENT, receipt_id="$entry", recorded_by="uuidv7()"),
    ),
    *(
        Attack(
            "repayment_amount",
            clone("advance_repayments", REPAYMENT, receipt_id="$entry", amount_cents=c, principal_cents=c),
        )
        for c in ("0", "-1", TOO_LARGE)
    ),
    Attack("repayment_reason", change("advance_repayments", REPAYMENT, status="'reversed'")),
    Attack("repayment_reason", change("advance_repayments", REPAYMENT, reason="'Why'")),
    Attack("repayment_bounced", change("advance_repayments", REPAYMENT, status="'bounced'", reason="'Why'")),
    Attack("repayment_bounced", change("advance_repayments", REPAYMENT, bounced_on="received_on")),
    Attack(
        "repayment_bounced", change("advance_repayments", REPAYMENT, bounced_on="received_on", bank_reference="'R'")
    ),
    Attack(
        "bounced_before_receipt",
        change(
            "advance_repayments",
            REPAYMENT,
            status="'bounced'",
            reason="'Why'",
            bounced_on="received_on - 1",
            bank_reference="'R'",
        ),
    ),
    Attack("repayment_status", change("advance_repayments", REPAYMENT, status="'lost'", reason="'Why'")),
]

APPEND_ONLY = [
    Attack("ledger_entries_append_only", sql)
    for sql in (
        f"UPDATE ledger_entries SET amount_cents = amount_cents + 1 WHERE {ENTRY}",
        f"UPDATE ledger_entries SET effective_on = '2020-01-01', recorded_at = '2020-01-01' WHERE {ENTRY}",
        f"DELETE FROM ledger_entries WHERE {ENTRY}",
        "DELETE FROM ledger_entries WHERE false",
        "TRUNCATE ledger_entries",
        "TRUNCATE contributions CASCADE",
        f"MERGE INTO ledger_entries USING waves ON number = 1 AND {ENTRY} WHEN MATCHED THEN DELETE",
    )
] + [
    Attack(f"{table}_append_only", change(table, row, **{column: column}))
    for table, row in (("grants", GRANT), ("advances", ADVANCE))
    for column in ("funder_id", "application_id", "decision_id", "scheme", "base_cents", "lines", "parameters")
]

# What an award rests on. What it says of files and decisions is attacked by tests/applications/test_awards.py.
RESTS = {
    "scheme": "'rebond_industriel'",
    "base_cents": "amount_cents",
    "lines": "jsonb_build_array(jsonb_build_object('label', 'All', 'amount_cents', amount_cents))",
    "parameters": "'{}'::jsonb",
}
LESS = {"base_cents": "amount_cents - 1", "lines": RESTS["lines"].replace("amount_cents)", "amount_cents - 1)")}
RESTING = [
    Attack(constraint, clone(table, row, decision_reference="'N'", external_id="NULL", **{**RESTS, **more}))
    for table, noun, row in (("grants", "grant", GRANT), ("advances", "advance", ADVANCE))
    for constraint, more in (
        (f"{table}_funder_id_fkey", {"funder_id": "gen_random_uuid()"}),
        (f"{table}_scheme_fkey", {"scheme": "'nowhere'"}),
        ("award_above_base", LESS),
        ("award_lines_are_base", {"base_cents": "amount_cents + 1"}),
        (f"{noun}_frozen", {"scheme": "NULL"}),
        (f"{noun}_frozen", {"parameters": "NULL"}),
        (f"{noun}_frozen_kinds", {"parameters": "'[]'::jsonb"}),
    )
]

BEGUN = [
    attack
    for table, row, moved in (
        ("grants", "id = $new_grant", ("paid_cents", "in_flight_cents")),
        ("advances", "id = $new_advance", ("disbursed_cents",)),
    )
    for attack in (
        *(
            Attack("award_begins", clone(table, row, decision_reference="'N'", external_id="NULL", **said))
            for said in (
                {"status": "'reversed'"}, {"status": "'cancelled'"}, {"released_cents": "1"}, {"final_cents": "1"},
                {"ended_as": "'closed'", "ended_on": "'2023-10-03'"},
                *({column: "1", "status": "'paying'"} for column in moved),
            )
        ),
        Attack(
            "released_by_the_ledger", f"SET CONSTRAINTS ALL IMMEDIATE; {change(table, row, released_cents='1')}"
        ),
    )
]  # fmt: skip

DAYS = [
    Attack("account_days_derived", sql)
    for sql in (
        f"UPDATE account_days SET closing_cents = closing_cents + 1 WHERE {account('available')}",
        f"UPDATE account_days SET allowance_cents = 100 WHERE {account('available')}",
        clone("account_days", account("available"), day="'2020-01-01'"),
        f"DELETE FROM account_days WHERE {account('available')}",
        "TRUNCATE account_days",
    )
]

LINKS = [
    attack
    for table, key in (("grants", GRANT), ("advances", ADVANCE))
    for attack in (
        Attack(f"{table}_project_fkey", change(table, key, project_id="$other_project")),
        Attack(
            f"{table}_project_firm_fkey",
            "SET CONSTRAINTS ALL IMMEDIATE; " + change(table, key, project_id="$project"),
        ),
        Attack(f"{table}_committee_fkey", change(table, key, committee_id="uuidv7()")),
        Attack("committee_after_decision", clone(table, key, decision_reference="'N'", committee_id="$committee")),
        Attack(
            "project_missing",
            clone(table, key, decision_reference="'N'", decided_on="(timezone('Europe/Paris', now()))::date",
                  **({"planned_disbursement_on": "NULL"} if table == "advances" else {})),
        ),
        Attack("awards_without_project", change("territories", "slug = $territory", served_since_on="'2023-10-03'")),
    )
]  # fmt: skip

NEW = {"decision_reference": "'N'", "external_id": "NULL"}
CEASED = "UPDATE firms SET ceased = true WHERE siren = $firm; "
IN_PROCEEDINGS = (
    "INSERT INTO proceedings (siren, kind, opened_on, created_at, updated_at)"
    " VALUES ($firm, 'liquidation', '2023-10-03', now(), now()); "
)


def status(name: str) -> str:
    return f"UPDATE territories SET status = '{name}' WHERE slug = $territory; "


GIVEN = [  # each row that gives money: its table, which one is copied, and with what that only one may have
    ("grants", GRANT, NEW),
    ("advances", ADVANCE, NEW),
    ("grant_payments", PROPOSAL, {"reference": "'N'"}),
    ("advance_tranches", OFFER, {}),
]
DOOR = [
    *(
        Attack("territory_not_open", status(name) + clone(table, row, **new))
        for table, row, new in GIVEN
        for name in (("candidate", "closed", "withdrawn") if new is NEW else ("withdrawn",))
    ),
    *(Attack("firm_not_followed", clone(table, row, **new, firm_siren="$stranger")) for table, row, new in GIVEN[:2]),
    *(Attack("firm_not_followed", change(table, row, firm_siren="$stranger")) for table, row, _ in GIVEN[:2]),
    *(Attack("firm_ceased", CEASED + clone(table, row, **new)) for table, row, new in GIVEN[:2]),
    *(Attack("proceedings_open", IN_PROCEEDINGS + clone(table, row, **new)) for table, row, new in GIVEN),
    Attack("proceedings_open", IN_PROCEEDINGS + change("grants", GRANT, decided_on="'2023-10-04'")),
    Attack("proceedings_open", IN_PROCEEDINGS + change("grant_payments", PROPOSAL, **APPROVE)),
    Attack("territory_not_open", status("withdrawn") + change("grant_payments", PROPOSAL, **APPROVE)),
    # An override that lifts no rule, one that another act uses, and one that is named without being used.
    *(Attack("override_does_not_apply", change(table, row, override_id="$override")) for table, row, _ in GIVEN),
    *(
        Attack("override_does_not_apply", clone(table, row, **new, override_id="$override_of_grants"))
        for table, row, new in GIVEN
    ),
    *(
        Attack("proceedings_open", IN_PROCEEDINGS + clone(table, row, **new, override_id="$override"))
        for table, row, new in GIVEN
    ),
    *(Attack(f"{table}_override_fkey", change(table, f"id = $lifted_{table}", id="uuidv7()")) for table, _, _ in GIVEN),
]

PROPOSED = "id = $override"
APPROVED = {"status": "'approved'", "decided_by": "$judge", "decided_at": "now()"}
USED = {**APPROVED, "status": "'used'", "used_by_type": "'grant'", "used_by_id": "uuidv7()", "used_on": "'2023-10-03'"}
OVERRIDES = [
    Attack("proposer_approves", clone("overrides", PROPOSED, **{**APPROVED, "decided_by": "proposed_by"})),
    Attack("proposer_approves", change("overrides", PROPOSED, **{**APPROVED, "decided_by": "proposed_by"})),
    Attack("override_expired", clone("overrides", PROPOSED, **USED, valid_until_on="'2023-10-02'")),
    Attack("override_kinds", clone("overrides", PROPOSED, proposed_by="$robot", proposer_kind="'service_account'")),
    Attack("override_kinds", clone("overrides", PROPOSED, decider_kind="'service_account'")),
    Attack("override_proposed_by_a_person", clone("overrides", PROPOSED, proposed_by="$robot")),
    Attack("override_decided_by_a_person", clone("overrides", PROPOSED, **{**APPROVED, "decided_by": "$robot"})),
    Attack("override_code", clone("overrides", PROPOSED, code="'envelope-exhausted'")),
    Attack("override_status", clone("overrides", PROPOSED, status="'lost'")),
    *(
        Attack("override_decision", clone("overrides", PROPOSED, **wrong))
        for wrong in (
            {"status": "'approved'"}, {**APPROVED, "status": "'proposed'"}, {**APPROVED, "decided_at": "NULL"},
            {**USED, "decided_by": "NULL", "decided_at": "NULL"},
        )
    ),
    Attack("override_end_reason", clone("overrides", PROPOSED, status="'withdrawn'")),
    Attack("override_end_reason", clone("overrides", PROPOSED, end_reason="'Why'")),
    Attack("override_use", clone("overrides", PROPOSED, **{**USED, "used_by_id": "NULL"})),
    Attack("override_use", clone("overrides", PROPOSED, **{**USED, "status": "'approved'"})),
    Attack("override_used_by_type", clone("overrides", PROPOSED, **{**USED, "used_by_type": "'gift'"})),
    Attack("overrides_territory_fkey", clone("overrides", PROPOSED, territory="'nowhere'")),
    Attack("overrides_firm_siren_fkey", clone("overrides", PROPOSED, firm_siren="'123456782'")),
    *(
        Attack("override_transition", sql)
        for sql in (
            f"DELETE FROM overrides WHERE {PROPOSED}",
            change("overrides", PROPOSED, **USED),
            change("overrides", PROPOSED, code="'firm-ceased'"),
            change("overrides", PROPOSED, firm_siren="$stranger"),
            change("overrides", PROPOSED, valid_until_on="'2023-01-01'"),
            change("overrides", "id = $override_of_grants", used_by_id="uuidv7()"),
            change("overrides", "id = $override_of_grants", status="'approved'", used_by_type="NULL",
                   used_by_id="NULL", used_on="NULL"),
        )
    ),
]  # fmt: skip

MONEY_ATTACKS = [
    *DAYS, *CONTRIBUTIONS, *BALANCES, *ENTRIES, *GRANTS, *PAYMENTS, *TRANCHES, *ADVANCES, *LINKS, *APPEND_ONLY,
    *RESTING, *BEGUN, *DOOR, *OVERRIDES, *AIDS, *CHANGE_REQUESTS, *LETTERS, *RECOVERIES, *CLOSINGS, *COMMITMENTS, *KEPT,
    *ACCOUNTS, *AMENDMENTS, *ARREARS,
]  # fmt: skip


@pytest.fixture(scope="module")
async def stage(http: httpx2.AsyncClient, pool: Any) -> Stage:
    world, other = await World.create(http, pool), await World.create(http, pool)
    ids = {**await world.money(), "territory": world.territory, "elsewhere": other.territory}
    ids |= await world.owed(ids["grant"])
    ids |= {f"an_{what}".replace("-", "_"): key for what, key in (await world.amended(ids["advance"])).items()}
    ids["other_contribution"] = (await other.money())["contribution"]
    ids["project"] = (await project(world))["id"]
    ids["other_project"] = (await project(other))["id"]
    ids["committee"] = (await world.meeting())["id"]
    ids["judge"] = str(world.subjects["lead_judge"])
    ids["stranger"] = await world.add_firm()
    firm = await world.followed_firm()
    award = {"siren": firm, "project_title": "Atelier", "amount_cents": 100, "decided_on": "2023-10-03"}
    for name, path in (("new_grant", "grants"), ("new_advance", "advances")):
        body = {**award, "decision_reference": name, **({"terms": TERMS} if path == "advances" else {})}
        ids[name] = ok(await world.funder.post(path, body, headers={"Idempotency-Key": name}), 201)["id"]
    acts = Acts(world, await world.followed_firm())
    grant, advance = [ok(await made, 201)["id"] for made in (acts.grant(10), acts.advance(10))]
    proceedings = [(await acts.proceedings(opened_on=on))["id"] for on in ("2023-01-01", "2023-01-02")]
    for name, act in (("grants", acts.grant), ("advances", acts.advance)):
        ids[f"override_of_{name}"] = await acts.override()
        ids[f"lifted_{name}"] = ok(await act(1, override_id=ids[f"override_of_{name}"]), 201)["id"]
    for name, pay, award_id in (("grant_payments", acts.pay, grant), ("advance_tranches", acts.tranche, advance)):
        ids[f"lifted_{name}"] = ok(await pay(award_id, 1, override_id=await acts.override()), 201)["id"]
    paid = Acts(world, ids["firm"], 1000)  # references that nobody else has
    second, third = await subject(world, "treasurer"), await subject(world, "treasurer")
    await paid.payee(approved_by=third)
    owed, either = ok(await paid.grant(100), 201)["id"], {"If-Match": "*"}
    for name, verbs in (("proposal", ()), ("agreed", ("approve",)), ("on_its_way", ("approve", "send"))):
        ids[name] = ok(await paid.proposal(owed, 1), 201)["id"]
        for verb in verbs:
            sending: dict[str, Any] | None = {} if verb == "send" else None
            ok(await second.post(f"grants/{owed}/payments/{ids[name]}/{verb}", sending, headers=either))
    lent = ok(await paid.advance(100), 201)["id"]
    ids["offer"] = ok(await paid.tranche(lent, 1, paid_on=None), 201)["id"]
    said = {"amount_cents": 50_000_00, "received_on": "2024-04-02", "reference": "waits"}
    ids["entry"] = ok(await world.treasurer.post("receipts", said, headers={"Idempotency-Key": "entry"}), 201)["id"]
    back = {"amount_cents": 1, "reason": "Not ours."}
    refunds = f"receipts/{ids['entry']}/refunds"
    ids["refund"] = ok(await world.treasurer.post(refunds, back, headers={"Idempotency-Key": "refund"}), 201)["id"]
    async with pool.acquire() as connection:
        await world.add_subject(connection, "robot", "office", None, kind="service_account")
    ids["robot"] = str(world.subjects["robot"])
    ids["account"] = await world.bank_account()
    ids |= await late(pool, ids["advance"], str(world.subjects["treasurer"]), proceedings)
    return Stage(pool, ids)


@pytest.mark.parametrize("attack", MONEY_ATTACKS, ids=str)
async def test_the_database_refuses_by_the_rule_of_money_that_was_broken(stage: Stage, attack: Attack) -> None:
    assert await stage.refused(attack.sql) == attack.constraint


TABLES = sorted(
    mapper.local_table.description
    for mapper in Base.registry.mappers
    if mapper.class_.__module__.split(".")[1] in ("envelopes", "awards", "grants", "advances")
    and ".claims." not in mapper.class_.__module__  # tests/awards/claims/test_raw_sql.py
)


# The shapes that one CHECK asks, by its name: each refuses by its own.
ASKED_AT_ONCE = {
    check.name: check.info["held"]
    for table in Base.metadata.sorted_tables
    for check in table.constraints
    if "held" in check.info
}


async def test_every_constraint_of_money_but_primary_keys_is_attacked(stage: Stage) -> None:
    rows = await stage.pool.fetch(
        "SELECT conname FROM pg_constraint"
        " WHERE contype IN ('c', 'x', 'f', 'u') AND conrelid = ANY ($1::text[]::regclass[])"
        " UNION SELECT indexrelid::regclass::text FROM pg_index"
        " WHERE indisunique AND NOT indisprimary AND indrelid = ANY ($1::text[]::regclass[])",
        TABLES,
    )
    # What only gives a foreign key of other tables its target; the primary key is its narrower twin. The ledger alone
    # writes days of accounts, and its own keys refuse first. A trigger looks before the keys of files and decisions do,
    # and it makes or finds the aid of an award, whose key of the territory refuses first.
    targets = {"contributions_territory_id_key", "grants_id_territory_awarded_by_key",
               "advances_id_territory_awarded_by_key", "account_days_account_fkey", "overrides_award_key",
               "overrides_payment_key", "grants_territory_id_key", "advances_territory_id_key",
               *(f"{table}_{key}" for table in ("grants", "advances")
                 for key in ("application_fkey", "decision_fkey", "application_key", "territory_fkey", "aid_fkey")),
               "grant_decision_of_a_file", "advance_decision_of_a_file", *TARGETS, *OF_ACCOUNTS,
               *OF_ARREARS}  # fmt: skip
    assert len(rows) > 45
    names = {name for row in rows for name in ASKED_AT_ONCE.get(row["conname"], [row["conname"]])}
    assert names - {attack.constraint for attack in MONEY_ATTACKS} - targets == set()


async def test_every_append_only_table_of_money_is_attacked(stage: Stage) -> None:
    rows = await stage.pool.fetch(
        "SELECT tgrelid::regclass::text AS name FROM pg_trigger"
        " WHERE tgname = 'append_only' AND tgrelid = ANY ($1::text[]::regclass[])",
        TABLES,
    )
    assert {f"{row['name']}_append_only" for row in rows} <= {each.constraint for each in MONEY_ATTACKS}


def taken_back(table: str, row: str, status: str) -> str:
    """An award that is taken back, and another one under its reference."""
    return change(table, row, status=f"'{status}'") + "; " + clone(table, row, status="'awarded'")


@pytest.mark.parametrize(
    "edge",
    [
        change("account_balances", account("available"), balance_cents="0"),
        change("account_balances", account("available"), balance_cents="9007199254740991"),
        change("grants", GRANT, paid_cents="amount_cents", status="'closed'"),
        change("grants", GRANT, released_cents="amount_cents - paid_cents", status="'closed'"),
        change("advances", ADVANCE, disbursed_cents="amount_cents"),
        change("advances", ADVANCE, repaid_cents="disbursed_cents"),
        change("advances", "id = $new_advance", released_cents="amount_cents", status="'cancelled'"),
        clone("grant_payments", PAYMENT, reference="'N'", amount_cents="1"),
        # Who takes an act back frees its names.
        clone("grant_payments", PAYMENT, status="'reversed'", reason="'Mistaken'"),
        change("grant_payments", PROPOSAL, **APPROVE),
        change("grant_payments", PROPOSAL, status="'cancelled'", reason="'Later'"),
        clone("advance_repayments", REPAYMENT, status="'reversed'", reason="'Mistaken'"),
        clone("receipts", "id = $entry", status="'reversed'", reason="'Mistaken'"),
        clone("contributions", CONTRIBUTION, status="'reversed'", reason="'Mistaken'"),
        taken_back("grants", "id = $new_grant", "reversed"),
        taken_back("grants", "id = $new_grant", "cancelled"),
        taken_back("advances", "id = $new_advance", "reversed"),
        entry(amount_cents="1"),
        entry(reverses_id="id"),
        entry(effective_on="'1900-01-01'", debit="'grants_committed'", credit="'contributor'"),
        entry(effective_on="'2023-10-03'"),
    ],
)
async def test_what_reaches_the_limit_of_money_and_does_not_pass_it_is_taken(stage: Stage, edge: str) -> None:
    assert await stage.taken(edge) == 1


SPEND = "UPDATE account_balances SET balance_cents = balance_cents - 1 WHERE territory = $1 AND account = '{}'"


@pytest.mark.parametrize(
    ("spend", "constraint"),
    [
        (SPEND.format("available"), "envelope_exhausted"),
        (SPEND.format("grants_committed"), "account_overdrawn"),
        (
            "UPDATE grants SET paid_cents = paid_cents + 1, status = 'paying' WHERE territory = $1",
            "payments_exceed_award",
        ),
        ("UPDATE advances SET disbursed_cents = disbursed_cents + 1 WHERE territory = $1", "tranches_exceed_award"),
        ("UPDATE advances SET repaid_cents = repaid_cents + 1 WHERE territory = $1", "repayment_exceeds_outstanding"),
    ],
)
async def test_of_twenty_bare_updates_of_the_last_cent_one_succeeds(world: World, spend: str, constraint: str) -> None:
    await world.money()
    async with world.pool.acquire() as connection:
        await connection.execute("UPDATE account_balances SET balance_cents = 1 WHERE territory = $1", world.territory)
        await connection.execute(
            "UPDATE grants SET paid_cents = amount_cents - 1 WHERE territory = $1", world.territory
        )
        await connection.execute(
            "UPDATE advances SET disbursed_cents = amount_cents - 1, repaid_cents = amount_cents - 2"
            " WHERE territory = $1",
            world.territory,
        )

    async def attack() -> str:
        try:
            return str(await world.pool.execute(spend, world.territory))
        except asyncpg.CheckViolationError as error:
            return str(error.constraint_name)

    found = await asyncio.gather(*(attack() for _ in range(20)))
    assert sorted(found) == sorted(["UPDATE 1", *[constraint] * 19])
