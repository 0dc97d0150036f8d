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
from app.advances import account, reduction, schemas
from app.advances.models import Advance, AdvanceStatus, Repayment, RepaymentStatus
from app.advances.queries import ADVANCES
from app.advances.receipts import service as receipts
from app.advances.receipts.schemas import Bounce
from app.advances.receipts.service import HeldReceipt, Said
from app.advances.rules import Settled
from app.awards import service as awards
from app.awards.kinds import KINDS, AwardKind
from app.awards.rules import Decided
from app.core.problems import NotFound
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes.ledger import AlreadyReversed
from app.envelopes.rules import Instrument
from app.envelopes.schemas import Reversal


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


ADVANCE = AwardKind(
    Instrument.ADVANCE, Advance, ADVANCES, "advance", "disbursed_cents", _status_of, reduction.claim_back,
    reduction.give_up_claim,
)  # fmt: skip
KINDS[ADVANCE.resource] = ADVANCE
