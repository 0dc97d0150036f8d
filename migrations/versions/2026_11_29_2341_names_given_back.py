"""An entry that was rejected or reversed gives up its external id.

Revision: 2026_11_29_2341, after 2026_11_29_2340.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_2341"
down_revision = "2026_11_29_2340"
branch_labels = None
depends_on = None

NAMED = "time_entries_territory_external_id"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            "time_entries_external_id_key",
            "time_entries",
            ["territory", "external_id"],
            unique=True,
            postgresql_where=sa.text(
                "external_id IS NOT NULL AND status IN ('draft', 'submitted', 'validated', 'certified')"
            ),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.create_index(
            f"{NAMED}_idx",
            "time_entries",
            ["territory", "external_id"],
            postgresql_where=sa.text("external_id IS NOT NULL"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
    # The unique index above holds what stands.
    op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE time_entries DROP CONSTRAINT {NAMED}_key")


def downgrade() -> None:
    op.create_unique_constraint(f"{NAMED}_key", "time_entries", ["territory", "external_id"])
    for name in ("time_entries_external_id_key", f"{NAMED}_idx"):
        op.drop_index(name, table_name="time_entries")
