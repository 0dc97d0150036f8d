"""What is waived of advances, and what is written off, have accounts of their own.

Revision: 2026_11_30_1800, after 2026_11_30_1600.
"""

from alembic import op

revision = "2026_11_30_1800"
down_revision = "2026_11_30_1600"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "'contributor', 'available', 'grants_committed', 'grants_paid', 'advances_committed', 'advances_paid', 'released',"
    " 'repaid', 'recovered'"
)
ACTS = "'contribution', 'award', 'payment', 'tranche', 'release', 'repayment', 'recovery', 'bounce'"

# Table, constraint, the condition before, the condition now: each allows more.
CHECKS = [
    ("account_balances", "account_name", f"account IN ({ACCOUNTS}, 'shortfall')",
     f"account IN ({ACCOUNTS}, 'waived', 'written_off', 'shortfall')"),
    ("ledger_entries", "entry_act", f"act IN ({ACTS}, 'cover')",
     f"act IN ({ACTS}, 'waiver', 'write_off', 'recovery_after_write_off', 'cover')"),
]  # fmt: skip


def upgrade() -> None:
    for table, name, _, now in CHECKS:
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({now}) NOT VALID")


def downgrade() -> None:
    for table, name, before, _ in CHECKS:
        op.drop_constraint(name, table)
        op.create_check_constraint(name, table, before)
