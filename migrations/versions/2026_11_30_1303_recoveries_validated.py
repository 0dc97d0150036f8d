"""No grant has more claimed back than was paid.

Revision: 2026_11_30_1303, after 2026_11_30_1302.
"""

from alembic import op

revision = "2026_11_30_1303"
down_revision = "2026_11_30_1302"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE grants VALIDATE CONSTRAINT recovery_above_paid")
    op.execute("ALTER TABLE grants VALIDATE CONSTRAINT grant_recovered")


def downgrade() -> None:
    """A constraint once validated stays so."""
