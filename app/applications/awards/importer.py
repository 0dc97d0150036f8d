"""Awards that were decided elsewhere, from files: each grant and advance is committed as one recorded by hand is."""

from collections.abc import Sequence
from typing import Any

from pydantic import model_validator
from sqlalchemy import ColumnElement, or_, select

from app.access.importer import organisation_headings, organisation_named
from app.advances import queries as lent
from app.advances.models import Advance
from app.applications.awards import schemas, service
from app.applications.models import Application
from app.awards.rules import OVER
from app.committees.models import Committee
from app.core.db import literals, paris_day
from app.core.faults import Message
from app.core.schemas import Body
from app.core.values import Day, ExternalId, Line, Siren, Uuid
from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, Locks, coded, given
from app.core.writing.upserts import NamedObject, Upsert
from app.core.writing.writes import Change, Write
from app.firms.importer import FIRMS_FIRST
from app.firms.models import TerritoryFirm
from app.grants import queries as granted
from app.grants.models import Grant
from app.programme.models import Territory
from app.projects.models import Project

PROJECTS_FIRST = Message("projects_first", "Import the projects first.", "Importez d'abord les projets.")
COMMITTEES_FIRST = Message("committees_first", "Import the committees first.", "Importez d'abord les comités.")
ASSETS = {"Actif matériel": "tangible_asset", "Actif immatériel": "intangible_asset"}
FREQUENCIES = {
    "Mensuelle": "monthly", "Trimestrielle": "quarterly", "Semestrielle": "half_yearly", "Annuelle": "yearly",
}  # fmt: skip
SHAPES = {
    "Capital constant": "constant_principal", "Échéance constante": "constant_instalment", "Paliers": "steps",
    "In fine": "bullet", "Sur mesure": "custom",
}  # fmt: skip
GRACES = {
    "Rien n'est dû": "nothing_due", "Intérêts seuls": "interest_only", "Intérêts différés": "interest_deferred",
    "Intérêts capitalisés": "interest_capitalised",
}  # fmt: skip
DAY_COUNTS = {"30/360": "30_360", "Exact/360": "act_360", "Exact/365": "act_365"}
DUE_DATES = {"Fin de période": "period_end", "Date anniversaire": "anchored"}
REMAINDERS = {"Dernière": "last", "Première": "first", "Répartie": "spread"}
ALLOCATIONS = {"Prochaines": "next", "Dernières": "last", "Toutes à parts égales": "spread"}
EARLY = {"Libre": "allowed", "Sur préavis": "with_notice"}
LATE = {"Taux légal": "legal", "Taux du contrat": "contract"}
TERMS_KINDS = {"Ferme": "fixed", "Conditionnelle": "conditional"}
_SCHEME = coded({"Rebond industriel": "rebond_industriel"})


class _Named(Body):
    """An award whose project, committee, file and funder are named by their ids, or as people name them."""

    id: Uuid | None = None
    project: Line | None = None
    committee: ExternalId | None = None
    committee_on: Day | None = None
    application: ExternalId | None = None
    funder: Line | None = None
    funder_siren: Siren | None = None


class GrantLine(_Named, schemas.GrantCreate):
    """A grant."""


class AdvanceLine(_Named, schemas.AdvanceCreate):
    """An advance with its terms; `annual_rate` is a percentage, where `terms.annual_rate_bp` has basis points."""

    annual_rate: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _percentage(cls, values: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in values.items() if name != "annual_rate"}
        if "annual_rate" in values:
            rest["terms"] = {"annual_rate_bp": values["annual_rate"], **values.get("terms", {})}
        return rest


def _of_place(table: Any) -> Any:
    return lambda _write, place: [table.territory == place]


_NAMES = (
    organisation_named("funder_id"),
    NamedObject("project_id", Project.id, {"project": [Project.external_id, Project.title]}, _of_place(Project)),
    NamedObject(
        "committee_id",
        Committee.id,
        {"committee": [Committee.external_id], "committee_on": [paris_day(Committee.held_at)]},
        _of_place(Committee),
    ),
    NamedObject("application_id", Application.id, {"application": [Application.external_id]}, _of_place(Application)),
)


