"""Reads of deliverables, and of their histories."""

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    all_,
    and_,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.committees.models import Committee
from app.core.db import literals, param, paris_day
from app.core.reading.listing import Filter, Listing, any_of, at_least, at_most, equals, holds, matches, updated_since
from app.core.reading.query import Parameter
from app.core.values import Day, Uuid, WithinDays
from app.engineering.deliverables import schemas
from app.engineering.deliverables.models import Deliverable, DeliverablePassage
from app.engineering.deliverables.rules import DECISIONS, DeliverableAct, DeliverableKind, DeliverableState
from app.missions.leads import led_by
from app.missions.models import Mission
from app.missions.rules import MissionStatus
from app.roadmap.models import RoadmapVersion

_d, _p, _m = Deliverable, DeliverablePassage, Mission
_territory = param("territory", Text())
_mission_id = param("mission_id", _m.id.type)
_deliverable_id = param("deliverable_id", _d.id.type)
_delivery, _last, _later = (aliased(DeliverablePassage, name=name) for name in ("delivery", "last", "later"))
_deliverer, _decider, _recorder = (Subject.__table__.alias(name) for name in ("deliverer", "decider", "recorder"))
_today = paris_day(func.now())

_of_it = aliased(Mission, name="of_it")
# Of missions that were no mistake: what reads a territory's missions together leaves the cancelled ones out.
STANDING = (
    select(_of_it.id)
    .where(_of_it.id == _d.mission_id, _of_it.status != literal_column(f"'{MissionStatus.CANCELLED}'", Text()))
    .exists()
)


def awaited_within(today: Any, days: Any) -> ColumnElement[bool]:
    """Deliverables of which a version is awaited within so many days: those that are late are among them."""
    condition: ColumnElement[bool] = _d.awaited_on <= today + days
    return condition


def silent_within(today: Any, days: Any) -> ColumnElement[bool]:
    """Deliverables that silence admits within so many days, or should have admitted already."""
    condition: ColumnElement[bool] = _d.silence_on <= today + days
    return condition


def decidable_by(subject_id: Any) -> ColumnElement[bool]:
    """Deliverables of which the subject delivered no version."""
    condition: ColumnElement[bool] = subject_id != all_(_d.deliverers)
    return condition


def _amount(column: Any, amounts: bool) -> Any:
    return column.label(column.key) if amounts else cast(null(), BigInteger).label(column.key)


def _within(condition: Any) -> Any:
    return lambda name: condition(_today, param(name, Integer()))


_by_silence = func.coalesce(_last.act == literal_column(f"'{DeliverableAct.SILENCE_ADMITS}'"), literal_column("false"))
_decided = _last.act.in_(literals([*DECISIONS, DeliverableAct.SILENCE_ADMITS]))
_filters = {
    "kind": any_of(_d.kind, DeliverableKind, "Deliverables of any of these kinds."),
    "state": any_of(_d.state, DeliverableState, "Deliverables in any of these states."),
    "by_silence": holds(_by_silence, "true: those that silence has admitted; false: all others."),
    "late": holds(
        func.coalesce(_d.awaited_on < _today, literal_column("false")),
        "true: a version is awaited since a day that is over; false: all others.",
    ),
    "due_from": at_least(_d.due_on, Day, "Due on this Paris day or later."),
    "due_to": at_most(_d.due_on, Day, "Due on this Paris day or earlier."),
    "awaited_within_days": Filter(
        Parameter(WithinDays, "A version is awaited within so many days from today, or is late."),
        _within(awaited_within),
    ),
    "silence_within_days": Filter(
        Parameter(WithinDays, "Silence admits within so many days from today, or should have admitted already."),
        _within(silent_within),
    ),
    "led_by": Filter(
        Parameter(Uuid, "Of missions whose lead firm is this organisation."),
        lambda name: led_by(_d.mission_id, param(name, _d.id.type)),
    ),
    "decidable_by": Filter(
        Parameter(Uuid, "Of which this subject delivered no version."),
        lambda name: decidable_by(param(name, _d.id.type)),
    ),
    "roadmap_version_id": equals(_delivery.roadmap_version_id, Uuid, "Whose last version is this roadmap."),
    "committee_id": equals(_delivery.committee_id, Uuid, "Whose last version is the record of this meeting."),
    "q": matches(_d.title, doc="Part of the title, without accents or case."),
    "updated_since": updated_since(_d.updated_at),
}
_sorts = {
    "due_on": _d.due_on,
    "awaited_on": _d.awaited_on,
    "silence_on": _d.silence_on,
    "title": _d.title,
    "updated_at": _d.updated_at,
}


