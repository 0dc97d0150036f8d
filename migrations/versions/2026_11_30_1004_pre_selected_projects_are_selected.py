"""A project is selected by the pre-selection of its file.

Revision: 2026_11_30_1004, after 2026_11_30_1003.
"""

from alembic import op

revision = "2026_11_30_1004"
down_revision = "2026_11_30_1003"
branch_labels = None
depends_on = None

CHECK_STAGE = """
CREATE OR REPLACE FUNCTION check_project_stage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended boolean[] := ARRAY(
        SELECT status = 'closed' FROM grants
        WHERE project_id = NEW.id AND status NOT IN ('cancelled', 'reversed')
        UNION ALL
        SELECT status = 'repaid' FROM advances
        WHERE project_id = NEW.id AND status NOT IN ('cancelled', 'reversed')
    );
BEGIN
    IF ended <> '{}' THEN
        IF NEW.funding_route IS DISTINCT FROM 'rebond' OR NEW.stage NOT IN ('contracted', 'completed')
            OR NEW.stage = 'contracted' AND NOT false = ANY (ended)
        THEN
            RAISE EXCEPTION 'its award stands'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'stage_follows_award';
        END IF;
    ELSIF NEW.funding_route = 'rebond' AND (
        NEW.stage IN ('contracted', 'completed')
        OR NEW.stage = 'selected' AND NOT EXISTS (
            SELECT FROM applications a JOIN application_passages p ON p.application_id = a.id
            WHERE a.project_id = NEW.id AND p.act = 'pre_select' AND NOT EXISTS (
                SELECT FROM application_passages r
                WHERE r.application_id = p.application_id AND r.reverses_number = p.number
            )
        )
    ) THEN
        RAISE EXCEPTION 'no award stands' USING ERRCODE = 'check_violation', CONSTRAINT = 'award_missing';
    ELSIF NEW.funding_route = 'rebond' AND NEW.stage = 'filed'
        AND (OLD.stage = 'oriented' OR OLD.funding_route IS DISTINCT FROM 'rebond')
        AND NOT EXISTS (
            SELECT FROM funding_statements WHERE project_id = NEW.id AND stated_on <= NEW.stage_since_on
        )
    THEN
        RAISE EXCEPTION 'who searched?'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'funding_statement_missing';
    END IF;
    RETURN NEW;
END
$$
"""
BEFORE = """
CREATE OR REPLACE FUNCTION check_project_stage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended boolean[] := ARRAY(
        SELECT status = 'closed' FROM grants
        WHERE project_id = NEW.id AND status NOT IN ('cancelled', 'reversed')
        UNION ALL
        SELECT status = 'repaid' FROM advances
        WHERE project_id = NEW.id AND status NOT IN ('cancelled', 'reversed')
    );
BEGIN
    IF ended <> '{}' THEN
        IF NEW.funding_route IS DISTINCT FROM 'rebond' OR NEW.stage NOT IN ('contracted', 'completed')
            OR NEW.stage = 'contracted' AND NOT false = ANY (ended)
        THEN
            RAISE EXCEPTION 'its award stands'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'stage_follows_award';
        END IF;
    ELSIF NEW.funding_route = 'rebond' AND NEW.stage IN ('selected', 'contracted', 'completed') THEN
        RAISE EXCEPTION 'no award stands' USING ERRCODE = 'check_violation', CONSTRAINT = 'award_missing';
    ELSIF NEW.funding_route = 'rebond' AND NEW.stage = 'filed'
        AND (OLD.stage = 'oriented' OR OLD.funding_route IS DISTINCT FROM 'rebond')
        AND NOT EXISTS (
            SELECT FROM funding_statements WHERE project_id = NEW.id AND stated_on <= NEW.stage_since_on
        )
    THEN
        RAISE EXCEPTION 'who searched?'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'funding_statement_missing';
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.execute(CHECK_STAGE)


def downgrade() -> None:
    op.execute(BEFORE)
