"""Amendments change the rate of an advance, and the last day on which it is drawn.

Revision: 2026_11_30_2120, after 2026_11_30_2050.

The terms stay as they were agreed, and what amendments put in their place stands beside them. A version that changes the
rate says it. Code of before reads the terms as agreed, and asks for none of the new kinds.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_2120"
down_revision = "2026_11_30_2050"
branch_labels = None
depends_on = None

KINDS = ("reschedule", "waiver", "write_off")
MORE_KINDS = ("reschedule", "waiver", "rate_change", "availability_extension", "write_off")
CHECKS = {
    "advances": ("advance_amended_terms", "amended_terms - ARRAY['annual_rate_bp', 'available_until_on'] = '{}'"),
    "advance_versions": ("advance_version_rate", "annual_rate_bp BETWEEN 0 AND 5000"),
}


def _kinds(kinds: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    # One statement where a condition takes the place of another: no moment is without it.
    return (
        "-- squawk-ignore ban-drop-constraint\nALTER TABLE advance_amendments DROP CONSTRAINT amendment_kind,"
        f" ADD CONSTRAINT amendment_kind CHECK (kind IN ({listed})) NOT VALID"
    )


def upgrade() -> None:
    op.add_column("advances", sa.Column("amended_terms", postgresql.JSONB(), server_default="{}", nullable=False))
    op.add_column("advance_versions", sa.Column("annual_rate_bp", sa.Integer(), nullable=True))
    for table, (name, condition) in CHECKS.items():
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    op.execute(_kinds(MORE_KINDS))


def downgrade() -> None:
    op.execute(_kinds(KINDS))
    for table, (name, _) in CHECKS.items():
        op.drop_constraint(name, table)
    op.drop_column("advance_versions", "annual_rate_bp")
    op.drop_column("advances", "amended_terms")
