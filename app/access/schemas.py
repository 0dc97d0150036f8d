"""What travels about access."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field, model_validator

from app.access.rules import Role, Scope, SubjectKind
from app.core.messages import PERIOD_REVERSED
from app.core.schemas import PERSONAL, Body, Read
from app.core.values import Day, Email, Instant, Line, ShortLine, Siren, Slug, Uuid


class OrganisationCreate(Body):
    """An organisation. A State service without a SIREN of its own has none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Ancoris (demonstration)", "siren": "900000019"}]}
    )

    name: Line
    siren: Siren | None = None


class OrganisationUpdate(Body):
    """Fields of an organisation to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ancoris Conseil (demonstration)"}]})

    name: Line | MISSING = MISSING
    siren: Siren | None | MISSING = MISSING


class Organisation(Read):
    """A body that takes part in the programme."""

    id: UUID
    siren: str | None
    name: str
    version: int
    created_at: datetime
    updated_at: datetime


class PersonCreate(Body):
    """A human, once, whatever the territories. The e-mail address tells homonyms apart."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Consultante A", "email": "a@ancoris.example"}]})

    name: ShortLine
    email: Email | None = None


class PersonUpdate(Body):
    """Fields of a person to change; `organisation_id` moves the person to another organisation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Consultante A"}]})

    name: ShortLine | MISSING = MISSING
    email: Email | None | MISSING = MISSING
    organisation_id: Uuid | MISSING = MISSING


class Person(Read):
    """A human who can hold roles and be assigned to missions."""

    id: UUID
    organisation_id: UUID
    organisation_name: str
    name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    email: Annotated[str | None, Field(json_schema_extra=PERSONAL)]
    version: int
    created_at: datetime
    updated_at: datetime


class ServiceAccountCreate(Body):
    """A program of an organisation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "data-warehouse"}]})

    name: ShortLine


class ServiceAccount(Read):
    """A program that can hold roles. It never validates, certifies, approves or decides."""

    id: UUID
    organisation_id: UUID
    organisation_name: str
    name: str
    version: int
    created_at: datetime
    updated_at: datetime


class MemberCreate(Body):
    """A role for a subject: in one territory, or in all where `territory` is absent. Without `from_on`, from today."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"subject_id": "019a9f5e-0000-7000-8000-000000000000", "role": "lead", "territory": "ales",
                 "from_on": "2023-06-14"}
            ]
        }
    )  # fmt: skip

    subject_id: Uuid
    role: Role
    territory: Slug | None = None
    from_on: Day | None = None
    to_on: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "MemberCreate":
        if self.from_on is not None and self.to_on is not None and self.to_on < self.from_on:
            raise PERIOD_REVERSED.error()
        return self


class MemberUpdate(Body):
    """The last day of a role, both days included; null makes it open again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_on": "2026-12-31"}]})

    to_on: Day | None


class Member(Read):
    """A role held by a subject."""

    id: UUID
    subject_id: UUID
    subject_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    subject_kind: SubjectKind
    organisation_id: UUID
    organisation_name: str
    role: Role
    territory: str | None
    from_on: date
    to_on: date | None
    version: int
    created_at: datetime
    updated_at: datetime


class ApiKeyCreate(Body):
    """A new key for a subject."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"subject_id": "019a9f5e-0000-7000-8000-000000000000", "name": "laptop", "scope": "full"}]
        }
    )

    subject_id: Uuid
    name: ShortLine
    scope: Scope = Scope.FULL
    expires_at: Instant | None = None


class ApiKeyRotate(Body):
    """How long the old key goes on working beside the new one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Annotated[int, Field(strict=True, ge=0, le=720)] = 24


class ApiKey(Read):
    """An API key, without its secret."""

    id: UUID
    subject_id: UUID
    subject_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    name: str
    prefix: str
    scope: Scope
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    rotated_from_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class ApiKeyCreated(ApiKey):
    """A key with its secret: shown here once, and null when an idempotent request is replayed."""

    key: str | None


class HeldRole(Read):
    """A role in force today."""

    role: Role
    territory: str | None


class Me(Read):
    """Who the caller is, which roles it holds today, and what they permit."""

    subject_id: UUID
    subject_kind: SubjectKind
    name: str
    organisation_id: UUID
    organisation_name: str
    key_id: UUID
    scope: Scope
    roles: list[HeldRole]
    permissions: list[str]
    territory_permissions: dict[str, list[str]]
