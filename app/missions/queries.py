"""Reads of missions."""

from typing import Any

from sqlalchemy import Date, Text, cast, func, select, text

from app.access.models import Organisation, Subject
from app.core.db import NO_DAYS, Statement, param
from app.core.reading.listing import (
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    json_array,
    json_object,
    matches,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.values import Code, Day, ExternalId, Uuid
from app.missions import schemas
from app.missions.models import (
    FOREVER,
    Allotment,
    ConsortiumRole,
    Consultant,
    LateEntryLeave,
    Mission,
    MissionActivity,
    MissionMember,
    Order,
    OrderKind,
    Profile,
    Rate,
    ThresholdCrossing,
)
from app.missions.rules import MissionStatus

_territory = param("territory", Text())
_mission_id = param("mission_id", Mission.id.type)

# What a mission's orders come to. The latest act that names a bound of the window says it; ids sort by birth.
_ordered = select(func.coalesce(func.sum(Order.days), NO_DAYS)).where(Order.mission_id == Mission.id).scalar_subquery()
_allotted = (
    select(func.coalesce(func.sum(MissionMember.days_allotted), NO_DAYS))
    .where(MissionMember.mission_id == Mission.id)
    .scalar_subquery()
)


def _latest(column: Any) -> Any:
    return (
        select(column)
        .where(Order.mission_id == Mission.id, column.is_not(None))
        .order_by(Order.id.desc())
        .limit(1)
        .scalar_subquery()
    )


_activities = (
    select(json_array(json_object(code=MissionActivity.code, label=MissionActivity.label), MissionActivity.position))
    .where(MissionActivity.mission_id == Mission.id)
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
        _activities.label("activities"),
        Mission.travel_counts,
        Mission.weekends_allowed,
        Mission.holidays_allowed,
        Mission.holiday_calendar,
        Mission.alert_thresholds_bp,
        Mission.external_id,
        _ordered.label("days_ordered"),
        _allotted.label("days_allotted"),
        _latest(Order.starts_on).label("starts_on"),
        _latest(Order.ends_on).label("ends_on"),
        Mission.status,
        Mission.status_by,
        Subject.name.label("status_by_name"),
        Mission.status_at,
        Mission.status_reason,
        Mission.version,
        Mission.created_at,
        Mission.updated_at,
    )
    .outerjoin(Subject, Subject.id == Mission.status_by)
    .where(Mission.territory == _territory),
    key=Mission.id,
    version=Mission.version,
    derived=True,
    filters={
        "status": any_of(Mission.status, MissionStatus, "Missions in any of these states."),
        "external_id": equals(
            Mission.external_id, ExternalId, "The mission that has this identifier in another system."
        ),
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
        Mission.name.label("mission_name"),
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
        Order.ordered_by,
        Subject.name.label("ordered_by_name"),
        Order.version,
        Order.created_at,
        Order.updated_at,
    )
    .join(Mission, Mission.id == Order.mission_id)
    .outerjoin(Subject, Subject.id == Order.ordered_by)
    .where(*_of_mission),
    key=Order.id,
    version=Order.version,
    derived=True,
    parent=_parent,
    filters={
        "kind": any_of(Order.kind, OrderKind, "Orders of any of these kinds."),
        "updated_since": updated_since(Order.updated_at),
    },
    sorts={"signed_on": Order.signed_on},
)

LATE_ENTRY_LEAVES = Listing(
    schema=schemas.LateEntryLeave,
    rows=select(
        LateEntryLeave.id,
        LateEntryLeave.mission_id,
        Mission.name.label("mission_name"),
        LateEntryLeave.until_on,
        LateEntryLeave.reason,
        LateEntryLeave.granted_by,
        Subject.name.label("granted_by_name"),
        LateEntryLeave.version,
        LateEntryLeave.created_at,
        LateEntryLeave.updated_at,
    )
    .join(Mission, Mission.id == LateEntryLeave.mission_id)
    .outerjoin(Subject, Subject.id == LateEntryLeave.granted_by)
    .where(*_of_mission),
    key=LateEntryLeave.id,
    version=LateEntryLeave.version,
    derived=True,
    parent=_parent,
    filters={"updated_since": updated_since(LateEntryLeave.updated_at)},
    sorts={"until_on": LateEntryLeave.until_on},
)

MEMBERS = Listing(
    schema=schemas.MissionMember,
    rows=select(
        MissionMember.id,
        MissionMember.mission_id,
        Mission.name.label("mission_name"),
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
        "organisation_id": equals(
            MissionMember.organisation_id, Uuid, "The membership of the organisation with this id."
        ),
        "role": any_of(MissionMember.role, ConsortiumRole, "Members with any of these roles."),
        "updated_since": updated_since(MissionMember.updated_at),
    },
    sorts={"organisation_name": Organisation.name, "days_allotted": MissionMember.days_allotted},
)

_before = Allotment.__table__.alias("before")

