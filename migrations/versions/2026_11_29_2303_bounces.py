"""A repayment that the bank sent back, and what the envelope is short of for it.

Revision: 2026_11_29_2303, after 2026_11_29_2302.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_2303"
down_revision = "2026_11_29_2302"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "'contributor', 'available', 'grants_committed', 'grants_paid', 'advances_committed', 'advances_paid', 'released',"
    " 'repaid'"
)
ACTS = "'contribution', 'award', 'payment', 'tranche', 'release', 'repayment'"

BOUNCED = (
    "(bounced_on IS NULL) = (bank_reference IS NULL)"
    " AND CASE status WHEN 'recorded' THEN bounced_on IS NULL WHEN 'bounced' THEN bounced_on IS NOT NULL"
    " ELSE true END"
)

# Table, constraint, the condition before (none: it is new), the condition now.
CHECKS = [
    ("advance_repayments", "repayment_reason", "(status = 'reversed') = (reason IS NOT NULL)",
     "(status <> 'recorded') = (reason IS NOT NULL)"),
    ("advance_repayments", "repayment_status", "status IN ('recorded', 'reversed')",
     "status IN ('recorded', 'bounced', 'reversed')"),
    ("advance_repayments", "repayment_bounced", "", BOUNCED),
    ("advance_repayments", "bounced_before_receipt", "", "bounced_on >= received_on"),
    ("account_balances", "account_name", f"account IN ({ACCOUNTS})", f"account IN ({ACCOUNTS}, 'shortfall')"),
    ("ledger_entries", "entry_act", f"act IN ({ACTS})", f"act IN ({ACTS}, 'bounce', 'cover')"),
]  # fmt: skip


def upgrade() -> None:
    op.add_column("advance_repayments", sa.Column("bounced_on", sa.Date(), nullable=True))
    op.add_column("advance_repayments", sa.Column("bank_reference", sa.Text(), nullable=True))
    for table, name, before, now in CHECKS:
        if before:
            op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({now}) NOT VALID")


def downgrade() -> None:
    for table, name, before, _ in CHECKS:
        op.drop_constraint(name, table)
        if before:
            op.create_check_constraint(name, table, before)
    op.drop_column("advance_repayments", "bank_reference")
    op.drop_column("advance_repayments", "bounced_on")
