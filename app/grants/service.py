"""Writes of grants: an award commits the envelope, a payment pays from it. How a grant ends is in awards/service."""

from uuid import UUID

from app.access.duties import DECIDES_PAYS
from app.access.rules import person
from app.awards import service as awards
from app.awards.kinds import KINDS, AwardKind
from app.awards.models import AwardStatus
from app.awards.overrides import service as overrides
from app.awards.overrides.rules import LiftedAct
from app.awards.rules import Decided, refuse_before_decision, refuse_ended
from app.core.problems import Problem
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import AlreadyReversed, Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.schemas import Reversal
from app.envelopes.service import shortfall_changes
from app.grants import schemas
from app.grants.models import Grant, GrantPayment, PaymentKind
from app.grants.queries import GRANTS, PAYMENTS


class PaymentsExceedAward(Problem):
    """The payments would exceed the award."""

    status = 409
    title_fr = "Les paiements dépasseraient l'attribution."
    detail = "{requested_cents} requested, {remaining_cents} remaining."
    detail_fr = "{requested_cents} demandés, {remaining_cents} restants."
    cure = "Pay at most what remains."
    cure_fr = "Payez au plus ce qui reste."


async def award_grant(write: Write, territory: str, decided: Decided) -> list[Change]:
    """Decide a grant. Raises what `awards.decide` raises, and `reference-not-found`."""
    refuse_future({"/decided_on": decided.decided_on})
    grant = Grant(territory=territory, awarded_by=person(write.actor), **decided.columns())
    return await awards.decide(write, GRANT, grant)


async def pay(write: Write, territory: str, grant_id: UUID, body: schemas.PaymentCreate) -> list[Change]:
    """Record a payment; the balance closes the grant and gives the rest back.

    Raises `payments-exceed-award`, `award-ended`, `already-exists` (409), `decider-pays` (403), and the problems of the
    money's door.
    """
    refuse_future({"/paid_on": body.paid_on})
    grant = await write.lock(Grant, Grant.id == grant_id, Grant.territory == territory)
    recorded_by = DECIDES_PAYS.separate(write.actor, [grant.awarded_by])
    refuse_ended(grant.status)
    refuse_before_decision(grant.decided_on, body.paid_on)
    remaining = grant.amount_cents - grant.paid_cents - grant.released_cents
    if body.amount_cents > remaining:
        raise PaymentsExceedAward(requested_cents=body.amount_cents, remaining_cents=remaining)
    payment = GrantPayment(
        territory=territory, grant_id=grant_id, awarded_by=grant.awarded_by, recorded_by=recorded_by,
        **body.model_dump(),
    )  # fmt: skip
    used = await overrides.use(write, payment, grant.siren, LiftedAct.GRANT_PAYMENT)
    write.session.add(payment)
    grant.paid_cents += body.amount_cents
    rest = remaining - body.amount_cents if body.kind is PaymentKind.BALANCE_PAYMENT else 0
    grant.released_cents += rest
    grant.status = _status_of(grant)
    await write.session.flush()
    followed = await awards.follow(write, grant, body.paid_on, None) if grant.status == AwardStatus.CLOSED else []
    cause = Cause(Act.PAYMENT, payment.id, body.paid_on, grant_id)
    await ledger.pay(write, territory, Instrument.GRANT, body.amount_cents, cause)
    changes = [*_paid("grant_payment.created", "grant.paid", territory, grant_id, payment.id), *used, *followed]
    if not rest:
        return changes
    # The release is the payment's: who takes the balance back takes it back with it.
    filled = await ledger.release(
        write, territory, Instrument.GRANT, Cause(Act.RELEASE, payment.id, body.paid_on, grant_id)
    )
    return changes + await shortfall_changes(write, territory, filled)


async def reverse_payment(
    write: Write, territory: str, grant_id: UUID, payment_id: UUID, body: Reversal
) -> list[Change]:
    """Take a mistaken payment back: what it paid is committed again, and of a balance what it released.

    A closed grant is open again for what the payment frees. Raises `already-reversed`, and `envelope-exhausted` (409)
    where what the balance released has been awarded since.
    """
    grant = await write.lock(Grant, Grant.id == grant_id, Grant.territory == territory)
    payment = await write.lock(GrantPayment, GrantPayment.id == payment_id, GrantPayment.grant_id == grant_id)
    write.expect(payment.version, required=True)
    DECIDES_PAYS.separate(write.actor, [grant.awarded_by])
    if payment.status == "reversed":
        raise AlreadyReversed
    payment.status, payment.reason = "reversed", body.reason
    grant.paid_cents -= payment.amount_cents
    rest = await ledger.released_by(write, payment_id, grant_id)
    grant.released_cents -= rest
    GRANT.settle(grant)
    await write.session.flush()
    followed = await awards.follow(write, grant, None, body.reason) if rest else []
    filled = await ledger.reverse(write, territory, Act.RELEASE, payment_id) if rest else []
    await ledger.reverse(write, territory, Act.PAYMENT, payment_id)
    taken_back = _paid("grant_payment.reversed", "grant.updated", territory, grant_id, payment_id)
    return [*taken_back, *followed, *await shortfall_changes(write, territory, filled)]


def _status_of(grant: Grant) -> AwardStatus:
    if grant.released_cents == grant.amount_cents:
        return AwardStatus.CANCELLED
    if grant.paid_cents + grant.released_cents == grant.amount_cents:
        return AwardStatus.CLOSED
    return AwardStatus.PAYING if grant.paid_cents else AwardStatus.AWARDED


GRANT = AwardKind(Instrument.GRANT, Grant, GRANTS, "grant", "paid_cents", _status_of)
KINDS[GRANT.resource] = GRANT


def _paid(payment_type: str, grant_type: str, territory: str, grant_id: UUID, payment_id: UUID) -> list[Change]:
    bound = {"territory": territory, "grant_id": grant_id}
    return [Change(payment_type, PAYMENTS, [payment_id], bound), Change(grant_type, GRANTS, [grant_id], bound)]
