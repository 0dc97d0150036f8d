"""An audition, a meeting or a mission that was cancelled gives up its external id.

Revision: 2026_11_30_2210, after 2026_11_30_2200.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_2210"
down_revision = "2026_11_30_2200"
branch_labels = None
depends_on = None

TABLES = ("auditions", "committees", "missions")


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for table in TABLES:
            op.create_index(
                f"{table}_external_id_key",
                table,
                ["territory", "external_id"],
                unique=True,
                postgresql_where=sa.text("status <> 'cancelled'"),
                postgresql_concurrently=True,
                if_not_exists=True,
            )
    for table in TABLES:  # the unique index above holds what stands
        op.execute(
            f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {table}_territory_external_id_key"
        )


def downgrade() -> None:
    for table in TABLES:
        op.create_unique_constraint(f"{table}_territory_external_id_key", table, ["territory", "external_id"])
        op.drop_index(f"{table}_external_id_key", table_name=table)
