"""Reads of engineering."""

from typing import Any

from sqlalchemy import Numeric, Text, case, cast, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.access.models import Organisation, Subject
from app.core.db import Statement, literals, param
from app.core.listing import Listing, Rows, any_of, at_least, at_most, equals, matches, updated_since
from app.core.query import Parameter
from app.core.values import Code, Day, ExternalId, Siren, Uuid
from app.engineering import schemas
from app.engineering.models import TimeEntry
from app.engineering.rules import Status
from app.firms.models import Firm
from app.missions.models import MemberDays, Mission, MissionDays, MissionMember


def entries(e: Any) -> Rows:
    """The fields of a time entry, from the table or from the row that a statement has just written."""
    return (
        select(
            e.id,
            e.territory,
            e.mission_id,
            Mission.name.label("mission_name"),
            e.consultant_id,
            Subject.name.label("consultant_name"),
            e.organisation_id,
            Organisation.name.label("organisation_name"),
            e.worked_on,
            e.counted_on,
            e.days,
            e.activity,
            e.firm_siren,
            Firm.name.label("firm_name"),
            e.note,
            e.external_id,
            e.status,
            e.reason,
            e.entered_by,
            e.validated_by,
            e.validated_at,
            e.version,
            e.created_at,
            e.updated_at,
        )
        .join(Mission, Mission.id == e.mission_id)
        .join(Subject, Subject.id == e.person_id)
        .join(Organisation, Organisation.id == e.organisation_id)
        .outerjoin(Firm, Firm.siren == e.firm_siren)
    )


_e = TimeEntry
TIME_ENTRIES = Listing(
    schema=schemas.TimeEntry,
    rows=entries(_e).where(_e.territory == param("territory", Text())),
    key=_e.id,
    version=_e.version,
    derived=True,
    filters={
        "mission_id": equals(_e.mission_id, Uuid, "Entries of this mission."),
        "consultant_id": equals(_e.consultant_id, Uuid, "Entries of this assignment."),
        "organisation_id": equals(_e.organisation_id, Uuid, "Entries of this member."),
        "status": any_of(_e.status, Status, "Any of these states."),
        "activity": any_of(_e.activity, Code, "Any of these activities."),
        "firm_siren": equals(_e.firm_siren, Siren, "Entries about this firm."),
        "worked_from": at_least(_e.worked_on, Day, "Worked on this day or later."),
        "worked_to": at_most(_e.worked_on, Day, "Worked on this day or earlier."),
        "external_id": equals(_e.external_id, ExternalId, "The entry that another system knows by this id."),
        "q": matches(_e.note, doc="Part of the note, without accents or case."),
        "updated_since": updated_since(_e.updated_at),
    },
    sorts={"worked_on": _e.worked_on, "days": _e.days, "updated_at": _e.updated_at},
    scopes={"organisation": lambda name: _e.organisation_id == param(name, _e.organisation_id.type)},
)


# --- the follow-up of the days ---------------------------------------------------------------------------------------

FOLLOW_UP = {"mission_id": Parameter(Uuid, "Only this mission of the territory.")}

_ZERO = literal_column("0", Numeric(7, 2))


def _sum(column: Any, *states: Status) -> Any:
    counted = case((_e.status.in_(literals(states)), column))
    return func.coalesce(func.sum(counted), _ZERO)


def follow_up(one_mission: bool) -> Statement:
    """The follow-up as one JSON object: totals from the limit rows, the rest from the entries, in one snapshot."""
    territory = param("territory", Text())
    missions = select(Mission.id).where(Mission.territory == territory)
    if one_mission:
        missions = missions.where(Mission.id == param("mission_id", Mission.id.type))
    m = missions.cte("m")
    of_mission = select(m.c.id)

    totals = (
        select(
            func.coalesce(func.sum(MissionDays.days_ordered), _ZERO).label("days_ordered"),
            func.coalesce(func.sum(MissionDays.days_entered), _ZERO).label("days_entered"),
        )
        .where(MissionDays.mission_id.in_(of_mission))
        .cte("totals")
    )
    by_state = {
        "days_validated": _sum(_e.days, Status.VALIDATED, Status.CERTIFIED),
        "days_certified": _sum(_e.days, Status.CERTIFIED),
        "days_draft": _sum(_e.days, Status.DRAFT),
    }
    worked = (
        select(_e.mission_id, _e.organisation_id, *(column.label(name) for name, column in by_state.items()))
        .where(_e.mission_id.in_(of_mission))
        .group_by(_e.mission_id, _e.organisation_id)
        .cte("worked")
    )
    members = (
        select(
            MissionMember.organisation_id,
            Organisation.name.label("organisation_name"),
            func.sum(MemberDays.days_allotted).label("days_allotted"),
            func.sum(MemberDays.days_entered).label("days_entered"),
            *(func.coalesce(func.sum(worked.c[name]), _ZERO).label(name) for name in by_state),
            (func.sum(MemberDays.days_allotted) - func.sum(MemberDays.days_entered)).label("days_left"),
        )
        .join(
            MemberDays,
            (MemberDays.mission_id == MissionMember.mission_id)
            & (MemberDays.organisation_id == MissionMember.organisation_id),
        )
        .join(Organisation, Organisation.id == MissionMember.organisation_id)
        .outerjoin(
            worked,
            (worked.c.mission_id == MissionMember.mission_id)
            & (worked.c.organisation_id == MissionMember.organisation_id),
        )
        .where(MissionMember.mission_id.in_(of_mission))
        .group_by(MissionMember.organisation_id, Organisation.name)
        .subquery("members")
    )
    counting = (Status.SUBMITTED, Status.VALIDATED, Status.CERTIFIED)
    weeks = (
        select(
            func.to_char(_e.worked_on, text("'IYYY-\"W\"IW'")).label("week"),
            cast(func.min(func.date_trunc(text("'week'"), _e.worked_on)), _e.worked_on.type).label("starts_on"),
            _sum(_e.days, *counting).label("days_entered"),
            _sum(_e.days, Status.VALIDATED, Status.CERTIFIED).label("days_validated"),
            _sum(_e.days, Status.CERTIFIED).label("days_certified"),
        )
        .where(_e.mission_id.in_(of_mission), _e.status.in_(literals(counting)))
        .group_by(text("1"))
        .subquery("weeks")
    )

    def rows(source: Any, order: Any) -> Any:
        aggregate = func.json_agg(aggregate_order_by(func.row_to_json(source.table_valued()), order))
        return select(func.coalesce(aggregate, text("'[]'::json"))).select_from(source).scalar_subquery()

    body = func.json_build_object(
        text("'territory'"), territory,
        text("'days_ordered'"), totals.c.days_ordered,
        text("'days_entered'"), totals.c.days_entered,
        *(part for name in by_state for part in (
            text(f"'{name}'"), select(func.coalesce(func.sum(worked.c[name]), _ZERO)).scalar_subquery())),
        text("'days_left'"), totals.c.days_ordered - totals.c.days_entered,
        text("'by_member'"), rows(members, members.c.organisation_name),
        text("'by_week'"), rows(weeks, weeks.c.week),
    )  # fmt: skip
    found = select(func.count()).select_from(m).scalar_subquery()
    return Statement(select(cast(body, Text).label("body"), found.label("missions")).select_from(totals))
