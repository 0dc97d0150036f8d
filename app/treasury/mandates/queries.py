"""Reads of mandates."""

from typing import Any

from sqlalchemy import Text, select

from app.access.models import Organisation, Subject
from app.core.db import literals, param
from app.core.reading.listing import Listing, equals, holds, updated_since
from app.core.values import ShortLine
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.rules import BankDetailsStatus
from app.firms.models import Firm
from app.firms.queries import FOLLOWED
from app.treasury.mandates import schemas
from app.treasury.mandates.models import Mandate

_m = Mandate
USABLE: Any = _m.ended_on.is_(None) & BankDetails.status.in_(literals([BankDetailsStatus.APPROVED]))

MANDATES = Listing(
    schema=schemas.Mandate,
    rows=select(
        _m.id,
        _m.territory,
        _m.siren,
        Firm.name.label("firm_name"),
        _m.organisation_id,
        Organisation.name.label("organisation_name"),
        _m.reference,
        _m.signed_on,
        _m.bank_details_id,
        BankDetails.iban_masked.label("iban"),
        USABLE.label("usable"),
        _m.ended_on,
        _m.recorded_by,
        Subject.name.label("recorded_by_name"),
        _m.version,
        _m.created_at,
        _m.updated_at,
    )
    .join(Firm, Firm.siren == _m.siren)
    .join(Organisation, Organisation.id == _m.organisation_id)
    .join(BankDetails, BankDetails.id == _m.bank_details_id)
    .join(Subject, Subject.id == _m.recorded_by)
    .where(_m.territory == param("territory", Text()), _m.siren == param("siren", Text())),
    key=_m.id,
    version=_m.version,
    derived=True,
    parent=FOLLOWED,
    filters={
        "reference": equals(_m.reference, ShortLine, "The mandate with this reference."),
        "ended": holds(_m.ended_on.is_not(None), "true for mandates that have ended only, false for the others."),
        "updated_since": updated_since(_m.updated_at),
    },
    sorts={"signed_on": _m.signed_on},
)
