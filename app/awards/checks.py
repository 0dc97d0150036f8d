"""What awards mean for projects and firms, for `rebond check`: each query gives a key, what they say, what stands."""

# Awards of every instrument, whether they stand, and whether nothing of them is left to pay or to repay.
_AWARDS = """
    SELECT territory, firm_siren AS siren, project_id, id, amount_cents, released_cents, decision_reference, decided_on,
        status NOT IN ('cancelled', 'reversed') AS stands, status = 'closed' AS ended FROM grants
    UNION ALL
    SELECT territory, firm_siren, project_id, id, amount_cents, released_cents, decision_reference, decided_on,
        status NOT IN ('cancelled', 'reversed'), status = 'repaid' FROM advances"""

# The lines of the last plan of every project, and the awards that they name.
_LINES = """
    SELECT v.territory, v.project_id, l.source, l.amount_cents, l.proof_reference,
        coalesce(l.grant_id, l.advance_id) AS award_id
    FROM financing_plans v JOIN financing_lines l ON l.plan_id = v.id
    WHERE NOT EXISTS (SELECT FROM financing_plans n WHERE n.project_id = v.project_id AND n.number > v.number)"""

# Stages that only an award leads to, or to `selected` a committee that pre-selects a file of the project.
_WITHOUT_AWARD = """p.stage IN ('contracted', 'completed') OR p.stage = 'selected' AND NOT EXISTS (
    SELECT FROM committee_decisions d JOIN applications f ON f.id = d.application_id
    WHERE f.project_id = p.id AND d.outcome = 'pre_select' AND d.reversed_at IS NULL)"""

CHECKS = {
    "awards of an aid that stand": """
        SELECT s.id::text, count(a.id), s.awards
        FROM aids s LEFT JOIN (
            SELECT id, aid_id FROM grants WHERE status NOT IN ('cancelled', 'reversed')
            UNION ALL SELECT id, aid_id FROM advances WHERE status NOT IN ('cancelled', 'reversed')
        ) a ON a.aid_id = s.id GROUP BY s.id""",
    "firm of an award, by its aid and the last transfer": """
        SELECT a.id::text, s.firm_siren || ' ' || coalesce((
            SELECT t.to_siren FROM aid_acts t WHERE t.aid_id = s.id AND t.act = 'transfer' ORDER BY t.id DESC LIMIT 1
        ), s.firm_siren), a.firm_siren || ' ' || a.firm_siren
        FROM aids s JOIN (
            SELECT id, aid_id, firm_siren FROM grants WHERE status NOT IN ('cancelled', 'reversed')
            UNION ALL SELECT id, aid_id, firm_siren FROM advances WHERE status NOT IN ('cancelled', 'reversed')
        ) a ON a.aid_id = s.id""",
    "line of a plan for an award": f"""
        WITH awards AS ({_AWARDS}), lines AS ({_LINES})
        SELECT l.territory || ' ' || l.project_id || ' ' || l.source,
            CASE WHEN a.stands THEN a.amount_cents - a.released_cents || ' ' || a.decision_reference ELSE 'none' END,
            l.amount_cents || ' ' || l.proof_reference
        FROM lines l LEFT JOIN awards a ON a.id = l.award_id AND a.project_id = l.project_id
        WHERE l.award_id IS NOT NULL""",  # noqa: S608  # our own text
    "stage of a project with awards": f"""
        WITH awards AS ({_AWARDS}), told AS (
            SELECT project_id, bool_and(ended) FILTER (WHERE stands) AS ended FROM awards
            WHERE project_id IS NOT NULL GROUP BY project_id
        )
        SELECT p.territory || ' ' || p.id, CASE
            WHEN ended THEN 'completed'
            WHEN NOT ended AND p.stage <> 'completed' THEN 'contracted'
            WHEN ended IS NULL AND p.funding_route = 'rebond' AND ({_WITHOUT_AWARD}) THEN 'filed'
            ELSE p.stage END, p.stage
        FROM told JOIN projects p ON p.id = told.project_id""",  # noqa: S608  # our own text
    "stage of a firm with awards": f"""
        WITH awards AS ({_AWARDS})
        SELECT DISTINCT a.territory || ' ' || a.siren, 'supported', t.stage
        FROM awards a LEFT JOIN territory_firms t USING (territory, siren)
        WHERE a.stands AND a.project_id IS NOT NULL""",  # noqa: S608  # our own text
}  # fmt: skip

# What stands although a later rule would refuse it: each query gives a key, and what it is. None is a difference.
BEFORE_THE_RULE = {
    "cents of an award that names no project": f"""
        WITH awards AS ({_AWARDS})
        SELECT a.territory || ' ' || a.id, a.amount_cents FROM awards a JOIN territories t ON t.slug = a.territory
        WHERE a.stands AND a.project_id IS NULL AND a.decided_on >= t.served_since_on""",  # noqa: S608  # our own text
    "cents of an award that the plan of its project does not name": f"""
        WITH awards AS ({_AWARDS}), lines AS ({_LINES})
        SELECT a.territory || ' ' || a.id, a.amount_cents FROM awards a
        WHERE a.stands AND EXISTS (SELECT FROM financing_plans v WHERE v.project_id = a.project_id)
            AND NOT EXISTS (SELECT FROM lines l WHERE l.award_id = a.id)""",  # noqa: S608  # our own text
    "stage of a project of the programme without an award": f"""
        WITH awards AS ({_AWARDS})
        SELECT p.territory || ' ' || p.id, p.stage FROM projects p
        WHERE p.funding_route = 'rebond' AND ({_WITHOUT_AWARD})
            AND NOT EXISTS (SELECT FROM awards a WHERE a.project_id = p.id)""",  # noqa: S608  # our own text
    "cents left of a grant after its balance": """
        SELECT g.territory || ' ' || g.id, g.amount_cents - g.paid_cents - g.released_cents FROM grants g
        WHERE g.paid_cents + g.released_cents < g.amount_cents AND EXISTS (
            SELECT FROM grant_payments p
            WHERE p.grant_id = g.id AND p.kind = 'balance_payment' AND p.status = 'recorded'
        )""",
    "firms of a project other than those of its audition": """
        SELECT p.territory || ' ' || p.id, h.sirens::text FROM projects p
        CROSS JOIN LATERAL (
            SELECT array_agg(f.siren) AS sirens FROM audition_firms f WHERE f.audition_id = p.detected_in_audition_id
        ) m
        CROSS JOIN LATERAL (
            SELECT array_agg(h.firm_siren) AS sirens FROM project_holders h
            WHERE h.project_id = p.id AND h.firm_siren IS NOT NULL
        ) h
        WHERE NOT m.sirens && h.sirens""",
}  # fmt: skip
