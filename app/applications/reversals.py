"""What was decided about an aid file is taken back, whoever decided it: the file and its project are what they were."""

from datetime import date

from sqlalchemy import select

from app.applications.agendas.rules import DecisionOutcome
from app.applications.decisions.models import CommitteeDecision
from app.applications.history import History
from app.applications.models import Application
from app.applications.queries import APPLICATIONS
from app.applications.rules import ApplicationAct, Life, RecordedAct
from app.core import clock
from app.core.writing.writes import Change, Write
from app.projects import service as projects
from app.projects.rules import ProjectStage


async def take_back(
    write: Write, file: Application, history: History, done: RecordedAct, reason: str
) -> tuple[Life, Change]:
    """Reverse the last act of a held file; what the file was before it, and what changed."""
    before = history.life.before(done)
    history.add(
        ApplicationAct.REVERSE_DECISION, before.state, clock.today(), reverses_number=done.number, reason=reason,
        reference=done.reference,
    )  # fmt: skip
    await history.write_down()
    return before, Change("application.decision_reversed", APPLICATIONS, [file.id], {"territory": file.territory})


async def follow(write: Write, file: Application, before: Life, decided_on: date, reason: str) -> list[Change]:
    """Bring the project to the stage that the file means again, once awards that were taken back mean none."""
    selected = any(act.act == ApplicationAct.PRE_SELECT for act in before.standing)
    project = await projects.hold(write, file.territory, file.project_id)
    if selected and project.stage == ProjectStage.FILED:
        return await projects.follow_file(write, project, ProjectStage.SELECTED, decided_on)
    if not selected and project.stage == ProjectStage.SELECTED and not await _other_selected(write, file):
        # As with an award that is taken back: the project is at its stage before from the day of the mistake.
        return await projects.follow_file(write, project, ProjectStage.FILED, project.stage_since_on, reason)
    return []


async def _other_selected(write: Write, file: Application) -> bool:
    """Whether another file of the project was pre-selected."""
    d, a = CommitteeDecision, Application
    others = (
        select(d.id)
        .join(a, a.id == d.application_id)
        .where(
            a.project_id == file.project_id,
            a.id != file.id,
            d.outcome == DecisionOutcome.PRE_SELECT,
            d.reversed_at.is_(None),
        )
        .limit(1)
    )
    return await write.session.scalar(others) is not None
