"""The amounts of advances hold for what was there before.

Revision: 2026_11_30_1809, after 2026_11_30_1808.
"""

from alembic import op

revision = "2026_11_30_1809"
down_revision = "2026_11_30_1808"
branch_labels = None
depends_on = None

CONSTRAINTS = (
    "advance_amounts", "tranches_exceed_award", "repayment_exceeds_outstanding", "advance_settled_as",
    "advance_written_off", "advance_status",
)  # fmt: skip


def upgrade() -> None:
    for name in CONSTRAINTS:
        op.execute(f"ALTER TABLE advances VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """A constraint once validated stays so."""
