"""HTTP of mandates."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor, EmailMissing
from app.core.problems import AlreadyExists, IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.firms.routes import HERE
from app.treasury.mandates import rules, schemas, service
from app.treasury.mandates.queries import MANDATES

mandates = router("treasury")

OF_FIRM = HERE + "/mandates"
ONE = OF_FIRM + "/{id:uuid}"


@mandates.get(OF_FIRM, **lists(MANDATES))
async def list_mandates(request: Request, actor: Actor = require("mandates:read")) -> Response:
    """Mandates by which organisations collect from a firm; each IBAN is masked."""
    return await page(request, MANDATES)


@mandates.post(
    OF_FIRM,
    **changes(
        schemas.Mandate, rules.MandateOpen, rules.MandateAccountUnusable, AlreadyExists, ReferenceNotFound,
        EmailMissing, status=201,
    ),
)  # fmt: skip
async def record_mandate(
    request: Request, body: schemas.MandateCreate, actor: Actor = require("mandates:write")
) -> Response:
    """Record a mandate that a firm has signed for your organisation."""
    path = request.path_params
    return await commit(
        request, lambda write: service.record(write, path["territory"], path["siren"], body), status=201
    )


@mandates.get(ONE, **shows(schemas.Mandate))
async def get_mandate(request: Request, actor: Actor = require("mandates:read")) -> Response:
    """One mandate; the IBAN is masked."""
    return await show(request, MANDATES)


@mandates.post(ONE + "/end", **changes(schemas.Mandate, rules.MandateAlreadyEnded, IfMatchMissing))
async def end_mandate(request: Request, body: schemas.MandateEnd, actor: Actor = require("mandates:write")) -> Response:
    """End a mandate of your organisation: nothing more is collected by it. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.end(write, path["territory"], path["siren"], path["id"], body))
