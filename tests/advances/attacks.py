"""What bare SQL tries on the accounts of advances: receipts, repayments, versions and refunds."""

from tests.bare_sql import Attack, change, clone

ADVANCE, REPAYMENT = "id = $advance", "id = $repayment"
RECEIPT = "id = (SELECT receipt_id FROM advance_repayments WHERE id = $repayment)"
WAITING = "id = $entry"  # of which nothing is assigned
REFUND = "id = $refund"
VERSION = "advance_id = $advance"
LINE = "version_id = (SELECT id FROM advance_versions WHERE advance_id = $advance LIMIT 1) AND position = 1"
NOW = "SET CONSTRAINTS ALL IMMEDIATE; "
NOBODY = "gen_random_uuid()"
BOUNCE = {"status": "'bounced'", "reason": "'Why'", "bounced_on": "received_on", "bank_reference": "'B'"}
PAID = {"status": "'paid'", "approved_by": "$judge", "refunded_on": "'2024-05-01'"}


def _a_line(**wrong: str) -> str:
    """A version of one line, which is wrong."""
    row = {
        "version_id": "(SELECT id FROM advance_versions WHERE number = 9 AND advance_id = $advance)",
        "position": "1",
    }
    return clone("advance_versions", VERSION, number="9") + "; " + clone("advance_lines", LINE, **{**row, **wrong})


