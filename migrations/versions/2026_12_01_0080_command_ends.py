"""When the commands that a timer runs ended last.

Revision: 2026_12_01_0080, after 2026_12_01_0022. Code of before does not know the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0080"
down_revision = "2026_12_01_0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "command_ends",
        sa.Column("command", sa.Text(), primary_key=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True)),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
    )


def downgrade() -> None:
    op.drop_table("command_ends")
