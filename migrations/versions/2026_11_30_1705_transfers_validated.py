"""What is said of transfers holds for every act, and transfers are found by aid and by firm.

Revision: 2026_11_30_1705, after 2026_11_30_1704.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1705"
down_revision = "2026_11_30_1704"
branch_labels = None
depends_on = None

INDEXES = (
    ("aid_acts_transfers_idx", "aid_id", "act = 'transfer'"),
    ("aid_acts_from_siren_idx", "from_siren", "from_siren IS NOT NULL"),
    ("aid_acts_to_siren_idx", "to_siren", "to_siren IS NOT NULL"),
)
TO_VALIDATE = (
    ("aid_acts", "aid_acts_from_siren_fkey"), ("aid_acts", "aid_acts_to_siren_fkey"), ("aid_acts", "aid_act_transfer"),
    ("aid_acts", "aid_act"), ("grants", "grants_override_fkey"), ("advances", "advances_override_fkey"),
)  # fmt: skip


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for name, column, where in INDEXES:
            op.create_index(
                name, "aid_acts", [column], postgresql_where=sa.text(where), postgresql_concurrently=True,
                if_not_exists=True,
            )  # fmt: skip
    for table, name in TO_VALIDATE:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    for name, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name="aid_acts")
