"""What every award goes through, whatever its instrument: decided, ended before its final amount, or reversed."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select, union_all

from app.access.rules import person
from app.awards import aids
from app.awards.aids import Held
from app.awards.change_requests.models import ChangeRequest
from app.awards.kinds import AwardKind, in_lock_order
from app.awards.life.rules import AwardPaid, NothingAgreed
from app.awards.life.schemas import AwardCancellation, Termination
from app.awards.models import Aid, AidAct, AwardStatus, Ending
from app.awards.overrides import service as overrides
from app.awards.overrides.rules import LiftedAct
from app.awards.payments import in_flight
from app.awards.rules import (
    OVER,
    AwardAboveBase,
    AwardAlreadyPaid,
    AwardEnded,
    AwardOfADecision,
    PaymentsInFlight,
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
    if award.funder_id is None:  # as the database fills it in, without asking for the person once more
        award.funder_id = write.actor.organisation_id
    await write.insert(award)
    cause = Cause(Act.AWARD, award.id, award.decided_on, award.id)
    write.last(lambda: ledger.award(write, award.territory, kind.instrument, award.amount_cents, cause))
    followed = [] if project is None else await _follow(write, project, award, award.decided_on, None)
    return [kind.change("awarded", award), *used, *followed]


async def release(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: Release) -> list[Change]:
    """Give what is not paid back to the envelope, from the day that the body says: the award is cancelled where nothing
    of it was paid, else terminated.

    Raises `award-ended` where nothing is left to release, `payments-in-flight`, `before-decision` (409).
    """
    held = await _ended_by_a_person(write, kind, territory, award_id)
    paid = getattr(held.award, kind.paid)
    on = body.released_on or clock.today()
    refuse_future({"/released_on": on})
    return await _end(write, held, Ending.TERMINATED if paid else Ending.CANCELLED, on, body.reason, told="released")


async def cancel(
    write: Write, kind: AwardKind, territory: str, award_id: UUID, body: AwardCancellation
) -> list[Change]:
    """Cancel an award of which nothing was paid: its amount returns to the envelope.

    Raises `award-ended`, `award-paid`, `payments-in-flight`, `before-decision` (409).
    """
    held = await _ended_by_a_person(write, kind, territory, award_id)
    on = body.on or clock.today()
    refuse_future({"/on": on})
    if getattr(held.award, kind.paid):
        raise AwardPaid
    return await _end(write, held, Ending.CANCELLED, on, body.reason, body.document_sha256)


async def terminate(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: Termination) -> list[Change]:
    """Terminate an award that is agreed, started or paid: what is not paid returns to the envelope.

    What the firm must give back is a recovery. Raises `award-ended`, `nothing-agreed`, `payments-in-flight`,
    `before-decision` (409).
    """
    held = await _ended_by_a_person(write, kind, territory, award_id)
    refuse_future({"/on": body.on})
    aid = held.aid
    if not getattr(held.award, kind.paid) and aid.agreed_on is None and aid.started_on is None:
        raise NothingAgreed
    return await _end(write, held, Ending.TERMINATED, body.on, body.reason, body.document_sha256)


_ENDINGS = {Ending.CANCELLED: AidAct.CANCEL, Ending.TERMINATED: AidAct.TERMINATE, Ending.LAPSED: AidAct.LAPSE}


async def _end(
    write: Write, held: Held, ending: Ending, on: date, reason: str, document_sha256: str | None = None,
    *, told: str = "",
) -> list[Change]:  # fmt: skip
    """End the award that is held: proposed payments are cancelled, what is not paid returns to the envelope."""
    kind, award = held.kind, held.award
    unpaid_cents = award.amount_cents - getattr(award, kind.paid) - award.released_cents
    if award.status in OVER or not unpaid_cents:
        raise AwardEnded(current=award.ended_as or award.status)
    refuse_before_decision(award.decided_on, on)
    if await in_flight.is_bound(write, kind, award):
        raise PaymentsInFlight
    dropped = await in_flight.cancel_proposed(write, kind, award, reason)
    award.released_cents += unpaid_cents
    award.status, award.reason = kind.status_of(award), reason
    award.ended_as, award.ended_on = ending, on
    held.record(write, _ENDINGS[ending], on, reason=reason, document_sha256=document_sha256, award=award)
    await write.session.flush()
    followed = await follow(write, award, on, reason)
    cause = Cause(Act.RELEASE, award.id, on, award.id)
    filled = await ledger.release(write, award.territory, kind.instrument, cause)
    ended = kind.change(told or ending, award)
    return [ended, *dropped, *followed, *await shortfall_changes(write, award.territory, filled)]


async def reverse(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: Reversal) -> list[Change]:
    """Take a mistaken award back, as if never decided.

    Raises `award-of-a-decision`, `award-already-paid`, `award-ended`, `payments-in-flight` (409).
    """
    held = await _ended_by_a_person(write, kind, territory, award_id)
    award = held.award
    if award.decision_id is not None:
        raise AwardOfADecision(
            decision_reference=award.decision_reference, decision_id=str(award.decision_id),
            committee_id=str(award.committee_id),
        )  # fmt: skip
    return await take_back(write, held, kind, award, body.reason)


async def take_back(write: Write, held: Held, kind: AwardKind, award: Any, reason: str) -> list[Change]:
    """Take a mistaken award back that is held.

    Raises `award-already-paid`, `award-ended`, `payments-in-flight` (409).
    """
    if award.status in OVER:
        raise AwardEnded(current=award.status)
    if getattr(award, kind.paid) or award.released_cents:  # released and still open: it was paid once
        raise AwardAlreadyPaid
    if await in_flight.is_bound(write, kind, award):
        raise PaymentsInFlight
    dropped = await in_flight.cancel_proposed(write, kind, award, reason)
    today = clock.today()
    award.status, award.reason = AwardStatus.REVERSED, reason
    award.ended_as, award.ended_on = Ending.REVERSED, today
    held.record(write, AidAct.REVERSE, today, reason=reason, award=award)
    await write.session.flush()
    followed = await follow(write, award, None, reason)
    filled = await ledger.reverse(write, award.territory, Act.AWARD, award.id)
    c = ChangeRequest
    raised = select(c.id).where(or_(c.grant_id == award.id, c.advance_id == award.id), c.raised_cents > 0)
    for request_id in (await write.session.scalars(raised.order_by(c.id.desc()))).all():
        filled += await ledger.reverse(write, award.territory, Act.AWARD, request_id)
    taken_back = kind.change("reversed", award)
    return [taken_back, *dropped, *followed, *await shortfall_changes(write, award.territory, filled)]


async def _ended_by_a_person(write: Write, kind: AwardKind, territory: str, award_id: UUID) -> Held:
    """The award that the caller wants to end, held with its aid. Raises `person-required` (403) for a program."""
    held = await aids.hold(write, territory, award_id, kind)
    write.expect(held.award.version, required=True)
    person(write.actor)
    return held


# --- what time does ---------------------------------------------------------------------------------------------------


_CLOSED = (AwardStatus.CLOSED, *OVER)
NOT_STARTED = "The project was not started in time."


async def take_unstarted(write: Write, as_of: date) -> tuple[int, list[Change]]:
    """Lapse the aid whose last day for the start was over first, of those that are over by `as_of`.

    Where something was paid, or is on its way, the aid stays, and its missing start is told once; where that is taken
    back, it lapses. One aid at a time: its accounts are locked last. Returns how many were due, one or none, and what
    changed.
    """
    a = Aid

    def some(condition: Callable[[AwardKind], ColumnElement[bool]]) -> ColumnElement[bool]:
        each_kind = (
            select(kind.table.id).where(kind.table.aid_id == a.id, condition(kind)) for kind in in_lock_order()
        )
        return or_(*(exists(of_aid).correlate(a) for of_aid in each_kind))

    is_open = some(lambda kind: kind.table.ended_as.is_(None) & kind.table.status.not_in(_CLOSED))
    due = (
        select(a.id, a.territory)
        .where(
            a.started_on.is_(None), a.awards > 0, a.notified_on.is_not(None), a.start_by_on < as_of, is_open,
            or_(a.start_missing_on.is_(None), ~some(in_flight.holds_money)),
        )
        .order_by(a.start_by_on, a.id)
        .limit(1)
    )  # fmt: skip
    found = (await write.session.execute(due)).first()
    return (0, []) if found is None else (1, await _lapse(write, found.territory, found.id, as_of))


async def _lapse(write: Write, territory: str, aid_id: UUID, as_of: date) -> list[Change]:
    """Lapse an aid, or tell that its start is missing. Nothing where an act has come first."""
    try:
        held = await aids.hold_aid(write, territory, aid_id)
    except NotFound:  # its last award has just ended
        return []
    aid = held.aid
    if aid.started_on is not None or aid.start_by_on is None or aid.start_by_on >= as_of:
        return []
    if await in_flight.is_under_way(write, held):
        if aid.start_missing_on is not None:
            return []
        aid.start_missing_on = as_of
        held.record(write, AidAct.START_MISSING, as_of)
        return held.told("start_missing")
    on = aid.start_by_on + timedelta(days=1)
    changes: list[Change] = []
    for kind, award in [each for each in held.awards() if each[1].ended_as is None and each[1].status not in OVER]:
        held.kind, held.award = kind, award
        changes += await _end(write, held, Ending.LAPSED, on, NOT_STARTED)
    return changes


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
    return changes + await follow_firm(write, award.territory, award.siren, day, reason)


async def follow_firm(
    write: Write, territory: str, siren: str, day: date | None, reason: str | None
) -> list[Change]:  # fmt: skip
    """Bring a firm to the stage that its awards mean, from the day on."""
    standing = union_all(*AIDED).subquery()
    # The firm is locked before its awards are read: of two that end at once, the second sees both.
    firm = await firms.hold(write, territory, siren)
    aided = select(standing.c.siren).where(
        standing.c.territory == territory, standing.c.siren == siren, standing.c.project_id.is_not(None)
    )
    is_aided = await write.session.scalar(aided.limit(1)) is not None
    return await firms.follow_award(write, firm, aided=is_aided, day=day, reason=reason)


async def refuse_another_firm(write: Write, project_id: UUID, siren: str) -> None:
    """Raises `project-of-another-firm` (409) for a firm that does not hold the project."""
    h = Holder
    held = select(h.position).where(h.project_id == project_id, h.firm_siren == siren)
    if await write.session.scalar(held) is None:
        raise ProjectOfAnotherFirm


async def _project_to_aid(write: Write, award: Any) -> Project:
    """The project that an award names, locked. Raises where the award cannot be decided for it."""
    try:
        project = await projects.hold(write, award.territory, award.project_id)
    except NotFound:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/project_id")]) from None
    await refuse_another_firm(write, project.id, award.siren)
    if project.funding_route != FundingRoute.REBOND or project.stage not in CAN_BE_AIDED:
        raise ProjectNotFiled(stage=project.stage, funding_route=project.funding_route)
    if award.decided_on < project.stage_since_on and project.stage != ProjectStage.CONTRACTED:
        raise StageOutOfOrder(stage_since_on=project.stage_since_on.isoformat())
    return project
