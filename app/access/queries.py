"""Reads of access: each Select's columns are the fields of its schema."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Text, any_, case, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.access import schemas
from app.access.models import ApiKey, Member, Organisation, Subject
from app.access.rules import MemberStatus, Role
from app.core.db import param
from app.core.reading.listing import Listing, any_of, equals, matches, updated_since
from app.core.values import Siren, Slug, Uuid

_colleague = Subject.__table__.alias("colleague")

# How else an organisation acts in territories than by the role of somebody: conditions of (its id, the territories).
# Domains above add theirs.
ACTS: list[Callable[[Any, Any], ColumnElement[bool]]] = []


def _within(organisation_id: Any) -> Callable[[str], ColumnElement[bool]]:
    """The scope of who sees no more than some territories: organisations that act there, by a role of somebody there
    or in all territories, and what is theirs.
    """

    def acts(name: str) -> ColumnElement[bool]:
        territories = param(name, ARRAY(Text()))
        here = or_(Member.territory == any_(territories), Member.territory.is_(None))
        held = select(Member.id).join(_colleague, _colleague.c.id == Member.subject_id)
        held = held.where(_colleague.c.organisation_id == organisation_id, Member.granted, here)
        return or_(held.exists(), *(each(organisation_id, territories) for each in ACTS))

    return acts


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
    scopes={"within": _within(Organisation.id)},
    filters={
        "siren": equals(Organisation.siren, Siren, "Organisation that has this SIREN."),
        "q": matches(Organisation.name, doc="Part of the name, without accents or case."),
        "updated_since": updated_since(Organisation.updated_at),
    },
    sorts={"name": Organisation.name},
)

_PARENT = select(Organisation.id).where(Organisation.id == param("organisation_id", Organisation.id.type))

_proposer = Subject.__table__.alias("proposer")
_approver = Subject.__table__.alias("approver")
_maker = Subject.__table__.alias("maker")
_confirmer = Subject.__table__.alias("confirmer")
_status = case(
    (Member.granted, literal_column(f"'{MemberStatus.GRANTED}'", Text())),
    else_=literal_column(f"'{MemberStatus.PROPOSED}'", Text()),
)


_PERSONS = (
    select(
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
    .where(Subject.kind == "person")
)
PERSONS = Listing(
    schema=schemas.Person,
    rows=_PERSONS.where(Subject.organisation_id == param("organisation_id", Subject.id.type)),
    key=Subject.id,
    version=Subject.version,
    derived=True,
    parent=_PARENT,
    scopes={"within": _within(Subject.organisation_id)},
    parent_scopes={"within": _within(Organisation.id)},
    filters={
        "q": matches(Subject.name, doc="Part of the name, without accents or case."),
        "updated_since": updated_since(Subject.updated_at),
    },
    sorts={"name": Subject.name},
)
# Persons of all organisations: what a file names by its id. No address lists them.
EVERY_PERSON = Listing(schema=schemas.Person, rows=_PERSONS, key=Subject.id, version=Subject.version, derived=True)

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
    scopes={"within": _within(Subject.organisation_id)},
    parent_scopes={"within": _within(Organisation.id)},
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
        _status.label("status"),
        Member.proposed_by,
        _proposer.c.name.label("proposed_by_name"),
        Member.approved_by,
        _approver.c.name.label("approved_by_name"),
        Member.approved_at,
        Member.version,
        Member.created_at,
        Member.updated_at,
    )
    .join(Subject, Subject.id == Member.subject_id)
    .join(Organisation, Organisation.id == Subject.organisation_id)
    .outerjoin(_proposer, _proposer.c.id == Member.proposed_by)
    .outerjoin(_approver, _approver.c.id == Member.approved_by),
    key=Member.id,
    version=Member.version,
    derived=True,
    scopes={"within": lambda name: Member.territory == any_(param(name, ARRAY(Text())))},
    filters={
        "subject_id": equals(Member.subject_id, Uuid, "Roles of this person or service account."),
        "role": any_of(Member.role, Role, "Members with any of these roles."),
        "territory": any_of(Member.territory, Slug, "Roles in any of these territories."),
        "status": any_of(_status, MemberStatus, "proposed: roles that wait for another administrator."),
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
        ApiKey.permissions,
        ApiKey.territories,
        ApiKey.addresses,
        ApiKey.expires_at,
        ApiKey.revoked_at,
        ApiKey.last_used_at,
        ApiKey.rotated_from_id,
        ApiKey.created_by,
        _maker.c.name.label("created_by_name"),
        ApiKey.code_expires_at,
        ApiKey.confirmed_by,
        _confirmer.c.name.label("confirmed_by_name"),
        ApiKey.confirmed_at,
        ApiKey.version,
        ApiKey.created_at,
        ApiKey.updated_at,
    )
    .join(Subject, Subject.id == ApiKey.subject_id)
    .outerjoin(_maker, _maker.c.id == ApiKey.created_by)
    .outerjoin(_confirmer, _confirmer.c.id == ApiKey.confirmed_by),
    key=ApiKey.id,
    version=ApiKey.version,
    derived=True,
    scopes={"holder": lambda name: ApiKey.subject_id == param(name, ApiKey.subject_id.type)},
    filters={
        "subject_id": equals(ApiKey.subject_id, Uuid, "Keys of this person or service account."),
        "updated_since": updated_since(ApiKey.updated_at),
    },
    sorts={"expires_at": ApiKey.expires_at, "last_used_at": ApiKey.last_used_at},
)
