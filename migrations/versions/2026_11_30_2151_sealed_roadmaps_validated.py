"""What is sealed of a roadmap holds for those that were adopted before, and may be named with its hash.

Revision: 2026_11_30_2151, after 2026_11_30_2150.
"""

from alembic import op

revision = "2026_11_30_2151"
down_revision = "2026_11_30_2150"
branch_labels = None
depends_on = None

TABLE, KEY = "roadmap_versions", "roadmap_versions_content_key"


def upgrade() -> None:
    op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT roadmap_sealed")
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            KEY, TABLE, ["id", "content_hash"], unique=True, postgresql_concurrently=True, if_not_exists=True
        )
    op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {KEY} UNIQUE USING INDEX {KEY}")


def downgrade() -> None:
    op.drop_constraint(KEY, TABLE)
