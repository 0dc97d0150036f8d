"""What was paid of a grant and has come back has an account of its own.

Revision: 2026_11_30_1300, after 2026_11_30_1202.
"""

from alembic import op

revision = "2026_11_30_1300"
down_revision = "2026_11_30_1202"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "'contributor', 'available', 'grants_committed', 'grants_paid', 'advances_committed', 'advances_paid', 'released',"
    " 'repaid'"
)
ACTS = "'contribution', 'award', 'payment', 'tranche', 'release', 'repayment'"

# Table, constraint, the condition before, the condition now: each allows more.
CHECKS = [
    ("account_balances", "account_name", f"account IN ({ACCOUNTS}, 'shortfall')",
     f"account IN ({ACCOUNTS}, 'recovered', 'shortfall')"),
    ("ledger_entries", "entry_act", f"act IN ({ACTS}, 'bounce', 'cover')",
     f"act IN ({ACTS}, 'recovery', 'bounce', 'cover')"),
]  # fmt: skip


def upgrade() -> None:
    for table, name, _, now in CHECKS:
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({now}) NOT VALID")


def downgrade() -> None:
    for table, name, before, _ in CHECKS:
        op.drop_constraint(name, table)
        op.create_check_constraint(name, table, before)
