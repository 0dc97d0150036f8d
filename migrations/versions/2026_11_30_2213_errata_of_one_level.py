"""An erratum is taken at a meeting of the level that took the decision.

Revision: 2026_11_30_2213, after 2026_11_30_2212.
"""

from alembic import op

revision = "2026_11_30_2213"
down_revision = "2026_11_30_2212"
branch_labels = None
depends_on = None

GUARD = """
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
        WHERE d.id = NEW.corrects_id AND (d.territory, d.level) = (NEW.territory, NEW.level) AND d.corrects_id IS NULL
            AND d.reversed_at IS NULL AND c.status = 'closed' AND c.held_at < meeting.held_at
    ) THEN
        RAISE EXCEPTION 'an erratum is of a later meeting than the closed one that it corrects'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'erratum_refused';
    END IF;
    RETURN NEW;
END
$$
"""
OF_ANY_LEVEL = "d.territory = NEW.territory"
OF_ONE_LEVEL = "(d.territory, d.level) = (NEW.territory, NEW.level)"


def upgrade() -> None:
    op.execute(GUARD)


def downgrade() -> None:
    op.execute(GUARD.replace(OF_ONE_LEVEL, OF_ANY_LEVEL))
