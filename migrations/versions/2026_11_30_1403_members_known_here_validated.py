"""Members known here are persons in all rows.

Revision: 2026_11_30_1403, after 2026_11_30_1402.
"""

from alembic import op

revision = "2026_11_30_1403"
down_revision = "2026_11_30_1402"
branch_labels = None
depends_on = None

CONSTRAINTS = ("committee_members_subject_fkey", "committee_member_subject", "committee_member_subject_kind")


def upgrade() -> None:
    for name in CONSTRAINTS:
        op.execute(f"ALTER TABLE committee_members VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    pass
