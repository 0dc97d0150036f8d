"""A file that is received names the certificates and the bank details that its receipt rests on.

Revision: 2026_11_30_0913, after 2026_11_30_0912.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0913"
down_revision = "2026_11_30_0912"
branch_labels = None
depends_on = None

NAMED = {
    "tax_certificate_id": "firm_certificates",
    "social_certificate_id": "firm_certificates",
    "bank_details_id": "firm_bank_details",
}
RESTS_ON = (
    "num_nonnulls(tax_certificate_id, social_certificate_id, bank_details_id)"
    " = ANY (CASE WHEN state = 'draft' THEN '{0}'::integer[] ELSE '{0,3}'::integer[] END)"
)
GUARD_APPLICATION = """
CREATE OR REPLACE FUNCTION guard_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (
        TG_OP = 'DELETE'
        OR (OLD.territory, OLD.project_id, OLD.firm_siren, OLD.scheme, OLD.requested_grant_cents,
            OLD.requested_advance_cents, OLD.base_cents, OLD.planned_start_on, OLD.planned_end_on, OLD.refiles_id,
            OLD.external_id, OLD.received_at, OLD.tax_certificate_id, OLD.social_certificate_id, OLD.bank_details_id)
            IS DISTINCT FROM
            (NEW.territory, NEW.project_id, NEW.firm_siren, NEW.scheme, NEW.requested_grant_cents,
            NEW.requested_advance_cents, NEW.base_cents, NEW.planned_start_on, NEW.planned_end_on, NEW.refiles_id,
            NEW.external_id, NEW.received_at, NEW.tax_certificate_id, NEW.social_certificate_id, NEW.bank_details_id)
    ) THEN
        RAISE EXCEPTION 'the file was submitted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_not_a_draft';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
GUARD_OF_BEFORE = """
CREATE OR REPLACE FUNCTION guard_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (
        TG_OP = 'DELETE'
        OR (OLD.territory, OLD.project_id, OLD.firm_siren, OLD.scheme, OLD.requested_grant_cents,
            OLD.requested_advance_cents, OLD.base_cents, OLD.planned_start_on, OLD.planned_end_on, OLD.refiles_id,
            OLD.external_id, OLD.received_at)
            IS DISTINCT FROM
            (NEW.territory, NEW.project_id, NEW.firm_siren, NEW.scheme, NEW.requested_grant_cents,
            NEW.requested_advance_cents, NEW.base_cents, NEW.planned_start_on, NEW.planned_end_on, NEW.refiles_id,
            NEW.external_id, NEW.received_at)
    ) THEN
        RAISE EXCEPTION 'the file was submitted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_not_a_draft';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""


def upgrade() -> None:
    for column, table in NAMED.items():
        op.add_column("applications", sa.Column(column, sa.Uuid(), nullable=True))
        op.create_foreign_key(
            f"applications_{column}_fkey", "applications", table, [column], ["id"], postgresql_not_valid=True
        )
    op.execute(f"ALTER TABLE applications ADD CONSTRAINT application_rests_on CHECK ({RESTS_ON}) NOT VALID")
    op.execute(GUARD_APPLICATION)


def downgrade() -> None:
    op.execute(GUARD_OF_BEFORE)
    op.execute("ALTER TABLE applications DROP CONSTRAINT application_rests_on")
    for column in NAMED:
        op.drop_column("applications", column)
