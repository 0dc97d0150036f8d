"""Contacts from a file: persons of firms that the territory follows."""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.core.writing import sheets
from app.core.writing.importing import Heading, Importer, coded, given, one_by_one
from app.core.writing.writes import Change, Write
from app.firms.contacts import service
from app.firms.contacts.models import Contact
from app.firms.contacts.schemas import ContactCreate, ContactUpdate

PURPOSES = {
    "Mission d'ingénierie": "engineering_mission", "Suivi de projet": "project_follow_up", "Dossier d'aide": "aid_file",
    "Évaluation du programme": "programme_evaluation", "Information": "information",
}  # fmt: skip
LEGAL_BASES = {
    "Consentement": "consent", "Contrat": "contract", "Obligation légale": "legal_obligation",
    "Intérêts vitaux": "vital_interests", "Mission d'intérêt public": "public_task",
    "Intérêt légitime": "legitimate_interests", "Intérêts légitimes": "legitimate_interests",
}  # fmt: skip


async def _put(write: Write, place: str, item: ContactCreate) -> Sequence[Change]:
    """The contact that another system knows by this id, else of this firm and name; erased ones do not come back."""
    c = Contact
    matching = select(c.id).where(c.territory == place, c.erased_at.is_(None))
    if item.external_id is not None:
        matching = matching.where(c.external_id == item.external_id)
    else:
        matching = matching.where(c.siren == item.siren, func.fold(c.name) == func.fold(item.name))
    contact_id = await write.session.scalar(matching.order_by(c.id).limit(1))
    if contact_id is None:
        return [await service.create_contact(write, place, item)]
    body = ContactUpdate(**given(item, ContactUpdate.model_fields))
    return [await service.update_contact(write, place, contact_id, body)]


CONTACTS = Importer(
    kind="contacts",
    permission="contacts:write",
    schema=ContactCreate,
    key=["siren", "name", "external_id"],
    columns=[
        Heading("siren", sheets.digits, ["n° siren", "siren entreprise"], required=True),
        Heading("name", sheets.plain, ["nom", "nom et prénom", "contact"], required=True),
        Heading("function", sheets.plain, ["fonction", "poste"]),
        Heading("email", sheets.plain, ["courriel", "e-mail", "mail", "adresse électronique"]),
        Heading("phone", sheets.plain, ["téléphone", "tél", "portable"]),
        Heading("purpose", coded(PURPOSES), ["finalité"], required=True),
        Heading("legal_basis", coded(LEGAL_BASES), ["base légale"], required=True),
        Heading("retain_until_on", sheets.day, ["conserver jusqu'au", "échéance de conservation"], required=True),
        Heading("external_id", sheets.plain, ["identifiant externe"]),
    ],
    apply=one_by_one(_put),
)
