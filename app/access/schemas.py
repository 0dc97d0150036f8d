"""What travels about access."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator

from app.access.rules import (
    INVALID_NETWORK,
    MATRIX,
    UNKNOWN_PERMISSION,
    MemberStatus,
    Role,
    Scope,
    SubjectKind,
    network_of,
)
from app.core.schemas import (
    CONFIDENTIAL,
    Body,
    CreatedAt,
    Id,
    PersonName,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
    period_in_order,
)
from app.core.values import Day, Email, Instant, Line, ShortLine, Siren, Slug, Uuid

OrganisationName = Annotated[str, Field(description="Present name of the organisation of organisation_id.")]
_OwnName = Annotated[Line, Field(description="Name by which the programme knows the organisation.")]
_OrganisationSiren = Annotated[
    Siren, Field(description="SIREN of the organisation, unique; null or absent for a State service without one.")
]
_PersonName = Annotated[ShortLine, Field(description="First name and family name, as colleagues see them beside acts.")]
_PersonEmail = Annotated[
    Email,
    Field(description="Professional e-mail address, unique: it distinguishes persons of one name. No mail is sent."),
]
_LastDay = Annotated[
    Day, Field(description="Last Paris day on which the role is held, included; null or absent: until further notice.")
]


class OrganisationCreate(Body):
    """An organisation that takes part in the programme."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Ancoris (demonstration)", "siren": "900000019"}]}
    )

    name: _OwnName
    siren: _OrganisationSiren | None = None


class OrganisationUpdate(Body):
    """Fields of an organisation to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ancoris Conseil (demonstration)"}]})

    name: _OwnName | MISSING = MISSING
    siren: _OrganisationSiren | None | MISSING = MISSING


class Organisation(Read):
    """An organisation that takes part in the programme: a consultancy, a funder, an agglomeration, a State service."""

    id: Id
    siren: str | None = Field(description="SIREN, nine digits, unique; null for a State service without one.")
    name: str = Field(description="Name by which the programme knows the organisation; an administrator sets it.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class PersonCreate(Body):
    """A human, registered once whatever the number of territories."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Consultante A", "email": "a@ancoris.example"}]})

    name: _PersonName
    email: _PersonEmail


class PersonUpdate(Body):
    """Fields of a person to change; `organisation_id` moves the person to another organisation.

    `email` null forgets the address: the person can then neither validate, decide nor pay.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Consultante A"}]})

    name: _PersonName | MISSING = MISSING
    email: _PersonEmail | None | MISSING = MISSING
    organisation_id: (
        Annotated[
            Uuid,
            Field(
                description="The organisation that the person works for from now on; past acts stay with the former."
            ),
        ]
        | MISSING
    ) = MISSING


class Person(Read):
    """A human who can hold roles and be assigned to missions."""

    id: Id
    organisation_id: UUID = Field(description="The organisation that the person works for at present.")
    organisation_name: OrganisationName
    name: PersonName = Field(description="First name and family name, as colleagues see them beside acts.")
    email: PersonNameOrNull = Field(
        description="Professional e-mail address in lower case; null where it is not known: without it the person"
        " can neither validate, decide nor pay."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class ServiceAccountCreate(Body):
    """A program of an organisation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "data-warehouse"}]})

    name: Annotated[ShortLine, Field(description="What the program is called, once in its organisation.")]


class ServiceAccount(Read):
    """A program that can hold roles. It never validates, certifies, approves or decides."""

    id: Id
    organisation_id: UUID = Field(description="The organisation that runs the program and answers for it.")
    organisation_name: OrganisationName
    name: str = Field(description="What the program is called, once in its organisation.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class MemberCreate(Body):
    """A role for a subject, in one territory or in all."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"subject_id": "019a9f5e-0000-7000-8000-000000000000", "role": "lead", "territory": "ales",
                 "from_on": "2023-06-14"}
            ]
        }
    )  # fmt: skip

    subject_id: Annotated[Uuid, Field(description="The person or service account that gets the role.")]
    role: Annotated[Role, Field(description="What the subject may do; GET /v1/me lists what each role permits.")]
    territory: (
        Annotated[Slug, Field(description="Slug of the one territory of the role; absent or null: all territories.")]
        | None
    ) = None
    from_on: (
        Annotated[Day, Field(description="First Paris day on which the role is held; absent or null: today.")] | None
    ) = None
    to_on: _LastDay | None = None

    _in_order = model_validator(mode="after")(period_in_order)


class MemberUpdate(Body):
    """The last day of a role; null makes it open again, but a role that another administrator has approved."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_on": "2026-12-31"}]})

    to_on: _LastDay | None


