"""Reads of invoices, and of the acts on them."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import aliased

from app.access.models import Organisation, Subject
from app.core.db import literals, param, paris_day
from app.core.reading.listing import (
    Filter,
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    holds,
    json_array,
    json_object,
    matches,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.values import Day, ShortLine, Siren, Uuid
from app.engineering.certificates.models import ServiceCertificate
from app.engineering.invoices import schemas
from app.engineering.invoices.models import (
    Invoice,
    InvoiceCertificate,
    InvoiceLine,
    InvoicePassage,
    InvoiceVat,
)
from app.engineering.invoices.rates.queries import IN_FORCE
from app.engineering.invoices.rules import ENDED, UNPAID, InvoiceAct, InvoiceKind, InvoiceState
from app.missions.frameworks.parameters import LATE_MARGIN_BP, RECOVERY_FEE_CENTS, value_on
from app.missions.models import Mission

_i, _x, _l, _v, _p = Invoice, InvoiceCertificate, InvoiceLine, InvoiceVat, InvoicePassage
_territory = param("territory", Text())
_last, _later = (aliased(InvoicePassage, name=name) for name in ("last", "later"))
_corrected, _credit = (aliased(Invoice, name=name) for name in ("corrected", "credit"))
_payer = Organisation.__table__.alias("payer")
_maker, _recorder = (Subject.__table__.alias(name) for name in ("maker", "recorder"))
_TODAY = paris_day(func.now())
_ONE, _NOTHING = literal_column("1", Integer()), literal_column("0", BigInteger())
_FALSE: Any = literal_column("false")


_credited = (
    select(func.coalesce(func.sum(_credit.total_cents), _NOTHING))
    .where(_credit.corrects_id == _i.id, _credit.stands)
    .scalar_subquery()
)
_OWED = func.greatest(cast(_i.total_cents + _credited, Numeric), _NOTHING)


def late_on(day: Any) -> ColumnElement[bool]:
    """Invoices that were paid after their last day, or on this day stand unpaid after it, not wholly credited."""
    unpaid = _i.state.in_(literals(UNPAID)) & (_i.due_on < day) & (_OWED > _NOTHING)
    condition: ColumnElement[bool] = func.coalesce(unpaid | (_i.paid_on > _i.due_on), _FALSE)
    return condition


_LATE = late_on(_TODAY)
_DAYS_LATE = case((_LATE, func.coalesce(_i.paid_on, _TODAY) - _i.due_on), else_=literal_column("0", Integer()))
_BEGINS_ON = cast(_i.due_on + _ONE, Date)  # late interest runs from the day after (CCP, art. R. 2192-32)
_HALF_YEAR = func.make_date(
    cast(func.extract("year", _BEGINS_ON), Integer),
    case((func.extract("month", _BEGINS_ON) < literal_column("7"), _ONE), else_=literal_column("7", Integer())),
    _ONE,
)
_recorded = IN_FORCE.subquery("recorded")
_ecb_rate = select(_recorded.c.rate_bp).where(_recorded.c.from_on == _HALF_YEAR).scalar_subquery()
_RATE = case((_LATE, _ecb_rate + cast(value_on(_i.mission_id, LATE_MARGIN_BP, _BEGINS_ON), BigInteger)))
_INTEREST = case(
    (
        _LATE,
        cast(func.round(_OWED * _DAYS_LATE * _RATE / literal_column("3650000.0", Numeric())), BigInteger),
    ),
    else_=_NOTHING,
)
_FEE = case((_LATE, cast(value_on(_i.mission_id, RECOVERY_FEE_CENTS, _BEGINS_ON), BigInteger)), else_=_NOTHING)

_certificates = (
    select(
        json_array(
            json_object(
                id=ServiceCertificate.id,
                number=ServiceCertificate.number,
                from_on=ServiceCertificate.from_on,
                to_on=ServiceCertificate.to_on,
            ),
            ServiceCertificate.number,
        )
    )
    .join(_x, _x.certificate_id == ServiceCertificate.id)
    .where(_x.invoice_id == _i.id)
    .scalar_subquery()
)
_lines = (
    select(
        json_array(
            json_object(
                certificate_number=ServiceCertificate.number,
                profile=_l.profile,
                days=_l.days,
                day_rate_cents=_l.day_rate_cents,
                amount_excl_vat_cents=_l.amount_cents,
                vat_rate_bp=_l.vat_rate_bp,
            ),
            _l.number,
        )
    )
    .join(ServiceCertificate, ServiceCertificate.id == _l.certificate_id)
    .where(_l.invoice_id == _i.id)
    .scalar_subquery()
)
_vat = (
    select(
        json_array(json_object(rate_bp=_v.rate_bp, taxable_cents=_v.taxable_cents, vat_cents=_v.vat_cents), _v.rate_bp)
    )
    .where(_v.invoice_id == _i.id)
    .scalar_subquery()
)
_told = (InvoiceState.SUSPENDED, *ENDED)

INVOICES = Listing(
    schema=schemas.Invoice,
    rows=select(
        _i.id,
        _i.kind,
        _i.number,
        _i.state,
        case((_i.state.in_(literals(_told)), _last.reason)).label("reason"),
        _i.mission_id,
        Mission.name.label("mission_name"),
        _i.organisation_id,
        Organisation.name.label("organisation_name"),
        _i.supplier_siren,
        _i.payer_id,
        _payer.c.name.label("payer_name"),
        _i.payer_siret,
        _i.engagement_number,
        _i.service_code,
        _i.issued_on,
        _certificates.label("certificates"),
        _i.corrects_id,
        _corrected.number.label("corrects_number"),
        _i.days,
        _lines.label("lines"),
        _i.amount_cents.label("amount_excl_vat_cents"),
        _vat.label("vat"),
        _i.vat_cents,
        _i.total_cents,
        _i.service_on,
        _i.received_on,
        _i.due_on,
        _i.paid_on,
        _LATE.label("late"),
        _DAYS_LATE.label("days_late"),
        _RATE.label("late_rate_bp"),
        _INTEREST.label("late_interest_cents"),
        _FEE.label("recovery_fee_cents"),
        _i.content_hash,
        _i.made_by,
        _maker.c.name.label("made_by_name"),
        _i.version,
        _i.created_at,
        _i.updated_at,
    )
    .join(Mission, Mission.id == _i.mission_id)
    .join(Organisation, Organisation.id == _i.organisation_id)
    .join(_payer, _payer.c.id == _i.payer_id)
    .join(_maker, _maker.c.id == _i.made_by)
    .outerjoin(_corrected, _corrected.id == _i.corrects_id)
    .outerjoin(_last, and_(_last.invoice_id == _i.id, _last.number == _i.passage_number))
    .where(_i.territory == _territory),
    key=_i.id,
    version=_i.version,
    derived=True,
    filters={
        "kind": any_of(_i.kind, InvoiceKind, "Invoices, credit notes, or both."),
        "state": any_of(_i.state, InvoiceState, "Invoices in any of these states."),
        "stands": holds(_i.stands, "true: neither rejected nor cancelled; false: rejected or cancelled."),
        "late": holds(_LATE, "true: paid after due_on, or unpaid today after due_on; false: all others."),
        "overdue": holds(_LATE & _i.paid_on.is_(None), "true: unpaid today after due_on; false: all others."),
        "mission_id": equals(_i.mission_id, Uuid, "Invoices of this mission."),
        "organisation_id": equals(_i.organisation_id, Uuid, "Invoices of this member of the consortium."),
        "number": equals(_i.number, schemas.Number, "Invoices with exactly this number."),
        "supplier_siren": equals(_i.supplier_siren, Siren, "Invoices of the firm with this SIREN."),
        "certificate_id": Filter(
            Parameter(Uuid, "Invoices that contain this certificate, those that no longer stand among them."),
            lambda name: exists().where(_x.invoice_id == _i.id, _x.certificate_id == param(name, _i.id.type)),
        ),
        "corrects_id": equals(_i.corrects_id, Uuid, "Credit notes of this invoice."),
        "engagement_number": equals(_i.engagement_number, ShortLine, "With this engagement number."),
        "issued_from": at_least(_i.issued_on, Day, "Issued on this Paris day or later."),
        "issued_to": at_most(_i.issued_on, Day, "Issued on this Paris day or earlier."),
        "due_from": at_least(_i.due_on, Day, "Due on this Paris day or later."),
        "due_to": at_most(_i.due_on, Day, "Due on this Paris day or earlier."),
        "q": matches(_i.number, doc="Part of the number, without accents or case."),
        "updated_since": updated_since(_i.updated_at),
    },
    sorts={
        "number": _i.number,
        "issued_on": _i.issued_on,
        "due_on": _i.due_on,
        "total_cents": _i.total_cents,
        "updated_at": _i.updated_at,
    },
    owner=_i.organisation_id,
)

_invoice_id = param("invoice_id", _i.id.type)


_of_it = (_i.territory == _territory, _i.id == _invoice_id)
HISTORY = Listing(
    schema=schemas.InvoicePassage,
    rows=select(
        _p.number,
        _p.invoice_id,
        _i.number.label("invoice_number"),
        _p.act,
        _p.from_state,
        _p.to_state,
        _p.effective_on,
        _p.reverses_number,
        select(literal_column("1"))
        .where(_later.invoice_id == _p.invoice_id, _later.reverses_number == _p.number)
        .correlate(_p)
        .exists()
        .label("reversed"),
        _p.reason,
        _p.payment_days,
        _p.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _p.recorded_at,
    )
    .join(_i, _i.id == _p.invoice_id)
    .outerjoin(_recorder, _recorder.c.id == _p.recorded_by)
    .where(*_of_it),
    key=_p.number,
    key_name="number",
    parent=select(_i.id).where(*_of_it),
    filters={
        "act": any_of(_p.act, InvoiceAct, "Any of these acts."),
        "effective_from": at_least(_p.effective_on, Day, "Dated on this day or later."),
        "effective_to": at_most(_p.effective_on, Day, "Dated on this day or earlier."),
    },
    sorts={"effective_on": _p.effective_on},
    owner=_i.organisation_id,
)
