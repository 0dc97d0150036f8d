"""HTTP of schemes and of their parameters."""

from starlette.convertors import register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.problems import AlreadyExists, IfMatchMissing
from app.core.reading.answers import page, show
from app.core.serving.operations import PathText, changes, describe, lists, shows
from app.core.serving.routing import router
from app.core.values import INVALID_CODE
from app.core.writing.writes import commit
from app.schemes import schemas, service
from app.schemes.queries import SCHEME_PARAMETERS, SCHEMES

schemes = router("schemes")

SCHEME_CODE = PathText("[a-z][a-z0-9]*(?:_[a-z0-9]+)*", INVALID_CODE)
register_url_convertor("scheme", SCHEME_CODE)
describe("scheme", "The code of the scheme.", SCHEME_CODE.schema, "rebond_industriel")

SCHEME = "/v1/schemes/{scheme:scheme}"


@schemes.get("/v1/schemes", **lists(SCHEMES))
async def list_schemes(request: Request, actor: Actor = require("schemes:read")) -> Response:
    """Aid schemes; `as_of` finds those that receive files on a day."""
    return await page(request, SCHEMES)


@schemes.post("/v1/schemes", **changes(schemas.Scheme, AlreadyExists, status=201))
async def create_scheme(
    request: Request, body: schemas.SchemeCreate, actor: Actor = require("schemes:write")
) -> Response:
    """Record a scheme under its code; what it asks of a file is recorded as its parameters.

    Raises `already-exists` where the code is taken.
    """
    return await commit(request, lambda write: service.create_scheme(write, body), status=201)


@schemes.get(SCHEME, **shows(schemas.Scheme))
async def get_scheme(request: Request, actor: Actor = require("schemes:read")) -> Response:
    """One scheme by its code."""
    return await show(request, SCHEMES)


@schemes.patch(SCHEME, **changes(schemas.Scheme, service.SchemeInUse))
async def update_scheme(
    request: Request, body: schemas.SchemeUpdate, actor: Actor = require("schemes:write")
) -> Response:
    """Change the name, the legal basis or the days of a scheme; its code stays.

    Of a scheme that has begun the first day stays, and the end is today or later: `scheme-in-use`.
    """
    return await commit(request, lambda write: service.update_scheme(write, request.path_params["scheme"], body))


@schemes.get(SCHEME + "/parameters", **lists(SCHEME_PARAMETERS))
async def list_scheme_parameters(request: Request, actor: Actor = require("schemes:read")) -> Response:
    """Parameters of the scheme, each value with its days; `as_of` finds those in force on a day."""
    return await page(request, SCHEME_PARAMETERS)


@schemes.post(SCHEME + "/parameters", **changes(schemas.SchemeParameter, service.ParametersOverlap, status=201))
async def create_scheme_parameter(
    request: Request, body: schemas.SchemeParameterCreate, actor: Actor = require("schemes:write")
) -> Response:
    """Record the value of a parameter from a day on, under any name.

    Two values of one parameter cannot share a day: `parameters-overlap`.
    """
    scheme = request.path_params["scheme"]
    return await commit(request, lambda write: service.create_parameter(write, scheme, body), status=201)


@schemes.get(SCHEME + "/parameters/{id:uuid}", **shows(schemas.SchemeParameter))
async def get_scheme_parameter(request: Request, actor: Actor = require("schemes:read")) -> Response:
    """One value of a parameter with its days."""
    return await show(request, SCHEME_PARAMETERS)


@schemes.patch(
    SCHEME + "/parameters/{id:uuid}",
    **changes(schemas.SchemeParameter, service.ParameterInUse, service.ParametersOverlap, IfMatchMissing),
)
async def update_scheme_parameter(
    request: Request, body: schemas.SchemeParameterUpdate, actor: Actor = require("schemes:write")
) -> Response:
    """Change a value that has not begun, or end one that has; If-Match is required.

    Files rest on a value that has begun: it stays, and ends today at the earliest (`parameter-in-use`).
    """
    path = request.path_params
    return await commit(request, lambda write: service.update_parameter(write, path["scheme"], path["id"], body))
