"""What is in flight of a held award: whether a payment is approved or sent, and the proposals that end with it."""

from typing import Any

from sqlalchemy import select

from app.awards.kinds import AwardKind
from app.awards.payments.kinds import PAYMENTS, Payments
from app.awards.payments.rules import PaymentStatus
from app.core.writing.writes import Change, Write


async def is_bound(write: Write, kind: AwardKind, award: Any) -> bool:
    """Whether a payment of the award is approved or sent."""
    payments = PAYMENTS[kind.resource]
    p = payments.table
    bound = select(p.id).where(payments.of(award.id), p.status.in_([PaymentStatus.APPROVED, PaymentStatus.SENT]))
    return await write.session.scalar(bound.limit(1)) is not None


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
