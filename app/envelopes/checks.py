"""The balances of envelopes for `rebond check`: each query gives a key, what the entries come to, and what stands."""

CHECKS = {
    "balance of an account": """
        SELECT b.territory || ' ' || b.contribution_id || ' ' || b.account,
            coalesce(sum(CASE WHEN (e.debit = b.account) = (b.account NOT IN ('contributor', 'shortfall'))
                THEN e.amount_cents ELSE -e.amount_cents END), 0),
            b.balance_cents
        FROM account_balances b LEFT JOIN ledger_entries e
            ON e.contribution_id = b.contribution_id AND b.account IN (e.debit, e.credit)
        GROUP BY b.territory, b.contribution_id, b.account""",
    "money of a contribution": """
        SELECT c.id::text, CASE c.status WHEN 'recorded' THEN c.amount_cents ELSE 0 END, coalesce(b.balance_cents, 0)
        FROM contributions c LEFT JOIN account_balances b ON b.contribution_id = c.id AND b.account = 'contributor'""",
    "zero-sum of a contribution": """
        SELECT contribution_id::text,
            coalesce(sum(balance_cents) FILTER (WHERE account NOT IN ('contributor', 'shortfall')), 0),
            coalesce(sum(balance_cents) FILTER (WHERE account IN ('contributor', 'shortfall')), 0)
        FROM account_balances GROUP BY contribution_id""",
    "closings of an account": """
        SELECT concat_ws(' ', territory, contribution_id, account, day), e.closing_cents, d.closing_cents
        FROM account_days d FULL JOIN (
            SELECT territory, contribution_id, account, effective_on AS day, sum(sum(cents)) OVER (
                PARTITION BY territory, contribution_id, account ORDER BY effective_on
            ) AS closing_cents
            FROM ledger_entries CROSS JOIN LATERAL (VALUES
                (debit, CASE WHEN debit IN ('contributor', 'shortfall') THEN -amount_cents ELSE amount_cents END),
                (credit, CASE WHEN credit IN ('contributor', 'shortfall') THEN amount_cents ELSE -amount_cents END)
            ) side (account, cents)
            GROUP BY territory, contribution_id, account, effective_on
        ) e USING (territory, contribution_id, account, day)""",
    "entries with the right running balance": """
        SELECT b.territory || ' ' || b.contribution_id || ' ' || b.account, count(e.stated),
            count(*) FILTER (WHERE e.stated = e.computed)
        FROM account_balances b LEFT JOIN (
            SELECT contribution_id, account, stated,
                sum(cents) OVER (PARTITION BY contribution_id, account ORDER BY id) AS computed
            FROM ledger_entries CROSS JOIN LATERAL (VALUES
                (debit, debit_balance_cents,
                    CASE WHEN debit IN ('contributor', 'shortfall') THEN -amount_cents ELSE amount_cents END),
                (credit, credit_balance_cents,
                    CASE WHEN credit IN ('contributor', 'shortfall') THEN amount_cents ELSE -amount_cents END)
            ) side (account, stated, cents)
        ) e USING (contribution_id, account)
        GROUP BY b.territory, b.contribution_id, b.account""",
}

# What stands from before a rule that now holds: each query gives a key, and the figure that the rule would refuse.
BEFORE_THE_RULE = {
    "an account below zero on a day": """
        SELECT concat_ws(' ', territory, contribution_id, account, day), closing_cents
        FROM account_days WHERE closing_cents < 0""",
    "an amount above the bound of one act or line": """
        SELECT concat_ws(' ', of, id), cents FROM (
            SELECT 'contributions', id, amount_cents FROM contributions
            UNION ALL SELECT 'grants', id, amount_cents FROM grants
            UNION ALL SELECT 'grant_payments', id, amount_cents FROM grant_payments
            UNION ALL SELECT 'advances', id, amount_cents FROM advances
            UNION ALL SELECT 'advance_tranches', id, amount_cents FROM advance_tranches
            UNION ALL SELECT 'advance_repayments', id, amount_cents FROM advance_repayments
            UNION ALL SELECT 'project_costs', project_id, amount_cents FROM project_costs
            UNION ALL SELECT 'financing_lines', plan_id, amount_cents FROM financing_lines
            UNION ALL SELECT 'roadmap_actions', action_id, budget_cents FROM roadmap_actions
        ) amount (of, id, cents)
        WHERE cents > 1000000000000""",
}
