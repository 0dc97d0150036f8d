"""Reads of refinancing rates."""

from app.engineering.invoices.rates import schemas
from app.engineering.invoices.rates.models import RefinancingRate
from app.programme import half_years

REFINANCING_RATES = half_years.listing(RefinancingRate, schemas.RefinancingRate)
IN_FORCE = half_years.in_force(RefinancingRate)
