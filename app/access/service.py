"""Writes of access. Each function does its work on a `Write` and says what changed."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, text

from app.access import schemas
from app.access.duties import MAKES_KEY_CONFIRMS, PROPOSES_ROLE_APPROVES
from app.access.gate import PREFIX, digest_of
from app.access.models import ApiKey, Member, Organisation, Subject
from app.access.queries import API_KEYS, MEMBERS, ORGANISATIONS, PERSONS, SERVICE_ACCOUNTS
from app.access.rules import (
    BY_TWO,
    CODE_LASTS,
    KEY_END_OUT_OF_RANGE,
    KEY_LASTS,
    KEY_LASTS_AT_MOST,
    Actor,
    EmailMissing,
    Role,
    SubjectKind,
)
from app.core import clock
from app.core.db import touch
from app.core.messages import NOT_FOUND, PERIOD_REVERSED
from app.core.problems import Problem, ReferenceNotFound, ValidationFailed
from app.core.writing.writes import Change, Write, merge


class ApiKeyEnded(Problem):
    """The API key has been revoked or has expired."""

    status = 409
    title_fr = "La clé d'API a été révoquée ou a expiré."
    cure = "Create a new key."
    cure_fr = "Créez une nouvelle clé."


class KeyOfAPerson(Problem):
    """The key of a person is rotated by its holder alone."""

    status = 409
    title_fr = "La clé d'une personne n'est renouvelée que par elle-même."
    cure = "Revoke the key and create another: its holder makes the secret by the code."
    cure_fr = "Révoquez la clé et créez-en une autre : la personne en fait le secret au moyen du code."


class AnotherKey(Problem):
    """A key is rotated with itself alone."""

    status = 409
    title_fr = "Une clé n'est renouvelée qu'au moyen d'elle-même."
    cure = "Send the request with the key that is to be rotated, or revoke that key."
    cure_fr = "Envoyez la requête avec la clé à renouveler, ou révoquez cette clé."


class EnrolmentCodeInvalid(Problem):
    """The code is unknown, has been used, or is older than 72 hours."""

    status = 409
    title_fr = "Le code est inconnu, a déjà servi, ou date de plus de 72 heures."
    cure = "Ask an administrator for a new one: POST /v1/api-keys."
    cure_fr = "Demandez-en un nouveau à un administrateur : POST /v1/api-keys."


class FingerprintDiffers(Problem):
    """This is not the fingerprint of the key, or its holder has not made the secret yet."""

    status = 409
    title_fr = "Ce n'est pas l'empreinte de la clé, ou la personne n'en a pas encore fait le secret."
    cure = "Ask the holder for the fingerprint that the answer with the secret showed."
    cure_fr = "Demandez à la personne l'empreinte affichée par la réponse qui montrait le secret."


class PersonHoldsRoles(Problem):
    """A person who holds a role that decides, pays or administers, or is proposed for one, cannot change employer."""

    status = 409
    title_fr = (
        "Une personne qui a un rôle de décision, de paiement ou d'administration, accordé ou proposé, ne peut pas"
        " changer d'organisme."
    )
    cure = "End these roles on a day that is over (PATCH /v1/members/{id}), move the person, and propose them anew."
    cure_fr = (
        "Mettez fin à ces rôles à une date passée (PATCH /v1/members/{id}), changez l'organisme, puis proposez-les à"
        " nouveau."
    )


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
    """Change a person's name or address, or move it to another organisation.

    What two administrators have given a person of one organisation, one does not take to another: `person-holds-roles`.
    """
    person = await write.lock(
        Subject, Subject.id == person_id, Subject.organisation_id == organisation_id, Subject.kind == "person"
    )
    write.expect(person.version)
    changed = merge(person, body)
    if person.organisation_id != organisation_id:
        m, today = Member, clock.today()
        held = select(m.id).where(m.subject_id == person_id, m.role.in_(sorted(BY_TWO)))
        if await write.session.scalar(held.where(or_(m.to_on.is_(None), m.to_on >= today)).limit(1)) is not None:
            raise PersonHoldsRoles
    return Change(
        "person.updated" if changed else "", PERSONS, [person_id], {"organisation_id": person.organisation_id}
    )


async def end_person(write: Write, organisation_id: UUID, person_id: UUID) -> list[Change]:
    """Revoke every key of a person, codes that wait included, and end every role: today, or where it begins later, on
    its first day, which no key is left for. Where nothing is left to end, nothing changes.
    """
    person = await write.lock(
        Subject, Subject.id == person_id, Subject.organisation_id == organisation_id, Subject.kind == "person"
    )
    write.expect(person.version)
    k, m, today = ApiKey, Member, clock.today()
    held = select(k).where(k.subject_id == person_id, k.works(write.now)).order_by(k.id)
    keys = (await write.session.scalars(held.with_for_update())).all()
    last_day = func.greatest(m.from_on, today)
    open_ = select(m).where(m.subject_id == person_id, or_(m.to_on.is_(None), m.to_on > last_day)).order_by(m.id)
    roles = (await write.session.scalars(open_.with_for_update())).all()
    for key in keys:
        key.revoked_at = write.now
    for role in roles:
        role.to_on = max(role.from_on, today)
    if keys or roles:
        touch(person)
    ended = Change("person.ended" if keys or roles else "", PERSONS, [person_id], {"organisation_id": organisation_id})
    return [
        ended,
        *([Change("api_key.revoked", API_KEYS, [key.id for key in keys])] if keys else []),
        *([Change("member.updated", MEMBERS, [role.id for role in roles])] if roles else []),
    ]


async def create_service_account(write: Write, organisation_id: UUID, body: schemas.ServiceAccountCreate) -> Change:
    """A program of an organisation; its name is unique there."""
    await write.lock(Organisation, Organisation.id == organisation_id)
    account = Subject(kind=SubjectKind.SERVICE_ACCOUNT, organisation_id=organisation_id, **body.model_dump())
    write.session.add(account)
    await write.session.flush()
    return Change("service_account.created", SERVICE_ACCOUNTS, [account.id], {"organisation_id": organisation_id})


async def create_member(write: Write, body: schemas.MemberCreate, *, grants: bool = True) -> Change:
    """Give a subject a role, from today where no day is said; one that decides, pays or administers is proposed.

    The service itself grants it, unless a file names it: who runs a command on the server has the database's own
    rights. Raises `admin-for-persons`.
    """
    from_on = body.from_on or clock.today()
    if body.to_on is not None and body.to_on < from_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/to_on")])
    member = Member(**(body.model_dump() | {"from_on": from_on}), proposed_by=write.actor.subject_id)
    if grants and write.actor.subject_id is None and body.role in BY_TWO:
        member.approved_at = write.now
    write.session.add(member)
    await write.session.flush()
    return Change("member.created", MEMBERS, [member.id])


async def approve_member(write: Write, member_id: UUID) -> Change:
    """Grant a role that another administrator has proposed; granted already, nothing changes.

    Raises `role-own-approval`, `person-required`, `email-missing` (403).
    """
    member = await write.lock(Member, Member.id == member_id)
    write.expect(member.version)
    approved_by = PROPOSES_ROLE_APPROVES.separate(write.actor, [member.proposed_by, member.subject_id])
    if member.granted:
        return Change("", MEMBERS, [member_id])
    member.approved_by, member.approved_at = approved_by, write.now
    return Change("member.approved", MEMBERS, [member_id])


async def grant_on_the_server(write: Write, member_id: UUID) -> Change | None:
    """Grant a proposed role with the database's own rights; None where another administrator could do it."""
    member = await write.lock(Member, Member.id == member_id)
    if member.granted:
        return Change("", MEMBERS, [member_id])
    if await another_administrator(write, {member.proposed_by, member.subject_id}):
        return None
    member.approved_at = write.now
    return Change("member.approved", MEMBERS, [member_id])


