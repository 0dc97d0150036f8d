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
_version, _axis, _action, _followed, _change = RoadmapVersion, Axis, Action, FollowedAction, StateChange

_today = paris_day(func.now())
_person = Subject.__table__.alias("person")
_ENDED = (ActionState.DONE, ActionState.DROPPED)


def _agg(order: Any, **fields: Any) -> Any:
    return json_array(json_object(**fields), order)


_projects = (
    select(_agg(Project.title, id=Project.id, title=Project.title))
    .select_from(ActionProject)
    .join(Project, Project.id == ActionProject.project_id)
    .where(ActionProject.version_id == _action.version_id, ActionProject.action_id == _action.action_id)
    .correlate(Action)
    .scalar_subquery()
)
_firms = (
    select(_agg(Firm.name, siren=Firm.siren, name=Firm.name))
    .select_from(ActionFirm)
    .join(Firm, Firm.siren == ActionFirm.siren)
    .where(ActionFirm.version_id == _action.version_id, ActionFirm.action_id == _action.action_id)
    .correlate(Action)
    .scalar_subquery()
)


def _late(state: Any, day: Any) -> Any:
    return func.coalesce(and_(_action.due_on < day, state.not_in(literals(_ENDED))), literal_column("false"))


def _progress(state: Any, day: Any) -> Any:
    """Counts of actions by state, and the share that is done, as one JSON object."""
    counts = {each.value: func.count(case((state == literal_column(f"'{each.value}'"), 1))) for each in ActionState}
    every = func.count(_action.action_id)
    live = func.nullif(every - counts["dropped"], literal_column("0"))
    ratio = func.round(cast(counts["done"], Numeric) / live, literal_column("4"))
    return json_object(actions=every, **counts, late=func.count(case((_late(state, day), 1))), ratio=ratio)


def _versions(day: Any = None, then: Any = None) -> Rows:
    """Versions, whole. States are those of now, or of a `day`.

    `then`: as they had been recorded by an instant, by the last event of each; what an adopted one contains never
    changes.
    """
    told = {name: said(then, name, _version.__table__.c[name].type) for name in _CHANGING} if then is not None else {}

    def column(name: str) -> Any:
        return told.get(name, _version.__table__.c[name]).label(name)

    if day is None:
        state, since, day = _followed.state, _followed.state_since_on, _today
        followed = select(_followed.id, state.label("state"), since.label("since"))
    else:
        last, later = aliased(StateChange), aliased(StateChange)
        newer = exists().where(later.action_id == last.action_id, later.number > last.number, later.effective_on <= day)
        counts = [last.action_id == _followed.id, last.effective_on <= day]
        if then is not None:
            newer = newer.where(later.recorded_at < BEFORE)
            counts.append(last.recorded_at < BEFORE)
        followed = select(
            _followed.id,
            func.coalesce(last.state, literal_column(f"'{ActionState.PLANNED.value}'")).label("state"),
            last.effective_on.label("since"),
        ).outerjoin(last, and_(*counts, ~newer))
    held = followed.where(_followed.territory == _territory).subquery("held")
    stand = Action.__table__.join(held, held.c.id == _action.action_id)

    def part(what: Any, *where: Any) -> Any:
        return select(what).select_from(stand).where(*where)

    in_axis = (_action.version_id == _axis.version_id, _action.axis == _axis.position)
    actions = (
        part(
            _agg(
                _action.position,
                id=_action.action_id,
                title=_action.title,
                description=_action.description,
                owner_organisation_id=_action.owner_organisation_id,
                owner_organisation_name=select(Organisation.name)
                .where(Organisation.id == _action.owner_organisation_id)
                .correlate(Action)
                .scalar_subquery(),
                due_on=_action.due_on,
                budget_cents=_action.budget_cents,
                indicator=_action.indicator,
                projects=_projects,
                firms=_firms,
                state=held.c.state,
                state_since_on=held.c.since,
                late=_late(held.c.state, day),
            ),
            *in_axis,
        )
        .correlate(Axis)
        .scalar_subquery()
    )
    axes = (
        select(
            _agg(
                _axis.position,
                position=_axis.position,
                title=_axis.title,
                objective=_axis.objective,
                progress=part(_progress(held.c.state, day), *in_axis).correlate(Axis).scalar_subquery(),
                actions=actions,
            )
        )
        .where(_axis.version_id == _version.id)
        .correlate(RoadmapVersion)
        .scalar_subquery()
    )
    whole = (
        part(_progress(held.c.state, day), _action.version_id == _version.id)
        .correlate(RoadmapVersion)
        .scalar_subquery()
    )
    rows = select(
        _version.id,
        _version.territory,
        _version.number,
        _version.title,
        _version.starts_on,
        _version.ends_on,
        column("status"),
        column("committee_id"),
        column("adopted_on"),
        column("adopted_by"),
        _person.c.name.label("adopted_by_name"),
        column("superseded_on"),
        _version.content_hash,  # never changed, and in no event; who asks for a past one asks for adopted ones
        whole.label("progress"),
        axes.label("axes"),
        column("version"),
        _version.created_at,
        column("updated_at"),
    )
    if then is not None:
        rows = rows.join(then, then.c.id == _version.id)
    adopter = told.get("adopted_by", _version.adopted_by)
    return rows.outerjoin(_person, _person.c.id == adopter).where(_version.territory == _territory)


