"""The time given for documents is bounded in all rows.

Revision: 2026_11_30_0912, after 2026_11_30_0911.
"""

from alembic import op

revision = "2026_11_30_0912"
down_revision = "2026_11_30_0911"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE application_passages VALIDATE CONSTRAINT application_passage_given_until_bound")


def downgrade() -> None:
    pass
