"""Formal notices of overdue instalments.

Revision: 2026_11_30_1941, after 2026_11_30_1940.
"""

from alembic import op

revision = "2026_11_30_1941"
down_revision = "2026_11_30_1940"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE advance_notices (
        territory TEXT NOT NULL,
        advance_id UUID NOT NULL,
        due_dates DATE[] NOT NULL,
        sent_on DATE NOT NULL,
        first_presented_on DATE,
        received_on DATE,
        delay_days SMALLINT NOT NULL,
        document_sha256 TEXT,
        status TEXT DEFAULT 'recorded' NOT NULL,
        reason TEXT,
        recorded_by UUID NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT advance_notices_pkey PRIMARY KEY (id),
        CONSTRAINT advance_notices_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances (territory,
            id),
        CONSTRAINT advance_notices_advance_id_key UNIQUE (advance_id, id),
        CONSTRAINT notice_due_dates CHECK (cardinality(due_dates) > 0),
        CONSTRAINT notice_delay CHECK (delay_days BETWEEN 8 AND 30),
        CONSTRAINT notice_status CHECK (status IN ('recorded', 'withdrawn')),
        CONSTRAINT notice_reason CHECK ((status = 'withdrawn') = (reason IS NOT NULL)),
        CONSTRAINT notice_document CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT notice_days_out_of_order CHECK (first_presented_on >= sent_on AND received_on >=
            coalesce(first_presented_on, sent_on)),
        CONSTRAINT advance_notices_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX advance_notices_advance_id_idx ON advance_notices (advance_id)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("advance_notices")
