"""Advances that stand keep lines that are rounded down; an award may say when it is to be paid out.

Lines are rounded half-up from here on. No schedule is stored, so the terms themselves say `rounding.rule: "down"`. The
advances of the demonstration are left out: their schedules are made again.

Revision: 2026_11_29_2240, after 2026_11_22_1420.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_2240"
down_revision = "2026_11_22_1420"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("advances", sa.Column("planned_disbursement_on", sa.Date()))
    op.execute(
        "ALTER TABLE advances ADD CONSTRAINT advance_planned_disbursement"
        " CHECK (planned_disbursement_on >= decided_on) NOT VALID"
    )
    op.execute(
        "UPDATE advances SET terms = jsonb_set(terms, '{rounding,rule}', '\"down\"')"
        " WHERE NOT coalesce(territory = 'ales' AND external_id LIKE 'demo-advance-%', false)"
    )


def downgrade() -> None:
    op.execute("UPDATE advances SET terms = terms #- '{rounding,rule}'")
    op.drop_column("advances", "planned_disbursement_on")
