"""Writes of corrections: they are proposed, agreed, refused, withdrawn, and stale where the entry changes.

What an acceptance does is in `certificates/acceptance`: it cancels and issues certificates. Whoever writes locks in
this order: the assignment and the activity, the certificate, its entries, the correction.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from app.access.duties import PROPOSES_ACCEPTS
from app.access.rules import person
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, given
from app.engineering.corrections import schemas
from app.engineering.corrections.models import TimeEntryCorrection
from app.engineering.corrections.queries import CORRECTIONS
from app.engineering.corrections.rules import (
    CHANGES_NOTHING,
    OPEN,
    CorrectionAction,
    CorrectionStatus,
    EntryNotCertified,
    next_status,
)
from app.engineering.entries import rules
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.rules import Status
from app.engineering.entries.service import Attempt, hold_assignments, locked_months, seen, wish_of
from app.missions.leads import led_by
from app.missions.models import Mission
from app.missions.rules import MissionEnded, MissionStatus

SHOULD_BE = ("consultant_id", "worked_on", "days", "activity", "siren", "audition_id", "project_id", "note")


async def propose(write: Write, attempt: Attempt, body: schemas.TimeEntryCorrectionCreate) -> Change:
    """Say what a certified entry of one's own firm should have been.

    Raises `entry-not-certified`, `correction-open`, `correction-exceeded`, `correction-elsewhere` and what entries
    refuse (409), `other-organisation`, `person-required`, `email-missing` (403), `reference-not-found` (404).
    """
    proposer = person(write.actor)
    e = TimeEntry
    asked = select(*e.__table__.c).where(e.id == body.entry_id, e.territory == attempt.territory, seen(attempt))
    entry = (await write.session.execute(asked)).one_or_none()
    if entry is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/entry_id")])
    if entry.organisation_id != write.actor.organisation_id:
        raise rules.OtherOrganisation
    should_be = {name: getattr(entry, name) for name in SHOULD_BE}
    changed = {name: value for name, value in given(body).items() if name in SHOULD_BE}
    if all(should_be[name] == value for name, value in changed.items()):
        raise ValidationFailed(errors=[CHANGES_NOTHING.at("")])
    should_be |= changed
    refuse_future({"/worked_on": should_be["worked_on"]})
    # The assignment before the entry: who changes it locks its entries after it.
    await _hold_assignment(write, attempt, entry, should_be)
    status = await write.session.scalar(select(e.status).where(e.id == entry.id).with_for_update(key_share=True))
    if status != Status.CERTIFIED:
        raise EntryNotCertified(current=status)
    if should_be["days"] > entry.days:
        raise rules.CorrectionExceeded
    await _refuse_early(write, attempt, entry, should_be)
    correction = TimeEntryCorrection(
        **should_be,
        territory=attempt.territory,
        organisation_id=entry.organisation_id,
        person_id=entry.person_id,
        entry_id=entry.id,
        reason=body.reason,
        status=CorrectionStatus.PROPOSED,
        proposed_by=proposer,
    )
    write.session.add(correction)
    await write.session.flush()
    return _changed("created", attempt, [correction.id])


async def _hold_assignment(write: Write, attempt: Attempt, entry: Row[Any], should_be: Mapping[str, Any]) -> None:
    """Lock the assignment: one of the entry's person to its mission, on a day of its month."""
    consultant_id = should_be["consultant_id"]
    consultant = (await hold_assignments(write.session, attempt.territory, {consultant_id})).get(consultant_id)
    if consultant is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/consultant_id")])
    about = (consultant.person_id, consultant.mission_id, consultant.organisation_id)
    months = (rules.month_of(should_be["worked_on"]), rules.month_of(entry.worked_on))
    if about != (entry.person_id, entry.mission_id, entry.organisation_id) or months[0] != months[1]:
        raise rules.CorrectionElsewhere


async def _refuse_early(write: Write, attempt: Attempt, entry: Row[Any], should_be: Mapping[str, Any]) -> None:
    """Refuse now what could not be entered on acceptance; the limit rows decide then, on the state that is then."""
    if not should_be["days"]:
        return
    if await write.session.scalar(select(Mission.status).where(Mission.id == entry.mission_id)) != MissionStatus.OPEN:
        raise MissionEnded
    closed = (await locked_months(write, {entry.mission_id}))[entry.mission_id]
    wanted = row_of(entry, should_be)
    attempt.wishes = [wish_of(wanted, rules.first_open_day(wanted.worked_on, closed))]
    attempt.freed = [wish_of(entry, rules.first_open_day(entry.counted_on, closed))]
    if refused := await attempt.refusal(write.session):
        raise refused


