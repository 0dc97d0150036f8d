"""The constraint of planned disbursements holds for what was there before.

Revision: 2026_11_29_2250, after 2026_11_29_2240.
"""

from alembic import op

revision = "2026_11_29_2250"
down_revision = "2026_11_29_2240"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE advances VALIDATE CONSTRAINT advance_planned_disbursement")


def downgrade() -> None:
    """A constraint once validated stays so."""
