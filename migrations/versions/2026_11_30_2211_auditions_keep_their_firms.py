"""A firm stays on an audition while an entry or a project of the audition is about that firm.

Revision: 2026_11_30_2211, after 2026_11_30_2210.

What disagrees already stays: the trigger looks at the firm that is left out.
"""

from alembic import op

revision = "2026_11_30_2211"
down_revision = "2026_11_30_2210"
branch_labels = None
depends_on = None

AGREE = """
CREATE OR REPLACE FUNCTION check_entry_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    met text[];
    holders text[] := ARRAY(
        SELECT firm_siren FROM project_holders WHERE project_id = NEW.project_id AND firm_siren IS NOT NULL
    );
BEGIN
    PERFORM FROM auditions WHERE id = NEW.audition_id FOR KEY SHARE;
    met := ARRAY(SELECT siren FROM audition_firms WHERE audition_id = NEW.audition_id);
    IF met <> '{}' AND NEW.firm_siren <> ALL (met) OR holders <> '{}' AND NEW.firm_siren <> ALL (holders)
        OR met <> '{}' AND holders <> '{}' AND NOT met && holders
    THEN
        RAISE EXCEPTION 'the entry names two firms'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'references_disagree';
    END IF;
    RETURN NEW;
END
$$
"""
AGREE_BEFORE = """
CREATE OR REPLACE FUNCTION check_entry_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    met text[] := ARRAY(SELECT siren FROM audition_firms WHERE audition_id = NEW.audition_id);
    holders text[] := ARRAY(
        SELECT firm_siren FROM project_holders WHERE project_id = NEW.project_id AND firm_siren IS NOT NULL
    );
BEGIN
    IF met <> '{}' AND NEW.firm_siren <> ALL (met) OR holders <> '{}' AND NEW.firm_siren <> ALL (holders)
        OR met <> '{}' AND holders <> '{}' AND NOT met && holders
    THEN
        RAISE EXCEPTION 'the entry names two firms'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'references_disagree';
    END IF;
    RETURN NEW;
END
$$
"""
CHECK_PROJECT = """
CREATE OR REPLACE FUNCTION check_project_audition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'projects' THEN 'id' ELSE 'project_id' END;
    met text[];
    holders text[] := ARRAY(
        SELECT firm_siren FROM project_holders WHERE project_id = project AND firm_siren IS NOT NULL
    );
BEGIN
    PERFORM FROM auditions a JOIN projects p ON p.detected_in_audition_id = a.id WHERE p.id = project
        FOR KEY SHARE OF a;
    met := ARRAY(
        SELECT siren FROM audition_firms f JOIN projects p ON p.detected_in_audition_id = f.audition_id
        WHERE p.id = project
    );
    IF met <> '{}' AND holders <> '{}' AND NOT met && holders THEN
        RAISE EXCEPTION 'none of them was met'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_of_another_firm';
    END IF;
    RETURN NULL;
END
$$
"""
CHECK_PROJECT_BEFORE = """
CREATE OR REPLACE FUNCTION check_project_audition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'projects' THEN 'id' ELSE 'project_id' END;
    met text[] := ARRAY(
        SELECT siren FROM audition_firms f JOIN projects p ON p.detected_in_audition_id = f.audition_id
        WHERE p.id = project
    );
    holders text[] := ARRAY(
        SELECT firm_siren FROM project_holders WHERE project_id = project AND firm_siren IS NOT NULL
    );
BEGIN
    IF met <> '{}' AND holders <> '{}' AND NOT met && holders THEN
        RAISE EXCEPTION 'none of them was met'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_of_another_firm';
    END IF;
    RETURN NULL;
END
$$
"""
KEEP = """
CREATE FUNCTION keep_audition_firm() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    met text[];
    lost uuid[];
    in_entries bigint;
    in_projects bigint;
BEGIN
    PERFORM FROM auditions WHERE id = OLD.audition_id FOR UPDATE;
    met := ARRAY(SELECT siren FROM audition_firms WHERE audition_id = OLD.audition_id);
    IF met = '{}' OR OLD.siren = ANY (met) THEN
        RETURN NULL;
    END IF;
    lost := ARRAY(
        SELECT project_id FROM project_holders h WHERE territory = OLD.territory AND firm_siren = OLD.siren
            AND NOT EXISTS (SELECT FROM project_holders WHERE project_id = h.project_id AND firm_siren = ANY (met))
    );
    SELECT count(*) INTO in_entries FROM time_entries
    WHERE audition_id = OLD.audition_id AND status <> 'reversed'
        AND (firm_siren = OLD.siren OR project_id = ANY (lost));
    SELECT count(*) INTO in_projects FROM projects
    WHERE detected_in_audition_id = OLD.audition_id AND id = ANY (lost);
    IF in_entries + in_projects > 0 THEN
        RAISE EXCEPTION 'they are about this firm' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'audition_firm_in_use',
            DETAIL = json_build_object('siren', OLD.siren, 'entries', in_entries, 'projects', in_projects);
    END IF;
    RETURN NULL;
END
$$
"""
KEPT = (
    "CREATE CONSTRAINT TRIGGER keep_firm AFTER DELETE OR UPDATE OF siren ON audition_firms"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_audition_firm()"
)


def upgrade() -> None:
    for statement in (AGREE, CHECK_PROJECT, KEEP, KEPT):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_firm ON audition_firms")
    op.execute("DROP FUNCTION keep_audition_firm()")
    for statement in (AGREE_BEFORE, CHECK_PROJECT_BEFORE):
        op.execute(statement)
