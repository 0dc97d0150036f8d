"""The public directory's own tables, by the names of its fields: each row is read as an answer of the directory is."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core import clock
from app.core.faults import FieldError
from app.core.values import is_siren
from app.core.writing import cells
from app.core.writing.importing import Layout, RowReading
from app.firms.directory import MASKS, NOT_SAID_BY_THE_DIRECTORY, REFERENCE, FirmSaid, SiteSaid, neutral_name, record_of
from app.firms.models import Source
from app.firms.rules import NafVersion
from app.firms.sirene import STATE_MISSING

_SOLE_TRADER = "est_entrepreneur_individuel"
_PARTS = {"siege", "matching_etablissements", "complements", "bodacc"}
_FIRM = ["siren", *(name for name in FirmSaid.model_fields if name not in _PARTS), _SOLE_TRADER]
_SITE = list(SiteSaid.model_fields)


def _given(said: Mapping[str, cells.Cell]) -> dict[str, Any]:
    """The row as the directory would say it: empty cells are null, enseignes stand between `|`."""
    row: dict[str, Any] = {name: cells.text_of(cell) or None for name, cell in said.items()}
    if "liste_enseignes" in row:
        row["liste_enseignes"] = cells.texts_of(said["liste_enseignes"])
    for name in ("date_creation", "date_fermeture"):
        if row.get(name) and row[name] not in MASKS:
            row[name] = cells.day_or_text(said[name])
    return row


def _said(values: dict[str, Any], told: Sequence[FieldError]) -> RowReading:
    faults = [
        (fault.pointer.rpartition("/")[2], fault) for fault in told if fault.message is not NOT_SAID_BY_THE_DIRECTORY
    ]
    said = RowReading({"source": Source.DIRECTORY, **values}, faults)
    if "ceased" not in values and "closed" not in values:
        said.refused.append(("etat_administratif", STATE_MISSING.at("")))
    return said


def _firm(said: Mapping[str, cells.Cell]) -> RowReading:
    row, siren = _given(said), cells.siren(said.get("siren"))
    sole = cells.text_of(said.get(_SOLE_TRADER)).lower()
    if sole in cells.YES | cells.NO:
        row["complements"] = {_SOLE_TRADER: sole in cells.YES}
    record = record_of(siren, row, clock.today())
    values = {"siren": siren, **({"name": neutral_name(siren)} if is_siren(siren) else {}), **record.facts}
    next_code = next((code for code, version in record.activities if version == NafVersion.NAF_2025), None)
    if next_code is not None and values.get("naf_version") != NafVersion.NAF_2025:
        values["naf_2025_code"] = next_code
    if record.owner is not None:
        values["owner"] = record.owner
    return _said(values, record.told)


def _site(said: Mapping[str, cells.Cell]) -> RowReading:
    siret = cells.siret(said.get("siret"))
    row = {"siren": siret[:9], "matching_etablissements": [{**_given(said), "siret": siret}]}
    record = record_of(siret[:9], row, clock.today())
    values = record.sites[0] if record.sites else {"siret": siret, "closed": False, "source_reference": REFERENCE}
    return _said(values, [fault for fault in record.told if fault.pointer.startswith("/matching")])


FIRMS = Layout(_FIRM, ["siren", "etat_administratif"], _firm)
SITES = Layout(_SITE, ["siret", "etat_administratif"], _site)
