"""An advance says what its last settlement counted: the tick settles it again when that changes, and once.

Revision: 2026_11_30_2050, after 2026_11_30_2001.
"""

from alembic import op

revision = "2026_11_30_2050"
down_revision = "2026_11_30_2001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    # Of those that stand nothing is known: the next tick settles each once.
    op.execute("""
        ALTER TABLE advances
            ADD COLUMN counted_until_on DATE,
            ADD COLUMN counted_judgments BIGINT,
            ADD COLUMN counted_rates BIGINT
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("""
        ALTER TABLE advances
            DROP COLUMN counted_until_on,
            DROP COLUMN counted_judgments,
            DROP COLUMN counted_rates
    """)
