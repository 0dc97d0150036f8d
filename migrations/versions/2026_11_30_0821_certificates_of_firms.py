"""Certificates of firms, by the digest of their file.

Revision: 2026_11_30_0821, after 2026_11_30_0820.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0821"
down_revision = "2026_11_30_0820"
branch_labels = None
depends_on = None

GUARD_FIRM_CERTIFICATE = """
CREATE FUNCTION guard_firm_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.reversed_on IS NOT NULL OR NEW.reversed_on IS NULL
        OR (OLD.territory, OLD.siren, OLD.kind, OLD.issued_on, OLD.valid_until_on, OLD.sha256, OLD.recorded_by)
            IS DISTINCT FROM
            (NEW.territory, NEW.siren, NEW.kind, NEW.issued_on, NEW.valid_until_on, NEW.sha256, NEW.recorded_by)
    THEN
        RAISE EXCEPTION 'a certificate is only reversed, and once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'firm_certificate_reversed';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON firm_certificates"
    " FOR EACH ROW EXECUTE FUNCTION guard_firm_certificate()"
)


def upgrade() -> None:
    op.create_table(
        "firm_certificates",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("valid_until_on", sa.Date(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("reversed_on", sa.Date(), nullable=True),
        sa.Column("reversal_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('tax', 'social')", name="firm_certificate_kind"),
        sa.CheckConstraint("valid_until_on >= issued_on", name="firm_certificate_period"),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="firm_certificate_sha256"),
        sa.CheckConstraint(
            "issued_on <= (timezone('Europe/Paris', created_at))::date", name="firm_certificate_issued_in_the_future"
        ),
        sa.CheckConstraint(
            "(reversed_on IS NULL) = (reversal_reason IS NULL)", name="firm_certificate_reversal"
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name="firm_certificates_territory_fkey"),
        sa.ForeignKeyConstraint(
            ["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"],
            name="firm_certificates_territory_siren_fkey",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name="firm_certificates_recorded_by_fkey"),
        sa.PrimaryKeyConstraint("id", name="firm_certificates_pkey"),
    )  # fmt: skip
    op.create_index(
        "firm_certificates_territory_siren_sha256_key", "firm_certificates", ["territory", "siren", "sha256"],
        unique=True, postgresql_where=sa.text("reversed_on IS NULL"),
    )  # fmt: skip
    op.create_index(
        "firm_certificates_territory_siren_kind_valid_until_on_idx", "firm_certificates",
        ["territory", "siren", "kind", "valid_until_on"],
    )  # fmt: skip
    op.execute(GUARD_FIRM_CERTIFICATE)
    op.execute(GUARD)


def downgrade() -> None:
    op.drop_table("firm_certificates")
    op.execute("DROP FUNCTION guard_firm_certificate()")