async def _hold(write: Write, named: set[tuple[str, Any]]) -> None:
    """What awards hold, in the order in which one of them does: files, projects, the territory, its firms."""
    of: dict[str, list[Any]] = {}
    for name, value in sorted(named, key=str):
        of.setdefault(name, []).append(value)
    for name, table in (("application_id", Application), ("project_id", Project)):
        rows = select(table.id).where(table.id.in_(of.get(name, ()))).order_by(table.id)
        await write.session.execute(rows.with_for_update(key_share=True))
    places = select(Territory.slug).where(Territory.slug.in_(of.get("place", ()))).order_by(Territory.slug)
    await write.session.execute(places.with_for_update(read=True))
    t = TerritoryFirm
    firms = select(t.siren).where(t.territory.in_(of.get("place", ())), t.siren.in_(of.get("siren", ())))
    await write.session.execute(firms.order_by(t.siren).with_for_update(key_share=True))


def _upsert(table: Any, listing: Any, create_body: Any, award: Any) -> Upsert:
    def known(_place: Any, item: Any) -> Sequence[ColumnElement[bool]]:
        reference: ColumnElement[bool] = table.decision_reference == item.decision_reference
        return [reference if item.external_id is None else or_(reference, table.external_id == item.external_id)]

    async def create(write: Write, place: str, item: Any) -> list[Change]:
        made: list[Change] = await award(write, place, create_body(**given(item, create_body.model_fields)))
        return made

    return Upsert(
        key=table.id, listing=listing, known=known, create=create, fixed=create_body.model_fields,
        stands=table.status.not_in(literals(OVER)), names=_NAMES,
    )  # fmt: skip


def _locks(upsert: Upsert) -> Locks:
    named = upsert.named("application_id", "project_id", "siren")

    async def of(write: Write, place: str | None, lines: Any) -> set[Any]:
        return await named(write, place, lines) | {("place", place)}

    return Locks(of, _hold)


_FIRST = [
    Heading("id", cells.plain),
    Heading("siren", cells.siren, ["siren du bénéficiaire", "bénéficiaire", "n° siren"], instead=["siret"],
            required=True, fr="SIREN", en="SIREN", first=FIRMS_FIRST),
    Heading("project_id", cells.plain, first=PROJECTS_FIRST),
    Heading("project", cells.plain, ["projet"], first=PROJECTS_FIRST),
    Heading("project_title", cells.plain, ["intitulé", "objet", "objet de l'aide"], required=True),
    Heading("amount_cents", cells.cents, ["montant", "montant attribué", "montant accordé"], required=True),
    Heading("decided_on", cells.day, ["date de décision", "date de la décision", "attribuée le"], required=True),
    Heading("decision_reference", cells.plain, ["n° de décision", "numéro de décision", "décision"], required=True,
            fr="Référence de la décision"),
    Heading("scheme", _SCHEME, ["dispositif"]),
    Heading("base_cents", cells.cents, ["assiette", "assiette éligible"]),
    Heading("lines.label", cells.each(cells.plain), ["postes : libellé"]),
    Heading("lines.kind", cells.each(coded(ASSETS)), ["postes : nature"]),
    Heading("lines.amount_cents", cells.each(cells.cents), ["postes : montant"]),
    *organisation_headings("funder_id", ["financeur"], ["siren du financeur"]),
    Heading("committee_id", cells.plain, first=COMMITTEES_FIRST),
    Heading("committee", cells.plain, ["comité"], first=COMMITTEES_FIRST),
    Heading("committee_on", cells.day, ["date du comité"], first=COMMITTEES_FIRST),
    Heading("application_id", cells.plain),
    Heading("application", cells.plain, ["dossier"]),
    Heading("override_id", cells.plain),
    Heading("external_id", cells.plain, ["identifiant externe"]),
]  # fmt: skip
_KEY = ["id", "external_id", "decision_reference"]
_CUSTOM = "terms.lines.due_on"  # a schedule whose lines are given needs none of these

