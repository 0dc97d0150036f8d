"""Decisions for `rebond check`: how many a meeting made, what each awarded, and whose each award is.

An award that names its decision stands as long as the decision does.
"""

_AWARDS = " UNION ALL ".join(
    "SELECT id, decision_id, committee_id, decision_reference, application_id, amount_cents, status"
    f" FROM {table}"  # noqa: S608  # a name of ours
    for table in ("grants", "advances")
)

CHECKS = {
    "decisions of a meeting": """
        SELECT a.territory || ' ' || a.committee_id, count(d), a.decisions_made
        FROM agendas a LEFT JOIN committee_decisions d ON d.committee_id = a.committee_id GROUP BY a.committee_id""",
    "awards of a decision": f"""
        SELECT d.territory || ' ' || d.reference,
            coalesce(sum(award.amount_cents) FILTER (WHERE award.status <> 'reversed'), 0)::bigint,
            CASE WHEN d.reversed_at IS NULL AND d.outcome = 'grant' THEN d.grant_cents + d.advance_cents ELSE 0 END
        FROM committee_decisions d LEFT JOIN ({_AWARDS}) award ON award.decision_id = d.id
        WHERE d.corrects_id IS NULL GROUP BY d.id""",
    "decision of an award": f"""
        SELECT award.id::text,
            concat_ws(' ', d.committee_id, d.reference, d.application_id, d.reversed_at IS NOT NULL),
            concat_ws(' ', award.committee_id, award.decision_reference, award.application_id,
                award.status = 'reversed')
        FROM ({_AWARDS}) award LEFT JOIN committee_decisions d ON d.id = award.decision_id
        WHERE award.decision_id IS NOT NULL""",
}
