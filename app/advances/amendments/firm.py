"""Writes of what the firm says: an early repayment that it announces, and its turnover of a year."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.access.duties import DECIDES_RECEIVES
from app.access.rules import accountable
from app.advances import account
from app.advances.amendments import rules, schemas
from app.advances.amendments.models import AnnouncedRepayment, Turnover
from app.advances.amendments.queries import EARLY_REPAYMENTS, TURNOVERS
from app.advances.amendments.rules import AnnouncedStatus
from app.advances.models import Advance, Repayment, RepaymentStatus
from app.advances.queries import REPAYMENTS
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound
from app.core.writing.writes import Change, Write
from app.envelopes.ledger import AlreadyReversed
from app.envelopes.rules import ActStatus
from app.envelopes.schemas import Reversal


async def announce(write: Write, territory: str, advance_id: UUID, body: schemas.EarlyRepaymentCreate) -> list[Change]:
    """Record an early repayment that the firm announces.

    Raises `nothing-outstanding`, `already-written-off` (409), `email-missing` (403).
    """
    advance = await _open(write, territory, advance_id)
    announced = AnnouncedRepayment(
        territory=territory, advance_id=advance.id, announced_by=accountable(write.actor), **body.model_dump()
    )
    write.session.add(announced)
    await write.session.flush()
    return [_of_early("announced", announced)]


async def receive(
    write: Write, territory: str, advance_id: UUID, announced_id: UUID, body: schemas.EarlyRepaymentReceipt
) -> list[Change]:
    """Name the repayment that an announced one came in as: it changes the lines ahead as was chosen.

    Raises `early-repayment-transition`, `already-exists` (409), `reference-not-found` (404), `decider-receives` (403).
    """
    advance = await account.hold(write, territory, advance_id)
    DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
    announced = await _locked(write, advance, announced_id)
    r = Repayment
    named = select(r).where(r.id == body.repayment_id, r.advance_id == advance.id, r.status == RepaymentStatus.RECORDED)
    repayment = await write.session.scalar(named.with_for_update())
    if repayment is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/repayment_id")])
    announced.status, announced.repayment_id = AnnouncedStatus.RECEIVED, repayment.id
    repayment.choice = announced.choice
    await write.session.flush()
    settled = await account.settle(write, advance, own=repayment)
    bound = {"territory": territory, "advance_id": advance.id}
    return [
        _of_early("received", announced), Change("advance_repayment.updated", REPAYMENTS, [repayment.id], bound),
        *settled,
    ]  # fmt: skip


async def withdraw(
    write: Write, territory: str, advance_id: UUID, announced_id: UUID, body: schemas.AmendmentEnd
) -> list[Change]:
    """Withdraw an early repayment that was announced. Raises `early-repayment-transition` (409), `email-missing`."""
    accountable(write.actor)
    advance = await account.hold(write, territory, advance_id)
    announced = await _locked(write, advance, announced_id)
    announced.status, announced.end_reason = AnnouncedStatus.WITHDRAWN, body.reason
    await write.session.flush()
    return [_of_early("withdrawn", announced)]


async def declare(write: Write, territory: str, advance_id: UUID, body: schemas.TurnoverCreate) -> list[Change]:
    """Record the turnover of a year: its success fee falls due.

    Raises `no-success-fee`, `already-written-off`, `already-exists` (409), `email-missing` (403).
    """
    advance = await account.hold(write, territory, advance_id)
    if advance.written_off_on is not None:
        raise rules.AlreadyWrittenOff(written_off_on=advance.written_off_on)
    fee = (await account.known(write, advance)).terms.success_fee
    if fee is None:
        raise rules.NoSuccessFee
    t = Turnover
    charged = select(func.coalesce(func.sum(t.amount_cents), 0)).where(
        t.advance_id == advance.id, t.status == ActStatus.RECORDED
    )
    most = (advance.amount_cents - advance.released_cents) * fee.cap_bp // 10_000
    counts = fee.last_year is None or body.year <= fee.last_year
    cents = rules.success_fee(
        body.turnover_cents if counts else 0, fee.rate_bp, most, int(await write.session.scalar(charged) or 0)
    )
    turnover = Turnover(
        territory=territory, advance_id=advance.id, amount_cents=cents, declared_by=accountable(write.actor),
        **body.model_dump(),
    )  # fmt: skip
    write.session.add(turnover)
    await write.session.flush()
    return [_of_turnover("declared", turnover), *await account.settle(write, advance)]


async def reverse(write: Write, territory: str, advance_id: UUID, turnover_id: UUID, body: Reversal) -> list[Change]:
    """Take back a turnover that was declared by mistake: what was paid of its fee pays what else is due.

    Raises `already-reversed` (409), `email-missing` (403).
    """
    accountable(write.actor)
    advance = await account.hold(write, territory, advance_id)
    turnover = await write.lock(Turnover, Turnover.id == turnover_id, Turnover.advance_id == advance.id)
    write.expect(turnover.version, required=True)
    if turnover.status == ActStatus.REVERSED:
        raise AlreadyReversed
    turnover.status, turnover.reason = ActStatus.REVERSED, body.reason
    await write.session.flush()
    return [_of_turnover("reversed", turnover), *await account.settle(write, advance)]


async def _open(write: Write, territory: str, advance_id: UUID) -> Advance:
    advance = await account.hold(write, territory, advance_id)
    if advance.written_off_on is not None:
        raise rules.AlreadyWrittenOff(written_off_on=advance.written_off_on)
    if not advance.outstanding_cents:
        raise rules.NothingOutstanding
    return advance


async def _locked(write: Write, advance: Advance, announced_id: UUID) -> AnnouncedRepayment:
    e = AnnouncedRepayment
    announced = await write.lock(e, e.id == announced_id, e.advance_id == advance.id)
    write.expect(announced.version, required=True)
    if announced.status != AnnouncedStatus.ANNOUNCED:
        raise rules.EarlyRepaymentTransition(current=announced.status)
    return announced


def _bound(row: Any) -> dict[str, object]:
    return {"territory": row.territory, "advance_id": row.advance_id}


def _of_early(told: str, announced: AnnouncedRepayment) -> Change:
    return Change(f"early_repayment.{told}", EARLY_REPAYMENTS, [announced.id], _bound(announced))


def _of_turnover(told: str, turnover: Turnover) -> Change:
    return Change(f"turnover.{told}", TURNOVERS, [turnover.id], _bound(turnover))
