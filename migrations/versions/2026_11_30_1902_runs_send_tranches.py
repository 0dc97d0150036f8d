"""A line of a payment run sends a payment of a grant or a tranche of an advance.

Revision: 2026_11_30_1902, after 2026_11_30_1901.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1902"
down_revision = "2026_11_30_1901"
branch_labels = None
depends_on = None

TABLE = "payment_run_lines"
SENDS_ONE = "num_nonnulls(payment_id, tranche_id) = 1"
TRIGGER = (
    "CREATE TRIGGER ends_line AFTER UPDATE OF status ON advance_tranches FOR EACH ROW"
    " WHEN (OLD.status = 'sent' AND NEW.status IN ('proposed', 'approved')) EXECUTE FUNCTION end_payment_run_line()"
)
GUARD_RUN = """
CREATE FUNCTION guard_payment_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['status', 'handed_over_by', 'handed_over_at', 'cancelled_by', 'cancelled_at',
        'reason', 'version', 'updated_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM organisation_bank_accounts a
        WHERE a.id = NEW.account_id AND a.status = 'approved' AND a.from_on <= NEW.execution_on FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the account cannot be used' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'bank_account_unusable', DETAIL = (
                    SELECT json_build_object('account_status', a.status, 'from_on', a.from_on)
                    FROM organisation_bank_accounts a WHERE a.id = NEW.account_id
                );
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves OR OLD.status <> 'ready'
        OR NEW.status NOT IN ('handed_over', 'cancelled')
    THEN
        RAISE EXCEPTION 'no such change of a payment run'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_transition';
    END IF;
    IF NEW.status = 'handed_over' AND (
        NEW.execution_on < (timezone('Europe/Paris', now()))::date
        OR EXISTS (
            SELECT FROM payment_run_lines l
            JOIN firm_bank_details d ON d.id = l.bank_details_id
            LEFT JOIN grant_payments p ON p.id = l.payment_id LEFT JOIN advance_tranches t ON t.id = l.tranche_id
            WHERE l.run_id = NEW.id AND (d.status, coalesce(p.status, t.status)) <> ('approved', 'sent')
            UNION ALL
            SELECT FROM organisation_bank_accounts a WHERE a.id = NEW.account_id AND a.status <> 'approved'
        )
    ) THEN
        RAISE EXCEPTION 'the file would pay what it should not'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_outdated';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_RUN_BEFORE = """
CREATE FUNCTION guard_payment_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['status', 'handed_over_by', 'handed_over_at', 'cancelled_by', 'cancelled_at',
        'reason', 'version', 'updated_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM organisation_bank_accounts a
        WHERE a.id = NEW.account_id AND a.status = 'approved' AND a.from_on <= NEW.execution_on FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the account cannot be used' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'bank_account_unusable', DETAIL = (
                    SELECT json_build_object('account_status', a.status, 'from_on', a.from_on)
                    FROM organisation_bank_accounts a WHERE a.id = NEW.account_id
                );
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves OR OLD.status <> 'ready'
        OR NEW.status NOT IN ('handed_over', 'cancelled')
    THEN
        RAISE EXCEPTION 'no such change of a payment run'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_transition';
    END IF;
    IF NEW.status = 'handed_over' AND (
        NEW.execution_on < (timezone('Europe/Paris', now()))::date
        OR EXISTS (
            SELECT FROM payment_run_lines l
            JOIN firm_bank_details d ON d.id = l.bank_details_id JOIN grant_payments p ON p.id = l.payment_id
            WHERE l.run_id = NEW.id AND (d.status, p.status) <> ('approved', 'sent')
            UNION ALL
            SELECT FROM organisation_bank_accounts a WHERE a.id = NEW.account_id AND a.status <> 'approved'
        )
    ) THEN
        RAISE EXCEPTION 'the file would pay what it should not'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_outdated';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_LINE = """
