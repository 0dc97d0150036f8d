"""A request gives twelve months for documents at most.

Revision: 2026_11_30_0911, after 2026_11_30_0910.
"""

from alembic import op

revision = "2026_11_30_0911"
down_revision = "2026_11_30_0910"
branch_labels = None
depends_on = None

BOUND = "application_passage_given_until_bound"


def upgrade() -> None:
    op.execute(
        f"ALTER TABLE application_passages ADD CONSTRAINT {BOUND}"
        " CHECK (given_until_on <= (effective_on + interval '12 months')::date) NOT VALID"
    )


def downgrade() -> None:
    op.execute(f"ALTER TABLE application_passages DROP CONSTRAINT {BOUND}")
