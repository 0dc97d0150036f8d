"""A proceeding has the day of its notice, the day until which activity goes on, and the way in which it ended.

Revision: 2026_11_30_1930, after 2026_11_30_1903. The constraints are validated by the next migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1930"
down_revision = "2026_11_30_1903"
branch_labels = None
depends_on = None

CONSTRAINTS = {
    "proceeding_ended_by": "CHECK (ended_by IN ('plan', 'conversion', 'closing'))",
    "proceeding_noticed_before_it_opens": "CHECK (noticed_on >= opened_on)",
    "continued_outside_liquidation": (
        "CHECK (continued_until_on IS NULL OR kind = 'liquidation' AND continued_until_on >= opened_on)"
    ),
    "ended_by_of_an_open_proceeding": "CHECK (ended_by IS NULL OR closed_on IS NOT NULL)",
}


def upgrade() -> None:
    op.add_column("proceedings", sa.Column("noticed_on", sa.Date(), nullable=True))
    op.add_column("proceedings", sa.Column("continued_until_on", sa.Date(), nullable=True))
    op.add_column("proceedings", sa.Column("ended_by", sa.Text(), nullable=True))
    for name, holds in CONSTRAINTS.items():
        op.execute(f"ALTER TABLE proceedings ADD CONSTRAINT {name} {holds} NOT VALID")


def downgrade() -> None:
    op.drop_column("proceedings", "ended_by")
    op.drop_column("proceedings", "continued_until_on")
    op.drop_column("proceedings", "noticed_on")
