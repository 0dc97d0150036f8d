"""The balances of recoveries for `rebond check`: each query gives a key, what the entries come to, and what stands."""

CHECKS = {
    "received of a recovery": """
        SELECT r.territory || ' ' || r.id, coalesce(sum(e.amount_cents), 0), r.received_cents
        FROM recoveries r LEFT JOIN recovery_receipts e ON e.recovery_id = r.id AND e.status = 'recorded'
        GROUP BY r.id""",
    "set off of a recovery": """
        SELECT r.territory || ' ' || r.id,
            coalesce(sum(p.set_off_cents) FILTER (WHERE p.status = 'recorded'), 0) || ' recorded, '
                || coalesce(sum(p.set_off_cents) FILTER (WHERE p.status IN ('proposed', 'approved', 'sent')), 0)
                || ' planned',
            r.set_off_cents || ' recorded, ' || r.planned_cents || ' planned'
        FROM recoveries r LEFT JOIN grant_payments p ON p.set_off_recovery_id = r.id GROUP BY r.id""",
    "claimed back of a grant": """
        SELECT g.territory || ' ' || g.id, coalesce(sum(r.amount_cents), 0), g.claimed_back_cents
        FROM grants g LEFT JOIN recoveries r ON r.grant_id = g.id AND r.status <> 'withdrawn' GROUP BY g.id""",
    "recovered of a grant": """
        SELECT g.territory || ' ' || g.id, coalesce(sum(r.received_cents + r.set_off_cents), 0), g.recovered_cents
        FROM grants g LEFT JOIN recoveries r ON r.grant_id = g.id GROUP BY g.id""",
    "paid of a grant and not recovered, in the ledger": """
        SELECT g.territory || ' ' || g.id,
            coalesce(sum(CASE WHEN e.debit = 'grants_paid' THEN e.amount_cents ELSE -e.amount_cents END), 0),
            g.paid_cents - g.recovered_cents
        FROM grants g LEFT JOIN ledger_entries e ON e.award_id = g.id AND 'grants_paid' IN (e.debit, e.credit)
        GROUP BY g.id""",
}
