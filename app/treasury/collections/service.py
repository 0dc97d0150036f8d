"""Writes of collection runs: made, handed over, cancelled; and what the bank collects or sends back, line by line.

Lock order (docs/locking.md): the account, the advances by their ids, the run and its lines, then the receipt; what
settles an advance comes after. Of two runs the second finds no instalment that the first has taken.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from app.access.duties import DECIDES_RECEIVES
from app.access.rules import accountable
from app.advances import account as accounts
from app.advances.models import Advance
from app.advances.receipts import service as receipts
from app.advances.receipts.rules import ReceiptMethod
from app.core import clock
from app.core.installation import keyed_digest
from app.core.problems import NotFound
from app.core.validation import refuse_future, refuse_past
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails, FirmIban
from app.firms.bank_details.rules import held
from app.treasury.collections import rules, schemas
from app.treasury.collections.models import CollectionRun, CollectionRunLine
from app.treasury.collections.queries import COLLECTED, COLLECTION, COLLECTIONS, DEBITS, LINE_VERSION
from app.treasury.collections.rules import CollectionRunAction, CollectionRunStatus, DebitOutcome
from app.treasury.mandates.models import Mandate
from app.treasury.mandates.queries import USABLE
from app.treasury.runs import pain
from app.treasury.runs.service import Handed, hold_account, own_account

_r, _l, _m = CollectionRun, CollectionRunLine, Mandate


async def make(write: Write, territory: str, body: schemas.CollectionRunCreate) -> list[Change]:
    """Take the instalments that are due and not paid into one file.

    Raises `reference-not-found`, `bank-account-unusable`, `creditor-identifier-missing`, `nothing-to-collect` (409),
    `decider-receives` (403).
    """
    refuse_past({"/collection_on": body.collection_on})
    session = write.session
    account, organisation, iban = await own_account(write, body.account_id, body.collection_on)
    if account.creditor_identifier is None:
        raise rules.CreditorIdentifierMissing
    due = await _due(write, territory, account.organisation_id, body)
    if not due:
        raise rules.NothingToCollect
    made_by = DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by for advance, *_ in due])
    run_id, *line_ids = await session.scalars(select(func.uuidv7()).select_from(func.generate_series(0, len(due))))
    lines = [
        CollectionRunLine(
            id=id_, territory=territory, run_id=run_id, position=position, advance_id=advance.id, due_on=due_on,
            mandate_id=mandate_id, amount_cents=cents, text=f"{advance.decision_reference} {due_on}",
        )
        for position, (id_, (advance, mandate_id, due_on, cents)) in enumerate(zip(line_ids, due, strict=True), 1)
    ]  # fmt: skip
    payers = await _payers(write, lines)
    asked = pain.Initiation(run_id.hex, write.now, body.collection_on, organisation.name, iban)
    debits = [_debit(line, *payers[line.mandate_id]) for line in lines]
    file = await asyncio.to_thread(_checked, asked, account.creditor_identifier, debits)
    session.add(
        CollectionRun(
            id=run_id, territory=territory, debits=len(due), total_cents=sum(each.amount_cents for each in debits),
            format=pain.DEBIT_FORMAT, creditor_name=organisation.name, creditor_identifier=account.creditor_identifier,
            file_hmac=await keyed_digest(session, file), size_bytes=len(file), made_by=made_by, created_at=write.now,
            updated_at=write.now, **body.model_dump(),
        )
    )  # fmt: skip
    await session.flush()
    session.add_all(lines)
    await session.flush()
    return [_of_run("created", territory, run_id)]


Due = tuple[Advance, UUID, date, int]  # of which advance, by which mandate, due on, cents


async def _due(write: Write, territory: str, organisation_id: UUID, body: schemas.CollectionRunCreate) -> Sequence[Due]:
    """What is left of the instalments due by the day, of advances that are locked, but for what waits for the bank."""
    a = Advance
    mine = select(a.id, _m.id).join(_m, (_m.territory == a.territory) & (_m.siren == a.siren)).join(
        BankDetails, BankDetails.id == _m.bank_details_id
    ).where(
        a.territory == territory, a.funder_id == organisation_id, a.disbursed_cents > 0, a.settled_as.is_(None),
        a.in_proceedings_on.is_(None), a.written_off_on.is_(None), _m.organisation_id == organisation_id, USABLE,
    ).order_by(a.id)  # fmt: skip
    mandates = dict((await write.session.execute(mine)).all())
    advances = [await accounts.hold(write, territory, advance_id) for advance_id in mandates]
    waiting = select(_l.advance_id, _l.due_on).where(
        _l.territory == territory, _l.ended_as.is_(None), _l.receipt_id.is_(None)
    )
    sent = {(advance_id, due_on) for advance_id, due_on in await write.session.execute(waiting)}
    on = max(body.due_to_on, clock.today())
    due: list[Due] = []
    for advance in advances:
        position = await accounts.stands(write, advance, on)
        left: dict[date, int] = {}
        for state in position.lines:
            if not state.line.kept and state.line.due_on <= body.due_to_on and state.left_cents:
                left[state.line.due_on] = left.get(state.line.due_on, 0) + state.left_cents
        due += [
            (advance, mandates[advance.id], due_on, cents)
            for due_on, cents in left.items()
            if (advance.id, due_on) not in sent
        ]
    return sorted(due, key=lambda each: (each[2], each[0].id))[: rules.MOST]


async def _payers(write: Write, lines: Sequence[CollectionRunLine]) -> dict[UUID, tuple[str, str, str, date]]:
    """The holder and the number that each mandate is for, its reference and its day."""
    rows = (
        select(_m.id, BankDetails.holder_name, FirmIban.iban, BankDetails.iban_masked, _m.reference, _m.signed_on)
        .join(BankDetails, BankDetails.id == _m.bank_details_id)
        .outerjoin(FirmIban, FirmIban.id == BankDetails.iban_id)
        .where(_m.id.in_({line.mandate_id for line in lines}))
    )
    found = await write.session.execute(rows)
    return {id_: (name, held(iban, masked), reference, on) for id_, name, iban, masked, reference, on in found}


def _debit(line: CollectionRunLine, name: str, iban: str, mandate: str, signed_on: date) -> pain.Debit:
    return pain.Debit(line.id.hex, line.amount_cents, name, iban, line.text, mandate, signed_on)


def _checked(asked: pain.Initiation, creditor_identifier: str, debits: Sequence[pain.Debit]) -> bytes:
    """The file, held against the schema of its format: some work for a thread."""
    file = pain.direct_debits(asked, creditor_identifier, debits)
    pain.check(file, pain.DEBIT_FORMAT)
    return file


# --- the file ---------------------------------------------------------------------------------------------------------


async def hand_over(write: Write, territory: str, run_id: UUID) -> tuple[Change, Handed]:
    """The file of a run, written again from its rows, and the event of its reading.

    The first reading hands it over. Raises `NotFound`, `collection-run-transition` for a cancelled run, and
    `collection-run-outdated` (409).
    """
    session = write.session
    reader = accountable(write.actor)
    mine = (_r.id == run_id, _r.territory == territory)
    await hold_account(write, select(_r.account_id).where(*mine))
    run = await write.lock(CollectionRun, *mine)
    handed_over = rules.next_status(CollectionRunAction.HAND_OVER, CollectionRunStatus(run.status))
    if run.status != handed_over:
        held = select(_m.id).where(_m.id.in_(select(_l.mandate_id).where(_l.run_id == run_id))).order_by(_m.id)
        (await session.scalars(held.with_for_update(read=True))).all()
        run.status, run.handed_over_by, run.handed_over_at = handed_over, reader, write.now
        await session.flush()
    handed = await Handed.of(session, "collection run", run, await _written(write, run_id))
    return _of_run("file_read", territory, run_id), handed


async def _written(write: Write, run_id: UUID) -> bytes:
    """The file of a run, from its rows alone."""
    [order] = await write.session.execute(COLLECTION.where(_r.id == run_id))
    rows = (await write.session.execute(COLLECTED.where(_l.run_id == run_id))).all()
    creditor = held(order.iban, order.iban_masked)
    asked = pain.Initiation(run_id.hex, order.created_at, order.collection_on, order.creditor_name, creditor)
    debits = [
        pain.Debit(id_.hex, cents, name, held(iban, masked), text, mandate, signed_on)
        for id_, cents, name, iban, masked, text, mandate, signed_on in rows
    ]
    return await asyncio.to_thread(pain.direct_debits, asked, order.creditor_identifier, debits)


async def cancel(write: Write, territory: str, run_id: UUID, body: schemas.CollectionRunCancellation) -> Change:
    """Cancel a run whose file nobody has read. Raises `collection-run-transition` (409)."""
    run = await write.lock(CollectionRun, _r.id == run_id, _r.territory == territory)
    write.expect(run.version, required=True)
    run.status = rules.next_status(CollectionRunAction.CANCEL, CollectionRunStatus(run.status))
    run.cancelled_by, run.cancelled_at, run.reason = accountable(write.actor), write.now, body.reason
    ended = update(_l).where(_l.run_id == run_id, _l.ended_as.is_(None)).values(ended_as=DebitOutcome.CANCELLED)
    await write.session.execute(ended)
    await write.session.flush()
    return _of_run("cancelled", territory, run_id)


# --- what the bank makes of a line ------------------------------------------------------------------------------------


async def record(write: Write, territory: str, run_id: UUID, line_id: UUID, body: schemas.DebitReceipt) -> list[Change]:
    """Record that a line came in: a receipt that repays its advance. Raises what `collect` raises."""
    refuse_future({"/received_on": body.received_on, "/value_on": body.value_on})
    advance, run, line = await _hold(write, territory, run_id, line_id)
    said = await said_of(write, line, body.reference, body.received_on, body.value_on or body.received_on)
    changes = await collect(write, advance, run, line, said)
    return [_of_line(line), *changes]


async def said_of(
    write: Write, line: CollectionRunLine, reference: str, received_on: date, value_on: date
) -> receipts.Said:
    """What the bank says of a line that came in."""
    rows = select(_r.account_id, BankDetails.holder_name, _m.siren).select_from(_r).join(_m, _m.id == line.mandate_id)
    [(account_id, name, siren)] = await write.session.execute(
        rows.join(BankDetails, BankDetails.id == _m.bank_details_id).where(_r.id == line.run_id)
    )
    return receipts.Said(
        reference, received_on, value_on, line.amount_cents, account_id, ReceiptMethod.DIRECT_DEBIT, name, siren
    )


async def collect(
    write: Write, advance: Advance, run: CollectionRun, line: CollectionRunLine, said: receipts.Said,
    later: list[accounts.Post] | None = None,
) -> list[Change]:  # fmt: skip
    """A receipt of a line, assigned to its advance, which is locked.

    Raises `debit-over` (409), `decider-receives` (403), and what `receipts.repay` raises.
    """
    _refuse_over(run, line)
    DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
    [receipt] = await receipts.enter_all(write, line.territory, [said])
    line.receipt_id = receipt.id
    await write.session.flush()
    changes = await receipts.repay(write, receipt, {advance.id: (advance, receipt.amount_cents)}, later)
    return [receipts.of_receipt("created", receipt), *changes]


async def send_back(
    write: Write, territory: str, run_id: UUID, line_id: UUID, body: schemas.DebitReturn
) -> list[Change]:
    """Record that the bank sent a line back: its receipt bounces, or it never came in. Raises as `give_back`."""
    refuse_future({"/returned_on": body.returned_on})
    advance, run, line = await _hold(write, territory, run_id, line_id)
    changes = await give_back(write, advance, run, line, body.returned_on, body.reason_code, body.bank_reference)
    return [_of_line(line), *changes]


async def give_back(
    write: Write, advance: Advance, run: CollectionRun, line: CollectionRunLine, on: date, reason: str,
    bank_reference: str,
) -> list[Change]:  # fmt: skip
    """The bank sent a line back, or never collected it: its advance, which is locked, owes it.

    Raises `debit-over` (409), `decider-receives` (403), and what `receipts.bounce` raises.
    """
    if line.receipt_id is not None:
        held = await receipts.hold(write, line.territory, line.receipt_id)
        return await receipts.bounce(write, held, on, reason, bank_reference)
    _refuse_over(run, line)
    DECIDES_RECEIVES.separate(write.actor, [advance.awarded_by])
    line.ended_as, line.rejected_on, line.rejection_reason = DebitOutcome.REJECTED, on, reason
    await write.session.flush()
    return [Change("collection_run.debit_rejected", COLLECTIONS, [run.id], {"territory": line.territory})]


def _refuse_over(run: CollectionRun, line: CollectionRunLine) -> None:
    if run.status != CollectionRunStatus.HANDED_OVER or line.ended_as is not None or line.receipt_id is not None:
        current = line.ended_as or (DebitOutcome.COLLECTED if line.receipt_id else DebitOutcome.SENT)
        raise rules.DebitOver(current=current, run_status=run.status)


async def _hold(
    write: Write, territory: str, run_id: UUID, line_id: UUID
) -> tuple[Advance, CollectionRun, CollectionRunLine]:
    """A line at the version that the caller has seen, its run and its advance, locked: advance, run, line."""
    mine: tuple[Any, ...] = (_l.id == line_id, _l.run_id == run_id, _l.territory == territory)
    advance_id = await write.session.scalar(select(_l.advance_id).where(*mine))
    if advance_id is None:
        raise NotFound
    advance = await accounts.hold(write, territory, advance_id)
    run = await write.lock(CollectionRun, _r.id == run_id)
    line = await write.lock(CollectionRunLine, *mine)
    write.expect(await write.session.scalar(LINE_VERSION.where(*mine)), required=True)
    return advance, run, line


def _of_run(told: str, territory: str, run_id: UUID) -> Change:
    return Change(f"collection_run.{told}", COLLECTIONS, [run_id], {"territory": territory})


def _of_line(line: CollectionRunLine) -> Change:
    """The line as it is answered; the events are those of its receipt, or of its run."""
    return Change("", DEBITS, [line.id], {"territory": line.territory, "collection_run_id": line.run_id})
