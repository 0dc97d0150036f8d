"""What a project's stage means is there: a statement, an award; a stage can be stepped back; a project agrees with its
audition, and a firm with its awards.

Revision: 2026_11_30_0210, after 2026_11_30_0202.

Stages that nobody's award supports stay; the triggers look at passages from now on.
"""

from alembic import op

revision = "2026_11_30_0210"
down_revision = "2026_11_30_0202"
branch_labels = None
depends_on = None

PASSAGES_BEFORE = (
    "('contracted', 'completed'), ('contracted', 'dropped'), ('detected', 'dropped'), ('detected', 'oriented'), "
    "('dropped', 'detected'), ('filed', 'dropped'), ('filed', 'oriented'), ('filed', 'selected'), "
    "('oriented', 'completed'), ('oriented', 'dropped'), ('oriented', 'filed'), ('selected', 'contracted'), "
    "('selected', 'dropped'), ('selected', 'oriented')"
)
PASSAGES = (
    "('completed', 'contracted'), ('completed', 'filed'), ('completed', 'oriented'), "
    "('contracted', 'completed'), ('contracted', 'dropped'), ('contracted', 'filed'), ('detected', 'dropped'), "
    "('detected', 'oriented'), ('dropped', 'detected'), ('filed', 'dropped'), ('filed', 'oriented'), "
    "('filed', 'selected'), ('oriented', 'completed'), ('oriented', 'detected'), ('oriented', 'dropped'), "
    "('oriented', 'filed'), ('selected', 'contracted'), ('selected', 'dropped'), ('selected', 'filed'), "
    "('selected', 'oriented')"
)
REASONS_BEFORE = (
    "('contracted', 'dropped'), ('detected', 'dropped'), ('dropped', 'detected'), ('filed', 'dropped'), "
    "('filed', 'oriented'), ('oriented', 'dropped'), ('selected', 'dropped'), ('selected', 'oriented')"
)
REASONS = (
    "('completed', 'contracted'), ('completed', 'filed'), ('completed', 'oriented'), ('contracted', 'dropped'), "
    "('contracted', 'filed'), ('detected', 'dropped'), ('dropped', 'detected'), ('filed', 'dropped'), "
    "('filed', 'oriented'), ('oriented', 'detected'), ('oriented', 'dropped'), ('selected', 'dropped'), "
    "('selected', 'filed'), ('selected', 'oriented')"
)

PASSAGE = (
    "CASE WHEN number = 1"
    " THEN stage = 'detected' AND num_nulls(previous_number, previous_stage, previous_on) = 3"
    " ELSE number > 1 AND num_nulls(previous_number, previous_stage, previous_on) = 0"
    " AND (previous_stage, stage) IN ({}) END"
)
REASON = "reason IS NOT NULL OR previous_stage IS NULL OR (previous_stage, stage) NOT IN ({})"
CHECKS = [
    ("stage_passage_refused", PASSAGE.format(PASSAGES_BEFORE), PASSAGE.format(PASSAGES)),
    ("project_stage_reason", REASON.format(REASONS_BEFORE), REASON.format(REASONS)),
]

FUNCTIONS = {
    "check_project_stage": """CREATE FUNCTION check_project_stage() RETURNS trigger LANGUAGE plpgsql AS $$
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
""",
    "refuse_closed_costs": """CREATE FUNCTION refuse_closed_costs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM projects WHERE id IN (NEW.project_id, OLD.project_id) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM projects WHERE id IN (NEW.project_id, OLD.project_id) AND stage = 'completed') THEN
        RAISE EXCEPTION 'it is completed' USING ERRCODE = 'check_violation', CONSTRAINT = 'costs_closed';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
""",
    "check_project_audition": """CREATE FUNCTION check_project_audition() RETURNS trigger LANGUAGE plpgsql AS $$
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
""",
    "check_firm_stage": """CREATE FUNCTION check_firm_stage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM grants WHERE territory = NEW.territory AND firm_siren = NEW.siren AND project_id IS NOT NULL
            AND status NOT IN ('cancelled', 'reversed')
        UNION ALL
        SELECT FROM advances WHERE territory = NEW.territory AND firm_siren = NEW.siren AND project_id IS NOT NULL
            AND status NOT IN ('cancelled', 'reversed')
    ) THEN
        RAISE EXCEPTION 'its award stands' USING ERRCODE = 'check_violation', CONSTRAINT = 'firm_has_award';
    END IF;
    RETURN NEW;
END
$$
""",
}
TRIGGERS = [
    (
        "check_stage",
        "projects",
        """
CREATE TRIGGER check_stage BEFORE UPDATE OF stage, funding_route ON projects FOR EACH ROW
WHEN (OLD.stage <> NEW.stage OR OLD.funding_route IS DISTINCT FROM NEW.funding_route)
EXECUTE FUNCTION check_project_stage()
""",
    ),
    (
        "refuse_closed",
        "project_costs",
        """
CREATE TRIGGER refuse_closed BEFORE INSERT OR UPDATE OR DELETE ON project_costs
FOR EACH ROW EXECUTE FUNCTION refuse_closed_costs()
""",
    ),
    (
        "check_audition",
        "projects",
        """
CREATE CONSTRAINT TRIGGER check_audition AFTER INSERT OR UPDATE OF detected_in_audition_id ON projects
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.detected_in_audition_id IS NOT NULL)
EXECUTE FUNCTION check_project_audition()
""",
    ),
    (
        "check_audition",
        "project_holders",
        """
CREATE CONSTRAINT TRIGGER check_audition AFTER INSERT OR UPDATE ON project_holders
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_project_audition()
""",
    ),
    (
        "check_stage",
        "territory_firms",
        """
CREATE TRIGGER check_stage BEFORE UPDATE OF stage ON territory_firms FOR EACH ROW
WHEN (OLD.stage = 'supported' AND NEW.stage <> 'supported') EXECUTE FUNCTION check_firm_stage()
""",
    ),
]


def upgrade() -> None:
    for name, _, now in CHECKS:
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE project_stages DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE project_stages ADD CONSTRAINT {name} CHECK ({now}) NOT VALID")
    for function in FUNCTIONS.values():
        op.execute(function)
    for _, _, trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    for name, table, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    for name, before, _ in CHECKS:
        op.drop_constraint(name, "project_stages")
        op.execute(f"ALTER TABLE project_stages ADD CONSTRAINT {name} CHECK ({before}) NOT VALID")
