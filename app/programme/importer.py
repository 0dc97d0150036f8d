"""The communes of a territory from a file: one vintage or several."""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated

from pydantic import Field
from sqlalchemy import select

from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Outcome
from app.core.writing.writes import Write
from app.programme import cog, service
from app.programme.models import PerimeterCommune
from app.programme.schemas import Commune


class PerimeterLine(Commune):
    """A commune of a vintage."""

    vintage: Annotated[int, Field(ge=1900, le=2199)]


async def _check(write: Write, place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    """Each commune is one of the year of its vintage, but for those that are stored so."""
    c = PerimeterCommune
    rows = await write.session.execute(select(c.vintage, c.insee_code).where(c.territory == place))
    stored = {(row.vintage, row.insee_code) for row in rows}
    return [
        LineFault(line.number, "insee_code", fault)
        for line in lines
        if (line.item.vintage, line.item.insee_code) not in stored
        and (fault := cog.fault(line.item.insee_code, line.item.vintage, line.item.name))
    ]


async def _apply(write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
    assert place is not None  # a perimeter is a territory's
    outcome = Outcome([])
    ordered = sorted((line.item for line in lines), key=lambda item: (item.vintage, item.insee_code))
    for vintage, group in groupby(ordered, key=lambda item: item.vintage):
        communes = list(group)
        change, created, updated = await service.add_communes(write, place, vintage, communes)
        outcome.changes = [*outcome.changes, change]
        outcome.created += created
        outcome.updated += updated
        outcome.unchanged += len(communes) - created - updated
    return outcome


PERIMETER = Importer(
    kind="perimeter",
    permission="programme:write",
    schema=PerimeterLine,
    key=["vintage", "insee_code"],
    only={"typecom": "COM"},  # the COG lists parts of communes too, delegated and associated ones
    columns=[
        Heading("vintage", cells.whole, ["millésime", "année", "year"], required=True),
        Heading("insee_code", cells.commune, ["code commune", "code insee", "insee", "com", "codgeo"], required=True),
        Heading(
            "name", cells.plain, ["nom", "commune", "nom commune", "nom membre", "libellé", "libgeo"], required=True
        ),
    ],
    check=_check,
    apply=_apply,
)
