"""What was waived before is held against the rule; where a row breaks it, the rule stands for new rows alone.

Revision: 2026_11_30_2221, after 2026_11_30_2220.
"""

from alembic import op

revision = "2026_11_30_2221"
down_revision = "2026_11_30_2220"
branch_labels = None
depends_on = None

VALIDATED = """
DO $$
BEGIN
    ALTER TABLE recoveries VALIDATE CONSTRAINT waived_before_order;
EXCEPTION WHEN check_violation THEN
    RAISE NOTICE 'a recovery was waived on a day before its order';
END
$$
"""


def upgrade() -> None:
    op.execute(VALIDATED)


def downgrade() -> None:
    """The rule stays as it is: nothing is to be taken back."""
