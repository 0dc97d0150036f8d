"""Writes of legal rates."""

from app.advances.legal_rates import schemas
from app.advances.legal_rates.models import LegalRate
from app.advances.legal_rates.queries import LEGAL_RATES
from app.core.writing.writes import Change, Write


async def record_rate(write: Write, body: schemas.LegalRateCreate) -> Change:
    """The rate of a half-year. Where it has one, this corrects it: the row before stays, and no longer counts."""
    rate = LegalRate(recorded_by=write.actor.subject_id, recorded_at=write.now, **body.model_dump())
    write.session.add(rate)
    await write.session.flush()
    return Change("legal_rate.recorded", LEGAL_RATES, [rate.id])
