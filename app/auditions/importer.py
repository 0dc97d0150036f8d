"""Auditions from a file: planned ones, and with `held_on` those that were held."""

from collections.abc import Sequence

from sqlalchemy import Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from app.auditions import service
from app.auditions.models import Audition, AuditionFirm
from app.auditions.rules import AuditionStatus
from app.auditions.schemas import AuditionCreate, AuditionHold, AuditionUpdate
from app.core import values
from app.core.values import Day
from app.core.writing import sheets
from app.core.writing.importing import Heading, Importer, coded, given, one_by_one
from app.core.writing.sheets import Content
from app.core.writing.writes import Change, Write

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

    held_on: Day | None = None
    findings: values.Text | None = None


def _sirens(cell: Content) -> list[str]:
    return [sheets.digits(part) for part in sheets.parts(cell)]


def _needs(cell: Content) -> list[dict[str, str]]:
    """`Financement: centre d'usinage | Locaux`: categories, each with its description behind a colon."""
    category = coded(NEEDS)
    needs = []
    for part in sheets.parts(cell):
        name, _, description = part.partition(":")
        needs.append({"category": category(name)} | ({"description": description.strip()} if description else {}))
    return needs


async def _put(write: Write, place: str, item: AuditionLine) -> Sequence[Change]:
    """The audition that another system knows by this id, else of this kind, day and firms."""
    a, f = Audition, AuditionFirm
    ordered = aggregate_order_by(f.siren, f.siren)
    met = select(func.array_agg(ordered, type_=ARRAY(Text()))).where(f.audition_id == a.id).scalar_subquery()
    matching = select(a.id, a.status).where(a.territory == place)
    if item.external_id is not None:
        matching = matching.where(a.external_id == item.external_id)
    else:
        matching = matching.where(a.kind == item.kind, a.planned_on == item.planned_on, met == sorted(item.sirens))
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


AUDITIONS = Importer(
    kind="auditions",
    permission="auditions:write",
    schema=AuditionLine,
    key=["external_id", "kind", "planned_on", "sirens"],
    columns=[
        Heading("kind", coded(KINDS), ["type", "nature"], required=True),
        Heading("sirens", _sirens, ["siren", "entreprises"], required=True),
        Heading("planned_on", sheets.day, ["prévue le", "date prévue", "date"], required=True),
        Heading("held_on", sheets.day, ["tenue le", "date de réalisation"]),
        Heading("place", sheets.plain, ["lieu"]),
        Heading("findings", sheets.plain, ["constats", "compte rendu"]),
        Heading("needs", _needs, ["besoins"]),
        Heading("needs.category", sheets.each(coded(NEEDS))),
        Heading("needs.description", sheets.each(sheets.plain)),
        Heading("mission_id", sheets.plain, ["mission"]),
        Heading("consultant_ids", sheets.parts, ["consultants"]),
        Heading("contact_ids", sheets.parts, ["contacts"]),
        Heading("follow_up", sheets.plain, ["suite à donner", "suites"]),
        Heading("follow_up_owner_id", sheets.plain, ["responsable de la suite"]),
        Heading("follow_up_due_on", sheets.day, ["échéance de la suite"]),
        Heading("external_id", sheets.plain, ["identifiant externe"]),
    ],
    apply=one_by_one(_put),
)
