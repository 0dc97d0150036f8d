"""HTTP of payments of grants."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import (
    DECIDES_PAYS,
    MAKES_ACCOUNT_APPROVES_PAYMENT,
    ORDERS_SETTLES,
    PROPOSES_PAYMENT_APPROVES,
    RECORDS_SEES,
)
from app.access.gate import require
from app.access.rules import Actor
from app.awards.life.rules import AgreementMissing
from app.awards.overrides.rules import USE_PROBLEMS
from app.awards.recoveries.rules import (
    RecoveryAbovePaid,
    RecoveryInPayment,
    RecoveryReceived,
    RecoveryTransition,
    SetOffAbovePayment,
)
from app.awards.rules import PAYMENT_DOOR, AwardEnded, BeforeDecision, ClaimsOpen, NotCompleted
from app.core.problems import AlreadyExists, IfMatchMissing, Problem, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import Change, Write, commit
from app.envelopes.ledger import AlreadyReversed, EnvelopeExhausted
from app.envelopes.schemas import Reversal
from app.firms.bank_details.rules import BankDetailsUnapproved
from app.grants.ceilings import CEILINGS
from app.grants.payments import rules, schemas, service
from app.grants.payments.queries import ALL_PAYMENTS, PAYMENTS
from app.grants.payments.service import PaymentPlace
from app.programme.routes import T

payments = router("grants")

OF_GRANT = T + "/grants/{grant_id:uuid}/payments"
ONE = OF_GRANT + "/{id:uuid}"

# What refuses a proposal, and refuses it again when it is approved.
REFUSED: tuple[type[Problem], ...] = (
    AwardEnded,
    *PAYMENT_DOOR,
    BankDetailsUnapproved,
    AgreementMissing,
    rules.NotStarted,
    NotCompleted,
    ClaimsOpen,
    rules.CompletionStatementLate,
    rules.TaxCertificateExpired,
    rules.SocialCertificateExpired,
    *(ceiling.refused for ceiling in CEILINGS),
)
Act = Callable[[Write, PaymentPlace], Awaitable[list[Change]]]


async def _act(request: Request, act: Act) -> Response:
    path = request.path_params
    place = PaymentPlace(path["territory"], path["grant_id"], path["id"])
    return await commit(request, lambda write: act(write, place))


@payments.get(T + "/grant-payments", **lists(ALL_PAYMENTS))
async def list_all_grant_payments(request: Request, actor: Actor = require("grants:read")) -> Response:
    """Payments of all grants of the territory."""
    return await page(request, ALL_PAYMENTS)


@payments.get(OF_GRANT, **lists(PAYMENTS))
async def list_grant_payments(request: Request, actor: Actor = require("grants:read")) -> Response:
    """Payments of a grant, those proposed, cancelled and reversed included."""
    return await page(request, PAYMENTS)


@payments.post(
    OF_GRANT,
    **changes(
        schemas.Payment,
        rules.PaymentsExceedAward,
        BeforeDecision,
        *REFUSED,
        *USE_PROBLEMS,
        ReferenceNotFound,
        *DECIDES_PAYS.refusals,
        AlreadyExists,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def pay_grant(request: Request, body: schemas.PaymentCreate, actor: Actor = require("grants:pay")) -> Response:
    """Propose a payment of a grant, or record one that was made (`paid_on`). An Idempotency-Key is required.

    A proposal takes the award's room at once, and goes to the firm's approved bank details. Another person approves it.
    A payment that was made is refused only by the award's amount, the decider, the day and the reference; what it
    breaks stands in `exceeds`. A balance payment that is recorded closes the grant and gives the rest back to the
    envelope.
    """
    path = request.path_params
    territory, grant_id = path["territory"], path["grant_id"]
    return await commit(
        request,
        lambda write: service.pay(write, territory, grant_id, body),
        status=201,
        idempotency_required=True,
    )


@payments.get(ONE, **shows(schemas.Payment))
async def get_grant_payment(request: Request, actor: Actor = require("grants:read")) -> Response:
    """One payment of a grant."""
    return await show(request, PAYMENTS)


@payments.post(
    ONE + "/set-off",
    **changes(
        schemas.Payment,
        rules.PaymentTransition,
        RecoveryTransition,
        RecoveryInPayment,
        SetOffAbovePayment,
        ReferenceNotFound,
        *ORDERS_SETTLES.refusals,
        IfMatchMissing,
    ),
)
async def set_off_grant_payment(
    request: Request, body: schemas.PaymentSetOff, actor: Actor = require("grants:pay")
) -> Response:
    """Keep a recovery of the grant from a proposed payment: the bank pays the rest. If-Match is required.

    The record of the payment settles the recovery; where the payment is cancelled, the firm owes it as before.
    """
    return await _act(request, lambda write, place: service.set_off(write, place, body))


@payments.post(
    ONE + "/approve",
    **changes(
        schemas.Payment,
        rules.PaymentTransition,
        *REFUSED,
        PROPOSES_PAYMENT_APPROVES.refused,
        MAKES_ACCOUNT_APPROVES_PAYMENT.refused,
        DECIDES_PAYS.refused,
        *PROPOSES_PAYMENT_APPROVES.refusals[1:],
        IfMatchMissing,
    ),
)
async def approve_grant_payment(request: Request, actor: Actor = require("grants:pay")) -> Response:
    """Approve a payment that another person proposed, to bank details that others made. If-Match is required.

    What refuses a proposal is asked again.
    """
    return await _act(request, service.approve)


@payments.post(
    ONE + "/send",
    **changes(
        schemas.Payment,
        rules.PaymentUnapproved,
        rules.PaymentTransition,
        *DECIDES_PAYS.refusals,
        IfMatchMissing,
    ),
)
async def send_grant_payment(
    request: Request, body: schemas.PaymentSending, actor: Actor = require("grants:pay")
) -> Response:
    """Record that an approved payment was handed to the bank outside of a payment run. If-Match is required."""
    return await _act(request, lambda write, place: service.send(write, place, body))


@payments.post(
    ONE + "/record",
    **changes(
        schemas.Payment,
        rules.PaymentTransition,
        BeforeDecision,
        *DECIDES_PAYS.refusals,
        AlreadyExists,
        IfMatchMissing,
    ),
)
async def record_grant_payment(
    request: Request, body: schemas.PaymentRecord, actor: Actor = require("grants:pay")
) -> Response:
    """Record that the bank made a payment: from now on the ledger counts it. If-Match is required.

    It is a fact: what it breaks stands in `exceeds`. A balance payment closes the grant and gives the rest back to the
    envelope.
    """
    return await _act(request, lambda write, place: service.record(write, place, body))


@payments.post(
    ONE + "/reject",
    **changes(
        schemas.Payment,
        rules.PaymentTransition,
        rules.PaymentNotHandedOver,
        rules.RejectedBeforeSent,
        *DECIDES_PAYS.refusals,
        IfMatchMissing,
    ),
)
async def reject_grant_payment(
    request: Request, body: schemas.PaymentRejection, actor: Actor = require("grants:pay")
) -> Response:
    """Record that the bank rejected a payment that was sent. If-Match is required.

    It is approved again, with a new day; where other bank details of the firm have been approved meanwhile, it is
    proposed again, to them.
    """
    return await _act(request, lambda write, place: service.reject(write, place, body))


@payments.post(
    ONE + "/cancel",
    **changes(schemas.Payment, rules.PaymentTransition, *DECIDES_PAYS.refusals, IfMatchMissing),
)
async def cancel_grant_payment(
    request: Request, body: schemas.PaymentCancellation, actor: Actor = require("grants:pay")
) -> Response:
    """Cancel a payment that was not sent, giving a reason: the award has its room again. If-Match is required."""
    return await _act(request, lambda write, place: service.cancel_payment(write, place, body))


@payments.post(
    ONE + "/reverse",
    **changes(
        schemas.Payment,
        AlreadyReversed,
        rules.PaymentTransition,
        *DECIDES_PAYS.refusals,
        EnvelopeExhausted,
        RecoveryAbovePaid,
        RecoveryReceived,
        IfMatchMissing,
    ),
)
async def reverse_grant_payment(request: Request, body: Reversal, actor: Actor = require("grants:pay")) -> Response:
    """Reverse a mistaken payment, giving a reason: its amount is committed again, and what a balance gave back.

    If-Match is required.
    """
    return await _act(request, lambda write, place: service.reverse_payment(write, place, body))


@payments.post(
    ONE + "/see",
    **changes(schemas.Payment, rules.NothingToSee, *RECORDS_SEES.refusals, IfMatchMissing),
)
async def see_grant_payment(request: Request, actor: Actor = require("grants:pay")) -> Response:
    """Say that one has seen what a payment exceeds that another person recorded. If-Match is required."""
    return await _act(request, service.see)
