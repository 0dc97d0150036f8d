"""The constraints of amended terms hold in all rows.

Revision: 2026_11_30_2121, after 2026_11_30_2120.
"""

from alembic import op

revision = "2026_11_30_2121"
down_revision = "2026_11_30_2120"
branch_labels = None
depends_on = None

CONSTRAINTS = {
    "advances": "advance_amended_terms",
    "advance_versions": "advance_version_rate",
    "advance_amendments": "amendment_kind",
}


def upgrade() -> None:
    for table, name in CONSTRAINTS.items():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    pass
