"""What travels about legal rates."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from app.core.faults import Fault
from app.core.schemas import Body, Id, PersonNameOrNull, Read, RecordedAt
from app.core.values import Day, Line

NOT_A_HALF_YEAR = Fault(
    "not_a_half_year",
    en="Must be the first day of a half-year: 1 January or 1 July.",
    fr="Doit être le premier jour d'un semestre : 1er janvier ou 1er juillet.",
)


def _half_year(day: date) -> date:
    if (day.month, day.day) not in ((1, 1), (7, 1)):
        raise NOT_A_HALF_YEAR.error()
    return day


class LegalRateCreate(Body):
    """The legal rate of a half-year, or its correction."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"from_on": "2026-07-01", "rate_bp": 262, "source": "Arrêté du 15 décembre 2025"}]
        }
    )

    from_on: Annotated[
        Day, AfterValidator(_half_year), Field(description="First day of the half-year: 1 January or 1 July.")
    ]
    rate_bp: Annotated[
        int,
        Field(
            strict=True, ge=0, le=10_000, examples=[262],
            description="Rate a year in basis points, of the category «all other cases».",
        ),
    ]  # fmt: skip
    source: Annotated[Line, Field(description="The text that fixes the rate, such as an order of the minister.")]


class LegalRate(Read):
    """The legal rate of interest in a half-year."""

    id: Id
    from_on: date = Field(description="First day of the half-year in which the rate applies.")
    to_on: date = Field(description="Last day of that half-year, included.")
    rate_bp: int = Field(description="Rate a year in basis points, of the category «all other cases».")
    source: str = Field(description="The text that fixes the rate.")
    corrected: bool = Field(description="Whether a later record of the same half-year replaces this one.")
    recorded_by: UUID | None = Field(
        description="Person or service account that recorded the rate; null where the service came with it."
    )
    recorded_by_name: PersonNameOrNull = Field(description="Present name of the subject of recorded_by.")
    recorded_at: RecordedAt
