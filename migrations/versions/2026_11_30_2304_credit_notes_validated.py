"""Credit notes from before are held against the rule; where one breaks it, the rule stands for new rows alone.

Revision: 2026_11_30_2304, after 2026_11_30_2303.
"""

from alembic import op

revision = "2026_11_30_2304"
down_revision = "2026_11_30_2303"
branch_labels = None
depends_on = None

VALIDATED = """
DO $$
BEGIN
    ALTER TABLE invoices VALIDATE CONSTRAINT invoice_credited;
EXCEPTION WHEN foreign_key_violation THEN
    RAISE NOTICE 'a credit note stands, and the invoice that it corrects does not';
END
$$
"""


def upgrade() -> None:
    op.execute(VALIDATED)


def downgrade() -> None:
    """The rule stays as it is: nothing is to be taken back."""
