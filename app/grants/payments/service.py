"""What is the grants' own of their payments: kinds and ceilings, the set-off of a recovery, the balance that closes.

How a payment passes from act to act is in `app.awards.payments.service`.
"""

from collections.abc import Iterator
from datetime import date

from app.awards import aids, closing
from app.awards import service as awards
from app.awards.aids import Held
from app.awards.models import AwardStatus, Ending
from app.awards.overrides.rules import LiftedAct
from app.awards.payments import kinds
from app.awards.payments.in_flight import cancel_proposed
from app.awards.payments.kinds import Payments, Tried
from app.awards.payments.rules import PaymentAction
from app.awards.payments.service import PaymentPlace, stepped
from app.awards.recoveries import service as recoveries
from app.awards.recoveries.rules import RecoveryAbovePaid, RecoveryInPayment
from app.core.problems import Problem
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.service import shortfall_changes
from app.grants import ceilings
from app.grants.ceilings import PaymentPosition
from app.grants.models import Grant
from app.grants.payments import rules, schemas
from app.grants.payments.models import GrantPayment
from app.grants.payments.queries import ALL_PAYMENTS, KNOWN
from app.grants.payments.rules import PaymentKind
from app.grants.service import GRANT, status_of

OVERTAKEN = "The balance was paid."  # why a proposal ends when the balance is recorded


async def set_off(write: Write, place: PaymentPlace, body: schemas.PaymentSetOff) -> list[Change]:
    """Keep a recovery of the grant from a proposed payment, whole: the bank pays the rest.

    Raises `payment-transition`, and what `recoveries.plan_set_off` raises.
    """
    held = await aids.hold(write, place.territory, place.award_id, GRANT)
    payment, _ = await stepped(write, GRANT_PAYMENTS, place, PaymentAction.SET_OFF)
    if payment.set_off_recovery_id is not None:
        raise RecoveryInPayment
    recovery, planned = await recoveries.plan_set_off(write, _grant(held), body.recovery_id, payment.amount_cents)
    payment.set_off_recovery_id, payment.set_off_cents = recovery.id, recovery.planned_cents
    await write.session.flush()
    return [*GRANT_PAYMENTS.told("set_off", [payment]), *planned]


async def _dropped(write: Write, payment: GrantPayment) -> list[Change]:
    """A payment that is cancelled sets nothing off any more."""
    if payment.set_off_recovery_id is None:
        return []
    with write.session.no_autoflush:
        dropped = await recoveries.drop_set_off(write, payment.set_off_recovery_id)
    payment.set_off_cents = payment.set_off_recovery_id = None
    return dropped


def _unmet(tried: Tried) -> Iterator[Problem]:
    """The conditions and ceilings that a payment breaks; none where the grant is held by its amount alone."""
    if tried.parameters is None:
        return
    aid, grant, kind = tried.held.aid, _grant(tried.held), PaymentKind(tried.payment.kind)
    yield from rules.unmet(tried.facts, kind)
    guaranteed = aid.guaranteed_until_on is not None and aid.guaranteed_until_on >= tried.facts.on
    position = PaymentPosition(
        award_cents=grant.holds_cents,
        base_cents=aid.base_cents or 0,
        certified_cents=aid.certified_cents,
        paid_cents=grant.paid_cents,
        in_flight_cents=tried.in_flight_cents,
        recovered_cents=grant.recovered_cents,
        final_cents=tried.final_cents,
        **tried.known,
        advance_bp=ceilings.advance_bp(tried.parameters, guaranteed=guaranteed),
        before_completion_bp=ceilings.before_completion_bp(
            tried.parameters,
            long=ceilings.is_long(aid.planned_start_on, aid.planned_end_on, tried.parameters.long_project_months),
        ),
    )
    yield from ceilings.above(position, kind, tried.payment.amount_cents)


