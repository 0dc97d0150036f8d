"""What an award comes to is at most its base: what was lowered can be raised again.

Revision: 2026_11_30_1700, after 2026_11_30_1600.
"""

from alembic import op

revision = "2026_11_30_1700"
down_revision = "2026_11_30_1600"
branch_labels = None
depends_on = None

TABLES = ("grants", "advances")


def upgrade() -> None:
    _bound_by("amount_cents - released_cents <= base_cents")


def downgrade() -> None:
    _bound_by("amount_cents <= base_cents")


def _bound_by(rule: str) -> None:
    for table in TABLES:
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT award_above_base")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT award_above_base CHECK ({rule}) NOT VALID")
