"""What acts on aid files may be is validated.

Revision: 2026_11_30_1002, after 2026_11_30_1001.
"""

from alembic import op

revision = "2026_11_30_1002"
down_revision = "2026_11_30_1001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("application_passage_transition", "application_passage_members"):
        op.execute(f"ALTER TABLE application_passages VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """A constraint once validated stays so."""
