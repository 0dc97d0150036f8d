"""A refund takes its room when it is proposed; a write-off makes a version; refunds of money that bounced are found.

Revision: 2026_11_30_2250, after 2026_11_30_2241.
"""

from alembic import op

revision = "2026_11_30_2250"
down_revision = "2026_11_30_2241"
branch_labels = None
depends_on = None

ROOM = """
CREATE FUNCTION check_refund_room() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    room bigint;
BEGIN
    PERFORM FROM receipts WHERE id = NEW.receipt_id FOR NO KEY UPDATE;
    IF NEW.repayment_id IS NULL THEN
        SELECT CASE status WHEN 'recorded' THEN unassigned_cents - returned_cents ELSE 0 END INTO room
        FROM receipts WHERE id = NEW.receipt_id;
    ELSE
        SELECT CASE status WHEN 'recorded' THEN overpaid_cents - refunded_cents ELSE 0 END INTO room
        FROM advance_repayments WHERE id = NEW.repayment_id AND receipt_id = NEW.receipt_id;
    END IF;
    IF NEW.amount_cents > room - (
        SELECT coalesce(sum(amount_cents), 0) FROM receipt_refunds
        WHERE receipt_id = NEW.receipt_id AND repayment_id IS NOT DISTINCT FROM NEW.repayment_id
            AND status = 'proposed' AND id <> NEW.id
    ) THEN
        RAISE EXCEPTION 'more would go back than is overpaid or not assigned'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_exceed_receipt';
    END IF;
    RETURN NEW;
END
$$
"""
TAKES_ROOM = (
    "CREATE TRIGGER check_refund_room BEFORE INSERT OR UPDATE OF receipt_id, repayment_id, amount_cents, status"
    " ON receipt_refunds FOR EACH ROW WHEN (NEW.status = 'proposed') EXECUTE FUNCTION check_refund_room()"
)
# Few receipts ever bounce: the index is there in an instant. CONCURRENTLY would wait for another migration that waits.
HELD = (
    "CREATE INDEX receipts_held_refunds_idx ON receipts (territory, id)"
    " WHERE status = 'bounced' AND refunded_cents + returned_cents > 0"
)
DROP = "ALTER TABLE advance_versions DROP CONSTRAINT advance_version_cause"  # another one takes its place
CAUSES = ("agreement", "tranche", "amendment", "early_repayment", "reduction", "waiver", "acceleration", "plan")


def _causes(*more: str) -> str:
    return f"cause IN ({', '.join(repr(cause) for cause in (*CAUSES, *more))})"


def upgrade() -> None:
    for statement in (ROOM, TAKES_ROOM):
        op.execute(statement)
    op.execute(f"-- squawk-ignore require-concurrent-index-creation\n{HELD}")
    op.execute(f"-- squawk-ignore ban-drop-constraint\n{DROP}")
    op.execute(
        "ALTER TABLE advance_versions ADD CONSTRAINT advance_version_cause"
        f" CHECK ({_causes('write_off', 'replay')}) NOT VALID"
    )
    # `rebond tick` settles them: what was written off before has its version then.
    op.execute("UPDATE advances SET counted_until_on = NULL WHERE written_off_on IS NOT NULL")


def downgrade() -> None:
    op.execute("DROP INDEX receipts_held_refunds_idx")
    op.execute("DROP TRIGGER check_refund_room ON receipt_refunds")
    op.execute("DROP FUNCTION check_refund_room()")
    op.execute(f"-- squawk-ignore ban-drop-constraint\n{DROP}")
    op.execute(
        f"ALTER TABLE advance_versions ADD CONSTRAINT advance_version_cause CHECK ({_causes('replay')}) NOT VALID"
    )
