"""What travels about legal rates."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.core.values import Line
from app.programme.half_years import HalfYearlyCreate, HalfYearlyRead


class LegalRateCreate(HalfYearlyCreate):
    """The legal rate of a half-year, or its correction."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"from_on": "2026-07-01", "rate_bp": 262, "source": "Arrêté du 15 décembre 2025"}]
        }
    )

    rate_bp: Annotated[
        int,
        Field(
            strict=True, ge=0, le=10_000, examples=[262],
            description="Rate a year in basis points, of the category «all other cases».",
        ),
    ]  # fmt: skip
    source: Annotated[Line, Field(description="The text that fixes the rate, such as an order of the minister.")]


class LegalRate(HalfYearlyRead):
    """The legal rate of interest in a half-year."""

    rate_bp: int = Field(description="Rate a year in basis points, of the category «all other cases».")
