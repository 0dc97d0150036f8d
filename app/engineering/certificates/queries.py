"""Reads of certificates of service."""

from typing import Any

from sqlalchemy import Boolean, Text, case, column, exists, select, table

from app.access.models import Organisation, Subject
from app.core.db import param
from app.core.reading.listing import (
    Listing,
    at_least,
    at_most,
    equals,
    holds,
    json_array,
    json_object,
    updated_since,
)
from app.core.values import Day, Uuid
from app.engineering.certificates import schemas
from app.engineering.certificates.models import CertificateLine, CertificateRemark, EarlierRefusal, ServiceCertificate
from app.engineering.entries.models import TimeEntry
from app.missions.models import Mission

_certificate, _line = ServiceCertificate, CertificateLine


_remark = CertificateRemark


_counter = ServiceCertificate.__table__.alias("counter")
_cancelled = ServiceCertificate.__table__.alias("cancelled")
_later = ServiceCertificate.__table__.alias("later_certificate")


_lines = (
    select(
        json_array(
            json_object(
                profile=_line.profile,
                days=_line.days,
                day_rate_cents=_line.day_rate_cents,
                amount_excl_vat_cents=_line.amount_cents,
            ),
            _line.profile,
            _line.day_rate_cents,
        )
    )
    .where(_line.certificate_id == _certificate.id)
    .scalar_subquery()
)


_remarks = (
    select(
        json_array(
            json_object(
                entry_id=_remark.entry_id, entry_worked_on=TimeEntry.worked_on, kind=_remark.kind, reason=_remark.reason
            ),
            _remark.entry_id,
        )
    )
    .join(TimeEntry, TimeEntry.id == _remark.entry_id)
    .where(_remark.certificate_id == _certificate.id)
    .scalar_subquery()
)


_earlier_refusals = (
    select(
        json_array(
            json_object(
                entry_id=EarlierRefusal.entry_id, entry_worked_on=TimeEntry.worked_on, reason=EarlierRefusal.reason
            ),
            EarlierRefusal.entry_id,
        )
    )
    .join(TimeEntry, TimeEntry.id == EarlierRefusal.entry_id)
    .where(EarlierRefusal.certificate_id == _certificate.id)
    .scalar_subquery()
)


# Invoices stand on certificates, and are named as a foreign key would.
_invoiced = table("invoice_certificates", column("certificate_id", _certificate.id.type), column("stands", Boolean()))


def _is_invoiced(certificate_id: Any) -> Any:
    return exists().where(_invoiced.c.certificate_id == certificate_id, _invoiced.c.stands)


# What waits for an invoice, or of a counter-certificate for a credit note: of a certificate that was cancelled before
# it was invoiced nothing does.
TO_INVOICE: Any = ~_is_invoiced(_certificate.id) & case(
    (_certificate.cancels_id.is_(None), ~exists().where(_later.c.cancels_id == _certificate.id)),
    else_=_is_invoiced(_certificate.cancels_id),
)

CERTIFICATES = Listing(
    schema=schemas.ServiceCertificate,
    rows=select(
        _certificate.id,
        _certificate.number,
        _certificate.mission_id,
        Mission.name.label("mission_name"),
        _certificate.organisation_id,
        Organisation.name.label("organisation_name"),
        _certificate.from_on,
        _certificate.to_on,
        _certificate.days,
        _lines.label("lines"),
        _certificate.amount_cents.label("amount_excl_vat_cents"),
        _certificate.vat_rate_bp,
        _certificate.vat_cents,
        _certificate.total_cents,
        _remarks.label("remarks"),
        _earlier_refusals.label("earlier_refusals"),
        _certificate.content_hash,
        _certificate.cancels_id,
        _cancelled.c.number.label("cancels_number"),
        _counter.c.id.label("cancelled_by_id"),
        _counter.c.number.label("cancelled_by_number"),
        _certificate.reason,
        _certificate.certified_by,
        Subject.name.label("certified_by_name"),
        _certificate.version,
        _certificate.created_at,
        _certificate.updated_at,
    )
    .join(Mission, Mission.id == _certificate.mission_id)
    .join(Organisation, Organisation.id == _certificate.organisation_id)
    .join(Subject, Subject.id == _certificate.certified_by)
    .outerjoin(_cancelled, _cancelled.c.id == _certificate.cancels_id)
    .outerjoin(_counter, _counter.c.cancels_id == _certificate.id)
    .where(_certificate.territory == param("territory", Text())),
    key=_certificate.id,
    version=_certificate.version,
    derived=True,
    filters={
        "mission_id": equals(_certificate.mission_id, Uuid, "Certificates of this mission."),
        "organisation_id": equals(_certificate.organisation_id, Uuid, "Certificates of this member of the consortium."),
        "cancels_id": equals(_certificate.cancels_id, Uuid, "The counter-certificate of this certificate."),
        "to_invoice": holds(
            TO_INVOICE,
            "true: those that wait for an invoice, or as counter-certificates for a credit note; false: all others.",
        ),
        "period_from": at_least(_certificate.to_on, Day, "Certificates whose period ends on this Paris day or later."),
        "period_to": at_most(
            _certificate.from_on, Day, "Certificates whose period starts on this Paris day or earlier."
        ),
        "updated_since": updated_since(_certificate.updated_at),
    },
    sorts={"number": _certificate.number, "from_on": _certificate.from_on, "total_cents": _certificate.total_cents},
    owner=_certificate.organisation_id,
)
