"""Reads of legal rates."""

from app.advances.legal_rates import schemas
from app.advances.legal_rates.models import LegalRate
from app.programme import half_years

LEGAL_RATES = half_years.listing(LegalRate, schemas.LegalRate)
IN_FORCE = half_years.in_force(LegalRate)
