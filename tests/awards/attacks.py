"""Bare SQL against what must come back, what closes an aid, and what is owed after it: `test_raw_sql` tries each."""

from tests.engineering.entries.test_raw_sql import Attack, change, clone

TOO_LARGE = "1000000000001"  # cents of one act: ten billion euros and one cent
RECOVERY, RECEIPT = "id = $recovery", "id = $receipt"
COMMITMENT, REPORT = "id = $commitment", "id = $commitment_report"
AID = "id = (SELECT aid_id FROM grants WHERE id = $grant)"
WAIVED = {"status": "'closed'", "settled_as": "'waived'", "waived_cents": "amount_cents", "waived_on": "now()",
          "waiver_reference": "'RG'", "waiver_reason": "'Why'"}  # fmt: skip
JUDGED = {"judged_by": "$judge", "judged_on": "now()", "outcome_reason": "'Why'"}


def recovery(**changes: str) -> str:
    """INSERT of an ordered recovery of which nothing has come back."""
    return clone("recoveries", RECOVERY, **{"order_number": "'N'", "received_cents": "0", **changes})


def receipt(**changes: str) -> str:
    return clone("recovery_receipts", RECEIPT, **{"bank_reference": "'N'", **changes})


def commitment(**changes: str) -> str:
    """INSERT of a commitment on which nobody has reported."""
    return clone("commitments", COMMITMENT, **{"months": "13", "reports": "0", "reporters": "'{}'", **changes})


RECOVERIES = [
    Attack("recovery_above_paid", change("grants", "id = $grant", claimed_back_cents="paid_cents + 1")),
    Attack("grant_recovered", change("grants", "id = $grant", recovered_cents="claimed_back_cents + 1")),
    Attack("recoveries_grant_fkey", recovery(territory="'nowhere'")),
    Attack("recoveries_opened_by_fkey", recovery(opened_by="uuidv7()")),
    Attack("recoveries_order_number_key", clone("recoveries", RECOVERY, received_cents="0")),
    Attack("recovery_ordered_by_a_person", recovery(ordered_by="$robot")),
    Attack("recovery_waived_by_a_person", recovery(**WAIVED, waived_by="$robot")),
    Attack("orderer_waives", recovery(**WAIVED, waived_by="ordered_by")),
    Attack("receipts_exceed_recovery", recovery(received_cents="amount_cents + 1")),
    Attack("recovery_amount", recovery(amount_cents="0")),
    Attack("recovery_amount", recovery(amount_cents=TOO_LARGE)),
    Attack("recovery_amounts", recovery(received_cents="-1")),
    Attack("recovery_planned", recovery(planned_cents="amount_cents + 1")),
    Attack("recovery_cause", recovery(cause="'greed'")),
    Attack("recovery_document", recovery(document_sha256="'0'")),
    Attack("recovery_kinds", recovery(orderer_kind="'service_account'")),
    Attack("recovery_status", recovery(status="'lost'")),
    Attack("recovery_settled", recovery(status="'closed'")),
    Attack("recovery_settled", recovery(received_cents="amount_cents")),
    Attack("recovery_settled_as", recovery(status="'closed'", received_cents="amount_cents", settled_as="'lost'")),
    Attack("recovery_settlement", recovery(status="'closed'", received_cents="amount_cents", settled_as="'set_off'")),
    Attack("recovery_notification", recovery(notified_on="NULL")),
    Attack("recovery_reply", recovery(reply_until_on="notified_on + 14")),
    Attack("reply_pending", recovery(replied_on="NULL")),
    Attack("recovery_order", recovery(due_on="NULL")),
    Attack("recovery_days", recovery(due_on="ordered_on - 1")),
    Attack("recovery_waiver", recovery(waived_by="$judge")),
    Attack("recovery_end_reason", recovery(end_reason="'Why'")),
    Attack(
        "recovery_withdrawn",
        clone("recoveries", RECOVERY, order_number="'N'", status="'withdrawn'", end_reason="'Why'"),
    ),
    *(
        Attack("recovery_transition", sql)
        for sql in (
            f"DELETE FROM recoveries WHERE {RECOVERY}",
            change("recoveries", RECOVERY, amount_cents="1"),
            change("recoveries", RECOVERY, order_number="'N'"),
            change("recoveries", RECOVERY, status="'opened'"),
        )
    ),
    Attack("recovery_receipts_recovery_fkey", receipt(recovery_id="uuidv7()")),
    Attack("recovery_receipts_grant_fkey", receipt(awarded_by="$judge")),
    Attack("recovery_receipts_recorded_by_fkey", receipt(recorded_by="uuidv7()")),
    Attack("recovery_receipts_bank_reference_key", clone("recovery_receipts", RECEIPT)),
    Attack("orderer_settles", receipt(recorded_by="ordered_by")),
    *(Attack("recovery_receipt_amount", receipt(amount_cents=cents)) for cents in ("0", "-1", TOO_LARGE)),
    Attack("recovery_receipt_reason", change("recovery_receipts", RECEIPT, status="'reversed'")),
    Attack("recovery_receipt_status", receipt(status="'lost'")),
    Attack("already_reversed", change("recovery_receipts", RECEIPT, amount_cents="1")),
    Attack("grant_payment_set_off", change("grant_payments", "id = $proposal", set_off_cents="1")),
    Attack(
        "grant_payments_set_off_fkey",
        change("grant_payments", "id = $payment", set_off_cents="1", set_off_recovery_id="uuidv7()"),
    ),
]

