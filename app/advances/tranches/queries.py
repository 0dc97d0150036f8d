"""Reads of tranches, and what the conditions of one look at beside those of every payment."""

from sqlalchemy import Date, Integer, Text, cast, func, or_, select

from app.advances.models import Advance, ScheduleLine, ScheduleVersion
from app.advances.service import ADVANCE
from app.advances.tranches import schemas
from app.advances.tranches.models import Tranche
from app.awards.payments.queries import filters_of, known_of, more_filters_of, others_of, rows_of, sorts_of
from app.core.db import param
from app.core.reading.listing import Listing

_t = Tranche
_a = Advance
_advance_id = param("advance_id", _a.id.type)

_ROWS = rows_of(_t, _a, _t.advance_id, said=(_t.document_sha256,))

# Of one advance, and of all advances of the territory.
TRANCHES = Listing(
    schema=schemas.Tranche,
    rows=_ROWS.where(_t.advance_id == _advance_id),
    key=_t.id,
    version=_t.version,
    derived=True,
    parent=select(_a.id).where(_a.territory == param("territory", Text()), _a.id == _advance_id),
    filters=filters_of(_t, "tranche"),
    sorts=sorts_of(_t),
)
ALL_TRANCHES = Listing(
    schema=schemas.Tranche,
    rows=_ROWS,
    key=_t.id,
    version=_t.version,
    derived=True,
    filters={**filters_of(_t, "tranche"), **more_filters_of(_t, _a, "advance", "tranche")},
    sorts=sorts_of(_t),
)

_payment_id = param("payment_id", _t.id.type)
# Ids sort by birth: what was proposed later comes after it.
_before = (
    select(cast(func.count(_t.id), Integer))
    .where(*others_of(_t, _a, _t.advance_id), or_(_payment_id.is_(None), _t.id < _payment_id))
    .correlate(_a)
    .scalar_subquery()
    .label("tranches_before")
)
_newest = (
    select(ScheduleVersion.id)
    .where(ScheduleVersion.advance_id == _a.id)
    .order_by(ScheduleVersion.number.desc())
    .limit(1)
    .correlate(_a)
    .scalar_subquery()
)
_last_due_on = (
    select(cast(func.max(ScheduleLine.due_on), Date))
    .where(ScheduleLine.version_id == _newest)
    .correlate(_a)
    .scalar_subquery()
    .label("last_due_on")
)
KNOWN = known_of(_t, ADVANCE, _before, _last_due_on)
