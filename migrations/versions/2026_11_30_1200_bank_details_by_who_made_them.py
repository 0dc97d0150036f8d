"""Bank details are found by who proposed and who approved them: a payment names all three.

Revision: 2026_11_30_1200, after 2026_11_30_1110.
"""

from alembic import op

revision = "2026_11_30_1200"
down_revision = "2026_11_30_1110"
branch_labels = None
depends_on = None

TABLE, KEY = "firm_bank_details", "firm_bank_details_payee_key"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            KEY, TABLE, ["id", "territory", "proposed_by", "decided_by"], unique=True, postgresql_concurrently=True,
            if_not_exists=True,
        )  # fmt: skip
    op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {KEY} UNIQUE USING INDEX {KEY}")


def downgrade() -> None:
    op.drop_constraint(KEY, TABLE)
