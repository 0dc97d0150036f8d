"""Writes of receipts: what the bank says came in is recorded, assigned to advances, sent back, or found a mistake.

An act locks the advances in the order of their ids, then the receipt, its repayments, what follows of each advance, and
the accounts last (docs/locking.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, column, select, table

from app.access.duties import DECIDES_RECEIVES
from app.access.rules import accountable
from app.advances import account
from app.advances.models import Advance, Repayment, RepaymentStatus, Tranche
from app.advances.queries import REPAYMENTS
from app.advances.receipts import rules
from app.advances.receipts.models import Receipt
from app.advances.receipts.queries import RECEIPTS
from app.advances.receipts.rules import ReceiptMethod, ReceiptStatus
from app.advances.rules import RepaymentExceedsOutstanding
from app.core.messages import NOT_FOUND
from app.core.problems import Busy, NotFound, ReferenceNotFound
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes.ledger import AlreadyReversed
from app.envelopes.rules import ActStatus

# The accounts of organisations are the treasury's, which stands above advances.
ACCOUNTS = table(
    "organisation_bank_accounts", column("id", Uuid()), column("organisation_id", Uuid()), column("label", Text()),
    column("status", Text()),
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What the bank says of an entry."""

    reference: str
    received_on: date
    value_on: date
    amount_cents: int
    account_id: UUID | None = None
    method: str = ReceiptMethod.OTHER
    payer_name: str | None = None
    payer_siren: str | None = None

    @classmethod
    def of(cls, body: Any) -> "Said":
        """What a body says: the value day is the day of receipt unless it says otherwise."""
        payer = body.payer
        return cls(
            body.reference, body.received_on, body.value_on or body.received_on, body.amount_cents, body.account_id,
            body.method, payer.name if payer else None, payer.siren if payer else None,
        )  # fmt: skip


async def enter(write: Write, territory: str, said: Said) -> Receipt:
    """Write a receipt down, all of it unassigned.

    Raises `future_day` (422), `reference-not-found` (404), `already-exists` (409).
    """
    refuse_future({"/received_on": said.received_on, "/value_on": said.value_on})
    account_id = await _account(write, said.account_id)
    receipt = Receipt(
        territory=territory, unassigned_cents=said.amount_cents, recorded_by=accountable(write.actor),
        **{**vars(said), "account_id": account_id},
    )  # fmt: skip
    write.session.add(receipt)
    await write.session.flush()
    return receipt


async def _account(write: Write, account_id: UUID | None) -> UUID | None:
    """The account that money came in on: the one that is named, else the only one of the caller's organisation."""
    a = ACCOUNTS.c
    approved = select(a.id).where(a.status == "approved")
    if account_id is not None:
        if await write.session.scalar(select(a.id).where(a.id == account_id, a.status != "proposed")) is None:
            raise ReferenceNotFound(errors=[NOT_FOUND.at("/account_id")])
        return account_id
    own = (await write.session.scalars(approved.where(a.organisation_id == write.actor.organisation_id).limit(2))).all()
    return own[0] if len(own) == 1 else None


async def repay(write: Write, receipt: Receipt, shares: Mapping[UUID, tuple[Advance, int]]) -> list[Change]:
    """Assign parts of a receipt to advances that are locked, and settle each.

    Raises `decider-receives` (403), `assignments-exceed-receipt`, and `repayment-exceeds-outstanding` (409) where
    nothing had been paid out by the value day.
    """
    if sum(cents for _, cents in shares.values()) > receipt.unassigned_cents - receipt.returned_cents:
        raise rules.AssignmentsExceedReceipt(unassigned_cents=receipt.unassigned_cents - receipt.returned_cents)
    made: list[tuple[Advance, Repayment]] = []
    for advance, cents in shares.values():
        recorded_by = DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
        t = Tranche
        paid = select(t.id).where(
            t.advance_id == advance.id, t.status == ActStatus.RECORDED, t.paid_on <= receipt.value_on
        )
        if await write.session.scalar(paid.limit(1)) is None:
            raise RepaymentExceedsOutstanding(outstanding_cents=advance.outstanding_cents)
        principal = min(cents, advance.outstanding_cents)
        repayment = Repayment(
            territory=receipt.territory, advance_id=advance.id, awarded_by=advance.awarded_by, amount_cents=cents,
            received_on=receipt.received_on, value_on=receipt.value_on, reference=receipt.reference,
            recorded_by=recorded_by, receipt_id=receipt.id, principal_cents=principal, overpaid_cents=cents - principal,
            after_write_off=advance.written_off_on is not None,
        )  # fmt: skip
        write.session.add(repayment)
        await write.session.flush()
        made.append((advance, repayment))
    changes = [_of_repayment("created", repayment) for _, repayment in made]
    for advance, repayment in made:
        changes += await account.settle(write, advance, "repaid", own=repayment)
    await write.session.refresh(receipt)
    return changes


@dataclass
class HeldReceipt:
    """A receipt that is locked, with the repayments that stand, or bounced, with it, and their advances."""

    receipt: Receipt
    repayments: list[Repayment]
    advances: dict[UUID, Advance]


