"""Writes of payment runs: made, handed over, cancelled; and what the bank rejects, line by line.

Lock order (docs/locking.md): the account that is paid from, the bank details that are paid to, the payments, then the
run and its lines. A run holds its payments from the moment it takes them: of two runs the second finds none of them.
"""

import hashlib
from asyncio import to_thread
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.duties import DECIDES_PAYS
from app.access.models import Organisation
from app.access.rules import accountable, person
from app.core import clock
from app.core.messages import NOT_FOUND, PAST_DAY
from app.core.problems import NotFound, ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.firms.bank_details.payees import Place, hold_payee
from app.firms.bank_details.rules import BankDetailsStatus
from app.grants.models import Grant
from app.grants.payments import service as payments
from app.grants.payments.models import GrantPayment
from app.grants.payments.rules import PaymentNotHandedOver
from app.grants.payments.schemas import PaymentRejection
from app.treasury.accounts.models import BankAccount
from app.treasury.runs import pain, rules, schemas
from app.treasury.runs.models import PaymentRun, PaymentRunLine
from app.treasury.runs.queries import LINES, ORDER, RUNS, TRANSFERS
from app.treasury.runs.rules import LineOutcome, PaymentRunAction, PaymentRunStatus


async def make(write: Write, territory: str, body: schemas.PaymentRunCreate) -> list[Change]:
    """Take the approved payments up to the cut-off into one file, and mark them sent.

    Raises `reference-not-found`, `bank-account-unusable`, `nothing-to-send`, `payment-run-already-made` (409),
    `decider-pays` (403).
    """
    if body.execution_on < clock.today():
        raise ValidationFailed(errors=[PAST_DAY.at("/execution_on")])
    made_by = accountable(write.actor)
    account = await _account(write, body)
    due = await payments.hold_to_send(write, territory, body.cut_off_on, account.organisation_id, rules.MOST)
    if not due:
        raise rules.NothingToSend
    DECIDES_PAYS.separate(write.actor, [payment.awarded_by for payment in due])
    sent = await payments.mark_sent(write, due, clock.today())
    organisation = await write.session.get_one(Organisation, account.organisation_id)
    references = dict(
        (
            await write.session.execute(
                select(Grant.id, Grant.decision_reference).where(Grant.id.in_({each.grant_id for each in due}))
            )
        )
        .tuples()
        .all()
    )
    run = PaymentRun(
        id=await write.session.scalar(select(_uuidv7())), territory=territory, made_by=made_by,
        payments=len(due), total_cents=sum(payment.amount_cents for payment in due), format=pain.FORMAT,
        payer_name=organisation.name, created_at=write.now, updated_at=write.now, **body.model_dump(),
    )  # fmt: skip