CLOSINGS = [
    Attack("aid_closed", change("aids", AID, closed_on="'2024-01-01'")),
    Attack("aid_closed", change("aids", AID, closing_payment_id="uuidv7()")),
    Attack("grant_final", change("grants", "id = $grant", final_cents="amount_cents + 1")),
    Attack("advance_final", change("advances", "id = $advance", final_cents="-1")),
]

COMMITMENTS = [
    Attack("commitments_aid_fkey", commitment(aid_id="uuidv7()")),
    Attack("commitments_once_key", commitment(months="12")),
    Attack("commitment_judged_by_a_person", commitment(**{**JUDGED, "judged_by": "$robot"}, outcome="'waived'")),
    Attack(
        "reporter_judges",
        commitment(**{**JUDGED, "judged_by": "reporters[1]"}, outcome="'met'", reports="1", reporters="reporters"),
    ),
    Attack("commitment_not_reported", commitment(**JUDGED, outcome="'met'")),
    Attack("commitment_outcome", commitment(**JUDGED, outcome="'lost'", reports="1")),
    Attack("commitment_judged", commitment(outcome="'waived'")),
    Attack("commitment_judge_kind", commitment(judge_kind="'service_account'")),
    Attack("commitment_kind", commitment(kind="'love'")),
    Attack("commitment_numbers", commitment(months="-1")),
    Attack("commitment_overdue", commitment(overdue_on="due_on")),
    Attack("commitment_settled", change("commitments", COMMITMENT, due_on="due_on + 1")),
    Attack("commitment_settled", f"DELETE FROM commitments WHERE {COMMITMENT}"),
    Attack("commitment_reports_commitment_fkey", clone("commitment_reports", REPORT, commitment_id="uuidv7()")),
    Attack("commitment_reports_reported_by_fkey", clone("commitment_reports", REPORT, reported_by="uuidv7()")),
    Attack("commitment_report_document", clone("commitment_reports", REPORT, document_sha256="'0'")),
    Attack("commitment_report_jobs", clone("commitment_reports", REPORT, jobs_fte="-1")),
]
# What only gives a foreign key of another table its target.
TARGETS = {"recoveries_ordered_key", "recoveries_grant_key", "commitments_aid_id_key"}

KEPT = [
    Attack("commitment_reports_append_only", change("commitment_reports", REPORT, text="'Other'")),
    Attack("commitment_reports_append_only", f"DELETE FROM commitment_reports WHERE {REPORT}"),
]
