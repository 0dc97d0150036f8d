"""The balances of envelopes for `rebond check`: each query gives a key, what the entries come to, and what stands."""

CHECKS = {
    "balance of an account": """
        SELECT b.territory || ' ' || b.contribution_id || ' ' || b.account,
            coalesce(sum(CASE WHEN (e.debit = b.account) = (b.account <> 'contributor')
                THEN e.amount_cents ELSE -e.amount_cents END), 0),
            b.balance_cents
        FROM account_balances b LEFT JOIN ledger_entries e
            ON e.contribution_id = b.contribution_id AND b.account IN (e.debit, e.credit)
        GROUP BY b.territory, b.contribution_id, b.account""",
    "money of a contribution": """
        SELECT c.id::text, CASE c.status WHEN 'recorded' THEN c.amount_cents ELSE 0 END, coalesce(b.balance_cents, 0)
        FROM contributions c LEFT JOIN account_balances b ON b.contribution_id = c.id AND b.account = 'contributor'""",
    "zero-sum of a contribution": """
        SELECT contribution_id::text, coalesce(sum(balance_cents) FILTER (WHERE account <> 'contributor'), 0),
            coalesce(sum(balance_cents) FILTER (WHERE account = 'contributor'), 0)
        FROM account_balances GROUP BY contribution_id""",
    "entries with the right running balance": """
        SELECT b.territory || ' ' || b.contribution_id || ' ' || b.account, count(e.stated),
            count(*) FILTER (WHERE e.stated = e.computed)
        FROM account_balances b LEFT JOIN (
            SELECT contribution_id, account, stated,
                sum(cents) OVER (PARTITION BY contribution_id, account ORDER BY id) AS computed
            FROM ledger_entries CROSS JOIN LATERAL (VALUES
                (debit, debit_balance_cents, CASE debit WHEN 'contributor' THEN -amount_cents ELSE amount_cents END),
                (credit, credit_balance_cents, CASE credit WHEN 'contributor' THEN amount_cents ELSE -amount_cents END)
            ) side (account, stated, cents)
        ) e USING (contribution_id, account)
        GROUP BY b.territory, b.contribution_id, b.account""",
}
