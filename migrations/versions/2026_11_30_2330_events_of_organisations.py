"""Events say whose they are, where some see those of their own organisation alone; what is of no territory is found.

Revision: 2026_11_30_2330, after 2026_11_30_2327. Code of before writes events without it: only who sees those of all
organisations is told.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_2330"
down_revision = "2026_11_30_2327"
branch_labels = None
depends_on = None

STALE = """
CREATE OR REPLACE FUNCTION make_activity_reports_stale() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counting CONSTANT text[] := ARRAY['submitted', 'validated', 'certified'];
BEGIN
    WITH touched (consultant_id, month) AS (
        SELECT NEW.consultant_id, date_trunc('month', NEW.counted_on::timestamp)::date WHERE NEW.status = ANY (counting)
        UNION
        SELECT OLD.consultant_id, date_trunc('month', OLD.counted_on::timestamp)::date WHERE OLD.status = ANY (counting)
    ), stale AS (
        UPDATE activity_reports r SET stale_at = now(), stale_entry_id = NEW.id, stale_entry_worked_on = NEW.worked_on,
            version = r.version + 1, updated_at = now()
        FROM touched t WHERE r.consultant_id = t.consultant_id AND r.month = t.month AND r.stale_at IS NULL
        RETURNING r.*
    )
    INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id,
        resource_version, %(owner)sdata)
    SELECT 'activity_report.stale', now(), s.territory, 'system', 'stale', 'activity_report', s.id::text, s.version,
        %(his)sjsonb_build_object('id', s.id, 'mission_id', s.mission_id, 'consultant_id', s.consultant_id,
            'organisation_id', s.organisation_id, 'month', to_char(s.month, 'YYYY-MM'), 'status', s.status,
            'days', s.days, 'stale_at', to_char(s.stale_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'stale_entry_id', s.stale_entry_id, 'stale_entry_worked_on', s.stale_entry_worked_on)
    FROM stale s ORDER BY s.id;
    RETURN NULL;
END
$$
"""
# Whose an event is decides who sees it, so it is sealed as the rest is: before there is a seal.
SEALED_TEXT = """
CREATE OR REPLACE FUNCTION sealed_text(sealed events) RETURNS text LANGUAGE sql STABLE
RETURN (jsonb_build_array(
    sealed.sequence, sealed.id, sealed.type, (extract(epoch FROM sealed.occurred_at) * 1000000)::bigint,
    sealed.territory, sealed.actor_id, sealed.actor_kind, sealed.actor_organisation_id, sealed.request_id,
    sealed.resource_type, sealed.resource_id, sealed.resource_version, sealed.topic,%s
    sealed.data
) || CASE WHEN sealed.client_request_id IS NULL THEN '[]'::jsonb
    ELSE jsonb_build_array(sealed.client_request_id) END)::text
"""
OWNER, NATIONAL = "events_owner_organisation_id_sequence_idx", "events_resource_type_sequence_idx"


def upgrade() -> None:
    op.execute("ALTER TABLE events ADD COLUMN owner_organisation_id UUID")
    op.execute(STALE % {"owner": "owner_organisation_id, ", "his": "s.organisation_id, "})
    op.execute(SEALED_TEXT % " sealed.owner_organisation_id,")
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for name, column, where in (
            (OWNER, "owner_organisation_id", "owner_organisation_id IS NOT NULL"),
            (NATIONAL, "resource_type", "territory IS NULL AND topic IS NULL"),
        ):
            op.create_index(
                name,
                "events",
                [column, "sequence"],
                postgresql_where=sa.text(where),
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def downgrade() -> None:
    op.drop_index(NATIONAL, table_name="events", postgresql_where=sa.text("territory IS NULL AND topic IS NULL"))
    op.drop_index(OWNER, table_name="events", postgresql_where=sa.text("owner_organisation_id IS NOT NULL"))
    op.execute(STALE % {"owner": "", "his": ""})
    op.execute(SEALED_TEXT % "")
    op.drop_column("events", "owner_organisation_id")
