"""Entries that wait for somebody are found by an index of their own: few of all entries do.

Revision: 2026_11_30_0601, after 2026_11_30_0600.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0601"
down_revision = "2026_11_30_0600"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            "time_entries_waiting_idx",
            "time_entries",
            ["status", "territory"],
            postgresql_where=sa.text("status IN ('submitted', 'rejected', 'validated')"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index("time_entries_waiting_idx", table_name="time_entries")
