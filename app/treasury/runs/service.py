"""Writes of payment runs: made, handed over, cancelled; and what the bank rejects, line by line.

Lock order (docs/locking.md): the account that is paid from, the bank details that are paid to, the payments, then the
run and its lines. A run holds its payments from the moment it takes them: of two runs the second finds none of them.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.duties import DECIDES_PAYS
from app.access.models import Organisation
from app.access.rules import accountable
from app.advances.tranches.models import Tranche
from app.awards.payments import service as payments
from app.awards.payments.kinds import Payments, in_lock_order
from app.awards.payments.schemas import PaymentRejection
from app.awards.payments.service import PaymentPlace
from app.core import clock
from app.core.installation import keyed_digest
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, ReferenceNotFound
from app.core.validation import refuse_past
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails, FirmIban
from app.firms.bank_details.rules import BankDetailsStatus, held
from app.grants.payments.models import GrantPayment
from app.treasury.accounts.models import BankAccount
from app.treasury.runs import pain, rules, schemas
from app.treasury.runs.models import PaymentRun, PaymentRunLine
from app.treasury.runs.queries import LINES, ORDER, RUNS, TRANSFERS
from app.treasury.runs.rules import LineOutcome, PaymentRunAction, PaymentRunStatus

_r, _l = PaymentRun, PaymentRunLine
_LINKS = {"grant_payment": "payment_id", "advance_tranche": "tranche_id"}  # how a line names what it sends


async def make(write: Write, territory: str, body: schemas.PaymentRunCreate) -> list[Change]:
    """Take the approved payments up to the cut-off into one file, and mark them sent.

    Raises `reference-not-found`, `bank-account-unusable`, `iban-not-held`, `nothing-to-send`,
    `payment-run-already-made` (409), `decider-pays` (403).
    """
    refuse_past({"/execution_on": body.execution_on})
    session = write.session
    account, organisation, iban = await own_account(write, body.account_id, body.execution_on)
    due = await payments.hold_to_send(
        write, territory, body.cut_off_on, funder_id=account.organisation_id, most=rules.MOST
    )
    if not due:
        raise rules.NothingToSend
    made_by = DECIDES_PAYS.separate(write.actor, [payment.awarded_by for _, payment in due])
    told = await payments.mark_sent(write, due, clock.today())
    payees = await _payees(session, due)
    texts = await _texts(session, due)
    run_id, *line_ids = await session.scalars(select(func.uuidv7()).select_from(func.generate_series(0, len(due))))
    asked = pain.Initiation(run_id.hex, write.now, body.execution_on, organisation.name, iban)
    transfers = [
        pain.Transfer(id_.hex, payment.transfer_cents, *payees[payment.bank_details_id], texts[payment.id])
        for id_, (_, payment) in zip(line_ids, due, strict=True)
    ]
    file = await asyncio.to_thread(_checked, asked, transfers)
    session.add(
        PaymentRun(
            id=run_id, territory=territory, payments=len(due), total_cents=sum(each.amount_cents for each in transfers),
            format=pain.FORMAT, payer_name=organisation.name, file_hmac=await keyed_digest(session, file),
            size_bytes=len(file), made_by=made_by, created_at=write.now, updated_at=write.now, **body.model_dump(),
        )
    )  # fmt: skip
    await session.flush()
    session.add_all(
        PaymentRunLine(
            id=id_, territory=territory, run_id=run_id, position=position, **{_LINKS[of.resource]: payment.id},
            bank_details_id=payment.bank_details_id, amount_cents=transfer.amount_cents, text=transfer.text,
        )
        for position, (id_, (of, payment), transfer) in enumerate(zip(line_ids, due, transfers, strict=True), 1)
    )  # fmt: skip
    await session.flush()
    return [Change("payment_run.created", RUNS, [run_id], {"territory": territory}), *told]


def _checked(asked: pain.Initiation, transfers: Sequence[pain.Transfer]) -> bytes:
    """The file, held against the schema of its format: some work for a thread."""
    file = pain.credit_transfers(asked, transfers)
    pain.check(file)
    return file


async def own_account(write: Write, account_id: UUID, on: date) -> tuple[BankAccount, Organisation, str]:
    """The account that a run is made for, which stays approved until COMMIT, its organisation and its number.

    It is an account of the caller's organisation. Raises `reference-not-found`, `bank-account-unusable`,
    `iban-not-held` (409).
    """
    a = BankAccount
    mine = (a.id == account_id, a.organisation_id == write.actor.organisation_id)
    account = await write.session.scalar(select(a).where(*mine).with_for_update(read=True))
    if account is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/account_id")])
    if account.status != BankDetailsStatus.APPROVED or on < account.from_on:
        raise rules.BankAccountUnusable(account_status=account.status, from_on=account.from_on)
    organisation = await write.session.get_one(Organisation, account.organisation_id)
    iban = await write.session.scalar(select(FirmIban.iban).where(FirmIban.id == account.iban_id))
    return account, organisation, held(iban, account.iban_masked)


async def _payees(session: AsyncSession, due: payments.Mixed) -> dict[UUID | None, tuple[str, str]]:
    """The holder and the number of each of the bank details that are paid to. Raises `iban-not-held` (409)."""
    b = BankDetails
    rows = select(b.id, b.holder_name, FirmIban.iban, b.iban_masked).outerjoin(FirmIban, FirmIban.id == b.iban_id)
    found = await session.execute(rows.where(b.id.in_({payment.bank_details_id for _, payment in due})))
    return {id_: (holder_name, held(iban, masked)) for id_, holder_name, iban, masked in found}


async def _texts(session: AsyncSession, due: payments.Mixed) -> dict[UUID, str]:
    """What the firms read on their bank statement, by payment: the reference of the decision."""
    texts: dict[UUID, str] = {}
    for of in in_lock_order():
        p, award = of.table, of.kind.table
        rows = select(p.id, award.decision_reference).join(award, award.id == of.award_id)
        mine = [payment.id for each, payment in due if each is of]
        texts |= dict((await session.execute(rows.where(p.id.in_(mine)))).all())
    return texts


# --- the file ---------------------------------------------------------------------------------------------------------


class Handed(NamedTuple):
    """A file that is handed over: its run, its digest and its bytes."""

    run_id: UUID
    sha256: str
    content: bytes

    @classmethod
    async def of(cls, session: AsyncSession, noun: str, run: Any, content: bytes) -> "Handed":
        """The file of a run, written again, held against the one that was made: another is a fault of ours.

        Of a run that was brought in from another installation there is nothing to hold it against.
        """
        digest = hashlib.sha256(content).hexdigest()
        keyed = await keyed_digest(session, content)
        if (run.file_hmac or keyed) != keyed or (run.sha256 or digest) != digest:
            raise RuntimeError(f"the file of {noun} {run.id} is not the one that was made")
        return cls(run.id, digest, content)


async def hand_over(write: Write, territory: str, run_id: UUID) -> tuple[Change, Handed]:
    """The file of a run, written again from its rows, and the event of its reading.

    The first reading hands it over: from then on the run cannot be cancelled. Raises `NotFound`,
    `payment-run-transition` for a cancelled run, `iban-not-held`, and `payment-run-outdated` (409) where its day passed
    before it was handed over, or an account or a payment that it names has changed.
    """
    session = write.session
    reader = accountable(write.actor)
    mine = (_r.id == run_id, _r.territory == territory)
    await hold_account(write, select(_r.account_id).where(*mine))
    if await session.scalar(select(_r.status).where(*mine)) == PaymentRunStatus.READY:
        await _hold_what_is_paid(session, run_id)
    run = await write.lock(PaymentRun, *mine)
    handed_over = rules.next_status(PaymentRunAction.HAND_OVER, PaymentRunStatus(run.status))
    if run.status != handed_over:
        run.status, run.handed_over_by, run.handed_over_at = handed_over, reader, write.now
        await session.flush()
    handed = await Handed.of(session, "payment run", run, await _written(session, run_id))
    return Change("payment_run.file_read", RUNS, [run_id], {"territory": territory}), handed


async def hold_account(write: Write, account_id: Select[UUID]) -> None:
    """Hold the account of a run as it is until COMMIT. Raises `NotFound` where it is another organisation's."""
    accounts = select(BankAccount).where(BankAccount.id.in_(account_id))
    account = await write.session.scalar(accounts.with_for_update(read=True))
    if account is None or account.organisation_id != write.actor.organisation_id:
        raise NotFound


