"""Writes of receipts: what the bank says came in is recorded, assigned to advances, sent back, or found a mistake.

An act locks the advances in the order of their ids, then the receipt, its repayments, what follows of each advance, and
the accounts last (docs/locking.md).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, column, func, select, table

from app.access.duties import DECIDES_RECEIVES, PROPOSES_REFUND_APPROVES
from app.access.rules import accountable
from app.advances import account
from app.advances.models import Advance, Repayment, RepaymentStatus
from app.advances.queries import REPAYMENTS
from app.advances.receipts import rules, schemas
from app.advances.receipts.models import Receipt, Refund
from app.advances.receipts.queries import RECEIPTS, REFUNDS
from app.advances.receipts.rules import ReceiptMethod, ReceiptStatus, RefundAction, RefundStatus
from app.advances.rules import RepaymentExceedsOutstanding
from app.advances.tranches.models import Tranche
from app.core.db import touch
from app.core.messages import DUPLICATE, NOT_FOUND
from app.core.problems import AlreadyExists, Busy, NotFound, ReferenceNotFound
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes.ledger import AlreadyReversed
from app.envelopes.rules import ActStatus
from app.envelopes.schemas import Reversal

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
    days = {"/received_on": said.received_on}
    if said.value_on != said.received_on:  # who says no value day is refused the day of receipt alone
        days["/value_on"] = said.value_on
    refuse_future(days)
    account_id = await _account(write, said.account_id)
    receipt = Receipt(
        territory=territory, unassigned_cents=said.amount_cents, recorded_by=accountable(write.actor),
        **{**vars(said), "account_id": account_id},
    )  # fmt: skip
    write.session.add(receipt)
    await write.session.flush()
    return receipt


async def enter_all(write: Write, territory: str, entries: Sequence[Said]) -> list[Receipt]:
    """Write the entries of a bank statement down as `enter` does: they are past, on accounts that are known."""
    recorded_by = accountable(write.actor)
    receipts = [
        Receipt(territory=territory, unassigned_cents=each.amount_cents, recorded_by=recorded_by, **vars(each))
        for each in entries
    ]
    write.session.add_all(receipts)
    await write.session.flush()
    return receipts


async def record(write: Write, territory: str, body: schemas.ReceiptCreate) -> list[Change]:
    """Write a receipt down, and assign it as far as the body says; the rest waits.

    Raises what `enter` and `repay` raise.
    """
    advances = await _advances(write, territory, body.assignments)
    receipt = await enter(write, territory, Said.of(body))
    changes = await repay(write, receipt, _shares(advances, body.assignments)) if body.assignments else []
    return [of_receipt("created", receipt), *changes]


async def assign(write: Write, territory: str, receipt_id: UUID, body: schemas.Assignments) -> list[Change]:
    """Assign what is left of a receipt. Raises what `repay` raises."""
    held = await hold(write, territory, receipt_id, *(each.advance_id for each in body.assignments))
    write.expect(held.receipt.version, required=True)
    if held.receipt.status != ReceiptStatus.RECORDED:
        raise rules.AssignmentsExceedReceipt(unassigned_cents=0)
    changes = await repay(write, held.receipt, _shares(held.advances, body.assignments))
    touch(held.receipt)
    await write.session.flush()
    return [of_receipt("assigned", held.receipt), *changes]


async def send_back(write: Write, territory: str, receipt_id: UUID, body: schemas.Bounce) -> list[Change]:
    """Record that the bank sent a receipt back. Raises what `bounce` raises."""
    held = await hold(write, territory, receipt_id)
    write.expect(held.receipt.version, required=True)
    return _first(await bounce(write, held, body.bounced_on, body.reason, body.bank_reference))


async def take_back(write: Write, territory: str, receipt_id: UUID, body: Reversal) -> list[Change]:
    """Take a mistaken receipt back. Raises what `reverse` raises."""
    held = await hold(write, territory, receipt_id)
    write.expect(held.receipt.version, required=True)
    return _first(await reverse(write, held, body.reason))


async def take_back_assignment(
    write: Write, territory: str, receipt_id: UUID, body: schemas.Unassignment
) -> list[Change]:
    """Take back what a receipt was assigned to an advance by mistake. Raises what `unassign` raises."""
    held = await hold(write, territory, receipt_id)
    write.expect(held.receipt.version, required=True)
    repayment = _overpaid(held, body.repayment_id)
    assert repayment is not None
    changes = await unassign(write, held, repayment, body.reason)
    touch(held.receipt)
    await write.session.flush()
    return _first(changes)


def _first(changes: list[Change]) -> list[Change]:
    """The receipt is what is answered."""
    return sorted(changes, key=lambda change: not (change.type or "").startswith("receipt."))


async def _advances(
    write: Write, territory: str, assignments: Sequence[schemas.AssignmentCreate]
) -> dict[UUID, Advance]:
    """The advances that are named, locked in the order of their ids."""
    return {key: await _advance(write, territory, key) for key in sorted({each.advance_id for each in assignments})}


def _shares(
    advances: Mapping[UUID, Advance], assignments: Sequence[schemas.AssignmentCreate]
) -> dict[UUID, tuple[Advance, int]]:
    cents: dict[UUID, int] = defaultdict(int)
    for each in assignments:
        cents[each.advance_id] += each.amount_cents
    return {key: (advances[key], whole) for key, whole in cents.items()}


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


async def repay(
    write: Write, receipt: Receipt, shares: Mapping[UUID, tuple[Advance, int]], later: list[account.Post] | None = None
) -> list[Change]:
    """Assign parts of a receipt to advances that are locked, and settle each. With `later`, who calls it posts to the
    envelope's accounts once all receipts are assigned.

    Raises `decider-receives` (403), `assignments-exceed-receipt`, and `repayment-exceeds-outstanding` (409) where
    nothing had been paid out by the value day.
    """
    standing = select(Repayment.advance_id).where(
        Repayment.receipt_id == receipt.id, Repayment.status == RepaymentStatus.RECORDED
    )
    if set((await write.session.scalars(standing)).all()) & shares.keys():
        raise AlreadyExists(errors=[DUPLICATE.at("/assignments")])
    left = await _left(write, receipt, None)
    if sum(cents for _, cents in shares.values()) > left:
        raise rules.AssignmentsExceedReceipt(unassigned_cents=left)
    if len(shares) > 1:
        await account.hold_receipts(write, shares)
    made: list[tuple[Advance, Repayment]] = []
    posts: list[account.Post] = [] if later is None else later
    for advance, cents in shares.values():
        recorded_by = DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
        t = Tranche
        paid = select(t.id).where(
            t.advance_id == advance.id, t.status == ActStatus.RECORDED, t.paid_on <= receipt.value_on
        )
        if await write.session.scalar(paid.limit(1)) is None:
            raise RepaymentExceedsOutstanding(outstanding_cents=advance.outstanding_cents)
        repayment = _assigned(receipt, advance, cents, recorded_by)
        write.session.add(repayment)
        await write.session.flush()
        made.append((advance, repayment))
    changes = [_of_repayment("created", repayment) for _, repayment in made]
    for advance, repayment in made:
        changes += await account.settle(write, advance, "repaid", own=repayment, later=posts)
    for post in posts if later is None else ():
        changes += await post()
    await write.session.refresh(receipt)
    return changes


async def repay_by_each(
    write: Write, advance: Advance, receipts: Sequence[Receipt], later: list[account.Post]
) -> list[Change]:
    """Assign all of new receipts to an advance that is locked, and that had been paid out by their value days; settle
    it once.

    Raises `decider-receives` (403).
    """
    recorded_by = DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
    made = [_assigned(receipt, advance, receipt.amount_cents, recorded_by) for receipt in receipts]
    write.session.add_all(made)
    await write.session.flush()
    settled = await account.settle(write, advance, "repaid", new=made, later=later)
    return [*(_of_repayment("created", repayment) for repayment in made), *settled]


def _assigned(receipt: Receipt, advance: Advance, cents: int, recorded_by: UUID) -> Repayment:
    """What a receipt repays of an advance; the account says of which parts."""
    principal = min(cents, advance.outstanding_cents)
    return Repayment(
        territory=receipt.territory, advance_id=advance.id, awarded_by=advance.awarded_by, amount_cents=cents,
        received_on=receipt.received_on, value_on=receipt.value_on, reference=receipt.reference,
        recorded_by=recorded_by, receipt_id=receipt.id, principal_cents=principal, overpaid_cents=cents - principal,
        after_write_off=advance.written_off_on is not None,
    )  # fmt: skip


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
    # A receipt that went back whole has its repayments as one that stands.
    fate = RepaymentStatus.BOUNCED if receipt.status == ReceiptStatus.BOUNCED else RepaymentStatus.RECORDED
    standing = select(r).where(r.receipt_id == receipt_id, r.status == fate).order_by(r.id)
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
    if len(held.repayments) > 1:
        await account.hold_receipts(write, held.advances)
    parts: list[Receipt | Repayment] = [receipt, *held.repayments]
    for each in parts:  # the receipt first: of one that stands, no more can have gone back than its repayments say
        each.status = status
        for name, value in said.items():
            setattr(each, name, value)
        await write.session.flush()
    changes = [_of_repayment(told, each) for each in held.repayments]
    later: list[account.Post] = []
    for repayment in held.repayments:
        changes += await account.settle(write, held.advances[repayment.advance_id], own=repayment, later=later)
    for post in later:
        changes += await post()
    await write.session.refresh(receipt)
    return [*changes, of_receipt(told, receipt)]


# --- what goes back to the payer --------------------------------------------------------------------------------------


async def propose_refund(write: Write, territory: str, receipt_id: UUID, body: schemas.RefundCreate) -> list[Change]:
    """Propose that money goes back to its payer: what an advance was overpaid, or what is not assigned.

    Raises `refunds-exceed-receipt`, `reference-not-found`.
    """
    held = await hold(write, territory, receipt_id)
    repayment = _overpaid(held, body.repayment_id)
    _refuse_more_than(await _left(write, held.receipt, repayment), body.amount_cents)
    refund = Refund(
        territory=territory, receipt_id=receipt_id, proposed_by=DECIDES_RECEIVES.separate(write.actor, _awarders(held)),
        **body.model_dump(),
    )  # fmt: skip
    write.session.add(refund)
    await write.session.flush()
    return [_of_refund("proposed", refund)]


async def approve_refund(
    write: Write, territory: str, receipt_id: UUID, refund_id: UUID, body: schemas.RefundApproval
) -> list[Change]:
    """Record, as another person, that the money went back.

    Raises `refund-transition`, `refunds-exceed-receipt` (409), `refund-own-approval`, `decider-receives` (403).
    """
    refuse_future({"/refunded_on": body.refunded_on})
    held, refund = await _held_refund(write, territory, receipt_id, refund_id)
    DECIDES_RECEIVES.separate(write.actor, _awarders(held))
    refund.approved_by = PROPOSES_REFUND_APPROVES.separate(write.actor, [refund.proposed_by])
    refund.status = rules.next_status(RefundAction.APPROVE, RefundStatus(refund.status))
    repayment = _overpaid(held, refund.repayment_id)
    _refuse_more_than(_there(held.receipt, repayment), refund.amount_cents)
    refund.refunded_on, refund.reference = body.refunded_on, body.reference
    changes = await _count(write, held, repayment, refund.amount_cents)
    return [_of_refund("paid", refund), *changes]


async def end_refund(
    write: Write, territory: str, receipt_id: UUID, refund_id: UUID, action: RefundAction, body: schemas.RefundEnd
) -> list[Change]:
    """Cancel a refund that is proposed, or take back one that was paid: the money is there again.

    Raises `refund-transition` (409), `decider-receives` (403).
    """
    held, refund = await _held_refund(write, territory, receipt_id, refund_id)
    DECIDES_RECEIVES.separate(write.actor, _awarders(held))
    refund.status, refund.end_reason = rules.next_status(action, RefundStatus(refund.status)), body.reason
    if action is RefundAction.CANCEL:
        return [_of_refund("cancelled", refund)]
    repayment = next((each for each in held.repayments if each.id == refund.repayment_id), None)
    changes = await _count(write, held, repayment, -refund.amount_cents)
    return [_of_refund("reversed", refund), *changes]


async def _held_refund(write: Write, territory: str, receipt_id: UUID, refund_id: UUID) -> tuple[HeldReceipt, Refund]:
    held = await hold(write, territory, receipt_id)
    refund = await write.lock(Refund, Refund.id == refund_id, Refund.receipt_id == receipt_id)
    write.expect(refund.version, required=True)
    return held, refund


def _overpaid(held: HeldReceipt, repayment_id: UUID | None) -> Repayment | None:
    """The repayment that a refund is of, which must stand; None where the money is not assigned."""
    if repayment_id is None:
        return None
    found = next((each for each in held.repayments if each.id == repayment_id), None)
    if found is None or found.status != RepaymentStatus.RECORDED:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/repayment_id")])
    return found


def _there(receipt: Receipt, repayment: Repayment | None) -> int:
    """What can go back: what a repayment is overpaid, or what of the receipt is not assigned; in cents."""
    if repayment is not None:
        return repayment.overpaid_cents - repayment.refunded_cents
    return receipt.unassigned_cents - receipt.returned_cents if receipt.status == ReceiptStatus.RECORDED else 0


async def _left(write: Write, receipt: Receipt, repayment: Repayment | None) -> int:
    """The same, less what refunds that are proposed have taken of it already. The receipt is locked."""
    f = Refund
    proposed = select(func.coalesce(func.sum(f.amount_cents), 0)).where(
        f.receipt_id == receipt.id, f.status == RefundStatus.PROPOSED,
        f.repayment_id.is_not_distinct_from(None if repayment is None else repayment.id),
    )  # fmt: skip
    taken = int(await write.session.scalar(proposed) or 0)
    return max(_there(receipt, repayment) - taken, 0)


def _refuse_more_than(refundable_cents: int, cents: int) -> None:
    if cents > refundable_cents:
        raise rules.RefundsExceedReceipt(requested_cents=cents, refundable_cents=refundable_cents)


async def _count(write: Write, held: HeldReceipt, repayment: Repayment | None, cents: int) -> list[Change]:
    """Count what went back, or came again, and settle the advance that it was overpaid on."""
    receipt = held.receipt
    if receipt.status == ReceiptStatus.RETURNED:
        receipt.status = ReceiptStatus.RECORDED
        await write.session.flush()
    changes: list[Change] = []
    if repayment is None:
        receipt.returned_cents += cents
        await write.session.flush()
    else:
        repayment.refunded_cents += cents
        await write.session.flush()
        await write.session.refresh(receipt)
        changes = [_of_repayment("updated", repayment)]
        changes += await account.settle(write, held.advances[repayment.advance_id], own=repayment)
    await write.session.refresh(receipt, ["refunded_cents"])
    if receipt.status in (ReceiptStatus.RECORDED, ReceiptStatus.RETURNED):
        whole = receipt.refunded_cents + receipt.returned_cents == receipt.amount_cents
        receipt.status = ReceiptStatus.RETURNED if whole else ReceiptStatus.RECORDED
    touch(receipt)
    await write.session.flush()
    return [*changes, of_receipt("updated", receipt)]


def _awarders(held: HeldReceipt) -> list[UUID]:
    return [each.awarded_by for each in held.advances.values()]


def _of_refund(told: str, refund: Refund) -> Change:
    bound = {"territory": refund.territory, "receipt_id": refund.receipt_id}
    return Change(f"receipt_refund.{told}", REFUNDS, [refund.id], bound)


def _of_repayment(told: str, repayment: Repayment) -> Change:
    bound = {"territory": repayment.territory, "advance_id": repayment.advance_id}
    return Change(f"advance_repayment.{told}", REPAYMENTS, [repayment.id], bound)


def of_receipt(told: str, receipt: Receipt) -> Change:
    """The act on the receipt, as it is answered and told."""
    return Change(f"receipt.{told}", RECEIPTS, [receipt.id], {"territory": receipt.territory})
