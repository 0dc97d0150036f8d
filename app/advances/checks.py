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
        SELECT a.id::text, coalesce(sum(r.amount_cents), 0), a.repaid_cents
        FROM advances a LEFT JOIN advance_repayments r ON r.advance_id = a.id AND r.status = 'recorded'
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
            a.disbursed_cents - a.repaid_cents
        FROM advances a LEFT JOIN ledger_entries e ON e.award_id = a.id AND 'advances_paid' IN (e.debit, e.credit)
        GROUP BY a.id""",
}
BEFORE_THE_RULE = {
    "a repayment recorded by the person who awarded the advance": """
        SELECT id::text, amount_cents FROM advance_repayments
        WHERE status = 'recorded' AND recorded_by = awarded_by""",
}
