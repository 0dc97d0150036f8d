"""An assignment is found by its mission, so that a plan names consultants of its own mission alone.

Revision: 2026_11_30_2142, after 2026_11_30_2141.
"""

from alembic import op

revision = "2026_11_30_2142"
down_revision = "2026_11_30_2141"
branch_labels = None
depends_on = None

# CONCURRENTLY would wait for another «rebond migrate» that waits.
INDEX = "CREATE UNIQUE INDEX consultants_mission_id_id_key ON consultants (mission_id, id)"


def upgrade() -> None:
    op.execute(f"-- squawk-ignore require-concurrent-index-creation\n{INDEX}")
    op.execute(
        "ALTER TABLE consultants ADD CONSTRAINT consultants_mission_id_id_key"
        " UNIQUE USING INDEX consultants_mission_id_id_key"
    )


def downgrade() -> None:
    op.drop_constraint("consultants_mission_id_id_key", "consultants")
