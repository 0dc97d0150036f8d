"""The communes of a territory from a file: one vintage or several."""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Any

from pydantic import Field, model_validator
from sqlalchemy import select

from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Outcome
from app.core.writing.writes import Write
from app.programme import cog, service
from app.programme.models import PerimeterCommune
from app.programme.schemas import Commune


class PerimeterLine(Commune):
    """A commune of a vintage; in our own exports all of them, of which the line has the first."""

    vintage: Annotated[int, Field(ge=1900, le=2199)]
    communes: list[Commune] = Field([], max_length=2000)

    @model_validator(mode="before")
    @classmethod
    def _first(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values["communes"][0], **values} if values.get("communes") else values


async def _check(write: Write, place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    """Each commune is one of the year of its vintage, but for those that are stored so."""
    c = PerimeterCommune
    rows = await write.session.execute(select(c.vintage, c.insee_code).where(c.territory == place))
    stored = {(row.vintage, row.insee_code) for row in rows}
    return [
        LineFault(line.number, "insee_code", fault)
        for line in lines
        for each in line.item.communes or [line.item]
        if (line.item.vintage, each.insee_code) not in stored
        and (fault := cog.fault(each.insee_code, line.item.vintage, each.name))
    ]


async def _apply(write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
    assert place is not None  # a perimeter is a territory's
    outcome = Outcome([])
    ordered = sorted((line.item for line in lines), key=lambda item: (item.vintage, item.insee_code))
    for vintage, group in groupby(ordered, key=lambda item: item.vintage):
        items = list(group)
        communes = {each.insee_code: each for item in items for each in item.communes or [item]}
        change, created, updated = await service.add_communes(write, place, vintage, list(communes.values()))
        outcome.changes = [*outcome.changes, change]
        of_lines = min(created, len(items)), min(updated, len(items) - min(created, len(items)))
        outcome.created += of_lines[0]
        outcome.updated += of_lines[1]
        outcome.unchanged += len(items) - sum(of_lines)
    return outcome


PERIMETER = Importer(
    kind="perimeter",
    permission="programme:write",
    schema=PerimeterLine,
    key=["vintage", "insee_code"],
    only={"typecom": "COM"},  # the COG lists parts of communes too, delegated and associated ones
    columns=[
        Heading("vintage", cells.whole, ["millésime", "année", "year"], required=True),
        Heading(
            "insee_code",
            cells.commune,
            ["code commune", "code insee", "insee", "com", "codgeo"],
            required=True,
            unless="communes.insee_code",
        ),
        Heading(
            "name",
            cells.plain,
            ["nom", "commune", "nom commune", "nom membre", "libellé", "libgeo"],
            required=True,
            unless="communes.name",
        ),
        Heading("communes.insee_code", cells.each(cells.commune)),
        Heading("communes.name", cells.each(cells.plain)),
    ],
    check=_check,
    apply=_apply,
)
