"""Where the instalments of advances stand that are there already.

Revision: 2026_11_30_1945, after 2026_11_30_1944.

Until now every advance was lent without interest, and repayments settled the oldest lines first. The first act on an
advance, or the tick, writes its lines again.
"""

from alembic import op

revision = "2026_11_30_1945"
down_revision = "2026_11_30_1944"
branch_labels = None
depends_on = None

STATES = """
WITH latest AS (
    SELECT DISTINCT ON (v.advance_id) v.id, v.territory, v.advance_id FROM advance_versions v
    WHERE NOT EXISTS (SELECT FROM advance_line_states s WHERE s.advance_id = v.advance_id)
    ORDER BY v.advance_id, v.number DESC
), line AS (
    SELECT v.territory, v.advance_id, l.*,
        sum(l.principal_cents) OVER (PARTITION BY v.id ORDER BY l.position) AS asked_cents
    FROM latest v JOIN advance_lines l ON l.version_id = v.id
), received AS (
    SELECT r.advance_id, r.value_on,
        sum(r.principal_cents) OVER (PARTITION BY r.advance_id ORDER BY r.value_on, r.id) AS received_cents
    FROM advance_repayments r WHERE r.status = 'recorded'
)
INSERT INTO advance_line_states (territory, advance_id, position, due_on, principal_cents, interest_cents,
    capitalised_cents, fees_cents, late_interest_cents, principal_left_cents, interest_left_cents, fees_left_cents,
    settled_on, kept)
SELECT l.territory, l.advance_id, l.position, l.due_on, l.principal_cents, l.interest_cents, l.capitalised_cents,
    l.fees_cents, l.late_interest_cents,
    CASE WHEN l.kept THEN 0 ELSE
        least(l.principal_cents, greatest(l.asked_cents - coalesce(paid.received_cents, 0), 0)) END,
    CASE WHEN l.kept THEN 0 ELSE l.interest_cents END, CASE WHEN l.kept THEN 0 ELSE l.fees_cents END,
    CASE WHEN l.principal_cents > 0 THEN (
        SELECT min(r.value_on) FROM received r WHERE r.advance_id = l.advance_id AND r.received_cents >= l.asked_cents
    ) END,
    l.kept
FROM line l
LEFT JOIN (
    SELECT advance_id, max(received_cents) AS received_cents FROM received GROUP BY advance_id
) paid ON paid.advance_id = l.advance_id
"""


def upgrade() -> None:
    op.execute(STATES)


def downgrade() -> None:
    op.execute("DELETE FROM advance_line_states")
