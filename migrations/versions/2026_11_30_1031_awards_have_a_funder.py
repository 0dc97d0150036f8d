"""Awards from before have the organisation of who decided them as their funder.

Revision: 2026_11_30_1031, after 2026_11_30_1030.
"""

from alembic import op

revision = "2026_11_30_1031"
down_revision = "2026_11_30_1030"
branch_labels = None
depends_on = None


AMOUNT = "amount_cents BETWEEN 1 AND CASE status WHEN 'reversed' THEN 9007199254740991 ELSE 1000000000000 END"


def upgrade() -> None:
    for table, noun in {"grants": "grant", "advances": "advance"}.items():
        # An award above the bound of amounts, from before the bound, gets its funder too.
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT {noun}_amount")
        op.execute(
            f"UPDATE {table} SET funder_id = s.organisation_id FROM subjects s"
            " WHERE s.id = awarded_by AND funder_id IS NULL"
        )
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {noun}_amount CHECK ({AMOUNT}) NOT VALID")
        op.execute(f"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM {table} WHERE NOT ({AMOUNT})) THEN
                    ALTER TABLE {table} VALIDATE CONSTRAINT {noun}_amount;
                END IF;
            END $$
        """)


def downgrade() -> None:
    """The column goes with the migration before."""
