"""Writes of recoveries: opened, notified, ordered, then settled by receipts, a set-off on a payment, or a waiver.

Whoever acts on a recovery holds its grant first, then the recovery; the accounts come last.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.duties import ORDERS_SETTLES, ORDERS_WAIVES
from app.access.rules import accountable, person
from app.awards.kinds import KINDS
from app.awards.recoveries import rules, schemas
from app.awards.recoveries.models import Recovery, RecoveryReceipt
from app.awards.recoveries.queries import OF_A_GRANT, RECEIPTS
from app.awards.recoveries.rules import RecoveryAction, RecoveryCause, RecoveryStatus, SettledAs
from app.awards.rules import refuse_before_decision
from app.core import clock
from app.core.messages import NOT_FOUND, PERIOD_REVERSED
from app.core.problems import ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import AlreadyReversed, Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.schemas import Reversal
from app.envelopes.service import shortfall_changes

GRANT = "grant"  # recoveries are of grants alone: what an advance was paid too much is repaid


async def claim_back(write: Write, territory: str, grant_id: UUID, body: schemas.RecoveryCreate) -> list[Change]:
    """Open a recovery. Raises `recovery-above-paid`, `before-decision` (409), `person-required` (403)."""
    person(write.actor)
    opened_on = body.opened_on or clock.today()
    refuse_future({"/opened_on": opened_on})
    grant = await hold_grant(write, territory, grant_id)
    refuse_before_decision(grant.decided_on, opened_on)
    paid_cents = await ledger.paid_by(write, Instrument.GRANT, grant_id, opened_on)
    recoverable = max(0, min(paid_cents, grant.paid_cents) - grant.claimed_back_cents)
    if body.amount_cents > recoverable:
        raise rules.RecoveryAbovePaid(requested_cents=body.amount_cents, recoverable_cents=recoverable)
    return await opened(write, grant, body.model_dump() | {"opened_on": opened_on})


async def claim_back_overpaid(write: Write, grant: Any, amount_cents: int, day: date) -> list[Change]:
    """Open the recovery of what the closing of an aid has found to be paid too much; the grant is held."""
    said = {"cause": RecoveryCause.OVERPAID, "amount_cents": amount_cents, "opened_on": day, "of_closing": True}
    return await opened(write, grant, said)


async def opened(write: Write, grant: Any, said: dict[str, Any]) -> list[Change]:
    """Write a new recovery of a grant that is held."""
    recovery = Recovery(
        territory=grant.territory, grant_id=grant.id, awarded_by=grant.awarded_by,
        opened_by=accountable(write.actor), **said,
    )  # fmt: skip
    write.session.add(recovery)
    grant.claimed_back_cents += recovery.amount_cents
    await write.session.flush()
    return [_change("opened", recovery), _of_grant(grant)]


async def notify(
    write: Write, territory: str, grant_id: UUID, recovery_id: UUID, body: schemas.RecoveryNotice
) -> list[Change]:
    """Record that the firm was told, and until when it can reply. Raises `recovery-transition`, `before-recovery`."""
    person(write.actor)
    refuse_future({"/notified_on": body.notified_on})
    if body.reply_until_on < (earliest_on := rules.earliest_reply(body.notified_on)):
        told = {"days": rules.REPLY_DAYS, "earliest_on": earliest_on.isoformat()}
        raise ValidationFailed(errors=[rules.REPLY_TOO_SHORT.at("/reply_until_on", **told)])
    _, recovery = await _stepped(write, territory, grant_id, recovery_id, RecoveryAction.NOTIFY)
    _refuse_before(recovery, body.notified_on)
    recovery.notified_on, recovery.reply_until_on = body.notified_on, body.reply_until_on
    return [_change("notified", recovery)]


async def order(
    write: Write, territory: str, grant_id: UUID, recovery_id: UUID, body: schemas.RecoveryOrder
) -> list[Change]:
    """Order the firm to pay. Raises `recovery-transition`, `reply-pending`, `before-notification`, `already-exists`."""
    ordered_by = person(write.actor)
    refuse_future({"/ordered_on": body.ordered_on, "/replied_on": body.replied_on})
    if body.due_on < body.ordered_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/due_on")])
    _, recovery = await _stepped(write, territory, grant_id, recovery_id, RecoveryAction.ORDER)
    assert recovery.notified_on is not None  # by its state
    assert recovery.reply_until_on is not None
    rules.refuse_early_order(recovery.notified_on, recovery.reply_until_on, body.ordered_on, body.replied_on)
    recovery.ordered_by = ordered_by
    for name, value in body.model_dump().items():
        setattr(recovery, name, value)
    await write.session.flush()
    return [_change("ordered", recovery)]


async def receive(
    write: Write, territory: str, grant_id: UUID, recovery_id: UUID, body: schemas.RecoveryReceiptCreate
) -> list[Change]:
    """Take money of a recovery in, by the reference of the bank; the last cent settles it.

    Raises `receipts-exceed-recovery`, `recovery-transition`, `before-recovery`, `already-exists`, `account-overdrawn`
    (409), `orderer-settles` (403).
    """
    refuse_future({"/received_on": body.received_on})
    grant, recovery = await _held(write, territory, grant_id, recovery_id)
    recorded_by = ORDERS_SETTLES.separate(write.actor, [grant.awarded_by, recovery.ordered_by])
    rules.next_status(RecoveryAction.RECEIVE, RecoveryStatus(recovery.status))
    _refuse_before(recovery, body.received_on)
    if body.amount_cents > (left := remaining(recovery)):
        raise rules.ReceiptsExceedRecovery(requested_cents=body.amount_cents, remaining_cents=left)
    receipt = RecoveryReceipt(
        territory=territory, recovery_id=recovery_id, grant_id=grant_id, awarded_by=grant.awarded_by,
        ordered_by=recovery.ordered_by, recorded_by=recorded_by, **body.model_dump(),
    )  # fmt: skip
    write.session.add(receipt)
    recovery.received_cents += body.amount_cents
    grant.recovered_cents += body.amount_cents
    settle(recovery, SettledAs.REPAID)
    await write.session.flush()
    cause = Cause(Act.RECOVERY, receipt.id, body.received_on, grant_id)
    filled = await ledger.recover(write, territory, body.amount_cents, cause)
    return [
        _of_receipt("recorded", receipt), _change("received", recovery), _of_grant(grant),
        *await shortfall_changes(write, territory, filled),
    ]  # fmt: skip


async def reverse_receipt(
    write: Write, territory: str, grant_id: UUID, recovery_id: UUID, receipt_id: UUID, body: Reversal
) -> list[Change]:
    """Take a mistaken receipt back: the firm owes it again.

    Raises `already-reversed`, `recovery-transition` after a waiver, `envelope-exhausted` where it was recycled and
    awarded since (409), `orderer-settles` (403).
    """
    grant, recovery = await _held(write, territory, grant_id, recovery_id)
    receipt = await write.lock(
        RecoveryReceipt, RecoveryReceipt.id == receipt_id, RecoveryReceipt.recovery_id == recovery_id
    )
    write.expect(receipt.version, required=True)
    ORDERS_SETTLES.separate(write.actor, [grant.awarded_by, recovery.ordered_by])
    if receipt.status == "reversed":
        raise AlreadyReversed
    reopen(recovery)
    receipt.status, receipt.reason = "reversed", body.reason
    recovery.received_cents -= receipt.amount_cents
    grant.recovered_cents -= receipt.amount_cents
    await write.session.flush()
    filled = await ledger.reverse(write, territory, Act.RECOVERY, receipt_id)
    return [
        _of_receipt("reversed", receipt), _change("reopened", recovery), _of_grant(grant),
        *await shortfall_changes(write, territory, filled),
    ]  # fmt: skip


async def waive(
    write: Write, territory: str, grant_id: UUID, recovery_id: UUID, body: schemas.RecoveryWaiver
) -> list[Change]:
    """Give up all that has not come back, as somebody else than who ordered it: nothing comes in after that.

    Raises `recovery-transition`, `recovery-in-payment`, `waived-before-order` (409), `orderer-waives`,
    `person-required` (403).
    """
    refuse_future({"/waived_on": body.waived_on})
    _, recovery = await _held(write, territory, grant_id, recovery_id)
    write.expect(recovery.version, required=True)
    waived_by = ORDERS_WAIVES.separate(write.actor, [recovery.ordered_by])
    rules.next_status(RecoveryAction.WAIVE, RecoveryStatus(recovery.status))
    if recovery.planned_cents:
        raise rules.RecoveryInPayment
    assert recovery.ordered_on is not None  # by its state
    if body.waived_on < recovery.ordered_on:
        raise rules.WaivedBeforeOrder(ordered_on=recovery.ordered_on)
    recovery.waived_cents = remaining(recovery)
    recovery.waived_by, recovery.waived_on = waived_by, body.waived_on
    recovery.waiver_reference, recovery.waiver_reason = body.decision_reference, body.reason
    settle(recovery, SettledAs.WAIVED)
    await write.session.flush()
    return [_change("waived", recovery)]


async def withdraw(
    write: Write, territory: str, grant_id: UUID, recovery_id: UUID, body: schemas.RecoveryWithdrawal
) -> list[Change]:
    """Withdraw a mistaken recovery of which nothing has come back.

    Raises `recovery-transition`, `recovery-received`, `recovery-of-a-closing` (409).
    """
    person(write.actor)
    grant, recovery = await _held(write, territory, grant_id, recovery_id)
    write.expect(recovery.version, required=True)
    if recovery.of_closing and recovery.status in rules.OPEN:
        raise rules.RecoveryOfAClosing
    return await _withdrawn(write, grant, recovery, body.reason)


async def withdraw_of_closing(write: Write, grant: Any, reason: str) -> list[Change]:
    """Withdraw what the closing of a held grant had claimed back, as the closing is taken back.

    Raises `recovery-received`, `recovery-transition` (409).
    """
    r = Recovery
    found = await write.session.scalars(
        select(r)
        .where(r.grant_id == grant.id, r.of_closing, r.status != RecoveryStatus.WITHDRAWN)
        .order_by(r.id)
        .with_for_update(key_share=True)
    )
    return [change for recovery in found.all() for change in await _withdrawn(write, grant, recovery, reason)]


async def _withdrawn(write: Write, grant: Any, recovery: Recovery, reason: str) -> list[Change]:
    if come_back := recovery.received_cents + recovery.set_off_cents:
        raise rules.RecoveryReceived(received_cents=come_back)
    status = rules.next_status(RecoveryAction.WITHDRAW, RecoveryStatus(recovery.status))
    if recovery.planned_cents:
        raise rules.RecoveryInPayment
    recovery.status, recovery.end_reason = status, reason
    grant.claimed_back_cents -= recovery.amount_cents
    await write.session.flush()
    return [_change("withdrawn", recovery), _of_grant(grant)]


# --- set off on a payment of the grant, which is held ----------------------------------------------------------------


async def plan_set_off(write: Write, grant: Any, recovery_id: UUID, amount_cents: int) -> tuple[Recovery, list[Change]]:
    """Keep all that has still to come back from a payment of the grant that is not recorded yet.

    Raises `reference-not-found`, `recovery-transition`, `recovery-in-payment`, `set-off-above-payment` (409),
    `orderer-settles` (403).
    """
    r = Recovery
    found = select(r).where(r.id == recovery_id, r.grant_id == grant.id).with_for_update(key_share=True)
    recovery = await write.session.scalar(found)
    if recovery is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/recovery_id")])
    ORDERS_SETTLES.separate(write.actor, [grant.awarded_by, recovery.ordered_by])
    rules.next_status(RecoveryAction.SET_OFF, RecoveryStatus(recovery.status))
    if recovery.planned_cents:
        raise rules.RecoveryInPayment
    left = remaining(recovery)
    if left >= amount_cents:
        raise rules.SetOffAbovePayment(remaining_cents=left, amount_cents=amount_cents)
    recovery.planned_cents = left
    return recovery, [_change("planned", recovery)]


async def drop_set_off(write: Write, recovery_id: UUID) -> list[Change]:
    """Forget a set-off whose payment is not made."""
    recovery = await write.lock(Recovery, Recovery.id == recovery_id)
    recovery.planned_cents = 0
    return [_change("updated", recovery)]


async def set_off(write: Write, grant: Any, recovery_id: UUID) -> tuple[Recovery, list[Change]]:
    """Settle a recovery by the payment that is being recorded. The ledger counts it once the payment is there."""
    recovery = await write.lock(Recovery, Recovery.id == recovery_id)
    grant.recovered_cents += recovery.planned_cents
    recovery.set_off_cents, recovery.planned_cents = recovery.set_off_cents + recovery.planned_cents, 0
    settle(recovery, SettledAs.SET_OFF)
    return recovery, [_change("set_off", recovery)]


async def take_back_set_off(
    write: Write, grant: Any, recovery_id: UUID, payment_id: UUID, amount_cents: int
) -> list[Change]:
    """Take a set-off back with its payment: the firm owes it again.

    Raises `envelope-exhausted` (409) where it was recycled and awarded since.
    """
    recovery = await write.lock(Recovery, Recovery.id == recovery_id)
    reopen(recovery)
    recovery.set_off_cents -= amount_cents
    grant.recovered_cents -= amount_cents
    await write.session.flush()
    filled = await ledger.reverse(write, grant.territory, Act.RECOVERY, payment_id)
    return [_change("reopened", recovery), *await shortfall_changes(write, grant.territory, filled)]


def remaining(recovery: Recovery) -> int:
    """What has still to come back of a recovery and no payment sets off, in cents."""
    came = recovery.received_cents + recovery.set_off_cents + recovery.waived_cents
    return recovery.amount_cents - came - recovery.planned_cents


def settle(recovery: Recovery, by: SettledAs) -> None:
    """Close a recovery whose last cent has come back; else it goes on."""
    if not remaining(recovery) and not recovery.planned_cents:
        recovery.status, recovery.settled_as = RecoveryStatus.CLOSED, by


def reopen(recovery: Recovery) -> None:
    """Open a recovery again, of which something is taken back. Raises `recovery-transition` (409) after a waiver."""
    if recovery.settled_as == SettledAs.WAIVED:
        raise rules.RecoveryTransition(
            current=recovery.settled_as, action="reverse", needed=[RecoveryStatus.ORDERED, SettledAs.REPAID]
        )
    recovery.status, recovery.settled_as = RecoveryStatus.ORDERED, None


async def hold_grant(write: Write, territory: str, grant_id: UUID) -> Any:
    """The grant that money comes back of, locked."""
    grants = KINDS[GRANT].table
    return await write.lock(grants, grants.id == grant_id, grants.territory == territory)


async def _held(write: Write, territory: str, grant_id: UUID, recovery_id: UUID) -> tuple[Any, Recovery]:
    grant = await hold_grant(write, territory, grant_id)
    return grant, await write.lock(Recovery, Recovery.id == recovery_id, Recovery.grant_id == grant_id)


async def _stepped(
    write: Write, territory: str, grant_id: UUID, recovery_id: UUID, action: RecoveryAction
) -> tuple[Any, Recovery]:
    """The recovery in the state that the action leads to."""
    grant, recovery = await _held(write, territory, grant_id, recovery_id)
    write.expect(recovery.version, required=True)
    recovery.status = rules.next_status(action, RecoveryStatus(recovery.status))
    return grant, recovery


def _refuse_before(recovery: Recovery, day: date) -> None:
    if day < recovery.opened_on:
        raise rules.BeforeRecovery(opened_on=recovery.opened_on)


def _change(act: str, recovery: Recovery) -> Change:
    bound = {"territory": recovery.territory, "grant_id": recovery.grant_id}
    return Change(f"recovery.{act}", OF_A_GRANT, [recovery.id], bound)


def _of_receipt(act: str, receipt: RecoveryReceipt) -> Change:
    bound = {"territory": receipt.territory, "grant_id": receipt.grant_id, "recovery_id": receipt.recovery_id}
    return Change(f"recovery_receipt.{act}", RECEIPTS, [receipt.id], bound)


def _of_grant(grant: Any) -> Change:
    return KINDS[GRANT].change("updated", grant)