class Member(Read):
    """A role held by a subject."""

    id: Id
    subject_id: UUID = Field(description="The person or service account that holds the role.")
    subject_name: PersonName = Field(description="Present name of the subject.")
    subject_kind: SubjectKind = Field(description="Whether the subject is a person or a program.")
    organisation_id: UUID = Field(description="The organisation that the subject belongs to at present.")
    organisation_name: OrganisationName
    role: Role = Field(description="What the subject may do between the two days.")
    territory: str | None = Field(description="Slug of the one territory of the role; null: all territories.")
    from_on: date = Field(description="First Paris day on which the role is held.")
    to_on: date | None = Field(description="Last Paris day, included; null: until further notice.")
    status: MemberStatus = Field(
        description="proposed: the role permits nothing until another administrator approves it; granted: it permits"
        " what it says between the two days. Programme, operator, lead, funder, treasurer, committee and admin need the"
        " approval."
    )
    proposed_by: UUID | None = Field(
        description="The administrator who proposed the role, and who therefore cannot approve it; null: the service"
        " itself, or from before the rule."
    )
    proposed_by_name: PersonNameOrNull = Field(description="Present name of the subject of proposed_by.")
    approved_by: UUID | None = Field(
        description="The administrator who approved the role; null: nobody has, none is needed, or it was done on the"
        " server."
    )
    approved_by_name: PersonNameOrNull = Field(description="Present name of the person of approved_by.")
    approved_at: datetime | None = Field(
        description="Instant in UTC of the approval; null: the role waits for it, or needs none."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


def _known_permission(name: str) -> str:
    if name not in MATRIX:
        raise UNKNOWN_PERMISSION.error()
    return name


def _network(text: str) -> str:
    try:
        return str(network_of(text))
    except ValueError:
        raise INVALID_NETWORK.error() from None


_Permission = Annotated[ShortLine, AfterValidator(_known_permission)]
_Network = Annotated[ShortLine, AfterValidator(_network)]


class ApiKeyCreate(Body):
    """A new key for a subject."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"subject_id": "019a9f5e-0000-7000-8000-000000000000", "name": "laptop", "scope": "full"}]
        }
    )

    subject_id: Annotated[Uuid, Field(description="The person or service account that the key belongs to.")]
    name: Annotated[
        ShortLine, Field(description="What the key is for, so that its owner recognises it, such as laptop.")
    ]
    scope: Annotated[
        Scope, Field(description="full: everything that the subject's roles permit; read_only: GET alone.")
    ] = Scope.FULL
    permissions: (
        Annotated[
            list[_Permission],
            Field(
                min_length=1,
                max_length=200,
                description="Of what the subject's roles permit, all that the key carries; absent or null: everything.",
            ),
        ]
        | None
    ) = None
    territories: (
        Annotated[
            list[Slug],
            Field(
                min_length=1,
                max_length=200,
                description="Slugs of the territories in which the key works; what belongs to no single one is then out"
                " of its reach. Absent or null: wherever the subject has a role.",
            ),
        ]
        | None
    ) = None
    addresses: (
        Annotated[
            list[_Network],
            Field(
                min_length=1,
                max_length=50,
                description="IP addresses or networks from which the key is accepted, such as 192.0.2.0/24; absent or"
                " null: from anywhere.",
            ),
        ]
        | None
    ) = None
    expires_at: (
        Annotated[
            Instant,
            Field(
                description="Instant from which the key is refused, within 730 days; absent or null: after 90 days for"
                " a person, 400 for a program."
            ),
        ]
        | None
    ) = None


class ApiKeyRotate(Body):
    """How long the old key goes on working beside the new one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=720,
            description="Hours for which the old key still works, at most until it expires anyway; 0 ends it at once.",
        ),
    ] = 24


