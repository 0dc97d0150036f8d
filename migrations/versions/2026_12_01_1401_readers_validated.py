"""Every limit has a name that is known.

Revision: 2026_12_01_1401, after 2026_12_01_1400.
"""

from alembic import op

revision = "2026_12_01_1401"
down_revision = "2026_12_01_1400"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE role_quotas VALIDATE CONSTRAINT role_quota_name")


def downgrade() -> None:
    """A constraint that holds is left as it is."""
