"""An award is in one line of a plan, and the line of an award is found by it; awards that no plan names are counted.

Revision: 2026_11_30_0232, after 2026_11_30_0231.
"""

import logging

import sqlalchemy as sa
from alembic import context, op

revision = "2026_11_30_0232"
down_revision = "2026_11_30_0231"
branch_labels = None
depends_on = None

LOG = logging.getLogger("rebond.migrations")

UNNAMED = """
SELECT count(*) FROM {table} a
WHERE a.status NOT IN ('cancelled', 'reversed')
    AND EXISTS (SELECT FROM financing_plans v WHERE v.project_id = a.project_id)
    AND NOT EXISTS (SELECT FROM financing_lines l WHERE l.{column} = a.id)
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for instrument in ("grant", "advance"):
            column = f"{instrument}_id"
            op.create_index(
                f"financing_lines_{instrument}_key", "financing_lines", [column, "plan_id"], unique=True,
                postgresql_where=sa.text(f"{column} IS NOT NULL"), postgresql_concurrently=True, if_not_exists=True,
            )  # fmt: skip
    for name in ("financing_lines_grant_fkey", "financing_lines_advance_fkey", "financing_line_award"):
        op.execute(f"ALTER TABLE financing_lines VALIDATE CONSTRAINT {name}")
    for table, column in (("grants", "grant_id"), ("advances", "advance_id")):
        if not context.is_offline_mode() and (
            count := op.get_bind().scalar(sa.text(UNNAMED.format(table=table, column=column)))
        ):
            LOG.warning("%s that the financing plans of their projects do not name, which stay: %s", table, count)


def downgrade() -> None:
    for instrument in ("advance", "grant"):
        op.drop_index(f"financing_lines_{instrument}_key", table_name="financing_lines")
