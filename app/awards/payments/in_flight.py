"""What is in flight of a held award: whether a payment is approved or sent, whether the aid is under way, the proposals
that end with an award, and where payments go that are not sent when it passes to another firm.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select

from app.awards.aids import Held
from app.awards.kinds import AwardKind
from app.awards.payments.kinds import PAYMENTS, Payments
from app.awards.payments.rules import PaymentStatus
from app.awards.rules import PaymentsInFlight
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails


async def is_bound(write: Write, kind: AwardKind, award: Any) -> bool:
    """Whether a payment of the award is approved or sent."""
    return await write.session.scalar(_bound(kind, award).limit(1)) is not None


def _bound(kind: AwardKind, award: Any) -> Select[UUID]:
    payments = PAYMENTS[kind.resource]
    p = payments.table
    return select(p.id).where(payments.of(award.id), p.status.in_([PaymentStatus.APPROVED, PaymentStatus.SENT]))


def holds_money(kind: AwardKind) -> ColumnElement[bool]:
    """The condition of awards of which something is paid, approved or sent."""
    return or_(getattr(kind.table, kind.paid) > 0, exists(_bound(kind, kind.table)))


async def is_under_way(write: Write, held: Held, *, but: Any = None) -> bool:
    """Whether the last day for the start ends nothing of an aid: it has started, or something was paid or is bound.

    `but` is an award whose payments in flight are not asked for.
    """
    if held.aid.started_on is not None or any(getattr(award, kind.paid) for kind, award in held.awards()):
        return True
    return any([await is_bound(write, kind, award) for kind, award in held.awards() if award is not but])


async def cancel_proposed(write: Write, kind: AwardKind, award: Any, reason: str) -> list[Change]:
    """Cancel the proposed payments of an award that ends: the award has their room again."""
    payments = PAYMENTS[kind.resource]
    p = payments.table
    proposed = select(p).where(payments.of(award.id), p.status == PaymentStatus.PROPOSED).order_by(p.id)
    with write.session.no_autoflush:  # what the caller has begun is not whole yet
        rows = (await write.session.scalars(proposed.with_for_update(key_share=True))).all()
    proposals = [each for each in rows if each.status == PaymentStatus.PROPOSED]  # not the one that is being recorded
    dropped = [change for each in proposals for change in await cancel(write, payments, award, each, reason)]
    return [*payments.told("cancelled", proposals), *dropped]


async def cancel(write: Write, payments: Payments, award: Any, payment: Any, reason: str) -> list[Change]:
    """Give the room of a payment in flight back to its award; it sets nothing off any more. Both are held."""
    payment.status, payment.reason = PaymentStatus.CANCELLED, reason
    award.in_flight_cents -= payment.amount_cents
    return await payments.dropped(write, payment)


def send_to(payment: Any, payee: BankDetails) -> None:
    """Name the bank details, and who made them what they are."""
    payment.bank_details_id = payee.id
    payment.details_proposed_by, payment.details_decided_by = payee.proposed_by, payee.decided_by


def propose_again(payment: Any, payee: BankDetails | None) -> None:
    """Let a payment that is not sent be approved anew, to these bank details where there are any."""
    payment.status, payment.approved_by = PaymentStatus.PROPOSED, None
    if payee is not None:
        send_to(payment, payee)


async def redirect(write: Write, kind: AwardKind, award: Any, payee: BankDetails) -> list[Change]:
    """Let the payments of a held award that are not sent go to other bank details: each is proposed again.

    Raises `payments-in-flight` (409) where one is sent.
    """
    payments = PAYMENTS[kind.resource]
    p = payments.table
    open_ones = (PaymentStatus.PROPOSED, PaymentStatus.APPROVED, PaymentStatus.SENT)
    of_award = select(p).where(payments.of(award.id), p.status.in_(open_ones)).order_by(p.id)
    found = (await write.session.scalars(of_award.with_for_update(key_share=True))).all()
    if any(payment.status == PaymentStatus.SENT for payment in found):
        raise PaymentsInFlight
    for payment in found:
        propose_again(payment, payee)
    await write.session.flush()
    return payments.told("returned", found)
