"""Reads of the roadmap."""

from typing import Any

from sqlalchemy import (
    Boolean,
    Date,
    Numeric,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from app.access.models import Organisation, Subject
from app.core.db import Statement, literals, param, paris_day
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
from app.core.reading.two_times import TWO_TIMES
from app.core.values import Day, Siren, Uuid
from app.core.writing.events import BEFORE, last_event, said
from app.firms.models import Firm
from app.projects.models import Project
from app.roadmap import schemas
from app.roadmap.models import Action, ActionFirm, ActionProject, Axis, FollowedAction, RoadmapVersion, StateChange
from app.roadmap.rules import ActionState, VersionStatus

_territory = param("territory", Text())
_v, _x, _a, _f, _s = RoadmapVersion, Axis, Action, FollowedAction, StateChange

_today = paris_day(func.now())
_person = Subject.__table__.alias("person")
_ENDED = (ActionState.DONE, ActionState.DROPPED)


def _agg(order: Any, **fields: Any) -> Any:
    return json_array(json_object(**fields), order)


_projects = (
    select(_agg(Project.title, id=Project.id, title=Project.title))
    .select_from(ActionProject)
    .join(Project, Project.id == ActionProject.project_id)
    .where(ActionProject.version_id == _a.version_id, ActionProject.action_id == _a.action_id)
    .correlate(Action)
    .scalar_subquery()
)
_firms = (
    select(_agg(Firm.name, siren=Firm.siren, name=Firm.name))
    .select_from(ActionFirm)
    .join(Firm, Firm.siren == ActionFirm.siren)
    .where(ActionFirm.version_id == _a.version_id, ActionFirm.action_id == _a.action_id)
    .correlate(Action)
    .scalar_subquery()
)


def _late(state: Any, day: Any) -> Any:
    return func.coalesce(and_(_a.due_on < day, state.not_in(literals(_ENDED))), literal_column("false"))


def _progress(state: Any, day: Any) -> Any:
    """Counts of actions by state, and the share that is done, as one JSON object."""
    counts = {each.value: func.count(case((state == literal_column(f"'{each.value}'"), 1))) for each in ActionState}
    every = func.count(_a.action_id)
    live = func.nullif(every - counts["dropped"], literal_column("0"))
    ratio = func.round(cast(counts["done"], Numeric) / live, literal_column("4"))
    return json_object(actions=every, **counts, late=func.count(case((_late(state, day), 1))), ratio=ratio)


def _versions(day: Any = None, then: Any = None) -> Rows:
    """Versions, whole. States are those of now, or of a `day`.

    `then`: as they had been recorded by an instant, by the last event of each; what an adopted one contains never
    changes.
    """
    told = {name: said(then, name, _v.__table__.c[name].type) for name in _CHANGING} if then is not None else {}

    def column(name: str) -> Any:
        return told.get(name, _v.__table__.c[name]).label(name)

    if day is None:
        state, since, day = _f.state, _f.state_since_on, _today
        followed = select(_f.id, state.label("state"), since.label("since"))
    else:
        last, later = aliased(StateChange), aliased(StateChange)
        newer = exists().where(later.action_id == last.action_id, later.number > last.number, later.effective_on <= day)
        counts = [last.action_id == _f.id, last.effective_on <= day]
        if then is not None:
            newer = newer.where(later.recorded_at < BEFORE)
            counts.append(last.recorded_at < BEFORE)
        followed = select(
            _f.id,
            func.coalesce(last.state, literal_column(f"'{ActionState.PLANNED.value}'")).label("state"),
            last.effective_on.label("since"),
        ).outerjoin(last, and_(*counts, ~newer))
    held = followed.where(_f.territory == _territory).subquery("held")
    stand = Action.__table__.join(held, held.c.id == _a.action_id)

    def part(what: Any, *where: Any) -> Any:
        return select(what).select_from(stand).where(*where)

    in_axis = (_a.version_id == _x.version_id, _a.axis == _x.position)
    actions = (
        part(
            _agg(
                _a.position,
                id=_a.action_id, title=_a.title, description=_a.description,
                owner_organisation_id=_a.owner_organisation_id,
                owner_organisation_name=select(Organisation.name).where(Organisation.id == _a.owner_organisation_id)
                .correlate(Action).scalar_subquery(),
                due_on=_a.due_on, budget_cents=_a.budget_cents, indicator=_a.indicator, projects=_projects,
                firms=_firms, state=held.c.state, state_since_on=held.c.since, late=_late(held.c.state, day),
            ),
            *in_axis,
        ).correlate(Axis).scalar_subquery()
    )  # fmt: skip
    axes = (
        select(
            _agg(
                _x.position, position=_x.position, title=_x.title, objective=_x.objective,
                progress=part(_progress(held.c.state, day), *in_axis).correlate(Axis).scalar_subquery(),
                actions=actions,
            )
        ).where(_x.version_id == _v.id).correlate(RoadmapVersion).scalar_subquery()
    )  # fmt: skip
    whole = part(_progress(held.c.state, day), _a.version_id == _v.id).correlate(RoadmapVersion).scalar_subquery()
    rows = select(
        _v.id,
        _v.territory,
        _v.number,
        _v.title,
        _v.starts_on,
        _v.ends_on,
        column("status"),
        column("committee_id"),
        column("adopted_on"),
        column("adopted_by"),
        _person.c.name.label("adopted_by_name"),
        column("superseded_on"),
        whole.label("progress"),
        axes.label("axes"),
        column("version"),
        _v.created_at,
        column("updated_at"),
    )
    if then is not None:
        rows = rows.join(then, then.c.id == _v.id)
    adopter = told.get("adopted_by", _v.adopted_by)
    return rows.outerjoin(_person, _person.c.id == adopter).where(_v.territory == _territory)


# What the adoption of a version, or of the next one, changes of it.
_CHANGING = ("status", "committee_id", "adopted_on", "adopted_by", "superseded_on", "version", "updated_at")


VERSIONS = Listing(
    schema=schemas.RoadmapVersion,
    rows=_versions(),
    key=_v.id,
    version=_v.version,
    derived=True,
    filters={
        "status": any_of(_v.status, VersionStatus, "Any of these states."),
        "committee_id": equals(_v.committee_id, Uuid, "The version that this committee adopted."),
        "updated_since": updated_since(_v.updated_at),
    },
    sorts={"number": _v.number, "adopted_on": _v.adopted_on},
)

# --- the one in force ------------------------------------------------------------------------------------------------

_as_of = param("as_of", Date())
TIMES = {
    **TWO_TIMES,
    "as_of": Parameter(Day, "The roadmap in force on this day, with the states of that day; today where absent."),
}
ROADMAP = Listing(
    schema=schemas.RoadmapVersion,
    rows=_versions(_as_of).where(_v.adopted_on <= _as_of, or_(_v.superseded_on.is_(None), _v.superseded_on > _as_of)),
    key=_v.territory,
    key_name="territory",
    version=_v.version,
    derived=True,
)

_then = last_event("roadmap_version", select(_v.id).where(_v.territory == _territory).subquery("ids"))
_superseded_then = said(_then, "superseded_on", Date())
ROADMAP_THEN = Listing(
    schema=schemas.RoadmapVersion,
    rows=_versions(_as_of, _then).where(
        said(_then, "adopted_on", Date()) <= _as_of, or_(_superseded_then.is_(None), _superseded_then > _as_of)
    ),
    key=_v.territory,
    key_name="territory",
    version=said(_then, "version", _v.version.type),
    derived=True,
)

_state_late = _late(_f.state, _today)
ACTIONS = Listing(
    schema=schemas.RoadmapAction,
    rows=select(
        _f.id,
        _a.version_id.label("roadmap_id"),
        _v.title.label("roadmap_title"),
        _a.axis,
        _x.title.label("axis_title"),
        _a.position,
        _a.title,
        _a.description,
        _a.owner_organisation_id,
        Organisation.name.label("owner_organisation_name"),
        _a.due_on,
        _a.budget_cents,
        _a.indicator,
        _projects.label("projects"),
        _firms.label("firms"),
        _f.state,
        _f.state_since_on,
        _state_late.label("late"),
        _f.version,
        _f.created_at,
        _f.updated_at,
    )
    .join(Action, _a.action_id == _f.id)
    .join(RoadmapVersion, _v.id == _a.version_id)
    .join(Axis, and_(_x.version_id == _a.version_id, _x.position == _a.axis))
    .outerjoin(Organisation, Organisation.id == _a.owner_organisation_id)
    .where(_f.territory == _territory, _v.status == literal_column("'adopted'")),
    key=_f.id,
    version=_f.version,
    derived=True,
    filters={
        "state": any_of(_f.state, ActionState, "Any of these states."),
        "axis": any_of(_a.axis, schemas.AxisPlace, "Of any of these axes, by place."),
        "owner_organisation_id": equals(_a.owner_organisation_id, Uuid, "Owned by this organisation."),
        "due_from": at_least(_a.due_on, Day, "Due on this day or later."),
        "due_to": at_most(_a.due_on, Day, "Due on this day or earlier."),
        "late": Filter(
            Parameter(Flag, "Past the due day and neither done nor dropped, or not."),
            lambda name: _state_late == param(name, Boolean()),
        ),
        "project_id": Filter(
            Parameter(Uuid, "Serving this project."),
            lambda name: exists().where(
                ActionProject.version_id == _a.version_id,
                ActionProject.action_id == _a.action_id,
                ActionProject.project_id == param(name, ActionProject.project_id.type),
            ),
        ),
        "siren": Filter(
            Parameter(Siren, "Serving this firm."),
            lambda name: exists().where(
                ActionFirm.version_id == _a.version_id,
                ActionFirm.action_id == _a.action_id,
                ActionFirm.siren == param(name, Text()),
            ),
        ),
        "q": matches(_a.title, _a.description, doc="Part of the title or description, without accents or case."),
        "updated_since": updated_since(_f.updated_at),
    },
    sorts={
        "axis": _a.axis, "title": _a.title, "due_on": _a.due_on, "budget_cents": _a.budget_cents, "state": _f.state,
        "updated_at": _f.updated_at,
    },
)  # fmt: skip

STATES = Listing(
    schema=schemas.ActionStateChange,
    rows=select(
        _s.number, _s.action_id, _s.state, _s.previous_state, _s.reason, _s.effective_on, _s.recorded_by,
        _person.c.name.label("recorded_by_name"), _s.recorded_at,
    )
    .outerjoin(_person, _person.c.id == _s.recorded_by)
    .where(_s.territory == _territory, _s.action_id == param("action_id", _s.action_id.type)),
    key=_s.number,
    key_name="number",
    parent=select(_f.id).where(_f.territory == _territory, _f.id == param("action_id", _s.action_id.type)),
    filters={"state": any_of(_s.state, ActionState, "Moves to any of these states.")},
    sorts={"effective_on": _s.effective_on},
)  # fmt: skip

# --- comparing -------------------------------------------------------------------------------------------------------

_asked, _with = param("id", _v.id.type), param("with", _v.id.type)
_other = aliased(RoadmapVersion)
_before = (
    select(_other.number - literal_column("1"))
    .where(_other.id == _asked, _other.territory == _territory)
    .scalar_subquery()
)

# The version asked for, and the one to compare it with: `with`, or the one before.
COMPARED = Statement(
    as_object(_versions().where(or_(_v.id == _asked, _v.id == _with, and_(_with.is_(None), _v.number == _before))))
)
