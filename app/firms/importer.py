"""Firms and their sites from files: public facts by SIREN and SIRET."""

from collections.abc import Sequence

from sqlalchemy import select

from app.core.messages import NOT_FOUND
from app.core.values import Siret
from app.core.writing import sheets
from app.core.writing.importing import Column, Importer, Line, LineFault, Outcome, coded
from app.core.writing.writes import Write
from app.firms import service
from app.firms.models import Firm
from app.firms.schemas import FirmCreate, SitePut

_AS_OF = [
    Column("source_reference", sheets.plain, ["source", "référence"]),
    Column("as_of", sheets.day, ["au", "situation au", "date de situation"]),
]
_ACTIVITY = [
    Column("naf_code", sheets.plain, ["naf", "code naf", "ape", "code ape", "activité principale"]),
    Column("naf_version", coded({"NAF rév. 2": "naf_rev2", "NAF 2025": "naf_2025"}), ["nomenclature", "version naf"]),
]


async def _put_firms(write: Write, _place: str | None, lines: Sequence[Line]) -> Outcome:
    created, updated = await service.import_firms(write, [line.item for line in lines])
    changes = [change for change in (created, updated) if change.keys]
    return Outcome(changes, len(created.keys), len(updated.keys), len(lines) - len(created.keys) - len(updated.keys))


FIRMS = Importer(
    kind="firms",
    permission="firms:write",
    national=True,
    schema=FirmCreate,
    key=["siren"],
    columns=[
        Column("siren", sheets.digits, ["numero siren", "n° siren", "identifiant"], required=True),
        Column("name", sheets.plain, ["nom", "raison sociale", "dénomination", "nom de l'entreprise", "entreprise"],
               required=True),
        *_ACTIVITY,
        Column("legal_form_code", sheets.digits, ["catégorie juridique", "nature juridique", "forme juridique"]),
        Column("trade_names", sheets.parts, ["noms commerciaux", "enseignes"]),
        Column("acronym", sheets.plain, ["sigle"]),
        Column("headcount_bracket", sheets.plain, ["tranche d'effectif", "tranche effectif salarié"]),
        Column("headcount_year", sheets.whole, ["année tranche effectif salarié", "année effectif"]),
        Column("insee_category", coded({}), ["catégorie entreprise"]),
        Column("insee_category_year", sheets.whole, ["année catégorie entreprise"]),
        Column("founded_on", sheets.day, ["date de création", "création"]),
        Column("ceased", sheets.truth, ["cessée"]),
        Column("ceased_on", sheets.day, ["date de fermeture", "date de cessation"]),
        Column("sole_trader", sheets.truth, ["entrepreneur individuel"]),
        *_AS_OF,
    ],
    apply=_put_firms,
)  # fmt: skip


class SiteLine(SitePut):
    """A site by its SIRET."""

    siret: Siret


async def _check_sites(write: Write, _place: str | None, lines: Sequence[Line]) -> list[LineFault]:
    """Sites hang on firms of the register."""
    sirens = {line.item.siret[:9] for line in lines}
    known = set(await write.session.scalars(select(Firm.siren).where(Firm.siren.in_(sirens))))
    return [LineFault(line.number, "siret", NOT_FOUND.at("")) for line in lines if line.item.siret[:9] not in known]


async def _put_sites(write: Write, _place: str | None, lines: Sequence[Line]) -> Outcome:
    changes = await service.import_sites(write, [line.item for line in lines])
    counted = {act: sum(len(c.keys) for c in changes if c.type == f"site.{act}") for act in ("created", "updated")}
    return Outcome(changes, counted["created"], counted["updated"], len(lines) - sum(counted.values()))


SITES = Importer(
    kind="sites",
    permission="firms:write",
    national=True,
    schema=SiteLine,
    key=["siret"],
    columns=[
        Column("siret", sheets.digits, ["numéro siret", "n° siret"], required=True),
        Column("name", sheets.plain, ["nom", "enseigne", "dénomination usuelle"]),
        Column("insee_code", sheets.digits, ["code insee", "code commune", "commune"]),
        Column("commune_name", sheets.plain, ["nom commune", "libellé commune", "ville"]),
        Column("address", sheets.plain, ["adresse"]),
        *_ACTIVITY,
        Column("opened_on", sheets.day, ["date de création", "ouverture"]),
        Column("closed", sheets.truth, ["fermé"]),
        Column("closed_on", sheets.day, ["date de fermeture", "fermeture"]),
        Column("seat_from_on", sheets.day, ["siège depuis"]),
        *_AS_OF,
    ],
    check=_check_sites,
    apply=_put_sites,
)
