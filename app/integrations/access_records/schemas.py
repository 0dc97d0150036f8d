"""Schemas of access records."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.core.schemas import Id, PersonNameOrNull, Read
from app.core.serving.trail import AccessKind


class AccessRecord(Read):
    """An answer with personal or confidential fields, or the refusals of one minute that are alike."""

    id: Id
    kind: AccessKind = Field(
        description="read: an answer with fields that are personal or confidential, unless it is that of an event;"
        " refused: a caller who is known was"
        " refused, or told that there is nothing; failed_authentication: a key or a code that is none, or none at all."
    )
    occurred_at: datetime = Field(description="Instant in UTC of the answer, or of the first of the refusals.")
    subject_id: UUID | None = Field(
        description="The person or service account that asked; null where the caller is not known."
    )
    subject_name: PersonNameOrNull = Field(description="Present name of the subject; null as the id is.")
    organisation_id: UUID | None = Field(
        description="The organisation that the subject belongs to at present; null as subject_id is."
    )
    organisation_name: str | None = Field(description="Present name of that organisation; null as the id is.")
    key_id: UUID | None = Field(
        description="The API key that was used; null where the caller is not known, or where the refusals are of"
        " several keys."
    )
    key_name: str | None = Field(description="Name of the key; null as the id is.")
    address: PersonNameOrNull = Field(
        description="Address from which a caller who is not known asked: of IPv4, or the network of 64 bits of IPv6;"
        " empty where the connection has none. Null where the subject is known."
    )
    method: str = Field(description="Method of the request, such as GET.")
    route: str = Field(description="Address of the operation as the OpenAPI document has it.")
    path: str | None = Field(description="Path that was read, without its query; null of refusals.")
    territory: str | None = Field(
        description="Slug of the territory in the address, as it was asked for; null where there is none, or where the"
        " refusals name several."
    )
    status: int = Field(description="HTTP status of the answer.")
    code: str | None = Field(description="Code of the problem; null of a read.")
    count: int = Field(
        description="Number of answers: 1 of a read; of refusals, those of one minute by one caller, route and code, as"
        " one worker counted them."
    )
    request_id: str | None = Field(description="X-Request-Id of the answer; null of refusals.")
    kept_until: datetime = Field(description="Instant in UTC from which `rebond tick` deletes the record.")
