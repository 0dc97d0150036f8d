"""Events keep what the client called its request, beside the id that the service gave it.

Revision: 2026_11_30_2327, after 2026_11_30_2326.
"""

from alembic import op

revision = "2026_11_30_2327"
down_revision = "2026_11_30_2326"
branch_labels = None
depends_on = None

# Sealed as before where the client named none: seals that stand hold.
SEALED_TEXT = """
CREATE OR REPLACE FUNCTION sealed_text(sealed events) RETURNS text LANGUAGE sql STABLE
RETURN (jsonb_build_array(
    sealed.sequence, sealed.id, sealed.type, (extract(epoch FROM sealed.occurred_at) * 1000000)::bigint,
    sealed.territory, sealed.actor_id, sealed.actor_kind, sealed.actor_organisation_id, sealed.request_id,
    sealed.resource_type, sealed.resource_id, sealed.resource_version, sealed.topic, sealed.data
) || CASE WHEN sealed.client_request_id IS NULL THEN '[]'::jsonb
    ELSE jsonb_build_array(sealed.client_request_id) END)::text
"""
WITHOUT_IT = """
CREATE OR REPLACE FUNCTION sealed_text(sealed events) RETURNS text LANGUAGE sql STABLE
RETURN jsonb_build_array(
    sealed.sequence, sealed.id, sealed.type, (extract(epoch FROM sealed.occurred_at) * 1000000)::bigint,
    sealed.territory, sealed.actor_id, sealed.actor_kind, sealed.actor_organisation_id, sealed.request_id,
    sealed.resource_type, sealed.resource_id, sealed.resource_version, sealed.topic, sealed.data
)::text
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("ALTER TABLE events ADD COLUMN client_request_id TEXT")
    op.execute(SEALED_TEXT)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(WITHOUT_IT)
    op.execute("ALTER TABLE events DROP COLUMN client_request_id")
