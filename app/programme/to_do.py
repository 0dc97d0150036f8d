"""What waits for somebody to act: kinds of work, each with who may do it and one SELECT, and one query over them.

A kind stands beside the domain whose objects wait. Who may act is read from the access matrix, never listed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from pydantic import Field
from sqlalchemy import Date, Select, Text, any_, func, literal_column, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.ext.asyncio import AsyncEngine

from app.access.rules import Actor, SubjectKind
from app.core import clock
from app.core.db import Statement, fetch, param
from app.core.schemas import Read
from app.programme.models import Territory

# What the SELECT of a kind may ask about the caller.
SUBJECT = param("subject", UUID())
ORGANISATION = param("organisation", UUID())
TODAY = param("today", Date())


@dataclass(frozen=True, eq=False)
class Kind:
    """Objects that wait for the holders of a permission: one row each, of its territory and its day.

    `link` is what lists exactly these objects, below the territory: `{subject}`, `{organisation}` and `{today}` stand
    for the caller's. `by_person`: a program may not do it, and is not told.
    """

    name: str
    doc: str
    permission: str
    rows: Select[str, date] | Select[str, date | None]
    link: str
    by_person: bool = True


class Waiting(Read):
    """How many objects of a kind wait for the caller in a territory."""

    territory: str = Field(description="Slug of the territory.")
    territory_name: str = Field(description="Present name of the territory.")
    kind: str = Field(description="What waits.")
    count: int = Field(description="Number of objects that wait: 1 or more, for what does not wait is not listed.")
    oldest_on: date | None = Field(description="Paris day of the oldest of them; null where no day is known.")
    link: str = Field(description="Address of this service that lists exactly these objects to the caller.")


def kind_field(kinds: Sequence[Kind]) -> Any:
    """The field `kind` of answers that tell of these kinds."""
    words = " ".join(f"{kind.name}: {kind.doc}" for kind in kinds)
    return Field(description=f"What waits. {words}", json_schema_extra={"enum": [kind.name for kind in kinds]})


async def waiting(
    engine: AsyncEngine, kinds: Sequence[Kind], actor: Actor, territory: str | None = None
) -> list[dict[str, Any]]:
    """What waits for the caller in one territory, or in all where the caller may do something: one query."""
    asked = [
        (kind, territories)
        for kind in kinds
        if not kind.by_person or actor.kind is SubjectKind.PERSON
        if (territories := _territories(kind, actor, territory)) != []
    ]
    if not asked:
        return []
    place = {"subject": actor.subject_id, "organisation": actor.organisation_id, "today": clock.today()}
    bound = place | {f"in_{number}": territories for number, (_, territories) in enumerate(asked)}
    rows = await fetch(engine, _statement(tuple((kind, territories is None) for kind, territories in asked)), bound)
    return [
        {
            "territory": row["territory"],
            "territory_name": row["territory_name"],
            "kind": asked[row["number"]][0].name,
            "count": row["count"],
            "oldest_on": row["oldest_on"],
            "link": f"/v1/territories/{row['territory']}/{asked[row['number']][0].link.format(**place)}",
        }
        for row in rows
    ]


def _territories(kind: Kind, actor: Actor, territory: str | None) -> list[str] | None:
    """Where the caller may do it; None for everywhere."""
    if territory is None:
        return actor.territories(kind.permission)
    return [territory] if actor.may(kind.permission, territory) else []


@lru_cache(maxsize=256)
def _statement(asked: tuple[tuple[Kind, bool], ...]) -> Statement:
    """The number and the oldest day of each kind (told by its place) in each territory; True: in all of them."""
    parts = []
    for number, (kind, everywhere) in enumerate(asked):
        each = kind.rows.subquery(f"each_{number}")
        territory, day = each.c
        part = select(
            literal_column(str(number)).label("number"),
            territory.label("territory"),
            func.count().label("count"),
            func.min(day).label("oldest_on"),
        ).group_by(territory)
        parts.append(part if everywhere else part.where(territory == any_(param(f"in_{number}", ARRAY(Text())))))
    of_kinds = union_all(*parts).subquery("of_kinds")
    return Statement(
        select(*of_kinds.c, Territory.name.label("territory_name"))
        .join(Territory, Territory.slug == of_kinds.c.territory)
        .order_by(of_kinds.c.territory, of_kinds.c.number)
    )