async def _hold_what_is_paid(session: AsyncSession, run_id: UUID) -> None:
    """Hold the bank details and the payments of a run as they are until COMMIT."""
    held = ((BankDetails, _l.bank_details_id), (GrantPayment, _l.payment_id), (Tranche, _l.tranche_id))
    for model, named in held:
        rows = select(model.id).where(model.id.in_(select(named).where(_l.run_id == run_id))).order_by(model.id)
        (await session.scalars(rows.with_for_update(read=True))).all()


async def _written(session: AsyncSession, run_id: UUID) -> bytes:
    """The file of a run, from its rows alone."""
    [order] = await session.execute(ORDER.where(_r.id == run_id))
    rows = (await session.execute(TRANSFERS.where(_l.run_id == run_id))).all()
    payer = held(order.iban, order.iban_masked)
    asked = pain.Initiation(run_id.hex, order.created_at, order.execution_on, order.payer_name, payer)
    transfers = [
        pain.Transfer(id_.hex, cents, name, held(iban, masked), text) for id_, cents, name, iban, masked, text in rows
    ]
    return await asyncio.to_thread(pain.credit_transfers, asked, transfers)


# --- what does not come to pass ---------------------------------------------------------------------------------------


async def cancel(write: Write, territory: str, run_id: UUID, body: schemas.PaymentRunCancellation) -> list[Change]:
    """Cancel a run whose file nobody has read: its payments are approved again, where their bank details still are.

    Raises `payment-run-transition` (409), `decider-pays` (403).
    """
    session = write.session
    if await session.scalar(select(_r.id).where(_r.id == run_id, _r.territory == territory)) is None:
        raise NotFound
    open_lines = select(func.coalesce(_l.payment_id, _l.tranche_id)).where(_l.run_id == run_id, _l.ended_as.is_(None))
    held = await payments.hold_sent(write, territory, open_lines)
    run = await write.lock(PaymentRun, _r.id == run_id)
    write.expect(run.version, required=True)
    cancelled_by = DECIDES_PAYS.separate(write.actor, [each.payment.awarded_by for each in held])
    run.status = rules.next_status(PaymentRunAction.CANCEL, PaymentRunStatus(run.status))
    run.cancelled_by, run.cancelled_at, run.reason = cancelled_by, write.now, body.reason
    for line in await session.scalars(select(_l).where(_l.run_id == run_id, _l.ended_as.is_(None)).order_by(_l.id)):
        line.ended_as = LineOutcome.CANCELLED
    await session.flush()
    taken_back = await payments.take_back(write, held)
    return [Change("payment_run.cancelled", RUNS, [run_id], {"territory": territory}), *taken_back]


