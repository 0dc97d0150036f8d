"""HTTP of grants: awards, payments, releases and reversals."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_PAYS
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.awards import service as awards
from app.awards.change_requests.routes import serve_change_requests
from app.awards.claims.routes import serve_claims
from app.awards.closing_routes import serve_closing
from app.awards.commitments.routes import serve_commitments
from app.awards.life.routes import serve_life
from app.awards.overrides.rules import USE_PROBLEMS
from app.awards.rules import (
    PAYMENT_DOOR,
    AwardAlreadyPaid,
    AwardEnded,
    AwardOfADecision,
    BeforeDecision,
    PaymentsInFlight,
)
from app.awards.schemas import Release
from app.core.problems import AlreadyExists, IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import AlreadyReversed, EnvelopeExhausted
from app.envelopes.schemas import Reversal
from app.grants import schemas, service
from app.grants.queries import GRANTS, PAYMENTS
from app.programme.routes import T

grants = router("grants")

GRANT = T + "/grants/{grant_id:uuid}"


@grants.get(T + "/grants", **lists(GRANTS))
async def list_grants(request: Request, actor: Actor = require("grants:read")) -> Response:
    """Grants of the territory."""
    return await page(request, GRANTS)


@grants.get(T + "/grants/{id:uuid}", **shows(schemas.Grant))
async def get_grant(request: Request, actor: Actor = require("grants:read")) -> Response:
    """One grant."""
    return await show(request, GRANTS)


@grants.post(
    T + "/grants/{id:uuid}/release",
    **changes(schemas.Grant, AwardEnded, BeforeDecision, PaymentsInFlight, *BY_A_PERSON, IfMatchMissing),
)
async def release_grant(request: Request, body: Release, actor: Actor = require("grants:award")) -> Response:
    """Release what is not paid to the envelope, and end the grant. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: awards.release(write, service.GRANT, path["territory"], path["id"], body)
    )


@grants.post(
    T + "/grants/{id:uuid}/reverse",
    **changes(
        schemas.Grant, AwardOfADecision, AwardAlreadyPaid, AwardEnded, PaymentsInFlight, *BY_A_PERSON, IfMatchMissing
    ),
)
async def reverse_grant(request: Request, body: Reversal, actor: Actor = require("grants:award")) -> Response:
    """Reverse a mistaken award on which nothing is paid, giving a reason. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: awards.reverse(write, service.GRANT, path["territory"], path["id"], body)
    )


@grants.get(GRANT + "/payments", **lists(PAYMENTS))
async def list_grant_payments(request: Request, actor: Actor = require("grants:read")) -> Response:
    """Payments of a grant."""
    return await page(request, PAYMENTS)


@grants.post(
    GRANT + "/payments",
    **changes(
        schemas.Payment,
        service.PaymentsExceedAward,
        AwardEnded,
        BeforeDecision,
        *PAYMENT_DOOR,
        *USE_PROBLEMS,
        ReferenceNotFound,
        *DECIDES_PAYS.refusals,
        AlreadyExists,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def pay_grant(request: Request, body: schemas.PaymentCreate, actor: Actor = require("grants:pay")) -> Response:
    """Record a payment of a grant; payments never exceed the award. An Idempotency-Key is required.

    A balance payment closes the grant and gives the rest back to the envelope: nothing is paid after it.
    """
    path = request.path_params
    territory, grant_id = path["territory"], path["grant_id"]
    return await commit(
        request,
        lambda write: service.pay(write, territory, grant_id, body),
        status=201,
        idempotency_required=True,
    )


@grants.get(GRANT + "/payments/{id:uuid}", **shows(schemas.Payment))
async def get_grant_payment(request: Request, actor: Actor = require("grants:read")) -> Response:
    """One payment of a grant."""
    return await show(request, PAYMENTS)


@grants.post(
    GRANT + "/payments/{id:uuid}/reverse",
    **changes(schemas.Payment, AlreadyReversed, *DECIDES_PAYS.refusals, EnvelopeExhausted, IfMatchMissing),
)
async def reverse_grant_payment(request: Request, body: Reversal, actor: Actor = require("grants:pay")) -> Response:
    """Reverse a mistaken payment, giving a reason: its amount is committed again, and what a balance gave back.

    If-Match is required.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.reverse_payment(write, path["territory"], path["grant_id"], path["id"], body),
    )


serve_life(grants, service.GRANT, schemas.Grant)
serve_claims(grants, service.GRANT)
serve_change_requests(grants, service.GRANT)
serve_closing(grants, service.GRANT, schemas.Grant)
serve_commitments(grants, service.GRANT)
