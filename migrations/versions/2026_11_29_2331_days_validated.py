"""Days along the calendar hold for what was there before.

Revision: 2026_11_29_2331, after 2026_11_29_2330.
"""

from alembic import op

revision = "2026_11_29_2331"
down_revision = "2026_11_29_2330"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE mission_days VALIDATE CONSTRAINT days_not_yet_ordered")


def downgrade() -> None:
    """A constraint once validated stays so."""
