"""The closing of an aid: its final amounts, what returns to the envelope, and the recovery of what was paid too much.

A recorded balance closes the aid by the same act. An award that is held by its amount alone has no final amount: it
ends with its balance, or with a release.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.access.rules import person
from app.awards import aids
from app.awards import service as awards
from app.awards.aids import Held
from app.awards.change_requests.models import ChangeRequest
from app.awards.commitments import service as commitments
from app.awards.final import FinalAmounts, Settlement, final_amounts, settle
from app.awards.kinds import AwardKind, in_lock_order
from app.awards.models import AidAct, AwardStatus, Ending
from app.awards.payments import in_flight
from app.awards.rules import (
    OVER,
    AwardEnded,
    BeforeCompletion,
    ClaimsOpen,
    ClosingWithoutBase,
    NotCompleted,
    PaymentsInFlight,
)
from app.awards.schemas import AidClosing
from app.core import clock
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.service import shortfall_changes


async def close(write: Write, kind: AwardKind, territory: str, award_id: UUID, body: AidClosing) -> list[Change]:
    """Settle an aid at its final amounts. What is due of them can still be paid; proposed payments are cancelled.

    Raises `award-ended`, `closing-without-base`, `not-completed`, `claims-open`, `payments-in-flight`,
    `before-completion` (409), `person-required` (403).
    """
    held = await aids.hold(write, territory, award_id, kind)
    write.expect(held.award.version, required=True)
    person(write.actor)
    if held.award.status in OVER or held.aid.closed_on is not None:
        raise AwardEnded(current=held.award.ended_as or held.award.status)
    if held.aid.base_cents is None:
        raise ClosingWithoutBase
    if held.aid.completed_on is None:
        raise NotCompleted
    if held.aid.open_claims:
        raise ClaimsOpen(open_claims=held.aid.open_claims)
    on = body.closed_on or clock.today()
    refuse_future({"/closed_on": on})
    if on < held.aid.completed_on:
        raise BeforeCompletion(completed_on=held.aid.completed_on)
    dropped = []
    for each, award in held.awards():
        if await in_flight.is_bound(write, each, award):
            raise PaymentsInFlight
        dropped += await in_flight.cancel_proposed(write, each, award, body.reason)
    changes = await _settle(write, held, on, None, body.reason, body.document_sha256)
    return [*changes, *dropped]


async def close_by_balance(
    write: Write, held: Held, payment_id: UUID, on: date, post: Callable[[], Awaitable[None]]
) -> list[Change]:
    """Settle an aid by the balance that is being recorded: what it leaves of the grant returns with it.

    The grant's row counts the payment already; `post` lets the ledger count it, once the accounts may be locked.
    """
    return await _settle(write, held, on, payment_id, None, None, post)


def can_be_closed(aid: Any) -> bool:
    """Whether the final amounts of an aid are known (it is completed, all claims are settled), and not settled yet."""
    return aid.base_cents is not None and aid.completed_on is not None and not aid.open_claims and aid.closed_on is None


async def reopen(write: Write, held: Held, payment_id: UUID, reason: str) -> list[Change]:
    """Take back the closing that a balance did, as the balance is taken back: nothing where it closed nothing.

    The recovery that it opened is withdrawn, what it gave back is committed again. Raises `recovery-received`, and
    `envelope-exhausted` (409) where what it gave back has been awarded since.
    """
    if held.aid.closing_payment_id != payment_id:
        return []
    changes: list[Change] = []
    closed = [*held.awards(), *await _ended_unpaid(write, held)]
    for kind, award in closed:
        award.released_cents -= await ledger.released_by(write, payment_id, award.id)
        award.final_cents = None
        if award.ended_as == Ending.CLOSED:
            award.ended_as = award.ended_on = None
        award.status = kind.status_of(award)
    held.aid.closed_on = held.aid.closing_payment_id = None
    held.record(write, AidAct.REOPEN, clock.today(), reason=reason)
    await write.session.flush()
    for kind, award in held.awards():
        changes += await kind.give_up_claim(write, award, reason)
    for _, award in closed:
        changes += await awards.follow(write, award, None, reason)
    filled = await ledger.reverse(write, held.aid.territory, Act.RELEASE, payment_id)
    told = [kind.change("reopened", award) for kind, award in closed]
    return [*told, *changes, *await shortfall_changes(write, held.aid.territory, filled)]


async def _ended_unpaid(write: Write, held: Held) -> list[tuple[AwardKind, Any]]:
    """The awards of an aid that its closing gave back whole, so that they stand no more."""
    found: list[tuple[AwardKind, Any]] = []
    for kind in in_lock_order():
        a = kind.table
        ended = select(a).where(
            a.aid_id == held.aid.id, a.ended_as == Ending.CLOSED, a.status == AwardStatus.CANCELLED
        )  # fmt: skip
        rows = await write.session.scalars(ended.order_by(a.id).with_for_update(key_share=True))
        found += [(kind, award) for award in rows]
    return found


async def final_of(write: Write, held: Held) -> FinalAmounts:
    """The final amounts of the awards of an aid, by what is certified and by the public aid that was declared.

    An award is what its amendments made of it. What is closed has the final amounts that it was closed at.
    """
    aid, grant, advance = held.aid, held.grant, held.advance
    assert aid.base_cents is not None  # an aid without a base has no final amounts
    if aid.closed_on is not None:
        return FinalAmounts(*(award.final_cents or 0 if award is not None else 0 for award in (grant, advance)))
    c = ChangeRequest
    of_award = func.coalesce(c.grant_id, c.advance_id)
    lowered = select(of_award, func.sum(c.lowered_cents)).where(c.aid_id == aid.id).group_by(of_award)
    taken_off = dict((await write.session.execute(lowered)).all())

    def amended(award: Any | None) -> int:
        return award.amount_cents - int(taken_off.get(award.id, 0)) if award is not None else 0

    return final_amounts(
        grant_cents=amended(grant),
        advance_cents=amended(advance),
        base_cents=aid.base_cents,
        certified_cents=aid.certified_cents,
        other_aid_cents=sum(each["amount_cents"] for each in aid.public_aid or []),
    )


async def _settle(
    write: Write, held: Held, on: date, payment_id: UUID | None, reason: str | None, document_sha256: str | None,
    post: Callable[[], Awaitable[None]] | None = None,
) -> list[Change]:  # fmt: skip
    """Give back what is above the final amounts, claim back what was paid above them, and write the closing down."""
    final = await final_of(write, held)
    done: list[tuple[AwardKind, Any, Settlement]] = []
    overpaid: list[Change] = []
    for kind, award in held.awards():
        is_grant = kind.instrument is Instrument.GRANT
        award.final_cents = final.grant_cents if is_grant else final.advance_cents
        settled = settle(
            award_cents=award.amount_cents,
            released_cents=award.released_cents,
            paid_cents=getattr(award, kind.paid),
            claimed_back_cents=award.claimed_back_cents if is_grant else 0,
            final_cents=award.final_cents,
            last=is_grant and payment_id is not None,
        )
        award.released_cents += settled.released_cents
        award.status = kind.status_of(award)
        if not settled.due_cents and award.ended_as is None:  # one that was terminated has ended already
            award.ended_as, award.ended_on = Ending.CLOSED, on
            award.reason = reason
        done.append((kind, award, settled))
    held.aid.closed_on, held.aid.closing_payment_id = on, payment_id
    held.record(write, AidAct.CLOSE, on, reason=reason, document_sha256=document_sha256)
    await write.session.flush()
    for kind, award, settled in done:
        if settled.overpaid_cents:
            day = max(on, await ledger.last_paid_on(write, award.id) or on)
            overpaid += await kind.claim_back(write, award, settled.overpaid_cents, day)
    promised = await commitments.promise(write, held)
    followed: list[Change] = []
    for _, award, settled in done:
        if settled.released_cents or award.status == AwardStatus.CLOSED:
            followed += await awards.follow(write, award, on, reason)
    if post is not None:
        await post()
    filled: set[UUID] = set()
    for kind, award, settled in done:
        if settled.released_cents:
            cause = Cause(Act.RELEASE, payment_id or award.id, on, award.id)
            territory = held.aid.territory
            filled |= set(await ledger.release(write, territory, kind.instrument, cause, settled.released_cents))
    told = [kind.change("closed", award) for kind, award, _ in done]
    return [
        *told, *overpaid, *promised, *followed,
        *await shortfall_changes(write, held.aid.territory, sorted(filled)),
    ]  # fmt: skip
