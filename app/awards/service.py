"""What every award goes through, whatever its instrument: decided, given back, or taken back as a mistake.

Grants and advances hold the award's row, decide whether the act is open, and call these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.awards.models import AwardStatus
from app.awards.overrides import service as overrides
from app.awards.overrides.rules import LiftedAct
from app.awards.rules import refuse_before_decision
from app.awards.schemas import Release
from app.core import clock
from app.core.reading.listing import Listing
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.service import shortfall_changes


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
    """Add the award and commit its amount, last of all.

    Raises `envelope-exhausted`, `already-exists`, and the problems of the money's door and of overrides (409).
    """
    used = await overrides.use(write, award, award.siren, LiftedAct(kind.resource))
    write.session.add(award)
    await write.session.flush()
    cause = Cause(Act.AWARD, award.id, award.decided_on, award.id)
    write.last(lambda: ledger.award(write, award.territory, kind.instrument, award.amount_cents, cause))
    return [kind.change("awarded", award), *used]


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
    cause = Cause(Act.RELEASE, award.id, released_on, award.id)
    filled = await ledger.release(write, award.territory, kind.instrument, cause)
    return [kind.change("released", award), *await shortfall_changes(write, award.territory, filled)]


async def take_back(write: Write, kind: AwardKind, award: Any, reason: str) -> list[Change]:
    """Take a mistaken award back, as if it had never been decided."""
    award.status, award.reason = AwardStatus.REVERSED, reason
    await write.session.flush()
    filled = await ledger.reverse(write, award.territory, Act.AWARD, award.id)
    return [kind.change("reversed", award), *await shortfall_changes(write, award.territory, filled)]
