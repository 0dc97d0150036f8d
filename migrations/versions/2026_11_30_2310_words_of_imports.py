"""Faults of files in the file's own words, how a file is to be read, and until when it is kept for its sender.

Revision: 2026_11_30_2310, after 2026_11_30_2304.
"""

from alembic import op

revision = "2026_11_30_2310"
down_revision = "2026_11_30_2304"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("ALTER TABLE import_problems ADD COLUMN heading TEXT, ADD COLUMN cell TEXT, ADD COLUMN found TEXT")
    op.execute(
        "ALTER TABLE imports ADD COLUMN options JSONB DEFAULT '{}' NOT NULL, ADD COLUMN file_kept_until TIMESTAMPTZ"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE imports DROP COLUMN file_kept_until, DROP COLUMN options")
    op.execute("ALTER TABLE import_problems DROP COLUMN found, DROP COLUMN cell, DROP COLUMN heading")
