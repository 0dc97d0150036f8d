"""Legal rates of interest from a file."""

from app.advances.legal_rates import queries, service
from app.advances.legal_rates.models import LegalRate
from app.advances.legal_rates.schemas import LegalRateCreate
from app.programme import half_years

LEGAL_RATES_FILE = half_years.file_of(
    "legal_rates", "legal_rates:write", LegalRate, queries.LEGAL_RATES, LegalRateCreate, service.record_rate
)
