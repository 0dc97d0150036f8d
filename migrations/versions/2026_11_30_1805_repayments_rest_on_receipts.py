"""A repayment has a receipt, and comes to its parts.

Revision: 2026_11_30_1805, after 2026_11_30_1804.
"""

from alembic import op

revision = "2026_11_30_1805"
down_revision = "2026_11_30_1804"
branch_labels = None
depends_on = None

CONSTRAINTS = {
    "advance_repayments_receipt_fkey": "FOREIGN KEY (territory, receipt_id) REFERENCES receipts (territory, id)",
    "repayment_parts": "CHECK (amount_cents = principal_cents + interest_cents + late_interest_cents + fees_cents"
    " + success_fee_cents + overpaid_cents)",
    "repayment_no_part_below_zero": "CHECK (least(principal_cents, interest_cents, late_interest_cents, fees_cents,"
    " success_fee_cents, overpaid_cents, refunded_cents) >= 0)",
    "repayment_refunds": "CHECK (status <> 'recorded' OR refunded_cents <= overpaid_cents)",
    "repayment_refunded": "CHECK (status <> 'reversed' OR refunded_cents = 0)",
    "repayment_choice": "CHECK (choice IN ('shorten', 'respread'))",
    "repayment_has_receipt_id": "CHECK (receipt_id IS NOT NULL)",
    "repayment_has_value_on": "CHECK (value_on IS NOT NULL)",
}
STAYS = (
    "CREATE TRIGGER append_only BEFORE UPDATE OF territory, advance_id, receipt_id, amount_cents, received_on, value_on,"
    " reference, after_write_off, before_the_rule OR DELETE OR TRUNCATE ON advance_repayments"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    for name, condition in CONSTRAINTS.items():
        op.execute(f"ALTER TABLE advance_repayments ADD CONSTRAINT {name} {condition} NOT VALID")
    op.execute(STAYS)


def downgrade() -> None:
    op.execute("DROP TRIGGER append_only ON advance_repayments")
    for name in reversed(CONSTRAINTS):
        op.execute(f"ALTER TABLE advance_repayments DROP CONSTRAINT IF EXISTS {name}")
