"""Industrial projects from a file: holders, site, costs by kind, jobs, the funding route that is proposed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, func, select

from app.core import clock
from app.core.faults import Fault
from app.core.schemas import Body
from app.core.values import Cents, Day, ExternalId, Fte, InseeCode, Line, Reason, Siren, Text, Uuid
from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, coded, given
from app.core.writing.upserts import Upsert
from app.core.writing.writes import Change, Write
from app.firms.importer import FIRMS_FIRST
from app.programme import cog
from app.projects import queries, service
from app.projects.models import Holder, Project
from app.projects.rules import CostKind, FundingRoute, HolderKind, Maturity, ProjectKind
from app.projects.schemas import CostBody, Costs, HolderBody, Holders, ProjectCreate, ProjectUpdate

MISSING_HOLDER = Fault(
    "missing_holder",
    en="The line must name a holder: give the SIREN of a firm, or the holders as in an export.",
    fr="La ligne doit nommer un porteur : donnez le SIREN d'une entreprise, ou les porteurs comme dans un export.",
)

KINDS = {
    "Équipement": "equipment", "Bâtiment": "building", "Immobilier": "building", "R&D": "research_development",
    "Recherche et développement": "research_development", "Diversification": "diversification",
    "Relocalisation": "relocation", "Numérique": "digital", "Décarbonation": "decarbonation", "Formation": "training",
    "Autre": "other",
}  # fmt: skip
MATURITIES = {"Idée": "idea", "Étude": "study", "Prêt": "ready", "Démarré": "started", "Engagé": "started"}
HOLDERS = {"Entreprise": "firm", "Organisme de formation": "training_body", "Association": "association"}
COSTS = {
    "Actif matériel": "tangible_asset", "Actif immatériel": "intangible_asset", "Hors assiette": "not_eligible",
}  # fmt: skip
ROUTES = {
    "Rebond": "rebond", "France 2030": "france_2030", "Région": "region", "Fonds vert": "fonds_vert",
    "Banque": "bank", "Sans financement": "none_needed", "Aucun": "none_needed",
}  # fmt: skip


class ProjectLine(Body):
    """A project on one line, costs excluding VAT.

    As offices write it: the firms that hold it (the first leads), and its costs by kind. As our exports do: every
    holder, every line of cost.
    """

    id: Uuid | None = None
    title: Line
    kind: ProjectKind
    maturity: Maturity
    sirens: list[Siren] | None = Field(None, min_length=1, max_length=20)
    holders: Holders | None = None
    description: Text | None = None
    commune_code: InseeCode | None = None
    detected_on: Day | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    costs: Costs | None = None
    tangible_cents: Cents | None = None
    intangible_cents: Cents | None = None
    not_eligible_cents: Cents | None = None
    not_eligible_reason: Reason | None = None
    jobs_created_fte: Fte | None = None
    jobs_maintained_fte: Fte | None = None
    environmental_effect: Text | None = None
    funding_route: FundingRoute | None = None
    mission_id: Uuid | None = None
    consultant_id: Uuid | None = None
    detected_in_audition_id: Uuid | None = None
    external_id: ExternalId | None = None

    @model_validator(mode="before")
    @classmethod
    def _firms_by_siren(cls, values: Any) -> Any:
        """Reads firms by SIREN alone: the names that our exports add are reported as ignored."""
        for holder in values.get("holders") or ():
            if holder.get("kind") == HolderKind.FIRM:
                holder.pop("name", None)
        return values

    @model_validator(mode="after")
    def _held(self) -> "ProjectLine":
        if not self.sirens and not self.holders:
            raise MISSING_HOLDER.error()
        return self

    @property
    def all_holders(self) -> list[HolderBody]:
        """Who holds the project, in order."""
        return self.holders or [
            HolderBody(kind=HolderKind.FIRM, siren=siren, lead=not n) for n, siren in enumerate(self.sirens or ())
        ]


_COSTS = (
    ("tangible_cents", CostKind.TANGIBLE_ASSET, "Immobilisations corporelles"),
    ("intangible_cents", CostKind.INTANGIBLE_ASSET, "Immobilisations incorporelles"),
    ("not_eligible_cents", CostKind.NOT_ELIGIBLE, "Dépenses hors assiette"),
)


def _parts(item: ProjectLine) -> dict[str, Any]:
    """Holders, and costs where the file gives any."""
    fields: dict[str, Any] = {"holders": item.all_holders}
    if item.costs is not None:
        return fields | {"costs": item.costs}
    amounts = [(label, kind, getattr(item, name)) for name, kind, label in _COSTS if name in item.model_fields_set]
    if amounts:
        fields["costs"] = [
            CostBody(
                label=label,
                kind=kind,
                amount_cents=amount,
                reason=(item.not_eligible_reason or "Hors assiette") if kind is CostKind.NOT_ELIGIBLE else None,
            )
            for label, kind, amount in amounts
            if amount
        ]
    return fields


def _known(_place: str, item: ProjectLine) -> Sequence[ColumnElement[bool]]:
    """That of this external id, else of this title and leading firm."""
    p, h = Project, Holder
    if item.external_id is not None:
        return [p.external_id == item.external_id]
    first = next((holder for holder in item.all_holders if holder.lead), item.all_holders[0])
    is_firm = first.kind is HolderKind.FIRM
    named = h.firm_siren == first.siren if is_firm else func.fold(h.name) == func.fold(first.name)
    held = select(h.project_id).where(h.project_id == p.id, named)
    return [func.fold(p.title) == func.fold(item.title), held.exists()]


async def _create(write: Write, place: str, item: ProjectLine) -> Change:
    body = ProjectCreate(**given(item, ProjectCreate.model_fields) | _parts(item))
    return await service.create_project(write, place, body)


async def _check(_write: Write, _place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    """The commune of a project is one of the COG; what became of one of other years is told."""
    faults = []
    for line in lines:
        if (code := line.item.commune_code) is not None:
            year = (line.item.detected_on or clock.today()).year
            if fault := cog.line_fault(line.number, "commune_code", code, year):
                faults.append(fault)
    return faults


async def _update(write: Write, place: str, key: UUID, item: ProjectLine) -> Sequence[Change]:
    body = ProjectUpdate(**given(item, ProjectUpdate.model_fields) | _parts(item))
    return await service.update_project(write, place, key, body)


_PROJECTS = Upsert(key=Project.id, listing=queries.PROJECTS, known=_known, create=_create, update=_update)
PROJECTS = Importer(
    kind="projects",
    permission="projects:write",
    schema=ProjectLine,
    key=["id", "external_id", "title", "sirens", "holders"],
    listing=queries.PROJECTS,
    columns=[
        Heading("id", cells.plain),
        Heading("title", cells.plain, ["titre", "projet", "intitulé"], required=True),
        Heading("kind", coded(KINDS), ["type", "nature"], required=True),
        Heading("maturity", coded(MATURITIES), ["maturité"], required=True),
        Heading(
            "sirens",
            cells.several(cells.siren),
            ["siren", "porteurs", "porteur", "entreprise"],
            instead=["siret"],
            fr="SIREN",
            en="SIREN",
            first=FIRMS_FIRST,
        ),
        Heading("holders.kind", cells.each(coded(HOLDERS)), ["porteurs : nature"]),
        Heading("holders.siren", cells.each(cells.siren), ["porteurs : siren"], first=FIRMS_FIRST),
        Heading("holders.name", cells.each(cells.plain), ["porteurs : nom"]),
        Heading("holders.lead", cells.each(cells.truth), ["porteurs : chef de file"]),
        Heading("description", cells.plain, ["descriptif"]),
        Heading("commune_code", cells.commune, ["code commune", "code insee", "commune"]),
        Heading("detected_on", cells.day, ["détecté le"]),
        Heading("starts_on", cells.day, ["début", "date de début"]),
        Heading("ends_on", cells.day, ["fin", "date de fin"]),
        Heading("costs.label", cells.each(cells.plain), ["coûts : libellé"]),
        Heading("costs.kind", cells.each(coded(COSTS)), ["coûts : nature"]),
        Heading("costs.amount_cents", cells.each(cells.cents), ["coûts : montant"]),
        Heading("costs.reason", cells.each(cells.plain), ["coûts : motif"]),
        Heading("costs.holder", cells.each(cells.whole), ["coûts : porteur"]),
        Heading("tangible_cents", cells.cents, ["actifs matériels", "matériel", "investissement corporel"]),
        Heading("intangible_cents", cells.cents, ["actifs immatériels", "immatériel"]),
        Heading("not_eligible_cents", cells.cents, ["hors assiette", "non éligible"]),
        Heading("not_eligible_reason", cells.plain, ["motif hors assiette"]),
        Heading("jobs_created_fte", cells.fte, ["emplois créés", "créations d'emplois"]),
        Heading("jobs_maintained_fte", cells.fte, ["emplois maintenus"]),
        Heading("environmental_effect", cells.plain, ["effet environnemental"]),
        Heading("funding_route", coded(ROUTES), ["orientation", "dispositif"]),
        Heading("mission_id", cells.plain),
        Heading("consultant_id", cells.plain),
        Heading("detected_in_audition_id", cells.plain, ["audition"]),
        Heading("external_id", cells.plain, ["identifiant externe"]),
    ],
    check=_check,
    locks=_PROJECTS.locks,
    apply=_PROJECTS.apply,
)
