"""HTTP of tranches of advances."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_PAYS
from app.access.gate import require
from app.access.rules import Actor
from app.advances.rules import RepaymentExceedsOutstanding
from app.advances.tranches import rules, schemas, service
from app.advances.tranches.queries import ALL_TRANCHES, TRANCHES
from app.awards.life.rules import AgreementMissing
from app.awards.overrides.rules import USE_PROBLEMS
from app.awards.payments import rules as payment_rules
from app.awards.payments import service as payments
from app.awards.payments.routes import serve_payments
from app.awards.rules import PAYMENT_DOOR, AwardEnded, BeforeDecision
from app.core.problems import AlreadyExists, Problem, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import AccountOverdrawn
from app.programme.routes import T

tranches = router("advances")

OF_ADVANCE = T + "/advances/{advance_id:uuid}/tranches"
ONE = OF_ADVANCE + "/{id:uuid}"

# What refuses a proposal, and refuses it again when it is approved.
REFUSED: tuple[type[Problem], ...] = (
    AwardEnded,
    *PAYMENT_DOOR,
    payment_rules.BankDetailsUnapproved,
    AgreementMissing,
    rules.AdvanceNotPayable,
    rules.AfterLastInstalment,
    rules.TrancheDocumentMissing,
    rules.CertifiedShareTooLow,
    payment_rules.CompletionStatementLate,
    payment_rules.TaxCertificateExpired,
    payment_rules.SocialCertificateExpired,
    payment_rules.PaymentAboveDue,
)


@tranches.get(T + "/advance-tranches", **lists(ALL_TRANCHES))
async def list_all_tranches(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Tranches of all advances of the territory."""
    return await page(request, ALL_TRANCHES)


@tranches.get(OF_ADVANCE, **lists(TRANCHES))
async def list_tranches(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Tranches of an advance, those proposed, cancelled and reversed included."""
    return await page(request, TRANCHES)


@tranches.post(
    OF_ADVANCE,
    **changes(
        schemas.Tranche,
        rules.TranchesExceedAward,
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
async def pay_tranche(
    request: Request, body: schemas.TrancheCreate, actor: Actor = require("advances:pay")
) -> Response:
    """Propose a tranche of an advance, or record one that was paid out (`paid_on`). An Idempotency-Key is required.

    A proposal takes the award's room at once, and goes to the firm's approved bank details. Another person approves it.
    A tranche that was paid is refused only by the award's amount, the decider, the day and the reference; what it
    breaks stands in `exceeds`.
    """
    path = request.path_params
    territory, advance_id = path["territory"], path["advance_id"]
    return await commit(
        request,
        lambda write: payments.pay(write, service.ADVANCE_TRANCHES, territory, advance_id, body),
        status=201,
        idempotency_required=True,
    )


@tranches.get(ONE, **shows(schemas.Tranche))
async def get_tranche(request: Request, actor: Actor = require("advances:read")) -> Response:
    """One tranche of an advance."""
    return await show(request, TRANCHES)


serve_payments(
    tranches, service.ADVANCE_TRANCHES, ONE, schemas.Tranche, REFUSED, (RepaymentExceedsOutstanding, AccountOverdrawn)
)
