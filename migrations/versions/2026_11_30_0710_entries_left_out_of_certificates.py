"""An entry that a certificate left out says so.

Revision: 2026_11_30_0710, after 2026_11_30_0700. What was left out before is marked by the latest refusal that no later
certificate overtook; the constraints are validated by the next migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0710"
down_revision = "2026_11_30_0700"
branch_labels = None
depends_on = None

CHECK = (
    "num_nonnulls(certification_refused_reason, certification_refused_by, certification_refused_on) IN (0, 3)"
    " AND (certification_refused_by IS NULL OR status IN ('validated', 'reversed'))"
)
BROUGHT_OVER = """
UPDATE time_entries e SET certification_refused_reason = r.reason, certification_refused_by = r.certified_by,
    certification_refused_on = (timezone('Europe/Paris', r.created_at))::date
FROM (
    SELECT DISTINCT ON (k.entry_id) k.entry_id, k.reason, c.certified_by, c.created_at
    FROM service_certificate_remarks k JOIN service_certificates c ON c.id = k.certificate_id
    WHERE k.kind = 'refusal' ORDER BY k.entry_id, c.number DESC
) r
WHERE r.entry_id = e.id AND e.status = 'validated'
"""


def upgrade() -> None:
    op.add_column("time_entries", sa.Column("certification_refused_reason", sa.Text(), nullable=True))
    op.add_column("time_entries", sa.Column("certification_refused_by", sa.Uuid(), nullable=True))
    op.add_column("time_entries", sa.Column("certification_refused_on", sa.Date(), nullable=True))
    op.create_check_constraint("time_entry_certification_refused", "time_entries", CHECK, postgresql_not_valid=True)
    op.create_foreign_key(
        "time_entries_certification_refused_by_fkey", "time_entries", "subjects", ["certification_refused_by"], ["id"],
        postgresql_not_valid=True,
    )  # fmt: skip
    op.execute(BROUGHT_OVER)


def downgrade() -> None:
    for name in ("certification_refused_on", "certification_refused_by", "certification_refused_reason"):
        op.drop_column("time_entries", name)
