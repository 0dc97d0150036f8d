"""What a firm has paid too much goes back to it by an act of two persons.

Revision: 2026_11_30_1807, after 2026_11_30_1806.
"""

from alembic import op

revision = "2026_11_30_1807"
down_revision = "2026_11_30_1806"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE receipt_refunds (
        territory TEXT NOT NULL,
        receipt_id UUID NOT NULL,
        repayment_id UUID,
        amount_cents BIGINT NOT NULL,
        reason TEXT NOT NULL,
        status TEXT DEFAULT 'proposed' NOT NULL,
        proposed_by UUID NOT NULL,
        approved_by UUID,
        approver_kind TEXT DEFAULT 'person' NOT NULL,
        refunded_on DATE,
        reference TEXT,
        end_reason TEXT,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT receipt_refunds_pkey PRIMARY KEY (id),
        CONSTRAINT receipt_refunds_receipt_fkey FOREIGN KEY(territory, receipt_id) REFERENCES receipts
            (territory, id),
        CONSTRAINT receipt_refunds_repayment_fkey FOREIGN KEY(receipt_id, repayment_id) REFERENCES
            advance_repayments (receipt_id, id),
        CONSTRAINT refund_approved_by_a_person FOREIGN KEY(approved_by, approver_kind) REFERENCES subjects (id,
            kind),
        CONSTRAINT refund_own_approval CHECK (approved_by <> proposed_by),
        CONSTRAINT refund_approver_kind CHECK (approver_kind = 'person'),
        CONSTRAINT refund_amount CHECK (amount_cents BETWEEN 1 AND CASE status WHEN 'reversed' THEN
            9007199254740991 ELSE 1000000000000 END),
        CONSTRAINT refund_status CHECK (status IN ('proposed', 'paid', 'cancelled', 'reversed')),
        CONSTRAINT refund_approved CHECK ((status IN ('paid', 'reversed')) = (approved_by IS NOT NULL)),
        CONSTRAINT refund_day CHECK ((approved_by IS NULL) = (refunded_on IS NULL)),
        CONSTRAINT refund_ended CHECK ((status IN ('cancelled', 'reversed')) = (end_reason IS NOT NULL)),
        CONSTRAINT receipt_refunds_proposed_by_fkey FOREIGN KEY(proposed_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX receipt_refunds_receipt_id_idx ON receipt_refunds (receipt_id)
    """,
    """
    CREATE INDEX receipt_refunds_repayment_id_idx ON receipt_refunds (repayment_id) WHERE repayment_id IS NOT
        NULL
    """,
    """
    CREATE INDEX receipt_refunds_to_approve_idx ON receipt_refunds (territory, id) WHERE status = 'proposed'
    """,
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("receipt_refunds")
