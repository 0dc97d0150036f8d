"""What was decided about an aid file is taken back, whoever decided it: the file and its project are what they were."""

from datetime import date

from app.applications.history import History
from app.applications.models import Application
from app.applications.queries import APPLICATIONS
from app.applications.rules import SILENCES, ApplicationAct, RecordedAct
from app.applications.service import is_refiled
from app.applications.silence import SILENCE
from app.core import clock
from app.core.writing.writes import Change, Write
from app.projects import service as projects
from app.projects.rules import ProjectStage


async def history_of(write: Write, file: Application) -> History:
    """The history of a held file of which a decision is taken back: silences that have followed it are reversed too.

    They are written with the reversal. Where the file was filed again after the silence, this stands.
    """
    history = await History.of(write, file)
    if not await is_refiled(write, file):
        decided = next(done for done in reversed(history.life.standing) if done.act not in SILENCES)
        while (last := history.life.standing[-1]) is not decided:
            before = history.life.before(last).state
            history.add(ApplicationAct.REVERSE_SILENCE, before, decided.effective_on, reverses_number=last.number)
    return history


async def take_back(write: Write, file: Application, history: History, done: RecordedAct, reason: str) -> Change:
    """Reverse the last act of a held file; what changed."""
    before = history.life.before(done)
    history.add(
        ApplicationAct.REVERSE_DECISION, before.state, clock.today(), reverses_number=done.number, reason=reason,
        reference=done.reference,
    )  # fmt: skip
    await history.write_down()
    return Change("application.decision_reversed", APPLICATIONS, [file.id], {"territory": file.territory})


async def take_silence(write: Write, file: Application, reversal: Change) -> Change:
    """Take what silence has decided about a held file since, once all that followed from the decision is taken back.

    Returns the reversal, or the change that tells of it.
    """
    await write.session.refresh(file, ["silence_on"])
    today = clock.today()
    if file.silence_on is None or file.silence_on > today:
        return reversal
    return await SILENCE.take_again(write, reversal, file, today)


async def follow(write: Write, file: Application, decided_on: date, reason: str) -> list[Change]:
    """Bring the project to the stage that its files mean again, once awards that were taken back mean none."""
    project = await projects.hold(write, file.territory, file.project_id)
    if project.stage not in (ProjectStage.FILED, ProjectStage.SELECTED):
        return []
    if await projects.is_pre_selected(write, project):
        return await projects.follow_file(write, project, ProjectStage.SELECTED, decided_on)
    # As with an award that is taken back: the project is at its stage before from the day of the mistake.
    return await projects.follow_file(write, project, ProjectStage.FILED, project.stage_since_on, reason)
