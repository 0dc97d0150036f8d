"""What is in flight of a held grant: whether a payment is approved or sent, and the proposals that end with it."""

from sqlalchemy import select

from app.awards.recoveries import service as recoveries
from app.awards.rules import PaymentsInFlight
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails
from app.grants.models import Grant
from app.grants.payments.models import GrantPayment
from app.grants.payments.queries import ALL_PAYMENTS
from app.grants.payments.rules import PaymentStatus

_p = GrantPayment


def send_to(payment: GrantPayment, payee: BankDetails) -> None:
    """Name the bank details, and who made them what they are."""
    payment.bank_details_id = payee.id
    payment.details_proposed_by, payment.details_decided_by = payee.proposed_by, payee.decided_by


def propose_again(payment: GrantPayment, payee: BankDetails | None) -> None:
    """Let a payment that is not sent be approved anew, to these bank details where there are any."""
    payment.status, payment.approved_by = PaymentStatus.PROPOSED, None
    if payee is not None:
        send_to(payment, payee)


async def redirect(write: Write, grant: Grant, payee: BankDetails) -> list[Change]:
    """Let the payments of a held grant that are not sent go to other bank details: each is proposed again.

    Raises `payments-in-flight` (409) where one is sent.
    """
    open_ones = (PaymentStatus.PROPOSED, PaymentStatus.APPROVED, PaymentStatus.SENT)
    of_grant = select(_p).where(_p.grant_id == grant.id, _p.status.in_(open_ones)).order_by(_p.id)
    payments = (await write.session.scalars(of_grant.with_for_update(key_share=True))).all()
    if any(payment.status == PaymentStatus.SENT for payment in payments):
        raise PaymentsInFlight
    for payment in payments:
        propose_again(payment, payee)
    await write.session.flush()
    ids = [payment.id for payment in payments]
    return [Change("grant_payment.returned", ALL_PAYMENTS, ids, {"territory": grant.territory})] if ids else []


async def is_bound(write: Write, grant: Grant) -> bool:
    """Whether a payment of the grant is approved or sent."""
    bound = select(_p.id).where(_p.grant_id == grant.id, _p.status.in_([PaymentStatus.APPROVED, PaymentStatus.SENT]))
    return await write.session.scalar(bound.limit(1)) is not None


async def cancel_proposed(write: Write, grant: Grant, reason: str) -> list[Change]:
    """Cancel the proposed payments of a grant that ends: the award has their room again."""
    proposed = select(_p).where(_p.grant_id == grant.id, _p.status == PaymentStatus.PROPOSED).order_by(_p.id)
    with write.session.no_autoflush:  # what the caller has begun is not whole yet
        rows = (await write.session.scalars(proposed.with_for_update(key_share=True))).all()
    payments = [each for each in rows if each.status == PaymentStatus.PROPOSED]  # not the one that is being recorded
    dropped = [change for payment in payments for change in await cancel(write, grant, payment, reason)]
    ids, bound = [payment.id for payment in payments], {"territory": grant.territory}
    return [Change("grant_payment.cancelled", ALL_PAYMENTS, ids, bound), *dropped] if ids else []


async def cancel(write: Write, grant: Grant, payment: GrantPayment, reason: str) -> list[Change]:
    """Give the room of a payment in flight back to its grant; it sets nothing off any more. Both are held."""
    payment.status, payment.reason = PaymentStatus.CANCELLED, reason
    grant.in_flight_cents -= payment.amount_cents
    if payment.set_off_recovery_id is None:
        return []
    with write.session.no_autoflush:
        dropped = await recoveries.drop_set_off(write, payment.set_off_recovery_id)
    payment.set_off_cents = payment.set_off_recovery_id = None
    return dropped
