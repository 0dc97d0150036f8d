"""Who was interviewed follows from held auditions; stages that were recorded before go on to say it.

Revision: 2026_11_30_0220, after 2026_11_30_0211.

No row is written: what is there gets the first default, what comes the second.
"""

from alembic import op

revision = "2026_11_30_0220"
down_revision = "2026_11_30_0211"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE firm_stage_changes ADD COLUMN counts_as_interview boolean DEFAULT true NOT NULL")
    op.execute("ALTER TABLE firm_stage_changes ALTER COLUMN counts_as_interview SET DEFAULT false")


def downgrade() -> None:
    op.drop_column("firm_stage_changes", "counts_as_interview")
