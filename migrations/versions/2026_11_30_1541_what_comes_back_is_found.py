"""The entries of the ledger by which money comes back or is released are found without reading all others.

Revision: 2026_11_30_1541, after 2026_11_30_1540.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1541"
down_revision = "2026_11_30_1540"
branch_labels = None
depends_on = None

NAME = "ledger_entries_comes_back_idx"
BACK = "'released', 'repaid', 'recovered', 'shortfall'"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            NAME, "ledger_entries", ["territory", "effective_on"], postgresql_concurrently=True, if_not_exists=True,
            postgresql_where=sa.text(f"debit IN ({BACK}) OR credit IN ({BACK})"),
        )  # fmt: skip


def downgrade() -> None:
    op.drop_index(NAME, table_name="ledger_entries")
