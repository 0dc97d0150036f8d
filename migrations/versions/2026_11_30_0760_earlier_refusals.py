"""A certificate says which of its days an earlier one had refused.

Revision: 2026_11_30_0760, after 2026_11_30_0753. Certificates issued before are filled from the events of their entries:
what an entry said just before it was certified. Their sealed content stays as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0760"
down_revision = "2026_11_30_0753"
branch_labels = None
depends_on = None

TABLE = "service_certificate_earlier_refusals"
FROM_EVENTS = f"""
INSERT INTO {TABLE} (certificate_id, entry_id, reason)
SELECT DISTINCT (taken.data ->> 'certificate_id')::uuid, refused.resource_id::uuid,
    before.data ->> 'certification_refused_reason'
FROM events refused
CROSS JOIN LATERAL (
    SELECT sequence, data FROM events
    WHERE resource_type = 'time_entry' AND resource_id = refused.resource_id AND sequence > refused.sequence
        AND type = 'time_entry.certified'
    ORDER BY sequence LIMIT 1
) taken
CROSS JOIN LATERAL (
    SELECT data FROM events
    WHERE resource_type = 'time_entry' AND resource_id = refused.resource_id AND sequence < taken.sequence
    ORDER BY sequence DESC LIMIT 1
) before
WHERE refused.resource_type = 'time_entry' AND refused.type = 'time_entry.certification_refused'
    AND before.data ->> 'certification_refused_reason' IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["certificate_id"], ["service_certificates.id"], name=f"{TABLE}_certificate_id_fkey"),
        sa.ForeignKeyConstraint(["entry_id"], ["time_entries.id"], name=f"{TABLE}_entry_id_fkey"),
        sa.PrimaryKeyConstraint("certificate_id", "entry_id", name=f"{TABLE}_pkey"),
    )
    op.create_index(f"{TABLE}_entry_id_idx", TABLE, ["entry_id"], unique=False)
    op.execute(FROM_EVENTS)
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table(TABLE)
