"""The constraints of closings hold for what was there before.

Revision: 2026_11_30_1305, after 2026_11_30_1304.
"""

from alembic import op

revision = "2026_11_30_1305"
down_revision = "2026_11_30_1304"
branch_labels = None
depends_on = None

TO_VALIDATE = [("aids", "aid_closed"), ("grants", "grant_final"), ("advances", "advance_final")]


def upgrade() -> None:
    for table, name in TO_VALIDATE:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """A constraint once validated stays so."""
