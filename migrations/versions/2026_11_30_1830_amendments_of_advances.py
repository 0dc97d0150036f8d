"""Amendments of an advance are asked for by one person and decided by another.

Revision: 2026_11_30_1830, after 2026_11_30_1811.
"""

from alembic import op

revision = "2026_11_30_1830"
down_revision = "2026_11_30_1811"
branch_labels = None
depends_on = None

TABLES = (
    """
        CREATE TABLE advance_amendments (
            territory TEXT NOT NULL,
            advance_id UUID NOT NULL,
            kind TEXT NOT NULL,
            asked JSONB NOT NULL,
            reason TEXT NOT NULL,
            requested_on DATE NOT NULL,
            requested_by UUID NOT NULL,
            status TEXT DEFAULT 'requested' NOT NULL,
            found_on DATE,
            found_by UUID,
            finding TEXT,
            decided_on DATE,
            decided_by UUID,
            decider_kind TEXT DEFAULT 'person' NOT NULL,
            decision JSONB,
            reference TEXT,
            document_sha256 TEXT,
            end_reason TEXT,
            waived_cents BIGINT DEFAULT '0' NOT NULL,
            before JSONB NOT NULL,
            after JSONB NOT NULL,
            id UUID DEFAULT uuidv7() NOT NULL,
            version INTEGER DEFAULT '1' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT advance_amendments_pkey PRIMARY KEY (id),
            CONSTRAINT advance_amendments_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances
                (territory, id),
            CONSTRAINT amendment_decided_by_a_person FOREIGN KEY(decided_by, decider_kind) REFERENCES subjects (id, kind),
            CONSTRAINT requester_decides CHECK (status = 'withdrawn' OR decided_by <> requested_by),
            CONSTRAINT amendment_kind CHECK (kind IN ('reschedule', 'waiver', 'write_off')),
            CONSTRAINT amendment_status CHECK (status IN ('requested', 'found', 'approved', 'refused', 'withdrawn')),
            CONSTRAINT amendment_decider_kind CHECK (decider_kind = 'person'),
            CONSTRAINT amendment_decided CHECK ((status IN ('requested', 'found')) = (decided_by IS NULL) AND
                (status IN ('requested', 'found')) = (decided_on IS NULL) AND (status IN ('refused', 'withdrawn')) =
                (end_reason IS NOT NULL)),
            CONSTRAINT amendment_found CHECK ((found_on IS NULL) = (found_by IS NULL) AND (kind = 'waiver' OR
                found_on IS NULL) AND (status <> 'found' OR found_on IS NOT NULL)),
            CONSTRAINT amendment_waived CHECK (waived_cents >= 0 AND (waived_cents = 0 OR kind = 'waiver')),
            CONSTRAINT amendment_document CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
            CONSTRAINT advance_amendments_requested_by_fkey FOREIGN KEY(requested_by) REFERENCES subjects (id),
            CONSTRAINT advance_amendments_found_by_fkey FOREIGN KEY(found_by) REFERENCES subjects (id)
        )
    """,
    """
        CREATE INDEX advance_amendments_advance_id_idx ON advance_amendments (advance_id)
    """,
)
ASKED = "territory, advance_id, kind, asked, reason, requested_on, requested_by"
TRIGGERS = (
    (
        f"CREATE TRIGGER append_only BEFORE UPDATE OF {ASKED} ON advance_amendments FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    ),
    (
        "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON advance_amendments FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    ),
    (
        "CREATE TRIGGER decided_stays BEFORE UPDATE ON advance_amendments FOR EACH ROW"
        " WHEN (OLD.status IN ('approved', 'refused', 'withdrawn')) EXECUTE FUNCTION refuse_change()"
    ),
)


def upgrade() -> None:
    for statement in (*TABLES, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("advance_amendments")
