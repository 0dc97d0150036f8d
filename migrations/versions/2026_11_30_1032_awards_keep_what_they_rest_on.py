"""What awards rest on is found by it, held for all rows, and stays.

Revision: 2026_11_30_1032, after 2026_11_30_1031.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1032"
down_revision = "2026_11_30_1031"
branch_labels = None
depends_on = None

TABLES = {"grants": "grant", "advances": "advance"}
STANDS = "status NOT IN ('cancelled', 'reversed')"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for table in TABLES:
            for name, column, unique, holds in (
                ("application_key", "application_id", True, STANDS),
                ("decision_id_idx", "decision_id", False, "decision_id IS NOT NULL"),
                ("funder_id_idx", "funder_id", False, None),
            ):
                op.create_index(
                    f"{table}_{name}", table, [column], unique=unique,
                    postgresql_where=sa.text(holds) if holds else None,
                    postgresql_concurrently=True, if_not_exists=True,
                )  # fmt: skip
    for table, noun in TABLES.items():
        for name in (
            f"{table}_funder_id_fkey",
            f"{table}_scheme_fkey",
            f"{table}_application_fkey",
            f"{table}_decision_fkey",
            "award_above_base",
            f"{noun}_frozen",
            f"{noun}_frozen_kinds",
            f"{noun}_decision_of_a_file",
            f"{noun}_funder",
        ):
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
        op.alter_column(table, "funder_id", nullable=False)  # the constraint has looked at every row
        # NOT NULL has taken its place.
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {noun}_funder")
        op.execute(
            "CREATE TRIGGER append_only BEFORE UPDATE OF funder_id, application_id, decision_id, scheme, base_cents,"
            f" lines, parameters ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table, noun in TABLES.items():
        op.execute(f"DROP TRIGGER append_only ON {table}")
        op.alter_column(table, "funder_id", nullable=True)
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {noun}_funder CHECK (funder_id IS NOT NULL) NOT VALID")
        for name in ("application_key", "decision_id_idx", "funder_id_idx"):
            op.drop_index(f"{table}_{name}", table_name=table)
