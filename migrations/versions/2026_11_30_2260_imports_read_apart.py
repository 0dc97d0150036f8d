"""How often the reader of an import died, within how long it must be written, and up to which line it is.

Revision: 2026_11_30_2260, after 2026_11_30_2251.
"""

from alembic import op

revision = "2026_11_30_2260"
down_revision = "2026_11_30_2251"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(
        "ALTER TABLE imports ADD COLUMN reader_deaths INTEGER DEFAULT 0 NOT NULL,"
        " ADD COLUMN transaction_seconds INTEGER, ADD COLUMN written_to INTEGER DEFAULT 0 NOT NULL"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE imports DROP COLUMN written_to, DROP COLUMN transaction_seconds, DROP COLUMN reader_deaths")
