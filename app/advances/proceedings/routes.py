"""HTTP of claims in proceedings, and of plans."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor, EmailMissing
from app.advances.legal_rates.rules import LegalRateMissing
from app.advances.proceedings import rules, schemas, service
from app.advances.proceedings.queries import ADVANCE_DEBT_CLAIMS, DEBT_CLAIMS
from app.core.problems import AlreadyExists, IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.programme.routes import T

debt_claims = router("advances")

CLAIMS = T + "/advances/{advance_id:uuid}/debt-claims"
CLAIM = CLAIMS + "/{id:uuid}"


@debt_claims.get(T + "/debt-claims", **lists(DEBT_CLAIMS))
async def list_debt_claims(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Claims for advances of the territory in proceedings of their firms; `to_declare=true` finds those that wait."""
    return await page(request, DEBT_CLAIMS)


@debt_claims.get(CLAIMS, **lists(ADVANCE_DEBT_CLAIMS))
async def list_advance_debt_claims(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Claims for an advance, one a proceeding: to be declared by `claim_by_on`, or declared."""
    return await page(request, ADVANCE_DEBT_CLAIMS)


@debt_claims.post(
    CLAIMS,
    **changes(
        schemas.DebtClaim,
        AlreadyExists,
        rules.ClaimBeforeOpening,
        ReferenceNotFound,
        EmailMissing,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def declare_debt(
    request: Request, body: schemas.DebtClaimCreate, actor: Actor = require("advances:follow")
) -> Response:
    """Record that the claim was declared to a proceeding, with its proof. An Idempotency-Key is required."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.declare(write, path["territory"], path["advance_id"], body),
        status=201,
        idempotency_required=True,
    )


@debt_claims.get(CLAIM, **shows(schemas.DebtClaim))
async def get_debt_claim(request: Request, actor: Actor = require("advances:read")) -> Response:
    """One claim for an advance."""
    return await show(request, ADVANCE_DEBT_CLAIMS)


@debt_claims.patch(
    CLAIM,
    **changes(
        schemas.DebtClaim,
        rules.ClaimNotDeclared,
        rules.ClaimBeforeOpening,
        rules.AdmittedExceedsClaim,
        rules.ClaimAdmittedBeforeDeclared,
        IfMatchMissing,
    ),
)
async def update_debt_claim(
    request: Request, body: schemas.DebtClaimUpdate, actor: Actor = require("advances:follow")
) -> Response:
    """Record what the judge admitted, or correct what was declared. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: service.update_claim(write, path["territory"], path["advance_id"], path["id"], body)
    )


@debt_claims.post(
    CLAIM + "/plan",
    summary="Repay an advance by the plan of a proceeding",
    **changes(
        schemas.DebtClaim,
        rules.NoPlan,
        rules.AlreadyPlanned,
        rules.PlanLinesSum,
        rules.ClaimNotDeclared,
        LegalRateMissing,
        EmailMissing,
        IdempotencyKeyMissing,
        IfMatchMissing,
    ),
)
async def plan_advance(
    request: Request, body: schemas.PlanCreate, actor: Actor = require("advances:award")
) -> Response:
    """Repay the advance by the lines of the plan that ended the proceeding: a version of its schedule.

    Needs If-Match and an Idempotency-Key. The lines come to what is outstanding on the day of that end.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.plan(write, path["territory"], path["advance_id"], path["id"], body),
        idempotency_required=True,
    )
