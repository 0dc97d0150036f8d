"""Refinancing rates from a file."""

from app.core.writing.writes import Change, Write
from app.engineering.invoices.rates import queries
from app.engineering.invoices.rates.models import RefinancingRate
from app.engineering.invoices.rates.schemas import RefinancingRateCreate
from app.programme import half_years


async def _record(write: Write, body: RefinancingRateCreate) -> Change:
    return await half_years.record(write, RefinancingRate, queries.REFINANCING_RATES, body, "refinancing_rate.recorded")


REFINANCING_RATES_FILE = half_years.file_of(
    "refinancing_rates",
    "refinancing_rates:write",
    RefinancingRate,
    queries.REFINANCING_RATES,
    RefinancingRateCreate,
    _record,
)
