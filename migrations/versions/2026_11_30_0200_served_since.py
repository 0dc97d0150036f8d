"""A territory says since when it is served here: what was decided from that day on names its project.

Revision: 2026_11_30_0200, after 2026_11_30_0130.

A territory that is there already has been served since the day of its first event.
"""

from alembic import op

revision = "2026_11_30_0200"
down_revision = "2026_11_30_0130"
branch_labels = None
depends_on = None

TODAY = "(timezone('Europe/Paris', now()))::date"
FIRST_EVENT = """
UPDATE territories t SET served_since_on = (timezone('Europe/Paris', coalesce(
    (SELECT e.occurred_at FROM events e WHERE e.territory = t.slug ORDER BY e.sequence LIMIT 1), t.created_at
)))::date
"""


def upgrade() -> None:
    # now() is stable: the default is computed once, and no row is written for it.
    op.execute(
        "-- squawk-ignore adding-field-with-default\n"
        f"ALTER TABLE territories ADD COLUMN served_since_on date DEFAULT {TODAY} NOT NULL"
    )
    op.execute(FIRST_EVENT)


def downgrade() -> None:
    op.drop_column("territories", "served_since_on")
