"""INSEE's files of the national register, as they are: StockUniteLegale and StockEtablissement.

A row brings what it says: a state that it does not say is never taken for «open», what partial diffusion hides is not
kept, the name of a natural person becomes that of the owner, and a code of an older nomenclature is left out.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.core.faults import Fault
from app.core.values import is_siren
from app.core.writing import cells
from app.core.writing.importing import Layout, RowReading
from app.firms.directory import MASKS, neutral_name
from app.firms.models import HEADCOUNT_BRACKETS, Diffusion, Source
from app.firms.rules import NafVersion

STATE_MISSING = Fault(
    "state_missing",
    en="The register says no state here (A, or C or F): without it the line is not taken as open.",
    fr="Le répertoire ne dit pas d'état ici (A, ou C ou F) : sans lui, la ligne n'est pas prise pour ouverte.",
)
OLDER_NOMENCLATURE = Fault(
    "older_nomenclature",
    en="The code is of an older nomenclature ({nomenclature}): it is left out.",
    fr="Le code est d'une nomenclature plus ancienne ({nomenclature}) : il est laissé de côté.",
)
FACT_LEFT_OUT = Fault(
    "fact_left_out",
    en="The register says something that cannot be recorded here: it is left out.",
    fr="Le répertoire dit ici ce qui ne peut être consigné : c'est laissé de côté.",
)

_UNIT = re.findall(
    r"\w+",
    """
siren statutDiffusionUniteLegale unitePurgeeUniteLegale dateCreationUniteLegale sigleUniteLegale sexeUniteLegale
prenom1UniteLegale prenom2UniteLegale prenom3UniteLegale prenom4UniteLegale prenomUsuelUniteLegale
pseudonymeUniteLegale identifiantAssociationUniteLegale trancheEffectifsUniteLegale anneeEffectifsUniteLegale
dateDernierTraitementUniteLegale nombrePeriodesUniteLegale categorieEntreprise anneeCategorieEntreprise dateDebut
etatAdministratifUniteLegale nomUniteLegale nomUsageUniteLegale denominationUniteLegale denominationUsuelle1UniteLegale
denominationUsuelle2UniteLegale denominationUsuelle3UniteLegale categorieJuridiqueUniteLegale
activitePrincipaleUniteLegale nomenclatureActivitePrincipaleUniteLegale nicSiegeUniteLegale
economieSocialeSolidaireUniteLegale societeMissionUniteLegale caractereEmployeurUniteLegale
activitePrincipaleNAF25UniteLegale
""",
)
_ADDRESS = re.findall(
    r"\w+",
    """
complementAdresse numeroVoie indiceRepetition dernierNumeroVoie indiceRepetitionDernierNumeroVoie typeVoie libelleVoie
codePostal libelleCommune libelleCommuneEtranger distributionSpeciale codeCommune codeCedex libelleCedex
codePaysEtranger libellePaysEtranger
""",
)
_SITE = [
    *re.findall(
        r"\w+",
        """
siren nic siret statutDiffusionEtablissement dateCreationEtablissement trancheEffectifsEtablissement
anneeEffectifsEtablissement activitePrincipaleRegistreMetiersEtablissement dateDernierTraitementEtablissement
etablissementSiege nombrePeriodesEtablissement identifiantAdresseEtablissement
coordonneeLambertAbscisseEtablissement coordonneeLambertOrdonneeEtablissement dateDebut
etatAdministratifEtablissement enseigne1Etablissement enseigne2Etablissement enseigne3Etablissement
denominationUsuelleEtablissement activitePrincipaleEtablissement nomenclatureActivitePrincipaleEtablissement
caractereEmployeurEtablissement activitePrincipaleNAF25Etablissement
""",
    ),
    *(f"{name}Etablissement" for name in _ADDRESS),
    *(f"{name}2Etablissement" for name in _ADDRESS),  # a second address, which few have
]
_VERSIONS = {"nafrev2": NafVersion.REV_2, "naf25": NafVersion.NAF_2025, "naf2025": NafVersion.NAF_2025}


class _Row:
    """A row by INSEE's headings: cells as text, what is hidden as absent."""

    def __init__(self, row: Mapping[str, cells.Cell], reference: str) -> None:
        self._cells = row
        self.said = RowReading({"source": Source.SIRENE, "source_reference": reference})

    def text(self, heading: str) -> str:
        text = cells.text_of(self._cells.get(heading))
        return "" if text in MASKS else " ".join(text.split())[:200]

    def first(self, *headings: str) -> str:
        return next((text for heading in headings if (text := self.text(heading))), "")

    def put(self, field: str, value: Any) -> None:
        """What the row says of a field; of an empty cell nothing."""
        if value not in ("", None, []):
            self.said.values[field] = value

    def day(self, field: str, heading: str) -> None:
        """A day of our centuries."""
        day = cells.day_or_text(self._cells.get(heading)) if self.text(heading) else ""
        if re.fullmatch(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}", day):
            self.put(field, day)
        elif day:
            self.said.told.append((heading, FACT_LEFT_OUT.at("")))

    def year(self, field: str, heading: str) -> None:
        text = self.text(heading)
        if re.fullmatch(r"(19|20|21)[0-9]{2}", text):
            self.put(field, int(text))
        elif text:
            self.said.told.append((heading, FACT_LEFT_OUT.at("")))

    def code(self, field: str, heading: str, known: Mapping[str, Any]) -> None:
        text = self.text(heading)
        if text in known:
            self.put(field, known[text])
        elif text:
            self.said.told.append((heading, FACT_LEFT_OUT.at("")))

    def activity(self, end: str) -> None:
        """The activity with its nomenclature, and that of NAF 2025 beside it."""
        heading = f"activitePrincipale{end}"
        code, named = self.text(heading), self.text(f"nomenclatureActivitePrincipale{end}")
        version = _VERSIONS.get(named.lower())
        if code and version is None:
            self.said.told.append((heading, OLDER_NOMENCLATURE.at("", nomenclature=named or "?")))
        elif code:
            self.put("naf_code", code)
            self.put("naf_version", version)
        if version is NafVersion.REV_2:
            self.put("naf_2025_code", self.text(f"activitePrincipaleNAF25{end}"))

    def state(self, end: str, ended: str, flag: str, day: str) -> None:
        """Whether a firm or a site has ended: `dateDebut` is the day from which the state holds."""
        heading = f"etatAdministratif{end}"
        state = self.text(heading)
        if state not in ("A", ended):
            self.said.refused.append((heading, STATE_MISSING.at("")))
            return
        self.said.values[flag] = state == ended
        if state == ended:
            self.day(day, "dateDebut")

    def diffusion(self, heading: str) -> None:
        partial = dict.fromkeys("PN", Diffusion.PARTIAL)
        self.code("diffusion", heading, {"O": Diffusion.FULL, **partial})


