"""Decisions of committees on aid files, and the sealed records of their meetings.

Revision: 2026_11_30_1003, after 2026_11_30_1002.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1003"
down_revision = "2026_11_30_1002"
branch_labels = None
depends_on = None

GUARD_DECISION = """
CREATE FUNCTION guard_committee_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    meeting committees;
    agenda agendas;
    present bigint;
    kept jsonb := '["reversed_at", "reversed_by", "reversal_reason", "version", "updated_at"]';
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a decision stays'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'committee_decisions_append_only';
    END IF;
    SELECT * INTO meeting FROM committees WHERE id = NEW.committee_id FOR SHARE;
    IF meeting.status = 'closed' THEN
        RAISE EXCEPTION 'the meeting is closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.reversed_at IS NOT NULL OR NEW.reversed_at IS NULL
            OR to_jsonb(OLD) - ARRAY(SELECT jsonb_array_elements_text(kept))
                <> to_jsonb(NEW) - ARRAY(SELECT jsonb_array_elements_text(kept))
        THEN
            RAISE EXCEPTION 'a decision stays as it was taken'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'committee_decisions_append_only';
        END IF;
        RETURN NEW;
    END IF;
    SELECT * INTO agenda FROM agendas WHERE committee_id = NEW.committee_id FOR NO KEY UPDATE;
    SELECT count(*) FILTER (WHERE attendance IN ('present', 'represented')) INTO present
    FROM committee_members WHERE committee_id = NEW.committee_id;
    IF meeting.status <> 'held' OR NEW.reversed_at IS NOT NULL
        OR (NEW.territory, NEW.level, NEW.decided_on) IS DISTINCT FROM
            (meeting.territory, meeting.level, (timezone('Europe/Paris', meeting.held_at))::date)
        OR (NEW.corrects_id IS NULL
            AND (NEW.members_present, NEW.quorum) IS DISTINCT FROM (present, meeting.quorum))
        OR NEW.number IS DISTINCT FROM agenda.decisions_made
    THEN
        RAISE EXCEPTION 'not a decision of this meeting'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_decision_of_its_meeting';
    END IF;
    IF NEW.corrects_id IS NULL AND (agenda.state, agenda.number) IS DISTINCT FROM ('frozen', NEW.agenda_number) THEN
        RAISE EXCEPTION 'the agenda is not frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_not_frozen';
    END IF;
    IF NEW.corrects_id IS NULL AND EXISTS (
        SELECT FROM application_reviews WHERE application_id = NEW.application_id AND NEW.decided_by = ANY (authors)
    ) THEN
        RAISE EXCEPTION 'who reviewed the file does not decide it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reviewer_decides';
    END IF;
    IF NEW.corrects_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM committee_decisions d JOIN committees c ON c.id = d.committee_id
        WHERE d.id = NEW.corrects_id AND d.territory = NEW.territory AND d.corrects_id IS NULL
            AND d.reversed_at IS NULL AND c.status = 'closed' AND c.held_at < meeting.held_at
    ) THEN
        RAISE EXCEPTION 'an erratum is of a later meeting than the closed one that it corrects'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erratum_refused';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_DECIDED_MEETING = """
CREATE FUNCTION guard_decided_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    meeting uuid := to_jsonb(coalesce(NEW, OLD)) ->>
        CASE TG_TABLE_NAME WHEN 'committees' THEN 'id' ELSE 'committee_id' END;
BEGIN
    IF EXISTS (SELECT FROM committee_decisions WHERE committee_id = meeting AND reversed_at IS NULL) THEN
        RAISE EXCEPTION 'the meeting has decided' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_decided';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
