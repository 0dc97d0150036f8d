"""Writes of access. Each function does its work on a `Write` and says what changed."""

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select

from app.access import schemas
from app.access.gate import PREFIX, digest_of
from app.access.models import ApiKey, Member, Organisation, Subject
from app.access.queries import API_KEYS, MEMBERS, ORGANISATIONS, PERSONS, SERVICE_ACCOUNTS
from app.access.rules import EmailMissing, Role, SubjectKind
from app.core import clock
from app.core.messages import NOT_FOUND, PERIOD_REVERSED
from app.core.problems import Problem, ReferenceNotFound, ValidationFailed
from app.core.writing.writes import Change, Write, merge


class ApiKeyEnded(Problem):
    """The API key has been revoked or has expired."""

    status = 409
    title_fr = "La clé d'API a été révoquée ou a expiré."
    cure = "Create a new key."
    cure_fr = "Créez une nouvelle clé."


async def create_organisation(write: Write, body: schemas.OrganisationCreate) -> Change:
    """A new organisation; its SIREN is unique (`already-exists`)."""
    organisation = Organisation(**body.model_dump())
    write.session.add(organisation)
    await write.session.flush()
    return Change("organisation.created", ORGANISATIONS, [organisation.id])


async def update_organisation(write: Write, organisation_id: UUID, body: schemas.OrganisationUpdate) -> Change:
    """Change the name or the SIREN."""
    organisation = await write.lock(Organisation, Organisation.id == organisation_id)
    write.expect(organisation.version)
    changed = merge(organisation, body)
    return Change("organisation.updated" if changed else "", ORGANISATIONS, [organisation_id])


async def create_person(write: Write, organisation_id: UUID, body: schemas.PersonCreate) -> Change:
    """A human of an organisation. The same e-mail address is the same human: `already-exists`."""
    await write.lock(Organisation, Organisation.id == organisation_id)
    person = Subject(kind=SubjectKind.PERSON, organisation_id=organisation_id, **body.model_dump())
    write.session.add(person)
    await write.session.flush()
    return Change("person.created", PERSONS, [person.id], {"organisation_id": organisation_id})


async def update_person(write: Write, organisation_id: UUID, person_id: UUID, body: schemas.PersonUpdate) -> Change:
    """Change a person's name or address, or move it to another organisation."""
    person = await write.lock(
        Subject, Subject.id == person_id, Subject.organisation_id == organisation_id, Subject.kind == "person"
    )
    write.expect(person.version)
    changed = merge(person, body)
    return Change(
        "person.updated" if changed else "", PERSONS, [person_id], {"organisation_id": person.organisation_id}
    )


async def create_service_account(write: Write, organisation_id: UUID, body: schemas.ServiceAccountCreate) -> Change:
    """A program of an organisation; its name is unique there."""
    await write.lock(Organisation, Organisation.id == organisation_id)
    account = Subject(kind=SubjectKind.SERVICE_ACCOUNT, organisation_id=organisation_id, **body.model_dump())
    write.session.add(account)
    await write.session.flush()
    return Change("service_account.created", SERVICE_ACCOUNTS, [account.id], {"organisation_id": organisation_id})


async def create_member(write: Write, body: schemas.MemberCreate) -> Change:
    """Give a subject a role, from today where no day is said."""
    from_on = body.from_on or clock.today()
    if body.to_on is not None and body.to_on < from_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/to_on")])
    member = Member(**(body.model_dump() | {"from_on": from_on}))
    write.session.add(member)
    await write.session.flush()
    return Change("member.created", MEMBERS, [member.id])


async def update_member(write: Write, member_id: UUID, body: schemas.MemberUpdate) -> Change:
    """End a role on a day, or open it again."""
    member = await write.lock(Member, Member.id == member_id)
    write.expect(member.version)
    if body.to_on is not None and body.to_on < member.from_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/to_on")])
    changed = merge(member, body)
    return Change("member.updated" if changed else "", MEMBERS, [member_id])


def new_key() -> str:
    """A fresh secret of 256 bits; its prefix can be searched for in leaked text."""
    return PREFIX + secrets.token_urlsafe(32)


async def create_api_key(write: Write, body: schemas.ApiKeyCreate, key: str) -> Change:
    """Store `key` for a subject, by its digest."""
    if await write.session.scalar(select(Subject.id).where(Subject.id == body.subject_id)) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/subject_id")])
    stored = ApiKey(digest=digest_of(key), prefix=key[:12], **body.model_dump())
    write.session.add(stored)
    await write.session.flush()
    return Change("api_key.created", API_KEYS, [stored.id])


