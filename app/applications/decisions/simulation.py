"""What a meeting's decisions would do, one after the other, without recording any of it.

It runs in the transaction of a write that is rolled back: each decision in a savepoint of its own, the awards against
the accounts as the decisions before it left them. What would refuse the meeting itself is told beside the files.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.access.models import Organisation
from app.applications.agendas import service as agendas
from app.applications.agendas.models import Agenda
from app.applications.agendas.rules import AgendaNotFrozen, AgendaState, check_level
from app.applications.conditions import ApplicationNotReady
from app.applications.decisions import rules, schemas, service
from app.applications.decisions.service import Sitting
from app.committees.models import Committee, CommitteeMember
from app.committees.rules import Attendance, AttendanceMissing, CommitteeStatus, Level, MeetingTransition
from app.core.db import Base
from app.core.problems import Problem
from app.core.violations import translate
from app.core.writing.writes import Write
from app.envelopes import ledger
from app.envelopes.models import Contribution

REFERENCE = "simulation"  # of awards that are rolled back


async def simulate(
    write: Write, territory: str, committee_id: UUID, body: schemas.DecisionsCreate, language: str
) -> dict[str, Any]:
    """What the decisions would do. Raises `not-on-agenda`, `outcome-of-another-level`, `meeting-closed` (409)."""
    service.check_items(body.items)
    meeting = await service.hold_meeting(write, territory, committee_id)
    for item in body.items:
        check_level(Level(meeting.level), item.outcome)
    sitting, refusals = await _sitting(write, meeting)
    await service.hold_files(write, sitting, body.items)
    contributions = await _contributions(write, territory)
    before = await _left(write, sitting, contributions)
    told = []
    for place, item in enumerate(body.items):
        problem = await _tried(write, sitting, place, item)
        told.append(
            {
                "application_id": item.application_id,
                "outcome": item.outcome,
                "grant_cents": item.grant_cents,
                "advance_cents": item.advance_cents,
                "possible": problem is None,
                "refusal": _refusal(problem, language) if problem is not None else None,
                "unmet": [each.public(language) for each in problem.unmet]
                if isinstance(problem, ApplicationNotReady)
                else [],
                **await _left(write, sitting, contributions),
            }
        )
    return {
        "decided_on": sitting.decided_on,
        "refusals": [_refusal(each, language) for each in refusals],
        **before,
        "items": told,
    }


async def _sitting(write: Write, meeting: Committee) -> tuple[Sitting, list[Problem]]:
    """The meeting with its agenda as it is, frozen or not, and what keeps it from deciding."""
    refusals: list[Problem] = []
    if meeting.status != CommitteeStatus.HELD:
        refusals.append(MeetingTransition(current=meeting.status, action="decide", needed=[CommitteeStatus.HELD]))
    m = CommitteeMember
    attendance = list(await write.session.scalars(select(m.attendance).where(m.committee_id == meeting.id)))
    present = sum(came in (Attendance.PRESENT, Attendance.REPRESENTED) for came in attendance)
    if None in attendance:
        refusals.append(AttendanceMissing())
    elif meeting.quorum is not None and present < meeting.quorum:
        refusals.append(rules.QuorumNotReached(present=present, quorum=meeting.quorum))
    agenda = await write.session.scalar(select(Agenda).where(Agenda.committee_id == meeting.id))
    sealed: dict[UUID, tuple[str, dict[str, Any]]] = {}
    if agenda is not None and agenda.state == AgendaState.FROZEN:
        content = await agendas.frozen_content(write, meeting.id, agenda.number)
        sealed = {UUID(each["application_id"]): (f"/items/{n}", each) for n, each in enumerate(content["items"])}
    else:
        refusals.append(AgendaNotFrozen())
        items = await agendas.items_of(write, agenda) if agenda is not None else []
        sealed = {each["application_id"]: (f"/items/{place}", {}) for place, each in enumerate(items)}
    sitting = Sitting(
        meeting.territory, meeting.id, Level(meeting.level), meeting.quorum, present, agendas.day_of(meeting),
        agenda.number if agenda is not None else 1, sealed,
    )  # fmt: skip
    return sitting, refusals


async def _tried(write: Write, sitting: Sitting, place: int, item: schemas.DecisionBody) -> Problem | None:
    """Try one decision after those before it. What refuses it is undone, and returned."""
    try:
        async with write.session.begin_nested():
            await _try(write, sitting, place, item)
    except Problem as problem:
        refused: Problem | None = problem
    except DBAPIError as error:
        refused = translate(error, Base.metadata)
        if refused is None:
            raise
    else:
        return None
    write.closing.clear()
    write.session.expire_all()
    return refused


async def _try(write: Write, sitting: Sitting, place: int, item: schemas.DecisionBody) -> None:
    await service.hold_files(write, sitting, [item])  # as they are after what was undone before
    file = await service.held_file(write, sitting, item.application_id)
    await service.check_item(write, sitting, file, item)
    await service.pass_file(write, sitting, file, item, REFERENCE)
    decision = service.decision_of(write, sitting, item, place + 1, f"{REFERENCE}-{place + 1}")
    await service.give(write, sitting, file, item, decision, simulated=True)
    await write.session.flush()
    for act in write.closing:  # the accounts are locked from the first award on, until all is rolled back
        await act()
    write.closing.clear()


async def _contributions(write: Write, territory: str) -> dict[UUID, dict[str, Any]]:
    c, o = Contribution, Organisation
    rows = await write.session.execute(
        select(c.id, c.reference, o.id.label("organisation_id"), o.name)
        .join(o, o.id == c.organisation_id)
        .where(c.territory == territory)
        .order_by(c.id)
    )
    return {
        row.id: {
            "contribution_id": row.id,
            "contribution_reference": row.reference,
            "organisation_id": row.organisation_id,
            "organisation_name": row.name,
        }
        for row in rows
    }


async def _left(write: Write, sitting: Sitting, contributions: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    left = await ledger.available(write, sitting.territory, sitting.decided_on)
    return {
        "available_cents": sum(left.values()),
        "contributions": [
            {**contributions[key], "available_cents": cents} for key, cents in left.items() if key in contributions
        ],
    }


def _refusal(problem: Problem, language: str) -> dict[str, str]:
    told = problem.body(language)
    return {"code": problem.code, "title": told["title"], "detail": told["detail"]}
