"""Quotas: what a caller may take of the service, by role and kind of subject; and how many bytes a sender has stored.

Revision: 2026_11_30_2326, after 2026_11_30_2325.
"""

from alembic import op

revision = "2026_11_30_2326"
down_revision = "2026_11_30_2325"
branch_labels = None
depends_on = None

# Of every role, until the programme records others.
FIRST = {
    "person": {
        "requests_per_minute": 3_000,
        "writes_per_minute": 600,
        "exports_at_once": 2,
        "documents_at_once": 4,
        "imports_at_once": 5,
        "import_bytes": 1_073_741_824,
    },
    "service_account": {
        "requests_per_minute": 30_000,
        "writes_per_minute": 6_000,
        "exports_at_once": 4,
        "documents_at_once": 16,
        "imports_at_once": 20,
        "import_bytes": 10_737_418_240,
    },
}
ROLES = (
    "'programme', 'operator', 'consultant', 'lead', 'territory', 'funder', 'treasurer', 'committee', 'auditor', 'admin'"
)
NAMES = ", ".join(f"'{name}'" for name in FIRST["person"])


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(
        f"""
        CREATE TABLE role_quotas (
            subject_kind TEXT NOT NULL,
            role TEXT,
            name TEXT NOT NULL,
            value BIGINT NOT NULL,
            from_on DATE NOT NULL,
            source TEXT NOT NULL,
            recorded_by UUID,
            recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
            id UUID DEFAULT uuidv7() NOT NULL,
            CONSTRAINT role_quotas_pkey PRIMARY KEY (id),
            CONSTRAINT role_quotas_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id),
            CONSTRAINT role_quota_subject_kind CHECK (subject_kind IN ('person', 'service_account')),
            CONSTRAINT role_quota_role CHECK (role IN ({ROLES})),
            CONSTRAINT role_quota_name CHECK (name IN ({NAMES})),
            CONSTRAINT role_quota_value CHECK (value BETWEEN 1 AND 1000000000000),
            CONSTRAINT role_quota_from_on CHECK (from_on BETWEEN '1900-01-01' AND '2199-12-31')
        )
        """
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX role_quotas_subject_kind_role_name_from_on_id_idx"
        " ON role_quotas (subject_kind, role, name, from_on, id)"
    )
    rows = ", ".join(
        f"('{kind}', '{name}', {value}, '2026-01-01', 'Rebond, first limits', now())"
        for kind, limits in FIRST.items()
        for name, value in limits.items()
    )
    op.execute(f"INSERT INTO role_quotas (subject_kind, name, value, from_on, source, recorded_at) VALUES {rows}")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON role_quotas"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX imports_kept_idx ON imports (requested_by)"
        " WHERE finished_at IS NULL OR file_kept_until IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP INDEX imports_kept_idx")
    op.execute("DROP TABLE role_quotas")
