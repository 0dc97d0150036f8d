"""The organisations that declared facts of firms exist, and the keys of imports.

Revision: 2026_11_30_2333, after 2026_11_30_2332.
"""

from alembic import op

revision = "2026_11_30_2333"
down_revision = "2026_11_30_2332"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("firms", "sites", "proceedings"):
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_declared_by_fkey")
    op.execute("ALTER TABLE imports VALIDATE CONSTRAINT imports_api_key_id_fkey")


def downgrade() -> None:
    """A constraint that holds is left as it is."""