def row_of(entry: Any, should_be: Mapping[str, Any]) -> SimpleNamespace:
    """The entry as it should have been: validated, for it was agreed, and known elsewhere as the old one was."""
    return SimpleNamespace(
        **should_be, mission_id=entry.mission_id, external_id=entry.external_id, corrects_id=entry.id,
        status=Status.VALIDATED,
    )  # fmt: skip


async def agree(write: Write, attempt: Attempt, correction_id: UUID) -> Change:
    """Agree for the lead firm, as a person who neither proposed the correction nor worked the day.

    Raises `not-the-lead-firm`, `correction-by-one-person`, `person-required`, `email-missing` (403),
    `correction-transition` (409).
    """
    correction = await locked(write, attempt, correction_id)
    if not await _leads(write, correction):
        raise rules.NotTheLeadFirm
    write.expect(correction.version)
    status = _after(correction, CorrectionAction.AGREE)
    correction.agreed_by = PROPOSES_ACCEPTS.separate(attempt.actor, (correction.proposed_by, correction.person_id))
    correction.status, correction.agreed_at = status, write.now
    return _changed("agreed", attempt, [correction_id])


async def refuse(write: Write, attempt: Attempt, correction_id: UUID, reason: str) -> Change:
    """Refuse an open correction for the lead firm or the operator.

    Raises `not-the-lead-firm`, `person-required`, `email-missing` (403), `correction-transition` (409).
    """
    correction = await locked(write, attempt, correction_id)
    operates = attempt.actor.may("time_entry_corrections:accept", attempt.territory)
    if not operates and not await _leads(write, correction):
        raise rules.NotTheLeadFirm
    write.expect(correction.version)
    _end(write, correction, _after(correction, CorrectionAction.REFUSE), reason)
    return _changed("refused", attempt, [correction_id])


async def withdraw(write: Write, attempt: Attempt, correction_id: UUID, reason: str) -> Change:
    """Take back an open correction of one's own firm.

    Raises `other-organisation`, `person-required`, `email-missing` (403), `correction-transition` (409).
    """
    correction = await locked(write, attempt, correction_id)
    if correction.organisation_id != attempt.actor.organisation_id:
        raise rules.OtherOrganisation
    write.expect(correction.version)
    _end(write, correction, _after(correction, CorrectionAction.WITHDRAW), reason)
    return _changed("withdrawn", attempt, [correction_id])


async def make_stale(write: Write, attempt: Attempt, entry_ids: Sequence[UUID], reason: str) -> list[Change]:
    """End the open corrections of entries that are no longer certified, for the reason of whoever cancelled."""
    k = TimeEntryCorrection
    open_ones = (
        select(k)
        .where(k.entry_id.in_(entry_ids), k.status.in_(sorted(OPEN)))
        .order_by(k.id)
        .with_for_update(key_share=True)
    )
    corrections = list(await write.session.scalars(open_ones))
    for correction in corrections:
        _end(write, correction, CorrectionStatus.STALE, reason)
    return [_changed("stale", attempt, [one.id for one in corrections])] if corrections else []


async def locked(write: Write, attempt: Attempt, correction_id: UUID) -> TimeEntryCorrection:
    """The correction, held against other acts. Raises `not-found` where the actor may not see it."""
    k, actor = TimeEntryCorrection, attempt.actor
    conditions = [k.id == correction_id, k.territory == attempt.territory]
    if actor.sees_only_own("time_entry_corrections:read", attempt.territory):
        conditions.append(k.organisation_id == actor.organisation_id)
    return await write.lock(k, *conditions)


async def _leads(write: Write, correction: TimeEntryCorrection) -> bool:
    """Whether the actor's organisation leads the mission of the entry."""
    e = TimeEntry
    leads = select(led_by(e.mission_id, write.actor.organisation_id)).where(e.id == correction.entry_id)
    return bool(await write.session.scalar(leads))


def _after(correction: TimeEntryCorrection, action: CorrectionAction) -> CorrectionStatus:
    return next_status(action, CorrectionStatus(correction.status))


def _end(write: Write, correction: TimeEntryCorrection, status: CorrectionStatus, reason: str) -> None:
    """End a correction without its acceptance. Raises `person-required`, `email-missing` (403)."""
    correction.ended_by, correction.ended_at, correction.ending_reason = person(write.actor), write.now, reason
    correction.status = status


def _changed(what: str, attempt: Attempt, keys: Sequence[UUID]) -> Change:
    return Change(f"time_entry_correction.{what}", CORRECTIONS, keys, {"territory": attempt.territory})
