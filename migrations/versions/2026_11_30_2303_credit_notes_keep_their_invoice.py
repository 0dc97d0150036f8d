"""An invoice stands as long as a credit note that corrects it does. Rows from before it are not asked.

Revision: 2026_11_30_2303, after 2026_11_30_2302.
"""

from alembic import op

revision = "2026_11_30_2303"
down_revision = "2026_11_30_2302"
branch_labels = None
depends_on = None

STANDING = (
    "CASE WHEN ((corrects_id IS NOT NULL) AND (state <> ALL (ARRAY['rejected'::text, 'cancelled'::text])))"
    " THEN true ELSE NULL::boolean END"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    # Invoices are some hundreds a year.
    op.execute(
        "-- squawk-ignore adding-field-with-default\n"
        f"ALTER TABLE invoices ADD COLUMN corrects_standing BOOLEAN GENERATED ALWAYS AS ({STANDING}) STORED"
    )
    op.execute(
        "ALTER TABLE invoices ADD CONSTRAINT invoice_credited FOREIGN KEY (corrects_id, corrects_standing)"
        " REFERENCES invoices (id, stands) NOT VALID"
    )


def downgrade() -> None:
    op.drop_constraint("invoice_credited", "invoices")
    op.drop_column("invoices", "corrects_standing")
