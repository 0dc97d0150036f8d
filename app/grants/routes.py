"""HTTP of grants: awards, releases and reversals. Their payments have addresses below."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.awards import service as awards
from app.awards.change_requests.routes import serve_change_requests
from app.awards.claims.routes import serve_claims
from app.awards.closing_routes import serve_closing
from app.awards.commitments.routes import serve_commitments
from app.awards.life.routes import serve_life
from app.awards.rules import AwardEnded, BeforeDecision, PaymentsInFlight
from app.awards.schemas import Release
from app.core.problems import IfMatchMissing
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.grants import schemas, service
from app.grants.queries import ALL_GRANTS, GRANTS
from app.programme.national import page_of_all
from app.programme.routes import T

grants = router("grants")


@grants.get(T + "/grants", **lists(GRANTS))
async def list_grants(request: Request, actor: Actor = require("grants:read")) -> Response:
    """Grants of the territory."""
    return await page(request, GRANTS)


@grants.get("/v1/grants", **lists(ALL_GRANTS))
async def list_all_grants(request: Request, actor: Actor = require("grants:read")) -> Response:
    """The same over all territories that the caller may see."""
    return await page_of_all(request, actor, "grants:read", ALL_GRANTS)


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


serve_life(grants, service.GRANT, schemas.Grant)
serve_claims(grants, service.GRANT)
serve_change_requests(grants, service.GRANT)
serve_closing(grants, service.GRANT, schemas.Grant)
serve_commitments(grants, service.GRANT)
