"""Accounts of organisations are proposed and approved as the bank details of firms are.

Revision: 2026_11_30_1231, after 2026_11_30_1230.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1231"
down_revision = "2026_11_30_1230"
branch_labels = None
depends_on = None

GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON organisation_bank_accounts"
    " FOR EACH ROW EXECUTE FUNCTION guard_bank_details()"
)


def upgrade() -> None:
    op.create_table(
        "organisation_bank_accounts",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("creditor_identifier", sa.Text(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("iban_id", sa.Uuid(), nullable=False),
        sa.Column("iban_masked", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decider_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decided_by <> proposed_by", name="bank_details_own_approval"),
        sa.CheckConstraint("decider_kind = 'person'", name="bank_details_decider_kind"),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'refused', 'withdrawn', 'superseded')", name="bank_details_status"
        ),
        sa.CheckConstraint(
            "CASE WHEN status IN ('approved', 'refused', 'superseded') THEN decided_by IS NOT NULL"
            " WHEN status = 'proposed' THEN decided_by IS NULL ELSE true END"
            " AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="bank_details_decision",
        ),
        sa.CheckConstraint(
            "(status IN ('refused', 'withdrawn')) = (end_reason IS NOT NULL)", name="bank_details_end_reason"
        ),
        sa.CheckConstraint("(status IN ('proposed', 'approved')) = (ended_at IS NULL)", name="bank_details_end"),
        sa.CheckConstraint("label <> ''", name="bank_account_label"),
        sa.CheckConstraint("from_on BETWEEN '1900-01-01' AND '2199-12-31'", name="bank_account_from_on"),
        sa.CheckConstraint(
            "creditor_identifier ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{4,31}$'", name="bank_account_creditor_identifier"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="organisation_bank_accounts_organisation_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["iban_id", "iban_masked"], ["firm_ibans.id", "firm_ibans.masked"], name="bank_details_mask_of_their_iban"
        ),
        sa.ForeignKeyConstraint(["proposed_by"], ["subjects.id"], name="organisation_bank_accounts_proposed_by_fkey"),
        sa.ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="bank_details_decided_by_a_person"
        ),
        sa.PrimaryKeyConstraint("id", name="organisation_bank_accounts_pkey"),
    )
    op.create_index(
        "bank_account_already_proposed", "organisation_bank_accounts", ["organisation_id", "label"], unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )  # fmt: skip
    op.create_index(
        "organisation_bank_accounts_approved_idx", "organisation_bank_accounts", ["organisation_id", "label"],
        unique=True, postgresql_where=sa.text("status = 'approved'"),
    )  # fmt: skip
    op.create_index(
        "organisation_bank_accounts_organisation_id_id_idx", "organisation_bank_accounts", ["organisation_id", "id"]
    )
    op.execute(GUARD)


def downgrade() -> None:
    op.drop_table("organisation_bank_accounts")
