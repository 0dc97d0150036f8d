"""The balances of firms for `rebond check`: each query gives a key, the sum of its entries, and the stored figure."""

CHECKS = {
    "stage of a firm": """
        SELECT t.territory || ' ' || t.siren, h.stage || ' ' || h.effective_on, t.stage || ' ' || t.stage_since_on
        FROM territory_firms t LEFT JOIN LATERAL (
            SELECT stage, effective_on FROM firm_stage_changes c WHERE (c.territory, c.siren) = (t.territory, t.siren)
            ORDER BY effective_on DESC, id DESC LIMIT 1
        ) h ON true""",
    "seat of a firm": """
        SELECT f.siren, (SELECT siret FROM firm_seats s WHERE s.siren = f.siren ORDER BY id DESC LIMIT 1), f.seat_siret
        FROM firms f WHERE f.seat_siret IS NOT NULL""",
    "main activity of a firm": """
        SELECT f.siren, a.naf_code, f.naf_code
        FROM firms f LEFT JOIN firm_activities a
            ON a.siren = f.siren AND a.naf_version = f.naf_version AND a.to_on IS NULL
        WHERE f.naf_code IS NOT NULL""",
}
