"""Tables of projects and of their financing plans."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    Select,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.auditions.models import Audition
from app.core import clock
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only
from app.core.values import MAX_AMOUNT_CENTS, MAX_CENTS
from app.projects.financing import LineStatus, PlanStatus, SourceKind
from app.projects.rules import (
    NEED_REASON,
    PASSAGES,
    WITHOUT_ROUTE,
    CostKind,
    FundingRoute,
    HolderKind,
    Maturity,
    ProjectKind,
    ProjectStage,
)


def _pairs(pairs: list[tuple[ProjectStage, ProjectStage]]) -> str:
    return ", ".join(f"('{source.value}', '{target.value}')" for source, target in sorted(pairs))


_PASSAGES = _pairs([(source, target) for source, targets in PASSAGES.items() for target in targets])


class Project(Identified, Versioned, Base):
    """An industrial project of a territory. Its stage is the last passage of its history, by foreign key.

    Foreign keys of what points to each other are checked at COMMIT: both sides are written in turn.

    The commune of its site is one of the perimeter in force on the day it was detected (`perimeter_vintage`).
    """

    __tablename__ = "projects"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        UniqueConstraint("territory", "external_id"),
        ForeignKeyConstraint(
            ["territory", "perimeter_vintage", "commune_code"],
            ["perimeter_communes.territory", "perimeter_communes.vintage", "perimeter_communes.insee_code"],
            name="projects_commune_fkey", info={"field": "commune_code"}, deferrable=True, initially="DEFERRED",
        ),
        ForeignKeyConstraint(
            ["territory", "mission_id"], ["missions.territory", "missions.id"], info={"field": "mission_id"}
        ),
        ForeignKeyConstraint(
            ["territory", "consultant_id"], ["consultants.territory", "consultants.id"],
            info={"field": "consultant_id"},
        ),
        ForeignKeyConstraint(
            ["territory", "detected_in_audition_id"], [Audition.__table__.c.territory, Audition.__table__.c.id],
            name="projects_audition_fkey", info={"field": "detected_in_audition_id"},
        ),
        ForeignKeyConstraint(
            ["id", "stage_number", "stage", "stage_since_on"],
            ["project_stages.project_id", "project_stages.number", "project_stages.stage",
             "project_stages.effective_on"],
            name="projects_stage_fkey", use_alter=True, deferrable=True, initially="DEFERRED",
        ),
        ForeignKeyConstraint(
            ["id", "lead_position"], ["project_holders.project_id", "project_holders.position"],
            name="projects_lead_holder_fkey", use_alter=True, info={"field": "holders"},
            deferrable=True, initially="DEFERRED",
        ),
        shape("title <> ''", name="project_title"),
        shape(one_of("kind", ProjectKind), name="project_kind"),
        shape(one_of("maturity", Maturity), name="project_maturity"),
        shape(one_of("funding_route", FundingRoute), name="project_funding_route"),
        CheckConstraint(
            f"{one_of('stage', WITHOUT_ROUTE)} OR funding_route IS NOT NULL", name="funding_route_missing"
        ),
        shape("(commune_code IS NULL) = (perimeter_vintage IS NULL)", name="project_commune"),
        shape("ends_on >= starts_on", name="project_period"),
        shape(
            "jobs_created_fte BETWEEN 0 AND 99999.99 AND jobs_maintained_fte BETWEEN 0 AND 99999.99",
            name="project_jobs",
        ),
        Index(None, "territory", "stage"),
        Index(None, "territory", "updated_at"),
        Index(None, "mission_id", postgresql_where=text("mission_id IS NOT NULL")),
        Index(None, "consultant_id", postgresql_where=text("consultant_id IS NOT NULL")),
        Index(None, "detected_in_audition_id", postgresql_where=text("detected_in_audition_id IS NOT NULL")),
        Index(None, "territory", "perimeter_vintage", "commune_code",
              postgresql_where=text("commune_code IS NOT NULL")),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    title: Mapped[str]
    description: Mapped[str | None]
    kind: Mapped[str]
    maturity: Mapped[str]
    commune_code: Mapped[str | None]
    perimeter_vintage: Mapped[int | None] = mapped_column(SmallInteger)
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    jobs_created_fte: Mapped[Decimal | None] = mapped_column(Numeric(7, 2))
    jobs_maintained_fte: Mapped[Decimal | None] = mapped_column(Numeric(7, 2))
    environmental_effect: Mapped[str | None]
    funding_route: Mapped[str | None]
    mission_id: Mapped[UUID | None]
    consultant_id: Mapped[UUID | None]
    detected_in_audition_id: Mapped[UUID | None]
    external_id: Mapped[str | None]
    stage: Mapped[str]
    stage_number: Mapped[int]
    stage_since_on: Mapped[date]
    lead_position: Mapped[int] = mapped_column(SmallInteger)


class ProjectPassage(Base):
    """A passage of a project to a stage, in both times. Append-only; each follows the one before, by foreign key."""

    __tablename__ = "project_stages"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "project_id"], ["projects.territory", "projects.id"]),
        UniqueConstraint("project_id", "number", "stage", "effective_on", name="project_stages_chain_key"),
        ForeignKeyConstraint(
            ["project_id", "previous_number", "previous_stage", "previous_on"],
            ["project_stages.project_id", "project_stages.number", "project_stages.stage",
             "project_stages.effective_on"],
            name="project_stages_previous_fkey",
        ),
        shape("previous_number = number - 1", name="project_stage_number"),
        CheckConstraint(
            "CASE WHEN number = 1"
            " THEN stage = 'detected' AND num_nulls(previous_number, previous_stage, previous_on) = 3"
            f" ELSE number > 1 AND num_nulls(previous_number, previous_stage, previous_on) = 0"
            f" AND (previous_stage, stage) IN ({_PASSAGES}) END",
            name="stage_passage_refused",
        ),
        CheckConstraint("effective_on >= previous_on", name="stage_out_of_order"),
        shape(
            f"reason IS NOT NULL OR previous_stage IS NULL"
            f" OR (previous_stage, stage) NOT IN ({_pairs(list(NEED_REASON))})",
            name="project_stage_reason",
        ),
        shape("effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="project_stage_future"),
        Index(None, "territory", "project_id"),
    )  # fmt: skip

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    territory: Mapped[str]
    stage: Mapped[str]
    effective_on: Mapped[date]
    previous_number: Mapped[int | None]
    previous_stage: Mapped[str | None]
    previous_on: Mapped[date | None]
    reason: Mapped[str | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class Holder(Base):
    """Who holds a project, in order. A firm is one that the territory follows; others are known by their name."""

    __tablename__ = "project_holders"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "project_id"], ["projects.territory", "projects.id"]),
        ForeignKeyConstraint(
            ["territory", "firm_siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            info={"field": "holders"},
        ),
        UniqueConstraint("project_id", "firm_siren", name="holder_named_twice"),
        shape("position >= 1", name="project_holder_position"),
        shape(one_of("kind", HolderKind), name="project_holder_kind"),
        shape(
            "CASE kind WHEN 'firm' THEN firm_siren IS NOT NULL AND name IS NULL AND siren IS NULL"
            " ELSE firm_siren IS NULL AND coalesce(name, '') <> '' END",
            name="project_holder_identity",
        ),
        shape("is_siren(siren)", name="project_holder_siren"),
        Index(None, "territory", "firm_siren", postgresql_where=text("firm_siren IS NOT NULL")),
    )

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    territory: Mapped[str]
    kind: Mapped[str]
    firm_siren: Mapped[str | None]
    siren: Mapped[str | None]
    name: Mapped[str | None]


class Cost(Base):
    """A line of what a project costs, excluding VAT. One of the holders may be named as its owner."""

    __tablename__ = "project_costs"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "project_id"], ["projects.territory", "projects.id"]),
        ForeignKeyConstraint(
            ["project_id", "holder"], ["project_holders.project_id", "project_holders.position"],
            name="project_costs_holder_fkey", info={"field": "costs"}, deferrable=True, initially="DEFERRED",
        ),
        shape("position >= 1", name="project_cost_position"),
        shape("label <> ''", name="project_cost_label"),
        shape(one_of("kind", CostKind), name="project_cost_kind"),
        shape("(kind = 'not_eligible') = (reason IS NOT NULL)", name="project_cost_reason"),
        shape(f"amount_cents BETWEEN 1 AND {MAX_AMOUNT_CENTS}", name="project_cost_amount"),
    )  # fmt: skip

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    territory: Mapped[str]
    label: Mapped[str]
    kind: Mapped[str]
    reason: Mapped[str | None]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[int | None] = mapped_column(SmallInteger)


class JobObservation(Identified, Base):
    """Jobs counted 12 or 36 months after a project's end. Append-only: a later one of the same term replaces it."""

    __tablename__ = "job_observations"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "project_id"], ["projects.territory", "projects.id"]),
        shape("after_months IN (12, 36)", name="job_observation_term"),
        shape(
            "jobs_created_fte BETWEEN 0 AND 99999.99 AND jobs_maintained_fte BETWEEN 0 AND 99999.99",
            name="job_observation_jobs",
        ),
        shape("evidence <> ''", name="job_observation_evidence"),
        shape("observed_on <= (timezone('Europe/Paris', recorded_at))::date", name="job_observation_future"),
        Index(None, "project_id", "after_months", "id"),
    )

    territory: Mapped[str]
    project_id: Mapped[UUID]
    after_months: Mapped[int] = mapped_column(SmallInteger)
    observed_on: Mapped[date]
    jobs_created_fte: Mapped[Decimal] = mapped_column(Numeric(7, 2))
    jobs_maintained_fte: Mapped[Decimal] = mapped_column(Numeric(7, 2))
    evidence: Mapped[str]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class FinancingPlan(Identified, Base):
    """One version of a project's financing plan. Append-only; the last one is the plan.

    `uses_cents` and `eligible_cents` are the project's costs: new costs make a new version. Sums and ratios are those
    of its lines as `financing.py` computes them; a trigger holds the sums to the lines and costs at COMMIT.
    """

    __tablename__ = "financing_plans"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "project_id"], ["projects.territory", "projects.id"]),
        UniqueConstraint("project_id", "number", name="financing_plans_number_key"),
        UniqueConstraint("territory", "id"),
        shape("number >= 1", name="financing_plan_number"),
        shape(one_of("status", PlanStatus), name="financing_plan_status"),
        CheckConstraint(
            "status <> 'complete' OR (uses_cents = sources_cents AND uses_cents > 0)", name="financing_incomplete"
        ),
        shape(
            f"uses_cents BETWEEN 0 AND {MAX_CENTS} AND eligible_cents BETWEEN 0 AND uses_cents"
            f" AND sources_cents BETWEEN 0 AND {MAX_CENTS} AND secured_cents BETWEEN 0 AND sources_cents",
            name="financing_plan_amounts",
        ),
    )

    territory: Mapped[str]
    project_id: Mapped[UUID]
    number: Mapped[int]
    status: Mapped[str]
    uses_cents: Mapped[int] = mapped_column(BigInteger)
    eligible_cents: Mapped[int] = mapped_column(BigInteger)
    sources_cents: Mapped[int] = mapped_column(BigInteger)
    secured_cents: Mapped[int] = mapped_column(BigInteger)
    gaps: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    planned_total: Mapped[Decimal | None] = mapped_column(Numeric(24, 4))
    planned_cofunding: Mapped[Decimal | None] = mapped_column(Numeric(24, 4))
    planned_private: Mapped[Decimal | None] = mapped_column(Numeric(24, 4))
    planned_other_public: Mapped[Decimal | None] = mapped_column(Numeric(24, 4))
    secured_total: Mapped[Decimal | None] = mapped_column(Numeric(24, 4))
    secured_cofunding: Mapped[Decimal | None] = mapped_column(Numeric(24, 4))
    secured_private: Mapped[Decimal | None] = mapped_column(Numeric(24, 4))
    secured_other_public: Mapped[Decimal | None] = mapped_column(Numeric(24, 4))
    note: Mapped[str | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class FinancingLine(Base):
    """A source of a version of a plan. Append-only."""

    __tablename__ = "financing_lines"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "plan_id"], ["financing_plans.territory", "financing_plans.id"]),
        UniqueConstraint("plan_id", "kind", "source", name="source_named_twice"),
        shape("position >= 1", name="financing_line_position"),
        shape("source <> ''", name="financing_line_source"),
        shape(one_of("kind", SourceKind), name="financing_line_kind"),
        shape(one_of("status", LineStatus), name="financing_line_status"),
        shape(f"amount_cents BETWEEN 1 AND {MAX_AMOUNT_CENTS}", name="financing_line_amount"),
        shape("(kind = 'other_public_aid') = (legal_basis IS NOT NULL)", name="financing_line_legal_basis"),
        shape("(status = 'secured') = (proof_reference IS NOT NULL)", name="financing_line_proof"),
        ForeignKeyConstraint(
            ["territory", "grant_id"], ["grants.territory", "grants.id"], name="financing_lines_grant_fkey"
        ),
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="financing_lines_advance_fkey"
        ),
        shape(
            "(grant_id IS NULL OR kind = 'rebond_grant' AND status = 'secured')"
            " AND (advance_id IS NULL OR kind = 'rebond_advance' AND status = 'secured')",
            name="financing_line_award",
        ),
        Index("financing_lines_grant_key", "grant_id", "plan_id", unique=True,
              postgresql_where=text("grant_id IS NOT NULL")),
        Index("financing_lines_advance_key", "advance_id", "plan_id", unique=True,
              postgresql_where=text("advance_id IS NOT NULL")),
    )  # fmt: skip

    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    territory: Mapped[str]
    kind: Mapped[str]
    source: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    legal_basis: Mapped[str | None]
    proof_reference: Mapped[str | None]
    grant_id: Mapped[UUID | None]
    advance_id: Mapped[UUID | None]


