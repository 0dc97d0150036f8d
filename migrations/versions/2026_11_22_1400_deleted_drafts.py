"""Deleted drafts are found by their territory: the follow-up of a past day still knows them.

Revision: 2026_11_22_1400, after 2026_11_22_1320.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_1400"
down_revision = "2026_11_22_1320"
branch_labels = None
depends_on = None

INDEX = "events_deleted_time_entries"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            INDEX,
            "events",
            ["territory"],
            postgresql_where=sa.text("type = 'time_entry.deleted'"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index(INDEX, table_name="events", postgresql_where=sa.text("type = 'time_entry.deleted'"))
