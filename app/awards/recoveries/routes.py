"""HTTP of recoveries."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import ORDERS_SETTLES, ORDERS_WAIVES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.awards.recoveries import schemas, service
from app.awards.recoveries.queries import OF_A_GRANT, RECEIPTS, RECOVERIES
from app.awards.recoveries.rules import (
    BeforeNotification,
    BeforeRecovery,
    ReceiptsExceedRecovery,
    RecoveryAbovePaid,
    RecoveryInPayment,
    RecoveryOfAClosing,
    RecoveryReceived,
    RecoveryTransition,
    ReplyPending,
    WaivedBeforeOrder,
)
from app.awards.rules import BeforeDecision
from app.core.problems import AlreadyExists, IfMatchMissing
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import AlreadyReversed, EnvelopeExhausted
from app.envelopes.schemas import Reversal
from app.programme.routes import T

recoveries = router("grants")

OF_GRANT = T + "/grants/{grant_id:uuid}/recoveries"
ONE = OF_GRANT + "/{id:uuid}"
RECEIPT = OF_GRANT + "/{recovery_id:uuid}/receipts"


@recoveries.get(T + "/recoveries", **lists(RECOVERIES))
async def list_recoveries(request: Request, actor: Actor = require("recoveries:read")) -> Response:
    """Recoveries of all grants of the territory."""
    return await page(request, RECOVERIES)


@recoveries.get(OF_GRANT, **lists(OF_A_GRANT))
async def list_grant_recoveries(request: Request, actor: Actor = require("recoveries:read")) -> Response:
    """Recoveries of a grant."""
    return await page(request, OF_A_GRANT)


@recoveries.post(
    OF_GRANT,
    **changes(schemas.Recovery, RecoveryAbovePaid, BeforeDecision, IdempotencyKeyMissing, *BY_A_PERSON, status=201),
)
async def open_recovery(
    request: Request, body: schemas.RecoveryCreate, actor: Actor = require("recoveries:write")
) -> Response:
    """Claim back what was paid of a grant, never more than that. An Idempotency-Key is required."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.claim_back(write, path["territory"], path["grant_id"], body),
        status=201,
        idempotency_required=True,
    )


@recoveries.get(ONE, **shows(schemas.Recovery))
async def get_recovery(request: Request, actor: Actor = require("recoveries:read")) -> Response:
    """One recovery of a grant."""
    return await show(request, OF_A_GRANT)


@recoveries.post(
    ONE + "/notify", **changes(schemas.Recovery, RecoveryTransition, BeforeRecovery, *BY_A_PERSON, IfMatchMissing)
)
async def notify_recovery(
    request: Request, body: schemas.RecoveryNotice, actor: Actor = require("recoveries:write")
) -> Response:
    """Record that the firm was told what is to come back, and until when it can reply. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: service.notify(write, path["territory"], path["grant_id"], path["id"], body)
    )


@recoveries.post(
    ONE + "/order",
    **changes(
        schemas.Recovery, RecoveryTransition, ReplyPending, BeforeNotification, AlreadyExists, *BY_A_PERSON,
        IfMatchMissing,
    ),
)  # fmt: skip
async def order_recovery(
    request: Request, body: schemas.RecoveryOrder, actor: Actor = require("recoveries:write")
) -> Response:
    """Order the firm to pay, after its reply or the time to reply. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: service.order(write, path["territory"], path["grant_id"], path["id"], body)
    )


@recoveries.post(
    ONE + "/waive",
    **changes(
        schemas.Recovery,
        RecoveryTransition,
        RecoveryInPayment,
        WaivedBeforeOrder,
        *ORDERS_WAIVES.refusals,
        IfMatchMissing,
    ),
)
async def waive_recovery(
    request: Request, body: schemas.RecoveryWaiver, actor: Actor = require("recoveries:write")
) -> Response:
    """Give up what has not come back, by a decision of another person than who ordered it. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: service.waive(write, path["territory"], path["grant_id"], path["id"], body)
    )


@recoveries.post(
    ONE + "/withdraw",
    **changes(
        schemas.Recovery,
        RecoveryTransition,
        RecoveryReceived,
        RecoveryInPayment,
        RecoveryOfAClosing,
        *BY_A_PERSON,
        IfMatchMissing,
    ),
)
async def withdraw_recovery(
    request: Request, body: schemas.RecoveryWithdrawal, actor: Actor = require("recoveries:write")
) -> Response:
    """Withdraw a mistaken recovery of which nothing has come back, giving a reason. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: service.withdraw(write, path["territory"], path["grant_id"], path["id"], body)
    )


@recoveries.get(RECEIPT, **lists(RECEIPTS))
async def list_recovery_receipts(request: Request, actor: Actor = require("recoveries:read")) -> Response:
    """Receipts of a recovery."""
    return await page(request, RECEIPTS)


@recoveries.post(
    RECEIPT,
    **changes(
        schemas.RecoveryReceipt, ReceiptsExceedRecovery, RecoveryTransition, BeforeRecovery, AlreadyExists,
        *ORDERS_SETTLES.refusals, IdempotencyKeyMissing, status=201,
    ),
)  # fmt: skip
async def receive_recovery(
    request: Request, body: schemas.RecoveryReceiptCreate, actor: Actor = require("grants:pay")
) -> Response:
    """Record money of a recovery that came in, whole or in instalments. An Idempotency-Key is required.

    It goes back to the contributor or into the envelope, by the `repayment_policy` of each contribution.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.receive(write, path["territory"], path["grant_id"], path["recovery_id"], body),
        status=201,
        idempotency_required=True,
    )


@recoveries.get(RECEIPT + "/{id:uuid}", **shows(schemas.RecoveryReceipt))
async def get_recovery_receipt(request: Request, actor: Actor = require("recoveries:read")) -> Response:
    """One receipt of a recovery."""
    return await show(request, RECEIPTS)


@recoveries.post(
    RECEIPT + "/{id:uuid}/reverse",
    **changes(
        schemas.RecoveryReceipt, AlreadyReversed, RecoveryTransition, EnvelopeExhausted, *ORDERS_SETTLES.refusals,
        IfMatchMissing,
    ),
)  # fmt: skip
async def reverse_recovery_receipt(request: Request, body: Reversal, actor: Actor = require("grants:pay")) -> Response:
    """Reverse a mistaken receipt, giving a reason: the firm owes it again. If-Match is required."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.reverse_receipt(
            write, path["territory"], path["grant_id"], path["recovery_id"], path["id"], body
        ),
    )
