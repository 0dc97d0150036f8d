"""Every act on an aid file that stands names the one before.

Revision: 2026_11_30_2234, after 2026_11_30_2233.
"""

from alembic import op

revision = "2026_11_30_2234"
down_revision = "2026_11_30_2233"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE application_passages VALIDATE CONSTRAINT application_passage_number")


def downgrade() -> None:
    """What is valid stays so."""
