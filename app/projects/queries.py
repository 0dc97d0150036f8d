"""Reads of projects and of their financing plans."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator
from sqlalchemy import (
    Boolean,
    Date,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.auditions.models import Audition
from app.core.db import KEPT_SHAPES, Statement, param
from app.core.reading.listing import (
    Filter,
    Listing,
    Rows,
    any_of,
    as_object,
    at_least,
    at_most,
    equals,
    json_array,
    json_object,
    matches,
    updated_since,
)
from app.core.reading.query import Flag, Parameter
from app.core.reading.two_times import times_of
from app.core.values import MAX_CENTS, Day, ExternalId, InseeCode, Siren, Uuid, parse_int
from app.core.writing.events import BEFORE, last_event, said
from app.firms.models import Firm
from app.missions.models import Consultant, Mission
from app.programme.models import PerimeterCommune
from app.programme.national import national
from app.projects import schemas
from app.projects.financing import PROGRAMME_AID, LineStatus, PlanStatus, SourceKind
from app.projects.models import (
    Cost,
    FinancingLine,
    FinancingPlan,
    FundingStatement,
    Holder,
    JobObservation,
    Project,
    ProjectPassage,
)
from app.projects.rules import FundingRoute, HolderKind, Maturity, ProjectKind, ProjectStage

# An amount as a filter gives it: text of a query string.
_Amount = Annotated[int, BeforeValidator(lambda value: parse_int(value, 0, MAX_CENTS))]

_territory = param("territory", Text())
_project_id = param("project_id", Project.id.type)
_project = Project


def _array(order: Any, source: Any, /, *where: Any, **fields: Any) -> Any:
    """The rows of a child table as a JSON array, empty where there are none."""
    array = select(json_array(json_object(**fields), order)).select_from(source).where(*where)
    return array.correlate(Project, FinancingPlan).scalar_subquery()


def _whole(column: Any) -> Any:
    """A sum of cents, whatever its size: as PostgreSQL sums bigint, in numeric, and no fraction of a cent."""
    return cast(func.coalesce(func.sum(column), 0), Numeric)


_holder, _cost_line, _observation = Holder, Cost, JobObservation
_held = Holder.__table__.outerjoin(Firm.__table__, Firm.siren == Holder.firm_siren)
_holders = _array(
    _holder.position,
    _held,
    _holder.project_id == _project.id,
    kind=_holder.kind,
    siren=func.coalesce(_holder.firm_siren, _holder.siren),
    name=func.coalesce(Firm.name, _holder.name),
    lead=_holder.position == _project.lead_position,
)
_costs = _array(
    _cost_line.position,
    Cost,
    _cost_line.project_id == _project.id,
    label=_cost_line.label,
    kind=_cost_line.kind,
    amount_cents=_cost_line.amount_cents,
    reason=_cost_line.reason,
    holder=_cost_line.holder,
)
_cost = (
    select(_whole(_cost_line.amount_cents))
    .where(_cost_line.project_id == _project.id)
    .correlate(Project)
    .scalar_subquery()
)
_eligible = (
    select(_whole(_cost_line.amount_cents))
    .where(_cost_line.project_id == _project.id, _cost_line.kind != literal_column("'not_eligible'"))
    .correlate(Project)
    .scalar_subquery()
)
_later = aliased(JobObservation)
_superseded = (
    select(_later.id)
    .where(
        _later.project_id == _observation.project_id,
        _later.after_months == _observation.after_months,
        _later.id > _observation.id,
    )
    .exists()
)
_superseded_then = (
    select(_later.id)
    .where(
        _later.project_id == _observation.project_id,
        _later.after_months == _observation.after_months,
        _later.id > _observation.id,
        _later.recorded_at < BEFORE,
    )
    .exists()
)
_observed = _array(
    _observation.after_months,
    JobObservation,
    _observation.project_id == _project.id,
    ~_superseded,
    after_months=_observation.after_months,
    observed_on=_observation.observed_on,
    jobs_created_fte=_observation.jobs_created_fte,
    jobs_maintained_fte=_observation.jobs_maintained_fte,
)
_jobs = func.coalesce(_project.jobs_created_fte, 0) + func.coalesce(_project.jobs_maintained_fte, 0)
_first = aliased(ProjectPassage)
_detected_on = (
    select(_first.effective_on)
    .where(_first.project_id == _project.id, _first.number == literal_column("1"))
    .correlate(Project)
    .scalar_subquery()
)
_person, _recorder = Subject.__table__.alias("person"), Subject.__table__.alias("recorder")
_long = _project.ends_on > _project.starts_on + text("interval '24 months'")
_as_of = param("as_of", Date())


def _rows(stage: Any, stage_since_on: Any) -> Rows:
    return (
        select(
            _project.id,
            _project.territory,
            _project.title,
            _project.description,
            _project.kind,
            _project.maturity,
            _holders.label("holders"),
            _project.commune_code,
            PerimeterCommune.name.label("commune_name"),
            _detected_on.label("detected_on"),
            _project.starts_on,
            _project.ends_on,
            _long.label("longer_than_24_months"),
            _costs.label("costs"),
            _cost.label("cost_cents"),
            _eligible.label("eligible_cents"),
            _project.jobs_created_fte,
            _project.jobs_maintained_fte,
            cast(_jobs, Numeric(12, 2)).label("jobs_fte"),
            _observed.label("jobs_observed"),
            _project.environmental_effect,
            _project.funding_route,
            stage.label("stage"),
            stage_since_on.label("stage_since_on"),
            _project.mission_id,
            Mission.name.label("mission_name"),
            _project.consultant_id,
            _person.c.name.label("consultant_name"),
            _project.detected_in_audition_id,
            func.coalesce(Audition.held_on, Audition.planned_on).label("detected_in_audition_on"),
            _project.external_id,
            _project.version,
            _project.created_at,
            _project.updated_at,
        )
        .outerjoin(
            PerimeterCommune,
            (PerimeterCommune.territory == _project.territory)
            & (PerimeterCommune.vintage == _project.perimeter_vintage)
            & (PerimeterCommune.insee_code == _project.commune_code),
        )
        .outerjoin(Mission, Mission.id == _project.mission_id)
        .outerjoin(Consultant, Consultant.id == _project.consultant_id)
        .outerjoin(_person, _person.c.id == Consultant.person_id)
        .outerjoin(Audition, Audition.id == _project.detected_in_audition_id)
        .where(_project.territory == _territory)
    )


def _held_by(name: str) -> Any:
    siren = param(name, Text())
    mine = select(_holder.position).where(
        _holder.project_id == _project.id, or_(_holder.firm_siren == siren, _holder.siren == siren)
    )
    return mine.correlate(Project).exists()


_in_text = matches(
    _project.title, _project.description, doc="Part of the title, of the description or of a holder's name."
)
_in_holder = matches(func.coalesce(Firm.name, _holder.name), doc="")


def _mentions(name: str) -> Any:
    named = select(_holder.position).select_from(_held).where(_holder.project_id == _project.id, _in_holder.where(name))
    return or_(_in_text.where(name), named.correlate(Project).exists())


def _filters(of: Mapping[str, Any], held_by: Callable[[str], Any]) -> dict[str, Filter]:
    """What projects are filtered by, as rows or events tell it; `q` is apart, for no event knows present names."""
    return {
        "stage": any_of(of["stage"], ProjectStage, "Any of these stages."),
        "stage_since_from": at_least(of["stage_since_on"], Day, "At this stage since this day or later."),
        "stage_since_to": at_most(of["stage_since_on"], Day, "At this stage since this day or earlier."),
        "kind": any_of(of["kind"], ProjectKind, "Any of these kinds."),
        "maturity": any_of(of["maturity"], Maturity, "Any of these maturities."),
        "funding_route": any_of(of["funding_route"], FundingRoute, "Any of these proposed routes."),
        "commune_code": any_of(of["commune_code"], InseeCode, "On a site in any of these communes."),
        "siren": Filter(Parameter(Siren, "Held by this firm or body."), held_by),
        "detected_in_audition_id": equals(of["detected_in_audition_id"], Uuid, "Detected in this audition."),
        "mission_id": equals(of["mission_id"], Uuid, "Detected by this mission."),
        "consultant_id": equals(of["consultant_id"], Uuid, "Followed by this consultant."),
        "amount_min_cents": at_least(of["cost_cents"], _Amount, "Costing this or more."),
        "amount_max_cents": at_most(of["cost_cents"], _Amount, "Costing this or less."),
        "detected_from": at_least(of["detected_on"], Day, "Detected on this day or later."),
        "detected_to": at_most(of["detected_on"], Day, "Detected on this day or earlier."),
        "starts_from": at_least(of["starts_on"], Day, "Starting on this day or later."),
        "starts_to": at_most(of["starts_on"], Day, "Starting on this day or earlier."),
        "longer_than_24_months": Filter(
            Parameter(Flag, "Longer than 24 months, or not."),
            lambda name: of["longer_than_24_months"] == param(name, Boolean()),
        ),
        "external_id": equals(of["external_id"], ExternalId, "The project that another system knows by this id."),
        "updated_since": updated_since(of["updated_at"]),
    }


_TOLD = (
    "kind",
    "maturity",
    "funding_route",
    "commune_code",
    "detected_in_audition_id",
    "mission_id",
    "consultant_id",
    "starts_on",
    "external_id",
    "updated_at",
)


def _projects(stage: Any, stage_since_on: Any, rows: Rows, **more: Filter) -> Listing:
    of = {
        "stage": stage,
        "stage_since_on": stage_since_on,
        "cost_cents": _cost,
        "detected_on": _detected_on,
        "longer_than_24_months": _long,
        **{name: Project.__table__.c[name] for name in _TOLD},
    }
    return Listing(
        schema=schemas.Project,
        rows=rows,
        key=_project.id,
        version=_project.version,
        derived=True,
        filters={
            **more,
            **_filters(of, _held_by),
            "q": Filter(_in_text.parameter, _mentions, _in_text.prepare),
        },
        sorts={
            "title": _project.title,
            "cost_cents": _cost,
            "jobs_fte": _jobs,
            "stage": stage,
            "stage_since_on": stage_since_on,
            "detected_on": _detected_on,
            "starts_on": _project.starts_on,
            "updated_at": _project.updated_at,
        },
    )


PROJECTS = _projects(_project.stage, _project.stage_since_on, _rows(_project.stage, _project.stage_since_on))

# As of a day: the last passage by then; projects detected later are not there yet.
_at, _by = aliased(ProjectPassage), aliased(ProjectPassage)
_last = (
    select(func.max(_by.number)).where(_by.project_id == _project.id, _by.effective_on <= _as_of).correlate(Project)
).scalar_subquery()
AS_OF = Filter(
    Parameter(Day, "Projects detected by this day, at their stage of that day."),
    lambda _name: _at.effective_on <= _as_of,
)
PROJECTS_AS_OF = _projects(
    _at.stage,
    _at.effective_on,
    _rows(_at.stage, _at.effective_on).join(_at, (_at.project_id == _project.id) & (_at.number == _last)),
    as_of=AS_OF,
)
ALL_PROJECTS, ALL_PROJECTS_AS_OF = (national(listing, _project.territory) for listing in (PROJECTS, PROJECTS_AS_OF))

_of_project = (Project.territory == _territory, Project.id == _project_id)
_parent = select(Project.id).where(*_of_project)

_passage = ProjectPassage


def _stages(effective_on: Any, project: Any = None) -> Listing:
    rows = select(
        _passage.number,
        _passage.project_id,
        _passage.stage,
        _passage.previous_stage,
        _passage.reason,
        effective_on.label("effective_on"),
        _passage.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _passage.recorded_at,
    ).outerjoin(_recorder, _recorder.c.id == _passage.recorded_by)
    if project is not None:
        rows = rows.join(project, project.c.id == _passage.project_id)
    return Listing(
        schema=schemas.ProjectPassage,
        rows=rows.where(_passage.territory == _territory, _passage.project_id == _project_id),
        key=_passage.number,
        key_name="number",
        parent=_parent,
        filters={
            "stage": any_of(_passage.stage, ProjectStage, "Passages to any of these stages."),
            **times_of(effective_on, _passage.recorded_at),
        },
        sorts={"effective_on": effective_on},
    )


STAGES = _stages(_passage.effective_on)
# As it was known then: the day of the first passage can be corrected.
_then = last_event("project", _parent.subquery("known"), param("recorded_as_of", _passage.recorded_at.type))
STAGES_THEN = _stages(
    case((_passage.number == literal_column("1"), said(_then, "detected_on", Date())), else_=_passage.effective_on),
    _then,
)

JOB_OBSERVATIONS = Listing(
    schema=schemas.JobObservation,
    rows=select(
        _observation.id,
        _observation.project_id,
        _observation.after_months,
        _observation.observed_on,
        _observation.jobs_created_fte,
        _observation.jobs_maintained_fte,
        _observation.evidence,
        _observation.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _observation.recorded_at,
    )
    .outerjoin(_recorder, _recorder.c.id == _observation.recorded_by)
    .where(_observation.territory == _territory, _observation.project_id == _project_id),
    key=_observation.id,
    parent=_parent,
    sorts={"observed_on": _observation.observed_on},
)

_statement = FundingStatement
FUNDING_STATEMENTS = Listing(
    schema=schemas.FundingStatement,
    rows=select(
        _statement.id,
        _statement.project_id,
        _statement.stated_on,
        _statement.sources_searched,
        _statement.note,
        _statement.stated_by,
        _person.c.name.label("stated_by_name"),
        _statement.recorded_at,
    )
    .join(_person, _person.c.id == _statement.stated_by)
    .where(_statement.territory == _territory, _statement.project_id == _project_id),
    key=_statement.id,
    parent=_parent,
    sorts={"stated_on": _statement.stated_on},
)

# --- financing -------------------------------------------------------------------------------------------------------

_plan, _line = FinancingPlan, FinancingLine
_lines = _array(
    _line.position,
    FinancingLine,
    _line.plan_id == _plan.id,
    kind=_line.kind,
    source=_line.source,
    amount_cents=_line.amount_cents,
    status=_line.status,
    legal_basis=_line.legal_basis,
    proof_reference=_line.proof_reference,
    award_id=func.coalesce(_line.grant_id, _line.advance_id),
)


def _leverage(basis: str) -> Any:
    names = ("total", "cofunding", "private", "other_public")
    columns = FinancingPlan.__table__.c
    return json_object(**{name: columns[f"{basis}_{name}"] for name in names})


_plans = (
    select(
        _plan.id,
        _plan.project_id,
        _project.title.label("project_title"),
        _plan.number.label("version"),
        _plan.status,
        _lines.label("lines"),
        _plan.uses_cents,
        _plan.eligible_cents,
        _plan.sources_cents,
        _plan.secured_cents,
        _plan.gaps,
        json_object(planned=_leverage("planned"), secured=_leverage("secured")).label("leverage"),
        _plan.note,
        _plan.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _plan.recorded_at,
    )
    .join(Project, Project.id == _plan.project_id)
    .outerjoin(_recorder, _recorder.c.id == _plan.recorded_by)
    .where(_plan.territory == _territory, _plan.project_id == _project_id)
)
_newer = aliased(FinancingPlan)
_current = ~select(_newer.id).where(_newer.project_id == _plan.project_id, _newer.number > _plan.number).exists()

_current_then = and_(
    _plan.recorded_at < BEFORE,
    ~select(_newer.id)
    .where(_newer.project_id == _plan.project_id, _newer.number > _plan.number, _newer.recorded_at < BEFORE)
    .exists(),
)

# The plan in force is found by its project.
FINANCING = Listing(
    schema=schemas.Financing,
    rows=_plans.where(_current),
    key=_plan.project_id,
    key_name="project_id",
    version=_plan.number,
    derived=True,
)
# The one that was in force at an instant.
FINANCING_THEN = Listing(
    schema=schemas.Financing,
    rows=_plans.where(_current_then),
    key=_plan.project_id,
    key_name="project_id",
    version=_plan.number,
    derived=True,
)
FINANCING_VERSIONS = Listing(
    schema=schemas.Financing,
    rows=_plans,
    key=_plan.id,
    version=_plan.number,
    derived=True,
    parent=_parent,
    filters={"status": any_of(_plan.status, PlanStatus, "Drafts, or plans declared complete.")},
    sorts={"version": _plan.number},
)

_asked, _with = param("id", _plan.id.type), param("with", _plan.id.type)
_other = aliased(FinancingPlan)
_before = select(_other.number - literal_column("1")).where(_other.id == _asked).scalar_subquery()

# The version asked for, and the one to compare it with: `with`, or the one before.
COMPARED = Statement(
    as_object(_plans.where(or_(_plan.id == _asked, _plan.id == _with, and_(_with.is_(None), _plan.number == _before))))
)

# --- totals ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=KEPT_SHAPES)
def totals(listing: Listing, given: frozenset[str]) -> Statement:
    """The sums over all projects that the filters select, as one JSON object; leverage is computed from its sums."""
    return Statement(_sums(_summed(listing.filtered(given))))


def _summed(rows: Rows) -> Rows:
    return rows.with_only_columns(
        _project.id,
        _project.funding_route,
        rows.selected_columns["stage"],
        _cost.label("cost"),
        _eligible.label("eligible"),
        _project.jobs_created_fte,
        _project.jobs_maintained_fte,
        _jobs.label("jobs"),
    )


@lru_cache(maxsize=KEPT_SHAPES)
def totals_then(given: frozenset[str]) -> Statement:
    """The same of what had been recorded by an instant: a project is what its last event by then says."""
    then = last_event("project", select(_project.id).where(_project.territory == _territory).subquery("ids"))
    # The day of the first passage can be corrected.
    on_day = case(
        (_passage.number == literal_column("1"), said(then, "detected_on", Date())), else_=_passage.effective_on
    )
    stood = (
        select(then.c.id, then.c.data, _passage.stage, on_day.label("stage_since_on"))
        .join(_passage, _passage.project_id == then.c.id)
        .ext(distinct_on(then.c.id))
        .where(_passage.recorded_at < BEFORE, on_day <= _as_of)
        .order_by(then.c.id, _passage.number.desc())
        .subquery("stood")
    )
    of = {name: said(stood, name, Project.__table__.c[name].type) for name in _TOLD}
    of |= {"stage": stood.c.stage, "stage_since_on": stood.c.stage_since_on}
    of |= {"detected_on": said(stood, "detected_on", Date()), "cost_cents": said(stood, "cost_cents", Numeric())}
    of |= {"longer_than_24_months": said(stood, "longer_than_24_months", Boolean())}

    def held_by(name: str) -> Any:
        holder = func.jsonb_array_elements(stood.c.data["holders"]).table_valued(column("value", JSONB), name="holder")
        return select(holder.c.value).where(holder.c.value["siren"].astext == param(name, Text())).exists()

    filters = _filters(of, held_by)
    m = select(
        stood.c.id,
        stood.c.data,
        stood.c.stage,
        said(stood, "funding_route", Text()).label("funding_route"),
        said(stood, "cost_cents", Numeric()).label("cost"),
        said(stood, "eligible_cents", Numeric()).label("eligible"),
        said(stood, "jobs_created_fte", Numeric(7, 2)).label("jobs_created_fte"),
        said(stood, "jobs_maintained_fte", Numeric(7, 2)).label("jobs_maintained_fte"),
        said(stood, "jobs_fte", Numeric(12, 2)).label("jobs"),
    ).where(*(filters[name].where(name) for name in sorted(given)))
    return Statement(_sums(m, known=True))


def _sums(rows: Any, *, known: bool = False) -> Any:
    m = rows.cte("m")
    of = select(m.c.id)
    superseded, current = (_superseded_then, _current_then) if known else (_superseded, _current)
    recorded = [_observation.recorded_at < BEFORE] if known else []

    def fte(column: Any) -> Any:
        return func.coalesce(func.sum(column), 0)

    observed = (
        select(
            *(
                fte(
                    case(
                        (
                            _observation.after_months == literal_column(str(months)),
                            _observation.jobs_created_fte + _observation.jobs_maintained_fte,
                        )
                    )
                ).label(f"after_{months}")
                for months in (12, 36)
            )
        )
        .where(_observation.project_id.in_(of), ~superseded, *recorded)
        .cte("observed")
    )
    programme = ", ".join(f"'{kind.value}'" for kind in sorted(PROGRAMME_AID))
    groups = {
        "programme": _line.kind.in_([literal_column(part) for part in programme.split(", ")]),
        "other_public": _line.kind == literal_column(f"'{SourceKind.OTHER_PUBLIC_AID.value}'"),
        "all": literal_column("true"),
    }
    bases = {
        "planned": _line.status != literal_column(f"'{LineStatus.REFUSED.value}'"),
        "secured": _line.status == literal_column(f"'{LineStatus.SECURED.value}'"),
    }
    money = (
        select(
            *(
                _whole(case((among & counted, _line.amount_cents))).label(f"{basis}_{group}")
                for basis, counted in bases.items()
                for group, among in groups.items()
            )
        )
        .join(FinancingPlan, _plan.id == _line.plan_id)
        .where(_plan.project_id.in_(of), current)
        .cte("money")
    )
    plans = select(_whole(_plan.eligible_cents)).where(_plan.project_id.in_(of), current).scalar_subquery()
    by_stage = {
        stage.value: func.count(case((m.c.stage == literal_column(f"'{stage.value}'"), 1))) for stage in ProjectStage
    }
    by_route = (
        select(
            m.c.funding_route,
            func.count().label("projects"),
            _whole(m.c.cost).label("cost_cents"),
            fte(m.c.jobs).label("jobs_fte"),
        )
        .group_by(m.c.funding_route)
        .subquery("r")
    )
    routes = select(json_array(func.row_to_json(by_route.table_valued()), by_route.c.funding_route)).scalar_subquery()
    firm = literal_column(f"'{HolderKind.FIRM.value}'", Text())
    if known:
        holder = func.jsonb_array_elements(m.c.data["holders"]).table_valued(column("value", JSONB), name="holder")
        each = select(func.count(holder.c.value["siren"].astext.distinct())).select_from(m.join(holder, true()))
        firms = each.where(holder.c.value["kind"].astext == firm).scalar_subquery()
    else:
        each = select(func.count(func.distinct(_holder.firm_siren))).where(
            _holder.project_id.in_(of), _holder.kind == firm
        )
        firms = each.scalar_subquery()
    return as_object(
        select(
            func.count().label("projects"),
            firms.label("firms"),
            _whole(m.c.cost).label("cost_cents"),
            _whole(m.c.eligible).label("eligible_cents"),
            fte(m.c.jobs_created_fte).label("jobs_created_fte"),
            fte(m.c.jobs_maintained_fte).label("jobs_maintained_fte"),
            fte(m.c.jobs).label("jobs_fte"),
            select(observed.c.after_12).scalar_subquery().label("jobs_observed_12_fte"),
            select(observed.c.after_36).scalar_subquery().label("jobs_observed_36_fte"),
            json_object(**by_stage).label("by_stage"),
            routes.label("by_funding_route"),
            plans.label("eligible"),
            *(select(sum_).scalar_subquery().label(sum_.name) for sum_ in money.c),
        ).select_from(m)
    )


def filters_of(listing: Listing) -> Mapping[str, Parameter]:
    """What a listing may be filtered by: the parameters of its totals."""
    return {name: criterion.parameter for name, criterion in listing.filters.items()}


# The files and their acts come later in the house.
_files = table("applications", column("id"), column("project_id"))
_acts = table(
    "application_passages", column("application_id"), column("number"), column("act"), column("reverses_number")
)


def pre_selections(project_id: Any) -> Select[Any]:
    """The acts that stand by which committees have pre-selected files of a project, as `check_project_stage` asks."""
    taken_back = _acts.alias("taken_back")
    same_file = taken_back.c.application_id == _acts.c.application_id
    return (
        select(_acts.c.number)
        .join(_files, _files.c.id == _acts.c.application_id)
        .where(
            _files.c.project_id == project_id,
            _acts.c.act == literal_column("'pre_select'", Text()),
            ~exists().where(same_file, taken_back.c.reverses_number == _acts.c.number),
        )
    )
