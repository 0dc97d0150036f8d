"""HTTP of refinancing rates."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.engineering.invoices.rates import schemas
from app.engineering.invoices.rates.models import RefinancingRate
from app.engineering.invoices.rates.queries import REFINANCING_RATES
from app.programme import half_years

refinancing_rates: APIRouter = router("engineering")


@refinancing_rates.get("/v1/refinancing-rates", **lists(REFINANCING_RATES))
async def list_refinancing_rates(request: Request, actor: Actor = require("refinancing_rates:read")) -> Response:
    """Rates of the European Central Bank by half-years, on which late interest of invoices rests.

    `corrected=false` leaves out those that a later record replaces.
    """
    return await page(request, REFINANCING_RATES)


@refinancing_rates.post("/v1/refinancing-rates", **changes(schemas.RefinancingRate, status=201))
async def create_refinancing_rate(
    request: Request, body: schemas.RefinancingRateCreate, actor: Actor = require("refinancing_rates:write")
) -> Response:
    """Record the rate of a half-year. A rate that is recorded again is corrected, and the record before stays.

    Late interest of invoices is computed when they are read: it follows at once.
    """
    recorded = (RefinancingRate, REFINANCING_RATES, body, "refinancing_rate.recorded")
    return await commit(request, lambda write: half_years.record(write, *recorded), status=201)


@refinancing_rates.get("/v1/refinancing-rates/{id:uuid}", **shows(schemas.RefinancingRate))
async def get_refinancing_rate(request: Request, actor: Actor = require("refinancing_rates:read")) -> Response:
    """One record of the rate of a half-year."""
    return await show(request, REFINANCING_RATES)
