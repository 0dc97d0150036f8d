"""Reads of legal rates."""

from typing import Any

from sqlalchemy import Date, Interval, cast, exists, literal_column, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.advances.legal_rates import schemas
from app.advances.legal_rates.models import LegalRate
from app.core.reading.listing import Listing, at_least, at_most, holds
from app.core.values import Day

_r, _later = LegalRate, aliased(LegalRate)
_recorder = Subject.__table__.alias("recorder")
_TO_ON: Any = cast(
    _r.from_on + literal_column("interval '6 months'", Interval()) - literal_column("interval '1 day'", Interval()),
    Date,
)
_CORRECTED: Any = exists().where(_later.from_on == _r.from_on, _later.id > _r.id)

LEGAL_RATES = Listing(
    schema=schemas.LegalRate,
    rows=select(
        _r.id,
        _r.from_on,
        _TO_ON.label("to_on"),
        _r.rate_bp,
        _r.source,
        _CORRECTED.label("corrected"),
        _r.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _r.recorded_at,
    ).outerjoin(_recorder, _recorder.c.id == _r.recorded_by),
    key=_r.id,
    derived=True,
    filters={
        "from_from": at_least(_r.from_on, Day, "Of half-years that begin on this day or later."),
        "from_to": at_most(_r.from_on, Day, "Of half-years that begin on this day or earlier."),
        "corrected": holds(_CORRECTED, "true: rates that a later record replaces; false: the rates that count."),
    },
    sorts={"from_on": _r.from_on},
)  # fmt: skip

# The rate that counts of each half-year.
IN_FORCE = select(_r.from_on, _r.rate_bp).ext(distinct_on(_r.from_on)).order_by(_r.from_on, _r.id.desc())
