"""HTTP of receipts and of their refunds."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_RECEIVES, PROPOSES_REFUND_APPROVES
from app.access.gate import require
from app.access.rules import Actor
from app.advances.receipts import schemas, service
from app.advances.receipts.queries import ALL_REFUNDS, RECEIPTS, REFUNDS
from app.advances.receipts.rules import (
    AlreadyBounced,
    AssignmentsExceedReceipt,
    BouncedBeforeReceipt,
    RefundAction,
    RefundsExceedReceipt,
    RefundTransition,
    RepaymentRefunded,
)
from app.advances.rules import RepaymentExceedsOutstanding
from app.core.problems import AlreadyExists, IfMatchMissing, Problem, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import AlreadyReversed, EnvelopeExhausted
from app.envelopes.schemas import Reversal
from app.programme.routes import T

receipts = router("advances")

ONE = T + "/receipts/{id:uuid}"
REFUND = T + "/receipts/{receipt_id:uuid}/refunds"
_ASSIGNED = (RepaymentExceedsOutstanding, AssignmentsExceedReceipt, AlreadyExists, ReferenceNotFound)


@receipts.get(T + "/receipts", **lists(RECEIPTS))
async def list_receipts(request: Request, actor: Actor = require("receipts:read")) -> Response:
    """Receipts of the territory; `unassigned=true` are those of which a part waits for a person."""
    return await page(request, RECEIPTS)


@receipts.post(
    T + "/receipts",
    **changes(schemas.Receipt, *_ASSIGNED, *DECIDES_RECEIVES.refusals, IdempotencyKeyMissing, status=201),
)
async def record_receipt(
    request: Request, body: schemas.ReceiptCreate, actor: Actor = require("receipts:write")
) -> Response:
    """Record money that came in; what is not assigned to an advance waits. An Idempotency-Key is required."""
    territory = request.path_params["territory"]
    return await commit(
        request, lambda write: service.record(write, territory, body), status=201, idempotency_required=True
    )


@receipts.get(T + "/receipt-refunds", **lists(ALL_REFUNDS))
async def list_receipt_refunds_of_territory(request: Request, actor: Actor = require("receipts:read")) -> Response:
    """Refunds of all receipts of the territory."""
    return await page(request, ALL_REFUNDS)


@receipts.get(ONE, **shows(schemas.Receipt))
async def get_receipt(request: Request, actor: Actor = require("receipts:read")) -> Response:
    """One receipt."""
    return await show(request, RECEIPTS)


@receipts.post(ONE + "/assign", **changes(schemas.Receipt, *_ASSIGNED, *DECIDES_RECEIVES.refusals, IfMatchMissing))
async def assign_receipt(
    request: Request, body: schemas.Assignments, actor: Actor = require("receipts:write")
) -> Response:
    """Assign what is left of a receipt to advances, each of which has one repayment of it. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.assign(write, path["territory"], path["id"], body))


_TAKEN_BACK: tuple[type[Problem], ...] = (
    AlreadyReversed,
    RepaymentRefunded,
    EnvelopeExhausted,
    *DECIDES_RECEIVES.refusals,
    IfMatchMissing,
)


@receipts.post(ONE + "/unassign", **changes(schemas.Receipt, *_TAKEN_BACK, ReferenceNotFound))
async def unassign_receipt(
    request: Request, body: schemas.Unassignment, actor: Actor = require("receipts:write")
) -> Response:
    """Take back what a receipt was assigned to an advance by mistake: it waits again. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.take_back_assignment(write, path["territory"], path["id"], body))


@receipts.post(
    ONE + "/bounce",
    **changes(
        schemas.Receipt, AlreadyBounced, BouncedBeforeReceipt, AlreadyReversed, *DECIDES_RECEIVES.refusals,
        IfMatchMissing,
    ),
)  # fmt: skip
async def bounce_receipt(request: Request, body: schemas.Bounce, actor: Actor = require("receipts:write")) -> Response:
    """Record that the bank sent a receipt back: each advance that it repaid owes its part again. Needs If-Match."""
    path = request.path_params
    return await commit(request, lambda write: service.send_back(write, path["territory"], path["id"], body))


@receipts.post(ONE + "/reverse", **changes(schemas.Receipt, *_TAKEN_BACK))
async def reverse_receipt(request: Request, body: Reversal, actor: Actor = require("receipts:write")) -> Response:
    """Reverse a mistaken receipt with all its repayments, giving a reason. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.take_back(write, path["territory"], path["id"], body))


@receipts.get(REFUND, **lists(REFUNDS))
async def list_receipt_refunds(request: Request, actor: Actor = require("receipts:read")) -> Response:
    """What goes back, or went back, of a receipt to its payer."""
    return await page(request, REFUNDS)


@receipts.post(
    REFUND,
    **changes(
        schemas.Refund, RefundsExceedReceipt, ReferenceNotFound, *DECIDES_RECEIVES.refusals, IdempotencyKeyMissing,
        status=201,
    ),
)  # fmt: skip
async def propose_refund(
    request: Request, body: schemas.RefundCreate, actor: Actor = require("receipts:write")
) -> Response:
    """Propose that what is overpaid, or not assigned, goes back to the payer. An Idempotency-Key is required."""
    path = request.path_params
    territory, receipt_id = path["territory"], path["receipt_id"]
    return await commit(
        request,
        lambda write: service.propose_refund(write, territory, receipt_id, body),
        status=201,
        idempotency_required=True,
    )


@receipts.get(REFUND + "/{id:uuid}", **shows(schemas.Refund))
async def get_receipt_refund(request: Request, actor: Actor = require("receipts:read")) -> Response:
    """One refund of a receipt."""
    return await show(request, REFUNDS)


_REFUNDED: tuple[type[Problem], ...] = (RefundTransition, *DECIDES_RECEIVES.refusals, IfMatchMissing)


@receipts.post(
    REFUND + "/{id:uuid}/approve",
    **changes(schemas.Refund, *_REFUNDED, RefundsExceedReceipt, ReferenceNotFound, *PROPOSES_REFUND_APPROVES.refusals),
)
async def approve_refund(
    request: Request, body: schemas.RefundApproval, actor: Actor = require("receipts:write")
) -> Response:
    """Record, as another person than who proposed it, that the money went back. If-Match is required."""
    path = request.path_params
    territory, receipt_id = path["territory"], path["receipt_id"]
    return await commit(request, lambda write: service.approve_refund(write, territory, receipt_id, path["id"], body))


@receipts.post(REFUND + "/{id:uuid}/cancel", **changes(schemas.Refund, *_REFUNDED))
async def cancel_refund(
    request: Request, body: schemas.RefundEnd, actor: Actor = require("receipts:write")
) -> Response:
    """Give up a refund that is proposed, giving a reason. If-Match is required."""
    return await _end(request, RefundAction.CANCEL, body)


@receipts.post(REFUND + "/{id:uuid}/reverse", **changes(schemas.Refund, *_REFUNDED))
async def reverse_refund(
    request: Request, body: schemas.RefundEnd, actor: Actor = require("receipts:write")
) -> Response:
    """Take back a refund that is a mistake or came back, giving a reason. If-Match is required."""
    return await _end(request, RefundAction.REVERSE, body)


async def _end(request: Request, action: RefundAction, body: schemas.RefundEnd) -> Response:
    path = request.path_params
    territory, receipt_id = path["territory"], path["receipt_id"]
    return await commit(
        request, lambda write: service.end_refund(write, territory, receipt_id, path["id"], action, body)
    )
