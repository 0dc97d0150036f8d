"""What is the advances' own of their tranches: conditions of the agreement, and what a tranche does to the account.

How a tranche passes from act to act is in `app.awards.payments.service`.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import func, select

from app.advances import account, schedule, schemas
from app.advances.models import Advance, Repayment, RepaymentStatus
from app.advances.rules import RepaymentExceedsOutstanding
from app.advances.service import ADVANCE
from app.advances.tranches import rules
from app.advances.tranches.models import Tranche
from app.advances.tranches.queries import ALL_TRANCHES, KNOWN
from app.advances.tranches.rules import TrancheFacts
from app.awards.aids import Held
from app.awards.overrides.rules import LiftedAct
from app.awards.payments import kinds
from app.awards.payments.kinds import Payments, Tried
from app.core.problems import Problem
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act, Instrument


def _unmet(tried: Tried) -> Iterable[Problem]:
    """The conditions that a tranche breaks."""
    advance, aid, tranche = _advance(tried.held), tried.held.aid, tried.payment
    terms = schemas.AwardedTerms.model_validate(advance.terms_in_force)
    number = tried.known["tranches_before"] + 1
    condition = terms.tranches[number - 1] if number <= len(terms.tranches) else schemas.TrancheCondition()
    on = tried.facts.on
    if tried.requested and tranche.planned_on is not None:
        on = max(on, tranche.planned_on)
    stops = [day for day in (advance.accelerated_on, advance.written_off_on) if day is not None]
    facts = TrancheFacts(
        number=number,
        cents=tranche.amount_cents,
        on=on,
        last_due_on=tried.known["last_due_on"] or schedule.due_dates(terms.plan())[-1],
        available_until_on=terms.available_until_on,
        not_payable_since_on=min(stops, default=None),
        document=condition.document,
        handed_in=tranche.document_sha256 is not None,
        certified_bp=condition.certified_bp,
        certified_cents=aid.certified_cents,
        base_cents=aid.base_cents or 0,
        paid_cents=advance.disbursed_cents,
        in_flight_cents=tried.in_flight_cents,
        final_cents=tried.final_cents,
    )
    return rules.unmet(tried.facts, facts, papers=tried.parameters is not None)


async def _count(write: Write, held: Held, tranche: Tranche, paid_on: date, act: str) -> list[Change]:
    """Let the ledger and the account count a tranche: it makes a version of the schedule."""
    advance = _advance(held)
    advance.disbursed_cents += tranche.amount_cents
    await write.session.flush()
    cause = Cause(Act.TRANCHE, tranche.id, paid_on, advance.id)
    await account.hold_receipts(write, [advance.id])  # they are locked before the ledger's accounts
    await ledger.pay(write, advance.territory, Instrument.ADVANCE, tranche.amount_cents, cause)
    settled = await account.settle(write, advance, "paid")
    exceeded = [ADVANCE.change("ceiling_exceeded", advance)] if tranche.exceeds else []
    return [*ADVANCE_TRANCHES.told(act, [tranche]), *settled, *exceeded]


async def _uncount(write: Write, held: Held, tranche: Tranche, _reason: str) -> list[Change]:
    """Let neither count a tranche any more: what it paid is committed again.

    Raises `repayment-exceeds-outstanding` (409) where it has been repaid since: a repayment would be overpaid.
    """
    advance = _advance(held)
    r = Repayment
    overpaid = select(func.coalesce(func.sum(r.overpaid_cents - r.refunded_cents), 0)).where(
        r.advance_id == advance.id, r.status == RepaymentStatus.RECORDED
    )
    before_cents = await write.session.scalar(overpaid) or 0
    if (await account.stands(write, advance)).overpaid_cents > before_cents:
        raise RepaymentExceedsOutstanding.of_a_tranche(advance.outstanding_cents)
    settled = await account.settle(write, advance)  # with what was waived and written off of it
    await ledger.reverse(write, advance.territory, Act.TRANCHE, tranche.id)
    return [*ADVANCE_TRANCHES.told("reversed", [tranche]), *settled]


def _advance(held: Held) -> Advance:
    advance = held.award
    assert isinstance(advance, Advance)  # what was asked for is an advance
    return advance


ADVANCE_TRANCHES = Payments(
    kind=ADVANCE,
    table=Tranche,
    listing=ALL_TRANCHES,
    resource="advance_tranche",
    noun="tranche",
    lifted=LiftedAct.ADVANCE_TRANCHE,
    exceed=rules.TranchesExceedAward,
    known=KNOWN,
    unmet=_unmet,
    count=_count,
    uncount=_uncount,
)
kinds.PAYMENTS[ADVANCE.resource] = ADVANCE_TRANCHES
