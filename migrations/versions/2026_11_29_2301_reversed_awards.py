"""An award that was reversed as a mistake says so, and releases nothing.

Revision: 2026_11_29_2301, after 2026_11_29_2300.

Which awards were reversed is told by the ledger: their commitment was taken back by the opposite entry.
"""

from alembic import op

revision = "2026_11_29_2301"
down_revision = "2026_11_29_2300"
branch_labels = None
depends_on = None

STATUSES = {
    "grant": ("grants", "paid_cents", "'awarded', 'paying', 'closed', 'cancelled', 'reversed'"),
    "advance": ("advances", "disbursed_cents", "'awarded', 'paying', 'repaying', 'repaid', 'cancelled', 'reversed'"),
}


def upgrade() -> None:
    for name, (table, paid, statuses) in STATUSES.items():
        for constraint in (f"{name}_status", f"{name}_cancelled_but_paid"):
            op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {constraint}")
        for constraint, condition in (
            (f"{name}_status", f"status IN ({statuses})"),
            (f"{name}_cancelled_but_paid", f"status NOT IN ('cancelled', 'reversed') OR {paid} = 0"),
            (f"{name}_reversed_but_released", "status <> 'reversed' OR released_cents = 0"),
        ):
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({condition}) NOT VALID")
        op.execute(
            f"UPDATE {table} SET status = 'reversed', released_cents = 0, version = version + 1, updated_at = now()"
            " WHERE status = 'cancelled' AND EXISTS (SELECT FROM ledger_entries e"
            f" WHERE e.award_id = {table}.id AND e.act = 'award' AND e.reverses_id IS NOT NULL)"
        )


def downgrade() -> None:
    for name, (table, paid, statuses) in STATUSES.items():
        before = statuses.removesuffix(", 'reversed'")
        op.drop_constraint(f"{name}_reversed_but_released", table)
        op.execute(f"UPDATE {table} SET status = 'cancelled', released_cents = amount_cents WHERE status = 'reversed'")
        for constraint, condition in (
            (f"{name}_status", f"status IN ({before})"),
            (f"{name}_cancelled_but_paid", f"status <> 'cancelled' OR {paid} = 0"),
        ):
            op.drop_constraint(constraint, table)
            op.create_check_constraint(constraint, table, condition)
