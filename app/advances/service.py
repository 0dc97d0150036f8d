"""Writes of advances. Tranches never exceed the award, repayments never what is owed.

How an advance is released or reversed is in awards/service.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.duties import DECIDES_PAYS, DECIDES_RECEIVES
from app.access.rules import person
from app.advances import account, schedule, schemas
from app.advances.models import Advance, AdvanceStatus, Repayment, RepaymentStatus, Tranche
from app.advances.queries import ADVANCES, TRANCHES
from app.advances.receipts import service as receipts
from app.advances.receipts.schemas import Bounce
from app.advances.receipts.service import HeldReceipt, Said
from app.advances.rules import RepaymentExceedsOutstanding, Settled
from app.awards import service as awards
from app.awards.kinds import KINDS, AwardKind
from app.awards.overrides import service as overrides
from app.awards.overrides.rules import LiftedAct
from app.awards.rules import OVER, AwardEnded, Decided, refuse_before_decision
from app.core.problems import NotFound, Problem
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import AlreadyReversed, Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.schemas import Reversal


class TranchesExceedAward(Problem):
    """The tranches would exceed the award."""

    status = 409
    title_fr = "Les versements dépasseraient l'attribution."
    detail = "{requested_cents} requested, {remaining_cents} remaining."
    detail_fr = "{requested_cents} demandés, {remaining_cents} restants."
    cure = "Pay at most what remains."
    cure_fr = "Versez au plus ce qui reste."


class AfterLastInstalment(Problem):
    """The tranche cannot be paid after its last instalment is due."""

    status = 409
    title_fr = "Un versement ne peut pas être payé après sa dernière échéance."


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


async def pay_tranche(write: Write, territory: str, advance_id: UUID, body: schemas.TrancheCreate) -> list[Change]:
    """Pay a tranche out.

    Raises `tranches-exceed-award`, `award-ended`, `after-last-instalment`, `decider-pays`, and the problems of the
    money's door.
    """
    refuse_future({"/paid_on": body.paid_on})
    advance = await account.hold(write, territory, advance_id)
    recorded_by = DECIDES_PAYS.separate(write.actor, [advance.awarded_by])
    remaining = advance.amount_cents - advance.disbursed_cents - advance.released_cents
    if advance.status in OVER or (advance.released_cents and not remaining):
        raise AwardEnded(current=advance.status)
    refuse_before_decision(advance.decided_on, body.paid_on)
    if body.amount_cents > remaining:
        raise TranchesExceedAward(requested_cents=body.amount_cents, remaining_cents=remaining)
    if body.paid_on >= schedule.due_dates(_plan(advance))[-1]:
        raise AfterLastInstalment
    tranche = Tranche(
        territory=territory, advance_id=advance_id, awarded_by=advance.awarded_by, recorded_by=recorded_by,
        **body.model_dump(),
    )  # fmt: skip
    used = await overrides.use(write, tranche, advance.siren, LiftedAct.ADVANCE_TRANCHE)
    write.session.add(tranche)
    advance.disbursed_cents += body.amount_cents
    await write.session.flush()
    cause = Cause(Act.TRANCHE, tranche.id, body.paid_on, advance_id)
    await ledger.pay(write, territory, Instrument.ADVANCE, body.amount_cents, cause)
    settled = await account.settle(write, advance, "paid")
    return [Change("advance_tranche.created", TRANCHES, [tranche.id], _bound(territory, advance_id)), *settled, *used]


async def reverse_tranche(
    write: Write, territory: str, advance_id: UUID, tranche_id: UUID, body: Reversal
) -> list[Change]:
    """Take a mistaken tranche back: what it paid is committed again.

    Raises `already-reversed`, and `repayment-exceeds-outstanding` (409) where it has been repaid since.
    """
    advance = await account.hold(write, territory, advance_id)
    tranche = await write.lock(Tranche, Tranche.id == tranche_id, Tranche.advance_id == advance_id)
    write.expect(tranche.version, required=True)
    DECIDES_PAYS.separate(write.actor, [advance.awarded_by])
    if tranche.status == "reversed":
        raise AlreadyReversed
    before = await account.stands(write, advance)
    refused = RepaymentExceedsOutstanding.of_a_tranche(advance.outstanding_cents)
    tranche.status, tranche.reason = "reversed", body.reason
    after = await account.stands(write, advance)
    if after.overpaid_cents > before.overpaid_cents or after.outstanding_cents < 0:
        raise refused
    advance.disbursed_cents -= tranche.amount_cents
    settled = await account.settle(write, advance)
    await ledger.reverse(write, territory, Act.TRANCHE, tranche_id)
    return [Change("advance_tranche.reversed", TRANCHES, [tranche_id], _bound(territory, advance_id)), *settled]


async def receive_repayment(
    write: Write, territory: str, advance_id: UUID, body: schemas.RepaymentCreate
) -> list[Change]:
    """Take a receipt in and assign it to one advance. Raises what `receipts.enter` and `receipts.repay` raise."""
    advance = await account.hold(write, territory, advance_id)
    DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
    receipt = await receipts.enter(write, territory, Said.of(body))
    changes = await receipts.repay(write, receipt, {advance_id: (advance, body.amount_cents)})
    return [*changes, receipts.of_receipt("created", receipt)]


async def bounce_repayment(
    write: Write, territory: str, advance_id: UUID, repayment_id: UUID, body: Bounce
) -> list[Change]:
    """Record that the bank sent the receipt of a repayment back, whatever else it was assigned to.

    Raises what `receipts.bounce` raises.
    """
    held, _ = await _of_receipt(write, territory, advance_id, repayment_id)
    return await receipts.bounce(write, held, body.bounced_on, body.reason, body.bank_reference)


async def reverse_repayment(
    write: Write, territory: str, advance_id: UUID, repayment_id: UUID, body: Reversal
) -> list[Change]:
    """Take a mistaken repayment back, with its receipt where it is all that was assigned of it.

    Raises what `receipts.reverse` raises.
    """
    held, repayment = await _of_receipt(write, territory, advance_id, repayment_id)
    if repayment.amount_cents == held.receipt.amount_cents:
        return await receipts.reverse(write, held, body.reason)
    return await receipts.unassign(write, held, repayment, body.reason)


async def _of_receipt(
    write: Write, territory: str, advance_id: UUID, repayment_id: UUID
) -> tuple[HeldReceipt, Repayment]:
    """The repayment that an address names, and its receipt, locked with it."""
    r = Repayment
    named = select(r.receipt_id).where(r.id == repayment_id, r.advance_id == advance_id, r.territory == territory)
    receipt_id = await write.session.scalar(named)
    if receipt_id is None:
        raise NotFound
    held = await receipts.hold(write, territory, receipt_id, advance_id)
    repayment = await write.lock(r, r.id == repayment_id)
    write.expect(repayment.version, required=True)
    DECIDES_RECEIVES.separate(write.actor, [repayment.awarded_by])
    if repayment.status == RepaymentStatus.REVERSED:
        raise AlreadyReversed
    held.repayments.sort(key=lambda each: each is not repayment)  # the answer tells the one that was asked about
    return held, repayment


def _plan(advance: Advance) -> schedule.LoanTerms:
    return schemas.AwardedTerms.model_validate(advance.terms).plan()


def _status_of(advance: Advance) -> AdvanceStatus:
    if advance.released_cents == advance.amount_cents:
        return AdvanceStatus.CANCELLED
    if advance.disbursed_cents == 0:
        return AdvanceStatus.AWARDED
    if advance.disbursed_cents + advance.released_cents < advance.amount_cents:
        return AdvanceStatus.PAYING
    if advance.outstanding_cents:
        return AdvanceStatus.REPAYING
    return AdvanceStatus.CLOSED if advance.settled_as in _GIVEN_UP else AdvanceStatus.REPAID


_GIVEN_UP = (Settled.WAIVED, Settled.WRITTEN_OFF)


ADVANCE = AwardKind(Instrument.ADVANCE, Advance, ADVANCES, "advance", "disbursed_cents", _status_of)
KINDS[ADVANCE.resource] = ADVANCE


def _bound(territory: str, advance_id: UUID) -> dict[str, object]:
    return {"territory": territory, "advance_id": advance_id}
