"""Reads of contacts."""

from typing import Any, Literal

from sqlalchemy import Text, column, exists, select, table

from app.access.models import Subject
from app.core.db import param
from app.core.reading.listing import (
    Filter,
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    matches,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.values import Day, ExternalId, Siren, Uuid
from app.firms.contacts import schemas
from app.firms.contacts.models import Contact, LegalBasis, Purpose
from app.firms.models import Firm

_k = Contact

# Auditions live below this domain and are named by string, as a foreign key would.
_took_part = table("audition_contacts", column("contact_id"), column("audition_id", Contact.id.type))


def _attended(name: str) -> Any:
    return exists().where(
        _took_part.c.contact_id == _k.id, _took_part.c.audition_id == param(name, _took_part.c.audition_id.type)
    )


CONTACTS = Listing(
    schema=schemas.Contact,
    rows=select(
        _k.id,
        _k.territory,
        _k.siren,
        Firm.name.label("firm_name"),
        _k.name,
        _k.function,
        _k.email,
        _k.phone,
        _k.purpose,
        _k.legal_basis,
        _k.retain_until_on,
        _k.external_id,
        _k.erased_at,
        _k.erased_because,
        _k.recorded_by,
        Subject.name.label("recorded_by_name"),
        _k.version,
        _k.created_at,
        _k.updated_at,
    )
    .join(Firm, Firm.siren == _k.siren)
    .outerjoin(Subject, Subject.id == _k.recorded_by)
    .where(_k.territory == param("territory", Text())),
    key=_k.id,
    version=_k.version,
    derived=True,
    filters={
        "siren": any_of(_k.siren, Siren, "Persons of any of these firms, by SIREN."),
        "audition_id": Filter(Parameter(Uuid, "Persons who take part in the audition with this id."), _attended),
        "purpose": any_of(_k.purpose, Purpose, "Kept for any of these purposes."),
        "legal_basis": any_of(_k.legal_basis, LegalBasis, "Kept on any of these grounds."),
        "retain_until_from": at_least(_k.retain_until_on, Day, "Kept until this day or later."),
        "retain_until_to": at_most(_k.retain_until_on, Day, "Kept until this day or earlier."),
        "erased": Filter(
            Parameter(Literal["true", "false"], "true for erased persons only, false for the others."),
            lambda name: (_k.erased_at.is_not(None)) == (param(name, Text()) == "true"),
        ),
        "external_id": equals(_k.external_id, ExternalId, "The person who has this identifier in another system."),
        "q": matches(
            _k.name, _k.function, _k.email, doc="Part of the name, the function or the e-mail, without accents or case."
        ),
        "updated_since": updated_since(_k.updated_at),
    },
    sorts={"name": _k.name, "retain_until_on": _k.retain_until_on, "updated_at": _k.updated_at},
)
