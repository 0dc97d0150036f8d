"""Each repayment that stands already has its receipt.

Revision: 2026_11_30_1804, after 2026_11_30_1803.

Repayments of several advances with one reference and one day are one receipt; what bounced or was reversed has its own.
"""

from alembic import op

revision = "2026_11_30_1804"
down_revision = "2026_11_30_1803"
branch_labels = None
depends_on = None

# Without these triggers what is filled in would be counted while only a part of it is there.
QUIET = "ALTER TABLE advance_repayments DISABLE TRIGGER count"
LOUD = "ALTER TABLE advance_repayments ENABLE TRIGGER count"
# A reference that has come on several days stays with each of them, outside the unique index.
RECEIPTS = """
CREATE TEMPORARY TABLE receipt_of ON COMMIT DROP AS
SELECT r.id AS repayment_id,
    CASE r.status WHEN 'recorded'
        THEN first_value(r.id) OVER (PARTITION BY r.territory, r.reference, r.received_on, r.status ORDER BY r.id)
        ELSE r.id END AS receipt_id,
    r.status = 'recorded'
        AND min(r.received_on) OVER by_reference <> max(r.received_on) OVER by_reference AS repeats
FROM advance_repayments r
WHERE r.receipt_id IS NULL
WINDOW by_reference AS (PARTITION BY r.territory, r.reference, r.status = 'recorded')
"""
FILL = """
INSERT INTO receipts (id, territory, reference, received_on, value_on, amount_cents, status, reason, bounced_on,
    bank_reference, recorded_by, reference_repeats, principal_cents, unassigned_cents, created_at, updated_at)
SELECT f.id, f.territory, f.reference, f.received_on, f.received_on, whole.cents, f.status, f.reason, f.bounced_on,
    f.bank_reference, f.recorded_by, whole.repeats,
    CASE f.status WHEN 'recorded' THEN whole.cents ELSE 0 END,
    CASE f.status WHEN 'recorded' THEN 0 ELSE whole.cents END, f.created_at, f.updated_at
FROM (
    SELECT o.receipt_id, sum(r.amount_cents) AS cents, bool_or(o.repeats) AS repeats
    FROM receipt_of o JOIN advance_repayments r ON r.id = o.repayment_id GROUP BY o.receipt_id
) AS whole JOIN advance_repayments f ON f.id = whole.receipt_id
"""
ASSIGN = """
UPDATE advance_repayments r SET receipt_id = o.receipt_id, value_on = r.received_on, principal_cents = r.amount_cents,
    before_the_rule = r.status = 'recorded' AND r.recorded_by IS NOT DISTINCT FROM r.awarded_by
FROM receipt_of o WHERE r.id = o.repayment_id
"""
PARTS = """
INSERT INTO advance_allocations (repayment_id, recorded_at, principal_cents, interest_cents, late_interest_cents,
    fees_cents, success_fee_cents, overpaid_cents)
SELECT r.id, r.created_at, r.amount_cents, 0, 0, 0, 0, 0
FROM advance_repayments r JOIN receipt_of o ON o.repayment_id = r.id
"""


def upgrade() -> None:
    # A repayment that is being written waits until its receipt can be told.
    op.execute("LOCK TABLE advance_repayments IN SHARE ROW EXCLUSIVE MODE")
    for statement in (RECEIPTS, QUIET, FILL, ASSIGN, PARTS, LOUD):
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE advance_allocations DISABLE TRIGGER append_only")
    op.execute("DELETE FROM advance_allocations")
    op.execute("ALTER TABLE advance_allocations ENABLE TRIGGER append_only")
    op.execute("UPDATE advance_repayments SET receipt_id = NULL, value_on = NULL")
    op.execute("ALTER TABLE receipts DISABLE TRIGGER append_only")
    op.execute("DELETE FROM receipts")
    op.execute("ALTER TABLE receipts ENABLE TRIGGER append_only")
