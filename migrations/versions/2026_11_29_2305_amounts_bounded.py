"""One act or line is of ten billion euros at most. What is above that already stays.

Revision: 2026_11_29_2305, after 2026_11_29_2304.
"""

from alembic import op

revision = "2026_11_29_2305"
down_revision = "2026_11_29_2304"
branch_labels = None
depends_on = None

BEFORE, NOW = 9007199254740991, 1000000000000
ACT = f"amount_cents BETWEEN 1 AND CASE status WHEN 'reversed' THEN {BEFORE} ELSE {NOW} END"

# Table, constraint, the condition before, the condition now.
CHECKS = [
    (table, name, f"amount_cents BETWEEN 1 AND {BEFORE}", ACT)
    for table, name in (
        ("contributions", "contribution_amount"),
        ("grants", "grant_amount"),
        ("grant_payments", "grant_payment_amount"),
        ("advances", "advance_amount"),
        ("advance_tranches", "tranche_amount"),
        ("advance_repayments", "repayment_amount"),
    )
] + [
    (table, name, f"{column} BETWEEN {low} AND {BEFORE}", f"{column} BETWEEN {low} AND {NOW}")
    for table, name, column, low in (
        ("project_costs", "project_cost_amount", "amount_cents", 1),
        ("financing_lines", "financing_line_amount", "amount_cents", 1),
        ("roadmap_actions", "roadmap_action_budget", "budget_cents", 0),
    )
]


def upgrade() -> None:
    for table, name, _, now in CHECKS:
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({now}) NOT VALID")


def downgrade() -> None:
    for table, name, before, _ in CHECKS:
        op.drop_constraint(name, table)
        op.create_check_constraint(name, table, before)
