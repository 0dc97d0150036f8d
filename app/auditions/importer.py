"""Auditions from a file: planned ones, and with `held_on` those that were held."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from app.auditions import queries, service
from app.auditions.models import Audition, AuditionFirm
from app.auditions.rules import AuditionStatus
from app.auditions.schemas import AuditionCreate, AuditionHold, AuditionUpdate
from app.core import values
from app.core.faults import Message
from app.core.values import Day, Uuid
from app.core.writing import cells
from app.core.writing.cells import Cell
from app.core.writing.importing import Heading, Importer, coded, given
from app.core.writing.upserts import Upsert
from app.core.writing.writes import Change, Write
from app.firms.importer import FIRMS_FIRST

KINDS = {
    "Entretien": "interview", "Visite de site": "site_visit", "Visite": "site_visit",
    "Réunion collective": "group_meeting", "Appel": "call", "Téléphone": "call",
}  # fmt: skip
NEEDS = {
    "Financement": "financing", "Locaux": "premises", "Foncier": "premises", "Recrutement": "workforce",
    "Compétences": "workforce", "Technologie": "technology", "Numérique": "digital", "Énergie": "energy",
    "Environnement": "environment", "Marché": "market", "Approvisionnement": "supply", "Transmission": "succession",
    "Autre": "other",
}  # fmt: skip


class AuditionLine(AuditionCreate):
    """An audition; held where `held_on` says when."""

    id: Uuid | None = None
    held_on: Day | None = None
    findings: values.Text | None = None


def _needs(cell: Cell) -> list[dict[str, str]]:
    """`Financement: centre d'usinage | Locaux`: categories, each with its description behind a colon."""
    category = coded(NEEDS)
    needs = []
    for part in cells.parts(cell):
        name, _, description = part.partition(":")
        needs.append({"category": category(name)} | ({"description": description.strip()} if description else {}))
    return needs


def _known(_place: str, item: AuditionLine) -> Sequence[ColumnElement[bool]]:
    """That of this external id, else of this kind, day and firms."""
    a, f = Audition, AuditionFirm
    if item.external_id is not None:
        return [a.external_id == item.external_id]
    ordered = aggregate_order_by(f.siren, f.siren)
    met = select(func.array_agg(ordered, type_=ARRAY(Text()))).where(f.audition_id == a.id).scalar_subquery()
    return [a.kind == item.kind, a.planned_on == item.planned_on, met == sorted(item.sirens)]


async def _create(write: Write, place: str, item: AuditionLine) -> list[Change]:
    body = AuditionCreate(**given(item, AuditionCreate.model_fields))
    made = await service.create_audition(write, place, body)
    return [made] if item.held_on is None else [made, await _hold(write, place, made.keys[0], item)]


async def _update(write: Write, place: str, key: UUID, item: AuditionLine) -> Change:
    status = await write.session.scalar(select(Audition.status).where(Audition.id == key))
    if item.held_on is not None and status == AuditionStatus.PLANNED:
        return await _hold(write, place, key, item)
    body = AuditionUpdate(**given(item, AuditionUpdate.model_fields))
    return await service.update_audition(write, place, key, body)


async def _hold(write: Write, place: str, key: UUID, item: AuditionLine) -> Change:
    return await service.hold(write, place, key, AuditionHold(**given(item, AuditionHold.model_fields)))


_AUDITIONS = Upsert(
    key=Audition.id,
    listing=queries.AUDITIONS,
    known=_known,
    create=_create,
    update=_update,
    stands=Audition.status != AuditionStatus.CANCELLED,
)
_NEEDS_AS_TEXT = cells.CellReader(
    _needs,
    Message(
        "needs",
        "categories of needs, with | between them, each with its description behind a colon",
        "des catégories de besoins, séparées par |, chacune avec sa description après deux-points",
    ),
    ("Financing: a machining centre | Premises", "Financement : centre d'usinage | Locaux"),
    NEEDS,
)

AUDITIONS = Importer(
    kind="auditions",
    permission="auditions:write",
    schema=AuditionLine,
    key=["id", "external_id", "kind", "planned_on", "sirens"],
    listing=queries.AUDITIONS,
    columns=[
        Heading("id", cells.plain),
        Heading("kind", coded(KINDS), ["type", "nature"], required=True),
        Heading(
            "sirens",
            cells.several(cells.siren),
            ["siren", "entreprises"],
            instead=["siret"],
            required=True,
            fr="SIREN",
            en="SIREN",
            first=FIRMS_FIRST,
        ),
        Heading("planned_on", cells.day, ["prévue le", "date prévue", "date"], required=True),
        Heading("held_on", cells.day, ["tenue le", "date de réalisation"]),
        Heading("place", cells.plain, ["lieu"]),
        Heading("findings", cells.plain, ["constats", "compte rendu"]),
        Heading("needs", _NEEDS_AS_TEXT, ["besoins"]),
        Heading("needs.category", cells.each(coded(NEEDS)), ["besoins : catégorie"]),
        Heading("needs.description", cells.each(cells.plain), ["besoins : description"]),
        Heading("mission_id", cells.plain, ["mission"]),
        Heading("consultant_ids", cells.parts, ["consultants"]),
        Heading("contact_ids", cells.parts, ["contacts"]),
        Heading("follow_up", cells.plain, ["suite à donner", "suites"]),
        Heading("follow_up_owner_id", cells.plain, ["responsable de la suite"]),
        Heading("follow_up_due_on", cells.day, ["échéance de la suite"]),
        Heading("external_id", cells.plain, ["identifiant externe"]),
    ],
    apply=_AUDITIONS.apply,
)
