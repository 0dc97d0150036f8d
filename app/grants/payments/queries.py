"""Reads of payments of grants, and what the ceilings of one look at beside the conditions of every payment."""

from typing import Any

from sqlalchemy import BigInteger, Text, cast, func, select, text

from app.awards.payments.queries import filters_of, known_of, more_filters_of, others_of, rows_of, sorts_of
from app.awards.recoveries.models import Recovery
from app.core.db import literals, param
from app.core.reading.listing import Listing, any_of
from app.grants.models import Grant
from app.grants.payments import schemas
from app.grants.payments.models import GrantPayment
from app.grants.payments.rules import PaymentKind
from app.grants.service import GRANT

_p = GrantPayment
_g = Grant
_grant_id = param("grant_id", _g.id.type)

_ROWS = rows_of(
    _p, _g, _p.grant_id,
    (
        _p.set_off_cents,
        _p.set_off_recovery_id,
        Recovery.order_number.label("set_off_order_number"),
        (_p.amount_cents - func.coalesce(_p.set_off_cents, 0)).label("transfer_cents"),
    ),
    (_p.kind,),
).outerjoin(Recovery, Recovery.id == _p.set_off_recovery_id)  # fmt: skip
_FILTERS = {"kind": any_of(_p.kind, PaymentKind, "Any of these kinds."), **filters_of(_p, "payment")}

# Of one grant, and of all grants of the territory.
PAYMENTS = Listing(
    schema=schemas.Payment,
    rows=_ROWS.where(_p.grant_id == _grant_id),
    key=_p.id,
    version=_p.version,
    derived=True,
    parent=select(_g.id).where(_g.territory == param("territory", Text()), _g.id == _grant_id),
    filters=_FILTERS,
    sorts=sorts_of(_p),
)
ALL_PAYMENTS = Listing(
    schema=schemas.Payment,
    rows=_ROWS,
    key=_p.id,
    version=_p.version,
    derived=True,
    filters={**_FILTERS, **more_filters_of(_p, _g, "grant", "payment")},
    sorts=sorts_of(_p),
)


def _paid_by(kind: PaymentKind) -> Any:
    """What is paid or in flight of the grant's payments of a kind, but for the one that is tried."""
    cents = select(cast(func.coalesce(func.sum(_p.amount_cents), text("0")), BigInteger))
    others = cents.where(*others_of(_p, _g, _p.grant_id), _p.kind.in_(literals([kind])))
    return others.correlate(_g).scalar_subquery().label(f"{kind}s_cents")


KNOWN = known_of(_p, GRANT, _paid_by(PaymentKind.ADVANCE_PAYMENT), _paid_by(PaymentKind.INTERIM_PAYMENT))
