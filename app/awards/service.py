"""What every award goes through, whatever its instrument: decided, released, or reversed as a mistake."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.access.rules import person
from app.awards.models import AwardStatus
from app.awards.rules import OVER, AwardAlreadyPaid, AwardEnded, refuse_before_decision
from app.awards.schemas import Release
from app.core import clock
from app.core.reading.listing import Listing
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.schemas import Reversal
from app.envelopes.service import shortfall_changes


@dataclass(frozen=True)
class AwardKind:
    """An instrument: its accounts in the envelope, the table and collection of its awards, its name in events.

    `paid` names the column of what is paid of an award; `status_of` derives the status of an award from its amounts.
    """

    instrument: Instrument
    table: Any
    listing: Listing
    resource: str
    paid: str
    status_of: Callable[[Any], str]

    def change(self, act: str, award: Any) -> Change:
        """The act on the award, as it is answered and told."""
        return Change(f"{self.resource}.{act}", self.listing, [award.id], {"territory": award.territory})


async def decide(write: Write, kind: AwardKind, award: Any) -> Change:
    """Add the award and commit its amount, last of all. Raises `envelope-exhausted`, `already-exists` (409)."""
    write.session.add(award)
    await write.session.flush()
    cause = Cause(Act.AWARD, award.id, award.decided_on, award.id)
    write.last(lambda: ledger.award(write, award.territory, kind.instrument, award.amount_cents, cause))
    return kind.change("awarded", award)


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
    cause = Cause(Act.RELEASE, award_id, released_on, award_id)
    filled = await ledger.release(write, territory, kind.instrument, cause)
    return [kind.change("released", award), *await shortfall_changes(write, territory, filled)]


async def reverse(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: Reversal) -> list[Change]:
    """Take a mistaken award back, as if never decided. Raises `award-already-paid`, `award-ended` (409)."""
    award = await _ended_by_a_person(write, kind, territory, award_id)
    if award.status in OVER:
        raise AwardEnded(current=award.status)
    if getattr(award, kind.paid) or award.released_cents:  # released and still open: it was paid once
        raise AwardAlreadyPaid
    award.status, award.reason = AwardStatus.REVERSED, body.reason
    await write.session.flush()
    filled = await ledger.reverse(write, territory, Act.AWARD, award_id)
    return [kind.change("reversed", award), *await shortfall_changes(write, territory, filled)]


async def _ended_by_a_person(write: Write, kind: AwardKind, territory: str, award_id: UUID) -> Any:
    """The award that the caller wants to end, locked. Raises `person-required` (403) for a program."""
    award = await write.lock(kind.table, kind.table.id == award_id, kind.table.territory == territory)
    write.expect(award.version, required=True)
    person(write.actor)
    return award