# The awards that stand, of every instrument: Selects of (territory, siren, project_id, kind, id, amount_cents,
# reference, ended). Each adds its own. The amount is what is not released; an award has ended where nothing of it is
# left to pay or to repay.
AIDED: list[Select[*tuple[Any, ...]]] = []


class FundingStatement(Identified, Base):
    """A person's dated statement that no other public funding was found. An act; it is never changed.

    Source: subsidiarity of the programme's aid (domain.md §1.1), which an aid file will have to show.
    """

    __tablename__ = "funding_statements"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "project_id"], ["projects.territory", "projects.id"]),
        ForeignKeyConstraint(["stated_by", "stater_kind"], ["subjects.id", "subjects.kind"], name="stated_by_a_person"),
        shape("stater_kind = 'person'", name="funding_statement_stater_kind"),
        shape(
            "cardinality(sources_searched) > 0 AND array_position(sources_searched, NULL) IS NULL"
            " AND array_position(sources_searched, '') IS NULL",
            name="funding_statement_sources",
        ),
        shape("stated_on <= (timezone('Europe/Paris', recorded_at))::date", name="funding_statement_future"),
        Index(None, "project_id", "id"),
    )

    territory: Mapped[str]
    project_id: Mapped[UUID]
    stated_on: Mapped[date]
    sources_searched: Mapped[list[str]]
    note: Mapped[str | None]
    stated_by: Mapped[UUID]
    stater_kind: Mapped[str] = mapped_column(server_default="person")
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


