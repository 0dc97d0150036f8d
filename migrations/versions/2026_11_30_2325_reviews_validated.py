"""Reviews from before say all that they must: the rule of what a review says holds for them too.

Revision: 2026_11_30_2325, after 2026_11_30_2324.
"""

from alembic import op

revision = "2026_11_30_2325"
down_revision = "2026_11_30_2324"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE application_reviews VALIDATE CONSTRAINT application_review_content")


def downgrade() -> None:
    """The rule stays as it is: nothing is to be taken back."""
