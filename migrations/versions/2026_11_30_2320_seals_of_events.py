"""Ranges of the event trail are sealed: a digest that the database computes, chained with the one before.

Revision: 2026_11_30_2320, after 2026_11_30_2310.
"""

from alembic import op

revision = "2026_11_30_2320"
down_revision = "2026_11_30_2310"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE event_seals (
    number BIGINT NOT NULL,
    after BIGINT NOT NULL,
    upto BIGINT NOT NULL,
    count BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    previous_number BIGINT,
    previous TEXT,
    sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT event_seals_pkey PRIMARY KEY (number),
    CONSTRAINT event_seals_number_upto_sha256_key UNIQUE (number, upto, sha256),
    CONSTRAINT event_seals_previous_number_after_previous_fkey FOREIGN KEY (previous_number, after, previous)
        REFERENCES event_seals (number, upto, sha256),
    CONSTRAINT event_seal_number CHECK (number = coalesce(previous_number, 0) + 1),
    CONSTRAINT event_seal_previous CHECK ((previous_number IS NULL) = (previous IS NULL)),
    CONSTRAINT event_seal_first CHECK (previous_number IS NOT NULL OR after = 0),
    CONSTRAINT event_seal_range CHECK (upto > after),
    CONSTRAINT event_seal_count CHECK (count > 0)
)
"""
SEALED_TEXT = """
CREATE FUNCTION sealed_text(sealed events) RETURNS text LANGUAGE sql STABLE
RETURN jsonb_build_array(
    sealed.sequence, sealed.id, sealed.type, (extract(epoch FROM sealed.occurred_at) * 1000000)::bigint,
    sealed.territory, sealed.actor_id, sealed.actor_kind, sealed.actor_organisation_id, sealed.request_id,
    sealed.resource_type, sealed.resource_id, sealed.resource_version, sealed.topic, sealed.data
)::text
"""

# The digest of a seal: a line of its number, range, count and the digest before it, then a line for each event in order.
SEAL_OF = """
CREATE FUNCTION seal_of(
    number bigint, after bigint, upto bigint, previous text, OUT count bigint, OUT sha256 text
) LANGUAGE sql STABLE AS $$
    SELECT count(*), encode(sha256(convert_to(
        concat_ws(' ', number, after, upto, count(*), previous)
        || coalesce(string_agg(E'\\n' || sealed_text(e), '' ORDER BY e.sequence), ''), 'UTF8'
    )), 'hex')
    FROM events e WHERE e.sequence > after AND e.sequence <= upto
$$
"""

# Nobody writes a digest: a new seal has that of the events that there are.
SEAL_EVENTS = """
CREATE FUNCTION seal_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.count, s.sha256 INTO NEW.count, NEW.sha256 FROM seal_of(NEW.number, NEW.after, NEW.upto, NEW.previous) s;
    RETURN NEW;
END
$$
"""
SEALS = "CREATE TRIGGER sealed BEFORE INSERT ON event_seals FOR EACH ROW EXECUTE FUNCTION seal_events()"

KEEP = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_seals"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for statement in (TABLE, KEEP, SEALED_TEXT, SEAL_OF, SEAL_EVENTS, SEALS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE event_seals")
    op.execute("DROP FUNCTION seal_events()")
    op.execute("DROP FUNCTION seal_of(bigint, bigint, bigint, text)")
    op.execute("DROP FUNCTION sealed_text(events)")
