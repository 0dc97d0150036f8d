"""Writes of contacts. Erasure takes the person out of the row and out of the replies kept for retries."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy import select

from app.core import clock
from app.core.faults import Fault
from app.core.messages import NOT_FOUND
from app.core.problems import Problem, ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_past
from app.core.writing import idempotency
from app.core.writing.writes import Change, Write, merge
from app.firms.contacts import schemas
from app.firms.contacts.models import Contact, ErasureCause
from app.firms.contacts.queries import CONTACTS
from app.firms.models import TerritoryFirm

KEPT_TOO_LONG = Fault(
    "kept_too_long",
    en="Personal data can be kept for at most ten years from today.",
    fr="Les données personnelles peuvent être gardées au plus dix ans à partir d'aujourd'hui.",
)

PERSON = ("name", "function", "email", "phone", "external_id")  # what erasure takes away
ADDRESS = "/v1/territories/{territory}/contacts/{key}"  # the Location of the one stored reply that names a person


class ContactGone(Problem):
    """The person was erased: the contact can no longer change."""

    status = 409
    title_fr = "La personne a été effacée : le contact ne peut plus changer."
    cure = "Record the person again, with a purpose and a legal basis."
    cure_fr = "Enregistrez à nouveau la personne, avec une finalité et une base légale."


async def create_contact(write: Write, territory: str, body: schemas.ContactCreate) -> Change:
    """A person of a firm that this territory follows.

    Raises `reference-not-found` for another firm, `already-exists` for a known `external_id`.
    """
    _check_retention(body.retain_until_on)
    followed = select(TerritoryFirm.siren).where(
        TerritoryFirm.territory == territory, TerritoryFirm.siren == body.siren
    )
    if await write.session.scalar(followed) is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/siren")])
    contact = Contact(territory=territory, recorded_by=write.actor.subject_id, **body.model_dump())
    write.session.add(contact)
    await write.session.flush()
    return Change("contact.created", CONTACTS, [contact.id], {"territory": territory})


async def update_contact(write: Write, territory: str, contact_id: UUID, body: schemas.ContactUpdate) -> Change:
    """Rectify a contact (GDPR art. 16). Raises `contact-gone` (409)."""
    contact = await _contact(write, territory, contact_id)
    write.expect(contact.version)
    if contact.erased_at is not None:
        raise ContactGone
    if "retain_until_on" in body.model_fields_set and body.retain_until_on != contact.retain_until_on:
        _check_retention(body.model_dump()["retain_until_on"])
    before = _person(contact)
    changed = merge(contact, body)
    forgotten = [value for value in before if value not in _person(contact)]
    await idempotency.redact(write.session, {ADDRESS.format(territory=territory, key=contact_id): forgotten})
    return Change("contact.updated" if changed else "", CONTACTS, [contact_id], {"territory": territory})


async def erase_contact(write: Write, territory: str, contact_id: UUID) -> Change:
    """Erase the person (GDPR art. 17). What it took part in still counts; a second time changes nothing."""
    contact = await _contact(write, territory, contact_id)
    write.expect(contact.version)
    if contact.erased_at is not None:
        return Change("", CONTACTS, [contact_id], {"territory": territory})
    await _erase(write, [contact], ErasureCause.REQUEST)
    return Change("contact.erased", CONTACTS, [contact_id], {"territory": territory})


async def erase_expired(write: Write, today: date, most: int) -> list[Change]:
    """Erase at most `most` persons whose data was to be kept until a day before `today` (GDPR art. 5(1)(e)).

    Rows that another write holds are left for the next time; no change of type tells that none is left.
    """
    due = (
        select(Contact)
        .where(Contact.erased_at.is_(None), Contact.retain_until_on < today)
        .order_by(Contact.retain_until_on, Contact.id)
        .limit(most)
        .with_for_update(key_share=True, skip_locked=True)
    )
    contacts = sorted(await write.session.scalars(due), key=lambda contact: contact.territory)
    await _erase(write, contacts, ErasureCause.RETENTION)
    return [
        Change("contact.erased", CONTACTS, [contact.id for contact in group], {"territory": territory})
        for territory, group in groupby(contacts, key=lambda contact: contact.territory)
    ]


async def _erase(write: Write, contacts: Iterable[Contact], cause: ErasureCause) -> None:
    known = {ADDRESS.format(territory=contact.territory, key=contact.id): _person(contact) for contact in contacts}
    for contact in contacts:
        for name in PERSON:
            setattr(contact, name, None)
        contact.erased_at, contact.erased_because = write.now, cause
    await write.session.flush()
    await idempotency.redact(write.session, known)


def _person(contact: Contact) -> list[str]:
    return [value for name in PERSON if (value := getattr(contact, name)) is not None]


async def _contact(write: Write, territory: str, contact_id: UUID) -> Contact:
    return await write.lock(Contact, Contact.id == contact_id, Contact.territory == territory)


def _check_retention(retain_until_on: date) -> None:
    """Data is kept until today at least, and ten years at most."""
    refuse_past({"/retain_until_on": retain_until_on})
    today = clock.today()
    if (retain_until_on.year - today.year, retain_until_on.month, retain_until_on.day) > (10, today.month, today.day):
        raise ValidationFailed(errors=[KEPT_TOO_LONG.at("/retain_until_on")])