async def _count(write: Write, held: Held, payment: GrantPayment, paid_on: date, act: str) -> list[Change]:
    """Let the ledger count a payment; the balance closes the aid, where its final amounts are known, and the grant.

    Where they are not known, as before the completion, the rest returns and the closing is an act of its own. A
    proposal that the balance overtakes is cancelled. A payment that is approved or sent keeps the grant open.
    """
    grant = _grant(held)
    grant.paid_cents += payment.amount_cents
    balance = payment.kind == PaymentKind.BALANCE_PAYMENT
    dropped = await cancel_proposed(write, GRANT, grant, OVERTAKEN) if balance else []
    last = balance and not grant.in_flight_cents
    closes = last and closing.can_be_closed(held.aid)
    rest = grant.amount_cents - grant.paid_cents - grant.released_cents if last and not closes else 0
    grant.released_cents += rest
    grant.status = status_of(grant)
    kept: list[Change] = []
    if payment.set_off_recovery_id is not None:
        recovery, kept = await recoveries.set_off(write, grant, payment.set_off_recovery_id)
    if last and (held.aid.base_cents is None or held.aid.closed_on is not None):
        grant.ended_as, grant.ended_on = Ending.CLOSED, paid_on
    await write.session.flush()
    changes = [*GRANT_PAYMENTS.told(act, [payment]), GRANT.change("paid", grant), *kept, *dropped]
    changes += [GRANT.change("ceiling_exceeded", grant)] if payment.exceeds else []
    cause = Cause(Act.PAYMENT, payment.id, paid_on, grant.id)

    async def post() -> None:
        await ledger.pay(write, grant.territory, Instrument.GRANT, payment.amount_cents, cause)
        if payment.set_off_cents is not None:
            back = Cause(Act.RECOVERY, payment.id, max(paid_on, recovery.opened_on), grant.id)
            filled = await ledger.recover(write, grant.territory, payment.set_off_cents, back)
            changes.extend(await shortfall_changes(write, grant.territory, filled))

    if closes:
        assert held.aid.completed_on is not None  # it can be closed
        on = max(paid_on, held.aid.completed_on)  # a balance may have been paid before the completion that was known
        closed = await closing.close_by_balance(write, held, payment.id, on, post)
        return [*changes, *closed]
    if grant.status == AwardStatus.CLOSED:
        changes += await awards.follow(write, grant, paid_on, None)
    await post()
    if not rest:
        return changes
    # The release is the payment's: who takes the balance back takes it back with it.
    filled = await ledger.release(
        write, grant.territory, Instrument.GRANT, Cause(Act.RELEASE, payment.id, paid_on, grant.id)
    )
    return changes + await shortfall_changes(write, grant.territory, filled)


async def _uncount(write: Write, held: Held, payment: GrantPayment, reason: str) -> list[Change]:
    """Let the ledger no longer count a payment, and of a balance what it released.

    A closed grant is open again for what the payment frees, and so is the aid that a balance closed. Raises
    `recovery-above-paid`, `recovery-received`, and `envelope-exhausted` (409) where what the balance released has been
    awarded since.
    """
    grant = _grant(held)
    reopened = await closing.reopen(write, held, payment.id, reason)
    if payment.set_off_recovery_id is not None and payment.set_off_cents is not None:
        reopened += await recoveries.take_back_set_off(
            write, grant, payment.set_off_recovery_id, payment.id, payment.set_off_cents
        )
    left = grant.paid_cents - grant.claimed_back_cents
    if payment.amount_cents > left:
        raise RecoveryAbovePaid(requested_cents=payment.amount_cents, recoverable_cents=left)
    grant.paid_cents -= payment.amount_cents
    rest = await ledger.released_by(write, payment.id, grant.id)
    grant.released_cents -= rest
    GRANT.settle(grant)
    await write.session.flush()
    followed = await awards.follow(write, grant, None, reason) if rest else []
    filled = await ledger.reverse(write, grant.territory, Act.RELEASE, payment.id) if rest else []
    await ledger.reverse(write, grant.territory, Act.PAYMENT, payment.id)
    taken_back = [*GRANT_PAYMENTS.told("reversed", [payment]), GRANT.change("updated", grant)]
    return [*taken_back, *reopened, *followed, *await shortfall_changes(write, grant.territory, filled)]


def _grant(held: Held) -> Grant:
    grant = held.award
    assert isinstance(grant, Grant)  # what was asked for is a grant
    return grant


GRANT_PAYMENTS = Payments(
    kind=GRANT,
    table=GrantPayment,
    listing=ALL_PAYMENTS,
    resource="grant_payment",
    noun="grant_payment",
    lifted=LiftedAct.GRANT_PAYMENT,
    exceed=rules.PaymentsExceedAward,
    known=KNOWN,
    unmet=_unmet,
    count=_count,
    uncount=_uncount,
    dropped=_dropped,
)
kinds.PAYMENTS[GRANT.resource] = GRANT_PAYMENTS
