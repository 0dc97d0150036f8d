"""HTTP of quotas."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.quotas import schemas, service
from app.access.quotas.queries import QUOTAS
from app.access.rules import Actor
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit

quotas = router("access")


@quotas.get("/v1/quotas", **lists(QUOTAS))
async def list_quotas(request: Request, actor: Actor = require("quotas:read")) -> Response:
    """What callers may take of the service, by role and kind of subject; `as_of` finds the limits of a day."""
    return await page(request, QUOTAS)


@quotas.post("/v1/quotas", **changes(schemas.RoleQuota, status=201))
async def create_quota(
    request: Request, body: schemas.RoleQuotaCreate, actor: Actor = require("quotas:write")
) -> Response:
    """Record a limit from a day on. The one before stays, and no longer counts from then.

    A limit of today takes effect within five seconds.
    """
    answer = await commit(request, lambda write: service.record_quota(write, body), status=201)
    request.state.credentials.forget()
    return answer


@quotas.get("/v1/quotas/{id:uuid}", **shows(schemas.RoleQuota))
async def get_quota(request: Request, actor: Actor = require("quotas:read")) -> Response:
    """One limit as it was recorded."""
    return await show(request, QUOTAS)
