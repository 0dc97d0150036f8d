"""Entries are found by their audition or project, and the keys hold for what was there before.

Revision: 2026_11_22_1420, after 2026_11_22_1410.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_1420"
down_revision = "2026_11_22_1410"
branch_labels = None
depends_on = None

NAMES = ("audition", "project")


def upgrade() -> None:
    for name in NAMES:
        op.execute(f"ALTER TABLE time_entries VALIDATE CONSTRAINT time_entries_{name}_fkey")
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for name in NAMES:
            op.create_index(
                f"time_entries_{name}_id_idx",
                "time_entries",
                [f"{name}_id"],
                postgresql_where=sa.text(f"{name}_id IS NOT NULL"),
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def downgrade() -> None:
    for name in NAMES:
        op.drop_index(f"time_entries_{name}_id_idx", table_name="time_entries")
