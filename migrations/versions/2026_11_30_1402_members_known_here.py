"""A member of a meeting can be a person known here.

Revision: 2026_11_30_1402, after 2026_11_30_1401. The constraints are validated by the next migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1402"
down_revision = "2026_11_30_1401"
branch_labels = None
depends_on = None

CONSTRAINTS = {
    "committee_members_subject_fkey": "FOREIGN KEY (subject_id, subject_kind) REFERENCES subjects (id, kind)",
    "committee_member_subject": "CHECK (subject_id IS NULL OR kind = 'person')",
    "committee_member_subject_kind": "CHECK (subject_kind = 'person')",
}


def upgrade() -> None:
    op.add_column("committee_members", sa.Column("subject_id", sa.Uuid(), nullable=True))
    op.add_column("committee_members", sa.Column("subject_kind", sa.Text(), server_default="person", nullable=False))
    for name, holds in CONSTRAINTS.items():
        op.execute(f"ALTER TABLE committee_members ADD CONSTRAINT {name} {holds} NOT VALID")
    # A table of some dozens of rows per territory. CONCURRENTLY would wait for another «rebond migrate» that waits.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE UNIQUE INDEX committee_members_subject_key ON committee_members (committee_id, subject_id)"
        " WHERE subject_id IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_column("committee_members", "subject_kind")
    op.drop_column("committee_members", "subject_id")
