"""Firms and their sites from files: public facts by SIREN and SIRET."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import model_validator
from sqlalchemy import ColumnElement, Text, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.core import clock
from app.core.faults import Fault, FieldError, Message
from app.core.messages import NOT_FOUND
from app.core.values import Line, NafCode, Siret
from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Locks, Outcome, coded, rows_of
from app.core.writing.writes import Write
from app.firms import directory_file, naf, service, sirene
from app.firms.models import Firm, Site, Source
from app.firms.rules import NafVersion, nomenclature_on
from app.firms.schemas import FirmCreate, SitePut
from app.programme import cog

FIRMS_FIRST = Message(
    "firms_first",
    "Import the firms first, and follow them in the territory.",
    "Importez d'abord les entreprises, et suivez-les dans le territoire.",
)
REGISTER_FIRST = Message("register_first", "Import the firms first.", "Importez d'abord les entreprises.")
_AS_OF = [
    Heading("source_reference", cells.plain, ["source", "référence"]),
    Heading("as_of", cells.day, ["situation au", "au", "date de situation"]),
]
_ACTIVITY = [
    Heading(
        "naf_code",
        cells.naf,
        ["code naf", "naf", "ape", "code ape", "activité principale"],
        fr="Code NAF",
        en="NAF code",
    ),
    Heading("naf_version", coded({"NAF rév. 2": "naf_rev2", "NAF 2025": "naf_2025"}), ["nomenclature", "version naf"]),
]


_BRACKET = replace(
    cells.plain,
    accepts=Message(
        "headcount_bracket",
        "INSEE's code of the bracket: NN no employee, 11 from 10 to 19, 12 to 49, 21 to 99, 22 to 199, 31 to 249, 32 to"
        " 499, 41 to 999, 42 to 1999, 51 to 4999, 52 to 9999, 53 more; 00 to 03 fewer than 10",
        "le code INSEE de la tranche : NN sans salarié, 11 de 10 à 19, 12 jusqu'à 49, 21 jusqu'à 99, 22 jusqu'à 199, 31"
        " jusqu'à 249, 32 jusqu'à 499, 41 jusqu'à 999, 42 jusqu'à 1999, 51 jusqu'à 4999, 52 jusqu'à 9999, 53 au-delà ;"
        " 00 à 03 moins de 10",
    ),
    examples=("11", "11"),
)


NOTHING_BUT_A_NUMBER = Fault(
    "nothing_but_a_number",
    en="The line says nothing but a number: give at least the commune, or whether the site is closed.",
    fr="La ligne ne dit rien d'autre qu'un numéro : donnez au moins la commune, ou si l'établissement est fermé.",
)


UNKNOWN_NAF_CODE = Fault(
    "unknown_naf_code",
    en="{nomenclature} has no such code. The nearest is {nearest}.",
    fr="La {nomenclature} n'a pas ce code. Le plus proche est {nearest}.",
)
CODE_OF_ANOTHER_NOMENCLATURE = Fault(
    "code_of_another_nomenclature",
    en="{nomenclature} has no such code (the nearest is {nearest}), {other} has: say so in a column Nomenclature.",
    fr="La {nomenclature} n'a pas ce code (le plus proche est {nearest}), la {other} l'a : dites-le dans une colonne"
    " Nomenclature.",
)


def _of_no_nomenclature(lines: Sequence[FileLine], stored: set[tuple[str, str | None]], key: str) -> list[LineFault]:
    """The lines whose activity code is none of its nomenclature, but for those that say again what is stored."""
    return [
        LineFault(line.number, "naf_code", fault)
        for line in lines
        if line.item.source is Source.DECLARED  # INSEE knows the codes that it writes
        and (code := line.item.naf_code) is not None
        and (getattr(line.item, key), code) not in stored
        and (fault := _naf_fault(code, line.item.naf_version or nomenclature_on(line.item.as_of or clock.today())))
    ]


def _naf_fault(code: str, version: NafVersion) -> FieldError | None:
    if code in naf.codes(version):
        return None
    name, nearest = naf.NAMES[version], naf.nearest(code, version)
    other = next((naf.NAMES[each] for each in NafVersion if code in naf.codes(each)), None)
    if other is not None:
        return CODE_OF_ANOTHER_NOMENCLATURE.at("", nomenclature=name, nearest=nearest, other=other)
    return UNKNOWN_NAF_CODE.at("", nomenclature=name, nearest=nearest)


def _any_of(column: Any, values: set[str]) -> ColumnElement[bool]:
    """Whether a column has one of some hundred values, which travel as one."""
    named: ColumnElement[bool] = column == any_(literal(sorted(values), ARRAY(Text())))
    return named


async def _check_firms(write: Write, _place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    sirens = {line.item.siren for line in lines}
    rows = await write.session.execute(select(Firm.siren, Firm.naf_code).where(_any_of(Firm.siren, sirens)))
    return _of_no_nomenclature(lines, {(row.siren, row.naf_code) for row in rows}, "siren")


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
        Heading("siren", cells.siren, ["numero siren", "n° siren", "identifiant"], required=True, fr="SIREN",
               en="SIREN"),
        Heading("name", cells.plain, ["raison sociale", "nom", "dénomination", "nom de l'entreprise", "entreprise"],
               required=True),
        *_ACTIVITY,
        Heading("legal_form_code", cells.digits, ["catégorie juridique", "nature juridique", "forme juridique"]),
        Heading("trade_names", cells.parts, ["noms commerciaux", "enseignes"]),
        Heading("acronym", cells.plain, ["sigle"]),
        Heading("headcount_bracket", _BRACKET, ["tranche d'effectif", "tranche effectif salarié"]),
        Heading("headcount_year", cells.whole, ["année tranche effectif salarié", "année effectif"]),
        Heading("insee_category", coded({"PME": "pme", "ETI": "eti", "GE": "ge"}), ["catégorie entreprise"]),
        Heading("insee_category_year", cells.whole, ["année catégorie entreprise"]),
        Heading("founded_on", cells.day, ["date de création", "création"]),
        Heading("ceased", cells.truth, ["cessée"]),
        Heading("ceased_on", cells.day, ["date de fermeture", "date de cessation"]),
        Heading("sole_trader", cells.truth, ["entrepreneur individuel"]),
        *_AS_OF,
    ],
    check=_check_firms,
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
    """Sites hang on firms of the register; their activities are of a nomenclature, their communes of the COG."""
    sirens = {line.item.siret[:9] for line in lines}
    known = set(await write.session.scalars(select(Firm.siren).where(_any_of(Firm.siren, sirens))))
    orphans = [LineFault(line.number, "siret", NOT_FOUND.at("")) for line in lines if line.item.siret[:9] not in known]
    sirets = {line.item.siret for line in lines}
    named = select(Site.siret, Site.naf_code, Site.insee_code).where(_any_of(Site.siret, sirets))
    rows = list(await write.session.execute(named))
    activities = _of_no_nomenclature(lines, {(row.siret, row.naf_code) for row in rows}, "siret")
    return [*orphans, *activities, *_of_no_commune(lines, {(row.siret, row.insee_code) for row in rows})]


def _of_no_commune(lines: Sequence[FileLine], stored: set[tuple[str, str | None]]) -> list[LineFault]:
    """The lines whose commune has never been; of one that is of other years than the line it is told what became.

    Those that say again what is stored are left alone, and what INSEE writes.
    """
    faults = []
    for line in lines:
        site, code = line.item, line.item.insee_code
        if code is None or site.source is not Source.DECLARED or (site.siret, code) in stored:
            continue
        year = (site.closed_on or site.as_of or clock.today()).year
        if fault := cog.line_fault(line.number, "insee_code", code, year, site.commune_name):
            faults.append(fault)
    return faults


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
        Heading(
            "siret",
            cells.siret,
            ["numéro siret", "n° siret"],
            required=True,
            fr="SIRET",
            en="SIRET",
            first=REGISTER_FIRST,
        ),
        Heading("name", cells.plain, ["nom", "enseigne", "dénomination usuelle"]),
        Heading("insee_code", cells.commune, ["code insee", "code commune", "commune"]),
        Heading("commune_name", cells.plain, ["nom commune", "libellé commune", "ville"]),
        Heading("address", cells.plain, ["adresse"]),
        *_ACTIVITY,
        Heading("opened_on", cells.day, ["date de création", "ouverture"]),
        Heading("closed", cells.truth, ["fermé"]),
        Heading("closed_on", cells.day, ["date de fermeture", "fermeture"]),
        Heading("diffusion", coded({"intégrale": "full", "partielle": "partial"}), ["diffusion"]),
        Heading("seat_from_on", cells.day, ["siège depuis"]),
        *_AS_OF,
    ],
    check=_check_sites,
    apply=_put_sites,
)
