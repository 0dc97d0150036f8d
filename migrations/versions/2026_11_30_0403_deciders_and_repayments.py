"""Who awarded an advance does not record its repayments. Those recorded so before stay.

Revision: 2026_11_30_0403, after 2026_11_30_0402.
"""

from alembic import op

revision = "2026_11_30_0403"
down_revision = "2026_11_30_0402"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE advance_repayments ADD CONSTRAINT decider_receives"
        " CHECK (status <> 'recorded' OR recorded_by <> awarded_by) NOT VALID"
    )


def downgrade() -> None:
    op.drop_constraint("decider_receives", "advance_repayments")