class ApiKey(Read):
    """An API key, without its secret."""

    id: Id
    subject_id: UUID = Field(description="The person or service account that the key belongs to.")
    subject_name: PersonName = Field(description="Present name of the subject.")
    name: str = Field(description="What the key is for, as its creator wrote it; a rotated key keeps it.")
    prefix: str | None = Field(
        description="The first twelve characters of the secret, by which people recognise the key; null: its holder has"
        " not made it yet."
    )
    scope: Scope = Field(description="Whether the key may do all that its subject may, or only read.")
    permissions: list[str] | None = Field(
        description="What the key carries of what its subject's roles permit; null: everything."
    )
    territories: list[str] | None = Field(
        description="Slugs of the territories in which the key works; null: wherever its subject has a role."
    )
    addresses: list[str] | None = Field(description="IP networks from which the key is accepted; null: from anywhere.")
    expires_at: datetime = Field(
        description="Instant in UTC from which the key is refused. Rotation brings it forward."
    )
    revoked_at: datetime | None = Field(description="Instant in UTC at which the key was revoked; null: it was not.")
    last_used_at: datetime | None = Field(
        description="Instant in UTC of a recent use, noted at most once a minute; null where the key was never used."
    )
    rotated_from_id: UUID | None = Field(description="The key that this one replaced; null where it replaced none.")
    created_by: UUID | None = Field(
        description="Who made the key, and therefore cannot confirm it: an administrator, or the holder who rotated it;"
        " null: the server, or from before the rule."
    )
    created_by_name: PersonNameOrNull = Field(description="Present name of the subject of created_by.")
    code_expires_at: datetime | None = Field(
        description="Instant in UTC until which the holder's code makes the secret, once; null: no code was needed."
    )
    confirmed_by: UUID | None = Field(
        description="The administrator who confirmed the fingerprint; null: nobody has, or it was done on the server."
    )
    confirmed_by_name: PersonNameOrNull = Field(description="Present name of the person of confirmed_by.")
    confirmed_at: datetime | None = Field(
        description="Instant in UTC of the confirmation; null: the key carries no role that decides, pays or"
        " administers."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class ApiKeyCreated(ApiKey):
    """A key with its secret, or with the code by which its holder makes the secret."""

    key: str | None = Field(
        json_schema_extra=CONFIDENTIAL,
        description="The secret, to be sent as `Authorization: Bearer …`. It is shown in this answer alone: null in a"
        " dry run, when an idempotent request is replayed, and where a person makes it by `code`.",
    )
    fingerprint: str | None = Field(
        description="Twenty hexadecimal digits that tell this secret from any other; a second administrator is told"
        " them and confirms them. Null where `key` is."
    )
    code: str | None = Field(
        description="The code to hand to the person: POST /v1/enrolments makes the secret of it, once, within 72 hours."
        " Shown in this answer alone; null for a program, in a dry run and in a replay."
    )


class EnrolmentCreate(Body):
    """The code that an administrator has handed over."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "rbc_3JkXl2sGm4b7uQv0yT9pWc6aZ1nDf8hRe5oKi2LxMtA"}]}
    )

    code: Annotated[ShortLine, Field(description="The code of POST /v1/api-keys, which works once, within 72 hours.")]


class ApiKeyConfirm(Body):
    """What the holder says that the key looks like."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"fingerprint": "9f86d081884c7d659a2f"}]})

    fingerprint: Annotated[
        ShortLine, Field(description="The fingerprint as the holder read it in the answer that showed the secret.")
    ]


class HeldRole(Read):
    """A role in force today."""

    role: Role = Field(description="Which role the caller holds.")
    territory: str | None = Field(description="Slug of the territory in which it is held; null: in all territories.")


class Me(Read):
    """Who the caller is, which roles it holds today, and what they permit."""

    subject_id: UUID = Field(description="The person or service account that the key belongs to.")
    subject_kind: SubjectKind = Field(description="Whether the caller is a person or a program.")
    name: PersonName = Field(description="Name of the person or service account.")
    organisation_id: UUID = Field(description="The organisation that the caller belongs to.")
    organisation_name: OrganisationName
    key_id: UUID = Field(description="The API key of this request: its id, never its secret.")
    key_name: str = Field(description="What the key was named when it was created.")
    scope: Scope = Field(description="Whether this key may do all that the permissions say, or only read.")
    key_expires_at: datetime = Field(description="Instant in UTC from which this key is refused.")
    key_confirmed: bool = Field(
        description="Whether the key's fingerprint is confirmed; until then it carries no role that decides, pays or"
        " administers."
    )
    roles: list[HeldRole] = Field(
        description="Roles in force today, a Paris day, as this key carries them: of a key bound to territories, in"
        " each of these. Those that ended, or wait for an approval, are not listed."
    )
    permissions: list[str] = Field(
        description="Permissions that the roles of all territories give, in alphabetical order. `x-permission` of an"
        " operation in this document names the one that it needs. A read_only key can only read."
    )
    territory_permissions: dict[str, list[str]] = Field(
        description="Permissions by slug, for each territory in which the caller holds a role; those that the roles of"
        " all territories give are among them."
    )
