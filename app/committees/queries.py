"""Reads of committees."""

from typing import Any

from sqlalchemy import Text, case, func, select, text

from app.access.models import Subject
from app.committees import schemas
from app.committees.models import Committee, CommitteeMember
from app.committees.rules import Attendance, CommitteeStatus, Level
from app.core.db import literals, param, paris_day
from app.core.reading.listing import (
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    holds,
    json_array,
    json_object,
    matches,
    updated_since,
)
from app.core.values import Day, ExternalId

_c, _m = Committee, CommitteeMember


def _of_members(column: Any, *conditions: Any) -> Any:
    return select(column).where(_m.committee_id == _c.id, *conditions).scalar_subquery()


_person = Subject.__table__.alias("person")
_of_person = select(_person.c.name).where(_person.c.id == _m.subject_id).correlate(_m).scalar_subquery()
_members = _of_members(
    json_array(
        json_object(
            kind=_m.kind, name=_m.name, subject_id=_m.subject_id, subject_name=_of_person, function=_m.function,
            chair=_m.chair.is_not(None), attendance=_m.attendance,
        ),
        _m.position,
    )
)  # fmt: skip
_attending = _of_members(func.count(), _m.attendance.in_(literals((Attendance.PRESENT, Attendance.REPRESENTED))))
_quorum_reached = case((_of_members(func.count(_m.attendance)) > 0, _attending >= _c.quorum))


HAS_MINUTES = _c.minutes.is_not(None)


COMMITTEES = Listing(
    schema=schemas.Committee,
    rows=select(
        _c.id,
        _c.territory,
        _c.level,
        _c.status,
        _c.planned_at,
        _c.held_at,
        _c.place,
        func.coalesce(_members, text("'[]'::json")).label("members"),
        _of_members(func.count()).label("members_total"),
        _attending.label("members_attending"),
        _c.quorum,
        _quorum_reached.label("quorum_reached"),
        _c.reason,
        _c.minutes,
        _c.minutes_adopted_on,
        _c.closed_by,
        Subject.name.label("closed_by_name"),
        _c.closed_at,
        _c.record_hash,
        _c.external_id,
        _c.version,
        _c.created_at,
        _c.updated_at,
    )
    .outerjoin(Subject, Subject.id == _c.closed_by)
    .where(_c.territory == param("territory", Text())),
    key=_c.id,
    version=_c.version,
    derived=True,
    filters={
        "level": any_of(_c.level, Level, "Meetings of the territory's own committee, or of the State and the Région."),
        "status": any_of(_c.status, CommitteeStatus, "Meetings in any of these states."),
        "has_minutes": holds(HAS_MINUTES, "true: meetings whose minutes are written; false: meetings without minutes."),
        "planned_from": at_least(paris_day(_c.planned_at), Day, "Planned for this day or later."),
        "planned_to": at_most(paris_day(_c.planned_at), Day, "Planned for this day or earlier."),
        "held_from": at_least(paris_day(_c.held_at), Day, "Held on this day or later."),
        "held_to": at_most(paris_day(_c.held_at), Day, "Held on this day or earlier."),
        "external_id": equals(_c.external_id, ExternalId, "The meeting that has this identifier in another system."),
        "q": matches(_c.place, _c.minutes, doc="Part of the place or the minutes, without accents or case."),
        "updated_since": updated_since(_c.updated_at),
    },
    sorts={"planned_at": _c.planned_at, "held_at": _c.held_at, "updated_at": _c.updated_at},
)
