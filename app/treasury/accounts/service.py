"""Writes of the accounts of organisations (the mechanism is that of firms/bank_details/accounts)."""

from uuid import UUID

from app.core.writing.writes import Change, Write
from app.firms.bank_details import accounts
from app.treasury.accounts import schemas
from app.treasury.accounts.models import BankAccount
from app.treasury.accounts.queries import ACCOUNTS

OF_ORGANISATIONS = accounts.AccountKind(
    BankAccount, ACCOUNTS, "bank_account", ("organisation_id",), ("organisation_id", "label")
)


async def propose(write: Write, organisation_id: UUID, body: schemas.BankAccountCreate) -> Change:
    """Propose an account of the organisation. Raises `email-missing` (403), `bank-account-already-proposed` (409)."""
    columns = body.model_dump(exclude={"iban"})
    return await accounts.propose(write, OF_ORGANISATIONS, body.iban, organisation_id=organisation_id, **columns)
