"""HTTP of frameworks: contracts, their orders and their parameters."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.problems import AlreadyExists, IfMatchMissing
from app.core.reading.answers import page, show
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.missions.frameworks import rules, schemas, service
from app.missions.frameworks.queries import (
    AS_OF,
    FRAMEWORK_ORDERS,
    FRAMEWORK_PARAMETERS,
    FRAMEWORKS,
    FRAMEWORKS_AS_OF,
)

frameworks = router("missions")

FRAMEWORK = "/v1/frameworks/{framework_id:uuid}"


@frameworks.get("/v1/frameworks", **lists(FRAMEWORKS_AS_OF))
async def list_frameworks(request: Request, actor: Actor = require("frameworks:read")) -> Response:
    """Framework contracts, with what is ordered, certified and left of each, now or as of a day."""
    return await page(request, FRAMEWORKS_AS_OF if "as_of" in request.query_params else FRAMEWORKS)


@frameworks.post("/v1/frameworks", **changes(schemas.Framework, AlreadyExists, status=201))
async def create_framework(
    request: Request, body: schemas.FrameworkCreate, actor: Actor = require("frameworks:write")
) -> Response:
    """Record a framework contract, its holders, its days, its maximum and its unit prices.

    Raises `already-exists` where the reference is taken.
    """
    return await commit(request, lambda write: service.create_framework(write, body), status=201)


@frameworks.get("/v1/frameworks/{id:uuid}", **shows(schemas.Framework, parameters={"as_of": AS_OF.parameter}))
async def get_framework(request: Request, actor: Actor = require("frameworks:read")) -> Response:
    """What is ordered, certified and left of a framework, by territory and member, now or as of any day."""
    query = read(request, {"as_of": AS_OF.parameter})
    return await show(request, FRAMEWORKS_AS_OF if query else FRAMEWORKS, query)


@frameworks.patch(
    "/v1/frameworks/{id:uuid}",
    **changes(
        schemas.Framework,
        AlreadyExists,
        rules.FrameworkBelowOrdered,
        rules.FrameworkAmountsMissing,
        rules.OrderOutsideFramework,
        IfMatchMissing,
    ),
)
async def update_framework(
    request: Request, body: schemas.FrameworkUpdate, actor: Actor = require("frameworks:write")
) -> Response:
    """Change a framework; If-Match is required.

    Its maximum stays at or above what is ordered (`framework-below-ordered`), its days include those of its orders.
    """
    framework_id = request.path_params["id"]
    return await commit(
        request,
        lambda write: service.update_framework(write, framework_id, body),
        explain=service.explain_framework(framework_id),
    )


@frameworks.get(FRAMEWORK + "/orders", **lists(FRAMEWORK_ORDERS))
async def list_framework_orders(request: Request, actor: Actor = require("frameworks:read")) -> Response:
    """Orders and amendments of all missions that count in the framework, with their amounts."""
    return await page(request, FRAMEWORK_ORDERS)


@frameworks.get(FRAMEWORK + "/parameters", **lists(FRAMEWORK_PARAMETERS))
async def list_framework_parameters(request: Request, actor: Actor = require("frameworks:read")) -> Response:
    """Parameters of the framework, each value with its days; `as_of` finds those in force on a day."""
    return await page(request, FRAMEWORK_PARAMETERS)


@frameworks.post(
    FRAMEWORK + "/parameters",
    **changes(schemas.FrameworkParameter, rules.FrameworkParametersOverlap, status=201),
)
async def create_framework_parameter(
    request: Request, body: schemas.FrameworkParameterCreate, actor: Actor = require("frameworks:write")
) -> Response:
    """Record the value of a parameter from a day on.

    The service reads `verification_months`, `payment_days`, `activity_reports_required`, `late_margin_bp` and
    `recovery_fee_cents`; others can be recorded under any name. Two values of one parameter cannot share a day.
    """
    framework_id = request.path_params["framework_id"]
    return await commit(request, lambda write: service.create_parameter(write, framework_id, body), status=201)


@frameworks.get(FRAMEWORK + "/parameters/{id:uuid}", **shows(schemas.FrameworkParameter))
async def get_framework_parameter(request: Request, actor: Actor = require("frameworks:read")) -> Response:
    """One value of a parameter with its days."""
    return await show(request, FRAMEWORK_PARAMETERS)


@frameworks.patch(
    FRAMEWORK + "/parameters/{id:uuid}",
    **changes(
        schemas.FrameworkParameter,
        rules.FrameworkParameterInUse,
        rules.FrameworkParametersOverlap,
        IfMatchMissing,
    ),
)
async def update_framework_parameter(
    request: Request, body: schemas.FrameworkParameterUpdate, actor: Actor = require("frameworks:write")
) -> Response:
    """Change a value that has not begun, or end one that has; If-Match is required.

    Deliverables and reports rest on a value that has begun: it stays, and ends today at the earliest.
    """
    path = request.path_params
    return await commit(request, lambda write: service.update_parameter(write, path["framework_id"], path["id"], body))
