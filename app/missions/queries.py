"""Reads of missions."""

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    Text,
    any_,
    cast,
    column,
    exists,
    func,
    literal_column,
    null,
    select,
    table,
    text,
)
from sqlalchemy.orm import aliased

from app.access.models import Organisation, Subject
from app.access.queries import ACTS
from app.core.db import NO_DAYS, Statement, param
from app.core.reading.listing import (
    Filter,
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
    MissionDays,
    MissionMember,
    MissionSettings,
    Order,
    OrderKind,
    Profile,
    Rate,
    ThresholdCrossing,
)
from app.missions.rules import MissionStatus

_territory = param("territory", Text())


def has_members_of(organisation_id: Any, territories: Any) -> Any:
    """Whether an organisation is a member of a mission in one of these territories."""
    members = select(MissionMember.id).join(Mission, Mission.id == MissionMember.mission_id)
    there = Mission.territory == any_(territories)
    return members.where(MissionMember.organisation_id == organisation_id, there).exists()


ACTS.append(has_members_of)
_mission_id = param("mission_id", Mission.id.type)

_as_of = param("as_of", Date())


# The thresholds are in rising order: the first is the lowest. A mission without days ordered is over none.
OVER_THRESHOLD = exists().where(
    MissionDays.mission_id == Mission.id,
    MissionDays.days_ordered > text("0"),
    MissionDays.days_entered * literal_column("10000", Integer())
    >= MissionDays.days_ordered * literal_column("missions.alert_thresholds_bp[1]", Integer()),
)


def _latest(column: Any, *signed: Any) -> Any:
    named = select(column).where(*signed, column.is_not(None))
    return named.order_by(Order.id.desc()).limit(1).scalar_subquery()


ENDS_ON = _latest(Order.ends_on, Order.mission_id == Mission.id)


def _missions(of: Any, *, by: Any = None, **filters: Filter) -> Listing:
    """Missions with the settings of `of`, and what their orders and allotments come to, those of `by` or before.

    The latest act that names a bound of the window says it; ids sort by birth.
    """
    signed, decided = [Order.mission_id == Mission.id], [Allotment.mission_id == Mission.id]
    if by is not None:
        signed.append(Order.signed_on <= by)
        decided.append(Allotment.decided_on <= by)

    def total(days: Any, *where: Any) -> Any:
        return select(func.coalesce(func.sum(days), NO_DAYS)).where(*where).scalar_subquery()

    a = MissionActivity
    shown = json_object(code=a.code, label=a.label, to_on=func.nullif(a.until_on, FOREVER, type_=Date()))
    listed = select(json_array(shown, a.position)).where(a.mission_id == Mission.id)
    activities = (listed if by is None else listed.where(a.until_on >= by)).scalar_subquery()
    ends_on = _latest(Order.ends_on, *signed)
    rows = select(
        Mission.id,
        Mission.territory,
        of.name,
        of.step,
        of.late_entry_grace_days,
        activities.label("activities"),
        of.travel_counts,
        of.weekends_allowed,
        of.holidays_allowed,
        of.holiday_calendar,
        of.alert_thresholds_bp,
        of.external_id,
        total(Order.days, *signed).label("days_ordered"),
        total(Allotment.days, *decided).label("days_allotted"),
        _latest(Order.starts_on, *signed).label("starts_on"),
        ends_on.label("ends_on"),
        Mission.status,
        Mission.status_by,
        Subject.name.label("status_by_name"),
        Mission.status_at,
        Mission.status_reason,
        Mission.version,
        Mission.created_at,
        Mission.updated_at,
    )
    rows = rows.outerjoin(Subject, Subject.id == Mission.status_by).where(Mission.territory == _territory)
    return Listing(
        schema=schemas.Mission,
        rows=rows if of is Mission else rows.join(of, of.id == _holding),
        key=Mission.id,
        version=Mission.version,
        derived=True,
        filters={
            **filters,
            "status": any_of(Mission.status, MissionStatus, "Missions in any of these states."),
            "external_id": equals(
                of.external_id, ExternalId, "The mission that has this identifier in another system."
            ),
            "ends_from": at_least(ends_on, Day, "Missions that end on this Paris day or later."),
            "over_threshold": holds(
                OVER_THRESHOLD,
                "true: missions whose days entered have reached an alert threshold of their orders, as they are now;"
                " false: the others.",
            ),
            "q": matches(of.name, doc="Part of the name, without accents or case."),
            "updated_since": updated_since(Mission.updated_at),
        },
        sorts={"name": of.name},
    )


MISSIONS = _missions(Mission)

