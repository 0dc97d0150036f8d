"""Projects: holders, costs, stages, observed jobs, financing plans, and statements on other funding.

Revision: 2026_11_22_1000, after 2026_11_22_0900.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_1000"
down_revision = "2026_11_22_0900"
branch_labels = None
depends_on = None

APPEND_ONLY = ["project_stages", "job_observations", "financing_plans", "financing_lines", "funding_statements"]
CHECKED = {
    "project_costs": "INSERT OR UPDATE OR DELETE",
    "financing_plans": "INSERT",
    "financing_lines": "INSERT",
}

CHECK_FINANCING = """
CREATE FUNCTION check_financing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project uuid;
    plan record;
    costs record;
    lines record;
BEGIN
    IF TG_TABLE_NAME = 'financing_lines' THEN
        SELECT project_id INTO project FROM financing_plans WHERE id = NEW.plan_id;
    ELSIF TG_OP = 'DELETE' THEN
        project := OLD.project_id;
    ELSE
        project := NEW.project_id;
    END IF;
    PERFORM FROM projects WHERE id = project FOR NO KEY UPDATE;
    SELECT * INTO plan FROM financing_plans WHERE project_id = project ORDER BY number DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(sum(amount_cents), 0) AS uses,
           coalesce(sum(amount_cents) FILTER (WHERE kind <> 'not_eligible'), 0) AS eligible
    INTO costs FROM project_costs WHERE project_id = project;
    SELECT coalesce(sum(amount_cents) FILTER (WHERE status <> 'refused'), 0) AS sources,
           coalesce(sum(amount_cents) FILTER (WHERE status = 'secured'), 0) AS secured
    INTO lines FROM financing_lines WHERE plan_id = plan.id;
    IF plan.uses_cents <> costs.uses OR plan.eligible_cents <> costs.eligible
        OR plan.sources_cents <> lines.sources OR plan.secured_cents <> lines.secured
        OR TG_TABLE_NAME = 'financing_lines' AND to_jsonb(NEW) ->> 'plan_id' <> plan.id::text
    THEN
        RAISE EXCEPTION 'the plan is not what its lines and costs come to'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'financing_sums';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("maturity", sa.Text(), nullable=False),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("perimeter_vintage", sa.SmallInteger(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("jobs_created_fte", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("jobs_maintained_fte", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("environmental_effect", sa.Text(), nullable=True),
        sa.Column("funding_route", sa.Text(), nullable=True),
        sa.Column("mission_id", sa.Uuid(), nullable=True),
        sa.Column("consultant_id", sa.Uuid(), nullable=True),
        sa.Column("detected_in_audition_id", sa.Uuid(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("stage_number", sa.Integer(), nullable=False),
        sa.Column("stage_since_on", sa.Date(), nullable=False),
        sa.Column("lead_position", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "funding_route IN ('rebond', 'france_2030', 'region', 'fonds_vert', 'bank', 'none_needed')",
            name="project_funding_route",
        ),
        sa.CheckConstraint(
            "kind IN ('equipment', 'building', 'research_development', 'diversification', 'relocation', 'digital', 'decarbonation', 'training', 'other')",
            name="project_kind",
        ),
        sa.CheckConstraint("maturity IN ('idea', 'study', 'ready', 'started')", name="project_maturity"),
        sa.CheckConstraint(
            "stage IN ('detected', 'dropped') OR funding_route IS NOT NULL", name="funding_route_missing"
        ),
        sa.CheckConstraint("title <> ''", name="project_title"),
        sa.CheckConstraint("(commune_code IS NULL) = (perimeter_vintage IS NULL)", name="project_commune"),
        sa.CheckConstraint("ends_on >= starts_on", name="project_period"),
        sa.CheckConstraint(
            "jobs_created_fte BETWEEN 0 AND 99999.99 AND jobs_maintained_fte BETWEEN 0 AND 99999.99",
            name="project_jobs",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "consultant_id"],
            ["consultants.territory", "consultants.id"],
            name=op.f("projects_territory_consultant_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "detected_in_audition_id"],
            ["auditions.territory", "auditions.id"],
            name="projects_audition_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "mission_id"],
            ["missions.territory", "missions.id"],
            name=op.f("projects_territory_mission_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "perimeter_vintage", "commune_code"],
            ["perimeter_communes.territory", "perimeter_communes.vintage", "perimeter_communes.insee_code"],
            name="projects_commune_fkey",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("projects_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("projects_pkey")),
        sa.UniqueConstraint("territory", "external_id", name=op.f("projects_territory_external_id_key")),
        sa.UniqueConstraint("territory", "id", name=op.f("projects_territory_id_key")),
    )
    op.create_index(
        op.f("projects_consultant_id_idx"),
        "projects",
        ["consultant_id"],
        unique=False,
        postgresql_where=sa.text("consultant_id IS NOT NULL"),
    )
    op.create_index(
        op.f("projects_detected_in_audition_id_idx"),
        "projects",
        ["detected_in_audition_id"],
        unique=False,
        postgresql_where=sa.text("detected_in_audition_id IS NOT NULL"),
    )
    op.create_index(
        op.f("projects_mission_id_idx"),
        "projects",
        ["mission_id"],
        unique=False,
        postgresql_where=sa.text("mission_id IS NOT NULL"),
    )
    op.create_index(
        op.f("projects_territory_perimeter_vintage_commune_code_idx"),
        "projects",
        ["territory", "perimeter_vintage", "commune_code"],
        unique=False,
        postgresql_where=sa.text("commune_code IS NOT NULL"),
    )
    op.create_index(op.f("projects_territory_stage_idx"), "projects", ["territory", "stage"], unique=False)
    op.create_index(op.f("projects_territory_updated_at_idx"), "projects", ["territory", "updated_at"], unique=False)
    op.create_table(
        "financing_plans",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("uses_cents", sa.BigInteger(), nullable=False),
        sa.Column("eligible_cents", sa.BigInteger(), nullable=False),
        sa.Column("sources_cents", sa.BigInteger(), nullable=False),
        sa.Column("secured_cents", sa.BigInteger(), nullable=False),
        sa.Column("gaps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("planned_total", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("planned_cofunding", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("planned_private", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("planned_other_public", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("secured_total", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("secured_cofunding", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("secured_private", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("secured_other_public", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint(
            "status <> 'complete' OR (uses_cents = sources_cents AND uses_cents > 0)", name="financing_incomplete"
        ),
        sa.CheckConstraint("status IN ('draft', 'complete')", name="financing_plan_status"),
        sa.CheckConstraint("number >= 1", name="financing_plan_number"),
        sa.CheckConstraint(
            "uses_cents BETWEEN 0 AND 9007199254740991 AND eligible_cents BETWEEN 0 AND uses_cents AND sources_cents BETWEEN 0 AND 9007199254740991 AND secured_cents BETWEEN 0 AND sources_cents",
            name="financing_plan_amounts",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("financing_plans_recorded_by_fkey")),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name=op.f("financing_plans_territory_project_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("financing_plans_pkey")),
        sa.UniqueConstraint("project_id", "number", name="financing_plans_number_key"),
        sa.UniqueConstraint("territory", "id", name=op.f("financing_plans_territory_id_key")),
    )
    op.create_table(
        "funding_statements",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("stated_on", sa.Date(), nullable=False),
        sa.Column("sources_searched", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("stated_by", sa.Uuid(), nullable=False),
        sa.Column("stater_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint(
            "cardinality(sources_searched) > 0 AND array_position(sources_searched, NULL) IS NULL AND array_position(sources_searched, '') IS NULL",
            name="funding_statement_sources",
        ),
        sa.CheckConstraint(
            "stated_on <= (timezone('Europe/Paris', recorded_at))::date", name="funding_statement_future"
        ),
        sa.CheckConstraint("stater_kind = 'person'", name="funding_statement_stater_kind"),
        sa.ForeignKeyConstraint(
            ["stated_by", "stater_kind"], ["subjects.id", "subjects.kind"], name="stated_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name=op.f("funding_statements_territory_project_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("funding_statements_pkey")),
    )
    op.create_index(
        op.f("funding_statements_project_id_id_idx"), "funding_statements", ["project_id", "id"], unique=False
    )
    op.create_table(
        "job_observations",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("after_months", sa.SmallInteger(), nullable=False),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("jobs_created_fte", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("jobs_maintained_fte", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint("evidence <> ''", name="job_observation_evidence"),
        sa.CheckConstraint(
            "observed_on <= (timezone('Europe/Paris', recorded_at))::date", name="job_observation_future"
        ),
        sa.CheckConstraint("after_months IN (12, 36)", name="job_observation_term"),
        sa.CheckConstraint(
            "jobs_created_fte BETWEEN 0 AND 99999.99 AND jobs_maintained_fte BETWEEN 0 AND 99999.99",
            name="job_observation_jobs",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("job_observations_recorded_by_fkey")),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name=op.f("job_observations_territory_project_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("job_observations_pkey")),
    )
    op.create_index(
        op.f("job_observations_project_id_after_months_id_idx"),
        "job_observations",
        ["project_id", "after_months", "id"],
        unique=False,
    )
    op.create_table(
        "project_holders",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=True),
        sa.Column("siren", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "CASE kind WHEN 'firm' THEN firm_siren IS NOT NULL AND name IS NULL AND siren IS NULL ELSE firm_siren IS NULL AND coalesce(name, '') <> '' END",
            name="project_holder_identity",
        ),
        sa.CheckConstraint("kind IN ('firm', 'training_body', 'association')", name="project_holder_kind"),
        sa.CheckConstraint("is_siren(siren)", name="project_holder_siren"),
        sa.CheckConstraint("position >= 1", name="project_holder_position"),
        sa.ForeignKeyConstraint(
            ["territory", "firm_siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            name=op.f("project_holders_territory_firm_siren_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name=op.f("project_holders_territory_project_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("project_id", "position", name=op.f("project_holders_pkey")),
        sa.UniqueConstraint("project_id", "firm_siren", name="holder_named_twice"),
    )
    op.create_index(
        op.f("project_holders_territory_firm_siren_idx"),
        "project_holders",
        ["territory", "firm_siren"],
        unique=False,
        postgresql_where=sa.text("firm_siren IS NOT NULL"),
    )
    op.create_table(
        "project_stages",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("previous_number", sa.Integer(), nullable=True),
        sa.Column("previous_stage", sa.Text(), nullable=True),
        sa.Column("previous_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN number = 1 THEN stage = 'detected' AND num_nulls(previous_number, previous_stage, previous_on) = 3 ELSE number > 1 AND num_nulls(previous_number, previous_stage, previous_on) = 0 AND (previous_stage, stage) IN (('contracted', 'completed'), ('contracted', 'dropped'), ('detected', 'dropped'), ('detected', 'oriented'), ('dropped', 'detected'), ('filed', 'dropped'), ('filed', 'oriented'), ('filed', 'selected'), ('oriented', 'completed'), ('oriented', 'dropped'), ('oriented', 'filed'), ('selected', 'contracted'), ('selected', 'dropped'), ('selected', 'oriented')) END",
            name="stage_passage_refused",
        ),
        sa.CheckConstraint(
            "effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="project_stage_future"
        ),
        sa.CheckConstraint(
            "reason IS NOT NULL OR previous_stage IS NULL OR (previous_stage, stage) NOT IN (('contracted', 'dropped'), ('detected', 'dropped'), ('dropped', 'detected'), ('filed', 'dropped'), ('filed', 'oriented'), ('oriented', 'dropped'), ('selected', 'dropped'), ('selected', 'oriented'))",
            name="project_stage_reason",
        ),
        sa.CheckConstraint("effective_on >= previous_on", name="stage_out_of_order"),
        sa.CheckConstraint("previous_number = number - 1", name="project_stage_number"),
        sa.ForeignKeyConstraint(
            ["project_id", "previous_number", "previous_stage", "previous_on"],
            [
                "project_stages.project_id",
                "project_stages.number",
                "project_stages.stage",
                "project_stages.effective_on",
            ],
            name="project_stages_previous_fkey",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("project_stages_recorded_by_fkey")),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name=op.f("project_stages_territory_project_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("project_id", "number", name=op.f("project_stages_pkey")),
        sa.UniqueConstraint("project_id", "number", "stage", "effective_on", name="project_stages_chain_key"),
    )
    op.create_index(
        op.f("project_stages_territory_project_id_idx"), "project_stages", ["territory", "project_id"], unique=False
    )
    op.create_table(
        "financing_lines",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=True),
        sa.Column("proof_reference", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'other_public_aid') = (legal_basis IS NOT NULL)", name="financing_line_legal_basis"
        ),
        sa.CheckConstraint("(status = 'secured') = (proof_reference IS NOT NULL)", name="financing_line_proof"),
        sa.CheckConstraint(
            "kind IN ('own_funds', 'loan', 'lease', 'rebond_grant', 'rebond_advance', 'other_public_aid', 'other')",
            name="financing_line_kind",
        ),
        sa.CheckConstraint("source <> ''", name="financing_line_source"),
        sa.CheckConstraint("status IN ('planned', 'requested', 'secured', 'refused')", name="financing_line_status"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="financing_line_amount"),
        sa.CheckConstraint("position >= 1", name="financing_line_position"),
        sa.ForeignKeyConstraint(
            ["territory", "plan_id"],
            ["financing_plans.territory", "financing_plans.id"],
            name=op.f("financing_lines_territory_plan_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("plan_id", "position", name=op.f("financing_lines_pkey")),
        sa.UniqueConstraint("plan_id", "kind", "source", name="source_named_twice"),
    )
    op.create_table(
        "project_costs",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint("(kind = 'not_eligible') = (reason IS NOT NULL)", name="project_cost_reason"),
        sa.CheckConstraint("kind IN ('tangible_asset', 'intangible_asset', 'not_eligible')", name="project_cost_kind"),
        sa.CheckConstraint("label <> ''", name="project_cost_label"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="project_cost_amount"),
        sa.CheckConstraint("position >= 1", name="project_cost_position"),
        sa.ForeignKeyConstraint(
            ["project_id", "holder"],
            ["project_holders.project_id", "project_holders.position"],
            name="project_costs_holder_fkey",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name=op.f("project_costs_territory_project_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("project_id", "position", name=op.f("project_costs_pkey")),
    )
    op.create_foreign_key(
        "projects_lead_holder_fkey",
        "projects",
        "project_holders",
        ["id", "lead_position"],
        ["project_id", "position"],
        deferrable=True,
        initially="DEFERRED",
    )
    op.create_foreign_key(
        "projects_stage_fkey",
        "projects",
        "project_stages",
        ["id", "stage_number", "stage", "stage_since_on"],
        ["project_id", "number", "stage", "effective_on"],
        deferrable=True,
        initially="DEFERRED",
    )
    op.execute(CHECK_FINANCING)
    for table, events in CHECKED.items():
        op.execute(
            f"CREATE CONSTRAINT TRIGGER check_financing AFTER {events} ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_financing()"
        )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE TRUNCATE ON project_costs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_constraint("projects_stage_fkey", "projects", type_="foreignkey")
    op.drop_constraint("projects_lead_holder_fkey", "projects", type_="foreignkey")
    op.drop_table("project_costs")
    op.drop_table("financing_lines")
    op.drop_index(op.f("project_stages_territory_project_id_idx"), table_name="project_stages")
    op.drop_table("project_stages")
    op.drop_index(
        op.f("project_holders_territory_firm_siren_idx"),
        table_name="project_holders",
        postgresql_where=sa.text("firm_siren IS NOT NULL"),
    )
    op.drop_table("project_holders")
    op.drop_index(op.f("job_observations_project_id_after_months_id_idx"), table_name="job_observations")
    op.drop_table("job_observations")
    op.drop_index(op.f("funding_statements_project_id_id_idx"), table_name="funding_statements")
    op.drop_table("funding_statements")
    op.drop_table("financing_plans")
    op.drop_index(op.f("projects_territory_updated_at_idx"), table_name="projects")
    op.drop_index(op.f("projects_territory_stage_idx"), table_name="projects")
    op.drop_index(
        op.f("projects_territory_perimeter_vintage_commune_code_idx"),
        table_name="projects",
        postgresql_where=sa.text("commune_code IS NOT NULL"),
    )
    op.drop_index(
        op.f("projects_mission_id_idx"), table_name="projects", postgresql_where=sa.text("mission_id IS NOT NULL")
    )
    op.drop_index(
        op.f("projects_detected_in_audition_id_idx"),
        table_name="projects",
        postgresql_where=sa.text("detected_in_audition_id IS NOT NULL"),
    )
    op.drop_index(
        op.f("projects_consultant_id_idx"), table_name="projects", postgresql_where=sa.text("consultant_id IS NOT NULL")
    )
    op.drop_table("projects")
    op.execute("DROP FUNCTION check_financing()")
