"""Contacts from a file: persons of firms that the territory follows."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func

from app.core.values import Uuid
from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, coded, given
from app.core.writing.upserts import Upsert
from app.core.writing.writes import Change, Write
from app.firms.contacts import queries, service
from app.firms.contacts.models import Contact
from app.firms.contacts.schemas import ContactCreate, ContactUpdate
from app.firms.importer import FIRMS_FIRST

PURPOSES = {
    "Mission d'ingénierie": "engineering_mission", "Suivi de projet": "project_follow_up", "Dossier d'aide": "aid_file",
    "Évaluation du programme": "programme_evaluation", "Information": "information",
}  # fmt: skip
LEGAL_BASES = {
    "Consentement": "consent", "Contrat": "contract", "Obligation légale": "legal_obligation",
    "Intérêts vitaux": "vital_interests", "Mission d'intérêt public": "public_task",
    "Intérêt légitime": "legitimate_interests", "Intérêts légitimes": "legitimate_interests",
}  # fmt: skip


class ContactLine(ContactCreate):
    """A person; our exports name it by its id."""

    id: Uuid | None = None


def _known(_place: str, item: ContactLine) -> Sequence[ColumnElement[bool]]:
    """That of this external id, else of this firm and name; erased ones do not come back."""
    c = Contact
    named = and_(c.siren == item.siren, func.fold(c.name) == func.fold(item.name))
    return [c.erased_at.is_(None), named if item.external_id is None else c.external_id == item.external_id]


async def _create(write: Write, place: str, item: ContactLine) -> Change:
    return await service.create_contact(write, place, ContactCreate(**given(item, ContactCreate.model_fields)))


async def _update(write: Write, place: str, key: UUID, item: ContactLine) -> Change:
    body = ContactUpdate(**given(item, ContactUpdate.model_fields))
    return await service.update_contact(write, place, key, body)


_CONTACTS = Upsert(key=Contact.id, listing=queries.CONTACTS, known=_known, create=_create, update=_update)
CONTACTS = Importer(
    kind="contacts",
    permission="contacts:write",
    schema=ContactLine,
    key=["id", "siren", "name", "external_id"],
    listing=queries.CONTACTS,
    columns=[
        Heading("id", cells.plain),
        Heading(
            "siren",
            cells.siren,
            ["n° siren", "siren entreprise"],
            instead=["siret"],
            required=True,
            fr="SIREN",
            en="SIREN",
            first=FIRMS_FIRST,
        ),
        Heading(
            "name",
            cells.plain,
            ["nom et prénom", "nom", "contact"],
            required=True,
            given_name=["prénom", "first name", "given name"],
        ),
        Heading("function", cells.plain, ["fonction", "poste"]),
        Heading("email", cells.plain, ["courriel", "e-mail", "mail", "adresse électronique"]),
        Heading("phone", cells.plain, ["téléphone", "tél", "portable"]),
        Heading("purpose", coded(PURPOSES), ["finalité"], required=True),
        Heading("legal_basis", coded(LEGAL_BASES), ["base légale"], required=True),
        Heading("retain_until_on", cells.day, ["conserver jusqu'au", "échéance de conservation"], required=True),
        Heading("external_id", cells.plain, ["identifiant externe"]),
    ],
    apply=_CONTACTS.apply,
)
