"""Every region that a territory names exists.

Revision: 2026_12_01_1301, after 2026_12_01_1300.
"""

from alembic import op

revision = "2026_12_01_1301"
down_revision = "2026_12_01_1300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE territories VALIDATE CONSTRAINT territory_region_code")


def downgrade() -> None:
    """A constraint that holds is left as it is."""
