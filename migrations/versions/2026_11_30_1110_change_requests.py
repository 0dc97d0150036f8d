"""Changes of aids are asked for by one person and decided by another; what was asked stays.

Revision: 2026_11_30_1110, after 2026_11_30_1102.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_1110"
down_revision = "2026_11_30_1102"
branch_labels = None
depends_on = None

ASKED = "territory, aid_id, grant_id, advance_id, changes, reason, requested_on, requested_by"


def upgrade() -> None:
    op.create_table(
        "change_requests",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("aid_id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.Column("advance_id", sa.Uuid(), nullable=True),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_on", sa.Date(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="requested", nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decider_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("document_sha256", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("raised_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lowered_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'requested') = (decided_by IS NULL) AND (status = 'requested') = (decided_on IS NULL) AND (status IN ('refused', 'withdrawn')) = (end_reason IS NOT NULL) AND (status = 'approved') = (before IS NOT NULL)",
            name="change_request_decided",
        ),
        sa.CheckConstraint("decider_kind = 'person'", name="change_request_decider_kind"),
        sa.CheckConstraint("document_sha256 ~ '^[0-9a-f]{64}$'", name="change_request_document"),
        sa.CheckConstraint(
            "jsonb_typeof(changes) = 'array' AND jsonb_array_length(changes) > 0", name="change_request_changes"
        ),
        sa.CheckConstraint(
            "status = 'approved' OR raised_cents = 0 AND lowered_cents = 0", name="change_request_amounts"
        ),
        sa.CheckConstraint("status = 'withdrawn' OR decided_by <> requested_by", name="requester_decides"),
        sa.CheckConstraint("status IN ('requested', 'approved', 'refused', 'withdrawn')", name="change_request_status"),
        sa.CheckConstraint("num_nonnulls(grant_id, advance_id) = 1", name="change_request_of_one_award"),
        sa.CheckConstraint("raised_cents >= 0 AND lowered_cents >= 0", name="change_request_cents"),
        sa.ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="change_request_decided_by_a_person"
        ),
        sa.ForeignKeyConstraint(["requested_by"], ["subjects.id"], name="change_requests_requested_by_fkey"),
        sa.ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="change_requests_advance_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "aid_id"], ["aids.territory", "aids.id"], name="change_requests_aid_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "grant_id"], ["grants.territory", "grants.id"], name="change_requests_grant_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="change_requests_pkey"),
    )
    op.create_index(
        "change_requests_advance_id_idx",
        "change_requests",
        ["advance_id"],
        unique=False,
        postgresql_where=sa.text("advance_id IS NOT NULL"),
    )
    op.create_index("change_requests_aid_id_idx", "change_requests", ["aid_id"], unique=False)
    op.create_index(
        "change_requests_grant_id_idx",
        "change_requests",
        ["grant_id"],
        unique=False,
        postgresql_where=sa.text("grant_id IS NOT NULL"),
    )
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OF {ASKED} ON change_requests FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON change_requests FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("change_requests")