ACCOUNTS = [
    *(
        Attack("advance_amounts", change("advances", ADVANCE, **{f"{name}_cents": "-1"}))
        for name in ("waived", "capitalised", "in_flight")
    ),
    *(
        Attack("repayment_exceeds_outstanding", change("advances", ADVANCE, **{name: "disbursed_cents"}))
        for name in ("waived_cents",)
    ),
    Attack("tranches_exceed_award", change("advances", ADVANCE, in_flight_cents="amount_cents - disbursed_cents + 1")),
    Attack("advance_written_off", change("advances", ADVANCE, written_off_cents="1")),
    Attack("advance_settled_as", change("advances", ADVANCE, settled_as="'lost'")),
    # A receipt is what the bank said, and the sum of its parts.
    *(
        Attack("receipt_amount", clone("receipts", WAITING, reference="'N'", amount_cents=c, unassigned_cents=c))
        for c in ("0", "1000000000001")
    ),
    Attack("receipt_parts", change("receipts", RECEIPT, principal_cents="principal_cents + 1")),
    Attack("receipt_parts", change("receipts", WAITING, unassigned_cents="unassigned_cents - 1")),
    Attack("receipt_no_part_below_zero", change("receipts", WAITING, fees_cents="-1", overpaid_cents="1")),
    Attack("receipt_no_part_below_zero", change("receipts", WAITING, refunded_cents="-1")),
    Attack("assignments_exceed_receipt", change("receipts", RECEIPT, unassigned_cents="-1",
                                                principal_cents="amount_cents + 1")),
    Attack("refunds_exceed_receipt", change("receipts", WAITING, returned_cents="unassigned_cents + 1")),
    Attack("refunds_exceed_receipt", change("receipts", WAITING, refunded_cents="1")),
    Attack("repayment_refunded", change("receipts", WAITING, status="'reversed'", reason="'Why'", returned_cents="1")),
    Attack("receipt_returned", change("receipts", WAITING, status="'returned'")),
    Attack("receipt_status", change("receipts", WAITING, status="'lost'")),
    Attack("receipt_method", clone("receipts", WAITING, reference="'N'", method="'cash'")),
    Attack("receipt_reason", change("receipts", WAITING, reason="'Why'")),
    Attack("receipt_bounced", change("receipts", WAITING, status="'bounced'", reason="'Why'")),
    Attack("receipt_bounced", change("receipts", WAITING, bounced_on="received_on", bank_reference="'B'")),
    Attack("bounced_before_receipt", change("receipts", WAITING, **{**BOUNCE, "bounced_on": "received_on - 1"})),
    Attack("receipt_payer_siren", clone("receipts", WAITING, reference="'N'", payer_siren="'123456789'")),
    Attack("receipts_reference_key", clone("receipts", WAITING)),
    Attack(
        "receipts_account_reference_key",
        "; ".join(
            clone("receipts", WAITING, account_id="$account",
                  reference="'SHARED'", territory=territory)
            for territory in ("territory", "$elsewhere")
        ),
    ),
    Attack("receipts_reference_key", clone("receipts", RECEIPT, unassigned_cents="amount_cents", principal_cents="0")),
    Attack("receipts_territory_fkey", clone("receipts", WAITING, territory="'nowhere'")),
    Attack("receipts_account_id_fkey", clone("receipts", WAITING, reference="'N'", account_id=NOBODY)),
    Attack("receipts_recorded_by_fkey", clone("receipts", WAITING, reference="'N'", recorded_by=NOBODY)),
    *(
        Attack("receipts_append_only", sql)
        for sql in (
            change("receipts", WAITING, amount_cents="amount_cents + 1", unassigned_cents="unassigned_cents + 1"),
            change("receipts", WAITING, reference="'Other'"),
            change("receipts", WAITING, value_on="value_on - 1"),
            f"DELETE FROM receipts WHERE {WAITING}",
        )
    ),
    # A repayment is a part of its receipt, and the sum of its own parts.
    Attack("repayment_parts", change("advance_repayments", REPAYMENT, principal_cents="principal_cents - 1")),
    Attack("repayment_no_part_below_zero", change("advance_repayments", REPAYMENT, fees_cents="-1",
                                                  principal_cents="principal_cents + 1")),
    Attack("repayment_refunds", change("advance_repayments", REPAYMENT, refunded_cents="1")),
    Attack("repayment_refunded", change("advance_repayments", REPAYMENT, status="'reversed'", reason="'Why'",
                                        refunded_cents="1")),
    Attack("repayment_choice", change("advance_repayments", REPAYMENT, choice="'vanish'")),
    Attack("advance_repayments_receipt_key", clone("advance_repayments", REPAYMENT)),
    Attack("assignments_exceed_receipt", clone("advance_repayments", REPAYMENT, advance_id="$new_advance",
        awarded_by="(SELECT awarded_by FROM advances WHERE id = $new_advance)")),
    Attack("advance_repayments_receipt_fkey", clone("advance_repayments", REPAYMENT, receipt_id=NOBODY)),
    *(
        Attack("advance_repayments_append_only", sql)
        for sql in (
            *(
                change("advance_repayments", REPAYMENT, **{name: value})
                for name, value in (
                    ("amount_cents", "amount_cents + 1"), ("value_on", "value_on - 1"), ("advance_id", "$new_advance"),
                    ("receipt_id", "$entry"), ("received_on", "received_on - 1"), ("reference", "'Other'"),
                )
            ),
            f"DELETE FROM advance_repayments WHERE {REPAYMENT}",
        )
    ),
    Attack("advance_allocations_repayment_id_fkey", clone("advance_allocations", "repayment_id = $repayment",
                                                          repayment_id=NOBODY)),
    # A version and its lines are written once, and come to what was outstanding.
    Attack("advance_version_rate", clone("advance_versions", VERSION, number="9", annual_rate_bp="5001")),
    Attack("advance_amended_terms", change("advances", "id = $advance", amended_terms="'{\"instalments\": 1}'")),
    Attack("advance_version_cause", clone("advance_versions", VERSION, number="9", cause="'mood'")),
    *(
        Attack("advance_version_amounts", clone("advance_versions", VERSION, **wrong))
        for wrong in ({"number": "0"}, {"number": "9", "outstanding_cents": "-1"}, {"number": "9", "lines": "-1"},
                      {"number": "9", "waived_cents": "-1"})
    ),
    Attack("advance_versions_number_key", clone("advance_versions", VERSION)),
    Attack("advance_versions_advance_fkey", clone("advance_versions", VERSION, number="9", territory="$elsewhere")),
    Attack("advance_versions_made_by_fkey", clone("advance_versions", VERSION, number="9", made_by=NOBODY)),
    *(
        Attack("version_lines_are_outstanding", NOW + clone("advance_versions", VERSION, number="9", **wrong))
        for wrong in ({}, {"lines": "0"})
    ),
    Attack("advance_lines_append_only", clone("advance_lines", LINE, position="99")),
    Attack("advance_lines_version_id_fkey", clone("advance_lines", LINE, version_id=NOBODY)),
    *(
        Attack("advance_line_amounts", _a_line(**wrong))
        for wrong in ({"principal_cents": "-1"}, {"fees_cents": "-1"}, {"position": "0"})
    ),
    Attack("advance_line_due_on", _a_line(due_on="'2200-01-01'")),
    *(
        Attack(f"{table}_append_only", sql)
        for table, row, column in (
            ("advance_versions", VERSION, "outstanding_cents"), ("advance_lines", LINE, "principal_cents"),
            ("advance_allocations", "repayment_id = $repayment", "principal_cents"),
        )
        for sql in (change(table, row, **{column: f"{column} + 1"}), f"DELETE FROM {table} WHERE {row}")
    ),
    # What is proposed to go back is there, and no two proposals have the same cent.
    *(
        Attack("refunds_exceed_receipt", clone("receipt_refunds", REFUND, amount_cents=cents))
        for cents in ("(SELECT amount_cents FROM receipts WHERE id = receipt_id)", "100000000000")
    ),
    Attack("refunds_exceed_receipt", change("receipt_refunds", REFUND, amount_cents="100000000000")),
    # A refund needs two persons, and is of one receipt.
    Attack("refund_own_approval", change("receipt_refunds", REFUND, **{**PAID, "approved_by": "proposed_by"})),
    Attack("refund_approved_by_a_person", change("receipt_refunds", REFUND, **{**PAID, "approved_by": "$robot"})),
    Attack("refund_approver_kind", change("receipt_refunds", REFUND, approver_kind="'service_account'")),
    Attack("refund_amount", clone("receipt_refunds", REFUND, amount_cents="0")),
    Attack("refund_status", change("receipt_refunds", REFUND, status="'lost'")),
    Attack("refund_approved", change("receipt_refunds", REFUND, status="'paid'")),
    Attack("refund_day", change("receipt_refunds", REFUND, **{**PAID, "refunded_on": "NULL"})),
    Attack("refund_ended", change("receipt_refunds", REFUND, end_reason="'Why'")),
    Attack("receipt_refunds_receipt_fkey", clone("receipt_refunds", REFUND, territory="$elsewhere")),
    Attack("receipt_refunds_repayment_fkey", clone("receipt_refunds", REFUND, repayment_id="$repayment")),
    Attack("receipt_refunds_proposed_by_fkey", clone("receipt_refunds", REFUND, proposed_by=NOBODY)),
]  # fmt: skip

# What only gives a foreign key its target, beside the primary key.
TARGETS = {"receipts_territory_id_key", "advance_repayments_receipt_id_key"}
