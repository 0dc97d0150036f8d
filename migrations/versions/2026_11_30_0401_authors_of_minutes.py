"""Who writes the minutes of a meeting does not close it.

Revision: 2026_11_30_0401, after 2026_11_30_0400.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_0401"
down_revision = "2026_11_30_0400"
branch_labels = None
depends_on = None

# Of a meeting whose record is open, the events tell who wrote it: whoever changed it counts, since they leave out texts.
OPEN = """
    UPDATE committees c SET minutes_authors = ARRAY(
        SELECT DISTINCT e.actor_id FROM events e
        WHERE e.territory = c.territory AND e.resource_type = 'committee' AND e.resource_id = c.id::text
            AND e.type IN ('committee.held', 'committee.updated') AND e.actor_id IS NOT NULL
    ) WHERE c.status = 'held' AND c.minutes IS NOT NULL
"""


def upgrade() -> None:
    op.add_column(
        "committees", sa.Column("minutes_authors", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False)
    )
    op.execute(OPEN)
    op.execute(
        "ALTER TABLE committees ADD CONSTRAINT writer_closes CHECK (closed_by <> ALL (minutes_authors)) NOT VALID"
    )


def downgrade() -> None:
    op.drop_constraint("writer_closes", "committees")
    op.drop_column("committees", "minutes_authors")