async def another_administrator(write: Write, but: set[UUID | None]) -> bool:
    """Whether a person other than these administers today and has a key that works."""
    m, s, k, today = Member, Subject, ApiKey, clock.today()
    held = select(m.id).join(s, s.id == m.subject_id).join(k, k.subject_id == s.id)
    held = held.where(
        m.role == Role.ADMIN,
        m.territory.is_(None),
        m.granted,
        m.from_on <= today,
        or_(m.to_on.is_(None), m.to_on >= today),
    )
    held = held.where(s.kind == SubjectKind.PERSON, s.email.is_not(None), s.id.not_in(but - {None}))
    held = held.where(k.works(write.now), k.confirmed_at.is_not(None))
    return await write.session.scalar(held.limit(1)) is not None


async def update_member(write: Write, member_id: UUID, body: schemas.MemberUpdate) -> Change:
    """End a role on a day, or open it again. Raises `role-prolonged`, `admin-for-persons`."""
    member = await write.lock(Member, Member.id == member_id)
    write.expect(member.version)
    if body.to_on is not None and body.to_on < member.from_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/to_on")])
    changed = merge(member, body)
    return Change("member.updated" if changed else "", MEMBERS, [member_id])


CODE_PREFIX = "rbc_"


def new_key() -> str:
    """A fresh secret of 256 bits; its prefix can be searched for in leaked text."""
    return PREFIX + secrets.token_urlsafe(32)


