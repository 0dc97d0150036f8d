"""The line of a financing plan names the award that pays it, and says what the award says.

Revision: 2026_11_30_0231, after 2026_11_30_0230.

Lines that are there name none. The next version of their plan does.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0231"
down_revision = "2026_11_30_0230"
branch_labels = None
depends_on = None

LINE_AWARD = (
    "(grant_id IS NULL OR kind = 'rebond_grant' AND status = 'secured')"
    " AND (advance_id IS NULL OR kind = 'rebond_advance' AND status = 'secured')"
)
CHECK_PLAN_AWARDS = """CREATE FUNCTION check_plan_awards() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project uuid;
BEGIN
    IF TG_TABLE_NAME = 'financing_lines' THEN
        SELECT project_id INTO project FROM financing_plans WHERE id = NEW.plan_id;
    ELSE
        project := NEW.project_id;
    END IF;
    PERFORM FROM projects WHERE id = project FOR NO KEY UPDATE;
    IF EXISTS (
        WITH awards AS (
            SELECT id, project_id, status, amount_cents - released_cents AS cents, decision_reference FROM grants
            WHERE project_id = project
            UNION ALL
            SELECT id, project_id, status, amount_cents - released_cents, decision_reference FROM advances
            WHERE project_id = project
        )
        SELECT FROM financing_lines l LEFT JOIN awards a ON a.id = coalesce(l.grant_id, l.advance_id)
        WHERE l.plan_id = (SELECT id FROM financing_plans WHERE project_id = project ORDER BY number DESC LIMIT 1)
            AND coalesce(l.grant_id, l.advance_id) IS NOT NULL
            AND (
                a.id IS NULL OR a.status IN ('cancelled', 'reversed') OR l.amount_cents <> a.cents
                OR l.proof_reference <> a.decision_reference
            )
    ) THEN
        RAISE EXCEPTION 'the line of an award is not what the award says'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'financing_line_of_award';
    END IF;
    RETURN NULL;
END
$$
"""
LINE_OF_AWARD = """CREATE CONSTRAINT TRIGGER check_plan_awards AFTER INSERT ON financing_lines
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.grant_id IS NOT NULL OR NEW.advance_id IS NOT NULL)
EXECUTE FUNCTION check_plan_awards()
"""
AWARD_OF_LINE = """CREATE CONSTRAINT TRIGGER check_plan_awards AFTER UPDATE OF status, released_cents ON {table}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
    NEW.project_id IS NOT NULL AND (
        OLD.released_cents <> NEW.released_cents
        OR (OLD.status IN ('cancelled', 'reversed')) <> (NEW.status IN ('cancelled', 'reversed'))
    )
) EXECUTE FUNCTION check_plan_awards()
"""


def upgrade() -> None:
    for instrument in ("grant", "advance"):
        column = f"{instrument}_id"
        op.add_column("financing_lines", sa.Column(column, sa.Uuid(), nullable=True))
        op.execute(
            f"ALTER TABLE financing_lines ADD CONSTRAINT financing_lines_{instrument}_fkey"
            f" FOREIGN KEY (territory, {column}) REFERENCES {instrument}s (territory, id) NOT VALID"
        )
    op.execute(f"ALTER TABLE financing_lines ADD CONSTRAINT financing_line_award CHECK ({LINE_AWARD}) NOT VALID")
    op.execute(CHECK_PLAN_AWARDS)
    op.execute(LINE_OF_AWARD)
    for table in ("grants", "advances"):
        op.execute(AWARD_OF_LINE.format(table=table))


def downgrade() -> None:
    for table in ("advances", "grants", "financing_lines"):
        op.execute(f"DROP TRIGGER check_plan_awards ON {table}")
    op.execute("DROP FUNCTION check_plan_awards()")
    op.drop_constraint("financing_line_award", "financing_lines")
    for instrument in ("advance", "grant"):
        op.drop_constraint(f"financing_lines_{instrument}_fkey", "financing_lines")
        op.drop_column("financing_lines", f"{instrument}_id")
