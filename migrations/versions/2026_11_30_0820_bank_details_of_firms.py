"""Bank details of firms: two persons, and the number apart.

Revision: 2026_11_30_0820, after 2026_11_30_0800.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0820"
down_revision = "2026_11_30_0800"
branch_labels = None
depends_on = None

IS_IBAN = """
CREATE FUNCTION is_iban(iban text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' AND (
    SELECT string_agg(
        CASE WHEN letter ~ '[A-Z]' THEN (ascii(letter) - 55)::text ELSE letter END, '' ORDER BY place
    )::numeric % 97 = 1
    FROM regexp_split_to_table(substr(iban, 5) || left(iban, 4), '') WITH ORDINALITY AS letters (letter, place)
    WHERE iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'
)
"""
GUARD_BANK_DETAILS = """
CREATE FUNCTION guard_bank_details() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.territory, OLD.siren, OLD.iban_id, OLD.iban_masked, OLD.holder_name, OLD.proposed_by, OLD.created_at)
            IS DISTINCT FROM
            (NEW.territory, NEW.siren, NEW.iban_id, NEW.iban_masked, NEW.holder_name, NEW.proposed_by, NEW.created_at)
        OR OLD.status <> 'proposed' AND (OLD.decided_by, OLD.decided_at)
            IS DISTINCT FROM (NEW.decided_by, NEW.decided_at)
        OR OLD.status IN ('refused', 'withdrawn', 'superseded')
        OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
            ('proposed', 'approved'), ('proposed', 'refused'), ('proposed', 'withdrawn'), ('approved', 'withdrawn'),
            ('approved', 'superseded')
        )
    THEN
        RAISE EXCEPTION 'no such change of bank details'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_details_transition';
    END IF;
    RETURN NEW;
END
$$
"""
APPEND_ONLY = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON firm_ibans"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)
GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON firm_bank_details"
    " FOR EACH ROW EXECUTE FUNCTION guard_bank_details()"
)


def upgrade() -> None:
    op.execute(IS_IBAN)
    op.create_table(
        "firm_ibans",
        sa.Column("iban", sa.Text(), nullable=False),
        sa.Column(
            "masked",
            sa.Text(),
            sa.Computed('"left"(iban, 4) || \' •••• \' || "right"(iban, 4)', persisted=True),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint("is_iban(iban)", name="firm_iban"),
        sa.PrimaryKeyConstraint("id", name="firm_ibans_pkey"),
        sa.UniqueConstraint("id", "masked", name="firm_ibans_id_masked_key"),
    )
    op.execute(APPEND_ONLY)
    op.create_table(
        "firm_bank_details",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("iban_id", sa.Uuid(), nullable=False),
        sa.Column("iban_masked", sa.Text(), nullable=False),
        sa.Column("holder_name", sa.Text(), nullable=False),
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
        sa.CheckConstraint("holder_name <> ''", name="bank_details_holder_name"),
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
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name="firm_bank_details_territory_fkey"),
        sa.ForeignKeyConstraint(
            ["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"],
            name="firm_bank_details_territory_siren_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["iban_id", "iban_masked"], ["firm_ibans.id", "firm_ibans.masked"], name="bank_details_mask_of_their_iban"
        ),
        sa.ForeignKeyConstraint(["proposed_by"], ["subjects.id"], name="firm_bank_details_proposed_by_fkey"),
        sa.ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="bank_details_decided_by_a_person"
        ),
        sa.PrimaryKeyConstraint("id", name="firm_bank_details_pkey"),
    )  # fmt: skip
    op.create_index(
        "bank_details_already_proposed", "firm_bank_details", ["territory", "siren"], unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )  # fmt: skip
    op.create_index(
        "firm_bank_details_approved_idx", "firm_bank_details", ["territory", "siren"], unique=True,
        postgresql_where=sa.text("status = 'approved'"),
    )  # fmt: skip
    op.create_index("firm_bank_details_territory_siren_id_idx", "firm_bank_details", ["territory", "siren", "id"])
    op.execute(GUARD_BANK_DETAILS)
    op.execute(GUARD)


def downgrade() -> None:
    op.drop_table("firm_bank_details")
    op.execute("DROP FUNCTION guard_bank_details()")
    op.drop_table("firm_ibans")
    op.execute("DROP FUNCTION is_iban(text)")
