"""Keys end, carry less where they are narrowed, are made by their holders, and are confirmed by another administrator.

Existing keys are confirmed. Those without an end, or with one that is more than two years away, end 90 days (of a person)
or 400 days (of a program) after this migration.

Revision: 2026_11_30_2322, after 2026_11_30_2321.
"""

from alembic import op

revision = "2026_11_30_2322"
down_revision = "2026_11_30_2321"
branch_labels = None
depends_on = None

HOLD = """
CREATE FUNCTION hold_api_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.expires_at IS NULL THEN
            NEW.expires_at := NEW.created_at + CASE (SELECT kind FROM subjects WHERE id = NEW.subject_id)
                WHEN 'person' THEN interval '90 days'
                ELSE interval '400 days' END;
        END IF;
        IF NEW.expires_at <= NEW.created_at
            OR NEW.expires_at - NEW.created_at > interval '730 days'
        THEN
            RAISE EXCEPTION 'a key ends within two years'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'api_key_end';
        END IF;
    ELSIF NEW.expires_at > OLD.expires_at
        OR OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
        OR OLD.confirmed_at IS NOT NULL AND (NEW.confirmed_at, NEW.confirmed_by, NEW.digest) IS DISTINCT FROM
            (OLD.confirmed_at, OLD.confirmed_by, OLD.digest)
    THEN
        RAISE EXCEPTION 'a key only ends sooner, and what was revoked or confirmed stays so'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'api_key_kept';
    END IF;
    IF NEW.confirmed_by IS NOT NULL AND 'person' <> (SELECT kind FROM subjects WHERE id = NEW.confirmed_by) THEN
        RAISE EXCEPTION 'a person confirms a key'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'api_key_confirmed_by_a_person';
    END IF;
    RETURN NEW;
END
$$
"""

CHECKS = {
    "api_key_secret": """(digest IS NULL) = (code_digest IS NOT NULL) AND (digest IS NULL) = (prefix IS NULL)""",
    "api_key_code": """code_digest IS NULL OR length(code_digest) = 32 AND code_expires_at IS NOT NULL""",
    "api_key_narrowed": """cardinality(permissions) > 0 AND cardinality(territories) > 0 AND cardinality(addresses) > 0""",
    "key_own_confirmation": """confirmed_by <> ALL (ARRAY[created_by, subject_id])""",
    "api_key_confirmation": """(confirmed_by IS NULL OR confirmed_at IS NOT NULL) AND (confirmed_at IS NULL OR digest IS NOT NULL)""",
}

# As an event of PATCH would tell, but for the name of the subject, which is personal.
END_KEYS = """
WITH ended AS (
    UPDATE api_keys k SET version = k.version + 1, updated_at = now(),
        expires_at = now() + CASE s.kind WHEN 'person' THEN interval '90 days' ELSE interval '400 days' END
    FROM subjects s
    WHERE s.id = k.subject_id AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > now() + interval '730 days')
    RETURNING k.*
)
INSERT INTO events (type, occurred_at, actor_kind, request_id, resource_type, resource_id, resource_version, data)
SELECT 'api_key.updated', now(), 'system', 'migration', 'api_key', e.id::text, e.version,
    jsonb_build_object('id', e.id, 'subject_id', e.subject_id, 'name', e.name, 'prefix', e.prefix, 'scope', e.scope,
        'permissions', NULL, 'territories', NULL, 'addresses', NULL, 'expires_at', at.ends, 'revoked_at', NULL,
        'last_used_at', at.used, 'rotated_from_id', e.rotated_from_id, 'created_by', NULL, 'code_expires_at', NULL,
        'confirmed_by', NULL, 'confirmed_at', at.made, 'version', e.version, 'created_at', at.made, 'updated_at', at.now)
FROM ended e CROSS JOIN LATERAL (
    SELECT max(said) FILTER (WHERE place = 1) AS ends, max(said) FILTER (WHERE place = 2) AS used,
        max(said) FILTER (WHERE place = 3) AS made, max(said) FILTER (WHERE place = 4) AS now
    FROM (
        SELECT place, to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS said
        FROM unnest(ARRAY[e.expires_at, e.last_used_at, e.created_at, e.updated_at]) WITH ORDINALITY AS _ (instant, place)
    ) AS each
) AS at ORDER BY e.id
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(
        "ALTER TABLE api_keys ADD COLUMN permissions TEXT[], ADD COLUMN territories TEXT[], ADD COLUMN addresses TEXT[],"
        " ADD COLUMN created_by UUID, ADD COLUMN code_digest BYTEA, ADD COLUMN code_expires_at TIMESTAMPTZ,"
        " ADD COLUMN confirmed_by UUID, ADD COLUMN confirmed_at TIMESTAMPTZ"
    )
    for column in ("digest", "prefix"):  # only from this version on a key waits for its secret
        op.execute(f"-- squawk-ignore ban-drop-not-null\nALTER TABLE api_keys ALTER COLUMN {column} DROP NOT NULL")
    op.execute("UPDATE api_keys SET confirmed_at = created_at")
    op.execute(END_KEYS)
    op.execute("UPDATE api_keys SET expires_at = revoked_at WHERE expires_at IS NULL")
    # Keys are some thousands at most.
    op.execute("-- squawk-ignore adding-not-nullable-field\nALTER TABLE api_keys ALTER COLUMN expires_at SET NOT NULL")
    op.execute(
        "-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid\n"
        "ALTER TABLE api_keys ADD CONSTRAINT api_keys_code_digest_key UNIQUE (code_digest)"
    )
    for column in ("created_by", "confirmed_by"):
        op.execute(
            f"ALTER TABLE api_keys ADD CONSTRAINT api_keys_{column}_fkey FOREIGN KEY ({column})"
            " REFERENCES subjects (id) NOT VALID"
        )
    for name, condition in CHECKS.items():
        op.execute(f"ALTER TABLE api_keys ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    op.execute(HOLD)
    op.execute(
        "CREATE TRIGGER hold BEFORE INSERT OR UPDATE OF digest, expires_at, revoked_at, confirmed_at, confirmed_by"
        " ON api_keys FOR EACH ROW EXECUTE FUNCTION hold_api_key()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER hold ON api_keys")
    op.execute("DROP FUNCTION hold_api_key()")
    op.execute("DELETE FROM api_keys WHERE digest IS NULL")
    op.execute(
        "ALTER TABLE api_keys ALTER COLUMN digest SET NOT NULL, ALTER COLUMN prefix SET NOT NULL,"
        " ALTER COLUMN expires_at DROP NOT NULL, DROP COLUMN permissions, DROP COLUMN territories, DROP COLUMN addresses,"
        " DROP COLUMN created_by, DROP COLUMN code_digest, DROP COLUMN code_expires_at, DROP COLUMN confirmed_by,"
        " DROP COLUMN confirmed_at"
    )
