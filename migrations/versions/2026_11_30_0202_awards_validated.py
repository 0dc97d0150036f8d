"""What awards name is found by it, and held for all rows; awards that stand without a project are counted.

Revision: 2026_11_30_0202, after 2026_11_30_0201.
"""

import logging

import sqlalchemy as sa
from alembic import context, op

revision = "2026_11_30_0202"
down_revision = "2026_11_30_0201"
branch_labels = None
depends_on = None

LOG = logging.getLogger("rebond.migrations")

WITHOUT_PROJECT = """
SELECT count(*) FROM {table} a JOIN territories t ON t.slug = a.territory
WHERE a.project_id IS NULL AND a.decided_on >= t.served_since_on AND a.status NOT IN ('cancelled', 'reversed')
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for table in ("grants", "advances"):
            for column in ("project_id", "committee_id"):
                op.create_index(
                    f"{table}_{column}_idx", table, [column], postgresql_where=sa.text(f"{column} IS NOT NULL"),
                    postgresql_concurrently=True, if_not_exists=True,
                )  # fmt: skip
    for table in ("grants", "advances"):
        for name in ("project_fkey", "project_firm_fkey", "committee_fkey"):
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_{name}")
        if not context.is_offline_mode() and (
            count := op.get_bind().scalar(sa.text(WITHOUT_PROJECT.format(table=table)))
        ):
            LOG.warning("%s that name no project, which stay: %s", table, count)


def downgrade() -> None:
    for table in ("grants", "advances"):
        for column in ("project_id", "committee_id"):
            op.drop_index(f"{table}_{column}_idx", table_name=table)
