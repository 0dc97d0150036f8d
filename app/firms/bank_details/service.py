"""Writes of bank details: proposed, approved or refused by another person, withdrawn, superseded; and read in full."""

from uuid import UUID

from sqlalchemy import select

from app.access.duties import PROPOSES_ACCOUNT_APPROVES
from app.access.rules import accountable, person
from app.core.problems import NotFound
from app.core.writing.writes import Change, Write
from app.firms.bank_details import rules, schemas
from app.firms.bank_details.models import BankDetails, FirmIban
from app.firms.bank_details.payees import Place, follow, hold_open
from app.firms.bank_details.queries import BANK_DETAILS, FULL_IBAN
from app.firms.bank_details.rules import BankDetailsAction, BankDetailsStatus
from app.firms.service import hold


async def propose(write: Write, place: Place, body: schemas.BankDetailsCreate) -> Change:
    """Propose bank details of a firm that the territory follows.

    Raises `email-missing` (403), `bank-details-already-proposed` (409).
    """
    proposed_by = accountable(write.actor)
    await hold(write, *place)
    iban = FirmIban(iban=body.iban)
    write.session.add(iban)
    await write.session.flush()
    details = BankDetails(
        **place._asdict(),
        iban_id=iban.id,
        iban_masked=rules.masked(body.iban),
        holder_name=body.holder_name,
        proposed_by=proposed_by,
    )
    write.session.add(details)
    await write.session.flush()
    return _change("proposed", details)


async def approve(write: Write, place: Place, id_: UUID) -> list[Change]:
    """Approve what another person proposed; what was approved before is superseded, and payments to it follow.

    Raises `person-required`, `bank-details-own-approval` (403), `bank-details-transition` (409).
    """
    await hold_open(write, place)
    details, approved = await _stepped(write, place, id_, BankDetailsAction.APPROVE)
    decided_by = PROPOSES_ACCOUNT_APPROVES.separate(write.actor, [details.proposed_by])
    b = BankDetails
    standing = select(b).where(
        b.territory == place.territory, b.siren == place.siren, b.status == BankDetailsStatus.APPROVED
    )
    superseded = (await write.session.scalars(standing.with_for_update(key_share=True))).all()
    for before in superseded:
        before.status, before.ended_at = BankDetailsStatus.SUPERSEDED, write.now
    await write.session.flush()  # at no instant has a firm two approved rows
    details.status, details.decided_by, details.decided_at = approved, decided_by, write.now
    await write.session.flush()
    changes = [_change("approved", details), *(_change("superseded", before) for before in superseded)]
    return [*changes, *await follow(write, place)]


async def refuse(write: Write, place: Place, id_: UUID, body: schemas.BankDetailsEnd) -> Change:
    """Refuse what another person proposed, giving a reason."""
    details, refused = await _stepped(write, place, id_, BankDetailsAction.REFUSE)
    details.decided_by = PROPOSES_ACCOUNT_APPROVES.separate(write.actor, [details.proposed_by])
    details.status, details.decided_at = refused, write.now
    details.ended_at, details.end_reason = write.now, body.reason
    return _change("refused", details)


async def withdraw(write: Write, place: Place, id_: UUID, body: schemas.BankDetailsEnd) -> list[Change]:
    """Withdraw a proposal, or bank details that must not be paid to any more, giving a reason; payments follow."""
    person(write.actor)
    await hold_open(write, place)
    details, withdrawn = await _stepped(write, place, id_, BankDetailsAction.WITHDRAW)
    details.status, details.ended_at, details.end_reason = withdrawn, write.now, body.reason
    await write.session.flush()
    return [_change("withdrawn", details), *await follow(write, place)]


async def read_iban(write: Write, place: Place, id_: UUID) -> tuple[Change, str]:
    """The number in full, and the event of its reading, which shows the mask. Raises `NotFound`."""
    b = BankDetails
    mine = FULL_IBAN.where(b.id == id_, b.territory == place.territory, b.siren == place.siren)
    iban = await write.session.scalar(mine)
    if iban is None:
        raise NotFound
    return Change("bank_details.iban_read", BANK_DETAILS, [id_], place._asdict()), iban


async def _stepped(
    write: Write, place: Place, id_: UUID, action: BankDetailsAction
) -> tuple[BankDetails, BankDetailsStatus]:
    """The bank details, locked, and the state that the action leads to."""
    b = BankDetails
    details = await write.lock(b, b.id == id_, b.territory == place.territory, b.siren == place.siren)
    write.expect(details.version, required=True)
    return details, rules.next_status(action, BankDetailsStatus(details.status))


def _change(act: str, details: BankDetails) -> Change:
    bound = {"territory": details.territory, "siren": details.siren}
    return Change(f"bank_details.{act}", BANK_DETAILS, [details.id], bound)