# What the adoption of a version, or of the next one, changes of it.
_CHANGING = (
    "status", "committee_id", "adopted_on", "adopted_by", "superseded_on", "version", "updated_at",
)  # fmt: skip


VERSIONS = Listing(
    schema=schemas.RoadmapVersion,
    rows=_versions(),
    key=_version.id,
    version=_version.version,
    derived=True,
    filters={
        "status": any_of(_version.status, VersionStatus, "Any of these states."),
        "committee_id": equals(_version.committee_id, Uuid, "The version that this committee adopted."),
        "updated_since": updated_since(_version.updated_at),
    },
    sorts={"number": _version.number, "adopted_on": _version.adopted_on},
)

# The sealed text of a version, byte for byte.
CONTENT = Statement(
    select(_version.content).where(
        _version.territory == _territory,
        _version.id == param("id", _version.id.type),
        _version.content.is_not(None),
    )
)

# --- the one in force ------------------------------------------------------------------------------------------------

_as_of = param("as_of", Date())
TIMES = {
    **TWO_TIMES,
    "as_of": Parameter(Day, "The roadmap in force on this day, with the states of that day; today where absent."),
}
ROADMAP = Listing(
    schema=schemas.RoadmapVersion,
    rows=_versions(_as_of).where(
        _version.adopted_on <= _as_of, or_(_version.superseded_on.is_(None), _version.superseded_on > _as_of)
    ),
    key=_version.territory,
    key_name="territory",
    version=_version.version,
    derived=True,
)

_then = last_event("roadmap_version", select(_version.id).where(_version.territory == _territory).subquery("ids"))
_superseded_then = said(_then, "superseded_on", Date())
ROADMAP_THEN = Listing(
    schema=schemas.RoadmapVersion,
    rows=_versions(_as_of, _then).where(
        said(_then, "adopted_on", Date()) <= _as_of, or_(_superseded_then.is_(None), _superseded_then > _as_of)
    ),
    key=_version.territory,
    key_name="territory",
    version=said(_then, "version", _version.version.type),
    derived=True,
)