ALLOTMENTS = Listing(
    schema=schemas.Allotment,
    rows=select(
        Allotment.id,
        Allotment.mission_id,
        Mission.name.label("mission_name"),
        Allotment.organisation_id,
        Organisation.name.label("organisation_name"),
        Allotment.days,
        select(func.sum(_before.c.days))
        .where(
            _before.c.mission_id == Allotment.mission_id,
            _before.c.organisation_id == Allotment.organisation_id,
            _before.c.id <= Allotment.id,
        )
        .scalar_subquery()
        .label("days_allotted"),
        Allotment.decided_on,
        Allotment.reason,
        Allotment.decided_by,
        Subject.name.label("decided_by_name"),
        Allotment.version,
        Allotment.created_at,
        Allotment.updated_at,
    )
    .join(Mission, Mission.id == Allotment.mission_id)
    .outerjoin(Subject, Subject.id == Allotment.decided_by)
    .join(Organisation, Organisation.id == Allotment.organisation_id)
    .where(*_of_mission),
    key=Allotment.id,
    version=Allotment.version,
    derived=True,
    parent=_parent,
    filters={
        "organisation_id": equals(Allotment.organisation_id, Uuid, "Allotments of the organisation with this id."),
        "decided_from": at_least(Allotment.decided_on, Day, "Decided on this day or later."),
        "decided_to": at_most(Allotment.decided_on, Day, "Decided on this day or earlier."),
        "updated_since": updated_since(Allotment.updated_at),
    },
    sorts={"decided_on": Allotment.decided_on},
)

THRESHOLD_CROSSINGS = Listing(
    schema=schemas.ThresholdCrossing,
    rows=select(
        ThresholdCrossing.id,
        ThresholdCrossing.mission_id,
        ThresholdCrossing.threshold_bp,
        ThresholdCrossing.days_ordered,
        ThresholdCrossing.days_entered,
        ThresholdCrossing.crossed_at,
    )
    .join(Mission, Mission.id == ThresholdCrossing.mission_id)
    .where(*_of_mission),
    key=ThresholdCrossing.id,
    parent=_parent,
    sorts={"threshold_bp": ThresholdCrossing.threshold_bp},
)

RATES = Listing(
    schema=schemas.Rate,
    rows=select(
        Rate.id,
        Rate.mission_id,
        Mission.name.label("mission_name"),
        Rate.organisation_id,
        Organisation.name.label("organisation_name"),
        Rate.profile,
        Rate.day_rate_cents,
        Rate.from_on,
        func.nullif(Rate.until_on, FOREVER, type_=Rate.until_on.type).label("to_on"),
        Rate.version,
        Rate.created_at,
        Rate.updated_at,
    )
    .join(Mission, Mission.id == Rate.mission_id)
    .join(Organisation, Organisation.id == Rate.organisation_id)
    .where(*_of_mission),
    key=Rate.id,
    version=Rate.version,
    derived=True,
    parent=_parent,
    filters={
        "organisation_id": equals(Rate.organisation_id, Uuid, "Rates of the organisation with this id."),
        "profile": any_of(Rate.profile, Profile, "Paid as any of these profiles."),
        "in_force_from": at_least(Rate.until_on, Day, "In force on this day or later."),
        "in_force_to": at_most(Rate.from_on, Day, "In force on this day or earlier."),
        "updated_since": updated_since(Rate.updated_at),
    },
    sorts={"from_on": Rate.from_on, "day_rate_cents": Rate.day_rate_cents},
    scopes={"organisation": lambda name: Rate.organisation_id == param(name, Rate.organisation_id.type)},
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
        "mission_id": equals(Consultant.mission_id, Uuid, "Assignments to the mission with this id."),
        "person_id": equals(Consultant.person_id, Uuid, "Assignments of the person with this id."),
        "organisation_id": equals(
            Consultant.organisation_id, Uuid, "Assignments through the organisation with this id."
        ),
        "profile": any_of(Consultant.profile, Code, "Paid as any of these profiles."),
        "q": matches(Subject.name, doc="Part of the person's name, without accents or case."),
        "updated_since": updated_since(Consultant.updated_at),
    },
    sorts={"person_name": Subject.name, "from_on": Consultant.from_on},
)


# --- a mission as of a day -------------------------------------------------------------------------------------------

AS_OF = {"as_of": Parameter(Day, "What was signed and decided up to this Paris day; today where absent.")}


def terms() -> Statement:
    """What the orders signed and the allotments decided by a day come to, as one JSON object."""
    as_of = param("as_of", Date())
    signed = (Order.mission_id == Mission.id, Order.signed_on <= as_of)
    decided = (Allotment.mission_id == MissionMember.mission_id, Allotment.decided_on <= as_of)

    def bound(column: Any) -> Any:
        latest = select(column).where(*signed, column.is_not(None)).order_by(Order.id.desc()).limit(1)
        return latest.scalar_subquery()

    members = (
        select(
            MissionMember.organisation_id,
            Organisation.name.label("organisation_name"),
            MissionMember.role,
            func.sum(Allotment.days).label("days_allotted"),
        )
        .join(Organisation, Organisation.id == MissionMember.organisation_id)
        .join(Allotment, Allotment.organisation_id == MissionMember.organisation_id)
        .where(MissionMember.mission_id == _mission_id, *decided)
        .group_by(MissionMember.organisation_id, Organisation.name, MissionMember.role)
        .subquery("members")
    )
    shown = json_array(func.row_to_json(members.table_valued()), members.c.organisation_name)
    body = func.json_build_object(
        text("'mission_id'"), Mission.id,
        text("'mission_name'"), Mission.name,
        text("'as_of'"), as_of,
        text("'days_ordered'"), select(func.coalesce(func.sum(Order.days), NO_DAYS)).where(*signed).scalar_subquery(),
        text("'days_allotted'"), select(func.coalesce(func.sum(members.c.days_allotted), NO_DAYS)).scalar_subquery(),
        text("'starts_on'"), bound(Order.starts_on),
        text("'ends_on'"), bound(Order.ends_on),
        text("'members'"),
        select(shown).select_from(members).scalar_subquery(),
    )  # fmt: skip
    return Statement(select(cast(body, Text).label("body")).select_from(Mission).where(*_of_mission))
