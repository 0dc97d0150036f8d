"""HTTP of legal rates."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.advances.legal_rates import schemas, service
from app.advances.legal_rates.queries import LEGAL_RATES
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit

legal_rates = router("advances")


@legal_rates.get("/v1/legal-rates", **lists(LEGAL_RATES))
async def list_legal_rates(request: Request, actor: Actor = require("legal_rates:read")) -> Response:
    """Legal rates of interest by half-years; `corrected=false` leaves out those that a later record replaces."""
    return await page(request, LEGAL_RATES)


@legal_rates.post("/v1/legal-rates", **changes(schemas.LegalRate, status=201))
async def create_legal_rate(
    request: Request, body: schemas.LegalRateCreate, actor: Actor = require("legal_rates:write")
) -> Response:
    """Record the legal rate of a half-year. A rate that is recorded again is corrected, and the record before stays."""
    return await commit(request, lambda write: service.record_rate(write, body), status=201)


@legal_rates.get("/v1/legal-rates/{id:uuid}", **shows(schemas.LegalRate))
async def get_legal_rate(request: Request, actor: Actor = require("legal_rates:read")) -> Response:
    """One record of the legal rate of a half-year."""
    return await show(request, LEGAL_RATES)
