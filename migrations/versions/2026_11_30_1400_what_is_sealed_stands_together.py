"""What is sealed stands together: a frozen agenda and a reopening with their agenda, a decision that is reversed with its
act, a closed meeting with its record; who reviewed a file makes no erratum about it.

Revision: 2026_11_30_1400, after 2026_11_30_1307.

Each trigger looks at new rows alone, and the version before writes nothing that it refuses but such an erratum.
"""

from alembic import op

revision = "2026_11_30_1400"
down_revision = "2026_11_30_1307"
branch_labels = None
depends_on = None

CHECK_FROZEN_AGENDA = """
CREATE FUNCTION check_frozen_agenda() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM agendas a WHERE a.committee_id = NEW.committee_id AND (
            a.number > NEW.number
            OR TG_TABLE_NAME = 'frozen_agendas' AND a.number = NEW.number AND a.state = 'frozen')
    ) THEN
        RAISE EXCEPTION 'the agenda says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'frozen_agenda_of_its_agenda';
    END IF;
    RETURN NULL;
END
$$
"""
CHECK_REVERSED_DECISION = """
CREATE FUNCTION check_reversed_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM application_passages p
        WHERE p.application_id = NEW.application_id AND p.reverses_number = NEW.passage_number
            AND p.act = 'reverse_decision'
    ) THEN
        RAISE EXCEPTION 'the file still says so'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_decision_reversed_alone';
    END IF;
    RETURN NULL;
END
$$
"""
CHECK_RECORDED_MEETING = """
CREATE FUNCTION check_recorded_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    meeting uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'committees' THEN 'id' ELSE 'committee_id' END;
BEGIN
    IF NOT EXISTS (
        SELECT FROM committees c JOIN committee_records r ON r.committee_id = c.id
        WHERE c.id = meeting AND c.status = 'closed'
    ) THEN
        RAISE EXCEPTION 'a meeting is closed with its record'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_closed_with_its_record';
    END IF;
    RETURN NULL;
END
$$
"""
GUARD_DECISION = """
CREATE OR REPLACE FUNCTION guard_committee_decision() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF EXISTS (
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
BEFORE = """
CREATE OR REPLACE FUNCTION guard_committee_decision() RETURNS trigger LANGUAGE plpgsql AS $$
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
TRIGGERS = {
    ("check_agenda", "frozen_agendas"): "AFTER INSERT ON frozen_agendas DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    " EXECUTE FUNCTION check_frozen_agenda()",
    (
        "check_agenda",
        "agenda_reopenings",
    ): "AFTER INSERT ON agenda_reopenings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    " EXECUTE FUNCTION check_frozen_agenda()",
    ("check_reversed", "committee_decisions"): "AFTER UPDATE OF reversed_at ON committee_decisions"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.corrects_id IS NULL)"
    " EXECUTE FUNCTION check_reversed_decision()",
    ("check_recorded", "committees"): "AFTER UPDATE OF status ON committees"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'closed')"
    " EXECUTE FUNCTION check_recorded_meeting()",
    ("check_recorded", "committee_records"): "AFTER INSERT ON committee_records"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_recorded_meeting()",
}


def upgrade() -> None:
    for function in (CHECK_FROZEN_AGENDA, CHECK_REVERSED_DECISION, CHECK_RECORDED_MEETING, GUARD_DECISION):
        op.execute(function)
    for (name, _), event in TRIGGERS.items():
        op.execute(f"CREATE CONSTRAINT TRIGGER {name} {event}")


def downgrade() -> None:
    op.execute(BEFORE)
    for name, table in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for function in ("check_frozen_agenda", "check_reversed_decision", "check_recorded_meeting"):
        op.execute(f"DROP FUNCTION {function}()")
