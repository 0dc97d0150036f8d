"""What waits among amendments and receipts is found by indexes.

Revision: 2026_11_30_2122, after 2026_11_30_2121.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_2122"
down_revision = "2026_11_30_2121"
branch_labels = None
depends_on = None

INDEXES = {
    "advance_amendments_open_idx": ("advance_amendments", "status IN ('requested', 'found')"),
    "receipts_overpaid_idx": ("receipts", "status = 'recorded' AND overpaid_cents > refunded_cents"),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for name, (table, condition) in INDEXES.items():
            op.create_index(
                name, table, ["territory", "id"], postgresql_where=sa.text(condition), postgresql_concurrently=True,
                if_not_exists=True,
            )  # fmt: skip


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