_GRANTS = _upsert(Grant, granted.GRANTS, schemas.GrantCreate, service.award_grant)
GRANTS_FILE = Importer(
    kind="grants",
    permission="grants:award",
    needs_subject=True,
    schema=GrantLine,
    key=_KEY,
    listing=granted.GRANTS,
    renamed={"funder": "funder_name"},
    columns=_FIRST,
    check=_GRANTS.check,
    locks=_locks(_GRANTS),
    apply=_GRANTS.apply,
)

_ADVANCES = _upsert(Advance, lent.ADVANCES, schemas.AdvanceCreate, service.award_advance)
ADVANCES_FILE = Importer(
    kind="advances",
    permission="advances:award",
    needs_subject=True,
    schema=AdvanceLine,
    key=_KEY,
    listing=lent.ADVANCES,
    renamed={"funder": "funder_name"},
    columns=[
        *_FIRST,
        Heading("planned_disbursement_on", cells.day, ["versement prévu le"]),
        Heading("terms.instalments", cells.whole, ["nombre d'échéances"], en="Number of instalments",
                required=True, unless=_CUSTOM),
        Heading("terms.frequency", coded(FREQUENCIES), ["périodicité"], en="Frequency",
                required=True, unless=_CUSTOM),
        Heading("terms.first_due_on", cells.day, ["première échéance"], en="First due on",
                required=True, unless=_CUSTOM),
        Heading("annual_rate", cells.percent, ["taux"], fr="Taux annuel (%)", en="Annual rate (%)"),
        Heading("terms.annual_rate_bp", cells.whole),
        Heading("terms.shape", coded(SHAPES), ["profil de remboursement", "profil"], en="Shape"),
        Heading("terms.grace_periods", cells.whole, ["périodes de différé", "différé"], en="Grace periods"),
        Heading("terms.grace_kind", coded(GRACES), ["nature du différé"], en="Grace kind"),
        Heading("terms.grace_counts_in_term", cells.truth, ["différé compris dans la durée"],
                en="Grace counts in term"),
        Heading("terms.day_count", coded(DAY_COUNTS), ["base de calcul des jours"], en="Day count"),
        Heading("terms.due_dates", coded(DUE_DATES), ["dates d'échéance"], en="Due dates"),
        Heading("terms.rounding.multiple_cents", cells.cents),
        Heading("terms.rounding.remainder", coded(REMAINDERS)),
        Heading("terms.steps.instalments", cells.each(cells.whole)),
        Heading("terms.steps.amount_cents", cells.each(cells.cents)),
        Heading("terms.lines.due_on", cells.each(cells.day)),
        Heading("terms.lines.principal_cents", cells.each(cells.cents)),
        Heading("terms.allocation_rule", coded(ALLOCATIONS)),
        Heading("terms.early_repayment", coded(EARLY)),
        Heading("terms.late_rate", coded(LATE)),
        Heading("terms.late_rate_bp", cells.whole),
        Heading("terms.notice_delay_days", cells.whole),
        Heading("terms.kind", coded(TERMS_KINDS), ["nature de l'avance"], en="Kind of advance"),
        Heading("terms.success_fee.rate_bp", cells.whole),
        Heading("terms.success_fee.cap_bp", cells.whole),
        Heading("terms.success_fee.last_year", cells.whole),
        Heading("terms.minimum_repayment_cents", cells.cents),
        Heading("terms.available_until_on", cells.day),
        Heading("terms.tranches.document", cells.each(cells.plain)),
        Heading("terms.tranches.certified_bp", cells.each(cells.whole)),
    ],
    check=_ADVANCES.check,
    locks=_locks(_ADVANCES),
    apply=_ADVANCES.apply,
)  # fmt: skip
