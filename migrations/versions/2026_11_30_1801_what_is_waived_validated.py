"""The accounts and acts of the ledger hold for what was there before.

Revision: 2026_11_30_1801, after 2026_11_30_1800.
"""

from alembic import op

revision = "2026_11_30_1801"
down_revision = "2026_11_30_1800"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE account_balances VALIDATE CONSTRAINT account_name")
    op.execute("ALTER TABLE ledger_entries VALIDATE CONSTRAINT entry_act")


def downgrade() -> None:
    """A constraint once validated stays so."""
