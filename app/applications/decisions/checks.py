"""Decisions for `rebond check`: how many a meeting made, what each awarded, and whose each award is.

An award that names its decision stands as long as the decision does.
"""

_AWARDS = """
    SELECT id, decision_id, committee_id, decision_reference, application_id, amount_cents, status FROM grants
    UNION ALL
    SELECT id, decision_id, committee_id, decision_reference, application_id, amount_cents, status FROM advances
"""

CHECKS = {
    "meetings of a series": """
        SELECT concat_ws(' ', s.territory, s.level, s.year), count(a), s.last_number
        FROM meeting_series s LEFT JOIN agendas a ON (a.territory, a.level, a.year) = (s.territory, s.level, s.year)
            AND a.meeting_number IS NOT NULL
        GROUP BY s.territory, s.level, s.year""",
    "what granted an aid file": """
        SELECT f.territory || ' ' || f.id, count(award) > 0, true
        FROM applications f LEFT JOIN (__AWARDS__) award ON award.application_id = f.id AND award.status <> 'reversed'
        WHERE f.state = 'granted' GROUP BY f.id""".replace("__AWARDS__", _AWARDS),
    "decisions of a meeting": """
        SELECT a.territory || ' ' || a.committee_id, count(d), a.decisions_made
        FROM agendas a LEFT JOIN committee_decisions d ON d.committee_id = a.committee_id GROUP BY a.committee_id""",
    "awards of a decision": """
        SELECT d.territory || ' ' || d.reference,
            coalesce(sum(award.amount_cents) FILTER (WHERE award.status <> 'reversed'), 0)::bigint,
            CASE WHEN d.reversed_at IS NULL AND d.outcome = 'grant' THEN d.grant_cents + d.advance_cents ELSE 0 END
        FROM committee_decisions d LEFT JOIN (__AWARDS__) award ON award.decision_id = d.id
        WHERE d.corrects_id IS NULL GROUP BY d.id""".replace("__AWARDS__", _AWARDS),
    "decision of an award": """
        SELECT award.id::text,
            concat_ws(' ', d.committee_id, d.reference, d.application_id, d.reversed_at IS NOT NULL),
            concat_ws(' ', award.committee_id, award.decision_reference, award.application_id,
                award.status = 'reversed')
        FROM (__AWARDS__) award LEFT JOIN committee_decisions d ON d.id = award.decision_id
        WHERE award.decision_id IS NOT NULL""".replace("__AWARDS__", _AWARDS),
}
