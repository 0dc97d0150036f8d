"""The uses of overrides for `rebond check`: each query gives a key, what the acts come to, and what stands."""

CHECKS = {
    "acts that name an override": """
        SELECT o.territory || ' ' || o.id, count(act.id), (o.status = 'used')::integer
        FROM overrides o LEFT JOIN (
            SELECT 'grant' AS of, id, override_id FROM grants
            UNION ALL SELECT 'advance', id, override_id FROM advances
            UNION ALL SELECT 'grant_payment', id, override_id FROM grant_payments
            UNION ALL SELECT 'advance_tranche', id, override_id FROM advance_tranches
        ) act ON act.override_id = o.id AND (act.of, act.id) = (o.used_by_type, o.used_by_id)
        GROUP BY o.id""",
}

# What stands although the money's door would refuse it: each query gives a key, and the cents. None is a difference.
BEFORE_THE_RULE = {
    "cents awarded to a firm that the territory does not follow": """
        SELECT concat_ws(' ', a.territory, a.of, a.id), a.amount_cents FROM (
            SELECT 'grant' AS of, id, territory, firm_siren, amount_cents, status FROM grants
            UNION ALL SELECT 'advance', id, territory, firm_siren, amount_cents, status FROM advances
        ) a WHERE a.status NOT IN ('cancelled', 'reversed')
            AND NOT EXISTS (
                SELECT FROM territory_firms t WHERE t.territory = a.territory AND t.siren = a.firm_siren
            )""",
    "cents awarded to a firm whose open proceedings were recorded": """
        SELECT concat_ws(' ', a.territory, a.of, a.id), a.amount_cents FROM (
            SELECT 'grant' AS of, id, territory, firm_siren, decided_on, amount_cents, status, override_id, created_at
            FROM grants
            UNION ALL
            SELECT 'advance', id, territory, firm_siren, decided_on, amount_cents, status, override_id, created_at
            FROM advances
        ) a WHERE a.status NOT IN ('cancelled', 'reversed') AND a.override_id IS NULL AND EXISTS (
            SELECT FROM proceedings p WHERE p.siren = a.firm_siren AND p.created_at < a.created_at
                AND p.opened_on <= a.decided_on AND (p.closed_on IS NULL OR p.closed_on > a.decided_on))""",
}