def _rows(amounts: bool) -> Any:
    return (
        select(
            _d.id,
            _d.mission_id,
            _m.name.label("mission_name"),
            _d.kind,
            _d.title,
            _d.due_on,
            _d.weight_bp,
            _d.state,
            _by_silence.label("by_silence"),
            _delivery.document_version,
            _delivery.document_sha256,
            _delivery.roadmap_version_id,
            RoadmapVersion.number.label("roadmap_version_number"),
            _delivery.committee_id,
            paris_day(Committee.held_at).label("committee_held_on"),
            _delivery.effective_on.label("delivered_on"),
            _delivery.recorded_by.label("delivered_by"),
            _deliverer.c.name.label("delivered_by_name"),
            _d.verification_ends_on,
            _d.silence_on,
            _d.awaited_on,
            func.coalesce(_d.awaited_on < _today, literal_column("false")).label("late"),
            _d.late_on,
            case((_decided, _last.effective_on)).label("decided_on"),
            _d.decided_by,
            _decider.c.name.label("decided_by_name"),
            _last.reason,
            _d.reduced_days,
            _amount(_d.reduced_cents, amounts),
            _d.version,
            _d.created_at,
            _d.updated_at,
        )
        .join(_m, _m.id == _d.mission_id)
        .outerjoin(_delivery, and_(_delivery.deliverable_id == _d.id, _delivery.number == _d.delivery_number))
        .outerjoin(_last, and_(_last.deliverable_id == _d.id, _last.number == _d.passage_number))
        .outerjoin(RoadmapVersion, RoadmapVersion.id == _delivery.roadmap_version_id)
        .outerjoin(Committee, Committee.id == _delivery.committee_id)
        .outerjoin(_deliverer, _deliverer.c.id == _delivery.recorded_by)
        .outerjoin(_decider, _decider.c.id == _d.decided_by)
        .where(_d.territory == _territory)
    )


@cache
def deliverables(*, amounts: bool = True) -> Listing:
    """The deliverables of a territory; without `amounts` for who may not read what a reduction takes off in cents."""
    return Listing(
        schema=schemas.Deliverable,
        rows=_rows(amounts),
        key=_d.id,
        version=_d.version,
        derived=True,
        filters={"mission_id": equals(_d.mission_id, Uuid, "Deliverables of this mission."), **_filters},
        sorts=_sorts,
        scopes={"standing": lambda _: STANDING},
    )


@cache
def deliverables_of_mission(*, amounts: bool = True) -> Listing:
    """The deliverables of one mission."""
    return Listing(
        schema=schemas.Deliverable,
        rows=_rows(amounts).where(_d.mission_id == _mission_id),
        key=_d.id,
        version=_d.version,
        derived=True,
        parent=select(_m.id).where(_m.territory == _territory, _m.id == _mission_id),
        filters=_filters,
        sorts=_sorts,
    )


@cache
def history(*, amounts: bool = True) -> Listing:
    """The acts on one deliverable of a mission."""
    of_it = (_d.territory == _territory, _d.mission_id == _mission_id, _d.id == _deliverable_id)
    return Listing(
        schema=schemas.DeliverablePassage,
        rows=select(
            _p.number,
            _p.deliverable_id,
            _d.title.label("deliverable_title"),
            _p.act,
            _p.from_state,
            _p.to_state,
            _p.effective_on,
            _p.reverses_number,
            select(literal_column("1"))
            .where(_later.deliverable_id == _p.deliverable_id, _later.reverses_number == _p.number)
            .correlate(_p)
            .exists()
            .label("reversed"),
            _p.reason,
            _p.document_version,
            _p.document_sha256,
            _p.roadmap_version_id,
            RoadmapVersion.number.label("roadmap_version_number"),
            _p.committee_id,
            paris_day(Committee.held_at).label("committee_held_on"),
            _p.verification_ends_on,
            _p.until_on,
            _p.reduced_days,
            _amount(_p.reduced_cents, amounts),
            _p.recorded_by,
            _recorder.c.name.label("recorded_by_name"),
            _p.recorded_at,
        )
        .join(_d, _d.id == _p.deliverable_id)
        .outerjoin(RoadmapVersion, RoadmapVersion.id == _p.roadmap_version_id)
        .outerjoin(Committee, Committee.id == _p.committee_id)
        .outerjoin(_recorder, _recorder.c.id == _p.recorded_by)
        .where(*of_it),
        key=_p.number,
        key_name="number",
        parent=select(_d.id).where(*of_it),
        filters={
            "act": any_of(_p.act, DeliverableAct, "Any of these acts."),
            "effective_from": at_least(_p.effective_on, Day, "Dated on this day or later."),
            "effective_to": at_most(_p.effective_on, Day, "Dated on this day or earlier."),
        },
        sorts={"effective_on": _p.effective_on},
    )


DELIVERABLES, DELIVERABLES_OF_MISSION, HISTORY = deliverables(), deliverables_of_mission(), history()
