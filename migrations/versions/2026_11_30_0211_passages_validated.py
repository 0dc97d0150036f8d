"""The passages of projects hold for what was there before; stages that no award supports are counted.

Revision: 2026_11_30_0211, after 2026_11_30_0210.
"""

import logging

import sqlalchemy as sa
from alembic import context, op

revision = "2026_11_30_0211"
down_revision = "2026_11_30_0210"
branch_labels = None
depends_on = None

BY_HAND = """
SELECT count(*) FROM projects WHERE funding_route = 'rebond' AND stage IN ('selected', 'contracted', 'completed')
"""


def upgrade() -> None:
    for name in ("stage_passage_refused", "project_stage_reason"):
        op.execute(f"ALTER TABLE project_stages VALIDATE CONSTRAINT {name}")
    if not context.is_offline_mode() and (count := op.get_bind().scalar(sa.text(BY_HAND))):
        message = "projects of the programme at a stage that no award supports, which stay: %s"
        logging.getLogger("rebond.migrations").warning(message, count)


def downgrade() -> None:
    """A constraint once validated stays so."""
