"""Reads of access: each Select's columns are the fields of its schema."""

from sqlalchemy import ColumnElement, Text, any_, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.access import schemas
from app.access.models import ApiKey, Member, Organisation, Subject
from app.access.rules import Role
from app.core.db import param
from app.core.reading.listing import Listing, any_of, equals, matches, updated_since
from app.core.values import Siren, Slug, Uuid

ORGANISATIONS = Listing(
    schema=schemas.Organisation,
    rows=select(
        Organisation.id,
        Organisation.siren,
        Organisation.name,
        Organisation.version,
        Organisation.created_at,
        Organisation.updated_at,
    ),
    key=Organisation.id,
    version=Organisation.version,
    filters={
        "siren": equals(Organisation.siren, Siren, "Organisation that has this SIREN."),
        "q": matches(Organisation.name, doc="Part of the name, without accents or case."),
        "updated_since": updated_since(Organisation.updated_at),
    },
    sorts={"name": Organisation.name},
)

_PARENT = select(Organisation.id).where(Organisation.id == param("organisation_id", Organisation.id.type))

_colleague = Subject.__table__.alias("colleague")


def _acts_within(name: str) -> ColumnElement[bool]:
    """Subjects of an organisation in which somebody holds a role in one of the territories, or in all."""
    held = select(Member.id).join(_colleague, _colleague.c.id == Member.subject_id)
    return held.where(
        _colleague.c.organisation_id == Subject.organisation_id,
        or_(Member.territory == any_(param(name, ARRAY(Text()))), Member.territory.is_(None)),
    ).exists()


PERSONS = Listing(
    schema=schemas.Person,
    rows=select(
        Subject.id,
        Subject.organisation_id,
        Organisation.name.label("organisation_name"),
        Subject.name,
        Subject.email,
        Subject.version,
        Subject.created_at,
        Subject.updated_at,
    )
    .join(Organisation, Organisation.id == Subject.organisation_id)
    .where(Subject.organisation_id == param("organisation_id", Subject.id.type), Subject.kind == "person"),
    key=Subject.id,
    version=Subject.version,
    derived=True,
    parent=_PARENT,
    scopes={"within": _acts_within},
    filters={
        "q": matches(Subject.name, doc="Part of the name, without accents or case."),
        "updated_since": updated_since(Subject.updated_at),
    },
    sorts={"name": Subject.name},
)

SERVICE_ACCOUNTS = Listing(
    schema=schemas.ServiceAccount,
    rows=select(
        Subject.id,
        Subject.organisation_id,
        Organisation.name.label("organisation_name"),
        Subject.name,
        Subject.version,
        Subject.created_at,
        Subject.updated_at,
    )
    .join(Organisation, Organisation.id == Subject.organisation_id)
    .where(Subject.organisation_id == param("organisation_id", Subject.id.type), Subject.kind == "service_account"),
    key=Subject.id,
    version=Subject.version,
    derived=True,
    parent=_PARENT,
    scopes={"within": _acts_within},
    filters={"updated_since": updated_since(Subject.updated_at)},
    sorts={"name": Subject.name},
)

MEMBERS = Listing(
    schema=schemas.Member,
    rows=select(
        Member.id,
        Member.subject_id,
        Subject.name.label("subject_name"),
        Subject.kind.label("subject_kind"),
        Subject.organisation_id,
        Organisation.name.label("organisation_name"),
        Member.role,
        Member.territory,
        Member.from_on,
        Member.to_on,
        Member.version,
        Member.created_at,
        Member.updated_at,
    )
    .join(Subject, Subject.id == Member.subject_id)
    .join(Organisation, Organisation.id == Subject.organisation_id),
    key=Member.id,
    version=Member.version,
    derived=True,
    scopes={"within": lambda name: Member.territory == any_(param(name, ARRAY(Text())))},
    filters={
        "subject_id": equals(Member.subject_id, Uuid, "Roles of this person or service account."),
        "role": any_of(Member.role, Role, "Members with any of these roles."),
        "territory": any_of(Member.territory, Slug, "Roles in any of these territories."),
        "updated_since": updated_since(Member.updated_at),
    },
    sorts={"from_on": Member.from_on, "to_on": Member.to_on},
)

API_KEYS = Listing(
    schema=schemas.ApiKey,
    rows=select(
        ApiKey.id,
        ApiKey.subject_id,
        Subject.name.label("subject_name"),
        ApiKey.name,
        ApiKey.prefix,
        ApiKey.scope,
        ApiKey.expires_at,
        ApiKey.revoked_at,
        ApiKey.last_used_at,
        ApiKey.rotated_from_id,
        ApiKey.version,
        ApiKey.created_at,
        ApiKey.updated_at,
    ).join(Subject, Subject.id == ApiKey.subject_id),
    key=ApiKey.id,
    version=ApiKey.version,
    derived=True,
    filters={
        "subject_id": equals(ApiKey.subject_id, Uuid, "Keys of this person or service account."),
        "updated_since": updated_since(ApiKey.updated_at),
    },
    sorts={"expires_at": ApiKey.expires_at, "last_used_at": ApiKey.last_used_at},
)
