"""Who declared the facts of a firm, a site or a proceeding, and with which key an import was asked for.

Revision: 2026_11_30_2332, after 2026_11_30_2331. Of what is of before nobody knows; code of before writes none of it.
"""

from alembic import op

revision = "2026_11_30_2332"
down_revision = "2026_11_30_2331"
branch_labels = None
depends_on = None

COLUMNS = (
    ("firms", "declared_by", "organisations"),
    ("sites", "declared_by", "organisations"),
    ("proceedings", "declared_by", "organisations"),
    ("imports", "api_key_id", "api_keys"),
)


def upgrade() -> None:
    for table, column, named in COLUMNS:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} UUID")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fkey"
            f" FOREIGN KEY ({column}) REFERENCES {named} (id) NOT VALID"
        )


def downgrade() -> None:
    for table, column, _ in COLUMNS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
