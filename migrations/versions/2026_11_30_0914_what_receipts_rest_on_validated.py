"""What files name as the ground of their receipt holds for all of them.

Revision: 2026_11_30_0914, after 2026_11_30_0913.
"""

from alembic import op

revision = "2026_11_30_0914"
down_revision = "2026_11_30_0913"
branch_labels = None
depends_on = None

CONSTRAINTS = (
    "applications_tax_certificate_id_fkey",
    "applications_social_certificate_id_fkey",
    "applications_bank_details_id_fkey",
    "application_rests_on",
)


def upgrade() -> None:
    for constraint in CONSTRAINTS:
        op.execute(f"ALTER TABLE applications VALIDATE CONSTRAINT {constraint}")


def downgrade() -> None:
    pass
