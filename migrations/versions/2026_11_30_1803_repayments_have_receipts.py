"""A repayment is what is assigned of a receipt, and has the parts that it pays.

Revision: 2026_11_30_1803, after 2026_11_30_1802.

What is written without a receipt, as the version before does, has one of its own, and is principal. The receipt counts
what is assigned of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1803"
down_revision = "2026_11_30_1802"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE advance_allocations (
        repayment_id UUID NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        principal_cents BIGINT NOT NULL,
        interest_cents BIGINT NOT NULL,
        late_interest_cents BIGINT NOT NULL,
        fees_cents BIGINT NOT NULL,
        success_fee_cents BIGINT NOT NULL,
        overpaid_cents BIGINT NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT advance_allocations_pkey PRIMARY KEY (id),
        CONSTRAINT advance_allocations_repayment_id_fkey FOREIGN KEY(repayment_id) REFERENCES advance_repayments
            (id)
    )
    """,
    """
    CREATE INDEX advance_allocations_repayment_id_recorded_at_idx ON advance_allocations (repayment_id,
        recorded_at)
    """,
)
PARTS = (
    "principal_cents", "interest_cents", "late_interest_cents", "fees_cents", "success_fee_cents", "overpaid_cents",
    "refunded_cents",
)  # fmt: skip
# A repayment that its decider recorded while that was taken stays, and its parts can change.
RECEIVES = "status <> 'recorded' OR recorded_by <> awarded_by OR before_the_rule"
FUNCTIONS = (
    """
CREATE FUNCTION complete_repayment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.before_the_rule := false;
    IF NEW.receipt_id IS NULL THEN
        NEW.value_on := NEW.received_on;
        NEW.principal_cents := NEW.amount_cents;
        INSERT INTO receipts (territory, reference, received_on, value_on, amount_cents, unassigned_cents, recorded_by,
            created_at, updated_at)
        VALUES (NEW.territory, NEW.reference, NEW.received_on, NEW.received_on, NEW.amount_cents, NEW.amount_cents,
            NEW.recorded_by, NEW.created_at, NEW.updated_at)
        RETURNING id INTO NEW.receipt_id;
    END IF;
    RETURN NEW;
END
$$
""",
    """
CREATE FUNCTION count_repayment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before integer := CASE WHEN TG_OP = 'UPDATE' AND OLD.status = 'recorded' THEN 1 ELSE 0 END;
    now_on integer := CASE WHEN NEW.status = 'recorded' THEN 1 ELSE 0 END;
    was advance_repayments := CASE TG_OP WHEN 'UPDATE' THEN OLD ELSE NEW END;
BEGIN
    UPDATE receipts SET
        principal_cents = principal_cents + now_on * NEW.principal_cents - before * was.principal_cents,
        interest_cents = interest_cents + now_on * NEW.interest_cents - before * was.interest_cents,
        late_interest_cents = late_interest_cents + now_on * NEW.late_interest_cents
            - before * was.late_interest_cents,
        fees_cents = fees_cents + now_on * NEW.fees_cents - before * was.fees_cents,
        success_fee_cents = success_fee_cents + now_on * NEW.success_fee_cents - before * was.success_fee_cents,
        overpaid_cents = overpaid_cents + now_on * NEW.overpaid_cents - before * was.overpaid_cents,
        unassigned_cents = unassigned_cents - now_on * NEW.amount_cents + before * was.amount_cents,
        refunded_cents = refunded_cents + NEW.refunded_cents
            - CASE TG_OP WHEN 'UPDATE' THEN was.refunded_cents ELSE 0 END
    WHERE id = NEW.receipt_id;
    IF TG_OP = 'INSERT'
        OR (OLD.principal_cents, OLD.interest_cents, OLD.late_interest_cents, OLD.fees_cents, OLD.success_fee_cents,
            OLD.overpaid_cents)
            IS DISTINCT FROM
            (NEW.principal_cents, NEW.interest_cents, NEW.late_interest_cents, NEW.fees_cents, NEW.success_fee_cents,
            NEW.overpaid_cents)
    THEN
        INSERT INTO advance_allocations (repayment_id, recorded_at, principal_cents, interest_cents,
            late_interest_cents, fees_cents, success_fee_cents, overpaid_cents)
        VALUES (NEW.id, now(), NEW.principal_cents, NEW.interest_cents, NEW.late_interest_cents, NEW.fees_cents,
            NEW.success_fee_cents, NEW.overpaid_cents);
    END IF;
    RETURN NULL;
END
$$
""",
)
TRIGGERS = (
    "CREATE TRIGGER complete BEFORE INSERT ON advance_repayments FOR EACH ROW EXECUTE FUNCTION complete_repayment()",
    (
        "CREATE TRIGGER count AFTER INSERT OR UPDATE OF status, refunded_cents, principal_cents, interest_cents,"
        " late_interest_cents, fees_cents, success_fee_cents, overpaid_cents ON advance_repayments"
        " FOR EACH ROW EXECUTE FUNCTION count_repayment()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON advance_allocations"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
)


def upgrade() -> None:
    for name in ("receipt_id", "value_on"):
        op.add_column("advance_repayments", sa.Column(name, sa.Uuid() if name == "receipt_id" else sa.Date()))
    for name in PARTS:
        op.add_column("advance_repayments", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "advance_repayments", sa.Column("after_write_off", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column("advance_repayments", sa.Column("choice", sa.Text()))
    op.add_column(
        "advance_repayments", sa.Column("before_the_rule", sa.Boolean(), server_default="false", nullable=False)
    )
    op.execute("-- squawk-ignore ban-drop-constraint\nALTER TABLE advance_repayments DROP CONSTRAINT decider_receives")
    op.execute(f"ALTER TABLE advance_repayments ADD CONSTRAINT decider_receives CHECK ({RECEIVES}) NOT VALID")
    for statement in (*TABLES, *FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for name in ("count", "complete"):
        op.execute(f"DROP TRIGGER {name} ON advance_repayments")
    for name in ("count_repayment", "complete_repayment"):
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("advance_allocations")
    op.drop_constraint("decider_receives", "advance_repayments")
    op.execute(
        "ALTER TABLE advance_repayments ADD CONSTRAINT decider_receives"
        " CHECK (status <> 'recorded' OR recorded_by <> awarded_by) NOT VALID"
    )
    for name in ("before_the_rule", "choice", "after_write_off", *reversed(PARTS), "value_on", "receipt_id"):
        op.drop_column("advance_repayments", name)
