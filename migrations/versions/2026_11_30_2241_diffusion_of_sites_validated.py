"""The diffusion of the sites that stand is checked, while others write.

Revision: 2026_11_30_2241, after 2026_11_30_2240.
"""

from alembic import op

revision = "2026_11_30_2241"
down_revision = "2026_11_30_2240"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE sites VALIDATE CONSTRAINT site_diffusion")


def downgrade() -> None:
    pass  # dropped with its column
