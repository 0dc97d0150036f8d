"""The aid of the file that a committee of the Alès demonstration granted: notified, agreed, started, and its first
payment proposed by one person and approved by another.

It is dated from the day on which the demonstration is loaded, as the file is.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from app.access.rules import Role
from app.awards.letters import schemas as letters_schemas
from app.awards.letters import service as letters
from app.awards.letters.rules import LetterKind
from app.awards.life import schemas
from app.awards.life import service as life
from app.awards.models import Aid
from app.awards.payments import service as payments
from app.awards.payments.rules import PaymentStatus
from app.core.writing.writes import Change, Write
from app.demo.aids import ALES, EURO, PAYMENT_TERMS, RECOVERY_TERMS, sha256
from app.demo.decisions import SITTINGS
from app.demo.files import GRANTED, days_ago_on, named
from app.demo.story import Story
from app.grants.models import Grant
from app.grants.payments import schemas as payments_schemas
from app.grants.payments.models import GrantPayment
from app.grants.payments.rules import PaymentKind
from app.grants.payments.service import GRANT_PAYMENTS
from app.grants.service import GRANT

DECIDED_AGO = SITTINGS[1].days_ago
NOTIFIED_AGO, AGREED_AGO, STARTED_AGO = DECIDED_AGO - 6, DECIDED_AGO - 20, 20


async def load(story: Story) -> None:
    """The grant of the file: notified, agreed, started, and its advance payment proposed and approved."""
    [grant_id] = await story.scalars(_of_file(Grant.id))
    paid = select(GrantPayment.id).where(GrantPayment.grant_id == grant_id)
    notified = select(Aid.id).where(Aid.id.in_(_of_file(Grant.aid_id)), Aid.notified_on.is_not(None))
    if not await story.scalars(notified):
        await story.run(story.actor(Role.FUNDER), lambda write: _begin_of_file(write, grant_id))
    if not await story.scalars(paid):
        await story.run(story.actor(Role.TREASURER), lambda write: _propose(write, grant_id))
    if not await story.scalars(paid.where(GrantPayment.status != PaymentStatus.PROPOSED)):
        [proposed] = await story.scalars(paid)
        place = payments.PaymentPlace(ALES, grant_id, proposed)
        await story.run(story.actor("second_treasurer"), lambda write: payments.approve(write, GRANT_PAYMENTS, place))


def _of_file(column: Any) -> Select[Any]:
    return select(column).where(Grant.application_id.in_(named(GRANTED)))


async def _begin_of_file(write: Write, grant_id: UUID) -> list[Change]:
    """The notification and the agreement are letters: drawn up, signed, notified."""
    started_on = days_ago_on(STARTED_AGO)
    terms = {
        "planned_start_on": started_on, "planned_end_on": days_ago_on(STARTED_AGO - 600),
        "payment_terms": PAYMENT_TERMS, "recovery_terms": RECOVERY_TERMS,
    }  # fmt: skip
    first_order = schemas.Start(started_on=started_on, proof_sha256=sha256("order of the file"))
    return [
        *await _letter(write, grant_id, LetterKind.NOTIFICATION, NOTIFIED_AGO, **terms),
        *await _letter(write, grant_id, LetterKind.AGREEMENT, AGREED_AGO),
        *await life.start(write, GRANT, ALES, grant_id, first_order),
    ]


async def _letter(write: Write, grant_id: UUID, kind: LetterKind, days_ago: int, **terms: Any) -> list[Change]:
    """A letter that was signed three days before the firm was notified of it; an agreement by both."""
    reference = f"DEMO-{kind}"
    body = letters_schemas.LetterCreate(award_id=grant_id, kind=kind, reference=reference, **terms)
    drawn_up = await letters.draw_up(write, ALES, body)
    [letter_id] = drawn_up.keys
    signed_on = days_ago_on(days_ago + 3)
    signature = letters_schemas.LetterSignature(
        signed_on=signed_on, signed_by_firm_on=signed_on if kind is LetterKind.AGREEMENT else None,
        document_sha256=sha256(reference),
    )  # fmt: skip
    notified = letters_schemas.LetterNotification(notified_on=days_ago_on(days_ago))
    return [
        drawn_up,
        *await letters.sign(write, ALES, letter_id, signature),
        *await letters.notify(write, ALES, letter_id, notified),
    ]


async def _propose(write: Write, grant_id: UUID) -> list[Change]:
    body = payments_schemas.PaymentCreate(
        amount_cents=15_000 * EURO, kind=PaymentKind.ADVANCE_PAYMENT, reference="DEMO-VIR-6"
    )
    return await payments.pay(write, GRANT_PAYMENTS, ALES, grant_id, body)
