"""Decisions for `rebond check`: how many a meeting made, and what each awarded."""

CHECKS = {
    "decisions of a meeting": """
        SELECT a.territory || ' ' || a.committee_id, count(d), a.decisions_made
        FROM agendas a LEFT JOIN committee_decisions d ON d.committee_id = a.committee_id GROUP BY a.committee_id""",
    "awards of a decision": """
        SELECT d.territory || ' ' || d.reference, coalesce(sum(award.amount_cents), 0)::bigint,
            CASE WHEN d.reversed_at IS NULL AND d.outcome = 'grant' THEN d.grant_cents + d.advance_cents ELSE 0 END
        FROM committee_decisions d
        LEFT JOIN (
            SELECT territory, committee_id, decision_reference, amount_cents FROM grants WHERE status <> 'reversed'
            UNION ALL
            SELECT territory, committee_id, decision_reference, amount_cents FROM advances WHERE status <> 'reversed'
        ) award ON award.territory = d.territory AND award.committee_id = d.committee_id
            AND award.decision_reference = d.reference
        WHERE d.corrects_id IS NULL GROUP BY d.id""",
}
