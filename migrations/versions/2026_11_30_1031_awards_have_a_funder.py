"""Awards from before have the organisation of who decided them as their funder.

Revision: 2026_11_30_1031, after 2026_11_30_1030.
"""

from alembic import op

revision = "2026_11_30_1031"
down_revision = "2026_11_30_1030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("grants", "advances"):
        op.execute(
            f"UPDATE {table} SET funder_id = s.organisation_id FROM subjects s"
            " WHERE s.id = awarded_by AND funder_id IS NULL"
        )


def downgrade() -> None:
    """The column goes with the migration before."""
