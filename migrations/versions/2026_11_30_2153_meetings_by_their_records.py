"""A meeting may be named with the hash of its record.

Revision: 2026_11_30_2153, after 2026_11_30_2152.
"""

from alembic import op

revision = "2026_11_30_2153"
down_revision = "2026_11_30_2152"
branch_labels = None
depends_on = None

TABLE, KEY = "committees", "committees_record_key"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            KEY, TABLE, ["id", "record_hash"], unique=True, postgresql_concurrently=True, if_not_exists=True
        )
    op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {KEY} UNIQUE USING INDEX {KEY}")


def downgrade() -> None:
    op.drop_constraint(KEY, TABLE)
