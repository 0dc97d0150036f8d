"""How many readers of the feed may wait for events at once.

Revision: 2026_12_01_1400, after 2026_12_01_1301. Code of before writes no limit of this name, and reads over it.
"""

from alembic import op

revision = "2026_12_01_1400"
down_revision = "2026_12_01_1301"
branch_labels = None
depends_on = None

NAMES = (
    "'requests_per_minute', 'writes_per_minute', 'exports_at_once', 'documents_at_once', 'imports_at_once',"
    " 'import_bytes'"
)
SWAP = (
    "-- squawk-ignore ban-drop-constraint\n"
    "ALTER TABLE role_quotas DROP CONSTRAINT role_quota_name,"
    " ADD CONSTRAINT role_quota_name CHECK (name IN ({names})) NOT VALID"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(SWAP.format(names=f"{NAMES}, 'listeners_at_once'"))
    op.execute(
        "INSERT INTO role_quotas (subject_kind, name, value, from_on, source, recorded_at) VALUES"
        " ('person', 'listeners_at_once', 20, '2026-01-01', 'Rebond, first limits', now()),"
        " ('service_account', 'listeners_at_once', 100, '2026-01-01', 'Rebond, first limits', now())"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("ALTER TABLE role_quotas DISABLE TRIGGER append_only")
    op.execute("DELETE FROM role_quotas WHERE name = 'listeners_at_once'")
    op.execute("ALTER TABLE role_quotas ENABLE TRIGGER append_only")
    op.execute(SWAP.format(names=NAMES))
