"""What says that a mission has ended is validated.

Revision: 2026_11_30_0721, after 2026_11_30_0720.
"""

from alembic import op

revision = "2026_11_30_0721"
down_revision = "2026_11_30_0720"
branch_labels = None
depends_on = None

NAMES = {
    "missions": ("mission_status_by_a_person", "mission_status", "mission_status_changed"),
    "mission_days": ("mission_days_status_fkey", "mission_ended", "mission_in_use"),
}


def upgrade() -> None:
    for table, names in NAMES.items():
        for name in names:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """A constraint once validated stays so."""
