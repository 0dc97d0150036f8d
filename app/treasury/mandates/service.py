"""Writes of mandates: recorded as signed, and ended."""

from uuid import UUID

from sqlalchemy import select

from app.access.rules import accountable
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails
from app.firms.service import hold
from app.treasury.mandates import rules, schemas
from app.treasury.mandates.models import Mandate
from app.treasury.mandates.queries import MANDATES


async def record(write: Write, territory: str, siren: str, body: schemas.MandateCreate) -> Change:
    """A mandate that a firm gave the caller's organisation.

    Raises `reference-not-found`, `mandate-account-unusable`, `mandate-open`, `already-exists` (409).
    """
    refuse_future({"/signed_on": body.signed_on})
    if body.ended_on is not None and body.ended_on < body.signed_on:
        raise ValidationFailed(errors=[rules.ENDED_BEFORE_SIGNED.at("/ended_on")])
    await hold(write, territory, siren)
    d = BankDetails
    named = select(d.id).where(d.id == body.bank_details_id, d.territory == territory, d.siren == siren)
    if await write.session.scalar(named) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/bank_details_id")])
    mandate = Mandate(
        territory=territory, siren=siren, organisation_id=write.actor.organisation_id,
        recorded_by=accountable(write.actor), **body.model_dump(),
    )  # fmt: skip
    write.session.add(mandate)
    await write.session.flush()
    return _change("recorded", mandate)


async def end(write: Write, territory: str, siren: str, id_: UUID, body: schemas.MandateEnd) -> Change:
    """End a mandate of the caller's organisation. Raises `mandate-already-ended` (409)."""
    m = Mandate
    mine = (m.id == id_, m.territory == territory, m.siren == siren, m.organisation_id == write.actor.organisation_id)
    mandate = await write.lock(m, *mine)
    write.expect(mandate.version, required=True)
    if mandate.ended_on is not None:
        raise rules.MandateAlreadyEnded
    if body.ended_on < mandate.signed_on:
        raise ValidationFailed(errors=[rules.ENDED_BEFORE_SIGNED.at("/ended_on")])
    mandate.ended_on = body.ended_on
    await write.session.flush()
    return _change("ended", mandate)


def _change(act: str, mandate: Mandate) -> Change:
    return Change(f"mandate.{act}", MANDATES, [mandate.id], {"territory": mandate.territory, "siren": mandate.siren})
