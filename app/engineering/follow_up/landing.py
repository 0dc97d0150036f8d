"""What is expected of missions: the plan and the lead firm's statement that hold on a day, beside the days done."""

from typing import Any

from sqlalchemy import CTE, Date, Text, and_, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from app.core.db import NO_DAYS
from app.core.reading.listing import json_array
from app.core.writing.events import BEFORE
from app.engineering.follow_up.counting import AS_OF, Shape, counts_at
from app.engineering.planning.models import MissionPlan, PlannedWeek, RemainingDays


def expectations(shape: Shape, of: CTE, entry: CTE) -> Any:
    """What `outlook.expected` reads, a row for each mission asked about, as JSON; NULL for one member."""
    if shape.one_member:
        return literal_column("NULL", Text())
    p, r, line = MissionPlan, RemainingDays, PlannedWeek
    plan = (
        select(p.id, p.mission_id, p.planned_on)
        .ext(distinct_on(p.mission_id))
        .where(p.mission_id.in_(select(of.c.id)), p.planned_on <= AS_OF)
        .order_by(p.mission_id, p.number.desc())
    )
    stated = (
        select(r.mission_id, r.days, r.stated_on)
        .ext(distinct_on(r.mission_id))
        .where(r.mission_id.in_(select(of.c.id)), r.stated_on <= AS_OF)
        .order_by(r.mission_id, r.stated_on.desc(), r.id.desc())
    )
    if shape.known_then:
        plan, stated = plan.where(p.recorded_at < BEFORE), stated.where(r.recorded_at < BEFORE)
    held, said = plan.subquery("held_plan"), stated.subquery("stated")

    def done(*where: Any) -> Any:
        counted = select(func.coalesce(func.sum(entry.c.days), NO_DAYS))
        return counted.where(entry.c.mission_id == of.c.id, *where).correlate(of, said).scalar_subquery()

    monday = cast(func.date_trunc(literal_column("'week'", Text()), AS_OF), Date)
    week = select(line.week_on, func.sum(line.days).label("days")).where(line.plan_id == held.c.id)
    weeks = week.group_by(line.week_on).correlate(held).subquery("weeks")
    by_week = select(json_array(func.json_build_array(*weeks.c), weeks.c.week_on)).scalar_subquery()
    by_statement = and_(
        entry.c.counts,
        entry.c.counted_on <= said.c.stated_on,
        or_(entry.c.reversed_on.is_(None), entry.c.reversed_on > said.c.stated_on),
    )
    row = func.json_build_array(
        done(counts_at(entry)),
        done(counts_at(entry), entry.c.worked_on >= monday),
        held.c.planned_on,
        by_week,
        said.c.days,
        said.c.stated_on,
        done(by_statement),
    )
    rows = of.outerjoin(held, held.c.mission_id == of.c.id).outerjoin(said, said.c.mission_id == of.c.id)
    return select(cast(json_array(row, of.c.id), Text)).select_from(rows).scalar_subquery()
