"""A meeting keeps its day while an award or a roadmap rests on it.

Revision: 2026_11_30_2214, after 2026_11_30_2213.
"""

from alembic import op

revision = "2026_11_30_2214"
down_revision = "2026_11_30_2213"
branch_labels = None
depends_on = None

HELD = "        PERFORM FROM committees WHERE id = NEW.committee_id FOR KEY SHARE;\n"
CHECK_AWARD = """
CREATE OR REPLACE FUNCTION check_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    served_since date;
BEGIN
    IF NEW.project_id IS NULL THEN
        SELECT served_since_on INTO served_since FROM territories WHERE slug = NEW.territory FOR SHARE;
        IF NEW.decided_on >= served_since THEN
            RAISE EXCEPTION 'for which project?' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_missing';
        END IF;
    END IF;
    IF NEW.committee_id IS NOT NULL THEN
        PERFORM FROM committees WHERE id = NEW.committee_id FOR KEY SHARE;
        IF EXISTS (
            SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
                AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
        ) THEN
            RAISE EXCEPTION 'not held by then'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
        END IF;
    END IF;
    IF NEW.funder_id IS NULL THEN
        NEW.funder_id := (SELECT organisation_id FROM subjects WHERE id = NEW.awarded_by);
    END IF;
    IF NEW.lines IS NOT NULL THEN
        IF NEW.base_cents IS DISTINCT FROM
            (SELECT sum((line ->> 'amount_cents')::numeric) FROM jsonb_array_elements(NEW.lines) AS line)
        THEN
            RAISE EXCEPTION 'the lines do not come to the base'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'award_lines_are_base';
        END IF;
    END IF;
    IF NEW.application_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM applications WHERE id = NEW.application_id AND firm_siren = NEW.firm_siren
                AND project_id = NEW.project_id
        ) THEN
            RAISE EXCEPTION 'a file of another project' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'application_of_another_project';
        END IF;
        IF EXISTS (
            SELECT FROM application_reviews
            WHERE application_id = NEW.application_id AND NEW.awarded_by = ANY (authors)
        ) THEN
            RAISE EXCEPTION 'who reviewed the file does not decide it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'reviewer_decides';
        END IF;
    END IF;
    IF NEW.decision_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM committee_decisions d WHERE d.id = NEW.decision_id AND d.application_id = NEW.application_id
                AND d.committee_id = NEW.committee_id AND d.reference = NEW.decision_reference
                AND d.decided_on = NEW.decided_on AND d.outcome = 'grant' AND d.reversed_at IS NULL
                AND NEW.amount_cents =
                    CASE TG_TABLE_NAME WHEN 'grants' THEN d.grant_cents ELSE d.advance_cents END
        ) THEN
            RAISE EXCEPTION 'the decision says otherwise'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'award_is_what_was_decided';
        END IF;
    END IF;
    INSERT INTO aids (territory, firm_siren, decision_reference, decided_on, funder_id, application_id, scheme,
        base_cents, parameters, created_at, updated_at)
    VALUES (NEW.territory, NEW.firm_siren, NEW.decision_reference, NEW.decided_on, NEW.funder_id, NEW.application_id,
        NEW.scheme, NEW.base_cents, NEW.parameters, now(), now())
    ON CONFLICT (territory, firm_siren, decision_reference) WHERE awards > 0 AND joins DO NOTHING
    RETURNING id INTO NEW.aid_id;
    IF NEW.aid_id IS NULL THEN
        NEW.aid_id := join_aid(to_jsonb(NEW), TG_TABLE_NAME);
    ELSIF NEW.scheme IS NOT NULL THEN
        PERFORM fill_aid(to_jsonb(NEW));
    END IF;
    RETURN NEW;
END
$$
"""
OF_AWARDS = """
CREATE FUNCTION keep_day_of_awards() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    in_awards bigint;
BEGIN
    PERFORM FROM committees WHERE id = NEW.id FOR UPDATE;
    SELECT count(*) INTO in_awards FROM (
        SELECT decided_on FROM grants WHERE committee_id = NEW.id AND status <> 'reversed'
        UNION ALL
        SELECT decided_on FROM advances WHERE committee_id = NEW.id AND status <> 'reversed'
    ) award WHERE decided_on < (timezone('Europe/Paris', NEW.held_at))::date;
    IF in_awards > 0 THEN
        RAISE EXCEPTION 'awards were decided before' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'meeting_day_in_use', DETAIL = json_build_object('awards', in_awards, 'roadmaps', 0);
    END IF;
    RETURN NULL;
END
$$
"""
OF_ROADMAPS = """
CREATE FUNCTION keep_day_of_roadmaps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    adopted bigint;
BEGIN
    SELECT count(*) INTO adopted FROM roadmap_versions
    WHERE committee_id = NEW.id AND status <> 'draft'
        AND adopted_on <> (timezone('Europe/Paris', NEW.held_at))::date;
    IF adopted > 0 THEN
        RAISE EXCEPTION 'a roadmap was adopted that day' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'meeting_day_in_use', DETAIL = json_build_object('awards', 0, 'roadmaps', adopted);
    END IF;
    RETURN NULL;
END
$$
"""
TRIGGERS = (
    (
        "CREATE TRIGGER keep_day_of_awards AFTER UPDATE OF held_at ON committees FOR EACH ROW"
        " WHEN (OLD.held_at < NEW.held_at) EXECUTE FUNCTION keep_day_of_awards()"
    ),
    (
        "CREATE TRIGGER keep_day_of_roadmaps AFTER UPDATE OF held_at ON committees FOR EACH ROW"
        " WHEN (OLD.held_at IS DISTINCT FROM NEW.held_at) EXECUTE FUNCTION keep_day_of_roadmaps()"
    ),
)


def upgrade() -> None:
    for statement in (CHECK_AWARD, OF_AWARDS, OF_ROADMAPS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for name in ("keep_day_of_awards", "keep_day_of_roadmaps"):
        op.execute(f"DROP TRIGGER {name} ON committees")
        op.execute(f"DROP FUNCTION {name}()")
    op.execute(CHECK_AWARD.replace(HELD, ""))
