"""Instalments of advances are collected by direct debit, in files for the bank.

Revision: 2026_11_30_2001, after 2026_11_30_2000.
"""

from alembic import op

revision = "2026_11_30_2001"
down_revision = "2026_11_30_2000"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE collection_runs (
        territory TEXT NOT NULL,
        account_id UUID NOT NULL,
        due_to_on DATE NOT NULL,
        collection_on DATE NOT NULL,
        debits INTEGER NOT NULL,
        total_cents BIGINT NOT NULL,
        format TEXT NOT NULL,
        creditor_name TEXT NOT NULL,
        creditor_identifier TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        made_by UUID NOT NULL,
        status TEXT DEFAULT 'ready' NOT NULL,
        handed_over_by UUID,
        handed_over_at TIMESTAMP WITH TIME ZONE,
        cancelled_by UUID,
        cancelled_at TIMESTAMP WITH TIME ZONE,
        reason TEXT,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT collection_runs_pkey PRIMARY KEY (id),
        CONSTRAINT collection_runs_territory_id_key UNIQUE (territory, id),
        CONSTRAINT collection_run_days CHECK (due_to_on <= collection_on),
        CONSTRAINT collection_run_period CHECK (due_to_on >= '1900-01-01' AND collection_on <= '2199-12-31'),
        CONSTRAINT collection_run_totals CHECK (debits BETWEEN 1 AND 1000 AND total_cents > 0 AND size_bytes >
            0),
        CONSTRAINT collection_run_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT collection_run_status CHECK (status IN ('ready', 'handed_over', 'cancelled')),
        CONSTRAINT collection_run_state CHECK ((status = 'handed_over') = (handed_over_by IS NOT NULL) AND
            num_nulls(handed_over_by, handed_over_at) <> 1 AND (status = 'cancelled') = (cancelled_by IS NOT
            NULL) AND num_nulls(cancelled_by, cancelled_at, reason) IN (0, 3)),
        CONSTRAINT collection_runs_territory_fkey FOREIGN KEY(territory) REFERENCES territories (slug),
        CONSTRAINT collection_runs_account_id_fkey FOREIGN KEY(account_id) REFERENCES organisation_bank_accounts
            (id),
        CONSTRAINT collection_runs_made_by_fkey FOREIGN KEY(made_by) REFERENCES subjects (id),
        CONSTRAINT collection_runs_handed_over_by_fkey FOREIGN KEY(handed_over_by) REFERENCES subjects (id),
        CONSTRAINT collection_runs_cancelled_by_fkey FOREIGN KEY(cancelled_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX collection_runs_account_id_idx ON collection_runs (account_id)
    """,
    """
    CREATE TABLE collection_run_lines (
        territory TEXT NOT NULL,
        run_id UUID NOT NULL,
        position INTEGER NOT NULL,
        advance_id UUID NOT NULL,
        due_on DATE NOT NULL,
        mandate_id UUID NOT NULL,
        amount_cents BIGINT NOT NULL,
        text TEXT NOT NULL,
        ended_as TEXT,
        rejected_on DATE,
        rejection_reason TEXT,
        receipt_id UUID,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT collection_run_lines_pkey PRIMARY KEY (id),
        CONSTRAINT collection_run_lines_run_fkey FOREIGN KEY(territory, run_id) REFERENCES collection_runs
            (territory, id),
        CONSTRAINT collection_run_lines_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances
            (territory, id),
        CONSTRAINT collection_run_lines_receipt_fkey FOREIGN KEY(territory, receipt_id) REFERENCES receipts
            (territory, id),
        CONSTRAINT collection_run_lines_run_id_position_key UNIQUE (run_id, position),
        CONSTRAINT collection_run_line_position CHECK (position BETWEEN 1 AND 1000),
        CONSTRAINT collection_run_line_amount CHECK (amount_cents > 0),
        CONSTRAINT collection_run_line_text CHECK (text <> ''),
        CONSTRAINT collection_run_line_ended_as CHECK (ended_as IN ('rejected', 'cancelled')),
        CONSTRAINT collection_run_line_end CHECK ((ended_as IS NOT DISTINCT FROM 'rejected') = (rejected_on IS
            NOT NULL) AND num_nulls(rejected_on, rejection_reason) <> 1 AND num_nonnulls(ended_as, receipt_id)
            <= 1),
        CONSTRAINT collection_run_lines_mandate_id_fkey FOREIGN KEY(mandate_id) REFERENCES direct_debit_mandates
            (id)
    )
    """,
    """
    CREATE INDEX collection_run_lines_advance_id_idx ON collection_run_lines (advance_id)
    """,
    """
    CREATE INDEX collection_run_lines_mandate_id_idx ON collection_run_lines (mandate_id)
    """,
    """
    CREATE UNIQUE INDEX collection_run_lines_open_key ON collection_run_lines (advance_id, due_on) WHERE
        ended_as IS NULL AND receipt_id IS NULL
    """,
    """
    CREATE UNIQUE INDEX collection_run_lines_receipt_id_idx ON collection_run_lines (receipt_id) WHERE
        receipt_id IS NOT NULL
    """,
)
GUARD_COLLECTION_RUN = """
CREATE FUNCTION guard_collection_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['status', 'handed_over_by', 'handed_over_at', 'cancelled_by', 'cancelled_at',
        'reason', 'version', 'updated_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM organisation_bank_accounts a WHERE a.id = NEW.account_id AND a.status = 'approved'
            AND a.from_on <= NEW.collection_on AND a.creditor_identifier = NEW.creditor_identifier FOR SHARE;
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
        RAISE EXCEPTION 'no such change of a collection run'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_transition';
    END IF;
    IF NEW.status = 'handed_over' AND (
        NEW.collection_on < (timezone('Europe/Paris', now()))::date
        OR EXISTS (
            SELECT FROM collection_run_lines l
            JOIN direct_debit_mandates m ON m.id = l.mandate_id JOIN firm_bank_details d ON d.id = m.bank_details_id
            WHERE l.run_id = NEW.id AND (d.status <> 'approved' OR m.ended_on <= NEW.collection_on)
            UNION ALL
            SELECT FROM organisation_bank_accounts a WHERE a.id = NEW.account_id AND a.status <> 'approved'
        )
    ) THEN
        RAISE EXCEPTION 'the file would collect what it should not'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_outdated';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_COLLECTION_LINE = """
CREATE FUNCTION guard_collection_run_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['ended_as', 'rejected_on', 'rejection_reason', 'receipt_id'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM collection_runs r JOIN organisation_bank_accounts a ON a.id = r.account_id
            JOIN advances v ON v.id = NEW.advance_id AND v.territory = r.territory AND v.funder_id = a.organisation_id
            JOIN direct_debit_mandates m ON m.id = NEW.mandate_id AND m.organisation_id = a.organisation_id
                AND (m.territory, m.siren) = (v.territory, v.firm_siren)
        WHERE r.id = NEW.run_id AND r.status = 'ready' AND NEW.position <= r.debits AND NEW.due_on <= r.due_to_on
            AND NEW.ended_as IS NULL AND NEW.receipt_id IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the line cannot be collected'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_line_differs';
        END IF;
    ELSIF to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves
        OR num_nonnulls(OLD.ended_as, OLD.receipt_id) > 0
        OR NEW.receipt_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM receipts r WHERE r.id = NEW.receipt_id AND r.amount_cents = NEW.amount_cents
        )
    THEN
        RAISE EXCEPTION 'no such change of a line'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_line_transition';
    END IF;
    RETURN NEW;
END
$$
"""
AGREE_COLLECTION = """
CREATE FUNCTION collection_run_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.debits, NEW.total_cents) <> (
        SELECT count(*)::integer, coalesce(sum(amount_cents), 0)::bigint FROM collection_run_lines
        WHERE run_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'run and lines differ' USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_differs';
    END IF;
    RETURN NULL;
END
$$
"""
TRIGGERS = (
    (
        "CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON collection_runs FOR EACH ROW EXECUTE FUNCTION"
        " guard_collection_run()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON collection_runs FOR EACH STATEMENT EXECUTE FUNCTION"
        " refuse_change()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON collection_runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " EXECUTE FUNCTION collection_run_agrees()"
    ),
    (
        "CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON collection_run_lines FOR EACH ROW EXECUTE FUNCTION"
        " guard_collection_run_line()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON collection_run_lines FOR EACH STATEMENT EXECUTE"
        " FUNCTION refuse_change()"
    ),
)


def upgrade() -> None:
    for statement in (*TABLES, GUARD_COLLECTION_RUN, GUARD_COLLECTION_LINE, AGREE_COLLECTION, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("collection_run_lines")
    op.drop_table("collection_runs")
    op.execute("DROP FUNCTION guard_collection_run()")
    op.execute("DROP FUNCTION guard_collection_run_line()")
    op.execute("DROP FUNCTION collection_run_agrees()")
