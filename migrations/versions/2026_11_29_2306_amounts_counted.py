"""The bound of amounts holds for what was there before, where nothing is above it; what is, is counted.

Revision: 2026_11_29_2306, after 2026_11_29_2305.
"""

from alembic import op

revision = "2026_11_29_2306"
down_revision = "2026_11_29_2305"
branch_labels = None
depends_on = None

BOUND = 1000000000000
BOUNDED = [
    ("contributions", "contribution_amount", "amount_cents", "status <> 'reversed'"),
    ("grants", "grant_amount", "amount_cents", "status <> 'reversed'"),
    ("grant_payments", "grant_payment_amount", "amount_cents", "status <> 'reversed'"),
    ("advances", "advance_amount", "amount_cents", "status <> 'reversed'"),
    ("advance_tranches", "tranche_amount", "amount_cents", "status <> 'reversed'"),
    ("advance_repayments", "repayment_amount", "amount_cents", "status <> 'reversed'"),
    ("project_costs", "project_cost_amount", "amount_cents", "true"),
    ("financing_lines", "financing_line_amount", "amount_cents", "true"),
    ("roadmap_actions", "roadmap_action_budget", "budget_cents", "true"),
]


def upgrade() -> None:
    for table, name, column, stands in BOUNDED:
        op.execute(f"""
            DO $$
            DECLARE
                above bigint := (SELECT count(*) FROM {table} WHERE {column} > {BOUND} AND {stands});
            BEGIN
                IF above = 0 THEN
                    ALTER TABLE {table} VALIDATE CONSTRAINT {name};
                ELSE
                    RAISE WARNING '% rows of {table} are above the bound of amounts, and stay', above;
                END IF;
            END
            $$
        """)


def downgrade() -> None:
    """A constraint once validated stays so."""
