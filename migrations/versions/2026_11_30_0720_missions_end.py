"""A mission is closed when it is over, or cancelled where it was a mistake; the limit row knows it.

Revision: 2026_11_30_0720, after 2026_11_30_0711. Every mission is open. The constraints of the limit row are validated by
the next migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0720"
down_revision = "2026_11_30_0711"
branch_labels = None
depends_on = None

CHANGED = (
    "num_nonnulls(status_by, status_at, status_reason) IN (0, 3) AND (status = 'open' OR status_by IS NOT NULL)"
    " AND status_by_kind = 'person'"
)


def upgrade() -> None:
    op.add_column("missions", sa.Column("status", sa.Text(), server_default="open", nullable=False))
    op.add_column("missions", sa.Column("status_by", sa.Uuid(), nullable=True))
    op.add_column("missions", sa.Column("status_by_kind", sa.Text(), server_default="person", nullable=False))
    op.add_column("missions", sa.Column("status_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("missions", sa.Column("status_reason", sa.Text(), nullable=True))
    # A table of a few rows per territory. CONCURRENTLY would wait for another «rebond migrate» that waits.
    op.execute(
        "-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid\n"
        "ALTER TABLE missions ADD CONSTRAINT missions_id_status_key UNIQUE (id, status)"
    )
    op.create_foreign_key(
        "mission_status_by_a_person", "missions", "subjects", ["status_by", "status_by_kind"], ["id", "kind"],
        postgresql_not_valid=True,
    )  # fmt: skip
    statuses = "status IN ('open', 'closed', 'cancelled')"
    op.create_check_constraint("mission_status", "missions", statuses, postgresql_not_valid=True)
    op.create_check_constraint("mission_status_changed", "missions", CHANGED, postgresql_not_valid=True)
    op.add_column("mission_days", sa.Column("status", sa.Text(), server_default="open", nullable=False))
    op.create_foreign_key(
        "mission_days_status_fkey", "mission_days", "missions", ["mission_id", "status"], ["id", "status"],
        onupdate="CASCADE", postgresql_not_valid=True,
    )  # fmt: skip
    for name, holds in (
        ("mission_ended", "status = 'open' OR entered_on IS NULL"),
        ("mission_in_use", "status <> 'cancelled' OR days_entered = 0"),
    ):
        op.create_check_constraint(name, "mission_days", holds, postgresql_not_valid=True)


def downgrade() -> None:
    op.drop_column("mission_days", "status")
    for name in ("status_reason", "status_at", "status_by_kind", "status_by", "status"):
        op.drop_column("missions", name)
