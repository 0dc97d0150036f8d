"""Reads of access records."""

from dataclasses import replace
from typing import Annotated, Any

from sqlalchemy import select

from app.access.models import ApiKey, Organisation, Subject
from app.core import values
from app.core.reading.listing import Listing, any_of, at_least, at_most, equals
from app.core.serving.addresses import counted_as
from app.core.serving.trail import AccessKind
from app.core.values import Instant, Slug, Uuid
from app.integrations.access_records import schemas
from app.integrations.access_records.models import AccessRecord

_r = AccessRecord
_told: dict[str, Any] = {
    "territory": _r.place.label("territory"),
    "subject_name": Subject.name.label("subject_name"),
    "organisation_id": Subject.organisation_id,
    "organisation_name": Organisation.name.label("organisation_name"),
    "key_name": ApiKey.name.label("key_name"),
}
_Address = Annotated[str, values.text(60)]
_Text = Annotated[str, values.text(500)]

ACCESS_RECORDS = Listing(
    schema=schemas.AccessRecord,
    rows=select(*(_told[name] if name in _told else getattr(_r, name) for name in schemas.AccessRecord.model_fields))
    .outerjoin(Subject, Subject.id == _r.subject_id)
    .outerjoin(Organisation, Organisation.id == Subject.organisation_id)
    .outerjoin(ApiKey, ApiKey.id == _r.key_id),
    key=_r.id,
    derived=True,
    filters={
        "kind": any_of(_r.kind, AccessKind, "Records of any of these kinds."),
        "subject_id": equals(_r.subject_id, Uuid, "What this person or service account read, and was refused."),
        "organisation_id": equals(Subject.organisation_id, Uuid, "Subjects of this organisation."),
        "key_id": equals(_r.key_id, Uuid, "What was read, and refused, with this key."),
        "address": replace(
            equals(_r.address, _Address, "Callers who are not known, from this address; of IPv6, from its /64."),
            prepare=counted_as,
        ),
        "route": equals(_r.route, _Text, "Answers of this address of the OpenAPI document, braces included."),
        "path": equals(_r.path, _Text, "Reads of exactly this path, without a query: who read this object."),
        "territory": any_of(_r.place, Slug, "Addresses of any of these territories."),
        "code": any_of(_r.code, Slug, "Refusals by any of these codes of problems."),
        "occurred_from": at_least(_r.occurred_at, Instant, "Answers of this instant or later."),
        "occurred_to": at_most(_r.occurred_at, Instant, "Answers of this instant or before."),
    },
    sorts={"occurred_at": _r.occurred_at},
    default_sort="-occurred_at",
)
