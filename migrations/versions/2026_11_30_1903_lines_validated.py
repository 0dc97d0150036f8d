"""What a line of a payment run sends holds for what was there before, and is found by its index.

Revision: 2026_11_30_1903, after 2026_11_30_1902.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1903"
down_revision = "2026_11_30_1902"
branch_labels = None
depends_on = None

TABLE = "payment_run_lines"
INDEXES = {
    "payment_run_lines_open_tranche_key": ("ended_as IS NULL", True),
    "payment_run_lines_tranche_id_idx": ("tranche_id IS NOT NULL", False),
}


def upgrade() -> None:
    for name in ("payment_run_line_sends_one", "payment_run_lines_tranche_id_fkey"):
        op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {name}")
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for name, (condition, unique) in INDEXES.items():
            op.create_index(
                name, TABLE, ["tranche_id"], unique=unique, postgresql_where=sa.text(condition),
                postgresql_concurrently=True, if_not_exists=True,
            )  # fmt: skip


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name=TABLE)
