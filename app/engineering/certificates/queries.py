"""Reads of certificates of service."""

from functools import cache

from sqlalchemy import Text, select

from app.access.models import Organisation, Subject
from app.core.db import Statement, param
from app.core.reading.listing import Listing, at_least, at_most, equals, json_array, json_object, updated_since
from app.core.values import Day, Uuid
from app.engineering.certificates import schemas
from app.engineering.certificates.models import CertificateLine, CertificateRemark, EarlierRefusal, ServiceCertificate
from app.engineering.entries.models import TimeEntry
from app.missions.models import Mission

_c, _n = ServiceCertificate, CertificateLine


_r = CertificateRemark


_counter = ServiceCertificate.__table__.alias("counter")
_cancelled = ServiceCertificate.__table__.alias("cancelled")


_lines = (
    select(
        json_array(
            json_object(
                profile=_n.profile,
                days=_n.days,
                day_rate_cents=_n.day_rate_cents,
                amount_excl_vat_cents=_n.amount_cents,
            ),
            _n.profile,
            _n.day_rate_cents,
        )
    )
    .where(_n.certificate_id == _c.id)
    .scalar_subquery()
)


_remarks = (
    select(
        json_array(
            json_object(entry_id=_r.entry_id, entry_worked_on=TimeEntry.worked_on, kind=_r.kind, reason=_r.reason),
            _r.entry_id,
        )
    )
    .join(TimeEntry, TimeEntry.id == _r.entry_id)
    .where(_r.certificate_id == _c.id)
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
    .where(EarlierRefusal.certificate_id == _c.id)
    .scalar_subquery()
)


CERTIFICATES = Listing(
    schema=schemas.ServiceCertificate,
    rows=select(
        _c.id,
        _c.number,
        _c.mission_id,
        Mission.name.label("mission_name"),
        _c.organisation_id,
        Organisation.name.label("organisation_name"),
        _c.from_on,
        _c.to_on,
        _c.days,
        _lines.label("lines"),
        _c.amount_cents.label("amount_excl_vat_cents"),
        _c.vat_rate_bp,
        _c.vat_cents,
        _c.total_cents,
        _remarks.label("remarks"),
        _earlier_refusals.label("earlier_refusals"),
        _c.content_hash,
        _c.cancels_id,
        _cancelled.c.number.label("cancels_number"),
        _counter.c.id.label("cancelled_by_id"),
        _counter.c.number.label("cancelled_by_number"),
        _c.reason,
        _c.certified_by,
        Subject.name.label("certified_by_name"),
        _c.version,
        _c.created_at,
        _c.updated_at,
    )
    .join(Mission, Mission.id == _c.mission_id)
    .join(Organisation, Organisation.id == _c.organisation_id)
    .join(Subject, Subject.id == _c.certified_by)
    .outerjoin(_cancelled, _cancelled.c.id == _c.cancels_id)
    .outerjoin(_counter, _counter.c.cancels_id == _c.id)
    .where(_c.territory == param("territory", Text())),
    key=_c.id,
    version=_c.version,
    derived=True,
    filters={
        "mission_id": equals(_c.mission_id, Uuid, "Certificates of this mission."),
        "organisation_id": equals(_c.organisation_id, Uuid, "Certificates of this member of the consortium."),
        "cancels_id": equals(_c.cancels_id, Uuid, "The counter-certificate of this certificate."),
        "period_from": at_least(_c.to_on, Day, "Certificates whose period ends on this Paris day or later."),
        "period_to": at_most(_c.from_on, Day, "Certificates whose period starts on this Paris day or earlier."),
        "updated_since": updated_since(_c.updated_at),
    },
    sorts={"number": _c.number, "from_on": _c.from_on, "total_cents": _c.total_cents},
    scopes={"organisation": lambda name: _c.organisation_id == param(name, _c.organisation_id.type)},
)


@cache
def certificate_content(own: bool) -> Statement:
    """The canonical JSON of a certificate, byte for byte."""
    c = ServiceCertificate
    conditions = [c.territory == param("territory", Text()), c.id == param("id", c.id.type)]
    if own:
        conditions.append(c.organisation_id == param("organisation", c.organisation_id.type))
    return Statement(select(c.content, c.content_hash).where(*conditions))
