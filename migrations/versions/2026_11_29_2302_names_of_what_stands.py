"""Who takes an act of money back frees its reference and external id.

Revision: 2026_11_29_2302, after 2026_11_29_2301.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_2302"
down_revision = "2026_11_29_2301"
branch_labels = None
depends_on = None

AWARD = "status NOT IN ('cancelled', 'reversed')"
ACT = "status = 'recorded'"

# Table, columns, the condition under which a row stands. Each takes the place of a constraint over all rows.
NAMES = [
    ("grants", ("territory", "external_id"), AWARD),
    ("grants", ("territory", "decision_reference"), AWARD),
    ("advances", ("territory", "external_id"), AWARD),
    ("advances", ("territory", "decision_reference"), AWARD),
    ("contributions", ("territory", "organisation_id", "reference"), ACT),
    ("grant_payments", ("grant_id", "reference"), ACT),
    ("advance_repayments", ("advance_id", "reference"), ACT),
]
# What those constraints were also read by.
READ_BY = [
    ("grants", ("territory", "decision_reference")),
    ("advances", ("territory", "decision_reference")),
    ("grant_payments", ("grant_id",)),
    ("advance_repayments", ("advance_id",)),
]
TO_VALIDATE = [
    (table, f"{name}_{rule}")
    for table, name in (("grants", "grant"), ("advances", "advance"))
    for rule in ("status", "cancelled_but_paid", "reversed_but_released")
]


def upgrade() -> None:
    for table, name in TO_VALIDATE:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for table, columns, stands in NAMES:
            op.create_index(
                f"{table}_{columns[-1]}_key", table, list(columns), unique=True, postgresql_where=sa.text(stands),
                postgresql_concurrently=True, if_not_exists=True,
            )  # fmt: skip
        for table, columns in READ_BY:
            op.create_index(
                f"{table}_{'_'.join(columns)}_idx", table, list(columns), postgresql_concurrently=True,
                if_not_exists=True,
            )  # fmt: skip
    for table, columns, _ in NAMES:
        name = f"{table}_{'_'.join(columns)}_key"
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {name}")


def downgrade() -> None:
    for table, columns, _ in NAMES:
        op.create_unique_constraint(f"{table}_{'_'.join(columns)}_key", table, list(columns))
        op.drop_index(f"{table}_{columns[-1]}_key", table_name=table)
    for table, columns in READ_BY:
        op.drop_index(f"{table}_{'_'.join(columns)}_idx", table_name=table)
