"""The balances of advances for `rebond check`: each query gives a key, what the entries come to, and what stands."""

CHECKS = {
    "disbursed of an advance": """
        SELECT a.id::text, coalesce(sum(t.amount_cents), 0), a.disbursed_cents
        FROM advances a LEFT JOIN advance_tranches t ON t.advance_id = a.id AND t.status = 'recorded' GROUP BY a.id""",
    "in flight of an advance": """
        SELECT a.territory || ' ' || a.id, coalesce(sum(t.amount_cents), 0), a.in_flight_cents
        FROM advances a LEFT JOIN advance_tranches t
            ON t.advance_id = a.id AND t.status IN ('proposed', 'approved', 'sent') GROUP BY a.id""",
    "repaid of an advance": """
        SELECT a.id::text, coalesce(sum(r.principal_cents), 0), a.repaid_cents
        FROM advances a LEFT JOIN advance_repayments r ON r.advance_id = a.id AND r.status = 'recorded'
        GROUP BY a.id""",
    "waived of an advance": """
        SELECT a.id::text,
            coalesce(sum(CASE WHEN e.debit = 'waived' THEN e.amount_cents ELSE -e.amount_cents END), 0),
            least(a.waived_cents, greatest(a.disbursed_cents - (
                SELECT coalesce(sum(principal_cents), 0) FROM advance_repayments
                WHERE advance_id = a.id AND status = 'recorded' AND NOT after_write_off), 0))
        FROM advances a LEFT JOIN ledger_entries e ON e.award_id = a.id AND 'waived' IN (e.debit, e.credit)
        GROUP BY a.id""",
    "commitment of an advance": """
        SELECT a.id::text,
            coalesce(sum(CASE WHEN e.debit = 'advances_committed' THEN e.amount_cents ELSE -e.amount_cents END), 0),
            CASE a.status WHEN 'reversed' THEN 0 ELSE a.amount_cents - a.disbursed_cents - a.released_cents END
        FROM advances a LEFT JOIN ledger_entries e ON e.award_id = a.id AND 'advances_committed' IN (e.debit, e.credit)
        GROUP BY a.id""",
    "outstanding of an advance": """
        SELECT a.id::text,
            coalesce(sum(CASE WHEN e.debit = 'advances_paid' THEN e.amount_cents ELSE -e.amount_cents END), 0),
            greatest(a.disbursed_cents - a.repaid_cents - a.waived_cents - a.written_off_cents, 0)
        FROM advances a LEFT JOIN ledger_entries e ON e.award_id = a.id AND 'advances_paid' IN (e.debit, e.credit)
        GROUP BY a.id""",
    "left of the lines of an advance": """
        SELECT a.id::text, s.left_cents,
            a.disbursed_cents + a.capitalised_cents - a.repaid_cents - a.waived_cents - a.written_off_cents
        FROM advances a JOIN (
            SELECT advance_id, sum(principal_left_cents) AS left_cents, sum(capitalised_cents) AS capitalised_cents
            FROM advance_line_states GROUP BY advance_id
        ) s ON s.advance_id = a.id WHERE s.capitalised_cents = 0""",
    "sums of an advance, on its last day": """
        SELECT a.id::text, s.disbursed_cents - s.repaid_cents - s.waived_cents - s.written_off_cents,
            a.disbursed_cents - a.repaid_cents - a.waived_cents - a.written_off_cents
        FROM advances a JOIN advance_spans s ON s.advance_id = a.id AND s.replaced_at IS NULL
            AND s.until_on = 'infinity'""",
    "lines of an advance, on its last day": """
        SELECT s.advance_id::text, coalesce(l.left_cents, 0),
            s.disbursed_cents + s.capitalised_cents - s.repaid_cents - s.waived_cents - s.written_off_cents
        FROM advance_spans s LEFT JOIN (
            SELECT advance_id, sum(principal_left_cents) AS left_cents
            FROM advance_line_spans WHERE replaced_at IS NULL AND until_on = 'infinity' GROUP BY advance_id
        ) l ON l.advance_id = s.advance_id WHERE s.replaced_at IS NULL AND s.until_on = 'infinity'""",
    "days of an advance, one after the other": """
        SELECT advance_id::text, sum(CASE WHEN until_on = 'infinity' THEN 0 ELSE until_on - from_on END),
            max(from_on) - min(from_on)
        FROM advance_spans WHERE replaced_at IS NULL GROUP BY advance_id""",
    "parts of a receipt": """
        SELECT c.id::text, coalesce(sum(r.amount_cents), 0), c.amount_cents - c.unassigned_cents
        FROM receipts c LEFT JOIN advance_repayments r ON r.receipt_id = c.id AND r.status = 'recorded'
        GROUP BY c.id""",
    "principal of a receipt": """
        SELECT c.id::text, coalesce(sum(r.principal_cents), 0), c.principal_cents
        FROM receipts c LEFT JOIN advance_repayments r ON r.receipt_id = c.id AND r.status = 'recorded'
        GROUP BY c.id""",
    "refunds of a receipt": """
        SELECT c.id::text, coalesce(sum(f.amount_cents), 0), c.refunded_cents + c.returned_cents
        FROM receipts c LEFT JOIN receipt_refunds f ON f.receipt_id = c.id AND f.status = 'paid'
        GROUP BY c.id""",
    "newest parts of a repayment": """
        SELECT r.id::text, n.principal_cents, r.principal_cents
        FROM advance_repayments r LEFT JOIN LATERAL (
            SELECT principal_cents FROM advance_allocations WHERE repayment_id = r.id
            ORDER BY id DESC LIMIT 1
        ) n ON true""",
    "open lines of a version": """
        SELECT v.id::text, v.outstanding_cents,
            coalesce(sum(l.principal_cents - l.capitalised_cents) FILTER (WHERE NOT l.kept), 0)
        FROM advance_versions v LEFT JOIN advance_lines l ON l.version_id = v.id GROUP BY v.id""",
}
BEFORE_THE_RULE = {
    "a repayment recorded by the person who awarded the advance": """
        SELECT id::text, amount_cents FROM advance_repayments
        WHERE status = 'recorded' AND recorded_by = awarded_by""",
}
