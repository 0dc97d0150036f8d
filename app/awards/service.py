"""What every award goes through, whatever its instrument: decided, given back, or taken back as a mistake.

Grants and advances hold the award's row, decide whether the act is open, and call these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, union_all

from app.awards.models import AIDED, AwardStatus
from app.awards.rules import ProjectNotFiled, ProjectOfAnotherFirm, refuse_before_decision
from app.awards.schemas import Release
from app.core import clock
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, ReferenceNotFound
from app.core.reading.listing import Listing
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.service import shortfall_changes
from app.firms import service as firms
from app.projects import service as projects
from app.projects.models import Holder, Project
from app.projects.rules import CAN_BE_AIDED, FundingRoute, ProjectStage, StageOutOfOrder


@dataclass(frozen=True)
class AwardKind:
    """An instrument: its accounts in the envelope, the collection of its awards, and what its events are called."""

    instrument: Instrument
    listing: Listing
    resource: str

    def change(self, act: str, award: Any) -> Change:
        """The act on the award, as it is answered and told."""
        return Change(f"{self.resource}.{act}", self.listing, [award.id], {"territory": award.territory})


async def decide(write: Write, kind: AwardKind, award: Any) -> list[Change]:
    """Add the award and commit its amount, last of all. Its project is contracted, its firm supported.

    Raises `envelope-exhausted`, `already-exists`, `project-missing`, `project-of-another-firm`, `project-not-filed`,
    `stage-out-of-order`, `committee-after-decision` (409).
    """
    project = await _project_to_aid(write, award) if award.project_id is not None else None
    write.session.add(award)
    await write.session.flush()
    cause = Cause(Act.AWARD, award.id, award.decided_on, award.id)
    write.last(lambda: ledger.award(write, award.territory, kind.instrument, award.amount_cents, cause))
    if project is None:
        return [kind.change("awarded", award)]
    return [kind.change("awarded", award), *await _follow(write, project, award, award.decided_on, None)]


async def give_back(
    write: Write, kind: AwardKind, award: Any, body: Release, unpaid_cents: int, status_of: Callable[[Any], str]
) -> list[Change]:
    """Give what is not paid back to the envelope, from the day that the body says. Raises `before-decision` (409)."""
    released_on = body.released_on or clock.today()
    refuse_future({"/released_on": released_on})
    refuse_before_decision(award.decided_on, released_on)
    award.released_cents += unpaid_cents
    award.status, award.reason = status_of(award), body.reason
    await write.session.flush()
    followed = await follow(write, award, released_on, body.reason)
    cause = Cause(Act.RELEASE, award.id, released_on, award.id)
    filled = await ledger.release(write, award.territory, kind.instrument, cause)
    return [kind.change("released", award), *followed, *await shortfall_changes(write, award.territory, filled)]


async def take_back(write: Write, kind: AwardKind, award: Any, reason: str) -> list[Change]:
    """Take a mistaken award back, as if it had never been decided."""
    award.status, award.reason = AwardStatus.REVERSED, reason
    await write.session.flush()
    followed = await follow(write, award, None, reason)
    filled = await ledger.reverse(write, award.territory, Act.AWARD, award.id)
    return [kind.change("reversed", award), *followed, *await shortfall_changes(write, award.territory, filled)]


# --- the project and the firm follow ----------------------------------------------------------------------------------


async def follow(write: Write, award: Any, day: date | None, reason: str | None) -> list[Change]:
    """Bring the project and the firm of an award to the stages that its awards mean, from the day on.

    None is the day of their present stage: a mistake is taken back as if it had never been. Locks the project, then the
    firm; the accounts come after them.
    """
    if award.project_id is None:
        return []
    project = await projects.hold(write, award.territory, award.project_id)
    return await _follow(write, project, award, day, reason)


async def _follow(write: Write, project: Project, award: Any, day: date | None, reason: str | None) -> list[Change]:
    standing = union_all(*AIDED).subquery()
    ended = select(standing.c.ended).where(standing.c.project_id == project.id)
    changes = await projects.follow_awards(write, project, list(await write.session.scalars(ended)), day, reason)
    # The firm is locked before its awards are read: of two that end at once, the second sees both.
    firm = await firms.hold(write, award.territory, award.siren)
    aided = select(standing.c.siren).where(
        standing.c.territory == award.territory, standing.c.siren == award.siren, standing.c.project_id.is_not(None)
    )
    is_aided = await write.session.scalar(aided.limit(1)) is not None
    return changes + await firms.follow_award(write, firm, aided=is_aided, day=day, reason=reason)


async def _project_to_aid(write: Write, award: Any) -> Project:
    """The project that an award names, locked. Raises where the award cannot be decided for it."""
    try:
        project = await projects.hold(write, award.territory, award.project_id)
    except NotFound:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/project_id")]) from None
    h = Holder
    held = select(h.position).where(h.project_id == project.id, h.firm_siren == award.siren)
    if await write.session.scalar(held) is None:
        raise ProjectOfAnotherFirm
    if project.funding_route != FundingRoute.REBOND or project.stage not in CAN_BE_AIDED:
        raise ProjectNotFiled(stage=project.stage, funding_route=project.funding_route)
    if award.decided_on < project.stage_since_on and project.stage != ProjectStage.CONTRACTED:
        raise StageOutOfOrder(stage_since_on=project.stage_since_on.isoformat())
    return project
