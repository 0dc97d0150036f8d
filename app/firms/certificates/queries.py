"""Reads of certificates of firms."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Select, Text, func, literal_column, select

from app.access.models import Subject
from app.core.db import param
from app.core.reading.listing import Filter, Listing, any_of, at_least, at_most, equals, holds, updated_since
from app.core.reading.query import Parameter
from app.core.values import Day, Sha256
from app.firms.certificates import schemas
from app.firms.certificates.models import CertificateKind, FirmCertificate
from app.firms.models import Firm
from app.firms.queries import FOLLOWED

_c = FirmCertificate


def counts_longest(of_firm: ColumnElement[bool], kind: CertificateKind, days: Any, on: Any) -> Select[UUID, date]:
    """The certificate of a kind that counts longest (`id`, `until_on`), of those that were issued by a day.

    It counts until its last day, and at most `days` after the day on which it was issued; null: only until its last.
    """
    until_on = func.least(_c.valid_until_on, _c.issued_on + days, type_=Date())
    of_kind = _c.kind == literal_column(f"'{kind}'", Text())
    return (
        select(_c.id, until_on.label("until_on"))
        .where(of_firm, of_kind, _c.reversed_on.is_(None), _c.issued_on <= on)
        .order_by(until_on.desc(), _c.id.desc())
        .limit(literal_column("1"))
    )


CERTIFICATES = Listing(
    schema=schemas.FirmCertificate,
    rows=select(
        _c.id,
        _c.territory,
        _c.siren,
        Firm.name.label("firm_name"),
        _c.kind,
        _c.issued_on,
        _c.valid_until_on,
        _c.sha256,
        _c.recorded_by,
        Subject.name.label("recorded_by_name"),
        _c.reversed_on,
        _c.reversal_reason,
        _c.version,
        _c.created_at,
        _c.updated_at,
    )
    .join(Firm, Firm.siren == _c.siren)
    .outerjoin(Subject, Subject.id == _c.recorded_by)
    .where(_c.territory == param("territory", Text()), _c.siren == param("siren", Text())),
    key=_c.id,
    version=_c.version,
    derived=True,
    parent=FOLLOWED,
    filters={
        "kind": any_of(_c.kind, CertificateKind, "Of any of these kinds."),
        "valid_on": Filter(
            Parameter(Day, "Certificates that count on this day: issued by then, still valid, and not reversed."),
            lambda name: (
                param(name, Date()).between(_c.issued_on, _c.valid_until_on) & _c.reversed_on.is_(None)
            ),
        ),
        "valid_until_from": at_least(_c.valid_until_on, Day, "Valid until this day or a later one."),
        "valid_until_to": at_most(_c.valid_until_on, Day, "Valid until this day or an earlier one."),
        "reversed": holds(_c.reversed_on.is_not(None), "true for reversed certificates only, false for the others."),
        "sha256": equals(_c.sha256, Sha256, "The certificate whose file has this digest."),
        "updated_since": updated_since(_c.updated_at),
    },
    sorts={"valid_until_on": _c.valid_until_on, "issued_on": _c.issued_on, "updated_at": _c.updated_at},
)  # fmt: skip
