"""The balances of grants for `rebond check`: each query gives a key, what the entries come to, and what stands."""

CHECKS = {
    "paid of a grant": """
        SELECT g.id::text, coalesce(sum(p.amount_cents), 0), g.paid_cents
        FROM grants g LEFT JOIN grant_payments p ON p.grant_id = g.id AND p.status = 'recorded' GROUP BY g.id""",
    "in flight of a grant": """
        SELECT g.territory || ' ' || g.id, coalesce(sum(p.amount_cents), 0), g.in_flight_cents
        FROM grants g LEFT JOIN grant_payments p
            ON p.grant_id = g.id AND p.status IN ('proposed', 'approved', 'sent') GROUP BY g.id""",
    "commitment of a grant": """
        SELECT g.id::text,
            coalesce(sum(CASE WHEN e.debit = 'grants_committed' THEN e.amount_cents ELSE -e.amount_cents END), 0),
            CASE g.status WHEN 'reversed' THEN 0 ELSE g.amount_cents - g.paid_cents - g.released_cents END
        FROM grants g LEFT JOIN ledger_entries e ON e.award_id = g.id AND 'grants_committed' IN (e.debit, e.credit)
        GROUP BY g.id""",
}