def new_code() -> str:
    """A fresh code, by which a person makes the secret of a key once."""
    return CODE_PREFIX + secrets.token_urlsafe(32)


def fingerprint_of(digest: bytes) -> str:
    """What tells a key from any other and opens nothing; people read it to each other."""
    return digest.hex()[:20]


@dataclass
class Issued:
    """What an answer shows once of a key: its secret, or the code by which its holder makes it."""

    key: str | None = None
    code: str | None = None

    def shown(self) -> dict[str, str | None]:
        """The members of the answer."""
        fingerprint = fingerprint_of(digest_of(self.key)) if self.key else None
        return {"key": self.key, "fingerprint": fingerprint, "code": self.code}


async def create_api_key(write: Write, body: schemas.ApiKeyCreate, issued: Issued) -> Change:
    """A key of a subject: of a program its secret, of a person a code, by which the person alone makes the secret.

    The service itself makes and confirms the secret at once: whoever runs a command has the database's own rights.
    """
    kind = await write.session.scalar(select(Subject.kind).where(Subject.id == body.subject_id))
    unknown = await unknown_territories(write, body.territories or [])
    if kind is None or unknown:
        faults = [NOT_FOUND.at(f"/territories/{place}") for place in unknown]
        raise ReferenceNotFound(errors=faults if kind is not None else [NOT_FOUND.at("/subject_id"), *faults])
    expires_at = body.expires_at or write.now + KEY_LASTS[SubjectKind(kind)]
    if not write.now < expires_at <= write.now + KEY_LASTS_AT_MOST:
        maximum = KEY_LASTS_AT_MOST.days
        raise ValidationFailed(errors=[KEY_END_OUT_OF_RANGE.at("/expires_at", maximum_days=maximum)])
    stored = ApiKey(
        **(body.model_dump() | {"expires_at": expires_at}), created_at=write.now, created_by=write.actor.subject_id
    )
    on_the_server = write.actor.subject_id is None
    if kind == SubjectKind.PERSON and not on_the_server:
        issued.code = new_code()
        stored.code_digest, stored.code_expires_at = digest_of(issued.code), min(write.now + CODE_LASTS, expires_at)
    else:
        issued.key = issued.key or new_key()
        stored.digest, stored.prefix = digest_of(issued.key), issued.key[:12]
        stored.confirmed_at = write.now if on_the_server else None
    write.session.add(stored)
    await write.session.flush()
    return Change("api_key.created", API_KEYS, [stored.id])


async def unknown_territories(write: Write, territories: Sequence[str]) -> list[int]:
    """The places of the slugs that name no territory."""
    known = set(await write.session.scalars(_TERRITORIES, {"slugs": list(territories)})) if territories else set()
    return [place for place, slug in enumerate(territories) if slug not in known]


_TERRITORIES = text("SELECT slug FROM territories WHERE slug = ANY (:slugs)")  # a domain above this one


async def enrol(write: Write, code: str, issued: Issued) -> Change:
    """Make the secret of a key by its code, for the person who holds the code; it works once.

    Raises `enrolment-code-invalid`.
    """
    waiting = select(ApiKey).where(
        ApiKey.code_digest == digest_of(code), ApiKey.code_expires_at > write.now, ApiKey.works(write.now)
    )
    stored = await write.session.scalar(waiting.with_for_update(key_share=True))
    if stored is None:
        raise EnrolmentCodeInvalid
    holder = await write.session.get_one(Subject, stored.subject_id)
    write.actor = Actor(holder.id, SubjectKind(holder.kind), holder.organisation_id, ())
    issued.key = new_key()
    stored.digest, stored.prefix, stored.code_digest = digest_of(issued.key), issued.key[:12], None
    return Change("api_key.enrolled", API_KEYS, [stored.id])


