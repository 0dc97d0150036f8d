"""Reads of missions."""

from sqlalchemy import Text, func, select

from app.access.models import Organisation, Subject
from app.core.db import param
from app.core.listing import Listing, any_of, equals, matches, updated_since
from app.core.values import Code, ExternalId, Uuid
from app.missions import schemas
from app.missions.models import (
    FOREVER,
    ConsortiumRole,
    Consultant,
    LateEntryLeave,
    Mission,
    MissionMember,
    Order,
    OrderKind,
)

_territory = param("territory", Text())
_mission_id = param("mission_id", Mission.id.type)

# What a mission's orders come to. The latest act that names a bound of the window says it; ids sort by birth.
_ordered = select(func.coalesce(func.sum(Order.days), 0)).where(Order.mission_id == Mission.id).scalar_subquery()
_allotted = (
    select(func.coalesce(func.sum(MissionMember.days_allotted), 0))
    .where(MissionMember.mission_id == Mission.id)
    .scalar_subquery()
)


def _latest(column: object) -> object:
    return (
        select(column)  # type: ignore[call-overload]  # a column of Order
        .where(Order.mission_id == Mission.id, column.is_not(None))  # type: ignore[attr-defined]
        .order_by(Order.id.desc())
        .limit(1)
        .scalar_subquery()
    )


MISSIONS = Listing(
    schema=schemas.Mission,
    rows=select(
        Mission.id,
        Mission.territory,
        Mission.name,
        Mission.step,
        Mission.late_entry_grace_days,
        Mission.external_id,
        _ordered.label("days_ordered"),
        _allotted.label("days_allotted"),
        _latest(Order.starts_on).label("starts_on"),  # type: ignore[attr-defined]  # a scalar subquery
        _latest(Order.ends_on).label("ends_on"),  # type: ignore[attr-defined]
        Mission.version,
        Mission.created_at,
        Mission.updated_at,
    ).where(Mission.territory == _territory),
    key=Mission.id,
    version=Mission.version,
    filters={
        "external_id": equals(Mission.external_id, ExternalId, "The mission that another system knows by this id."),
        "q": matches(Mission.name, doc="Part of the name, without accents or case."),
        "updated_since": updated_since(Mission.updated_at),
    },
    sorts={"name": Mission.name},
)

_parent = select(Mission.id).where(Mission.id == _mission_id, Mission.territory == _territory)
_of_mission = (Mission.id == _mission_id, Mission.territory == _territory)
_earlier = Order.__table__.alias("earlier")

ORDERS = Listing(
    schema=schemas.Order,
    rows=select(
        Order.id,
        Order.mission_id,
        Order.kind,
        Order.reference,
        Order.signed_on,
        Order.days,
        Order.starts_on,
        Order.ends_on,
        Order.reason,
        select(func.sum(_earlier.c.days))
        .where(_earlier.c.mission_id == Order.mission_id, _earlier.c.id <= Order.id)
        .scalar_subquery()
        .label("days_ordered"),
        Order.version,
        Order.created_at,
        Order.updated_at,
    )
    .join(Mission, Mission.id == Order.mission_id)
    .where(*_of_mission),
    key=Order.id,
    version=Order.version,
    parent=_parent,
    filters={
        "kind": any_of(Order.kind, OrderKind, "Initial orders, or amendments."),
        "updated_since": updated_since(Order.updated_at),
    },
    sorts={"signed_on": Order.signed_on},
)

LATE_ENTRY_LEAVES = Listing(
    schema=schemas.LateEntryLeave,
    rows=select(
        LateEntryLeave.id,
        LateEntryLeave.mission_id,
        LateEntryLeave.until_on,
        LateEntryLeave.reason,
        LateEntryLeave.granted_by,
        LateEntryLeave.version,
        LateEntryLeave.created_at,
        LateEntryLeave.updated_at,
    )
    .join(Mission, Mission.id == LateEntryLeave.mission_id)
    .where(*_of_mission),
    key=LateEntryLeave.id,
    version=LateEntryLeave.version,
    parent=_parent,
    filters={"updated_since": updated_since(LateEntryLeave.updated_at)},
    sorts={"until_on": LateEntryLeave.until_on},
)

MEMBERS = Listing(
    schema=schemas.MissionMember,
    rows=select(
        MissionMember.id,
        MissionMember.mission_id,
        MissionMember.organisation_id,
        Organisation.name.label("organisation_name"),
        MissionMember.role,
        MissionMember.days_allotted,
        MissionMember.version,
        MissionMember.created_at,
        MissionMember.updated_at,
    )
    .join(Mission, Mission.id == MissionMember.mission_id)
    .join(Organisation, Organisation.id == MissionMember.organisation_id)
    .where(*_of_mission),
    key=MissionMember.id,
    version=MissionMember.version,
    derived=True,
    parent=_parent,
    filters={
        "organisation_id": equals(MissionMember.organisation_id, Uuid, "The membership of this organisation."),
        "role": any_of(MissionMember.role, ConsortiumRole, "The lead, or partners."),
        "updated_since": updated_since(MissionMember.updated_at),
    },
    sorts={"organisation_name": Organisation.name, "days_allotted": MissionMember.days_allotted},
)

CONSULTANTS = Listing(
    schema=schemas.Consultant,
    rows=select(
        Consultant.id,
        Consultant.person_id,
        Subject.name.label("person_name"),
        Consultant.organisation_id,
        Organisation.name.label("organisation_name"),
        Consultant.mission_id,
        Mission.name.label("mission_name"),
        Consultant.profile,
        Consultant.from_on,
        func.nullif(Consultant.until_on, FOREVER, type_=Consultant.until_on.type).label("to_on"),
        Consultant.version,
        Consultant.created_at,
        Consultant.updated_at,
    )
    .join(Mission, Mission.id == Consultant.mission_id)
    .join(Subject, Subject.id == Consultant.person_id)
    .join(Organisation, Organisation.id == Consultant.organisation_id)
    .where(Consultant.territory == _territory),
    key=Consultant.id,
    version=Consultant.version,
    derived=True,
    filters={
        "mission_id": equals(Consultant.mission_id, Uuid, "Assignments to this mission."),
        "person_id": equals(Consultant.person_id, Uuid, "Assignments of this person."),
        "organisation_id": equals(Consultant.organisation_id, Uuid, "Assignments through this member."),
        "profile": any_of(Consultant.profile, Code, "Any of these profiles."),
        "q": matches(Subject.name, doc="Part of the person's name, without accents or case."),
        "updated_since": updated_since(Consultant.updated_at),
    },
    sorts={"person_name": Subject.name, "from_on": Consultant.from_on},
)
