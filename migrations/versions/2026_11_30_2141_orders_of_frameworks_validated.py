"""Orders from before name no framework, which their constraints allow.

Revision: 2026_11_30_2141, after 2026_11_30_2140.
"""

from alembic import op

revision = "2026_11_30_2141"
down_revision = "2026_11_30_2140"
branch_labels = None
depends_on = None

# CONCURRENTLY would wait for another «rebond migrate» that waits.
INDEX = "CREATE INDEX orders_framework_id_idx ON orders (framework_id) WHERE framework_id IS NOT NULL"


def upgrade() -> None:
    for name in ("orders_framework_id_fkey", "order_amount"):
        op.execute(f"ALTER TABLE orders VALIDATE CONSTRAINT {name}")
    op.execute(f"-- squawk-ignore require-concurrent-index-creation\n{INDEX}")


def downgrade() -> None:
    op.drop_index("orders_framework_id_idx", "orders")
