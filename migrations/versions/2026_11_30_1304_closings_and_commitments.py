"""An aid is closed at its final amounts, and its firm owes commitments from then on.

Revision: 2026_11_30_1304, after 2026_11_30_1303.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1304"
down_revision = "2026_11_30_1303"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE commitments (
        territory TEXT NOT NULL,
        aid_id UUID NOT NULL,
        kind TEXT NOT NULL,
        months SMALLINT NOT NULL,
        due_on DATE NOT NULL,
        reports SMALLINT DEFAULT '0' NOT NULL,
        reporters UUID[] DEFAULT '{}' NOT NULL,
        overdue_on DATE,
        outcome TEXT,
        judged_on DATE,
        outcome_reason TEXT,
        judged_by UUID,
        judge_kind TEXT DEFAULT 'person' NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT 1 NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT commitments_pkey PRIMARY KEY (id),
        CONSTRAINT commitments_aid_fkey FOREIGN KEY(territory, aid_id) REFERENCES aids (territory, id),
        CONSTRAINT commitments_aid_id_key UNIQUE (territory, aid_id, id),
        CONSTRAINT commitments_once_key UNIQUE (aid_id, kind, months),
        CONSTRAINT commitment_judged_by_a_person FOREIGN KEY(judged_by, judge_kind) REFERENCES subjects (id, kind),
        CONSTRAINT reporter_judges CHECK (judged_by <> ALL (reporters)),
        CONSTRAINT commitment_not_reported CHECK (reports > 0 OR outcome IS NULL OR outcome IN ('not_met',
            'waived')),
        CONSTRAINT commitment_judge_kind CHECK (judge_kind = 'person'),
        CONSTRAINT commitment_kind CHECK (kind IN ('jobs', 'investment')),
        CONSTRAINT commitment_outcome CHECK (outcome IN ('met', 'partly_met', 'not_met', 'waived')),
        CONSTRAINT commitment_numbers CHECK (reports >= 0 AND months >= 0),
        CONSTRAINT commitment_judged CHECK (num_nulls(outcome, judged_by, judged_on, outcome_reason) IN (0, 4)),
        CONSTRAINT commitment_overdue CHECK (overdue_on > due_on)
    )
    """,
    """
    CREATE INDEX commitments_open_idx ON commitments (due_on) WHERE outcome IS NULL AND overdue_on IS NULL AND reports = 0
    """,
    """
    CREATE INDEX commitments_territory_due_on_idx ON commitments (territory, due_on)
    """,
    """
    CREATE TABLE commitment_reports (
        territory TEXT NOT NULL,
        aid_id UUID NOT NULL,
        commitment_id UUID NOT NULL,
        observed_on DATE NOT NULL,
        text TEXT NOT NULL,
        jobs_fte NUMERIC(7, 2),
        document_sha256 TEXT NOT NULL,
        reported_by UUID NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT commitment_reports_pkey PRIMARY KEY (id),
        CONSTRAINT commitment_reports_commitment_fkey FOREIGN KEY(territory, aid_id, commitment_id) REFERENCES
            commitments (territory, aid_id, id),
        CONSTRAINT commitment_report_document CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT commitment_report_jobs CHECK (jobs_fte >= 0),
        CONSTRAINT commitment_reports_reported_by_fkey FOREIGN KEY(reported_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX commitment_reports_commitment_id_idx ON commitment_reports (commitment_id)
    """,
)
KEEP = """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON commitment_reports
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
GUARD_COMMITMENT = """
CREATE FUNCTION guard_commitment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.territory, OLD.aid_id, OLD.kind, OLD.months, OLD.due_on)
            IS DISTINCT FROM (NEW.territory, NEW.aid_id, NEW.kind, NEW.months, NEW.due_on)
        OR OLD.outcome IS NOT NULL OR NEW.reports < OLD.reports
        OR OLD.overdue_on IS NOT NULL AND OLD.overdue_on IS DISTINCT FROM NEW.overdue_on
    THEN
        RAISE EXCEPTION 'no such change of a commitment'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'commitment_settled';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = (
    """CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commitments FOR EACH ROW EXECUTE FUNCTION guard_commitment()"""
)
CLOSED = (
    "CASE WHEN closed_on IS NULL THEN closing_payment_id IS NULL"
    " ELSE completed_on IS NOT NULL AND closed_on >= completed_on AND open_claims = 0 END"
)
AWARDS = {"grants": "grant", "advances": "advance"}


def upgrade() -> None:
    for statement in (*TABLES, KEEP, GUARD_COMMITMENT, GUARD):
        op.execute(statement)
    op.add_column("aids", sa.Column("closed_on", sa.Date(), nullable=True))
    op.add_column("aids", sa.Column("closing_payment_id", sa.Uuid(), nullable=True))
    op.execute(f"ALTER TABLE aids ADD CONSTRAINT aid_closed CHECK ({CLOSED}) NOT VALID")
    for table, noun in AWARDS.items():
        op.add_column(table, sa.Column("final_cents", sa.BigInteger(), nullable=True))
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {noun}_final CHECK (final_cents BETWEEN 0 AND amount_cents) NOT VALID"
        )


def downgrade() -> None:
    for table in AWARDS:
        op.drop_column(table, "final_cents")  # its constraint goes with it
    op.drop_column("aids", "closing_payment_id")
    op.drop_column("aids", "closed_on")
    op.drop_table("commitment_reports")
    op.drop_table("commitments")
    op.execute("DROP FUNCTION guard_commitment()")
