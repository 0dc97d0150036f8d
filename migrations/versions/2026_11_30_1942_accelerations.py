"""All of an advance becomes due by an act that is kept.

Revision: 2026_11_30_1942, after 2026_11_30_1941.
"""

from alembic import op

revision = "2026_11_30_1942"
down_revision = "2026_11_30_1941"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE advance_accelerations (
        territory TEXT NOT NULL,
        advance_id UUID NOT NULL,
        accelerated_on DATE NOT NULL,
        due_cents BIGINT NOT NULL,
        notice_id UUID,
        proceeding_id UUID,
        reason TEXT,
        document_sha256 TEXT,
        decided_by UUID,
        decider_kind TEXT DEFAULT 'person' NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT advance_accelerations_pkey PRIMARY KEY (id),
        CONSTRAINT advance_accelerations_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances
            (territory, id),
        CONSTRAINT advance_accelerations_notice_fkey FOREIGN KEY(advance_id, notice_id) REFERENCES advance_notices
            (advance_id, id),
        CONSTRAINT acceleration_decided_by_a_person FOREIGN KEY(decided_by, decider_kind) REFERENCES subjects (id,
            kind),
        CONSTRAINT acceleration_decider_kind CHECK (decider_kind = 'person'),
        CONSTRAINT acceleration_ground CHECK (num_nonnulls(notice_id, proceeding_id) = 1),
        CONSTRAINT acceleration_decided CHECK (num_nulls(notice_id, decided_by, reason) IN (0, 3)),
        CONSTRAINT acceleration_document CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT acceleration_due CHECK (due_cents >= 0),
        CONSTRAINT advance_accelerations_proceeding_id_fkey FOREIGN KEY(proceeding_id) REFERENCES proceedings (id)
    )
    """,
    """
    CREATE INDEX advance_accelerations_advance_id_idx ON advance_accelerations (advance_id)
    """,
    """
    CREATE INDEX advance_accelerations_proceeding_id_idx ON advance_accelerations (proceeding_id) WHERE
            proceeding_id IS NOT NULL
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON advance_accelerations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("advance_accelerations")
