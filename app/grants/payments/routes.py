"""HTTP of payments of grants."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_PAYS, ORDERS_SETTLES
from app.access.gate import require
from app.access.rules import Actor
from app.awards.life.rules import AgreementMissing
from app.awards.overrides.rules import USE_PROBLEMS
from app.awards.payments import rules as payment_rules
from app.awards.payments import service as mechanism
from app.awards.payments.routes import place_of, serve_payments
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
from app.core.writing.writes import commit
from app.envelopes.ledger import EnvelopeExhausted
from app.firms.bank_details.rules import BankDetailsUnapproved
from app.grants.ceilings import CEILINGS
from app.grants.payments import rules, schemas, service
from app.grants.payments.queries import ALL_PAYMENTS, PAYMENTS
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
    payment_rules.CompletionStatementLate,
    payment_rules.TaxCertificateExpired,
    payment_rules.SocialCertificateExpired,
    *(ceiling.refused for ceiling in CEILINGS),
)


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
        lambda write: mechanism.pay(write, service.GRANT_PAYMENTS, territory, grant_id, body),
        status=201,
        idempotency_required=True,
    )


@payments.get(ONE, **shows(schemas.Payment))
async def get_grant_payment(request: Request, actor: Actor = require("grants:read")) -> Response:
    """One payment of a grant."""
    return await show(request, PAYMENTS)


@payments.post(
    ONE + "/set-off",
    summary="Set off a payment of a grant",
    **changes(
        schemas.Payment,
        payment_rules.PaymentTransition,
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
    place = place_of(request, service.GRANT_PAYMENTS)
    return await commit(request, lambda write: service.set_off(write, place, body))


serve_payments(
    payments, service.GRANT_PAYMENTS, ONE, schemas.Payment, REFUSED,
    (EnvelopeExhausted, RecoveryAbovePaid, RecoveryReceived),
)  # fmt: skip
