"""Reads of planning."""

from typing import Any

from sqlalchemy import Date, Numeric, Text, and_, exists, func, literal_column, select
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.core.db import NO_DAYS, param
from app.core.reading.listing import Listing, at_least, at_most, json_array, json_object
from app.core.reading.query import Parameter
from app.core.values import Day
from app.engineering.planning import schemas
from app.engineering.planning.models import MissionPlan, PlannedWeek, RemainingDays
from app.engineering.planning.rules import FULL_WEEK
from app.missions.models import Consultant, Mission
from app.missions.rules import MissionStatus

_territory, _mission_id = param("territory", Text()), param("mission_id", Mission.id.type)
_parent = select(Mission.id).where(Mission.id == _mission_id, Mission.territory == _territory)
_as_of = param("as_of", Date())
_plan, _line, _c = MissionPlan, PlannedWeek, Consultant
_person = Subject.__table__.alias("person")
_recorder = Subject.__table__.alias("recorder")
_newer = aliased(MissionPlan)


def _week_of(monday: Any) -> Any:
    return func.to_char(monday, literal_column("""'IYYY-"W"IW'"""), type_=Text())


_lines = (
    select(
        json_array(
            json_object(
                consultant_id=_line.consultant_id,
                consultant_name=_person.c.name,
                profile=_line.profile,
                week=_week_of(_line.week_on),
                days=_line.days,
            ),
            _line.week_on,
            _person.c.name,
            _line.profile,
            _line.id,
        )
    )
    .select_from(_line)
    .outerjoin(_c, _c.id == _line.consultant_id)
    .outerjoin(_person, _person.c.id == _c.person_id)
    .where(_line.plan_id == _plan.id)
)

# The plans that hold now of other open missions, in the same week and for the same person.
_else_line, _else_plan, _else = aliased(PlannedWeek), aliased(MissionPlan), aliased(Consultant)
_after = aliased(MissionPlan)
_elsewhere = (
    select(func.coalesce(func.sum(_else_line.days), NO_DAYS))
    .join(_else_plan, _else_plan.id == _else_line.plan_id)
    .join(_else, _else.id == _else_line.consultant_id)
    .join(Mission, Mission.id == _else_plan.mission_id)
    .where(
        _else.person_id == _c.person_id,
        _else_line.week_on == _line.week_on,
        _else_plan.mission_id != _plan.mission_id,
        Mission.status == literal_column(f"'{MissionStatus.OPEN}'"),
        ~exists().where(_after.mission_id == _else_plan.mission_id, _after.number > _else_plan.number),
    )
    .correlate(_c, _line, _plan)
    .scalar_subquery()
)
_here = aliased(PlannedWeek)
_other = aliased(Consultant)
# A person may have several assignments to one mission.
_in_this_plan = (
    select(func.sum(_here.days))
    .join(_other, _other.id == _here.consultant_id)
    .where(_here.plan_id == _line.plan_id, _here.week_on == _line.week_on, _other.person_id == _c.person_id)
    .correlate(_c, _line)
    .scalar_subquery()
)
_overplanned = (
    select(
        json_array(
            json_object(
                consultant_id=_line.consultant_id,
                consultant_name=_person.c.name,
                week=_week_of(_line.week_on),
                days=_in_this_plan,
                elsewhere=_elsewhere > NO_DAYS,
            ),
            _line.week_on,
            _person.c.name,
            _line.id,
        )
    )
    .select_from(_line)
    .join(_c, _c.id == _line.consultant_id)
    .join(_person, _person.c.id == _c.person_id)
    .where(
        _line.plan_id == _plan.id,
        _in_this_plan + _elsewhere > literal_column(str(FULL_WEEK), Numeric(7, 2)),
    )
)

_plans = (
    select(
        _plan.id,
        _plan.mission_id,
        Mission.name.label("mission_name"),
        _plan.number.label("version"),
        _plan.planned_on,
        select(func.coalesce(func.sum(_line.days), NO_DAYS))
        .where(_line.plan_id == _plan.id)
        .scalar_subquery()
        .label("days_planned"),
        _lines.scalar_subquery().label("lines"),
        _overplanned.scalar_subquery().label("overplanned"),
        _plan.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _plan.recorded_at,
    )
    .join(Mission, Mission.id == _plan.mission_id)
    .join(_recorder, _recorder.c.id == _plan.recorded_by)
    .where(_plan.territory == _territory, _plan.mission_id == _mission_id)
)

AS_OF = Parameter(Day, "The plan that holds on this Paris day; absent: the last one.")


def _plan_in_force(*by: Any) -> Listing:
    """The plan of a mission, found by the mission: the last version, or the last of those made by a day."""
    newer = [_newer.mission_id == _plan.mission_id, _newer.number > _plan.number]
    if by:
        newer.append(_newer.planned_on <= by[0])
    held = _plans.where(~exists().where(and_(*newer)), *(_plan.planned_on <= day for day in by))
    return Listing(
        schema=schemas.MissionPlan, rows=held, key=_plan.mission_id, key_name="mission_id", version=_plan.number,
        derived=True,
    )  # fmt: skip


PLAN = _plan_in_force()
PLAN_AS_OF = _plan_in_force(_as_of)

PLAN_VERSIONS = Listing(
    schema=schemas.MissionPlan,
    rows=_plans,
    key=_plan.id,
    version=_plan.number,
    derived=True,
    parent=_parent,
    filters={
        "planned_from": at_least(_plan.planned_on, Day, "Made on this Paris day or later."),
        "planned_to": at_most(_plan.planned_on, Day, "Made on this Paris day or earlier."),
    },
    sorts={"version": _plan.number, "planned_on": _plan.planned_on},
)

_r = RemainingDays
REMAINING_DAYS = Listing(
    schema=schemas.RemainingDays,
    rows=select(
        _r.id,
        _r.mission_id,
        Mission.name.label("mission_name"),
        _r.days.label("remaining_days"),
        _r.stated_on,
        _r.reason,
        _r.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _r.recorded_at,
    )
    .join(Mission, Mission.id == _r.mission_id)
    .join(_recorder, _recorder.c.id == _r.recorded_by)
    .where(_r.territory == _territory, _r.mission_id == _mission_id),
    key=_r.id,
    parent=_parent,
    filters={
        "as_of": at_most(_r.stated_on, Day, "Stated on this Paris day or earlier."),
        "stated_from": at_least(_r.stated_on, Day, "Stated on this Paris day or later."),
    },
    sorts={"stated_on": _r.stated_on},
)