async def reject(
    write: Write, territory: str, run_id: UUID, line_id: UUID, body: schemas.LineRejection
) -> list[Change]:
    """Record that the bank rejected a line: its payment comes back, and the database ends the line.

    Raises `payment-transition`, `payment-not-handed-over`, `rejected-before-sent` (409), `decider-pays` (403).
    """
    mine = (_l.id == line_id, _l.run_id == run_id, _l.territory == territory)
    of, place = await _sent_by(write.session, territory, mine)
    told = f"{body.reason_code}: {body.reason}" if body.reason is not None else body.reason_code
    rejection = PaymentRejection(rejected_on=body.rejected_on, reason=told, planned_on=body.planned_on)
    rejected = await payments.reject(write, of, place, rejection)
    line = Change("", LINES, [line_id], {"territory": territory, "run_id": run_id})  # the payment's event tells it
    return [line, *rejected]


async def _sent_by(session: AsyncSession, territory: str, line: tuple[Any, ...]) -> tuple[Payments, PaymentPlace]:
    """The payment that a line sends, and the table that it is of. Raises `NotFound`."""
    for of in in_lock_order():
        p = of.table
        sent = select(p.id, of.award_id).join(_l, getattr(_l, _LINKS[of.resource]) == p.id).where(*line)
        for payment_id, award_id in await session.execute(sent):
            return of, PaymentPlace(territory, award_id, payment_id)
    raise NotFound