def _unit(said: Mapping[str, cells.Cell]) -> RowReading:
    """A legal unit: the name of a natural person is that of its owner, never that of the firm."""
    row = _Row(said, "SIRENE, StockUniteLegale")
    siren = cells.siren(said.get("siren"))
    row.put("siren", siren)
    usual = [row.text(f"denominationUsuelle{n}UniteLegale") for n in (1, 2, 3)]
    usual = list(dict.fromkeys(name for name in usual if name))
    form = row.text("categorieJuridiqueUniteLegale")
    person = form.startswith("1") or bool(row.first("nomUniteLegale", "nomUsageUniteLegale"))
    name = "" if person else row.text("denominationUniteLegale")
    row.put("name", name or next(iter(usual), "") or (neutral_name(siren) if is_siren(siren) else ""))
    row.put("trade_names", usual if name else usual[1:])
    if person:
        first = row.first("prenomUsuelUniteLegale", "prenom1UniteLegale")
        row.put("owner", " ".join([first, row.first("nomUsageUniteLegale", "nomUniteLegale")]).strip())
    if person or form:
        row.said.values["sole_trader"] = person
    row.put("acronym", row.text("sigleUniteLegale"))
    row.put("legal_form_code", form)
    row.activity("UniteLegale")
    row.code("headcount_bracket", "trancheEffectifsUniteLegale", {code: code for code in HEADCOUNT_BRACKETS})
    row.year("headcount_year", "anneeEffectifsUniteLegale")
    row.code("insee_category", "categorieEntreprise", {code.upper(): code for code in ("pme", "eti", "ge")})
    row.year("insee_category_year", "anneeCategorieEntreprise")
    row.day("founded_on", "dateCreationUniteLegale")
    row.state("UniteLegale", "C", "ceased", "ceased_on")
    row.diffusion("statutDiffusionUniteLegale")
    row.put("as_of", row.text("dateDernierTraitementUniteLegale")[:10])
    return row.said


def _site(said: Mapping[str, cells.Cell]) -> RowReading:
    row = _Row(said, "SIRENE, StockEtablissement")
    row.put("siret", cells.siret(said.get("siret")))
    row.put("name", row.first("enseigne1Etablissement", "denominationUsuelleEtablissement"))
    row.put("insee_code", row.text("codeCommuneEtablissement"))
    row.put("commune_name", row.text("libelleCommuneEtablissement"))
    street = ("numeroVoie", "indiceRepetition", "typeVoie", "libelleVoie")
    lines = (("complementAdresse",), street, ("distributionSpeciale",))
    address = [" ".join(filter(None, (row.text(f"{part}Etablissement") for part in line))) for line in lines]
    row.put("address", ", ".join(filter(None, address))[:200])
    row.activity("Etablissement")
    row.said.values.pop("naf_2025_code", None)  # a site has one code
    row.day("opened_on", "dateCreationEtablissement")
    row.state("Etablissement", "F", "closed", "closed_on")
    row.diffusion("statutDiffusionEtablissement")
    row.put("as_of", row.text("dateDernierTraitementEtablissement")[:10])
    if row.text("etablissementSiege").lower() == "true":
        row.put("is_seat", True)
    return row.said


UNITS = Layout(_UNIT, ["siren", *(name for name in _UNIT if name.endswith("UniteLegale"))], _unit)
SITES = Layout(_SITE, ["siret", *(name for name in _SITE if name.endswith("Etablissement"))], _site)