# As of a day: the last settings that began by then.
_begun = aliased(MissionSettings)
_holding = (
    select(_begun.id)
    .where(_begun.mission_id == Mission.id, _begun.from_on <= _as_of)
    .order_by(_begun.from_on.desc(), _begun.id.desc())
    .limit(1)
    .correlate(Mission)
    .scalar_subquery()
)
SETTINGS_AS_OF = Filter(
    Parameter(
        Day, "What holds on this Paris day, by the settings, orders and allotments up to it; absent: what is set now."
    ),
    lambda _name: MissionSettings.from_on <= _as_of,
)
MISSIONS_AS_OF = _missions(MissionSettings, by=_as_of, as_of=SETTINGS_AS_OF)

_parent = select(Mission.id).where(Mission.id == _mission_id, Mission.territory == _territory)
_of_mission = (Mission.id == _mission_id, Mission.territory == _territory)
_earlier = Order.__table__.alias("earlier")
_framework = table("frameworks", column("id", Order.id.type), column("reference", Text()))


@cache
def orders(*, amounts: bool = True) -> Listing:
    """The orders of one mission; without `amounts` for who may not read what they come to in cents."""
    amount = Order.amount_cents if amounts else cast(null(), BigInteger())
    return Listing(
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
            amount.label("amount_cents"),
            Order.framework_id,
            # A framework refers to missions, and is named as a foreign key would.
            _framework.c.reference.label("framework_reference"),
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
        .outerjoin(_framework, _framework.c.id == Order.framework_id)
        .where(*_of_mission),
        key=Order.id,
        version=Order.version,
        derived=True,
        parent=_parent,
        filters={
            "kind": any_of(Order.kind, OrderKind, "Orders of any of these kinds."),
            "framework_id": equals(Order.framework_id, Uuid, "Orders that count in the framework with this id."),
            "as_of": at_most(Order.signed_on, Day, "Signed up to this Paris day."),
            "updated_since": updated_since(Order.updated_at),
        },
        sorts={"signed_on": Order.signed_on},
    )


ORDERS = orders()

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


def _members(days_allotted: Any, **filters: Filter) -> Listing:
    """Members of the consortium with their days; those to whom none were allotted yet are left out."""
    m = MissionMember
    rows = (
        select(
            m.id,
            m.mission_id,
            Mission.name.label("mission_name"),
            m.organisation_id,
            Organisation.name.label("organisation_name"),
            m.role,
            days_allotted.label("days_allotted"),
            m.version,
            m.created_at,
            m.updated_at,
        )
        .join(Mission, Mission.id == m.mission_id)
        .join(Organisation, Organisation.id == m.organisation_id)
        .where(*_of_mission)
    )
    return Listing(
        schema=schemas.MissionMember,
        rows=rows.where(days_allotted.is_not(None)),
        key=m.id,
        version=m.version,
        derived=True,
        parent=_parent,
        filters={
            **filters,
            "organisation_id": equals(m.organisation_id, Uuid, "The membership of the organisation with this id."),
            "role": any_of(m.role, ConsortiumRole, "Members with any of these roles."),
            "updated_since": updated_since(m.updated_at),
        },
        sorts={"organisation_name": Organisation.name, "days_allotted": days_allotted},
    )


MEMBERS = _members(MissionMember.days_allotted)

_decided = (
    select(func.sum(Allotment.days))
    .where(
        Allotment.mission_id == MissionMember.mission_id,
        Allotment.organisation_id == MissionMember.organisation_id,
        Allotment.decided_on <= _as_of,
    )
    .correlate(MissionMember)
    .scalar_subquery()
)
MEMBERS_AS_OF = _members(
    _decided,
    as_of=Filter(
        Parameter(Day, "Members to whom days were allotted by this Paris day, with the days of that day."),
        lambda _name: _decided.is_not(None),
    ),
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
        "as_of": at_most(Allotment.decided_on, Day, "Decided up to this Paris day."),
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
        "as_of": Filter(
            Parameter(Day, "In force on this Paris day."),
            lambda name: param(name, Date()).between(Rate.from_on, Rate.until_on),
        ),
        "in_force_from": at_least(Rate.until_on, Day, "In force on this day or later."),
        "in_force_to": at_most(Rate.from_on, Day, "In force on this day or earlier."),
        "updated_since": updated_since(Rate.updated_at),
    },
    sorts={"from_on": Rate.from_on, "day_rate_cents": Rate.day_rate_cents},
    owner=Rate.organisation_id,
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
        "as_of": Filter(
            Parameter(Day, "Assigned on this Paris day."),
            lambda name: param(name, Date()).between(Consultant.from_on, Consultant.until_on),
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
    body = json_object(
        mission_id=Mission.id,
        mission_name=Mission.name,
        as_of=as_of,
        days_ordered=select(func.coalesce(func.sum(Order.days), NO_DAYS)).where(*signed).scalar_subquery(),
        days_allotted=select(func.coalesce(func.sum(members.c.days_allotted), NO_DAYS)).scalar_subquery(),
        starts_on=bound(Order.starts_on),
        ends_on=bound(Order.ends_on),
        members=select(shown).select_from(members).scalar_subquery(),
    )
    return Statement(select(cast(body, Text).label("body")).select_from(Mission).where(*_of_mission))