# At COMMIT the last plan of a project says what its lines and the project's costs come to. The project's row is locked
# first: of two transactions that each change one side, the second sees what the first did.
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


def check_financing(table: str, events: str) -> str:
    """The trigger that holds a plan to its lines and costs at COMMIT."""
    return (
        f"CREATE CONSTRAINT TRIGGER check_financing AFTER {events} ON {table}"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_financing()"
    )


# At COMMIT the lines of a project's last plan that name an award say what it says. Whoever ends an award, or changes
# what is released of it, holds the project already.
CHECK_PLAN_AWARDS = """
CREATE FUNCTION check_plan_awards() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project uuid;
BEGIN
    IF TG_TABLE_NAME = 'financing_lines' THEN
        SELECT project_id INTO project FROM financing_plans WHERE id = NEW.plan_id;
    ELSE
        project := NEW.project_id;
    END IF;
    PERFORM FROM projects WHERE id = project FOR NO KEY UPDATE;
    IF EXISTS (
        WITH awards AS (
            SELECT id, project_id, status, amount_cents - released_cents AS cents, decision_reference FROM grants
            WHERE project_id = project
            UNION ALL
            SELECT id, project_id, status, amount_cents - released_cents, decision_reference FROM advances
            WHERE project_id = project
        )
        SELECT FROM financing_lines l LEFT JOIN awards a ON a.id = coalesce(l.grant_id, l.advance_id)
        WHERE l.plan_id = (SELECT id FROM financing_plans WHERE project_id = project ORDER BY number DESC LIMIT 1)
            AND coalesce(l.grant_id, l.advance_id) IS NOT NULL
            AND (
                a.id IS NULL OR a.status IN ('cancelled', 'reversed') OR l.amount_cents <> a.cents
                OR l.proof_reference <> a.decision_reference
            )
    ) THEN
        RAISE EXCEPTION 'the line of an award is not what the award says'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'financing_line_of_award';
    END IF;
    RETURN NULL;
END
$$
"""
LINE_OF_AWARD = """
CREATE CONSTRAINT TRIGGER check_plan_awards AFTER INSERT ON financing_lines
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.grant_id IS NOT NULL OR NEW.advance_id IS NOT NULL)
EXECUTE FUNCTION check_plan_awards()
"""