async def confirm_api_key(write: Write, key_id: UUID, fingerprint: str) -> Change:
    """Confirm the fingerprint of a key that another administrator made: from then on it carries every role.

    Raises `key-own-confirmation`, `person-required`, `email-missing` (403), `fingerprint-differs`, `api-key-ended`
    (409).
    """
    key = await write.lock(ApiKey, ApiKey.id == key_id)
    write.expect(key.version)
    confirmed_by = MAKES_KEY_CONFIRMS.separate(write.actor, [key.created_by, key.subject_id])
    return _confirmed(write, key, fingerprint, confirmed_by)


async def confirm_on_the_server(write: Write, key_id: UUID, fingerprint: str) -> Change | None:
    """Confirm a key with the database's own rights; None where another administrator could do it."""
    key = await write.lock(ApiKey, ApiKey.id == key_id)
    if await another_administrator(write, {key.created_by, key.subject_id}):
        return None
    return _confirmed(write, key, fingerprint, None)


def _confirmed(write: Write, key: ApiKey, fingerprint: str, confirmed_by: UUID | None) -> Change:
    if not key.works(write.now):
        raise ApiKeyEnded
    if key.digest is None or not secrets.compare_digest(fingerprint_of(key.digest), _plain(fingerprint)):
        raise FingerprintDiffers
    if key.confirmed_at is not None:
        return Change("", API_KEYS, [key.id])
    key.confirmed_by, key.confirmed_at = confirmed_by, write.now
    return Change("api_key.confirmed", API_KEYS, [key.id])


def _plain(fingerprint: str) -> str:
    """A fingerprint as people write it: in groups, or with capitals."""
    return "".join(each for each in fingerprint.lower() if each.isascii() and each.isalnum())


async def rotate_api_key(
    write: Write, key_id: UUID, body: schemas.ApiKeyRotate, issued: Issued, holder: UUID | None = None
) -> list[Change]:
    """A new key of the same subject that carries the same; the old one goes on working for `overlap_hours`.

    Its holder rotates a key with itself, and what was confirmed of it stays so. `holder` narrows it to keys of one
    subject. Raises `api-key-ended`, `key-of-a-person`, `another-key` (409).
    """
    old = await write.lock(ApiKey, ApiKey.id == key_id, *([] if holder is None else [ApiKey.subject_id == holder]))
    write.expect(old.version)
    by_holder = old.subject_id == write.actor.subject_id
    if by_holder and getattr(write.actor, "key_id", None) != old.id:
        raise AnotherKey
    kind = await write.session.scalar(select(Subject.kind).where(Subject.id == old.subject_id))
    if not by_holder and kind == SubjectKind.PERSON:
        raise KeyOfAPerson
    if not old.works(write.now):
        raise ApiKeyEnded
    issued.key = new_key()
    new = ApiKey(
        subject_id=old.subject_id,
        name=old.name,
        scope=old.scope,
        permissions=old.permissions,
        territories=old.territories,
        addresses=old.addresses,
        expires_at=min(old.expires_at, write.now + KEY_LASTS_AT_MOST),
        rotated_from_id=old.id,
        created_by=write.actor.subject_id,
        confirmed_by=old.confirmed_by if by_holder else None,
        confirmed_at=old.confirmed_at if by_holder else None,
        digest=digest_of(issued.key),
        prefix=issued.key[:12],
    )
    old.expires_at = min(old.expires_at, write.now + timedelta(hours=body.overlap_hours))
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
        select(m)
        .where(
            m.subject_id == subject_id,
            m.role == role,
            m.territory == territory if territory else m.territory.is_(None),
            m.from_on <= today,
            or_(m.to_on.is_(None), m.to_on >= today),
        )
        .order_by(m.granted.desc())
        .limit(1)
    )
    if held is None:
        member = schemas.MemberCreate(subject_id=subject_id, role=role, territory=territory)
        changes.append(await create_member(write, member))
    elif not held.granted:
        held.approved_at = write.now
        changes.append(Change("member.approved", MEMBERS, [held.id]))
    issued = await create_api_key(write, schemas.ApiKeyCreate(subject_id=subject_id, name=role.value), Issued(key))
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


async def revoke_api_key(write: Write, key_id: UUID, holder: UUID | None = None) -> Change:
    """End a key now; revoking it again changes nothing. `holder` narrows it to keys of one subject."""
    key = await write.lock(ApiKey, ApiKey.id == key_id, *([] if holder is None else [ApiKey.subject_id == holder]))
    write.expect(key.version)
    if key.revoked_at is not None:
        return Change("", API_KEYS, [key_id])
    key.revoked_at = write.now
    return Change("api_key.revoked", API_KEYS, [key_id])