async def hold(write: Write, territory: str, receipt_id: UUID, *more: UUID) -> HeldReceipt:
    """A receipt, locked after the advances that it repays, and `more` of them. Raises `busy` where one is added
    meanwhile.
    """
    r = Repayment
    of_it = select(r.advance_id).where(r.receipt_id == receipt_id, r.status != RepaymentStatus.REVERSED)
    ids = sorted({*(await write.session.scalars(of_it)).all(), *more})
    advances = {key: await _advance(write, territory, key) for key in ids}
    receipt = await write.lock(Receipt, Receipt.id == receipt_id, Receipt.territory == territory)
    standing = select(r).where(r.receipt_id == receipt_id, r.status == receipt.status).order_by(r.id)
    repayments = list(await write.session.scalars(standing))
    if any(each.advance_id not in advances for each in repayments):
        raise Busy
    return HeldReceipt(receipt, repayments, advances)


async def _advance(write: Write, territory: str, advance_id: UUID) -> Advance:
    try:
        return await account.hold(write, territory, advance_id)
    except NotFound:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/advance_id")]) from None


async def bounce(write: Write, held: HeldReceipt, bounced_on: date, reason: str, bank_reference: str) -> list[Change]:
    """Record that the bank sent a receipt back: every advance owes its part again. It is never refused for want of
    money: what the envelope no longer has is its shortfall.

    Raises `already-bounced`, `already-reversed`, `bounced-before-receipt` (409), `decider-receives` (403).
    """
    refuse_future({"/bounced_on": bounced_on})
    receipt = held.receipt
    DECIDES_RECEIVES.separate(write.actor, [each.awarded_by for each in held.advances.values()])
    if receipt.status == ReceiptStatus.REVERSED:
        raise AlreadyReversed
    if receipt.status == ReceiptStatus.BOUNCED:
        raise rules.AlreadyBounced(bounced_on=receipt.bounced_on)
    if bounced_on < receipt.received_on:
        raise rules.BouncedBeforeReceipt(received_on=receipt.received_on)
    said = {"reason": reason, "bounced_on": bounced_on, "bank_reference": bank_reference}
    return await _undo(write, held, RepaymentStatus.BOUNCED, said, "bounced")


async def reverse(write: Write, held: HeldReceipt, reason: str) -> list[Change]:
    """Take a mistaken receipt back, with its bounce where it has one: the firm owes it, as if nothing had come in.

    Raises `decider-receives` (403), `already-reversed`, `repayment-refunded`, and `envelope-exhausted` (409) where it
    was recycled and awarded since.
    """
    receipt = held.receipt
    DECIDES_RECEIVES.separate(write.actor, [each.awarded_by for each in held.advances.values()])
    if receipt.status == ReceiptStatus.REVERSED:
        raise AlreadyReversed
    if refunded := receipt.refunded_cents + receipt.returned_cents:
        raise rules.RepaymentRefunded(refunded_cents=refunded)
    return await _undo(write, held, RepaymentStatus.REVERSED, {"reason": reason}, "reversed")


async def unassign(write: Write, held: HeldReceipt, repayment: Repayment, reason: str) -> list[Change]:
    """Take back what a receipt was assigned to an advance by mistake: it waits to be assigned again.

    Raises what `reverse` raises.
    """
    DECIDES_RECEIVES.separate(write.actor, [repayment.awarded_by])
    if repayment.status == RepaymentStatus.REVERSED:
        raise AlreadyReversed
    if repayment.refunded_cents:
        raise rules.RepaymentRefunded(refunded_cents=repayment.refunded_cents)
    repayment.status, repayment.reason = RepaymentStatus.REVERSED, reason
    await write.session.flush()
    changes = await account.settle(write, held.advances[repayment.advance_id], own=repayment)
    await write.session.refresh(held.receipt)
    return [_of_repayment("reversed", repayment), *changes, of_receipt("unassigned", held.receipt)]


async def _undo(
    write: Write, held: HeldReceipt, status: RepaymentStatus, said: Mapping[str, Any], told: str
) -> list[Change]:
    receipt = held.receipt
    parts: list[Receipt | Repayment] = [receipt, *held.repayments]
    for each in parts:
        each.status = status
        for name, value in said.items():
            setattr(each, name, value)
    await write.session.flush()
    changes = [_of_repayment(told, each) for each in held.repayments]
    for repayment in held.repayments:
        changes += await account.settle(write, held.advances[repayment.advance_id], own=repayment)
    await write.session.refresh(receipt)
    return [*changes, of_receipt(told, receipt)]


def _of_repayment(told: str, repayment: Repayment) -> Change:
    bound = {"territory": repayment.territory, "advance_id": repayment.advance_id}
    return Change(f"advance_repayment.{told}", REPAYMENTS, [repayment.id], bound)


def of_receipt(told: str, receipt: Receipt) -> Change:
    """The act on the receipt, as it is answered and told."""
    return Change(f"receipt.{told}", RECEIPTS, [receipt.id], {"territory": receipt.territory})
