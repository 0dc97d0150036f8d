"""A version of a schedule says until when a grace bears no interest.

Revision: 2026_11_30_1831, after 2026_11_30_1830.
"""

from alembic import op

revision = "2026_11_30_1831"
down_revision = "2026_11_30_1830"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE advance_versions ADD COLUMN interest_free_until_on date")


def downgrade() -> None:
    op.execute("ALTER TABLE advance_versions DROP COLUMN interest_free_until_on")
