"""Writes of advances. Tranches never exceed the award, repayments never what is owed.

How an advance is released or reversed is in awards/service.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.duties import DECIDES_RECEIVES
from app.access.rules import person
from app.advances import reduction, schedule, schemas
from app.advances.models import Advance, AdvanceStatus, Repayment, RepaymentStatus
from app.advances.queries import ADVANCES, REPAYMENTS
from app.advances.tranches.models import Tranche
from app.awards import service as awards
from app.awards.kinds import KINDS, AwardKind
from app.awards.rules import Decided
from app.core.problems import Problem
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import AlreadyReversed, Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.schemas import Reversal
from app.envelopes.service import shortfall_changes


class RepaymentExceedsOutstanding(Problem):
    """More would be repaid than was disbursed by that day."""

    status = 409
    title_fr = "Il y aurait plus de remboursé que de versé à cette date."
    detail = "{outstanding_cents} are outstanding now."
    detail_fr = "{outstanding_cents} restent dus aujourd'hui."
    cure = "Check the amount and the day, and return to the firm what it paid too much."
    cure_fr = "Vérifiez le montant et le jour, et rendez à l'entreprise ce qu'elle a payé en trop."

    @classmethod
    def of_a_tranche(cls, outstanding_cents: int) -> "RepaymentExceedsOutstanding":
        """The refusal to take back a tranche that has been repaid since."""
        refused = cls(outstanding_cents=outstanding_cents)
        refused.cure = "Reverse first the repayments received since the tranche was paid."
        refused.cure_fr = "Annulez d'abord les remboursements reçus depuis le paiement de la tranche."
        return refused


class AlreadyBounced(Problem):
    """The bank has sent the repayment back already."""

    status = 409
    title_fr = "La banque a déjà rejeté ce remboursement."
    detail = "It was sent back on {bounced_on}."
    detail_fr = "Le rejet date du {bounced_on}."
    cure = "Enter the repayment again where the bank has taken it since; reverse it where it is a mistake."
    cure_fr = "Saisissez à nouveau le remboursement s'il a été représenté depuis ; annulez-le si c'est une erreur."


class BouncedBeforeReceipt(Problem):
    """The bank cannot have sent the repayment back before the day on which it was received."""

    status = 409
    title_fr = "Le rejet ne peut pas précéder le jour de réception du remboursement."
    detail = "It was received on {received_on}."
    detail_fr = "Il a été reçu le {received_on}."


async def award_advance(
    write: Write, territory: str, decided: Decided, terms: Mapping[str, Any],
    planned_disbursement_on: date | None = None,
) -> list[Change]:  # fmt: skip
    """Decide an advance, whose `terms` are those of `schemas.Terms` as JSON.

    Raises what `awards.decide` raises, and `reference-not-found`.
    """
    refuse_future({"/decided_on": decided.decided_on})
    advance = Advance(
        territory=territory, awarded_by=person(write.actor), terms=dict(terms),
        planned_disbursement_on=planned_disbursement_on, **decided.columns(),
    )  # fmt: skip
    return await awards.decide(write, ADVANCE, advance)


async def receive_repayment(
    write: Write, territory: str, advance_id: UUID, body: schemas.RepaymentCreate
) -> list[Change]:
    """Take capital in. Raises `repayment-exceeds-outstanding`, `already-exists` (the same reference twice; 409), and
    `decider-receives` (403).
    """
    refuse_future({"/received_on": body.received_on})
    advance = await _locked(write, territory, advance_id)
    recorded_by = DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
    outstanding = advance.disbursed_cents - advance.repaid_cents
    refused = RepaymentExceedsOutstanding(outstanding_cents=outstanding)
    if body.amount_cents > outstanding:
        raise refused
    repayment = Repayment(
        territory=territory, advance_id=advance_id, awarded_by=advance.awarded_by,
        recorded_by=recorded_by, **body.model_dump(),
    )  # fmt: skip
    write.session.add(repayment)
    advance.repaid_cents += body.amount_cents
    advance.status = _status_of(advance)
    await write.session.flush()
    await _refuse_repaid_before(write, advance, refused)
    ended = advance.status == AdvanceStatus.REPAID
    followed = await awards.follow(write, advance, body.received_on, None) if ended else []
    cause = Cause(Act.REPAYMENT, repayment.id, body.received_on, advance_id)
    filled = await ledger.repay(write, territory, body.amount_cents, cause)
    received = _received("advance_repayment.created", "advance.repaid", territory, advance_id, repayment.id)
    return [*received, *followed, *await shortfall_changes(write, territory, filled)]


async def bounce_repayment(
    write: Write, territory: str, advance_id: UUID, repayment_id: UUID, body: schemas.Bounce
) -> list[Change]:
    """Record that the bank sent a repayment back: the firm owes it again, as if it had not been paid.

    It is a fact, and never refused for want of money: what the envelope no longer has is its shortfall. Raises
    `already-bounced`, `already-reversed`, `bounced-before-receipt` (409), `decider-receives` (403).
    """
    refuse_future({"/bounced_on": body.bounced_on})
    advance = await _locked(write, territory, advance_id)
    repayment = await write.lock(Repayment, Repayment.id == repayment_id, Repayment.advance_id == advance_id)
    write.expect(repayment.version, required=True)
    DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
    if repayment.status == RepaymentStatus.REVERSED:
        raise AlreadyReversed
    if repayment.status == RepaymentStatus.BOUNCED:
        raise AlreadyBounced(bounced_on=repayment.bounced_on)
    if body.bounced_on < repayment.received_on:
        raise BouncedBeforeReceipt(received_on=repayment.received_on)
    repayment.status, repayment.reason = RepaymentStatus.BOUNCED, body.reason
    repayment.bounced_on, repayment.bank_reference = body.bounced_on, body.bank_reference
    advance.repaid_cents -= repayment.amount_cents
    advance.status = _status_of(advance)
    await write.session.flush()
    cause = Cause(Act.BOUNCE, repayment_id, body.bounced_on, advance_id)
    short = await ledger.bounce(write, territory, cause)
    bounced = _received("advance_repayment.bounced", "advance.updated", territory, advance_id, repayment_id)
    return bounced + await shortfall_changes(write, territory, short)


async def reverse_repayment(
    write: Write, territory: str, advance_id: UUID, repayment_id: UUID, body: Reversal
) -> list[Change]:
    """Take a mistaken repayment back, with its bounce where it has one: the firm owes it, as if nothing had come in.

    Raises `decider-receives` (403), `already-reversed`, and `envelope-exhausted` (409) where it was recycled and
    awarded since.
    """
    advance = await _locked(write, territory, advance_id)
    repayment = await write.lock(Repayment, Repayment.id == repayment_id, Repayment.advance_id == advance_id)
    write.expect(repayment.version, required=True)
    DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
    if repayment.status == RepaymentStatus.REVERSED:
        raise AlreadyReversed
    if repayment.status == RepaymentStatus.RECORDED:
        advance.repaid_cents -= repayment.amount_cents
    repayment.status, repayment.reason = RepaymentStatus.REVERSED, body.reason
    advance.status = _status_of(advance)
    await write.session.flush()
    changed = await ledger.reverse(write, territory, Act.REPAYMENT, repayment_id)
    taken_back = _received("advance_repayment.reversed", "advance.updated", territory, advance_id, repayment_id)
    return taken_back + await shortfall_changes(write, territory, changed)


async def _locked(write: Write, territory: str, advance_id: UUID) -> Advance:
    return await write.lock(Advance, Advance.id == advance_id, Advance.territory == territory)


def _plan(advance: Advance) -> schedule.LoanTerms:
    return schemas.AwardedTerms.model_validate(advance.terms).plan()


async def _refuse_repaid_before(write: Write, advance: Advance, refused: RepaymentExceedsOutstanding) -> None:
    """On no day more repaid than disbursed. The advance's row is locked, so nothing moves meanwhile."""
    t, r = Tranche, Repayment
    tranches = await write.session.execute(
        select(t.paid_on, t.amount_cents).where(t.advance_id == advance.id, t.status == "recorded")
    )
    repayments = await write.session.execute(
        select(r.received_on, r.amount_cents).where(r.advance_id == advance.id, r.status == "recorded")
    )
    out = [schedule.CashFlow(day, cents) for day, cents in tranches]
    back = [schedule.CashFlow(day, cents) for day, cents in repayments]
    if schedule.repaid_before_disbursed(out, back):
        raise refused


def _status_of(advance: Advance) -> AdvanceStatus:
    if advance.released_cents == advance.amount_cents:
        return AdvanceStatus.CANCELLED
    if advance.disbursed_cents == 0:
        return AdvanceStatus.AWARDED
    if advance.disbursed_cents + advance.released_cents < advance.amount_cents:
        return AdvanceStatus.PAYING
    return AdvanceStatus.REPAID if advance.repaid_cents == advance.disbursed_cents else AdvanceStatus.REPAYING


ADVANCE = AwardKind(
    Instrument.ADVANCE, Advance, ADVANCES, "advance", "disbursed_cents", _status_of, reduction.claim_back,
    reduction.give_up_claim,
)  # fmt: skip
KINDS[ADVANCE.resource] = ADVANCE


def _bound(territory: str, advance_id: UUID) -> dict[str, object]:
    return {"territory": territory, "advance_id": advance_id}


def _received(kind: str, advance_kind: str, territory: str, advance_id: UUID, repayment_id: UUID) -> list[Change]:
    bound = _bound(territory, advance_id)
    return [Change(kind, REPAYMENTS, [repayment_id], bound), Change(advance_kind, ADVANCES, [advance_id], bound)]
