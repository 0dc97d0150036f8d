"""The overrides that acts name are checked; no act names one yet.

Revision: 2026_11_30_0302, after 2026_11_30_0301.
"""

from alembic import op

revision = "2026_11_30_0302"
down_revision = "2026_11_30_0301"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("grants", "advances", "grant_payments", "advance_tranches"):
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_override_fkey")


def downgrade() -> None:
    """A constraint once validated stays so."""
