"""The constraints of bounces hold for what was there before.

Revision: 2026_11_29_2304, after 2026_11_29_2303.
"""

from alembic import op

revision = "2026_11_29_2304"
down_revision = "2026_11_29_2303"
branch_labels = None
depends_on = None

TO_VALIDATE = [
    ("advance_repayments", "repayment_reason"),
    ("advance_repayments", "repayment_status"),
    ("advance_repayments", "repayment_bounced"),
    ("advance_repayments", "bounced_before_receipt"),
    ("account_balances", "account_name"),
    ("ledger_entries", "entry_act"),
]


def upgrade() -> None:
    for table, name in TO_VALIDATE:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """A constraint once validated stays so."""
