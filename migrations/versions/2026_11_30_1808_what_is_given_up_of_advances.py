"""An advance counts what is waived, written off, capitalised, and on its way to the firm.

Revision: 2026_11_30_1808, after 2026_11_30_1807.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1808"
down_revision = "2026_11_30_1807"
branch_labels = None
depends_on = None

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "waived_cents": sa.BigInteger(),
    "written_off_cents": sa.BigInteger(),
    "capitalised_cents": sa.BigInteger(),
    "in_flight_cents": sa.BigInteger(),
    "settled_as": sa.Text(),
    "accelerated_on": sa.Date(),
    "in_proceedings_on": sa.Date(),
    "written_off_on": sa.Date(),
}
STATUSES = "'awarded', 'paying', 'repaying', 'repaid'"
# Constraint, the condition before (none: it is new), the condition now.
CHECKS = [
    ("advance_amounts", "disbursed_cents >= 0 AND released_cents >= 0 AND repaid_cents >= 0",
     ("least(disbursed_cents, in_flight_cents, released_cents, repaid_cents, waived_cents, written_off_cents,"
     " capitalised_cents) >= 0")),
    ("tranches_exceed_award", "disbursed_cents + released_cents <= amount_cents",
     "disbursed_cents + in_flight_cents + released_cents <= amount_cents"),
    ("repayment_exceeds_outstanding", "repaid_cents <= disbursed_cents",
     "repaid_cents + waived_cents + written_off_cents <= disbursed_cents + capitalised_cents"),
    ("advance_settled_as", "", "settled_as IN ('repaid', 'waived', 'written_off')"),
    ("advance_written_off", "", "written_off_cents = 0 OR written_off_on IS NOT NULL"),
    ("advance_status", f"status IN ({STATUSES}, 'cancelled', 'reversed')",
     f"status IN ({STATUSES}, 'closed', 'cancelled', 'reversed')"),
]  # fmt: skip


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        amount = name.endswith("_cents")
        op.add_column("advances", sa.Column(name, kind, server_default="0" if amount else None, nullable=not amount))
    for name, before, now in CHECKS:
        if before:
            op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE advances DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE advances ADD CONSTRAINT {name} CHECK ({now}) NOT VALID")


def downgrade() -> None:
    for name, before, _ in CHECKS:
        op.drop_constraint(name, "advances")
        if before:
            op.create_check_constraint(name, "advances", before)
    for name in reversed(COLUMNS):
        op.drop_column("advances", name)