async def rotate_api_key(write: Write, key_id: UUID, body: schemas.ApiKeyRotate, key: str) -> list[Change]:
    """A new key of the same subject, name and scope; the old one goes on working for `overlap_hours`.

    Raises `api-key-ended` (409).
    """
    old = await write.lock(ApiKey, ApiKey.id == key_id)
    write.expect(old.version)
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= write.now):
        raise ApiKeyEnded
    ends_at = write.now + timedelta(hours=body.overlap_hours)
    new = ApiKey(
        subject_id=old.subject_id,
        name=old.name,
        scope=old.scope,
        expires_at=old.expires_at,
        rotated_from_id=old.id,
        digest=digest_of(key),
        prefix=key[:12],
    )
    old.expires_at = min(old.expires_at or ends_at, ends_at)
    write.session.add(new)
    await write.session.flush()
    return [Change("api_key.created", API_KEYS, [new.id]), Change("api_key.updated", API_KEYS, [old.id])]


DEFAULT_ORGANISATION = "Service operations"


async def issue_key(
    write: Write,
    role: Role,
    territory: str | None,
    siren: str | None,
    name: str,
    kind: SubjectKind,
    key: str,
    email: str | None = None,
) -> list[Change]:
    """A key for the subject that the command line names. Organisation, subject and role are created where missing.

    A person is found by the e-mail address, else by the name; a known person without an address is given it. Without a
    SIREN the organisation is that of the people who run the service. Raises `email-missing` for a new person without an
    address, `already-exists` for an address of another organisation's, `reference-not-found` for a territory that does
    not exist.
    """
    session, s = write.session, Subject
    changes: list[Change] = []
    subject_id = None
    if email is not None and siren is None:
        subject_id = await session.scalar(select(s.id).where(s.email == email))
    if subject_id is None:
        named = Organisation.siren == siren if siren else Organisation.name == DEFAULT_ORGANISATION
        organisation_id = await session.scalar(select(Organisation.id).where(named).order_by(Organisation.id).limit(1))
        if organisation_id is None:
            fresh = f"Organisation {siren}" if siren else DEFAULT_ORGANISATION
            changes.append(await create_organisation(write, schemas.OrganisationCreate(name=fresh, siren=siren)))
            organisation_id = changes[-1].keys[0]
        subject_id, made = await _subject(write, organisation_id, name, kind, email)
        changes += made
    m, today = Member, clock.today()
    held = await session.scalar(
        select(m.id)
        .where(
            m.subject_id == subject_id,
            m.role == role,
            m.territory == territory if territory else m.territory.is_(None),
            m.from_on <= today,
            or_(m.to_on.is_(None), m.to_on >= today),
        )
        .limit(1)
    )
    if held is None:
        member = schemas.MemberCreate(subject_id=subject_id, role=role, territory=territory)
        changes.append(await create_member(write, member))
    issued = await create_api_key(write, schemas.ApiKeyCreate(subject_id=subject_id, name=role.value), key)
    return [issued, *changes]


async def _subject(
    write: Write, organisation_id: UUID, name: str, kind: SubjectKind, email: str | None
) -> tuple[UUID, list[Change]]:
    """The subject of this address or name, with the change that makes it or gives it the address."""
    s = Subject
    ours = select(s).where(s.organisation_id == organisation_id, s.kind == kind).order_by(s.id).limit(1)
    if email is not None and (known := await write.session.scalar(ours.where(s.email == email))) is not None:
        return known.id, []
    named = ours.where(s.name == name)
    if email is not None:  # another address is another person of the same name
        named = named.where(s.email.is_(None))
    known = await write.session.scalar(named)
    if known is not None and email is None:
        return known.id, []
    if known is not None:
        made = await update_person(write, organisation_id, known.id, schemas.PersonUpdate(email=email))
    elif kind is SubjectKind.SERVICE_ACCOUNT:
        made = await create_service_account(write, organisation_id, schemas.ServiceAccountCreate(name=name))
    elif email is not None:
        made = await create_person(write, organisation_id, schemas.PersonCreate(name=name, email=email))
    else:
        raise EmailMissing
    return made.keys[0], [made]


async def revoke_api_key(write: Write, key_id: UUID) -> Change:
    """End a key now; revoking it again changes nothing."""
    key = await write.lock(ApiKey, ApiKey.id == key_id)
    write.expect(key.version)
    if key.revoked_at is not None:
        return Change("", API_KEYS, [key_id])
    key.revoked_at = write.now
    return Change("api_key.revoked", API_KEYS, [key_id])
