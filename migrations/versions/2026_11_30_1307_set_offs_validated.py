"""The constraints of what is kept from payments hold for what was there before.

Revision: 2026_11_30_1307, after 2026_11_30_1306.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1307"
down_revision = "2026_11_30_1306"
branch_labels = None
depends_on = None

NAME = "grant_payments_set_off_recovery_id_idx"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            NAME, "grant_payments", ["set_off_recovery_id"], postgresql_concurrently=True, if_not_exists=True,
            postgresql_where=sa.text("set_off_recovery_id IS NOT NULL"),
        )  # fmt: skip
    op.execute("ALTER TABLE grant_payments VALIDATE CONSTRAINT grant_payment_set_off")
    op.execute("ALTER TABLE grant_payments VALIDATE CONSTRAINT grant_payments_set_off_fkey")


def downgrade() -> None:
    op.drop_index(NAME, table_name="grant_payments")
