"""A change request that is decided stays as it was decided: final amounts are computed from what it took off.

Revision: 2026_11_30_1600, after 2026_11_30_1541.
"""

from alembic import op

revision = "2026_11_30_1600"
down_revision = "2026_11_30_1541"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TRIGGER decided_stays BEFORE UPDATE ON change_requests FOR EACH ROW WHEN (OLD.status <> 'requested')"
        " EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER decided_stays ON change_requests")
