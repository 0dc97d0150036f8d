"""An Idempotency-Key is claimed by one call.

Revision: 2026_11_30_0750, after 2026_11_30_0740.
"""

from alembic import op

revision = "2026_11_30_0750"
down_revision = "2026_11_30_0740"
branch_labels = None
depends_on = None

CLAIM_KEY = """
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
"""


def upgrade() -> None:
    op.execute(CLAIM_KEY)


def downgrade() -> None:
    op.execute("DROP FUNCTION claim_key")
