"""HTTP of firms: the register, and the firms of a territory with their stages."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.listing import page, show
from app.core.problems import AlreadyExists, ReferenceNotFound
from app.core.routing import changes, lists, router, shows
from app.core.writes import commit
from app.firms import schemas, service
from app.firms.queries import FIRMS, STAGE_CHANGES, TERRITORY_FIRMS
from app.programme.routes import T

firms = router("firms")


@firms.get("/v1/firms", **lists(FIRMS))
async def list_firms(request: Request, actor: Actor = require("firms:read")) -> Response:
    """The register: public facts of firms, shared by all territories. Nothing tells who prospects whom."""
    return await page(request, FIRMS)


@firms.post("/v1/firms", **changes(schemas.Firm, AlreadyExists, status=201))
async def create_firm(request: Request, body: schemas.FirmCreate, actor: Actor = require("firms:write")) -> Response:
    """Register a firm by its SIREN. Raises `already-exists`."""
    return await commit(request, lambda write: service.create_firm(write, body), status=201, location="/v1/firms/{key}")


@firms.get("/v1/firms/{siren:siren}", **shows(schemas.Firm))
async def get_firm(request: Request, actor: Actor = require("firms:read")) -> Response:
    """One firm of the register."""
    return await show(request, FIRMS)


@firms.put("/v1/firms/{siren:siren}", **changes(schemas.Firm, may_create=True))
async def put_firm(request: Request, body: schemas.FirmPut, actor: Actor = require("firms:write")) -> Response:
    """The firm of this SIREN with exactly these facts: 201 for a new one, 200 where it is replaced."""
    return await commit(request, lambda write: service.put_firm(write, request.path_params["siren"], body))


@firms.patch("/v1/firms/{siren:siren}", **changes(schemas.Firm, service.NafCodeWithoutVersion))
async def update_firm(request: Request, body: schemas.FirmUpdate, actor: Actor = require("firms:write")) -> Response:
    """Change public facts of a firm. Raises `naf-code-without-version`."""
    return await commit(request, lambda write: service.update_firm(write, request.path_params["siren"], body))


@firms.get(T + "/firms", **lists(TERRITORY_FIRMS))
async def list_territory_firms(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """Firms that this territory follows, with their stages."""
    return await page(request, TERRITORY_FIRMS)


@firms.get(T + "/firms/{siren:siren}", **shows(schemas.TerritoryFirm))
async def get_territory_firm(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """One firm as this territory knows it."""
    return await show(request, TERRITORY_FIRMS)


@firms.put(
    T + "/firms/{siren:siren}",
    **changes(schemas.TerritoryFirm, ReferenceNotFound, may_create=True),
)
async def put_territory_firm(
    request: Request, body: schemas.TerritoryFirmPut, actor: Actor = require("territory_firms:write")
) -> Response:
    """Put a firm of the register at a stage here: 201 the first time, 200 after; every passage stays in the history.

    Raises `reference-not-found` where the register has no such SIREN.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.put_territory_firm(write, path["territory"], path["siren"], body)
    )


@firms.get(T + "/firms/{siren:siren}/stages", **lists(STAGE_CHANGES))
async def list_stage_changes(request: Request, actor: Actor = require("territory_firms:read")) -> Response:
    """The history of a firm's stages here, oldest first."""
    return await page(request, STAGE_CHANGES)
