"""Firms and their sites from files: public facts by SIREN and SIRET."""

from collections.abc import Sequence

from pydantic import model_validator
from sqlalchemy import select

from app.core.faults import Fault
from app.core.messages import NOT_FOUND
from app.core.values import Line, NafCode, Siret
from app.core.writing import sheets
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Locks, Outcome, coded, rows_of
from app.core.writing.writes import Write
from app.firms import directory_file, service, sirene
from app.firms.models import Firm, Source
from app.firms.schemas import FirmCreate, SitePut

_AS_OF = [
    Heading("source_reference", sheets.plain, ["source", "référence"]),
    Heading("as_of", sheets.day, ["au", "situation au", "date de situation"]),
]
_ACTIVITY = [
    Heading("naf_code", sheets.plain, ["naf", "code naf", "ape", "code ape", "activité principale"]),
    Heading("naf_version", coded({"NAF rév. 2": "naf_rev2", "NAF 2025": "naf_2025"}), ["nomenclature", "version naf"]),
]


NOTHING_BUT_A_NUMBER = Fault(
    "nothing_but_a_number",
    en="The line says nothing but a number: give at least the commune, or whether the site is closed.",
    fr="La ligne ne dit rien d'autre qu'un numéro : donnez au moins la commune, ou si l'établissement est fermé.",
)


async def _put_firms(write: Write, _place: str | None, lines: Sequence[FileLine]) -> Outcome:
    changes = await service.import_firms(write, [line.item for line in lines])
    counted = {act: sum(len(c.keys) for c in changes if c.type == f"firm.{act}") for act in ("created", "updated")}
    return Outcome(changes, counted["created"], counted["updated"], len(lines) - sum(counted.values()))


async def _firms_of(_write: Write, _place: str | None, lines: Sequence[FileLine]) -> set[str]:
    return {line.item.siren for line in lines}


class FirmLine(FirmCreate):
    """A firm by its SIREN; of INSEE's file also its source, its owner and its code of NAF 2025."""

    source: Source = Source.DECLARED
    owner: Line | None = None
    naf_2025_code: NafCode | None = None


FIRMS = Importer(
    kind="firms",
    permission="firms:write",
    national=True,
    schema=FirmLine,
    layouts=[sirene.UNITS, directory_file.FIRMS],
    key=["siren"],
    columns=[
        Heading("siren", sheets.digits, ["numero siren", "n° siren", "identifiant"], required=True),
        Heading("name", sheets.plain, ["nom", "raison sociale", "dénomination", "nom de l'entreprise", "entreprise"],
               required=True),
        *_ACTIVITY,
        Heading("legal_form_code", sheets.digits, ["catégorie juridique", "nature juridique", "forme juridique"]),
        Heading("trade_names", sheets.parts, ["noms commerciaux", "enseignes"]),
        Heading("acronym", sheets.plain, ["sigle"]),
        Heading("headcount_bracket", sheets.plain, ["tranche d'effectif", "tranche effectif salarié"]),
        Heading("headcount_year", sheets.whole, ["année tranche effectif salarié", "année effectif"]),
        Heading("insee_category", coded({}), ["catégorie entreprise"]),
        Heading("insee_category_year", sheets.whole, ["année catégorie entreprise"]),
        Heading("founded_on", sheets.day, ["date de création", "création"]),
        Heading("ceased", sheets.truth, ["cessée"]),
        Heading("ceased_on", sheets.day, ["date de fermeture", "date de cessation"]),
        Heading("sole_trader", sheets.truth, ["entrepreneur individuel"]),
        *_AS_OF,
    ],
    locks=Locks(_firms_of, rows_of(Firm.siren)),
    apply=_put_firms,
)  # fmt: skip


class SiteLine(SitePut):
    """A site by its SIRET; of INSEE's file also its source, and whether it is the seat."""

    siret: Siret
    source: Source = Source.DECLARED
    is_seat: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> "SiteLine":
        """A number alone would make an open site of it."""
        if self.model_fields_set == {"siret"}:
            raise NOTHING_BUT_A_NUMBER.error()
        return self


async def _check_sites(write: Write, _place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    """Sites hang on firms of the register."""
    sirens = {line.item.siret[:9] for line in lines}
    known = set(await write.session.scalars(select(Firm.siren).where(Firm.siren.in_(sirens))))
    return [LineFault(line.number, "siret", NOT_FOUND.at("")) for line in lines if line.item.siret[:9] not in known]


async def _put_sites(write: Write, _place: str | None, lines: Sequence[FileLine]) -> Outcome:
    changes = await service.import_sites(write, [line.item for line in lines])
    counted = {act: sum(len(c.keys) for c in changes if c.type == f"site.{act}") for act in ("created", "updated")}
    return Outcome(changes, counted["created"], counted["updated"], len(lines) - sum(counted.values()))


SITES = Importer(
    kind="sites",
    permission="firms:write",
    national=True,
    schema=SiteLine,
    layouts=[sirene.SITES, directory_file.SITES],
    key=["siret"],
    columns=[
        Heading("siret", sheets.digits, ["numéro siret", "n° siret"], required=True),
        Heading("name", sheets.plain, ["nom", "enseigne", "dénomination usuelle"]),
        Heading("insee_code", sheets.digits, ["code insee", "code commune", "commune"]),
        Heading("commune_name", sheets.plain, ["nom commune", "libellé commune", "ville"]),
        Heading("address", sheets.plain, ["adresse"]),
        *_ACTIVITY,
        Heading("opened_on", sheets.day, ["date de création", "ouverture"]),
        Heading("closed", sheets.truth, ["fermé"]),
        Heading("closed_on", sheets.day, ["date de fermeture", "fermeture"]),
        Heading("diffusion", coded({"intégrale": "full", "partielle": "partial"}), ["diffusion"]),
        Heading("seat_from_on", sheets.day, ["siège depuis"]),
        *_AS_OF,
    ],
    check=_check_sites,
    apply=_put_sites,
)