CREATE FUNCTION guard_payment_run_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['ended_as', 'rejected_on', 'reason_code', 'rejection_reason'];
    decider_sends boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT p.awarded_by = r.made_by INTO decider_sends
        FROM payment_runs r
        JOIN organisation_bank_accounts a ON a.id = r.account_id
        JOIN (
            SELECT p.territory, p.status, p.amount_cents - coalesce(p.set_off_cents, 0) AS transfer_cents,
                p.bank_details_id, p.awarded_by, g.funder_id
            FROM grant_payments p JOIN grants g ON g.id = p.grant_id WHERE p.id = NEW.payment_id
            UNION ALL
            SELECT t.territory, t.status, t.amount_cents, t.bank_details_id, t.awarded_by, v.funder_id
            FROM advance_tranches t JOIN advances v ON v.id = t.advance_id WHERE t.id = NEW.tranche_id
        ) p ON p.territory = r.territory AND p.status = 'sent' AND p.funder_id = a.organisation_id
            AND (p.transfer_cents, p.bank_details_id) = (NEW.amount_cents, NEW.bank_details_id)
        WHERE r.id = NEW.run_id AND r.status = 'ready' AND NEW.position <= r.payments AND NEW.ended_as IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the line is not its payment'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_line_differs';
        END IF;
        IF decider_sends THEN
            RAISE EXCEPTION 'who awarded it sends it' USING ERRCODE = 'check_violation', CONSTRAINT = 'decider_pays';
        END IF;
    ELSIF to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves OR OLD.ended_as IS NOT NULL THEN
        RAISE EXCEPTION 'no such change of a line'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_line_transition';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_LINE_BEFORE = """
CREATE FUNCTION guard_payment_run_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['ended_as', 'rejected_on', 'reason_code', 'rejection_reason'];
    decider_sends boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT p.awarded_by = r.made_by INTO decider_sends
        FROM payment_runs r
        JOIN organisation_bank_accounts a ON a.id = r.account_id
        JOIN grant_payments p ON p.id = NEW.payment_id AND p.territory = r.territory AND p.status = 'sent'
            AND (p.amount_cents - coalesce(p.set_off_cents, 0), p.bank_details_id)
                = (NEW.amount_cents, NEW.bank_details_id)
        JOIN grants g ON g.id = p.grant_id AND g.funder_id = a.organisation_id
        WHERE r.id = NEW.run_id AND r.status = 'ready' AND NEW.position <= r.payments AND NEW.ended_as IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the line is not its payment'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_line_differs';
        END IF;
        IF decider_sends THEN
            RAISE EXCEPTION 'who awarded it sends it' USING ERRCODE = 'check_violation', CONSTRAINT = 'decider_pays';
        END IF;
    ELSIF to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves OR OLD.ended_as IS NOT NULL THEN
        RAISE EXCEPTION 'no such change of a line'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_line_transition';
    END IF;
    RETURN NEW;
END
$$
"""
RETURN_FUNCTION = """
CREATE FUNCTION end_payment_run_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM payment_run_lines l JOIN payment_runs r ON r.id = l.run_id
    WHERE NEW.id IN (l.payment_id, l.tranche_id) AND l.ended_as IS NULL AND r.status = 'ready' FOR SHARE OF r;
    IF FOUND THEN
        RAISE EXCEPTION 'the bank has not seen it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_not_handed_over';
    END IF;
    UPDATE payment_run_lines SET ended_as = 'rejected', rejected_on = NEW.rejected_on,
        rejection_reason = NEW.rejection_reason
    WHERE NEW.id IN (payment_id, tranche_id) AND ended_as IS NULL;
    RETURN NULL;
END
$$
"""
RETURN_FUNCTION_BEFORE = """
CREATE FUNCTION end_payment_run_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM payment_run_lines l JOIN payment_runs r ON r.id = l.run_id
    WHERE l.payment_id = NEW.id AND l.ended_as IS NULL AND r.status = 'ready' FOR SHARE OF r;
    IF FOUND THEN
        RAISE EXCEPTION 'the bank has not seen it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_not_handed_over';
    END IF;
    UPDATE payment_run_lines SET ended_as = 'rejected', rejected_on = NEW.rejected_on,
        rejection_reason = NEW.rejection_reason
    WHERE payment_id = NEW.id AND ended_as IS NULL;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("tranche_id", sa.Uuid(), nullable=True))
    op.execute(f"-- squawk-ignore ban-drop-not-null\nALTER TABLE {TABLE} ALTER COLUMN payment_id DROP NOT NULL")
    op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT payment_run_line_sends_one CHECK ({SENDS_ONE}) NOT VALID")
    op.execute(
        f"ALTER TABLE {TABLE} ADD CONSTRAINT payment_run_lines_tranche_id_fkey FOREIGN KEY (tranche_id)"
        " REFERENCES advance_tranches (id) NOT VALID"
    )
    for function in (GUARD_RUN, GUARD_LINE, RETURN_FUNCTION):
        op.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER ends_line ON advance_tranches")
    for function in (GUARD_RUN_BEFORE, GUARD_LINE_BEFORE, RETURN_FUNCTION_BEFORE):
        op.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.drop_column(TABLE, "tranche_id")  # its constraints go with it
    op.alter_column(TABLE, "payment_id", nullable=False)
