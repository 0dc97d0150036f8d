"""HTTP of overrides."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import PROPOSES_APPROVES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.awards.overrides import schemas, service
from app.awards.overrides.queries import OVERRIDES
from app.awards.overrides.rules import OverrideExpired, OverrideTransition
from app.core.problems import IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.programme.routes import T

overrides = router("awards")

OVERRIDE = T + "/overrides/{id:uuid}"


@overrides.get(T + "/overrides", **lists(OVERRIDES))
async def list_overrides(request: Request, actor: Actor = require("overrides:read")) -> Response:
    """Overrides of the territory."""
    return await page(request, OVERRIDES)


@overrides.post(
    T + "/overrides",
    **changes(schemas.Override, ReferenceNotFound, IdempotencyKeyMissing, *BY_A_PERSON, status=201),
)
async def propose_override(
    request: Request, body: schemas.OverrideCreate, actor: Actor = require("overrides:propose")
) -> Response:
    """Propose to lift a rule for one act about a firm. An Idempotency-Key is required."""
    territory = request.path_params["territory"]
    return await commit(
        request, lambda write: service.propose(write, territory, body), status=201, idempotency_required=True
    )


@overrides.get(OVERRIDE, **shows(schemas.Override))
async def get_override(request: Request, actor: Actor = require("overrides:read")) -> Response:
    """One override."""
    return await show(request, OVERRIDES)


@overrides.post(
    OVERRIDE + "/approve",
    **changes(schemas.Override, OverrideTransition, OverrideExpired, *PROPOSES_APPROVES.refusals, IfMatchMissing),
)
async def approve_override(request: Request, actor: Actor = require("overrides:approve")) -> Response:
    """Approve an override that another person proposed: one act can name it. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.approve(write, path["territory"], path["id"]))


@overrides.post(
    OVERRIDE + "/refuse",
    **changes(schemas.Override, OverrideTransition, *PROPOSES_APPROVES.refusals, IfMatchMissing),
)
async def refuse_override(
    request: Request, body: schemas.OverrideEnd, actor: Actor = require("overrides:approve")
) -> Response:
    """Refuse an override that another person proposed, giving a reason. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.refuse(write, path["territory"], path["id"], body))


@overrides.post(
    OVERRIDE + "/withdraw",
    **changes(schemas.Override, OverrideTransition, *BY_A_PERSON, IfMatchMissing),
)
async def withdraw_override(
    request: Request, body: schemas.OverrideEnd, actor: Actor = require("overrides:propose")
) -> Response:
    """Withdraw an override that no act has used, giving a reason. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.withdraw(write, path["territory"], path["id"], body))
