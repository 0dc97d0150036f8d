"""A recovery is waived on the day of its order or later. Rows from before it are not asked.

Revision: 2026_11_30_2220, after 2026_11_30_2214.
"""

from alembic import op

revision = "2026_11_30_2220"
down_revision = "2026_11_30_2214"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE recoveries ADD CONSTRAINT waived_before_order CHECK (waived_on >= ordered_on) NOT VALID")


def downgrade() -> None:
    op.drop_constraint("waived_before_order", "recoveries")
