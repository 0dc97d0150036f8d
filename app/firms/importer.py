"""Firms from a file: public facts by SIREN."""

from collections.abc import Sequence

from app.core import sheets
from app.core.importing import Column, Importer, Line, Outcome
from app.core.writes import Write
from app.firms import service
from app.firms.schemas import FirmCreate


async def _apply(write: Write, _place: str | None, lines: Sequence[Line]) -> Outcome:
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
        Column("naf_code", sheets.plain, ["naf", "code naf", "ape", "code ape", "activité principale"]),
        Column("naf_version", sheets.plain, ["nomenclature", "version naf"]),
        Column("legal_form_code", sheets.digits, ["catégorie juridique", "nature juridique", "forme juridique"]),
    ],
    apply=_apply,
)  # fmt: skip
