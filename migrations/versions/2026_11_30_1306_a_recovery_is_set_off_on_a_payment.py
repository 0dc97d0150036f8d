"""A recovery is kept from a payment of its grant.

Revision: 2026_11_30_1306, after 2026_11_30_1305.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1306"
down_revision = "2026_11_30_1305"
branch_labels = None
depends_on = None

KEPT = "num_nulls(set_off_cents, set_off_recovery_id) <> 1 AND set_off_cents > 0 AND set_off_cents < amount_cents"
OF_ITS_GRANT = "FOREIGN KEY (set_off_recovery_id, grant_id, territory) REFERENCES recoveries (id, grant_id, territory)"


def upgrade() -> None:
    op.add_column("grant_payments", sa.Column("set_off_cents", sa.BigInteger(), nullable=True))
    op.add_column("grant_payments", sa.Column("set_off_recovery_id", sa.Uuid(), nullable=True))
    op.execute(f"ALTER TABLE grant_payments ADD CONSTRAINT grant_payment_set_off CHECK ({KEPT}) NOT VALID")
    op.execute(f"ALTER TABLE grant_payments ADD CONSTRAINT grant_payments_set_off_fkey {OF_ITS_GRANT} NOT VALID")


def downgrade() -> None:
    op.drop_column("grant_payments", "set_off_recovery_id")  # its constraints go with it
    op.drop_column("grant_payments", "set_off_cents")
