"""The balances of collection runs for `rebond check`: a key, what the lines come to, and what stands."""

CHECKS = {
    "total of a collection run": """
        SELECT r.id::text, (
            SELECT format('%s of %s', coalesce(sum(l.amount_cents), 0), count(*)) FROM collection_run_lines l
            LEFT JOIN receipts e ON e.id = l.receipt_id
            WHERE l.run_id = r.id AND (l.receipt_id IS NULL OR e.amount_cents = l.amount_cents)
        ), format('%s of %s', r.total_cents, r.debits)
        FROM collection_runs r""",
}
