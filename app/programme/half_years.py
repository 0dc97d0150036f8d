"""Rates that the law takes by half-years: what their tables, bodies and lists have in common.

A row stays as it was written. A later row of the same half-year corrects it: the latest counts.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Interval,
    cast,
    exists,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.access.models import Subject
from app.core import clock
from app.core.db import Identified, shape
from app.core.faults import Fault
from app.core.reading.listing import Listing, at_least, at_most, holds
from app.core.schemas import Body, Id, PersonNameOrNull, Read, RecordedAt
from app.core.values import Day, Line, Uuid
from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, given
from app.core.writing.upserts import Made, Upsert
from app.core.writing.writes import Change, Write

NOT_A_HALF_YEAR = Fault(
    "not_a_half_year",
    en="Must be the first day of a half-year: 1 January or 1 July.",
    fr="Doit être le premier jour d'un semestre : 1er janvier ou 1er juillet.",
)


class HalfYearly(Identified):
    """The columns of a rate by half-years."""

    from_on: Mapped[date]
    rate_bp: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


def held_as(name: str) -> tuple[Any, ...]:
    """The shapes of such a table, and the index by which the latest row of a half-year is found."""
    return (
        shape("EXTRACT(month FROM from_on) IN (1, 7) AND EXTRACT(day FROM from_on) = 1", name=f"{name}_half_year"),
        shape("rate_bp BETWEEN 0 AND 10000", name=f"{name}_rate"),
        Index(None, "from_on", "id"),
    )


def _half_year(day: date) -> date:
    if (day.month, day.day) not in ((1, 1), (7, 1)):
        raise NOT_A_HALF_YEAR.error()
    return day


class HalfYearlyCreate(Body):
    """The rate of a half-year, or its correction."""

    from_on: Annotated[
        Day, AfterValidator(_half_year), Field(description="First day of the half-year: 1 January or 1 July.")
    ]
    rate_bp: Annotated[
        int, Field(strict=True, ge=0, le=10_000, examples=[215], description="Rate a year in basis points.")
    ]
    source: Annotated[Line, Field(description="The text that fixes the rate.")]


class HalfYearlyRead(Read):
    """The rate of a half-year."""

    id: Id
    from_on: date = Field(description="First day of the half-year in which the rate applies.")
    to_on: date = Field(description="Last day of that half-year, included.")
    rate_bp: int = Field(description="Rate a year in basis points.")
    source: str = Field(description="The text that fixes the rate.")
    corrected: bool = Field(description="Whether a later record of the same half-year replaces this one.")
    recorded_by: UUID | None = Field(
        description="Person or service account that recorded the rate; null where the service came with it."
    )
    recorded_by_name: PersonNameOrNull = Field(description="Present name of the subject of recorded_by.")
    recorded_at: RecordedAt


def listing(rates: Any, schema: type[HalfYearlyRead]) -> Listing:
    """The list of such rates."""
    later, recorder = aliased(rates), Subject.__table__.alias("recorder")
    months, day = (literal_column(f"interval '{span}'", Interval()) for span in ("6 months", "1 day"))
    corrected: Any = exists().where(later.from_on == rates.from_on, later.id > rates.id)
    return Listing(
        schema=schema,
        rows=select(
            rates.id,
            rates.from_on,
            cast(rates.from_on + months - day, Date).label("to_on"),
            rates.rate_bp,
            rates.source,
            corrected.label("corrected"),
            rates.recorded_by,
            recorder.c.name.label("recorded_by_name"),
            rates.recorded_at,
        ).outerjoin(recorder, recorder.c.id == rates.recorded_by),
        key=rates.id,
        derived=True,
        filters={
            "from_from": at_least(rates.from_on, Day, "Of half-years that begin on this day or later."),
            "from_to": at_most(rates.from_on, Day, "Of half-years that begin on this day or earlier."),
            "corrected": holds(corrected, "true: rates that a later record replaces; false: the rates that count."),
        },
        sorts={"from_on": rates.from_on},
    )


def in_force(rates: Any) -> Any:
    """The rate that counts of each half-year."""
    latest_first = (rates.from_on, rates.id.desc())
    return select(rates.from_on, rates.rate_bp).ext(distinct_on(rates.from_on)).order_by(*latest_first)


async def record(write: Write, rates: Any, listed: Listing, body: HalfYearlyCreate, event: str) -> Change:
    """The rate of a half-year. Where it has one, this corrects it: the row before stays, and no longer counts."""
    row = rates(recorded_by=write.actor.subject_id, recorded_at=write.now, **body.model_dump())
    write.session.add(row)
    await write.session.flush()
    return Change(event, listed, [row.id])


# --- from a file -----------------------------------------------------------------------------------------------------

MISSING_RATE = Fault(
    "missing_rate",
    en="The line must give the rate, as a percentage.",
    fr="La ligne doit donner le taux, en pourcentage.",
)


class HalfYearlyLine(Body):
    """The rate of a half-year: `rate` is a percentage, where `rate_bp` has basis points."""

    id: Uuid | None = None
    from_on: Annotated[Day, AfterValidator(_half_year)]
    rate_bp: Annotated[int, Field(ge=0, le=10_000)] | None = None
    rate: Annotated[int, Field(ge=0, le=10_000)] | None = None
    source: Line

    @model_validator(mode="before")
    @classmethod
    def _percentage(cls, values: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in values.items() if name != "rate"}
        return {"rate_bp": values["rate"], **rest} if "rate" in values else rest

    @model_validator(mode="after")
    def _rated(self) -> "HalfYearlyLine":
        if self.rate_bp is None:
            raise MISSING_RATE.error()
        return self


def file_of(
    kind: str, permission: str, rates: Any, listed: Listing, body: type[HalfYearlyCreate],
    recorded: Callable[[Write, Any], Awaitable[Made]],
) -> Importer:  # fmt: skip
    """The import of such rates: a line that says otherwise than the rate that counts corrects it, as the API does."""

    def known(_place: Any, item: HalfYearlyLine) -> Sequence[ColumnElement[bool]]:
        return [rates.from_on == item.from_on]

    async def create(write: Write, _place: Any, item: HalfYearlyLine) -> Made:
        return await recorded(write, body(**given(item, body.model_fields)))

    upsert = Upsert(key=rates.id, listing=listed, known=known, create=create, latest=True)
    return Importer(
        kind=kind,
        permission=permission,
        national=True,
        needs_subject=True,
        schema=HalfYearlyLine,
        key=["id", "from_on"],
        listing=listed,
        columns=[
            Heading("id", cells.plain),
            Heading("from_on", cells.day, ["début du semestre", "semestre", "à compter du"], required=True),
            Heading("rate", cells.percent, ["taux"], required=True, fr="Taux (%)", en="Rate (%)", unless="rate_bp"),
            Heading("rate_bp", cells.whole),
            Heading("source", cells.plain, ["référence", "texte"], required=True),
        ],
        check=upsert.check,
        apply=upsert.apply,
    )
