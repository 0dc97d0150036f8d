"""The balances of payment runs for `rebond check`: each query gives a key, what the lines come to, and what stands."""

CHECKS = {
    "total of a payment run": """
        SELECT r.id::text, (
            SELECT format('%s of %s', coalesce(sum(l.amount_cents), 0), count(*))
            FROM payment_run_lines l
            LEFT JOIN grant_payments p ON p.id = l.payment_id LEFT JOIN advance_tranches t ON t.id = l.tranche_id
            WHERE l.run_id = r.id AND (
                l.ended_as IS NOT NULL OR coalesce(p.status, t.status) NOT IN ('sent', 'recorded')
                OR coalesce(p.amount_cents - coalesce(p.set_off_cents, 0), t.amount_cents) = l.amount_cents)
        ), format('%s of %s', r.total_cents, r.payments)
        FROM payment_runs r""",
    "payments in the open lines of a run": """
        SELECT r.id::text, count(coalesce(p.id, t.id)), count(l.id)
        FROM payment_runs r JOIN payment_run_lines l ON l.run_id = r.id AND l.ended_as IS NULL
        LEFT JOIN grant_payments p ON p.id = l.payment_id AND p.status IN ('sent', 'recorded', 'reversed')
            AND p.bank_details_id = l.bank_details_id
        LEFT JOIN advance_tranches t ON t.id = l.tranche_id AND t.status IN ('sent', 'recorded', 'reversed')
            AND t.bank_details_id = l.bank_details_id
        GROUP BY r.id""",
}
