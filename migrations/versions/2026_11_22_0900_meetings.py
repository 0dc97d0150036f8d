"""Meetings: committees, auditions of firms, and the contacts who come to them.

Revision: 2026_11_22_0900, after 2026_11_22_0800.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0900"
down_revision = "2026_11_22_0800"
branch_labels = None
depends_on = None

GUARD_COMMITTEE = """
CREATE FUNCTION guard_committee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN ('closed', 'cancelled') OR TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'the meeting is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
        ('planned', 'held'), ('planned', 'cancelled'), ('held', 'closed')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_transition';
    END IF;
    IF OLD.id <> NEW.id OR OLD.territory <> NEW.territory OR OLD.level <> NEW.level THEN
        RAISE EXCEPTION 'a meeting keeps its place' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_moved';
    END IF;
    IF NEW.status IN ('held', 'closed') AND NOT EXISTS (
        SELECT FROM committee_members WHERE committee_id = NEW.id AND chair IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'nobody presides' USING ERRCODE = 'check_violation', CONSTRAINT = 'chair_missing';
    END IF;
    IF NEW.status = 'closed' AND EXISTS (
        SELECT FROM committee_members WHERE committee_id = NEW.id AND attendance IS NULL
    ) THEN
        RAISE EXCEPTION 'who came?' USING ERRCODE = 'check_violation', CONSTRAINT = 'attendance_missing';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_COMMITTEE_MEMBER = """
CREATE FUNCTION guard_committee_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM committees WHERE id = NEW.committee_id OR id = OLD.committee_id ORDER BY id FOR SHARE;
    IF EXISTS (
        SELECT FROM committees
        WHERE (id = NEW.committee_id OR id = OLD.committee_id) AND status IN ('closed', 'cancelled')
    ) THEN
        RAISE EXCEPTION 'the meeting is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
GUARD_AUDITION = """
CREATE FUNCTION guard_audition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status AND (OLD.status <> 'planned' OR NOT EXISTS (
        SELECT FROM audition_firms WHERE audition_id = NEW.id
    )) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_transition';
    END IF;
    IF OLD.status IN ('cancelled', 'no_show') AND
        (OLD.territory, OLD.mission_id, OLD.kind, OLD.planned_on, OLD.place, OLD.reason)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.kind, NEW.planned_on, NEW.place, NEW.reason)
    THEN
        RAISE EXCEPTION 'it did not take place' USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_over';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_CONTACT = """
