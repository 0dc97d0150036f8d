"""Persons and organisations are found by the words of their names.

Revision: 2026_11_30_0600, after 2026_11_30_0404.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0600"
down_revision = "2026_11_30_0404"
branch_labels = None
depends_on = None

TABLES = ("organisations", "subjects")


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for table in TABLES:
            op.create_index(
                f"{table}_words_idx", table, [sa.text("search_words(ARRAY[name])")], postgresql_using="gin",
                postgresql_concurrently=True, if_not_exists=True,
            )  # fmt: skip


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"{table}_words_idx", table_name=table)
