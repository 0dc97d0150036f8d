"""The passages of projects hold for what was there before; stages that no award supports are counted.

Revision: 2026_11_30_0211, after 2026_11_30_0210.
"""

from alembic import op

revision = "2026_11_30_0211"
down_revision = "2026_11_30_0210"
branch_labels = None
depends_on = None

COUNT = """
DO $$
DECLARE
    found bigint := (SELECT count(*) FROM projects p
        WHERE p.funding_route = 'rebond' AND p.stage IN ('selected', 'contracted', 'completed'));
BEGIN
    IF found > 0 THEN
        RAISE WARNING '% projects of the programme were passed on by hand, without an award, and stay', found;
    END IF;
END
$$
"""


def upgrade() -> None:
    for name in ("stage_passage_refused", "project_stage_reason"):
        op.execute(f"ALTER TABLE project_stages VALIDATE CONSTRAINT {name}")
    op.execute(COUNT)


def downgrade() -> None:
    """A constraint once validated stays so."""
