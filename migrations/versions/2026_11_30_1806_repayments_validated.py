"""The receipt and the parts of a repayment hold for what was there before.

Revision: 2026_11_30_1806, after 2026_11_30_1805.
"""

from alembic import op

revision = "2026_11_30_1806"
down_revision = "2026_11_30_1805"
branch_labels = None
depends_on = None

CONSTRAINTS = (
    "advance_repayments_receipt_fkey", "repayment_parts", "repayment_no_part_below_zero", "repayment_refunds",
    "repayment_refunded", "repayment_choice", "decider_receives",
)  # fmt: skip
FILLED = ("receipt_id", "value_on")
# A receipt is assigned once to an advance, and references are those of receipts. CONCURRENTLY would wait for another
# «rebond migrate» that waits.
INDEXES = (
    (
        "CREATE UNIQUE INDEX advance_repayments_receipt_key ON advance_repayments (receipt_id, advance_id)"
        " WHERE status = 'recorded'"
    ),
    "CREATE UNIQUE INDEX advance_repayments_receipt_id_key ON advance_repayments (receipt_id, id)",
)


def upgrade() -> None:
    for name in CONSTRAINTS:
        op.execute(f"ALTER TABLE advance_repayments VALIDATE CONSTRAINT {name}")
    for name in FILLED:
        filled = f"repayment_has_{name}"
        op.execute(f"ALTER TABLE advance_repayments VALIDATE CONSTRAINT {filled}")
        op.execute(
            f"-- squawk-ignore adding-not-nullable-field\nALTER TABLE advance_repayments ALTER COLUMN {name} SET NOT NULL"
        )
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE advance_repayments DROP CONSTRAINT {filled}")
    for index in INDEXES:
        op.execute(f"-- squawk-ignore require-concurrent-index-creation\n{index}")
    op.execute(
        "ALTER TABLE advance_repayments ADD CONSTRAINT advance_repayments_receipt_id_key"
        " UNIQUE USING INDEX advance_repayments_receipt_id_key"
    )
    op.execute("-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX advance_repayments_reference_key")


def downgrade() -> None:
    op.create_index(
        "advance_repayments_reference_key", "advance_repayments", ["advance_id", "reference"], unique=True,
        postgresql_where="status = 'recorded'",
    )  # fmt: skip
    op.drop_constraint("advance_repayments_receipt_id_key", "advance_repayments")
    op.drop_index("advance_repayments_receipt_key", "advance_repayments")
    for name in FILLED:
        op.execute(f"ALTER TABLE advance_repayments ALTER COLUMN {name} DROP NOT NULL")
