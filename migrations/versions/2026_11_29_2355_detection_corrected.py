"""The day on which a project was detected can be corrected; all else of its passages stays as it was written.

Revision: 2026_11_29_2355, after 2026_11_29_2350.
"""

from alembic import op

revision = "2026_11_29_2355"
down_revision = "2026_11_29_2350"
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE {columns} OR DELETE OR TRUNCATE ON project_stages
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
KEPT = "OF project_id, number, territory, stage, previous_number, previous_stage, reason, recorded_by, recorded_at"
KEEP_DAYS = """
CREATE TRIGGER keep_days BEFORE UPDATE ON project_stages FOR EACH ROW
WHEN (
    OLD.number <> 1 AND OLD.effective_on <> NEW.effective_on
    OR OLD.number <> 2 AND OLD.previous_on IS DISTINCT FROM NEW.previous_on
) EXECUTE FUNCTION refuse_change()
"""


def upgrade() -> None:
    op.execute("DROP TRIGGER append_only ON project_stages")
    op.execute(APPEND_ONLY.format(columns=KEPT))
    op.execute(KEEP_DAYS)


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_days ON project_stages")
    op.execute("DROP TRIGGER append_only ON project_stages")
    op.execute(APPEND_ONLY.format(columns=""))
