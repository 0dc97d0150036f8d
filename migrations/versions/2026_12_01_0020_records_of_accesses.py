"""Who reads what is personal or confidential, and who is refused, is recorded for auditors.

Revision: 2026_12_01_0020, after 2026_11_30_2333.
"""

from alembic import op

revision = "2026_12_01_0020"
down_revision = "2026_11_30_2333"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE access_records (
    kind TEXT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    path TEXT,
    place TEXT,
    status INTEGER NOT NULL,
    code TEXT,
    subject_id UUID,
    key_id UUID,
    address TEXT,
    request_id TEXT,
    count INTEGER NOT NULL,
    kept_until TIMESTAMP WITH TIME ZONE NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    CONSTRAINT access_records_pkey PRIMARY KEY (id),
    CONSTRAINT access_record_kind CHECK (kind IN ('read', 'refused', 'failed_authentication')),
    CONSTRAINT access_record_read CHECK ((kind = 'read') = (path IS NOT NULL AND request_id IS NOT NULL)),
    CONSTRAINT access_record_code CHECK ((kind = 'read') = (code IS NULL)),
    CONSTRAINT access_record_address CHECK ((kind = 'failed_authentication') = (address IS NOT NULL)),
    CONSTRAINT access_record_caller CHECK ((address IS NULL) = (subject_id IS NOT NULL)),
    CONSTRAINT access_record_count CHECK (count >= 1 AND (kind <> 'read' OR count = 1)),
    CONSTRAINT access_record_kept CHECK (kept_until > occurred_at)
)
"""
INDEXES = (
    "CREATE INDEX access_records_occurred_at_id_idx ON access_records (occurred_at, id)",
    "CREATE INDEX access_records_subject_id_occurred_at_id_idx ON access_records (subject_id, occurred_at, id)",
    "CREATE INDEX access_records_path_idx ON access_records (path, occurred_at, id) WHERE path IS NOT NULL",
    "CREATE INDEX access_records_address_idx ON access_records (address, occurred_at, id) WHERE address IS NOT NULL",
    "CREATE INDEX access_records_kept_until_idx ON access_records (kept_until)",
)
APPEND_ONLY = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON access_records"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)
KEEP = """
CREATE FUNCTION keep_access_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.kept_until > now() THEN
        RAISE EXCEPTION 'a record of an access is kept until its day'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'access_records_append_only';
    END IF;
    RETURN OLD;
END
$$
"""
KEPT = "CREATE TRIGGER kept BEFORE DELETE ON access_records FOR EACH ROW EXECUTE FUNCTION keep_access_record()"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for statement in (TABLE, *INDEXES, APPEND_ONLY, KEEP, KEPT):
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TABLE access_records")
    op.execute("DROP FUNCTION keep_access_record()")
