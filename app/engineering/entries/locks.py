"""Months that the operator closes: what counts in them is no longer entered, changed or validated.

The mission's limit row, which every entry spends from, has the closed months: a lock and an entry at the same instant
wait for each other there. A month can be opened again with a reason, any number of times; what was counted elsewhere
meanwhile stays where it counted.
"""

from uuid import UUID

from app.access.rules import person
from app.core import clock
from app.core.faults import Fault
from app.core.messages import NOT_FOUND
from app.core.problems import Problem, ReferenceNotFound, ValidationFailed
from app.core.writing.writes import Change, Write
from app.engineering.entries import schemas
from app.engineering.entries.models import MonthLock
from app.engineering.entries.queries import MONTH_LOCKS
from app.engineering.entries.rules import month_of
from app.missions.models import Mission, MissionDays

MONTH_NOT_OVER = Fault(
    "month_not_over",
    en="The month must be over (Paris time).",
    fr="Le mois doit être achevé (heure de Paris).",
)


class MonthAlreadyLocked(Problem):
    """The month is already closed."""

    status = 409
    title_fr = "Le mois est déjà clos."


class MonthOpen(Problem):
    """The month has already been opened again."""

    status = 409
    title_fr = "Le mois a déjà été rouvert."


async def lock_month(write: Write, territory: str, body: schemas.MonthLockCreate) -> Change:
    """Close a month of a mission that is over in Paris. Entries wait for it, and are refused.

    Raises `month-already-locked` (409), `person-required` (403), `reference-not-found`, `validation-failed` (422).
    """
    if body.month >= month_of(clock.today()):
        raise ValidationFailed(errors=[MONTH_NOT_OVER.at("/month")])
    days = await _days(write, territory, body.mission_id)
    if days is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/mission_id")])
    if body.month in days.locked_months:
        raise MonthAlreadyLocked
    lock = MonthLock(
        territory=territory,
        mission_id=body.mission_id,
        month=body.month,
        locked_by=person(write.actor),
        created_at=write.now,
    )
    write.session.add(lock)
    days.locked_months = sorted([*days.locked_months, body.month])
    days.counted_months = None  # the last spending may have counted in it; what does stays
    await write.session.flush()
    return Change("month_lock.created", MONTH_LOCKS, [lock.id], {"territory": territory})


async def reopen_month(write: Write, territory: str, lock_id: UUID, body: schemas.Reopening) -> Change:
    """Open a closed month again, with a reason. Raises `month-open` (409), `person-required` (403)."""
    lock = await write.lock(MonthLock, MonthLock.id == lock_id, MonthLock.territory == territory)
    write.expect(lock.version)
    if lock.reopened_at is not None:
        raise MonthOpen
    lock.reopened_at, lock.reopened_by, lock.reopening_reason = write.now, person(write.actor), body.reason
    days = await _days(write, territory, lock.mission_id)
    assert days is not None  # the lock's foreign key
    days.locked_months = [month for month in days.locked_months if month != lock.month]
    await write.session.flush()
    return Change("month_lock.reopened", MONTH_LOCKS, [lock_id], {"territory": territory})


async def _days(write: Write, territory: str, mission_id: UUID) -> MissionDays | None:
    """The mission's limit row, held: entries wait for this act."""
    mission = await write.session.get(Mission, mission_id, with_for_update={"key_share": True})
    if mission is None or mission.territory != territory:
        return None
    return await write.session.get_one(MissionDays, mission_id, with_for_update=True)
