"""Reads of grants."""

from sqlalchemy import Text, case, literal_column, select

from app.access.models import Subject
from app.awards.models import AwardStatus
from app.core.db import param
from app.core.reading.listing import Listing, any_of, at_least, at_most, equals, matches, updated_since
from app.core.values import Day, ExternalId, ShortLine, Siren
from app.envelopes.queries import amount_range
from app.envelopes.rules import ActStatus
from app.firms.models import Firm
from app.grants import schemas
from app.grants.models import Grant, GrantPayment, PaymentKind

_territory = param("territory", Text())
_g = Grant
_awarder, _recorder = Subject.__table__.alias("awarder"), Subject.__table__.alias("recorder")

GRANTS = Listing(
    schema=schemas.Grant,
    rows=select(
        _g.id,
        _g.territory,
        _g.siren.label("siren"),
        Firm.name.label("firm_name"),
        _g.project_title,
        _g.amount_cents,
        _g.paid_cents,
        _g.released_cents,
        case(
            (_g.status == literal_column(f"'{AwardStatus.REVERSED}'"), 0),
            else_=_g.amount_cents - _g.paid_cents - _g.released_cents,
        ).label("remaining_cents"),
        _g.decided_on,
        _g.decision_reference,
        _g.external_id,
        _g.status,
        _g.reason,
        _g.awarded_by,
        _awarder.c.name.label("awarded_by_name"),
        _g.version,
        _g.created_at,
        _g.updated_at,
    )
    .join(Firm, Firm.siren == _g.siren)
    .join(_awarder, _awarder.c.id == _g.awarded_by)
    .where(_g.territory == _territory),
    key=_g.id,
    version=_g.version,
    derived=True,
    filters={
        "status": any_of(_g.status, AwardStatus, "Any of these states."),
        "siren": equals(_g.siren, Siren, "Grants to this firm."),
        "decision_reference": equals(_g.decision_reference, ShortLine, "The grant with this decision."),
        "external_id": equals(_g.external_id, ExternalId, "The grant that another system knows by this id."),
        **amount_range(_g.amount_cents),
        "decided_from": at_least(_g.decided_on, Day, "Decided on this day or later."),
        "decided_to": at_most(_g.decided_on, Day, "Decided on this day or earlier."),
        "q": matches(_g.project_title, Firm.name, doc="Part of the project's title or the firm's name."),
        "updated_since": updated_since(_g.updated_at),
    },
    sorts={"decided_on": _g.decided_on, "amount_cents": _g.amount_cents, "updated_at": _g.updated_at},
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
        _p.status,
        _p.reason,
        _p.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _p.version,
        _p.created_at,
        _p.updated_at,
    )
    .join(_recorder, _recorder.c.id == _p.recorded_by)
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
