"""Auditions from a file: planned ones, and with `held_on` those that were held."""

from collections.abc import Sequence

from sqlalchemy import Text, func, literal, select
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
from app.core.writing.importing import Heading, Importer, coded, given, one_by_one
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


async def _put(write: Write, place: str, item: AuditionLine) -> Sequence[Change]:
    """The audition of this id, or that another system knows by its own, else of this kind, day and firms."""
    a, f = Audition, AuditionFirm
    ordered = aggregate_order_by(f.siren, f.siren)
    met = select(func.array_agg(ordered, type_=ARRAY(Text()))).where(f.audition_id == a.id).scalar_subquery()
    matching = select(a.id, a.status).where(a.territory == place)
    if item.external_id is not None:
        matching = matching.where(a.external_id == item.external_id)
    else:
        matching = matching.where(a.kind == item.kind, a.planned_on == item.planned_on, met == sorted(item.sirens))
    known = None
    if item.id is not None:
        of_id = select(a.id, a.status).where(a.territory == place, a.id == item.id)
        known = (await write.session.execute(of_id)).first()
    if known is None:
        # One that stands, before one that was cancelled under the same name.
        found = matching.order_by(a.status == literal(AuditionStatus.CANCELLED), a.id).limit(1)
        known = (await write.session.execute(found)).first()
    changes = []
    if known is None:
        fields = given(item, AuditionCreate.model_fields)
        changes.append(await service.create_audition(write, place, AuditionCreate(**fields)))
        audition_id, status = changes[0].keys[0], AuditionStatus.PLANNED
    else:
        audition_id, status = known.id, AuditionStatus(known.status)
    if item.held_on is not None and status is AuditionStatus.PLANNED:
        changes.append(
            await service.hold(write, place, audition_id, AuditionHold(**given(item, AuditionHold.model_fields)))
        )
    elif known is not None:
        body = AuditionUpdate(**given(item, AuditionUpdate.model_fields))
        changes.append(await service.update_audition(write, place, audition_id, body))
    return changes


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
    apply=one_by_one(_put),
)
