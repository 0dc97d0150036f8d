"""A site has a diffusion of its own beside that of its firm.

Revision: 2026_11_30_2240, after 2026_11_30_2234.
"""

from alembic import op

revision = "2026_11_30_2240"
down_revision = "2026_11_30_2234"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE sites ADD COLUMN diffusion text DEFAULT 'full' NOT NULL")
    op.execute("ALTER TABLE sites ADD CONSTRAINT site_diffusion CHECK (diffusion IN ('full', 'partial')) NOT VALID")


def downgrade() -> None:
    op.execute("ALTER TABLE sites DROP COLUMN diffusion")