def check_plan_awards(table: str) -> str:
    """The trigger that holds the line of an award to it, where the award ends or a part of it is released."""
    over = "('cancelled', 'reversed')"
    return (
        f"CREATE CONSTRAINT TRIGGER check_plan_awards AFTER UPDATE OF status, released_cents ON {table}"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.project_id IS NOT NULL AND ("
        f"OLD.released_cents <> NEW.released_cents OR (OLD.status IN {over}) <> (NEW.status IN {over})))"
        " EXECUTE FUNCTION check_plan_awards()"
    )


# Passages stay as they were written. Only the day of the detection may be corrected, and the next passage repeats it.
KEPT_OF_PASSAGES = (
    "UPDATE OF project_id, number, territory, stage, previous_number, previous_stage, reason, recorded_by, recorded_at"
    " OR DELETE OR TRUNCATE"
)
KEEP_DAYS = """
CREATE TRIGGER keep_days BEFORE UPDATE ON project_stages FOR EACH ROW
WHEN (
    OLD.number <> 1 AND OLD.effective_on <> NEW.effective_on
    OR OLD.number <> 2 AND OLD.previous_on IS DISTINCT FROM NEW.previous_on
) EXECUTE FUNCTION refuse_change()
"""

# What a stage means is there: the statement before a project is filed with the programme, the pre-selection of a file
# where it is selected, an award from then on; and while an award stands, the stage says so. Awards and pre-selections
# change under the project's lock, statements never.
CHECK_STAGE = """
CREATE FUNCTION check_project_stage() RETURNS trigger LANGUAGE plpgsql AS $$
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
STAGE_GUARD = """
CREATE TRIGGER check_stage BEFORE UPDATE OF stage, funding_route ON projects FOR EACH ROW
WHEN (OLD.stage <> NEW.stage OR OLD.funding_route IS DISTINCT FROM NEW.funding_route)
EXECUTE FUNCTION check_project_stage()
"""
CLOSED_COSTS = """
CREATE FUNCTION refuse_closed_costs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM projects WHERE id IN (NEW.project_id, OLD.project_id) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM projects WHERE id IN (NEW.project_id, OLD.project_id) AND stage = 'completed') THEN
        RAISE EXCEPTION 'it is completed' USING ERRCODE = 'check_violation', CONSTRAINT = 'costs_closed';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
