"""Past events say whose they are, and no digest of a sealed content, from which the amounts in it could be guessed.

Revision: 2026_11_30_2331, after 2026_11_30_2330. In parts, each in a transaction of its own, so that writes wait for one
part at most. Where it is interrupted, the parts that are done stay, and the next run goes on.
"""

from alembic import op

revision = "2026_11_30_2331"
down_revision = "2026_11_30_2330"
branch_labels = None
depends_on = None

# Whose an object is says the event itself, or else the table.
FILL = """
DO $$
DECLARE
    owned CONSTANT text[] := ARRAY['time_entry', 'time_entry_correction', 'activity_report', 'rate',
        'service_certificate', 'invoice', 'import', 'bank_account'];
    reached bigint := 0;
    upto bigint;
BEGIN
    LOOP
        SELECT max(sequence) INTO upto
        FROM (SELECT sequence FROM events WHERE sequence > reached ORDER BY sequence LIMIT 20000) AS part;
        EXIT WHEN upto IS NULL;
        ALTER TABLE events DISABLE TRIGGER append_only;
        UPDATE events e SET data = data - ARRAY['content_hash', 'record_hash'],
            owner_organisation_id = CASE WHEN resource_type <> ALL (owned) THEN NULL
                WHEN data ->> 'organisation_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                    THEN (data ->> 'organisation_id')::uuid
                WHEN resource_type = 'import'
                    THEN (SELECT organisation_id FROM imports WHERE id = resource_id::uuid)
                WHEN resource_type = 'time_entry_correction'
                    THEN (SELECT organisation_id FROM time_entry_corrections WHERE id = resource_id::uuid)
                WHEN resource_type = 'time_entry'
                    THEN (SELECT organisation_id FROM time_entries WHERE id = resource_id::uuid)
            END
        WHERE sequence > reached AND sequence <= upto AND owner_organisation_id IS NULL
            AND (resource_type = ANY (owned) OR data ?| ARRAY['content_hash', 'record_hash']);
        ALTER TABLE events ENABLE TRIGGER append_only;
        COMMIT;
        reached := upto;
    END LOOP;
END
$$
"""
REPLIES = r"""
UPDATE idempotency_keys SET body = regexp_replace(body, ',"(content|record)_hash":("[0-9a-f]{64}"|null)', '', 'g')
WHERE body ~ '"(content|record)_hash":'
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")  # of all parts together
        op.execute(FILL)
        op.execute("SET statement_timeout = '60s'")
    op.execute(REPLIES)


def downgrade() -> None:
    """What was told once is not told again: the digests stand with the objects."""
