"""Writes of payments: proposed, approved, sent, recorded; cancelled, rejected by the bank, reversed, seen.

A proposal takes the award's room at once; the ledger moves when the payment is recorded. What a payment must satisfy is
asked when it is proposed, and again when it is approved. What the bank did is recorded, and what it exceeds is told.

Lock order (docs/locking.md): the firm's bank details, the aid, the grant, the payment, then what an end of the grant
locks, the accounts last.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, select

from app.access.duties import (
    DECIDES_PAYS,
    MAKES_ACCOUNT_APPROVES_PAYMENT,
    PROPOSES_PAYMENT_APPROVES,
    RECORDS_SEES,
)
from app.awards import aids, closing
from app.awards import service as awards
from app.awards.aids import Held
from app.awards.life.queries import agreement_missing
from app.awards.models import AwardStatus, Ending
from app.awards.overrides import service as overrides
from app.awards.overrides.rules import LiftedAct
from app.awards.recoveries import service as recoveries
from app.awards.recoveries.rules import RecoveryAbovePaid, RecoveryInPayment
from app.awards.rules import refuse_before_decision, refuse_ended
from app.core import clock
from app.core.problems import Busy, NotFound, Problem
from app.core.validation import refuse_future, refuse_past
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.schemas import Reversal
from app.envelopes.service import shortfall_changes
from app.firms.bank_details import payees
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.payees import Place
from app.firms.bank_details.rules import BankDetailsUnapproved
from app.grants import ceilings
from app.grants.ceilings import Exceeded, PaymentPosition
from app.grants.models import Grant
from app.grants.payments import rules, schemas
from app.grants.payments.in_flight import cancel, cancel_proposed, propose_again, send_to
from app.grants.payments.models import GrantPayment
from app.grants.payments.queries import ALL_PAYMENTS, Known, known
from app.grants.payments.rules import PaymentAction, PaymentFacts, PaymentKind, PaymentStatus
from app.grants.service import GRANT, status_of
from app.schemes.rules import Parameters


class PaymentPlace(NamedTuple):
    """Which payment: of which grant, of which territory."""

    territory: str
    grant_id: UUID
    payment_id: UUID


OVERTAKEN = "The balance was paid."  # why a proposal ends when the balance is recorded

# --- requests: refused by every condition and ceiling -----------------------------------------------------------------


async def pay(write: Write, territory: str, grant_id: UUID, body: schemas.PaymentCreate) -> list[Change]:
    """Propose a payment, or record one that was made where the body says the day."""
    if body.paid_on is not None:
        return await _record_as_made(write, territory, grant_id, body, body.paid_on)
    return await _propose(write, territory, grant_id, body)


async def _propose(write: Write, territory: str, grant_id: UUID, body: schemas.PaymentCreate) -> list[Change]:
    """Propose a payment to the firm's approved bank details: it takes the award's room at once.

    Raises `decider-pays` (403), `award-ended`, `payments-exceed-award`, `bank-details-unapproved`, `already-exists`,
    the conditions, the ceilings, and the problems of the money's door (409).
    """
    refuse_past({"/planned_on": body.planned_on})
    payee, held = await _held_with_payee(write, territory, grant_id)
    grant = _grant(held)
    proposed_by = DECIDES_PAYS.separate(write.actor, [grant.awarded_by])
    _refuse_above_award(grant, body.amount_cents)
    payment = GrantPayment(
        territory=territory, grant_id=grant_id, awarded_by=grant.awarded_by, status=PaymentStatus.PROPOSED,
        proposed_by=proposed_by, **body.model_dump(),
    )  # fmt: skip
    _send_to(payment, payee)
    used = await overrides.use(write, payment, grant.siren, LiftedAct.GRANT_PAYMENT)
    await _refuse_broken(write, held, payment, grant.in_flight_cents)
    write.session.add(payment)
    grant.in_flight_cents += body.amount_cents
    await write.session.flush()
    return [*_told("proposed", [payment]), GRANT.change("updated", grant), *used]


async def approve(write: Write, place: PaymentPlace) -> list[Change]:
    """Approve what another person proposed, to bank details that others made: every condition is asked again.

    Raises `person-required`, `payment-own-approval`, `payment-to-own-bank-details`, `decider-pays` (403),
    `payment-transition`, and what a proposal raises.
    """
    payee, held = await _held_with_payee(write, place.territory, place.grant_id)
    grant = _grant(held)
    payment, approved = await _stepped(write, place, PaymentAction.APPROVE)
    DECIDES_PAYS.separate(write.actor, [grant.awarded_by])
    approved_by = PROPOSES_PAYMENT_APPROVES.separate(write.actor, [payment.proposed_by])
    if payee is None or payment.bank_details_id != payee.id:
        raise BankDetailsUnapproved
    MAKES_ACCOUNT_APPROVES_PAYMENT.separate(write.actor, [payee.proposed_by, payee.decided_by])
    await _refuse_broken(write, held, payment, grant.in_flight_cents - payment.amount_cents)
    payment.status, payment.approved_by = approved, approved_by
    await write.session.flush()
    return _told("approved", [payment])


async def cancel_payment(write: Write, place: PaymentPlace, body: schemas.PaymentCancellation) -> list[Change]:
    """Cancel a payment that was not sent, giving a reason: the award has its room again."""
    held = await aids.hold(write, place.territory, place.grant_id, GRANT)
    grant = _grant(held)
    payment, _ = await _stepped(write, place, PaymentAction.CANCEL)
    DECIDES_PAYS.separate(write.actor, [grant.awarded_by])
    dropped = await cancel(write, grant, payment, body.reason)
    await write.session.flush()
    return [*_told("cancelled", [payment]), GRANT.change("updated", grant), *dropped]


async def set_off(write: Write, place: PaymentPlace, body: schemas.PaymentSetOff) -> list[Change]:
    """Keep a recovery of the grant from a proposed payment, whole: the bank pays the rest.

    Raises `payment-transition`, and what `recoveries.plan_set_off` raises.
    """
    held = await aids.hold(write, place.territory, place.grant_id, GRANT)
    payment, _ = await _stepped(write, place, PaymentAction.SET_OFF)
    if payment.set_off_recovery_id is not None:
        raise RecoveryInPayment
    recovery, planned = await recoveries.plan_set_off(write, _grant(held), body.recovery_id, payment.amount_cents)
    payment.set_off_recovery_id, payment.set_off_cents = recovery.id, recovery.planned_cents
    await write.session.flush()
    return [*_told("set_off", [payment]), *planned]


# --- facts: what was done is recorded ---------------------------------------------------------------------------------


async def send(write: Write, place: PaymentPlace, body: schemas.PaymentSending) -> list[Change]:
    """Record that an approved payment was handed to the bank. Raises `payment-unapproved`, `payment-transition`."""
    sent_on = body.sent_on or clock.today()
    refuse_future({"/sent_on": sent_on})
    await _hold_payee(write, place.territory, place.grant_id)
    payment, _ = await _stepped(write, place, PaymentAction.SEND)
    DECIDES_PAYS.separate(write.actor, [payment.awarded_by])
    return await mark_sent(write, [payment], sent_on)


async def hold_to_send(
    write: Write, territory: str, until_on: date, *, funder_id: UUID, most: int
) -> list[GrantPayment]:
    """The approved payments of a funder's grants that the bank is to pay by a day, the oldest first, held.

    They are locked after the bank details that they go to. Another sender waits for them, and finds them no more.
    """
    p = GrantPayment
    due = (
        p.territory == territory,
        p.status == PaymentStatus.APPROVED,
        p.planned_on.is_(None) | (p.planned_on <= until_on),
    )
    of_funder = select(p.id, p.bank_details_id).join(Grant, Grant.id == p.grant_id).where(Grant.funder_id == funder_id)
    found = (await write.session.execute(of_funder.where(*due).order_by(p.id).limit(most))).all()
    details = select(BankDetails.id).where(BankDetails.id.in_({details_id for _, details_id in found}))
    (await write.session.scalars(details.order_by(BankDetails.id).with_for_update(read=True))).all()
    payments = select(p).where(*due, p.id.in_([payment_id for payment_id, _ in found])).order_by(p.id)
    return list(await write.session.scalars(payments.with_for_update(key_share=True)))


async def mark_sent(write: Write, payments: Sequence[GrantPayment], sent_on: date) -> list[Change]:
    """Mark held payments as handed to the bank."""
    for payment in payments:
        payment.status, payment.sent_on = PaymentStatus.SENT, sent_on
    await write.session.flush()
    return _told("sent", payments)


Returning = Sequence[tuple[GrantPayment, BankDetails | None]]


async def hold_sent(write: Write, territory: str, among: Select[UUID]) -> Returning:
    """The sent payments among these, held, each with the bank details to which its firm is paid now, held before it."""
    p = GrantPayment
    sent = select(p.id, Grant.siren).join(Grant, Grant.id == p.grant_id)
    sent = sent.where(p.id.in_(among), p.status == PaymentStatus.SENT).order_by(Grant.siren)
    firm_of = dict((await write.session.execute(sent)).all())
    payee_of = {
        siren: await payees.hold_payee(write, Place(territory, siren)) for siren in dict.fromkeys(firm_of.values())
    }
    held = select(p).where(p.id.in_(firm_of), p.status == PaymentStatus.SENT).order_by(p.id)
    rows = await write.session.scalars(held.with_for_update(key_share=True))
    return [(payment, payee_of[firm_of[payment.id]]) for payment in rows]


async def take_back(write: Write, held: Returning) -> list[Change]:
    """Take back payments that the bank never got: approved again, or proposed where the bank details have changed."""
    for payment, payee in held:
        payment.status, payment.sent_on = PaymentStatus.APPROVED, None
        if payee is None or payee.id != payment.bank_details_id:
            propose_again(payment, payee)
    await write.session.flush()
    return _told("taken_back", [payment for payment, _ in held])


async def record(write: Write, place: PaymentPlace, body: schemas.PaymentRecord) -> list[Change]:
    """Record that the bank made a payment; the balance closes the grant and gives the rest back.

    Raises `before-decision`, `payment-transition`, `already-exists` (409), `decider-pays` (403).
    """
    refuse_future({"/paid_on": body.paid_on})
    held = await aids.hold(write, place.territory, place.grant_id, GRANT)
    grant = _grant(held)
    payment, recorded = await _stepped(write, place, PaymentAction.RECORD)
    recorded_by = DECIDES_PAYS.separate(write.actor, [grant.awarded_by])
    refuse_before_decision(grant.decided_on, body.paid_on)
    in_flight = grant.in_flight_cents - payment.amount_cents
    unapproved = [Exceeded.PAYMENT_UNAPPROVED] if payment.approved_by is None else []
    payment.exceeds = [*unapproved, *await _exceeded(write, held, payment, body.paid_on, in_flight)]
    payment.status, payment.recorded_by, payment.paid_on = recorded, recorded_by, body.paid_on
    payment.reference = body.reference or payment.reference
    grant.in_flight_cents = in_flight
    return await _count(write, held, payment, body.paid_on, "recorded")


async def _record_as_made(
    write: Write, territory: str, grant_id: UUID, body: schemas.PaymentCreate, paid_on: date
) -> list[Change]:
    """Record a payment that was made elsewhere: it is refused by the award's amount, the decider, the day and the
    reference alone.

    Raises `payments-exceed-award`, `award-ended`, `before-decision`, `already-exists` (409), `decider-pays` (403).
    """
    refuse_future({"/paid_on": paid_on})
    held = await aids.hold(write, territory, grant_id, GRANT)
    grant = _grant(held)
    recorded_by = DECIDES_PAYS.separate(write.actor, [grant.awarded_by])
    refuse_ended(grant.status)
    refuse_before_decision(grant.decided_on, paid_on)
    _refuse_above_award(grant, body.amount_cents)
    payment = GrantPayment(
        territory=territory, grant_id=grant_id, awarded_by=grant.awarded_by, status=PaymentStatus.RECORDED,
        recorded_by=recorded_by, **body.model_dump(),
    )  # fmt: skip
    used = await overrides.use(write, payment, grant.siren, LiftedAct.GRANT_PAYMENT)
    payment.exceeds = [*await _exceeded(write, held, payment, paid_on, grant.in_flight_cents)]
    write.session.add(payment)
    return [*await _count(write, held, payment, paid_on, "created"), *used]


async def reject(write: Write, place: PaymentPlace, body: schemas.PaymentRejection) -> list[Change]:
    """Record that the bank rejected a payment: it can be sent again where the bank details are still the same.

    Where others have taken their place, it is proposed again, to them. Raises `payment-transition`,
    `rejected-before-sent` (409), `decider-pays` (403).
    """
    refuse_future({"/rejected_on": body.rejected_on})
    refuse_past({"/planned_on": body.planned_on})
    _, payee = await _hold_payee(write, place.territory, place.grant_id)
    payment, back = await _stepped(write, place, PaymentAction.REJECT)
    DECIDES_PAYS.separate(write.actor, [payment.awarded_by])
    if payment.sent_on is not None and body.rejected_on < payment.sent_on:
        raise rules.RejectedBeforeSent(sent_on=payment.sent_on)
    payment.status, payment.sent_on, payment.planned_on = back, None, body.planned_on
    payment.rejected_on, payment.rejection_reason = body.rejected_on, body.reason
    if payee is None or payee.id != payment.bank_details_id:
        propose_again(payment, payee)
    await write.session.flush()
    return _told("rejected", [payment])


async def reverse_payment(write: Write, place: PaymentPlace, body: Reversal) -> list[Change]:
    """Take a mistaken payment back: what it paid is committed again, and of a balance what it released.

    A closed grant is open again for what the payment frees, and so is the aid that a balance closed. Raises
    `already-reversed`, `recovery-above-paid`, `recovery-received`, and `envelope-exhausted` (409) where what the
    balance released has been awarded since.
    """
    held = await aids.hold(write, place.territory, place.grant_id, GRANT)
    grant = _grant(held)
    payment, back = await _stepped(write, place, PaymentAction.REVERSE)
    DECIDES_PAYS.separate(write.actor, [grant.awarded_by])
    payment.status, payment.reason = back, body.reason
    reopened = await closing.reopen(write, held, payment.id, body.reason)
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
    followed = await awards.follow(write, grant, None, body.reason) if rest else []
    filled = await ledger.reverse(write, grant.territory, Act.RELEASE, payment.id) if rest else []
    await ledger.reverse(write, grant.territory, Act.PAYMENT, payment.id)
    taken_back = [*_told("reversed", [payment]), GRANT.change("updated", grant)]
    return [*taken_back, *reopened, *followed, *await shortfall_changes(write, grant.territory, filled)]


async def see(write: Write, place: PaymentPlace) -> list[Change]:
    """Say that one has seen what a payment exceeds.

    Raises `person-required`, `recorder-sees` (403), `nothing-to-see` (409).
    """
    payment = await _locked(write, place)
    if not payment.exceeds or payment.seen_by is not None:
        raise rules.NothingToSee
    payment.seen_by, payment.seen_at = RECORDS_SEES.separate(write.actor, [payment.recorded_by]), write.now
    await write.session.flush()
    return _told("seen", [payment])


# --- where the firm is paid to ----------------------------------------------------------------------------------------


async def follow_bank_details(write: Write, place: Place) -> list[Change]:
    """Return the firm's payments that are not sent to proposed, where the bank details that they go to have ended.

    They go to the approved ones now, if there are any, once somebody approves that. The bank details are held.
    """
    payee = await payees.hold_payee(write, place)
    p, b = GrantPayment, BankDetails
    open_payments = (
        select(p)
        .join(b, b.id == p.bank_details_id)
        .where(
            p.territory == place.territory,
            p.status.in_([PaymentStatus.PROPOSED, PaymentStatus.APPROVED]),
            b.siren == place.siren,
        )
        .order_by(p.id)
    )
    rows = await write.session.scalars(open_payments.with_for_update(key_share=True, of=p))
    returned = [each for each in rows if payee is None or each.bank_details_id != payee.id]
    returned = [each for each in returned if payee is not None or each.status == PaymentStatus.APPROVED]
    for payment in returned:
        propose_again(payment, payee)
    await write.session.flush()
    return _told("returned", returned)


payees.FOLLOWERS.append(follow_bank_details)


def _send_to(payment: GrantPayment, payee: BankDetails | None) -> None:
    """Name the bank details. Raises `bank-details-unapproved` (409)."""
    if payee is None:
        raise BankDetailsUnapproved
    send_to(payment, payee)


async def _hold_payee(write: Write, territory: str, grant_id: UUID) -> tuple[str, BankDetails | None]:
    """The firm of a grant, and the bank details to which it is paid, held. Raises `NotFound`."""
    of_grant = select(Grant.siren).where(Grant.id == grant_id, Grant.territory == territory)
    siren = await write.session.scalar(of_grant)
    if siren is None:
        raise NotFound
    return siren, await payees.hold_payee(write, Place(territory, siren))


async def _held_with_payee(write: Write, territory: str, grant_id: UUID) -> tuple[BankDetails | None, Held]:
    """The bank details to which the firm of a grant is paid, held, and then the grant's aid.

    Raises `NotFound`, and `busy` (503) where another firm has become the holder of the grant meanwhile.
    """
    siren, payee = await _hold_payee(write, territory, grant_id)
    held = await aids.hold(write, territory, grant_id, GRANT)
    if _grant(held).siren != siren:
        raise Busy
    return payee, held


# --- what a payment must satisfy --------------------------------------------------------------------------------------


async def _refuse_broken(write: Write, held: Held, payment: GrantPayment, in_flight_cents: int) -> None:
    """Raises the first condition or ceiling that a proposal breaks today. The door is asked by the database."""
    refuse_ended(_grant(held).status)
    if held.aid.parameters is None:
        return
    parameters, today = Parameters.of(held.aid.parameters), clock.today()
    if missing := await agreement_missing(write.session, held.aid):
        raise missing
    facts = await known(write, payment.grant_id, payment.id, today, parameters.certificate_days)
    final_cents = await _final_cents(write, held)
    for broken in _broken(held, parameters, facts, payment, today, in_flight_cents, final_cents):
        raise broken


async def _exceeded(
    write: Write, held: Held, payment: GrantPayment, paid_on: date, in_flight_cents: int
) -> list[Exceeded]:
    """What a payment that was made exceeds: what would have refused it as a proposal on its day."""
    parameters = Parameters.of(held.aid.parameters) if held.aid.parameters is not None else None
    days = parameters.certificate_days if parameters is not None else None
    facts = await known(write, payment.grant_id, payment.id, paid_on, days)
    codes = [Exceeded.TERRITORY_NOT_OPEN] if facts.withdrawn else []
    codes += [Exceeded.PROCEEDINGS_OPEN] if facts.proceedings_open and not facts.lifted else []
    if parameters is None:
        return codes
    if payment.bank_details_id is None and not facts.payee_approved:
        codes.append(Exceeded.BANK_DETAILS_UNAPPROVED)
    codes += [Exceeded.AGREEMENT_MISSING] if await agreement_missing(write.session, held.aid) else []
    final_cents = await _final_cents(write, held)
    broken = _broken(held, parameters, facts, payment, paid_on, in_flight_cents, final_cents)
    return [*codes, *(Exceeded(each.code) for each in broken)]


async def _final_cents(write: Write, held: Held) -> int | None:
    """The final amount of the grant as far as it is known; None before the completion."""
    return (await closing.final_of(write, held)).grant_cents if held.aid.completed_on is not None else None


def _broken(
    held: Held, parameters: Parameters, facts: Known, payment: GrantPayment, on: date, in_flight_cents: int,
    final_cents: int | None,
) -> Iterator[Problem]:  # fmt: skip
    """The conditions and ceilings that a payment breaks on a day. The payment is not in `in_flight_cents`."""
    aid, grant, kind = held.aid, _grant(held), PaymentKind(payment.kind)
    lives = aid.started_on is not None or facts.bound or any(getattr(each, by.paid) for by, each in held.awards())
    yield from rules.unmet(
        PaymentFacts(
            on=on,
            lapsed=not lives and aid.start_by_on is not None and on > aid.start_by_on,
            started_on=aid.started_on,
            completed_on=aid.completed_on,
            declared_on=aid.completion_declared_on,
            open_claims=aid.open_claims,
            statement_by_on=aid.statement_by_on,
            tax_until_on=facts.tax_until_on,
            social_until_on=facts.social_until_on,
        ),
        kind,
    )
    guaranteed = aid.guaranteed_until_on is not None and aid.guaranteed_until_on >= on
    position = PaymentPosition(
        award_cents=grant.holds_cents,
        base_cents=aid.base_cents or 0,
        certified_cents=aid.certified_cents,
        paid_cents=grant.paid_cents,
        in_flight_cents=in_flight_cents,
        recovered_cents=grant.recovered_cents,
        final_cents=final_cents,
        advance_payments_cents=facts.advance_payments_cents,
        interim_payments_cents=facts.interim_payments_cents,
        advance_bp=ceilings.advance_bp(parameters, guaranteed=guaranteed),
        before_completion_bp=ceilings.before_completion_bp(
            parameters,
            long=ceilings.is_long(aid.planned_start_on, aid.planned_end_on, parameters.long_project_months),
        ),
    )
    yield from ceilings.above(position, kind, payment.amount_cents)


def _refuse_above_award(grant: Grant, cents: int) -> None:
    """Raises `award-ended`, `payments-exceed-award` (409)."""
    refuse_ended(grant.status)
    remaining = grant.amount_cents - grant.paid_cents - grant.in_flight_cents - grant.released_cents
    if cents > remaining:
        raise rules.PaymentsExceedAward(requested_cents=cents, remaining_cents=remaining)


# --- what is common ---------------------------------------------------------------------------------------------------


async def _count(write: Write, held: Held, payment: GrantPayment, paid_on: date, act: str) -> list[Change]:
    """Let the ledger count a payment; the balance closes the aid, where its final amounts are known, and the grant.

    Where they are not known, as before the completion, the rest returns and the closing is an act of its own. A
    proposal that the balance overtakes is cancelled. A payment that is approved or sent keeps the grant open.
    """
    grant = _grant(held)
    grant.paid_cents += payment.amount_cents
    balance = payment.kind == PaymentKind.BALANCE_PAYMENT
    dropped = await cancel_proposed(write, grant, OVERTAKEN) if balance else []
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
    changes = [*_told(act, [payment]), GRANT.change("paid", grant), *kept, *dropped]
    changes += [GRANT.change("ceiling_exceeded", grant)] if payment.exceeds else []
    cause = Cause(Act.PAYMENT, payment.id, paid_on, grant.id)

    async def post() -> None:
        await ledger.pay(write, grant.territory, Instrument.GRANT, payment.amount_cents, cause)
        if payment.set_off_cents is not None:
            back = Cause(Act.RECOVERY, payment.id, max(paid_on, recovery.opened_on), grant.id)
            filled = await ledger.recover(write, grant.territory, payment.set_off_cents, back)
            changes.extend(await shortfall_changes(write, grant.territory, filled))

    if closes:
        closed = await closing.close_by_balance(write, held, payment.id, paid_on, post)
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


def _grant(held: Held) -> Grant:
    grant = held.award
    assert isinstance(grant, Grant)  # what was asked for is a grant
    return grant


async def _stepped(write: Write, place: PaymentPlace, action: PaymentAction) -> tuple[GrantPayment, PaymentStatus]:
    """The payment, locked, and the state that the action leads to."""
    payment = await _locked(write, place)
    return payment, rules.next_status(action, PaymentStatus(payment.status))


async def _locked(write: Write, place: PaymentPlace) -> GrantPayment:
    p = GrantPayment
    mine = (p.id == place.payment_id, p.grant_id == place.grant_id, p.territory == place.territory)
    payment = await write.lock(p, *mine)
    write.expect(payment.version, required=True)
    return payment


def _told(act: str, payments: Sequence[GrantPayment]) -> list[Change]:
    """An act on payments of one territory, as it is told."""
    if not payments:
        return []
    ids, bound = [payment.id for payment in payments], {"territory": payments[0].territory}
    return [Change(f"grant_payment.{act}", ALL_PAYMENTS, ids, bound)]
