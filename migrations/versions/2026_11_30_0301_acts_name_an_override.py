"""An award or a payment names the override that lifts a rule for it.

Revision: 2026_11_30_0301, after 2026_11_30_0300.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0301"
down_revision = "2026_11_30_0300"
branch_labels = None
depends_on = None

AWARDS, PAYMENTS = ("grants", "advances"), ("grant_payments", "advance_tranches")


def upgrade() -> None:
    for table in (*AWARDS, *PAYMENTS):
        op.add_column(table, sa.Column("override_id", sa.Uuid(), nullable=True))
        firm = ("firm_siren",) if table in AWARDS else ()
        op.create_foreign_key(
            f"{table}_override_fkey",
            table,
            "overrides",
            ["override_id", "territory", *firm, "id"],
            ["id", "territory", *firm, "used_by_id"],
            postgresql_not_valid=True,
        )


def downgrade() -> None:
    for table in (*AWARDS, *PAYMENTS):
        op.drop_column(table, "override_id")
