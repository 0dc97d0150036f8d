"""The bound of what awards come to holds for what was there before.

Revision: 2026_11_30_1701, after 2026_11_30_1700.
"""

from alembic import op

revision = "2026_11_30_1701"
down_revision = "2026_11_30_1700"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("grants", "advances"):
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT award_above_base")


def downgrade() -> None:
    """A constraint once validated stays so."""
