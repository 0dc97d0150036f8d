"""The days of proceedings hold in all rows.

Revision: 2026_11_30_1931, after 2026_11_30_1930.
"""

from alembic import op

revision = "2026_11_30_1931"
down_revision = "2026_11_30_1930"
branch_labels = None
depends_on = None

CONSTRAINTS = (
    "proceeding_ended_by",
    "proceeding_noticed_before_it_opens",
    "continued_outside_liquidation",
    "ended_by_of_an_open_proceeding",
)


def upgrade() -> None:
    for name in CONSTRAINTS:
        op.execute(f"ALTER TABLE proceedings VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    pass