GUARD_CLOSING_MEETING = """
CREATE FUNCTION guard_closing_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM agendas a JOIN agenda_items i ON i.committee_id = a.committee_id AND i.number = a.number
        WHERE a.committee_id = NEW.id AND a.state <> 'frozen'
    ) THEN
        RAISE EXCEPTION 'the agenda is not frozen'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_not_frozen';
    END IF;
    IF EXISTS (
        SELECT FROM agendas a
        JOIN agenda_items i ON i.committee_id = a.committee_id AND i.number = a.number
        JOIN applications f ON f.id = i.application_id
        WHERE a.committee_id = NEW.id
            AND f.state IN ('submitted', 'incomplete', 'admissible', 'deemed_admissible', 'under_review', 'pre_selected', 'deferred')
            AND NOT EXISTS (
                SELECT FROM committee_decisions d
                WHERE d.committee_id = NEW.id AND d.application_id = i.application_id AND d.reversed_at IS NULL
                    AND d.corrects_id IS NULL
            )
    ) THEN
        RAISE EXCEPTION 'a file has no outcome'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_not_finished';
    END IF;
    RETURN NEW;
END
$$
"""
CHECK_DECIDED = """
CREATE FUNCTION check_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM committee_decisions d
        WHERE d.application_id = NEW.application_id AND d.passage_number = NEW.number AND d.outcome = NEW.act
            AND d.decided_on = NEW.effective_on AND d.corrects_id IS NULL
    ) THEN
        RAISE EXCEPTION 'nobody decided it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_decided';
    END IF;
    RETURN NULL;
END
$$
"""
TRIGGERS = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON committee_decisions FOR EACH ROW EXECUTE FUNCTION guard_committee_decision()",
    "CREATE TRIGGER append_only BEFORE TRUNCATE ON committee_decisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER guard_decided BEFORE UPDATE OF held_at, quorum ON committees FOR EACH ROW WHEN (OLD.held_at IS DISTINCT FROM NEW.held_at OR OLD.quorum IS DISTINCT FROM NEW.quorum) EXECUTE FUNCTION guard_decided_meeting()",
    "CREATE TRIGGER guard_closing BEFORE UPDATE OF status ON committees FOR EACH ROW WHEN (NEW.status = 'closed') EXECUTE FUNCTION guard_closing_meeting()",
    "CREATE TRIGGER guard_decided BEFORE INSERT OR UPDATE OR DELETE ON committee_members FOR EACH ROW EXECUTE FUNCTION guard_decided_meeting()",
    "CREATE CONSTRAINT TRIGGER check_decided AFTER INSERT ON application_passages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.act IN ('pre_select', 'grant', 'defer', 'reject')) EXECUTE FUNCTION check_decided()",
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON committee_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    op.create_table(
        "committee_decisions",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("committee_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("previous_number", sa.SmallInteger(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("agenda_number", sa.SmallInteger(), nullable=True),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("passage_number", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("grant_cents", sa.BigInteger(), nullable=False),
        sa.Column("advance_cents", sa.BigInteger(), nullable=False),
        sa.Column("conditions", sa.Text(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=True),
        sa.Column("votes_for", sa.SmallInteger(), nullable=False),
        sa.Column("votes_against", sa.SmallInteger(), nullable=False),
        sa.Column("votes_abstained", sa.SmallInteger(), nullable=False),
        sa.Column("members_present", sa.SmallInteger(), nullable=False),
        sa.Column("quorum", sa.SmallInteger(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decider_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("correction_reason", sa.Text(), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reversed_by", sa.Uuid(), nullable=True),
        sa.Column("reversal_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "NOT outcome IN ('reject', 'defer') OR reasons IS NOT NULL", name="committee_decision_reasons"
        ),
        sa.CheckConstraint(
            "corrects_id IS NOT NULL OR (level = 'territorial' AND outcome IN ('pre_select', 'reject', 'defer', 'withdraw')) OR (level = 'state_region' AND outcome IN ('grant', 'reject', 'defer', 'withdraw'))",
            name="outcome_of_another_level",
        ),
        sa.CheckConstraint(
            "decided_on <= (timezone('Europe/Paris', created_at))::date", name="committee_decision_future"
        ),
        sa.CheckConstraint("decider_kind = 'person'", name="committee_decider_kind"),
        sa.CheckConstraint(
            "grant_cents BETWEEN 0 AND 1000000000000 AND advance_cents BETWEEN 0 AND 1000000000000 AND (outcome IN ('pre_select', 'grant') OR grant_cents + advance_cents = 0) AND (outcome <> 'grant' OR grant_cents + advance_cents > 0)",
            name="committee_decision_amounts",
        ),
        sa.CheckConstraint("level IN ('territorial', 'state_region')", name="committee_decision_level"),
        sa.CheckConstraint(
            "outcome IN ('pre_select', 'grant', 'reject', 'defer', 'withdraw')", name="committee_decision_outcome"
        ),
        sa.CheckConstraint(
            "(corrects_id IS NULL) = (agenda_number IS NOT NULL) AND (corrects_id IS NULL) = (passage_number IS NOT NULL) AND (corrects_id IS NULL) = (correction_reason IS NULL)",
            name="committee_decision_corrects",
        ),
        sa.CheckConstraint(
            "CASE WHEN number = 1 THEN previous_number IS NULL ELSE number > 1 AND previous_number = number - 1 END",
            name="committee_decision_number",
        ),
        sa.CheckConstraint(
            "num_nulls(reversed_at, reversed_by, reversal_reason) IN (0, 3)", name="committee_decision_reversed"
        ),
        sa.CheckConstraint("quorum IS NULL OR members_present >= quorum", name="quorum_not_reached"),
        sa.CheckConstraint(
            "votes_for >= 0 AND votes_against >= 0 AND votes_abstained >= 0 AND votes_for + votes_against + votes_abstained <= members_present",
            name="committee_decision_votes",
        ),
        sa.ForeignKeyConstraint(
            ["application_id", "passage_number"],
            ["application_passages.application_id", "application_passages.number"],
            name="committee_decisions_passage_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["committee_id", "agenda_number", "application_id"],
            ["agenda_items.committee_id", "agenda_items.number", "agenda_items.application_id"],
            name="committee_decisions_agenda_item_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["committee_id", "previous_number"],
            ["committee_decisions.committee_id", "committee_decisions.number"],
            name="committee_decisions_previous_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["corrects_id", "application_id", "outcome", "grant_cents", "advance_cents"],
            [
                "committee_decisions.id",
                "committee_decisions.application_id",
                "committee_decisions.outcome",
                "committee_decisions.grant_cents",
                "committee_decisions.advance_cents",
            ],
            name="committee_decisions_corrects_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="committee_decided_by_a_person"
        ),
        sa.ForeignKeyConstraint(["reversed_by"], ["subjects.id"], name="committee_decisions_reversed_by_fkey"),
        sa.ForeignKeyConstraint(
            ["territory", "application_id"],
            ["applications.territory", "applications.id"],
            name="committee_decisions_territory_application_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "committee_id"],
            ["committees.territory", "committees.id"],
            name="committee_decisions_territory_committee_id_fkey",
        ),
        sa.PrimaryKeyConstraint("id", name="committee_decisions_pkey"),
        sa.UniqueConstraint("committee_id", "number", name="committee_decisions_number_key"),
        sa.UniqueConstraint(
            "id", "application_id", "outcome", "grant_cents", "advance_cents", name="committee_decisions_corrected_key"
        ),
        sa.UniqueConstraint("territory", "id", name="committee_decisions_territory_id_key"),
        sa.UniqueConstraint("territory", "reference", name="committee_decisions_reference_key"),
    )
    op.create_index(
        "already_decided",
        "committee_decisions",
        ["committee_id", "application_id"],
        unique=True,
        postgresql_where=sa.text("reversed_at IS NULL AND corrects_id IS NULL"),
    )
    op.create_index("committee_decisions_application_id_idx", "committee_decisions", ["application_id"], unique=False)
    op.create_index(
        "committee_decisions_corrects_id_idx",
        "committee_decisions",
        ["corrects_id"],
        unique=False,
        postgresql_where=sa.text("corrects_id IS NOT NULL"),
    )
    op.create_index(
        "committee_decisions_territory_decided_on_idx", "committee_decisions", ["territory", "decided_on"], unique=False
    )
    op.create_index(
        "committee_decisions_territory_updated_at_idx", "committee_decisions", ["territory", "updated_at"], unique=False
    )
    op.create_table(
        "committee_records",
        sa.Column("committee_id", sa.Uuid(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')", name="committee_record_hash"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "committee_id"],
            ["committees.territory", "committees.id"],
            name="committee_records_territory_committee_id_fkey",
        ),
        sa.PrimaryKeyConstraint("committee_id", name="committee_records_pkey"),
    )
    for statement in (GUARD_DECISION, GUARD_DECIDED_MEETING, GUARD_CLOSING_MEETING, CHECK_DECIDED, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER check_decided ON application_passages")
    op.execute("DROP TRIGGER guard_decided ON committee_members")
    for trigger in ("guard_decided", "guard_closing"):
        op.execute(f"DROP TRIGGER {trigger} ON committees")
    for table in ("committee_records", "committee_decisions"):
        op.drop_table(table)
    for function in ("check_decided", "guard_closing_meeting", "guard_decided_meeting", "guard_committee_decision"):
        op.execute(f"DROP FUNCTION {function}()")