_state_late = _late(_followed.state, _today)
ACTIONS = Listing(
    schema=schemas.RoadmapAction,
    rows=select(
        _followed.id,
        _action.version_id.label("roadmap_id"),
        _version.title.label("roadmap_title"),
        _action.axis,
        _axis.title.label("axis_title"),
        _action.position,
        _action.title,
        _action.description,
        _action.owner_organisation_id,
        Organisation.name.label("owner_organisation_name"),
        _action.due_on,
        _action.budget_cents,
        _action.indicator,
        _projects.label("projects"),
        _firms.label("firms"),
        _followed.state,
        _followed.state_since_on,
        _state_late.label("late"),
        _followed.version,
        _followed.created_at,
        _followed.updated_at,
    )
    .join(Action, _action.action_id == _followed.id)
    .join(RoadmapVersion, _version.id == _action.version_id)
    .join(Axis, and_(_axis.version_id == _action.version_id, _axis.position == _action.axis))
    .outerjoin(Organisation, Organisation.id == _action.owner_organisation_id)
    .where(_followed.territory == _territory, _version.status == literal_column("'adopted'")),
    key=_followed.id,
    version=_followed.version,
    derived=True,
    filters={
        "state": any_of(_followed.state, ActionState, "Any of these states."),
        "axis": any_of(_action.axis, schemas.AxisPlace, "Of any of these axes, by place."),
        "owner_organisation_id": equals(_action.owner_organisation_id, Uuid, "Owned by this organisation."),
        "due_from": at_least(_action.due_on, Day, "Due on this day or later."),
        "due_to": at_most(_action.due_on, Day, "Due on this day or earlier."),
        "late": Filter(
            Parameter(Flag, "Past the due day and neither done nor dropped, or not."),
            lambda name: _state_late == param(name, Boolean()),
        ),
        "project_id": Filter(
            Parameter(Uuid, "Serving this project."),
            lambda name: exists().where(
                ActionProject.version_id == _action.version_id,
                ActionProject.action_id == _action.action_id,
                ActionProject.project_id == param(name, ActionProject.project_id.type),
            ),
        ),
        "siren": Filter(
            Parameter(Siren, "Serving this firm."),
            lambda name: exists().where(
                ActionFirm.version_id == _action.version_id,
                ActionFirm.action_id == _action.action_id,
                ActionFirm.siren == param(name, Text()),
            ),
        ),
        "q": matches(
            _action.title, _action.description, doc="Part of the title or description, without accents or case."
        ),
        "updated_since": updated_since(_followed.updated_at),
    },
    sorts={
        "axis": _action.axis,
        "title": _action.title,
        "due_on": _action.due_on,
        "budget_cents": _action.budget_cents,
        "state": _followed.state,
        "updated_at": _followed.updated_at,
    },
)

STATES = Listing(
    schema=schemas.ActionStateChange,
    rows=select(
        _change.number,
        _change.action_id,
        _change.state,
        _change.previous_state,
        _change.reason,
        _change.effective_on,
        _change.recorded_by,
        _person.c.name.label("recorded_by_name"),
        _change.recorded_at,
    )
    .outerjoin(_person, _person.c.id == _change.recorded_by)
    .where(_change.territory == _territory, _change.action_id == param("action_id", _change.action_id.type)),
    key=_change.number,
    key_name="number",
    parent=select(_followed.id).where(
        _followed.territory == _territory, _followed.id == param("action_id", _change.action_id.type)
    ),
    filters={"state": any_of(_change.state, ActionState, "Moves to any of these states.")},
    sorts={"effective_on": _change.effective_on},
)

# --- comparing -------------------------------------------------------------------------------------------------------

_asked, _with = param("id", _version.id.type), param("with", _version.id.type)
_other = aliased(RoadmapVersion)
_before = (
    select(_other.number - literal_column("1"))
    .where(_other.id == _asked, _other.territory == _territory)
    .scalar_subquery()
)

# The version asked for, and the one to compare it with: `with`, or the one before.
COMPARED = Statement(
    as_object(
        _versions().where(
            or_(_version.id == _asked, _version.id == _with, and_(_with.is_(None), _version.number == _before))
        )
    )
)
