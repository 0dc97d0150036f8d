"""What travels about refinancing rates."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.core.values import Line
from app.programme.half_years import HalfYearlyCreate, HalfYearlyRead


class RefinancingRateCreate(HalfYearlyCreate):
    """The refinancing rate of a half-year, or its correction."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"from_on": "2026-07-01", "rate_bp": 215, "source": "BCE, taux du 11 juin 2025"}]
        }
    )

    rate_bp: Annotated[
        int,
        Field(
            strict=True, ge=0, le=10_000, examples=[215],
            description="Rate a year in basis points of the main refinancing operations of the European Central Bank,"
            " as in force on from_on.",
        ),
    ]  # fmt: skip
    source: Annotated[Line, Field(description="Where the bank says so, such as its decision and day.")]


class RefinancingRate(HalfYearlyRead):
    """The rate of the European Central Bank in a half-year: late interest on an invoice rests on it."""

    rate_bp: int = Field(
        description="Rate a year in basis points of the main refinancing operations of the European Central Bank, as in"
        " force on from_on."
    )
