"""Every award has an aid, is found by it, and stays with it.

Revision: 2026_11_30_1102, after 2026_11_30_1101.
"""

from alembic import op

revision = "2026_11_30_1102"
down_revision = "2026_11_30_1101"
branch_labels = None
depends_on = None

TABLES = {"grants": "grant", "advances": "advance"}
KEPT = "funder_id, application_id, decision_id, scheme, base_cents, lines, parameters"
KEEP = "CREATE TRIGGER append_only BEFORE UPDATE OF {} ON {} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"


def upgrade() -> None:
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for table in TABLES:
            op.create_index(
                f"{table}_aid_id_idx", table, ["aid_id"], postgresql_concurrently=True, if_not_exists=True
            )  # fmt: skip
    for table, noun in TABLES.items():
        for name in (f"{table}_aid_fkey", f"{noun}_ended_as", f"{noun}_ended", f"{noun}_aid"):
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
        op.alter_column(table, "aid_id", nullable=False)  # the constraint has looked at every row
        # NOT NULL has taken its place.
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {noun}_aid")
        op.execute(f"DROP TRIGGER append_only ON {table}")
        op.execute(KEEP.format(f"aid_id, {KEPT}", table))
    for name in ("grant_flows", "payments_exceed_award"):
        op.execute(f"ALTER TABLE grants VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    for table, noun in TABLES.items():
        op.execute(f"DROP TRIGGER append_only ON {table}")
        op.execute(KEEP.format(KEPT, table))
        op.alter_column(table, "aid_id", nullable=True)
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {noun}_aid CHECK (aid_id IS NOT NULL) NOT VALID")
        op.drop_index(f"{table}_aid_id_idx", table_name=table)
