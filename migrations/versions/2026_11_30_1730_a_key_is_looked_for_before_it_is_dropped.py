"""A key's expired answer is deleted where there is one: a new key is looked for by one query.

Revision: 2026_11_30_1730, after 2026_11_30_1705.
"""

from alembic import op

revision = "2026_11_30_1730"
down_revision = "2026_11_30_1705"
branch_labels = None
depends_on = None

AFTER = (
    """
CREATE FUNCTION claim_key(number bigint, whose uuid, named text, kept_since timestamptz)
RETURNS TABLE (free boolean, digest bytea, status smallint, location text, etag text, body text)
LANGUAGE plpgsql AS $$
DECLARE
    expired boolean;
BEGIN
    free := pg_try_advisory_xact_lock(number);
    SELECT k.digest, k.status, k.location, k.etag, k.body, k.created_at <= kept_since
    INTO digest, status, location, etag, body, expired
    FROM idempotency_keys k WHERE k.subject_id = whose AND k.key = named;
    IF expired THEN
        DELETE FROM idempotency_keys k WHERE k.subject_id = whose AND k.key = named AND k.created_at <= kept_since;
        digest := NULL;
    END IF;
    RETURN NEXT;
END
$$
""",
)
BEFORE = (
    """
CREATE FUNCTION claim_key(number bigint, whose uuid, named text, kept_since timestamptz)
RETURNS TABLE (free boolean, digest bytea, status smallint, location text, etag text, body text)
LANGUAGE plpgsql AS $$
BEGIN
    free := pg_try_advisory_xact_lock(number);
    DELETE FROM idempotency_keys k WHERE k.subject_id = whose AND k.key = named AND k.created_at <= kept_since;
    SELECT k.digest, k.status, k.location, k.etag, k.body INTO digest, status, location, etag, body
    FROM idempotency_keys k WHERE k.subject_id = whose AND k.key = named;
    RETURN NEXT;
END
$$
""",
)


def upgrade() -> None:
    for function in AFTER:
        op.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def downgrade() -> None:
    for function in BEFORE:
        op.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
