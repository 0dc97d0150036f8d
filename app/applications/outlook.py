"""What can follow in the life of an aid file, and what silence means: the answer of `…/transitions`."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.rules import MATRIX, Actor
from app.applications import rules
from app.applications.conditions import FileStep, unmet
from app.applications.facts import arguments_of, facts, read_facts
from app.applications.models import Application, ApplicationPassage
from app.applications.rules import OPEN, PERMISSIONS, ApplicationAct, ApplicationState, Ends, Life
from app.core import clock
from app.core.db import driver_connection
from app.core.faults import Message
from app.core.problems import NotFound
from app.schemes.queries import load_parameters

ADMISSIBILITY = Message(
    "admissibility",
    "If nobody decides by {last_day} whether the file is admissible, it is deemed admissible on {silence_on}.",
    "Si personne ne décide au plus tard le {last_day} de la recevabilité du dossier, il est réputé recevable le"
    " {silence_on}.",
)
DECISION = Message(
    "decision",
    "If nobody decides the file by {last_day}, it is rejected by silence on {silence_on}.",
    "Si personne ne décide du dossier au plus tard le {last_day}, il est implicitement rejeté le {silence_on}.",
)
# The acts that conditions can keep from being done.
STEPS = {
    ApplicationAct.SUBMIT: FileStep.SUBMIT,
    ApplicationAct.PRE_SELECT: FileStep.PRE_SELECT,
    ApplicationAct.GRANT: FileStep.GRANT,
}
COMMITTEE_STEPS = (FileStep.PRE_SELECT, FileStep.GRANT)


async def transitions(
    session: AsyncSession, actor: Actor, territory: str, application_id: UUID, language: str
) -> dict[str, Any]:
    """What can follow today, after what silence has decided by then. Raises `NotFound`."""
    a, p = Application, ApplicationPassage
    file = await session.scalar(select(a).where(a.id == application_id, a.territory == territory))
    if file is None:
        raise NotFound
    passages = list(await session.scalars(select(p).where(p.application_id == file.id).order_by(p.number)))
    life = rules.replay(passages)
    clock_ends = None
    if life.received_on is not None:
        clock_ends = rules.ends(life, await load_parameters(session, file.scheme, life.received_on))
    life = rules.as_of(life, clock_ends, clock.today())
    told = await _unmet(session, file, actor, language) if life.state in OPEN else {}
    waited_for = next((each.kinds for each in reversed(passages) if each.kinds is not None), None)
    return {
        "application_id": file.id,
        "state": life.state,
        "documents_awaited": (waited_for or []) if life.state is ApplicationState.INCOMPLETE else [],
        "deadlines": _deadlines(life, clock_ends, language),
        "acts": [
            {
                "act": act,
                "to_state": rules.target(life, act),
                "roles": sorted(MATRIX[PERMISSIONS[act]]),
                "permitted": actor.may(PERMISSIONS[act], territory),
                "unmet": told.get(STEPS[act], []) if act in STEPS else [],
            }
            for act in rules.acts_after(life)
        ],
        "decisions": [{"step": step, "unmet": told[step]} for step in COMMITTEE_STEPS if step in told],
    }


def _deadlines(life: Life, clock_ends: Ends | None, language: str) -> list[dict[str, Any]]:
    if clock_ends is None:
        return []
    told = []
    for message, ends, act, leads_to in (
        (ADMISSIBILITY, clock_ends.admissibility, ApplicationAct.SILENCE_ADMITS, ApplicationState.DEEMED_ADMISSIBLE),
        (DECISION, clock_ends.decision, ApplicationAct.SILENCE_REJECTS, ApplicationState.IMPLICITLY_REJECTED),
    ):
        days = {"last_day": ends.last_day, "silence_on": ends.silence_on}
        told.append(
            {
                "kind": message.code,
                **days,
                "days_stopped": ends.days_stopped,
                "running": rules.target(life, act) is not None,
                "silence_leads_to": leads_to,
                "meaning": message.told(language, days),
            }
        )
    return told


async def _unmet(
    session: AsyncSession, file: Application, actor: Actor, language: str
) -> dict[FileStep, list[dict[str, Any]]]:
    """What keeps each step of an open file from being done today, as the caller may know it."""
    today, sees_review = clock.today(), actor.may("reviews:read", file.territory)
    connection = await driver_connection(session)
    row = await connection.fetchrow(facts().sql, *facts().arguments(arguments_of(file.territory, file.id, today)))
    known = read_facts(row, today)
    return {step: [each.public(language) for each in unmet(step, known, sees_review=sees_review)] for step in FileStep}
