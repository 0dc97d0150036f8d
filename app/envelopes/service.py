"""Writes of the envelope: contributions, and their reversal."""

from collections.abc import Sequence
from uuid import UUID

from app.access.rules import person
from app.core.db import touch
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger, schemas
from app.envelopes.ledger import AlreadyReversed, Cause
from app.envelopes.models import Contribution
from app.envelopes.queries import CONTRIBUTIONS
from app.envelopes.rules import Act


async def create_contribution(write: Write, territory: str, body: schemas.ContributionCreate) -> Change:
    """Put money into the envelope, as a person who decides it.

    Raises `already-exists` (the contributor's reference), `reference-not-found`, `person-required` (403).
    """
    person(write.actor)
    refuse_future({"/decided_on": body.decided_on})
    contribution = Contribution(territory=territory, **body.model_dump())
    write.session.add(contribution)
    await write.session.flush()
    cause = Cause(Act.CONTRIBUTION, contribution.id, body.decided_on)
    await ledger.contribute(write, territory, contribution.id, body.amount_cents, cause)
    return Change("contribution.created", CONTRIBUTIONS, [contribution.id], {"territory": territory})


async def reverse_contribution(write: Write, territory: str, contribution_id: UUID, body: schemas.Reversal) -> Change:
    """Take a mistaken contribution back, as a whole and with a reason (*contre-passation*).

    Raises `already-reversed`, `person-required` (403), and `envelope-exhausted` (409) where it is committed or spent.
    """
    person(write.actor)
    await ledger.hold(write, territory)
    contribution = await write.lock(
        Contribution, Contribution.id == contribution_id, Contribution.territory == territory
    )
    write.expect(contribution.version, required=True)
    if contribution.status == "reversed":
        raise AlreadyReversed
    contribution.status, contribution.reason = "reversed", body.reason
    await write.session.flush()
    await ledger.reverse(write, territory, Act.CONTRIBUTION, contribution_id)
    return Change("contribution.reversed", CONTRIBUTIONS, [contribution_id], {"territory": territory})


async def shortfall_changes(write: Write, territory: str, contributions: Sequence[UUID]) -> list[Change]:
    """The event of the contributions whose shortfall an act has changed; their accounts are locked."""
    for key in contributions:
        touch(await write.lock(Contribution, Contribution.id == key))
    await write.session.flush()
    bound = {"territory": territory}
    return [Change("contribution.shortfall_changed", CONTRIBUTIONS, contributions, bound)] if contributions else []
