"""An entry of an account is one receipt over all territories that the account serves.

Revision: 2026_11_30_2123, after 2026_11_30_2122.

Receipts of before that name one entry twice, in two territories, stand as they are: each but the first is marked.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_2123"
down_revision = "2026_11_30_2122"
branch_labels = None
depends_on = None

REPEATED = """
UPDATE receipts r SET reference_repeats = true
WHERE r.status IN ('recorded', 'returned') AND NOT r.reference_repeats AND EXISTS (
    SELECT FROM receipts o
    WHERE o.account_id = r.account_id AND o.reference = r.reference AND o.status IN ('recorded', 'returned')
        AND NOT o.reference_repeats AND o.id < r.id
)
"""
INDEXES = {
    "receipts_account_reference_key": (
        ["account_id", "reference"],
        "account_id IS NOT NULL AND status IN ('recorded', 'returned') AND NOT reference_repeats",
        True,
    ),
    "receipts_sent_back_idx": (["territory", "id"], "status = 'bounced' AND reference = bank_reference", False),
}


def upgrade() -> None:
    op.execute(REPEATED)
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for name, (columns, condition, unique) in INDEXES.items():
            op.create_index(
                name, "receipts", columns, unique=unique, postgresql_where=sa.text(condition),
                postgresql_concurrently=True, if_not_exists=True,
            )  # fmt: skip


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="receipts")
