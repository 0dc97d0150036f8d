"""Corrections of certified entries: what an entry should have been, who agreed, and what became of it.

Revision: 2026_11_30_0700, after 2026_11_30_0601.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0700"
down_revision = "2026_11_30_0601"
branch_labels = None
depends_on = None

GUARD_FUNCTION = """
CREATE FUNCTION guard_time_entry_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (OLD.status, NEW.status) IN (
        ('proposed', 'agreed'), ('proposed', 'refused'), ('proposed', 'withdrawn'), ('proposed', 'stale'),
        ('agreed', 'accepted'), ('agreed', 'refused'), ('agreed', 'withdrawn'), ('agreed', 'stale')
    ) OR
        (OLD.id, OLD.territory, OLD.organisation_id, OLD.person_id, OLD.entry_id, OLD.reason,
         OLD.consultant_id, OLD.worked_on, OLD.days, OLD.activity, OLD.firm_siren, OLD.audition_id,
         OLD.project_id, OLD.note, OLD.proposed_by, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.territory, NEW.organisation_id, NEW.person_id, NEW.entry_id, NEW.reason,
         NEW.consultant_id, NEW.worked_on, NEW.days, NEW.activity, NEW.firm_siren, NEW.audition_id,
         NEW.project_id, NEW.note, NEW.proposed_by, NEW.created_at)
        OR OLD.agreed_by IS NOT NULL AND (OLD.agreed_by, OLD.agreed_at) IS DISTINCT FROM (NEW.agreed_by, NEW.agreed_at)
    THEN
        RAISE EXCEPTION 'no such transition'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_transition';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE ON time_entry_corrections"
    " FOR EACH ROW EXECUTE FUNCTION guard_time_entry_correction()"
)
AGREE = (
    "CREATE TRIGGER check_references BEFORE INSERT ON time_entry_corrections"
    " FOR EACH ROW WHEN (num_nonnulls(NEW.firm_siren, NEW.audition_id, NEW.project_id) > 1)"
    " EXECUTE FUNCTION check_entry_references()"
)
KEEP = (
    "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON time_entry_corrections"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    op.create_table(
        "time_entry_corrections",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("consultant_id", sa.Uuid(), nullable=False),
        sa.Column("worked_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=True),
        sa.Column("audition_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposer_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("agreed_by", sa.Uuid(), nullable=True),
        sa.Column("agreer_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Uuid(), nullable=True),
        sa.Column("accepter_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate_id", sa.Uuid(), nullable=True),
        sa.Column("rest_certificate_id", sa.Uuid(), nullable=True),
        sa.Column("corrected_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ending_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(accepted_by, accepted_at, certificate_id) = CASE status WHEN 'accepted' THEN 3 ELSE 0 END AND num_nonnulls(corrected_by_id) = CASE WHEN status = 'accepted' AND days > 0 THEN 1 ELSE 0 END AND (rest_certificate_id IS NULL OR status = 'accepted')",
            name="time_entry_correction_accepted",
        ),
        sa.CheckConstraint(
            "num_nonnulls(agreed_by, agreed_at) = CASE WHEN status IN ('agreed', 'accepted') THEN 2 WHEN status = 'proposed' THEN 0 ELSE num_nonnulls(agreed_by) * 2 END",
            name="time_entry_correction_agreed",
        ),
        sa.CheckConstraint(
            "num_nonnulls(ended_by, ended_at, ending_reason) = CASE WHEN status IN ('refused', 'stale', 'withdrawn') THEN 3 ELSE 0 END",
            name="time_entry_correction_ended",
        ),
        sa.CheckConstraint(
            "proposer_kind = 'person' AND agreer_kind = 'person' AND accepter_kind = 'person'",
            name="time_entry_correction_kinds",
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'agreed', 'accepted', 'refused', 'withdrawn', 'stale')",
            name="time_entry_correction_status",
        ),
        sa.CheckConstraint("worked_on >= '1900-01-01'", name="time_entry_correction_worked_on"),
        sa.CheckConstraint(
            "agreed_by <> proposed_by AND agreed_by <> person_id AND accepted_by <> proposed_by AND accepted_by <> person_id AND accepted_by <> agreed_by",
            name="correction_by_one_person",
        ),
        sa.CheckConstraint("days >= 0 AND days <= 1 AND mod(days, 0.25) = 0", name="time_entry_correction_days"),
        sa.ForeignKeyConstraint(
            ["accepted_by", "accepter_kind"], ["subjects.id", "subjects.kind"], name="correction_accepted_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["agreed_by", "agreer_kind"], ["subjects.id", "subjects.kind"], name="correction_agreed_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["service_certificates.id"], name="time_entry_corrections_certificate_id_fkey"
        ),
        sa.ForeignKeyConstraint(["ended_by"], ["subjects.id"], name="time_entry_corrections_ended_by_fkey"),
        sa.ForeignKeyConstraint(["person_id"], ["subjects.id"], name="time_entry_corrections_person_id_fkey"),
        sa.ForeignKeyConstraint(
            ["proposed_by", "proposer_kind"], ["subjects.id", "subjects.kind"], name="correction_proposed_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["rest_certificate_id"], ["service_certificates.id"], name="time_entry_corrections_rest_certificate_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "audition_id"],
            ["auditions.territory", "auditions.id"],
            name="time_entry_corrections_audition_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "consultant_id"],
            ["consultants.territory", "consultants.id"],
            name="time_entry_corrections_consultant_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "firm_siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            name="time_entry_corrections_firm_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "organisation_id", "corrected_by_id"],
            ["time_entries.territory", "time_entries.organisation_id", "time_entries.id"],
            name="time_entry_corrections_corrected_by_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "organisation_id", "entry_id"],
            ["time_entries.territory", "time_entries.organisation_id", "time_entries.id"],
            name="time_entry_corrections_entry_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name="time_entry_corrections_project_fkey",
        ),
        sa.PrimaryKeyConstraint("id", name="time_entry_corrections_pkey"),
    )
    op.create_index(
        "correction_open",
        "time_entry_corrections",
        ["entry_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('agreed', 'proposed')"),
    )
    op.create_index(
        "time_entry_corrections_audition_id_idx",
        "time_entry_corrections",
        ["audition_id"],
        unique=False,
        postgresql_where=sa.text("audition_id IS NOT NULL"),
    )
    op.create_index(
        "time_entry_corrections_corrected_by_id_idx",
        "time_entry_corrections",
        ["corrected_by_id"],
        unique=False,
        postgresql_where=sa.text("corrected_by_id IS NOT NULL"),
    )
    op.create_index("time_entry_corrections_entry_id_idx", "time_entry_corrections", ["entry_id"], unique=False)
    op.create_index(
        "time_entry_corrections_project_id_idx",
        "time_entry_corrections",
        ["project_id"],
        unique=False,
        postgresql_where=sa.text("project_id IS NOT NULL"),
    )
    op.create_index(
        "time_entry_corrections_territory_id_idx", "time_entry_corrections", ["territory", "id"], unique=False
    )
    for statement in (GUARD_FUNCTION, GUARD, AGREE, KEEP):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("time_entry_corrections")
    op.execute("DROP FUNCTION guard_time_entry_correction")
