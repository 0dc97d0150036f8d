"""Files of payment and collection runs are known by an HMAC under a secret of the installation.

A plain SHA-256 of a file that is known but for the number of an account gives that number to who tries them all.

Revision: 2026_12_01_0021, after 2026_12_01_0020. The version before still writes and reads `sha256`, which a later
migration drops; nothing shows it any more. Of a run that this version makes, a worker of the version before, until it is
replaced, hands over no file: it has nothing to hold it against.
"""

from alembic import op

revision = "2026_12_01_0021"
down_revision = "2026_12_01_0020"
branch_labels = None
depends_on = None

RUNS = {"payment_runs": "payment_run", "collection_runs": "collection_run"}

KEY = """
INSERT INTO secrets (name, value)
SELECT 'digest', sha256(string_agg(uuid_send(gen_random_uuid()), '')) FROM generate_series(1, 4)
ON CONFLICT DO NOTHING
"""
# HMAC-SHA-256 (RFC 2104) of the digest that stands there, under that secret of 32 bytes.
KEYED = """
DO $$
DECLARE
    key CONSTANT bytea := (SELECT value FROM secrets WHERE name = 'digest');
    first bytea := decode(repeat('36', 64), 'hex');
    second bytea := decode(repeat('5c', 64), 'hex');
BEGIN
    FOR place IN 0 .. length(key) - 1 LOOP
        first := set_byte(first, place, get_byte(first, place) # get_byte(key, place));
        second := set_byte(second, place, get_byte(second, place) # get_byte(key, place));
    END LOOP;
    ALTER TABLE {table} DISABLE TRIGGER guard;
    UPDATE {table} r SET file_hmac = encode(sha256(second || sha256(first || decode(r.sha256, 'hex'))), 'hex')
    WHERE r.sha256 IS NOT NULL;
    ALTER TABLE {table} ENABLE TRIGGER guard;
END
$$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(KEY)
    for table, noun in RUNS.items():
        op.execute(f"ALTER TABLE {table} ADD COLUMN file_hmac text")
        op.execute(f"-- squawk-ignore ban-drop-not-null\nALTER TABLE {table} ALTER COLUMN sha256 DROP NOT NULL")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {noun}_file_hmac CHECK (file_hmac ~ '^[0-9a-f]{{64}}$') NOT VALID"
        )
        op.execute(KEYED.format(table=table))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in RUNS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN file_hmac")
