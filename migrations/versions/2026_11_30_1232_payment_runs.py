"""Approved payments are sent in runs, each with one file for the bank.

Revision: 2026_11_30_1232, after 2026_11_30_1231.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1232"
down_revision = "2026_11_30_1231"
branch_labels = None
depends_on = None

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
AGREE_FUNCTION = """
CREATE FUNCTION payment_run_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.payments, NEW.total_cents) <> (
        SELECT count(*)::integer, coalesce(sum(amount_cents), 0)::bigint FROM payment_run_lines WHERE run_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'run and lines differ' USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_differs';
    END IF;
    RETURN NULL;
END
$$
"""
RETURN_FUNCTION = """
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
TRIGGERS = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON payment_runs FOR EACH ROW EXECUTE FUNCTION guard_payment_run()",
    "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON payment_runs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON payment_runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payment_run_agrees()",
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON payment_run_lines FOR EACH ROW EXECUTE FUNCTION guard_payment_run_line()",
    "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON payment_run_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER ends_line AFTER UPDATE OF status ON grant_payments FOR EACH ROW WHEN (OLD.status = 'sent' AND NEW.status IN ('proposed', 'approved')) EXECUTE FUNCTION end_payment_run_line()",
)


def upgrade() -> None:
    op.create_table(
        "payment_runs",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("cut_off_on", sa.Date(), nullable=False),
        sa.Column("execution_on", sa.Date(), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="ready", nullable=False),
        sa.Column("handed_over_by", sa.Uuid(), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Uuid(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cut_off_on <= execution_on", name="payment_run_days"),
        sa.CheckConstraint("cut_off_on >= '1900-01-01' AND execution_on <= '2199-12-31'", name="payment_run_period"),
        sa.CheckConstraint(
            "payments BETWEEN 1 AND 1000 AND total_cents > 0 AND size_bytes > 0", name="payment_run_totals"
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="payment_run_sha256"),
        sa.CheckConstraint("status IN ('ready', 'handed_over', 'cancelled')", name="payment_run_status"),
        sa.CheckConstraint(
            "(status = 'handed_over') = (handed_over_by IS NOT NULL) AND num_nulls(handed_over_by, handed_over_at) <> 1"
            " AND (status = 'cancelled') = (cancelled_by IS NOT NULL)"
            " AND num_nulls(cancelled_by, cancelled_at, reason) IN (0, 3)",
            name="payment_run_state",
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name="payment_runs_territory_fkey"),
        sa.ForeignKeyConstraint(["account_id"], ["organisation_bank_accounts.id"], name="payment_runs_account_id_fkey"),
        sa.ForeignKeyConstraint(["made_by"], ["subjects.id"], name="payment_runs_made_by_fkey"),
        sa.ForeignKeyConstraint(["handed_over_by"], ["subjects.id"], name="payment_runs_handed_over_by_fkey"),
        sa.ForeignKeyConstraint(["cancelled_by"], ["subjects.id"], name="payment_runs_cancelled_by_fkey"),
        sa.PrimaryKeyConstraint("id", name="payment_runs_pkey"),
        sa.UniqueConstraint("territory", "id", name="payment_runs_territory_id_key"),
    )
    op.create_index(
        "payment_run_already_made", "payment_runs", ["territory", "account_id", "cut_off_on"], unique=True,
        postgresql_where=sa.text("status <> 'cancelled'"),
    )  # fmt: skip
    op.create_index("payment_runs_account_id_idx", "payment_runs", ["account_id"])
    op.create_table(
        "payment_run_lines",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("bank_details_id", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("ended_as", sa.Text(), nullable=True),
        sa.Column("rejected_on", sa.Date(), nullable=True),
        sa.Column("rejection_reason", sa.Text(), nullable=True),
        sa.Column(
            "reason_code",
            sa.Text(),
            sa.Computed("\"substring\"(rejection_reason, '^([A-Z]{2}[A-Z0-9]{2})(?::|$)'::text)", persisted=True),
            nullable=True,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint("position BETWEEN 1 AND 1000", name="payment_run_line_position"),
        sa.CheckConstraint("amount_cents > 0", name="payment_run_line_amount"),
        sa.CheckConstraint("text <> ''", name="payment_run_line_text"),
        sa.CheckConstraint("ended_as IN ('rejected', 'cancelled')", name="payment_run_line_ended_as"),
        sa.CheckConstraint(
            "(ended_as IS NOT DISTINCT FROM 'rejected') = (rejected_on IS NOT NULL)"
            " AND num_nulls(rejected_on, rejection_reason) <> 1",
            name="payment_run_line_rejection",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "run_id"], ["payment_runs.territory", "payment_runs.id"],
            name="payment_run_lines_territory_run_id_fkey",
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["grant_payments.id"], name="payment_run_lines_payment_id_fkey"),
        sa.ForeignKeyConstraint(
            ["bank_details_id"], ["firm_bank_details.id"], name="payment_run_lines_bank_details_id_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="payment_run_lines_pkey"),
        sa.UniqueConstraint("run_id", "position", name="payment_run_lines_run_id_position_key"),
    )  # fmt: skip
    op.create_index(
        "payment_run_lines_open_key", "payment_run_lines", ["payment_id"], unique=True,
        postgresql_where=sa.text("ended_as IS NULL"),
    )  # fmt: skip
    op.create_index("payment_run_lines_payment_id_idx", "payment_run_lines", ["payment_id"])
    for statement in (GUARD_RUN, GUARD_LINE, AGREE_FUNCTION, RETURN_FUNCTION, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER ends_line ON grant_payments")
    op.drop_table("payment_run_lines")
    op.drop_table("payment_runs")
    for function in (
        "end_payment_run_line", "payment_run_agrees", "guard_payment_run_line", "guard_payment_run",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}()")
