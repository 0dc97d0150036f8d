"""The balances of payment runs for `rebond check`: each query gives a key, what the lines come to, and what stands."""

CHECKS = {
    "total of a payment run": """
        SELECT r.id::text, (
            SELECT format('%s of %s', coalesce(sum(l.amount_cents), 0), count(*))
            FROM payment_run_lines l JOIN grant_payments p ON p.id = l.payment_id
                AND (l.ended_as IS NOT NULL OR p.status NOT IN ('sent', 'recorded')
                    OR p.amount_cents - coalesce(p.set_off_cents, 0) = l.amount_cents)
            WHERE l.run_id = r.id
        ), format('%s of %s', r.total_cents, r.payments)
        FROM payment_runs r""",
    "payments in the open lines of a run": """
        SELECT r.id::text, count(p.id), count(l.id)
        FROM payment_runs r JOIN payment_run_lines l ON l.run_id = r.id AND l.ended_as IS NULL
        LEFT JOIN grant_payments p ON p.id = l.payment_id AND p.status IN ('sent', 'recorded', 'reversed')
            AND p.bank_details_id = l.bank_details_id
        GROUP BY r.id""",
}
