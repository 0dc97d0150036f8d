"""Writes of planning: versions of a plan, and statements of what remains. Nothing is ever changed."""

from uuid import UUID

from sqlalchemy import insert, select

from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.engineering.entries.rules import NotTheLeadFirm
from app.engineering.planning import schemas
from app.engineering.planning.models import MissionPlan, PlannedWeek, RemainingDays
from app.engineering.planning.queries import PLAN, REMAINING_DAYS
from app.engineering.planning.rules import PlanOutOfOrder
from app.missions.leads import leads
from app.missions.models import Consultant, Mission
from app.missions.rules import MissionCancelled, MissionEnded, MissionStatus


async def put_plan(write: Write, territory: str, mission_id: UUID, body: schemas.PlanPut) -> Change:
    """A new version of the plan of a mission; the same plan again changes nothing.

    Raises `plan-out-of-order`, `mission-ended` (409), `not-the-lead-firm` (403), `reference-not-found` (404).
    """
    mission = await _of_lead(write, territory, mission_id)
    p = MissionPlan
    last = await write.session.scalar(select(p).where(p.mission_id == mission_id).order_by(p.number.desc()).limit(1))
    write.expect(last.number if last is not None else None)
    refuse_future({"/planned_on": body.planned_on})
    if mission.status != MissionStatus.OPEN:
        raise MissionEnded
    bound = {"territory": territory, "mission_id": mission_id}
    lines = {(line.week, line.consultant_id, line.profile): line.days for line in body.lines}
    if last is not None:
        if last.planned_on == body.planned_on and await _lines(write, last) == lines:
            return Change("", PLAN, [mission_id], bound)
        if body.planned_on < last.planned_on:
            raise PlanOutOfOrder(last_planned_on=last.planned_on)
    await _refuse_strangers(write, mission_id, body)
    number = last.number + 1 if last is not None else 1
    plan = MissionPlan(
        territory=territory, mission_id=mission_id, number=number, planned_on=body.planned_on,
        recorded_by=write.actor.subject_id, recorded_at=write.now,
    )  # fmt: skip
    write.session.add(plan)
    await write.session.flush()
    rows = [
        {"plan_id": plan.id, "mission_id": mission_id, "week_on": week, "consultant_id": consultant_id,
         "profile": profile, "days": days}
        for (week, consultant_id, profile), days in lines.items()
    ]  # fmt: skip
    if rows:
        await write.session.execute(insert(PlannedWeek), rows)
    return Change("mission_plan.planned", PLAN, [mission_id], bound, status=201 if last is None else 200)


async def _lines(write: Write, plan: MissionPlan) -> dict[object, object]:
    q = PlannedWeek
    rows = await write.session.execute(
        select(q.week_on, q.consultant_id, q.profile, q.days).where(q.plan_id == plan.id)
    )
    return {(week, consultant_id, profile): days for week, consultant_id, profile, days in rows}


async def _refuse_strangers(write: Write, mission_id: UUID, body: schemas.PlanPut) -> None:
    """Every consultant planned is one of the mission: `reference-not-found`, each at its place."""
    known = set(await write.session.scalars(select(Consultant.id).where(Consultant.mission_id == mission_id)))
    faults = [
        NOT_FOUND.at(f"/lines/{place}/consultant_id")
        for place, line in enumerate(body.lines)
        if line.consultant_id is not None and line.consultant_id not in known
    ]
    if faults:
        raise ReferenceNotFound(errors=faults)


async def state_remaining(write: Write, territory: str, mission_id: UUID, body: schemas.RemainingDaysCreate) -> Change:
    """What remains to be done at the end of a day. Raises `not-the-lead-firm` (403), `mission-cancelled` (409)."""
    mission = await _of_lead(write, territory, mission_id)
    refuse_future({"/stated_on": body.stated_on})
    if mission.status == MissionStatus.CANCELLED:
        raise MissionCancelled
    stated = RemainingDays(
        territory=territory, mission_id=mission_id, days=body.remaining_days, stated_on=body.stated_on,
        reason=body.reason, recorded_by=write.actor.subject_id, recorded_at=write.now,
    )  # fmt: skip
    write.session.add(stated)
    await write.session.flush()
    bound = {"territory": territory, "mission_id": mission_id}
    return Change("remaining_days.stated", REMAINING_DAYS, [stated.id], bound)


async def _of_lead(write: Write, territory: str, mission_id: UUID) -> Mission:
    """The mission, locked, whose lead firm is the actor's organisation. Raises `not-the-lead-firm` (403)."""
    mission = await write.lock(Mission, Mission.id == mission_id, Mission.territory == territory)
    if not await leads(write, mission_id):
        raise NotTheLeadFirm
    return mission
