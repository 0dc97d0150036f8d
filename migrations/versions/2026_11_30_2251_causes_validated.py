"""The causes of versions are looked at again, in a transaction of their own.

Revision: 2026_11_30_2251, after 2026_11_30_2250.
"""

from alembic import op

revision = "2026_11_30_2251"
down_revision = "2026_11_30_2250"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE advance_versions VALIDATE CONSTRAINT advance_version_cause")


def downgrade() -> None:
    pass
