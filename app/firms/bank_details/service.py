"""Writes of bank details: proposed, approved or refused by another person, withdrawn, superseded (`accounts`)."""

from uuid import UUID

from app.core.writing.writes import Change, Write
from app.firms.bank_details import accounts, schemas
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.payees import Place, follow, hold_open
from app.firms.bank_details.queries import BANK_DETAILS
from app.firms.service import hold

OF_FIRMS = accounts.AccountKind(
    BankDetails, BANK_DETAILS, "bank_details", ("territory", "siren"), ("territory", "siren")
)


async def propose(write: Write, place: Place, body: schemas.BankDetailsCreate) -> Change:
    """Propose bank details of a firm that the territory follows.

    Raises `email-missing` (403), `bank-details-already-proposed` (409).
    """
    await hold(write, *place)
    return await accounts.propose(write, OF_FIRMS, body.iban, holder_name=body.holder_name, **place._asdict())


async def approve(write: Write, place: Place, id_: UUID) -> list[Change]:
    """Approve what another person proposed; what was approved before is superseded, and payments to it follow.

    Raises `person-required`, `bank-details-own-approval` (403), `bank-details-transition` (409).
    """
    await hold_open(write, place)
    changes = await accounts.approve(write, OF_FIRMS, place._asdict(), id_)
    return [*changes, *await follow(write, place)]


async def refuse(write: Write, place: Place, id_: UUID, body: schemas.BankDetailsEnd) -> Change:
    """Refuse what another person proposed, giving a reason."""
    return await accounts.refuse(write, OF_FIRMS, place._asdict(), id_, body.reason)


async def withdraw(write: Write, place: Place, id_: UUID, body: schemas.BankDetailsEnd) -> list[Change]:
    """Withdraw a proposal, or bank details that must not be paid to any more, giving a reason; payments follow."""
    await hold_open(write, place)
    change = await accounts.withdraw(write, OF_FIRMS, place._asdict(), id_, body.reason)
    return [change, *await follow(write, place)]
