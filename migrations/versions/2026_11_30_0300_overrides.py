"""Two persons lift a rule of the money's door for one act.

Revision: 2026_11_30_0300, after 2026_11_30_0232.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0300"
down_revision = "2026_11_30_0232"
branch_labels = None
depends_on = None

GUARD_OVERRIDE = r"""CREATE FUNCTION guard_override() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.territory, OLD.firm_siren, OLD.code, OLD.reason, OLD.valid_until_on, OLD.proposed_by)
            IS DISTINCT FROM
            (NEW.territory, NEW.firm_siren, NEW.code, NEW.reason, NEW.valid_until_on, NEW.proposed_by)
        OR OLD.status <> 'proposed' AND (OLD.decided_by, OLD.decided_at)
            IS DISTINCT FROM (NEW.decided_by, NEW.decided_at)
        OR OLD.status IN ('refused', 'withdrawn', 'used')
        OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
            ('proposed', 'approved'), ('proposed', 'refused'), ('proposed', 'withdrawn'), ('approved', 'withdrawn'),
            ('approved', 'used')
        )
    THEN
        RAISE EXCEPTION 'no such change of an override'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'override_transition';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON overrides FOR EACH ROW EXECUTE FUNCTION guard_override()"


def upgrade() -> None:
    op.create_table(
        "overrides",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid_until_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposer_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decider_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("used_by_type", sa.Text(), nullable=True),
        sa.Column("used_by_id", sa.Uuid(), nullable=True),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decided_by <> proposed_by", name="proposer_approves"),
        sa.CheckConstraint("used_on <= valid_until_on", name="override_expired"),
        sa.CheckConstraint("proposer_kind = 'person' AND decider_kind = 'person'", name="override_kinds"),
        sa.CheckConstraint("code IN ('firm-ceased', 'proceedings-open')", name="override_code"),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'refused', 'withdrawn', 'used')", name="override_status"
        ),
        sa.CheckConstraint(
            "CASE WHEN status IN ('approved', 'refused', 'used') THEN decided_by IS NOT NULL"
            " WHEN status = 'proposed' THEN decided_by IS NULL ELSE true END"
            " AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="override_decision",
        ),
        sa.CheckConstraint(
            "(status IN ('refused', 'withdrawn')) = (end_reason IS NOT NULL)", name="override_end_reason"
        ),
        sa.CheckConstraint(
            "num_nonnulls(used_by_type, used_by_id, used_on) = CASE status WHEN 'used' THEN 3 ELSE 0 END",
            name="override_use",
        ),
        sa.CheckConstraint(
            "used_by_type IN ('grant', 'advance', 'grant_payment', 'advance_tranche')", name="override_used_by_type"
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name="overrides_territory_fkey"),
        sa.ForeignKeyConstraint(["firm_siren"], ["firms.siren"], name="overrides_firm_siren_fkey"),
        sa.ForeignKeyConstraint(
            ["proposed_by", "proposer_kind"], ["subjects.id", "subjects.kind"], name="override_proposed_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="override_decided_by_a_person"
        ),
        sa.PrimaryKeyConstraint("id", name="overrides_pkey"),
        sa.UniqueConstraint("id", "territory", "firm_siren", "used_by_id", name="overrides_award_key"),
        sa.UniqueConstraint("id", "territory", "used_by_id", name="overrides_payment_key"),
    )
    op.create_index("overrides_territory_id_idx", "overrides", ["territory", "id"])
    op.create_index("overrides_firm_siren_idx", "overrides", ["firm_siren"])
    op.execute(GUARD_OVERRIDE)
    op.execute(GUARD)


def downgrade() -> None:
    op.drop_table("overrides")
    op.execute("DROP FUNCTION guard_override()")