CREATE FUNCTION guard_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the contact is erased' USING ERRCODE = 'check_violation', CONSTRAINT = 'contact_gone';
END
$$
"""

TRIGGERS = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON committees FOR EACH ROW EXECUTE FUNCTION guard_committee()",
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON committee_members FOR EACH ROW EXECUTE FUNCTION guard_committee_member()",
    "CREATE TRIGGER append_only BEFORE TRUNCATE ON committees FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER append_only BEFORE TRUNCATE ON committee_members FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER guard BEFORE UPDATE ON auditions FOR EACH ROW EXECUTE FUNCTION guard_audition()",
    "CREATE TRIGGER guard BEFORE UPDATE ON contacts FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL) EXECUTE FUNCTION guard_contact()",
)


def upgrade() -> None:
    # A table of some dozens of rows per territory. CONCURRENTLY would wait for another «rebond migrate» that waits.
    op.execute(
        "-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid\n"
        "ALTER TABLE consultants ADD CONSTRAINT consultants_territory_id_key UNIQUE (territory, id)"
    )
    op.create_table(
        "committees",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="planned", nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("quorum", sa.SmallInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("minutes", sa.Text(), nullable=True),
        sa.Column("minutes_adopted_on", sa.Date(), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closer_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'cancelled') = (reason IS NOT NULL)", name="committee_reason"),
        sa.CheckConstraint(
            "(status = 'closed') = (closed_at IS NOT NULL) AND (status = 'closed') = (closed_by IS NOT NULL)",
            name="committee_closed",
        ),
        sa.CheckConstraint("(status IN ('held', 'closed')) = (held_at IS NOT NULL)", name="committee_held"),
        sa.CheckConstraint("closer_kind = 'person'", name="committee_closer_kind"),
        sa.CheckConstraint("level IN ('territorial', 'state_region')", name="committee_level"),
        sa.CheckConstraint(
            "minutes_adopted_on IS NULL OR held_at IS NULL OR (minutes IS NOT NULL AND minutes_adopted_on BETWEEN (timezone('Europe/Paris', held_at))::date AND (timezone('Europe/Paris', updated_at))::date)",
            name="minutes_adopted_on",
        ),
        sa.CheckConstraint("status <> 'closed' OR minutes_adopted_on IS NOT NULL", name="minutes_missing"),
        sa.CheckConstraint(
            "status IN ('held', 'closed') OR (minutes IS NULL AND minutes_adopted_on IS NULL)",
            name="minutes_before_the_meeting",
        ),
        sa.CheckConstraint("status IN ('planned', 'held', 'cancelled', 'closed')", name="committee_status"),
        sa.CheckConstraint("held_at <= updated_at", name="held_in_the_future"),
        sa.CheckConstraint("quorum >= 1", name="committee_quorum"),
        sa.ForeignKeyConstraint(
            ["closed_by", "closer_kind"], ["subjects.id", "subjects.kind"], name="committee_closed_by_a_person"
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("committees_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("committees_pkey")),
        sa.UniqueConstraint("territory", "external_id", name=op.f("committees_territory_external_id_key")),
        sa.UniqueConstraint("territory", "id", name=op.f("committees_territory_id_key")),
    )
    op.create_index(
        op.f("committees_territory_planned_at_id_idx"), "committees", ["territory", "planned_at", "id"], unique=False
    )
    op.create_table(
        "auditions",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("mission_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="planned", nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("findings", sa.Text(), nullable=True),
        sa.Column("follow_up", sa.Text(), nullable=True),
        sa.Column("follow_up_owner_id", sa.Uuid(), nullable=True),
        sa.Column("owner_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("follow_up_due_on", sa.Date(), nullable=True),
        sa.Column("follow_up_done_on", sa.Date(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'held') = (held_on IS NOT NULL)", name="audition_held"),
        sa.CheckConstraint("(status IN ('cancelled', 'no_show')) = (reason IS NOT NULL)", name="audition_reason"),
        sa.CheckConstraint(
            "follow_up_done_on <= (timezone('Europe/Paris', updated_at))::date", name="audition_follow_up_done_on"
        ),
        sa.CheckConstraint("held_on <= (timezone('Europe/Paris', updated_at))::date", name="audition_held_on"),
        sa.CheckConstraint("kind IN ('interview', 'site_visit', 'group_meeting', 'call')", name="audition_kind"),
        sa.CheckConstraint("owner_kind = 'person'", name="audition_owner_kind"),
        sa.CheckConstraint("status = 'held' OR findings IS NULL", name="nothing_found_yet"),
        sa.CheckConstraint("status IN ('planned', 'held', 'cancelled', 'no_show')", name="audition_status"),
        sa.CheckConstraint(
            "(follow_up_owner_id IS NULL) = (follow_up_due_on IS NULL) AND (follow_up_due_on IS NOT NULL OR (follow_up IS NULL AND follow_up_done_on IS NULL)) AND follow_up_done_on >= coalesce(held_on, follow_up_done_on)",
            name="follow_up_incomplete",
        ),
        sa.ForeignKeyConstraint(
            ["follow_up_owner_id", "owner_kind"], ["subjects.id", "subjects.kind"], name="follow_up_owner_is_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "mission_id"],
            ["missions.territory", "missions.id"],
            name=op.f("auditions_territory_mission_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("auditions_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("auditions_pkey")),
        sa.UniqueConstraint("territory", "external_id", name=op.f("auditions_territory_external_id_key")),
        sa.UniqueConstraint("territory", "id", name=op.f("auditions_territory_id_key")),
    )
    op.create_index(op.f("auditions_follow_up_owner_id_idx"), "auditions", ["follow_up_owner_id"], unique=False)
    op.create_index(
        op.f("auditions_mission_id_idx"),
        "auditions",
        ["mission_id"],
        unique=False,
        postgresql_where=sa.text("mission_id IS NOT NULL"),
    )
    op.create_index(
        "auditions_open_follow_up_idx",
        "auditions",
        ["territory", "follow_up_due_on"],
        unique=False,
        postgresql_where=sa.text("follow_up_due_on IS NOT NULL AND follow_up_done_on IS NULL"),
    )
    op.create_index(
        op.f("auditions_territory_held_on_idx"),
        "auditions",
        ["territory", "held_on"],
        unique=False,
        postgresql_where=sa.text("held_on IS NOT NULL"),
    )
    op.create_index(
        op.f("auditions_territory_planned_on_id_idx"), "auditions", ["territory", "planned_on", "id"], unique=False
    )
    op.create_table(
        "committee_members",
        sa.Column("committee_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("function", sa.Text(), nullable=True),
        sa.Column("chair", sa.SmallInteger(), nullable=True),
        sa.Column("attendance", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "attendance IN ('present', 'represented', 'excused', 'absent')", name="committee_member_attendance"
        ),
        sa.CheckConstraint("kind IN ('person', 'organisation')", name="committee_member_kind"),
        sa.CheckConstraint("name <> ''", name="committee_member_name"),
        sa.CheckConstraint("chair IN (1, 2)", name="committee_member_chair"),
        sa.CheckConstraint("position >= 1", name="committee_member_position"),
        sa.ForeignKeyConstraint(
            ["territory", "committee_id"],
            ["committees.territory", "committees.id"],
            name=op.f("committee_members_territory_committee_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("committee_id", "position", name=op.f("committee_members_pkey")),
        sa.UniqueConstraint("committee_id", "chair", name="third_chair"),
    )
    op.create_table(
        "contacts",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("function", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("retain_until_on", sa.Date(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_because", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN erased_at IS NULL THEN name IS NOT NULL AND name <> '' ELSE num_nonnulls(name, function, email, phone, external_id) = 0 END",
            name="contact_erased_but_named",
        ),
        sa.CheckConstraint(
            "erased_at IS NOT NULL OR retain_until_on <= (timezone('Europe/Paris', updated_at))::date + interval '10 years'",
            name="kept_too_long",
        ),
        sa.CheckConstraint("erased_because IN ('request', 'retention')", name="contact_erased_because"),
        sa.CheckConstraint(
            "legal_basis IN ('consent', 'contract', 'legal_obligation', 'vital_interests', 'public_task', 'legitimate_interests')",
            name="contact_legal_basis",
        ),
        sa.CheckConstraint(
            "purpose IN ('engineering_mission', 'project_follow_up', 'aid_file', 'programme_evaluation', 'information')",
            name="contact_purpose",
        ),
        sa.CheckConstraint("(erased_at IS NULL) = (erased_because IS NULL)", name="contact_erased"),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("contacts_recorded_by_fkey")),
        sa.ForeignKeyConstraint(
            ["territory", "siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            name=op.f("contacts_territory_siren_fkey"),
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("contacts_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("contacts_pkey")),
        sa.UniqueConstraint("territory", "external_id", name=op.f("contacts_territory_external_id_key")),
        sa.UniqueConstraint("territory", "id", name=op.f("contacts_territory_id_key")),
        sa.UniqueConstraint("territory", "siren", "id", name=op.f("contacts_territory_siren_id_key")),
    )
    op.create_index(
        op.f("contacts_retain_until_on_id_idx"),
        "contacts",
        ["retain_until_on", "id"],
        unique=False,
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    op.create_table(
        "audition_firms",
        sa.Column("audition_id", sa.Uuid(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["territory", "audition_id"],
            ["auditions.territory", "auditions.id"],
            name=op.f("audition_firms_territory_audition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            name=op.f("audition_firms_territory_siren_fkey"),
        ),
        sa.PrimaryKeyConstraint("audition_id", "siren", name=op.f("audition_firms_pkey")),
    )
    op.create_index(op.f("audition_firms_territory_siren_idx"), "audition_firms", ["territory", "siren"], unique=False)
    op.create_table(
        "audition_needs",
        sa.Column("audition_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "category IN ('financing', 'premises', 'workforce', 'technology', 'digital', 'energy', 'environment', 'market', 'supply', 'succession', 'other')",
            name="audition_need_category",
        ),
        sa.CheckConstraint("position >= 1", name="audition_need_position"),
        sa.ForeignKeyConstraint(
            ["territory", "audition_id"],
            ["auditions.territory", "auditions.id"],
            name=op.f("audition_needs_territory_audition_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("audition_id", "position", name=op.f("audition_needs_pkey")),
    )
    op.create_table(
        "audition_notes",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("audition_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("body <> ''", name="audition_note_body"),
        sa.ForeignKeyConstraint(
            ["territory", "audition_id"],
            ["auditions.territory", "auditions.id"],
            name=op.f("audition_notes_territory_audition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["written_by"], ["subjects.id"], name=op.f("audition_notes_written_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("audition_notes_pkey")),
    )
    op.create_index(op.f("audition_notes_audition_id_idx"), "audition_notes", ["audition_id"], unique=False)
    op.create_table(
        "audition_consultants",
        sa.Column("audition_id", sa.Uuid(), nullable=False),
        sa.Column("consultant_id", sa.Uuid(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["territory", "audition_id"],
            ["auditions.territory", "auditions.id"],
            name=op.f("audition_consultants_territory_audition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "consultant_id"],
            ["consultants.territory", "consultants.id"],
            name=op.f("audition_consultants_territory_consultant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("audition_id", "consultant_id", name=op.f("audition_consultants_pkey")),
    )
    op.create_index(
        op.f("audition_consultants_consultant_id_idx"), "audition_consultants", ["consultant_id"], unique=False
    )
    op.create_table(
        "audition_contacts",
        sa.Column("audition_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["audition_id", "siren"],
            ["audition_firms.audition_id", "audition_firms.siren"],
            name=op.f("audition_contacts_audition_id_siren_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "audition_id"],
            ["auditions.territory", "auditions.id"],
            name=op.f("audition_contacts_territory_audition_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "siren", "contact_id"],
            ["contacts.territory", "contacts.siren", "contacts.id"],
            name=op.f("audition_contacts_territory_siren_contact_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("audition_id", "contact_id", name=op.f("audition_contacts_pkey")),
    )
    op.create_index(op.f("audition_contacts_contact_id_idx"), "audition_contacts", ["contact_id"], unique=False)
    for function in (GUARD_COMMITTEE, GUARD_COMMITTEE_MEMBER, GUARD_AUDITION, GUARD_CONTACT):
        op.execute(function)
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    op.drop_index(op.f("audition_contacts_contact_id_idx"), table_name="audition_contacts")
    op.drop_table("audition_contacts")
    op.drop_index(op.f("audition_consultants_consultant_id_idx"), table_name="audition_consultants")
    op.drop_table("audition_consultants")
    op.drop_index(op.f("audition_notes_audition_id_idx"), table_name="audition_notes")
    op.drop_table("audition_notes")
    op.drop_table("audition_needs")
    op.drop_index(op.f("audition_firms_territory_siren_idx"), table_name="audition_firms")
    op.drop_table("audition_firms")
    op.drop_index(
        op.f("contacts_retain_until_on_id_idx"), table_name="contacts", postgresql_where=sa.text("erased_at IS NULL")
    )
    op.drop_table("contacts")
    op.drop_table("committee_members")
    op.drop_index(op.f("auditions_territory_planned_on_id_idx"), table_name="auditions")
    op.drop_index(
        op.f("auditions_territory_held_on_idx"), table_name="auditions", postgresql_where=sa.text("held_on IS NOT NULL")
    )
    op.drop_index(
        "auditions_open_follow_up_idx",
        table_name="auditions",
        postgresql_where=sa.text("follow_up_due_on IS NOT NULL AND follow_up_done_on IS NULL"),
    )
    op.drop_index(
        op.f("auditions_mission_id_idx"), table_name="auditions", postgresql_where=sa.text("mission_id IS NOT NULL")
    )
    op.drop_index(op.f("auditions_follow_up_owner_id_idx"), table_name="auditions")
    op.drop_table("auditions")
    op.drop_index(op.f("committees_territory_planned_at_id_idx"), table_name="committees")
    op.drop_table("committees")
    for function in ("guard_committee", "guard_committee_member", "guard_audition", "guard_contact"):
        op.execute(f"DROP FUNCTION {function}()")
    op.drop_constraint("consultants_territory_id_key", "consultants", type_="unique")
