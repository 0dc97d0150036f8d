"""The keyed digests of files have their form.

Revision: 2026_12_01_0022, after 2026_12_01_0021.
"""

from alembic import op

revision = "2026_12_01_0022"
down_revision = "2026_12_01_0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payment_runs VALIDATE CONSTRAINT payment_run_file_hmac")
    op.execute("ALTER TABLE collection_runs VALIDATE CONSTRAINT collection_run_file_hmac")


def downgrade() -> None:
    """A constraint that holds is left as it is."""
