"""Writes of payments: proposed, approved, sent, recorded; cancelled, rejected by the bank, reversed, seen.

A proposal takes the award's room at once; the ledger moves when the payment is recorded. What a payment must satisfy is
asked when it is proposed, and again when it is approved. What the bank did is recorded, and what it exceeds is told.

Lock order (docs/locking.md): the firm's bank details, the aid, the award, the payment, then what an end of the award
locks, the accounts last.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, select

from app.access.duties import (
    DECIDES_PAYS,
    MAKES_ACCOUNT_APPROVES_PAYMENT,
    PROPOSES_PAYMENT_APPROVES,
    RECORDS_SEES,
)
from app.awards import aids, closing
from app.awards.aids import Held
from app.awards.life.queries import agreement_missing
from app.awards.life.rules import AgreementMissing
from app.awards.overrides import service as overrides
from app.awards.payments import rules, schemas
from app.awards.payments.in_flight import cancel, is_under_way, propose_again, send_to
from app.awards.payments.kinds import Payments, Tried, in_lock_order
from app.awards.payments.queries import Known, known
from app.awards.payments.rules import PaymentAction, PaymentFacts, PaymentStatus, PaymentUnapproved
from app.awards.rules import AwardEnded, ProceedingsOpen, TerritoryNotOpen, refuse_before_decision, refuse_ended
from app.core import clock
from app.core.problems import Busy, NotFound, Problem
from app.core.validation import refuse_future, refuse_past
from app.core.writing.writes import Change, Write
from app.envelopes.rules import Instrument
from app.envelopes.schemas import Reversal
from app.firms.bank_details import payees
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.payees import Place
from app.firms.bank_details.rules import BankDetailsUnapproved
from app.schemes.rules import Parameters


class PaymentPlace(NamedTuple):
    """Which payment: of which award, of which territory."""

    territory: str
    award_id: UUID
    payment_id: UUID


# --- requests: refused by every condition and ceiling -----------------------------------------------------------------


async def pay(
    write: Write, payments: Payments, territory: str, award_id: UUID, body: schemas.AwardPaymentCreate
) -> list[Change]:
    """Propose a payment, or record one that was made where the body says the day."""
    if body.paid_on is not None:
        return await _record_as_made(write, payments, territory, award_id, body, body.paid_on)
    return await _propose(write, payments, territory, award_id, body)


async def _propose(
    write: Write, payments: Payments, territory: str, award_id: UUID, body: schemas.AwardPaymentCreate
) -> list[Change]:
    """Propose a payment to the firm's approved bank details: it takes the award's room at once.

    Raises `decider-pays` (403), `award-ended`, the problem of one above the award, `bank-details-unapproved`,
    `already-exists`, the conditions, the ceilings, and the problems of the money's door (409).
    """
    refuse_past({"/planned_on": body.planned_on})
    payee, held = await _held_with_payee(write, payments, territory, award_id)
    award = held.award
    proposed_by = DECIDES_PAYS.separate(write.actor, [award.awarded_by])
    _refuse_above_award(payments, award, body.amount_cents)
    payment = _new(payments, award, body, status=PaymentStatus.PROPOSED, proposed_by=proposed_by)
    _send_to(payment, payee)
    used = await overrides.use(write, payment, award.siren, payments.lifted)
    await _refuse_broken(write, payments, held, payment, award.in_flight_cents)
    write.session.add(payment)
    award.in_flight_cents += body.amount_cents
    await write.session.flush()
    return [*payments.told("proposed", [payment]), payments.kind.change("updated", award), *used]


async def approve(write: Write, payments: Payments, place: PaymentPlace) -> list[Change]:
    """Approve what another person proposed, to bank details that others made: every condition is asked again.

    Raises `person-required`, `payment-own-approval`, `payment-to-own-bank-details`, `decider-pays` (403),
    `payment-transition`, and what a proposal raises.
    """
    payee, held = await _held_with_payee(write, payments, place.territory, place.award_id)
    award = held.award
    payment, approved = await stepped(write, payments, place, PaymentAction.APPROVE)
    DECIDES_PAYS.separate(write.actor, [award.awarded_by])
    approved_by = PROPOSES_PAYMENT_APPROVES.separate(write.actor, [payment.proposed_by])
    if payee is None or payment.bank_details_id != payee.id:
        raise BankDetailsUnapproved
    MAKES_ACCOUNT_APPROVES_PAYMENT.separate(write.actor, [payee.proposed_by, payee.decided_by])
    await _refuse_broken(write, payments, held, payment, award.in_flight_cents - payment.amount_cents)
    payment.status, payment.approved_by = approved, approved_by
    await write.session.flush()
    return payments.told("approved", [payment])


async def cancel_payment(
    write: Write, payments: Payments, place: PaymentPlace, body: schemas.PaymentCancellation
) -> list[Change]:
    """Cancel a payment that was not sent, giving a reason: the award has its room again."""
    held = await aids.hold(write, place.territory, place.award_id, payments.kind)
    award = held.award
    payment, _ = await stepped(write, payments, place, PaymentAction.CANCEL)
    DECIDES_PAYS.separate(write.actor, [award.awarded_by])
    dropped = await cancel(write, payments, award, payment, body.reason)
    await write.session.flush()
    return [*payments.told("cancelled", [payment]), payments.kind.change("updated", award), *dropped]


# --- facts: what was done is recorded ---------------------------------------------------------------------------------


async def send(write: Write, payments: Payments, place: PaymentPlace, body: schemas.PaymentSending) -> list[Change]:
    """Record that an approved payment was handed to the bank. Raises `payment-unapproved`, `payment-transition`."""
    sent_on = body.sent_on or clock.today()
    refuse_future({"/sent_on": sent_on})
    await _hold_payee(write, payments, place.territory, place.award_id)
    payment, _ = await stepped(write, payments, place, PaymentAction.SEND)
    DECIDES_PAYS.separate(write.actor, [payment.awarded_by])
    return await mark_sent(write, [(payments, payment)], sent_on)


# Payments of several instruments, each beside the table that it is of.
Mixed = Sequence[tuple[Payments, Any]]


async def hold_to_send(write: Write, territory: str, until_on: date, *, funder_id: UUID, most: int) -> Mixed:
    """The approved payments of a funder's awards that the bank is to pay by a day, the oldest first, held.

    They are locked after the bank details that they go to. Another sender waits for them, and finds them no more.
    """

    def due(p: Any) -> tuple[Any, ...]:
        planned = p.planned_on.is_(None) | (p.planned_on <= until_on)
        return p.territory == territory, p.status == PaymentStatus.APPROVED, planned

    found: list[tuple[UUID, UUID]] = []
    for each in in_lock_order():
        p, award = each.table, each.kind.table
        of_funder = select(p.id, p.bank_details_id).join(award, award.id == each.award_id)
        oldest = of_funder.where(award.funder_id == funder_id, *due(p)).order_by(p.id).limit(most)
        found += [(payment_id, details_id) for payment_id, details_id in await write.session.execute(oldest)]
    found = sorted(found)[:most]
    details = select(BankDetails.id).where(BankDetails.id.in_({details_id for _, details_id in found}))
    (await write.session.scalars(details.order_by(BankDetails.id).with_for_update(read=True))).all()
    among = [payment_id for payment_id, _ in found]
    held = [
        (each, payment)
        for each in in_lock_order()
        for payment in await write.session.scalars(
            select(each.table)
            .where(*due(each.table), each.table.id.in_(among))
            .order_by(each.table.id)
            .with_for_update(key_share=True)
        )
    ]
    return sorted(held, key=lambda one: one[1].id)


async def mark_sent(write: Write, sent: Mixed, sent_on: date) -> list[Change]:
    """Mark held payments as handed to the bank."""
    for _, payment in sent:
        payment.status, payment.sent_on = PaymentStatus.SENT, sent_on
    await write.session.flush()
    return _told_of("sent", sent)


class Sent(NamedTuple):
    """A payment that was sent, held, with the bank details to which its firm is paid now."""

    payments: Payments
    payment: Any
    payee: BankDetails | None


async def hold_sent(write: Write, territory: str, among: Select[UUID]) -> list[Sent]:
    """The sent payments among these, held, after the bank details to which their firms are paid now."""
    firm_of: dict[UUID, str] = {}
    for each in in_lock_order():
        p, award = each.table, each.kind.table
        sent = select(p.id, award.siren).join(award, award.id == each.award_id)
        found = await write.session.execute(sent.where(p.id.in_(among), p.status == PaymentStatus.SENT))
        firm_of |= dict(found.all())
    payee_of = {
        siren: await payees.hold_payee(write, Place(territory, siren)) for siren in sorted(set(firm_of.values()))
    }
    held: list[Sent] = []
    for each in in_lock_order():
        p = each.table
        sent = select(p).where(p.id.in_(firm_of), p.status == PaymentStatus.SENT).order_by(p.id)
        rows = await write.session.scalars(sent.with_for_update(key_share=True))
        held += [Sent(each, payment, payee_of[firm_of[payment.id]]) for payment in rows]
    return held


async def take_back(write: Write, held: Sequence[Sent]) -> list[Change]:
    """Take back payments that the bank never got: approved again, or proposed where the bank details have changed."""
    for _, payment, payee in held:
        payment.status, payment.sent_on = PaymentStatus.APPROVED, None
        if payee is None or payee.id != payment.bank_details_id:
            propose_again(payment, payee)
    await write.session.flush()
    return _told_of("taken_back", [(payments, payment) for payments, payment, _ in held])


async def record(write: Write, payments: Payments, place: PaymentPlace, body: schemas.PaymentRecord) -> list[Change]:
    """Record that the bank made a payment; what follows is its instrument's.

    Raises `before-decision`, `payment-transition`, `already-exists` (409), `decider-pays` (403).
    """
    refuse_future({"/paid_on": body.paid_on})
    held = await aids.hold(write, place.territory, place.award_id, payments.kind)
    award = held.award
    payment, recorded = await stepped(write, payments, place, PaymentAction.RECORD)
    recorded_by = DECIDES_PAYS.separate(write.actor, [award.awarded_by])
    refuse_before_decision(award.decided_on, body.paid_on)
    in_flight = award.in_flight_cents - payment.amount_cents
    unapproved = [PaymentUnapproved.code] if payment.approved_by is None else []
    payment.exceeds = [*unapproved, *await _exceeded(write, payments, held, payment, body.paid_on, in_flight)]
    payment.status, payment.recorded_by, payment.paid_on = recorded, recorded_by, body.paid_on
    payment.reference = body.reference or payment.reference
    award.in_flight_cents = in_flight
    return await payments.count(write, held, payment, body.paid_on, "recorded")


async def _record_as_made(
    write: Write, payments: Payments, territory: str, award_id: UUID, body: schemas.AwardPaymentCreate, paid_on: date
) -> list[Change]:
    """Record a payment that was made elsewhere: it is refused by the award's amount, the decider, the day and the
    reference alone.

    Raises the problem of one above the award, `award-ended`, `before-decision`, `already-exists` (409), `decider-pays`
    (403).
    """
    refuse_future({"/paid_on": paid_on})
    held = await aids.hold(write, territory, award_id, payments.kind)
    award = held.award
    recorded_by = DECIDES_PAYS.separate(write.actor, [award.awarded_by])
    _refuse_over(payments, award)
    refuse_before_decision(award.decided_on, paid_on)
    _refuse_above_award(payments, award, body.amount_cents)
    payment = _new(payments, award, body, status=PaymentStatus.RECORDED, recorded_by=recorded_by)
    used = await overrides.use(write, payment, award.siren, payments.lifted)
    payment.exceeds = await _exceeded(write, payments, held, payment, paid_on, award.in_flight_cents)
    write.session.add(payment)
    return [*await payments.count(write, held, payment, paid_on, "created"), *used]


async def reject(write: Write, payments: Payments, place: PaymentPlace, body: schemas.PaymentRejection) -> list[Change]:
    """Record that the bank rejected a payment: it can be sent again where the bank details are still the same.

    Where others have taken their place, it is proposed again, to them. Raises `payment-transition`,
    `rejected-before-sent` (409), `decider-pays` (403).
    """
    refuse_future({"/rejected_on": body.rejected_on})
    refuse_past({"/planned_on": body.planned_on})
    _, payee = await _hold_payee(write, payments, place.territory, place.award_id)
    payment, back = await stepped(write, payments, place, PaymentAction.REJECT)
    DECIDES_PAYS.separate(write.actor, [payment.awarded_by])
    if payment.sent_on is not None and body.rejected_on < payment.sent_on:
        raise rules.RejectedBeforeSent(sent_on=payment.sent_on)
    payment.status, payment.sent_on, payment.planned_on = back, None, body.planned_on
    payment.rejected_on, payment.rejection_reason = body.rejected_on, body.reason
    if payee is None or payee.id != payment.bank_details_id:
        propose_again(payment, payee)
    await write.session.flush()
    return payments.told("rejected", [payment])


async def reverse_payment(write: Write, payments: Payments, place: PaymentPlace, body: Reversal) -> list[Change]:
    """Take a mistaken payment back: what it paid is committed again; what follows is its instrument's.

    Raises `already-reversed`, `payment-transition` (409), `decider-pays` (403).
    """
    held = await aids.hold(write, place.territory, place.award_id, payments.kind)
    payment, back = await stepped(write, payments, place, PaymentAction.REVERSE)
    DECIDES_PAYS.separate(write.actor, [held.award.awarded_by])
    payment.status, payment.reason = back, body.reason
    return await payments.uncount(write, held, payment, body.reason)


async def see(write: Write, payments: Payments, place: PaymentPlace) -> list[Change]:
    """Say that one has seen what a payment exceeds.

    Raises `person-required`, `recorder-sees` (403), `nothing-to-see` (409).
    """
    payment = await _locked(write, payments, place)
    if not payment.exceeds or payment.seen_by is not None:
        raise rules.NothingToSee
    payment.seen_by, payment.seen_at = RECORDS_SEES.separate(write.actor, [payment.recorded_by]), write.now
    await write.session.flush()
    return payments.told("seen", [payment])


# --- where the firm is paid to ----------------------------------------------------------------------------------------


async def follow_bank_details(write: Write, place: Place) -> list[Change]:
    """Return the firm's payments that are not sent to proposed, where the bank details that they go to have ended.

    They go to the approved ones now, if there are any, once somebody approves that. The bank details are held.
    """
    payee = await payees.hold_payee(write, place)
    returned: list[tuple[Payments, Any]] = []
    for each in in_lock_order():
        p, b = each.table, BankDetails
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
        for payment in await write.session.scalars(open_payments.with_for_update(key_share=True, of=p)):
            stays = payee is not None and payment.bank_details_id == payee.id
            waits = payee is None and payment.status == PaymentStatus.PROPOSED
            if not stays and not waits:
                returned.append((each, payment))
    for _, payment in returned:
        propose_again(payment, payee)
    await write.session.flush()
    return _told_of("returned", returned)


payees.FOLLOWERS.append(follow_bank_details)


def _send_to(payment: Any, payee: BankDetails | None) -> None:
    """Name the bank details. Raises `bank-details-unapproved` (409)."""
    if payee is None:
        raise BankDetailsUnapproved
    send_to(payment, payee)


async def _hold_payee(
    write: Write, payments: Payments, territory: str, award_id: UUID
) -> tuple[str, BankDetails | None]:
    """The firm of an award, and the bank details to which it is paid, held. Raises `NotFound`."""
    award = payments.kind.table
    siren = await write.session.scalar(select(award.siren).where(award.id == award_id, award.territory == territory))
    if siren is None:
        raise NotFound
    return siren, await payees.hold_payee(write, Place(territory, siren))


async def _held_with_payee(
    write: Write, payments: Payments, territory: str, award_id: UUID
) -> tuple[BankDetails | None, Held]:
    """The bank details to which the firm of an award is paid, held, and then the award's aid.

    Raises `NotFound`, and `busy` (503) where another firm has become the holder of the award meanwhile.
    """
    siren, payee = await _hold_payee(write, payments, territory, award_id)
    held = await aids.hold(write, territory, award_id, payments.kind)
    if held.award.siren != siren:
        raise Busy
    return payee, held


# --- what a payment must satisfy --------------------------------------------------------------------------------------


async def _refuse_broken(write: Write, payments: Payments, held: Held, payment: Any, in_flight_cents: int) -> None:
    """Raises the first condition or ceiling that a proposal breaks today. The door is asked by the database."""
    refuse_ended(held.award.status)
    if held.aid.parameters is not None and (missing := await agreement_missing(write.session, held.aid)):
        raise missing
    _, broken = await _tried(write, payments, held, payment, clock.today(), in_flight_cents, requested=True)
    for problem in broken:
        raise problem


async def _exceeded(
    write: Write, payments: Payments, held: Held, payment: Any, paid_on: date, in_flight_cents: int
) -> list[str]:
    """What a payment that was made exceeds, by code: what would have refused it as a proposal on its day."""
    facts, broken = await _tried(write, payments, held, payment, paid_on, in_flight_cents)
    codes = [TerritoryNotOpen.code] if facts.withdrawn else []
    codes += [ProceedingsOpen.code] if facts.proceedings_open and not facts.lifted else []
    if held.aid.parameters is not None:
        if payment.bank_details_id is None and not facts.payee_approved:
            codes.append(BankDetailsUnapproved.code)
        codes += [AgreementMissing.code] if await agreement_missing(write.session, held.aid) else []
    return [*codes, *(problem.code for problem in broken)]


async def _tried(
    write: Write, payments: Payments, held: Held, payment: Any, on: date, in_flight_cents: int,
    *, requested: bool = False,
) -> tuple[Known, list[Problem]]:  # fmt: skip
    """What is known of a payment on a day, and what it breaks. The payment is not in `in_flight_cents`."""
    aid = held.aid
    parameters = Parameters.of(aid.parameters) if aid.parameters is not None else None
    days = parameters.certificate_days if parameters is not None else None
    seen, more = await known(write, payments, held.award.id, payment.id, on, days)
    lives = seen.bound or await is_under_way(write, held, but=held.award)
    facts = PaymentFacts(
        on=on,
        lapsed=not lives and aid.start_by_on is not None and on > aid.start_by_on,
        started_on=aid.started_on,
        completed_on=aid.completed_on,
        declared_on=aid.completion_declared_on,
        open_claims=aid.open_claims,
        statement_by_on=aid.statement_by_on,
        tax_until_on=seen.tax_until_on,
        social_until_on=seen.social_until_on,
    )
    tried = Tried(
        held=held, payment=payment, requested=requested, facts=facts, parameters=parameters,
        in_flight_cents=in_flight_cents, final_cents=await _final_cents(write, payments, held), known=more,
    )  # fmt: skip
    return seen, list(payments.unmet(tried))


async def _final_cents(write: Write, payments: Payments, held: Held) -> int | None:
    """The final amount of the award as far as it is known; None before the completion."""
    if held.aid.completed_on is None or held.aid.base_cents is None:
        return None
    final = await closing.final_of(write, held)
    return final.grant_cents if payments.kind.instrument is Instrument.GRANT else final.advance_cents


def _refuse_over(payments: Payments, award: Any) -> None:
    """Raises `award-ended` (409), also where all that was not paid of the award was given back."""
    refuse_ended(award.status)
    if award.released_cents and not _unpaid_cents(payments, award):
        raise AwardEnded(current=award.ended_as or award.status)


def _refuse_above_award(payments: Payments, award: Any, cents: int) -> None:
    """Raises `award-ended`, or the problem of a payment above the award (409)."""
    _refuse_over(payments, award)
    remaining = _unpaid_cents(payments, award) - award.in_flight_cents
    if cents > remaining:
        raise payments.exceed(requested_cents=cents, remaining_cents=remaining)


def _unpaid_cents(payments: Payments, award: Any) -> int:
    unpaid: int = award.amount_cents - getattr(award, payments.kind.paid) - award.released_cents
    return unpaid


# --- what is common ---------------------------------------------------------------------------------------------------


def _new(payments: Payments, award: Any, body: schemas.AwardPaymentCreate, **done: Any) -> Any:
    """A payment of an award as the body says, and what was done with it."""
    return payments.table(
        territory=award.territory, awarded_by=award.awarded_by, **{payments.award_id.key: award.id}, **done,
        **body.model_dump(),
    )  # fmt: skip


async def stepped(
    write: Write, payments: Payments, place: PaymentPlace, action: PaymentAction
) -> tuple[Any, PaymentStatus]:
    """The payment, locked, and the state that the action leads to."""
    payment = await _locked(write, payments, place)
    return payment, rules.next_status(action, PaymentStatus(payment.status))


async def _locked(write: Write, payments: Payments, place: PaymentPlace) -> Any:
    p = payments.table
    mine = (p.id == place.payment_id, payments.of(place.award_id), p.territory == place.territory)
    payment = await write.lock(p, *mine)
    write.expect(payment.version, required=True)
    return payment


def _told_of(act: str, told: Mixed) -> list[Change]:
    """An act on payments of several instruments of one territory, as it is told."""
    return [
        change
        for each in in_lock_order()
        for change in each.told(act, [payment for payments, payment in told if payments is each])
    ]
