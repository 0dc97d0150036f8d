"""What entries say of certificates that left them out is validated.

Revision: 2026_11_30_0711, after 2026_11_30_0710.
"""

from alembic import op

revision = "2026_11_30_0711"
down_revision = "2026_11_30_0710"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("time_entry_certification_refused", "time_entries_certification_refused_by_fkey"):
        op.execute(f"ALTER TABLE time_entries VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """A constraint once validated stays so."""
