"""Reads of grants."""

from sqlalchemy import Text, literal_column, select, text

from app.access.models import Subject
from app.awards.models import STANDS, AwardStatus
from app.awards.overrides.models import Override
from app.awards.queries import awards
from app.awards.recoveries.models import Recovery
from app.awards.recoveries.queries import IS_OPEN
from app.core.db import param
from app.core.reading.listing import Listing, any_of, at_least, at_most, equals, updated_since
from app.core.values import Day, ShortLine
from app.envelopes.queries import amount_range
from app.envelopes.rules import ActStatus
from app.grants import schemas
from app.grants.models import Grant, GrantPayment, PaymentKind
from app.projects.models import AIDED

_territory = param("territory", Text())
_g = Grant
_recorder = Subject.__table__.alias("recorder")
_override = Override.__table__.alias("override")

_in_recovery = select(Recovery.id).where(Recovery.grant_id == _g.id, IS_OPEN).exists()
GRANTS = awards(
    _g, schemas.Grant, "grant", AwardStatus, "paid_cents", _g.recovered_cents, _g.claimed_back_cents,
    _in_recovery.label("in_recovery"),
)  # fmt: skip

AIDED.append(
    select(
        _g.territory,
        _g.siren,
        _g.project_id,
        literal_column("'rebond_grant'").label("kind"),
        _g.id,
        (_g.amount_cents - _g.released_cents).label("amount_cents"),
        _g.decision_reference.label("reference"),
        (_g.status == AwardStatus.CLOSED).label("ended"),
    ).where(text(STANDS))
)

_p = GrantPayment
_grant_id = param("grant_id", _g.id.type)
PAYMENTS = Listing(
    schema=schemas.Payment,
    rows=select(
        _p.id,
        _p.grant_id,
        _p.amount_cents,
        _p.paid_on,
        _p.kind,
        _p.reference,
        _p.override_id,
        _override.c.code.label("override_code"),
        _p.status,
        _p.reason,
        _p.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _p.version,
        _p.created_at,
        _p.updated_at,
    )
    .join(_recorder, _recorder.c.id == _p.recorded_by)
    .outerjoin(_override, _override.c.id == _p.override_id)
    .where(_p.territory == _territory, _p.grant_id == _grant_id),
    key=_p.id,
    version=_p.version,
    derived=True,
    parent=select(_g.id).where(_g.territory == _territory, _g.id == _grant_id),
    filters={
        "kind": any_of(_p.kind, PaymentKind, "Any of these kinds."),
        **amount_range(_p.amount_cents),
        "status": any_of(_p.status, ActStatus, "Recorded, or reversed."),
        "paid_from": at_least(_p.paid_on, Day, "Paid on this day or later."),
        "paid_to": at_most(_p.paid_on, Day, "Paid on this day or earlier."),
        "reference": equals(_p.reference, ShortLine, "The payment with this reference."),
        "updated_since": updated_since(_p.updated_at),
    },
    sorts={"paid_on": _p.paid_on, "amount_cents": _p.amount_cents},
)
