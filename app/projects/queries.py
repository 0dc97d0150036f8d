"""Reads of projects and of their financing plans."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator
from sqlalchemy import (
    Boolean,
    Date,
    Numeric,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.auditions.models import Audition
from app.core.db import Statement, param
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
_p = Project


def _array(order: Any, source: Any, /, *where: Any, **fields: Any) -> Any:
    """The rows of a child table as a JSON array, empty where there are none."""
    array = select(json_array(json_object(**fields), order)).select_from(source).where(*where)
    return array.correlate(Project, FinancingPlan).scalar_subquery()


def _whole(column: Any) -> Any:
    """A sum of cents, whatever its size: as PostgreSQL sums bigint, in numeric, and no fraction of a cent."""
    return cast(func.coalesce(func.sum(column), 0), Numeric)


_h, _c, _o = Holder, Cost, JobObservation
_held = Holder.__table__.outerjoin(Firm.__table__, Firm.siren == Holder.firm_siren)
_holders = _array(
    _h.position, _held, _h.project_id == _p.id,
    kind=_h.kind, siren=func.coalesce(_h.firm_siren, _h.siren), name=func.coalesce(Firm.name, _h.name),
    lead=_h.position == _p.lead_position,
)  # fmt: skip
_costs = _array(
    _c.position, Cost, _c.project_id == _p.id,
    label=_c.label, kind=_c.kind, amount_cents=_c.amount_cents, reason=_c.reason, holder=_c.holder,
)  # fmt: skip
_cost = select(_whole(_c.amount_cents)).where(_c.project_id == _p.id).correlate(Project).scalar_subquery()
_eligible = (
    select(_whole(_c.amount_cents))
    .where(_c.project_id == _p.id, _c.kind != literal_column("'not_eligible'"))
    .correlate(Project)
    .scalar_subquery()
)
_later = aliased(JobObservation)
_superseded = (
    select(_later.id)
    .where(_later.project_id == _o.project_id, _later.after_months == _o.after_months, _later.id > _o.id)
    .exists()
)
_superseded_then = (
    select(_later.id)
    .where(
        _later.project_id == _o.project_id, _later.after_months == _o.after_months, _later.id > _o.id,
        _later.recorded_at < BEFORE,
    ).exists()
)  # fmt: skip
_observed = _array(
    _o.after_months, JobObservation, _o.project_id == _p.id, ~_superseded,
    after_months=_o.after_months, observed_on=_o.observed_on, jobs_created_fte=_o.jobs_created_fte,
    jobs_maintained_fte=_o.jobs_maintained_fte,
)  # fmt: skip
_jobs = func.coalesce(_p.jobs_created_fte, 0) + func.coalesce(_p.jobs_maintained_fte, 0)
_first = aliased(ProjectPassage)
_detected_on = (
    select(_first.effective_on)
    .where(_first.project_id == _p.id, _first.number == literal_column("1"))
    .correlate(Project)
    .scalar_subquery()
)
_person, _recorder = Subject.__table__.alias("person"), Subject.__table__.alias("recorder")
_long = _p.ends_on > _p.starts_on + text("interval '24 months'")
_as_of = param("as_of", Date())


def _rows(stage: Any, stage_since_on: Any) -> Rows:
    return (
        select(
            _p.id,
            _p.territory,
            _p.title,
            _p.description,
            _p.kind,
            _p.maturity,
            _holders.label("holders"),
            _p.commune_code,
            PerimeterCommune.name.label("commune_name"),
            _detected_on.label("detected_on"),
            _p.starts_on,
            _p.ends_on,
            _long.label("longer_than_24_months"),
            _costs.label("costs"),
            _cost.label("cost_cents"),
            _eligible.label("eligible_cents"),
            _p.jobs_created_fte,
            _p.jobs_maintained_fte,
            cast(_jobs, Numeric(12, 2)).label("jobs_fte"),
            _observed.label("jobs_observed"),
            _p.environmental_effect,
            _p.funding_route,
            stage.label("stage"),
            stage_since_on.label("stage_since_on"),
            _p.mission_id,
            Mission.name.label("mission_name"),
            _p.consultant_id,
            _person.c.name.label("consultant_name"),
            _p.detected_in_audition_id,
            func.coalesce(Audition.held_on, Audition.planned_on).label("detected_in_audition_on"),
            _p.external_id,
            _p.version,
            _p.created_at,
            _p.updated_at,
        )
        .outerjoin(
            PerimeterCommune,
            (PerimeterCommune.territory == _p.territory)
            & (PerimeterCommune.vintage == _p.perimeter_vintage)
            & (PerimeterCommune.insee_code == _p.commune_code),
        )
        .outerjoin(Mission, Mission.id == _p.mission_id)
        .outerjoin(Consultant, Consultant.id == _p.consultant_id)
        .outerjoin(_person, _person.c.id == Consultant.person_id)
        .outerjoin(Audition, Audition.id == _p.detected_in_audition_id)
        .where(_p.territory == _territory)
    )


def _held_by(name: str) -> Any:
    siren = param(name, Text())
    mine = select(_h.position).where(_h.project_id == _p.id, or_(_h.firm_siren == siren, _h.siren == siren))
    return mine.correlate(Project).exists()


_in_text = matches(_p.title, _p.description, doc="Part of the title, of the description or of a holder's name.")
_in_holder = matches(func.coalesce(Firm.name, _h.name), doc="")


def _mentions(name: str) -> Any:
    named = select(_h.position).select_from(_held).where(_h.project_id == _p.id, _in_holder.where(name))
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
    "kind", "maturity", "funding_route", "commune_code", "detected_in_audition_id", "mission_id", "consultant_id",
    "starts_on", "external_id", "updated_at",
)  # fmt: skip


def _projects(stage: Any, stage_since_on: Any, rows: Rows, **more: Filter) -> Listing:
    of = {"stage": stage, "stage_since_on": stage_since_on, "cost_cents": _cost, "detected_on": _detected_on,
          "longer_than_24_months": _long, **{name: Project.__table__.c[name] for name in _TOLD}}  # fmt: skip
    return Listing(
        schema=schemas.Project,
        rows=rows,
        key=_p.id,
        version=_p.version,
        derived=True,
        filters={
            **more,
            **_filters(of, _held_by),
            "q": Filter(_in_text.parameter, _mentions, _in_text.prepare),
        },
        sorts={
            "title": _p.title,
            "cost_cents": _cost,
            "jobs_fte": _jobs,
            "stage": stage,
            "stage_since_on": stage_since_on,
            "detected_on": _detected_on,
            "starts_on": _p.starts_on,
            "updated_at": _p.updated_at,
        },
    )


PROJECTS = _projects(_p.stage, _p.stage_since_on, _rows(_p.stage, _p.stage_since_on))

# As of a day: the last passage by then; projects detected later are not there yet.
_at, _by = aliased(ProjectPassage), aliased(ProjectPassage)
_last = (
    select(func.max(_by.number)).where(_by.project_id == _p.id, _by.effective_on <= _as_of).correlate(Project)
).scalar_subquery()
AS_OF = Filter(
    Parameter(Day, "Projects detected by this day, at their stage of that day."),
    lambda _name: _at.effective_on <= _as_of,
)
PROJECTS_AS_OF = _projects(
    _at.stage,
    _at.effective_on,
    _rows(_at.stage, _at.effective_on).join(_at, (_at.project_id == _p.id) & (_at.number == _last)),
    as_of=AS_OF,
)

_of_project = (Project.territory == _territory, Project.id == _project_id)
_parent = select(Project.id).where(*_of_project)

_s = ProjectPassage


def _stages(effective_on: Any, project: Any = None) -> Listing:
    rows = select(
        _s.number, _s.project_id, _s.stage, _s.previous_stage, _s.reason, effective_on.label("effective_on"),
        _s.recorded_by, _recorder.c.name.label("recorded_by_name"), _s.recorded_at,
    ).outerjoin(_recorder, _recorder.c.id == _s.recorded_by)  # fmt: skip
    if project is not None:
        rows = rows.join(project, project.c.id == _s.project_id)
    return Listing(
        schema=schemas.ProjectPassage,
        rows=rows.where(_s.territory == _territory, _s.project_id == _project_id),
        key=_s.number,
        key_name="number",
        parent=_parent,
        filters={
            "stage": any_of(_s.stage, ProjectStage, "Passages to any of these stages."),
            **times_of(effective_on, _s.recorded_at),
        },
        sorts={"effective_on": effective_on},
    )


STAGES = _stages(_s.effective_on)
# As it was known then: the day of the first passage can be corrected.
_then = last_event("project", _parent.subquery("known"), param("recorded_as_of", _s.recorded_at.type))
STAGES_THEN = _stages(
    case((_s.number == literal_column("1"), said(_then, "detected_on", Date())), else_=_s.effective_on), _then
)

JOB_OBSERVATIONS = Listing(
    schema=schemas.JobObservation,
    rows=select(
        _o.id, _o.project_id, _o.after_months, _o.observed_on, _o.jobs_created_fte, _o.jobs_maintained_fte, _o.evidence,
        _o.recorded_by, _recorder.c.name.label("recorded_by_name"), _o.recorded_at,
    )
    .outerjoin(_recorder, _recorder.c.id == _o.recorded_by)
    .where(_o.territory == _territory, _o.project_id == _project_id),
    key=_o.id,
    parent=_parent,
    sorts={"observed_on": _o.observed_on},
)  # fmt: skip

_f = FundingStatement
FUNDING_STATEMENTS = Listing(
    schema=schemas.FundingStatement,
    rows=select(
        _f.id,
        _f.project_id,
        _f.stated_on,
        _f.sources_searched,
        _f.note,
        _f.stated_by,
        _person.c.name.label("stated_by_name"),
        _f.recorded_at,
    )
    .join(_person, _person.c.id == _f.stated_by)
    .where(_f.territory == _territory, _f.project_id == _project_id),
    key=_f.id,
    parent=_parent,
    sorts={"stated_on": _f.stated_on},
)

# --- financing -------------------------------------------------------------------------------------------------------

_v, _l = FinancingPlan, FinancingLine
_lines = _array(
    _l.position, FinancingLine, _l.plan_id == _v.id,
    kind=_l.kind, source=_l.source, amount_cents=_l.amount_cents, status=_l.status, legal_basis=_l.legal_basis,
    proof_reference=_l.proof_reference, award_id=func.coalesce(_l.grant_id, _l.advance_id),
)  # fmt: skip


def _leverage(basis: str) -> Any:
    names = ("total", "cofunding", "private", "other_public")
    columns = FinancingPlan.__table__.c
    return json_object(**{name: columns[f"{basis}_{name}"] for name in names})


_plans = (
    select(
        _v.id,
        _v.project_id,
        _p.title.label("project_title"),
        _v.number.label("version"),
        _v.status,
        _lines.label("lines"),
        _v.uses_cents,
        _v.eligible_cents,
        _v.sources_cents,
        _v.secured_cents,
        _v.gaps,
        json_object(planned=_leverage("planned"), secured=_leverage("secured")).label("leverage"),
        _v.note,
        _v.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _v.recorded_at,
    )
    .join(Project, Project.id == _v.project_id)
    .outerjoin(_recorder, _recorder.c.id == _v.recorded_by)
    .where(_v.territory == _territory, _v.project_id == _project_id)
)
_newer = aliased(FinancingPlan)
_current = ~select(_newer.id).where(_newer.project_id == _v.project_id, _newer.number > _v.number).exists()

_current_then = and_(
    _v.recorded_at < BEFORE,
    ~select(_newer.id)
    .where(_newer.project_id == _v.project_id, _newer.number > _v.number, _newer.recorded_at < BEFORE)
    .exists(),
)

# The plan in force is found by its project.
FINANCING = Listing(
    schema=schemas.Financing,
    rows=_plans.where(_current),
    key=_v.project_id,
    key_name="project_id",
    version=_v.number,
    derived=True,
)
# The one that was in force at an instant.
FINANCING_THEN = Listing(
    schema=schemas.Financing,
    rows=_plans.where(_current_then),
    key=_v.project_id,
    key_name="project_id",
    version=_v.number,
    derived=True,
)
FINANCING_VERSIONS = Listing(
    schema=schemas.Financing,
    rows=_plans,
    key=_v.id,
    version=_v.number,
    derived=True,
    parent=_parent,
    filters={"status": any_of(_v.status, PlanStatus, "Drafts, or plans declared complete.")},
    sorts={"version": _v.number},
)

_asked, _with = param("id", _v.id.type), param("with", _v.id.type)
_other = aliased(FinancingPlan)
_before = select(_other.number - literal_column("1")).where(_other.id == _asked).scalar_subquery()

# The version asked for, and the one to compare it with: `with`, or the one before.
COMPARED = Statement(
    as_object(_plans.where(or_(_v.id == _asked, _v.id == _with, and_(_with.is_(None), _v.number == _before))))
)

# --- totals ----------------------------------------------------------------------------------------------------------

_totals: dict[tuple[bool, frozenset[str]], Statement] = {}


def totals(listing: Listing, given: frozenset[str]) -> Statement:
    """The sums over all projects that the filters select, as one JSON object; leverage is computed from its sums."""
    known = _totals.get((listing is PROJECTS, given))
    if known is None:
        known = _totals[listing is PROJECTS, given] = Statement(_sums(_summed(listing.filtered(given))))
    return known


def _summed(rows: Rows) -> Rows:
    return rows.with_only_columns(
        _p.id, _p.funding_route, rows.selected_columns["stage"], _cost.label("cost"), _eligible.label("eligible"),
        _p.jobs_created_fte, _p.jobs_maintained_fte, _jobs.label("jobs"),
    )  # fmt: skip


@cache
def totals_then(given: frozenset[str]) -> Statement:
    """The same of what had been recorded by an instant: a project is what its last event by then says."""
    then = last_event("project", select(_p.id).where(_p.territory == _territory).subquery("ids"))
    # The day of the first passage can be corrected.
    on_day = case((_s.number == literal_column("1"), said(then, "detected_on", Date())), else_=_s.effective_on)
    stood = (
        select(then.c.id, then.c.data, _s.stage, on_day.label("stage_since_on"))
        .join(_s, _s.project_id == then.c.id)
        .ext(distinct_on(then.c.id))
        .where(_s.recorded_at < BEFORE, on_day <= _as_of)
        .order_by(then.c.id, _s.number.desc())
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
    recorded = [_o.recorded_at < BEFORE] if known else []

    def fte(column: Any) -> Any:
        return func.coalesce(func.sum(column), 0)

    observed = (
        select(*(
            fte(case((_o.after_months == literal_column(str(months)), _o.jobs_created_fte + _o.jobs_maintained_fte)))
            .label(f"after_{months}")
            for months in (12, 36)
        )).where(_o.project_id.in_(of), ~superseded, *recorded).cte("observed")
    )  # fmt: skip
    programme = ", ".join(f"'{kind.value}'" for kind in sorted(PROGRAMME_AID))
    groups = {
        "programme": _l.kind.in_([literal_column(part) for part in programme.split(", ")]),
        "other_public": _l.kind == literal_column(f"'{SourceKind.OTHER_PUBLIC_AID.value}'"),
        "all": literal_column("true"),
    }
    bases = {
        "planned": _l.status != literal_column(f"'{LineStatus.REFUSED.value}'"),
        "secured": _l.status == literal_column(f"'{LineStatus.SECURED.value}'"),
    }
    money = (
        select(*(
            _whole(case((among & counted, _l.amount_cents))).label(f"{basis}_{group}")
            for basis, counted in bases.items() for group, among in groups.items()
        )).join(FinancingPlan, _v.id == _l.plan_id).where(_v.project_id.in_(of), current).cte("money")
    )  # fmt: skip
    plans = select(_whole(_v.eligible_cents)).where(_v.project_id.in_(of), current).scalar_subquery()
    by_stage = {
        stage.value: func.count(case((m.c.stage == literal_column(f"'{stage.value}'"), 1))) for stage in ProjectStage
    }
    by_route = (
        select(
            m.c.funding_route, func.count().label("projects"), _whole(m.c.cost).label("cost_cents"),
            fte(m.c.jobs).label("jobs_fte"),
        ).group_by(m.c.funding_route).subquery("r")
    )  # fmt: skip
    routes = select(json_array(func.row_to_json(by_route.table_valued()), by_route.c.funding_route)).scalar_subquery()
    firm = literal_column(f"'{HolderKind.FIRM.value}'", Text())
    if known:
        holder = func.jsonb_array_elements(m.c.data["holders"]).table_valued(column("value", JSONB), name="holder")
        each = select(func.count(holder.c.value["siren"].astext.distinct())).select_from(m.join(holder, true()))
        firms = each.where(holder.c.value["kind"].astext == firm).scalar_subquery()
    else:
        each = select(func.count(func.distinct(_h.firm_siren))).where(_h.project_id.in_(of), _h.kind == firm)
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
