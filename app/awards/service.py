"""What every award goes through, whatever its instrument: decided, released, or reversed as a mistake."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select, union_all

from app.access.rules import person
from app.awards.kinds import AwardKind
from app.awards.models import AwardStatus
from app.awards.overrides import service as overrides
from app.awards.overrides.rules import LiftedAct
from app.awards.rules import (
    OVER,
    AwardAboveBase,
    AwardAlreadyPaid,
    AwardEnded,
    AwardOfADecision,
    ProjectNotFiled,
    ProjectOfAnotherFirm,
    refuse_before_decision,
)
from app.awards.schemas import Release
from app.core import clock
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, ReferenceNotFound
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act
from app.envelopes.schemas import Reversal
from app.envelopes.service import shortfall_changes
from app.firms import service as firms
from app.projects import service as projects
from app.projects.models import AIDED, Holder, Project
from app.projects.rules import CAN_BE_AIDED, FundingRoute, ProjectStage, StageOutOfOrder


async def decide(write: Write, kind: AwardKind, award: Any) -> list[Change]:
    """Add the award and commit its amount, last of all. Its project is contracted, its firm supported, its plan's line
    secured.

    Raises `envelope-exhausted`, `already-exists`, `project-missing`, `project-of-another-firm`, `project-not-filed`,
    `stage-out-of-order`, `committee-after-decision`, `award-above-base` (409), and the problems of the money's door and
    of overrides.
    """
    if award.base_cents is not None and award.amount_cents > award.base_cents:
        raise AwardAboveBase(amount_cents=award.amount_cents, base_cents=award.base_cents)
    project = await _project_to_aid(write, award) if award.project_id is not None else None
    used = await overrides.use(write, award, award.siren, LiftedAct(kind.resource))
    write.session.add(award)
    await write.session.flush()
    cause = Cause(Act.AWARD, award.id, award.decided_on, award.id)
    write.last(lambda: ledger.award(write, award.territory, kind.instrument, award.amount_cents, cause))
    followed = [] if project is None else await _follow(write, project, award, award.decided_on, None)
    return [kind.change("awarded", award), *used, *followed]


async def release(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: Release) -> list[Change]:
    """Give what is not paid back to the envelope, from the day that the body says.

    Raises `award-ended` where nothing is left to release, `before-decision` (409).
    """
    award = await _ended_by_a_person(write, kind, territory, award_id)
    unpaid_cents = award.amount_cents - getattr(award, kind.paid) - award.released_cents
    if award.status in OVER or not unpaid_cents:
        raise AwardEnded(current=award.status)
    released_on = body.released_on or clock.today()
    refuse_future({"/released_on": released_on})
    refuse_before_decision(award.decided_on, released_on)
    award.released_cents += unpaid_cents
    award.status, award.reason = kind.status_of(award), body.reason
    await write.session.flush()
    followed = await follow(write, award, released_on, body.reason)
    cause = Cause(Act.RELEASE, award_id, released_on, award_id)
    filled = await ledger.release(write, territory, kind.instrument, cause)
    return [kind.change("released", award), *followed, *await shortfall_changes(write, territory, filled)]


async def reverse(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: Reversal) -> list[Change]:
    """Take a mistaken award back, as if never decided.

    Raises `award-of-a-decision`, `award-already-paid`, `award-ended` (409).
    """
    award = await _ended_by_a_person(write, kind, territory, award_id)
    if award.decision_id is not None:
        raise AwardOfADecision(
            decision_reference=award.decision_reference, decision_id=str(award.decision_id),
            committee_id=str(award.committee_id),
        )  # fmt: skip
    return await take_back(write, kind, award, body.reason)


async def take_back(write: Write, kind: AwardKind, award: Any, reason: str) -> list[Change]:
    """Take a mistaken award back that is held. Raises `award-already-paid`, `award-ended` (409)."""
    if award.status in OVER:
        raise AwardEnded(current=award.status)
    if getattr(award, kind.paid) or award.released_cents:  # released and still open: it was paid once
        raise AwardAlreadyPaid
    award.status, award.reason = AwardStatus.REVERSED, reason
    await write.session.flush()
    followed = await follow(write, award, None, reason)
    filled = await ledger.reverse(write, award.territory, Act.AWARD, award.id)
    return [kind.change("reversed", award), *followed, *await shortfall_changes(write, award.territory, filled)]


async def _ended_by_a_person(write: Write, kind: AwardKind, territory: str, award_id: UUID) -> Any:
    """The award that the caller wants to end, locked. Raises `person-required` (403) for a program."""
    award = await write.lock(kind.table, kind.table.id == award_id, kind.table.territory == territory)
    write.expect(award.version, required=True)
    person(write.actor)
    return award


# --- the project, its plan and the firm follow ------------------------------------------------------------------------


async def follow(write: Write, award: Any, day: date | None, reason: str | None) -> list[Change]:
    """Bring the project and the firm of an award to the stages that its awards mean, from the day on.

    The project's financing plan says what they say. None is the day of their present stage: a mistake is taken back as
    if it had never been. Locks the project, then the firm; the accounts come after them.
    """
    if award.project_id is None:
        return []
    project = await projects.hold(write, award.territory, award.project_id)
    return await _follow(write, project, award, day, reason)


async def _follow(write: Write, project: Project, award: Any, day: date | None, reason: str | None) -> list[Change]:
    changes = await projects.follow_awards(write, project, day, reason)
    standing = union_all(*AIDED).subquery()
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
