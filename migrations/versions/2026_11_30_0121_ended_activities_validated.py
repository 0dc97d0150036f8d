"""Entries follow the end of their activity, those that were there before too.

Revision: 2026_11_30_0121, after 2026_11_30_0120.
"""

from alembic import op

revision = "2026_11_30_0121"
down_revision = "2026_11_30_0120"
branch_labels = None
depends_on = None

BEFORE = "time_entries_mission_id_activity_fkey"


def upgrade() -> None:
    for name in ("time_entries_activity_fkey", "activity_not_listed"):
        op.execute(f"ALTER TABLE time_entries VALIDATE CONSTRAINT {name}")
    # The new key holds what it held.
    op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE time_entries DROP CONSTRAINT {BEFORE}")


def downgrade() -> None:
    op.create_foreign_key(
        BEFORE, "time_entries", "mission_activities", ["mission_id", "activity"], ["mission_id", "code"]
    )
