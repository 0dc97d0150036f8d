"""Bare SQL against aids, what is asked and written about them, what closes them and what must come back: `test_raw_sql`
tries each.
"""

from tests.bare_sql import Attack, change, clone

TOO_LARGE = "1000000000001"  # cents of one act: ten billion euros and one cent
RECOVERY, RECEIPT = "id = $recovery", "id = $receipt"
COMMITMENT, REPORT = "id = $commitment", "id = $commitment_report"
AID = "id = (SELECT aid_id FROM grants WHERE id = $grant)"
LINE, NEW_AID = "aid_" + AID, "id = (SELECT aid_id FROM grants WHERE id = $new_grant)"
ACT = f"id = (SELECT id FROM aid_acts WHERE {LINE} ORDER BY id LIMIT 1)"
REQUEST, LETTER = "id = $grant_change_request", "id = $letter"
HASH = "repeat('0', 64)"
REFUSED = {"status": "'refused'", "decided_by": "$judge", "decided_on": "now()", "end_reason": "'Why'"}
SIGNED = {"status": "'signed'", "signed_on": "'2023-10-20'", "document_sha256": HASH}
WAIVED = {"status": "'closed'", "settled_as": "'waived'", "waived_cents": "amount_cents", "waived_on": "ordered_on",
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


def passed(**firms: str) -> str:
    """INSERT of the act by which an aid passes from one firm to another."""
    return clone("aid_acts", ACT, act="'transfer'", **firms)


AIDS = [
    Attack("aids_territory_fkey", clone("aids", NEW_AID, territory="'nowhere'")),
    Attack("aids_application_fkey", clone("aids", NEW_AID, decision_reference="'N'", application_id="uuidv7()")),
    Attack("aids_decision_reference_key", clone("aids", NEW_AID)),
    *(
        Attack("aid_counts", change("aids", AID, **{name: value}))
        for name, value in (("awards", "-1"), ("open_claims", "-1"), ("certified_cents", "base_cents + 1"))
    ),
    # What the trigger of aids asks of the facts: a new aid says none, and some come together or in their order.
    Attack("aid_facts", clone("aids", AID, decision_reference="'N'")),
    *(
        Attack("aid_facts", change("aids", AID, **{name: value}))
        for name, value in (
            ("guarantee_cents", "0"), ("guarantor", "NULL"), ("started_on", "'2024-01-01'"),
            ("agreement_sha256", "'0'"), ("notified_on", "decided_on - 1"), ("start_extension_months", "1"),
        )
    ),
    Attack("start_extension_too_long", change("aids", AID, start_extension_months="99", extended_on="now()")),
    Attack(
        "start_extension_late",
        change("aids", AID, notified_on="'2023-10-20'", start_extension_months="1", extended_on="'2199-01-01'"),
    ),
    Attack("completed_unstarted", change("aids", AID, completed_on="'2024-01-01'")),
    Attack(
        "completed_before_start",
        change("aids", AID, started_on="'2024-01-02'", start_proof_sha256=HASH, completed_on="'2024-01-01'"),
    ),
    Attack("aid_lines_aid_id_fkey", clone("aid_lines", LINE, aid_id="uuidv7()")),
    Attack("aid_lines_position_key", clone("aid_lines", LINE)),
    Attack("aid_line_amount", clone("aid_lines", LINE, position="99", amount_cents="0", certified_cents="0")),
    Attack("over_line", clone("aid_lines", LINE, position="99", certified_cents="amount_cents + 1")),
    Attack("aid_act", clone("aid_acts", ACT, act="'lost'")),
    Attack("aid_act_document", clone("aid_acts", ACT, document_sha256="'0'")),
    Attack("aid_act_of_one_award", clone("aid_acts", ACT, grant_id="$grant", advance_id="$advance")),
    Attack("aid_acts_aid_fkey", clone("aid_acts", ACT, aid_id="uuidv7()")),
    Attack("aid_acts_grant_fkey", clone("aid_acts", ACT, grant_id="uuidv7()", advance_id="NULL")),
    Attack("aid_acts_advance_fkey", clone("aid_acts", ACT, advance_id="uuidv7()", grant_id="NULL")),
    Attack("aid_act_transfer", clone("aid_acts", ACT, act="'transfer'")),
    *(
        Attack("aid_act_transfer", clone("aid_acts", ACT, from_siren=siren, to_siren="$firm"))
        for siren in ("NULL", "$firm", "$stranger")
    ),
    Attack("aid_act_transfer", clone("aid_acts", ACT, act="'transfer'", from_siren="$firm", to_siren="$firm")),
    Attack("aid_acts_from_siren_fkey", passed(from_siren="'123456782'", to_siren="$firm")),
    Attack("aid_acts_to_siren_fkey", passed(from_siren="$firm", to_siren="'123456782'")),
    Attack("held_by_transfer", f"SET CONSTRAINTS ALL IMMEDIATE; {passed(from_siren='$firm', to_siren='$stranger')}"),
    Attack("aid_acts_actor_id_fkey", clone("aid_acts", ACT, actor_id="uuidv7()")),
    # The other award of a decision says of it what the first one said.
    Attack(
        "award_differs_from_aid",
        clone("grants", "id = $new_grant", decision_reference="'new_advance'", decided_on="'2023-10-04'"),
    ),
    *(
        attack
        for table, noun, row in (("grants", "grant", "id = $grant"), ("advances", "advance", "id = $advance"))
        for attack in (
            Attack(f"{noun}_ended_as", change(table, row, ended_as="'lost'", ended_on="now()")),
            Attack(f"{noun}_ended", change(table, row, ended_as="'closed'")),
            Attack(f"{noun}_ended", change(table, row, ended_as="'lapsed'", ended_on="now()")),
        )
    ),
    Attack("grant_flows", change("grants", "id = $grant", in_flight_cents="-1")),
    Attack("grant_flows", change("grants", "id = $grant", recovered_cents="-1")),
]  # fmt: skip

CHANGE_REQUESTS = [
    Attack("change_requests_aid_fkey", clone("change_requests", REQUEST, aid_id="uuidv7()")),
    Attack("change_requests_grant_fkey", clone("change_requests", REQUEST, grant_id="uuidv7()")),
    Attack(
        "change_requests_advance_fkey", clone("change_requests", REQUEST, grant_id="NULL", advance_id="uuidv7()")
    ),
    Attack("change_requests_requested_by_fkey", clone("change_requests", REQUEST, requested_by="uuidv7()")),
    Attack("requester_decides", change("change_requests", REQUEST, **{**REFUSED, "decided_by": "requested_by"})),
    Attack(
        "change_request_decided_by_a_person", change("change_requests", REQUEST, **{**REFUSED, "decided_by": "$robot"})
    ),
    Attack("change_request_decider_kind", change("change_requests", REQUEST, decider_kind="'service_account'")),
    Attack("change_request_of_one_award", clone("change_requests", REQUEST, advance_id="$advance")),
    Attack("change_request_changes", clone("change_requests", REQUEST, changes="'[]'")),
    Attack(
        "change_request_status",
        change("change_requests", REQUEST, **{**REFUSED, "status": "'lost'", "end_reason": "NULL"}),
    ),
    *(
        Attack("change_request_decided", change("change_requests", REQUEST, **wrong))
        for wrong in (
            {"decided_on": "now()"}, {"end_reason": "'Why'"}, {"before": "'{}'"},
            {**REFUSED, "end_reason": "NULL"}, {**REFUSED, "status": "'approved'", "end_reason": "NULL"},
        )
    ),
    Attack("change_request_amounts", change("change_requests", REQUEST, raised_cents="1")),
    Attack(
        "change_request_cents",
        change(
            "change_requests", REQUEST,
            **{**REFUSED, "status": "'approved'", "end_reason": "NULL", "before": "'{}'", "raised_cents": "-1"},
        ),
    ),
    Attack("change_request_document", change("change_requests", REQUEST, document_sha256="'0'")),
]  # fmt: skip

LETTERS = [
    Attack("letters_aid_fkey", clone("letters", LETTER, reference="'N'", aid_id="uuidv7()")),
    Attack("letters_drawn_up_by_fkey", clone("letters", LETTER, reference="'N'", kind="'agreement'",
                                             drawn_up_by="uuidv7()")),
    Attack("letters_reference_key", clone("letters", LETTER, kind="'agreement'")),
    Attack("letter_open", clone("letters", LETTER, reference="'N'")),
    Attack("letter_kind", clone("letters", LETTER, reference="'N'", kind="'poem'")),
    Attack("letter_content_hash", clone("letters", LETTER, reference="'N'", content_hash="'0'")),
    *(
        Attack(constraint, change("letters", LETTER, **wrong))
        for constraint, wrong in (
            ("letter_status", {**SIGNED, "status": "'lost'"}),
            ("letter_document", {**SIGNED, "document_sha256": "'0'"}),
            ("letter_signed", {"status": "'signed'"}),
            ("letter_signed", {**SIGNED, "document_sha256": "NULL"}),
            ("letter_signed", {**SIGNED, "signed_by_firm_on": "'2023-10-20'"}),
            ("letter_notified", {**SIGNED, "status": "'notified'"}),
            ("letter_end_reason", {"status": "'withdrawn'"}),
            ("letter_notified_before_signature", {**SIGNED, "status": "'notified'", "notified_on": "'2023-10-19'"}),
        )
    ),
]  # fmt: skip

RECOVERIES = [
    Attack("recovery_above_paid", change("grants", "id = $grant", claimed_back_cents="paid_cents + 1")),
    Attack("grant_recovered", change("grants", "id = $grant", recovered_cents="claimed_back_cents + 1")),
    Attack("recoveries_grant_fkey", recovery(territory="'nowhere'")),
    Attack("recoveries_opened_by_fkey", recovery(opened_by="uuidv7()")),
    Attack("recoveries_order_number_key", clone("recoveries", RECOVERY, received_cents="0")),
    Attack("recovery_ordered_by_a_person", recovery(ordered_by="$robot")),
    Attack("recovery_waived_by_a_person", recovery(**WAIVED, waived_by="$robot")),
    Attack("orderer_waives", recovery(**WAIVED, waived_by="ordered_by")),
    Attack("waived_before_order", recovery(**{**WAIVED, "waived_on": "ordered_on - 1"}, waived_by="$judge")),
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
TARGETS = {"recoveries_ordered_key", "recoveries_grant_key", "commitments_aid_id_key", "aids_territory_id_key",
           "aid_lines_aid_id_key"}  # fmt: skip

KEPT = [
    Attack("commitment_reports_append_only", change("commitment_reports", REPORT, text="'Other'")),
    Attack("commitment_reports_append_only", f"DELETE FROM commitment_reports WHERE {REPORT}"),
    *(
        Attack(f"{table}_append_only", sql)
        for table, row, changes in (
            ("aids", AID, {"decided_on": "decided_on"}),
            ("aid_lines", LINE, {"amount_cents": "amount_cents"}),
            ("aid_acts", ACT, {"reason": "'Other'"}),
            ("change_requests", REQUEST, {"reason": "'Other'"}),
            ("letters", LETTER, {"content": "'{}'"}),
        )
        for sql in (change(table, row, **changes), f"DELETE FROM {table} WHERE {row}")
    ),
]