COSTS_GUARD = """
CREATE TRIGGER refuse_closed BEFORE INSERT OR UPDATE OR DELETE ON project_costs
FOR EACH ROW EXECUTE FUNCTION refuse_closed_costs()
"""
# A project was detected with a firm that holds it. Holders are replaced as a whole, so this is held at COMMIT, and the
# audition too: who leaves one of its firms out comes before, or sees the holders.
CHECK_AUDITION = """
CREATE FUNCTION check_project_audition() RETURNS trigger LANGUAGE plpgsql AS $$
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
AUDITION_GUARD = """
CREATE CONSTRAINT TRIGGER check_audition AFTER INSERT OR UPDATE OF detected_in_audition_id ON projects
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.detected_in_audition_id IS NOT NULL)
EXECUTE FUNCTION check_project_audition()
"""
AUDITION_GUARD_OF_HOLDERS = """
CREATE CONSTRAINT TRIGGER check_audition AFTER INSERT OR UPDATE ON project_holders
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_project_audition()
"""

event.listen(Base.metadata, "before_create", DDL(CHECK_FINANCING))
for _function in (CHECK_STAGE, CLOSED_COSTS, CHECK_AUDITION, CHECK_PLAN_AWARDS):
    event.listen(Base.metadata, "before_create", DDL(_function))
for _table, _statements in (
    (Project, (STAGE_GUARD, AUDITION_GUARD)),
    (Holder, (AUDITION_GUARD_OF_HOLDERS,)),
    (ProjectPassage, (append_only("project_stages", KEPT_OF_PASSAGES), KEEP_DAYS)),
    (
        Cost,
        (
            check_financing("project_costs", "INSERT OR UPDATE OR DELETE"),
            append_only("project_costs", "TRUNCATE"),
            COSTS_GUARD,
        ),
    ),
    (JobObservation, (append_only("job_observations"),)),
    (FinancingPlan, (check_financing("financing_plans", "INSERT"), append_only("financing_plans"))),
    (
        FinancingLine,
        (check_financing("financing_lines", "INSERT"), LINE_OF_AWARD, append_only("financing_lines")),
    ),
    (FundingStatement, (append_only("funding_statements"),)),
):
    for _statement in _statements:
        event.listen(_table.__table__, "after_create", DDL(_statement))
