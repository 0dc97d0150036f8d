"""A row can name an award together with the territory.

Revision: 2026_11_30_0230, after 2026_11_30_0220.
"""

from alembic import op

revision = "2026_11_30_0230"
down_revision = "2026_11_30_0220"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for table in ("grants", "advances"):
            op.create_index(
                f"{table}_territory_id_key", table, ["territory", "id"], unique=True,
                postgresql_concurrently=True, if_not_exists=True,
            )  # fmt: skip
    for table in ("grants", "advances"):
        name = f"{table}_territory_id_key"
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")


def downgrade() -> None:
    for table in ("grants", "advances"):
        op.drop_constraint(f"{table}_territory_id_key", table)
