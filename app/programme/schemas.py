"""What travels about the programme."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field, model_validator

from app.core.faults import Fault
from app.core.messages import PERIOD_REVERSED
from app.core.schemas import Body, Read
from app.core.values import Day, InseeCode, Line, Siren, Slug
from app.programme.models import TerritoryStatus

REPEATED_COMMUNE = Fault(
    "repeated_commune",
    en="A commune can appear only once in the list.",
    fr="Une commune ne peut figurer qu'une fois dans la liste.",
)

WaveNumber = Annotated[int, Field(strict=True, ge=1, le=999, examples=[2])]


class WaveCreate(Body):
    """A round of the call."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"number": 2, "opened_on": "2022-10-01", "closed_on": "2023-02-01"}]}
    )

    number: WaveNumber
    name: Line | None = None
    opened_on: Day | None = None
    closed_on: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "WaveCreate":
        if self.opened_on and self.closed_on and self.closed_on < self.opened_on:
            raise PERIOD_REVERSED.error()
        return self


class WaveUpdate(Body):
    """Fields of a wave to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"closed_on": "2023-02-01"}]})

    name: Line | None | MISSING = MISSING
    opened_on: Day | None | MISSING = MISSING
    closed_on: Day | None | MISSING = MISSING


class Wave(Read):
    """A round of the call, with the number of its territories."""

    id: UUID
    number: int
    name: str | None
    opened_on: date | None
    closed_on: date | None
    version: int
    created_at: datetime
    updated_at: datetime


EpciSirens = Annotated[list[Siren], Field(min_length=1, max_length=20)]


class TerritoryCreate(Body):
    """A territory of a wave. Without `epci_sirens`, the leading EPCI is alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"slug": "ales", "name": "Alès Agglomération", "wave_number": 2, "lead_siren": "200066918",
                 "epci_sirens": ["200066918"], "laureate_on": "2023-06-14", "status": "laureate"}
            ]
        }
    )  # fmt: skip

    slug: Slug
    name: Line
    wave_number: WaveNumber
    lead_siren: Siren
    epci_sirens: EpciSirens | None = None
    laureate_on: Day | None = None
    status: TerritoryStatus = TerritoryStatus.LAUREATE


class TerritoryUpdate(Body):
    """Fields of a territory to change; the slug never changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "closed"}]})

    name: Line | MISSING = MISSING
    wave_number: WaveNumber | MISSING = MISSING
    lead_siren: Siren | MISSING = MISSING
    epci_sirens: EpciSirens | MISSING = MISSING
    laureate_on: Day | None | MISSING = MISSING
    status: TerritoryStatus | MISSING = MISSING


class Territory(Read):
    """A laureate industrial basin."""

    slug: str
    name: str
    wave_number: int
    lead_siren: str
    epci_sirens: list[str]
    laureate_on: date | None
    status: TerritoryStatus
    version: int
    created_at: datetime
    updated_at: datetime


class Commune(Body):
    """A commune by its INSEE code, which is not its postal code."""

    insee_code: InseeCode
    name: Line


class PerimeterPut(Body):
    """The communes of a territory for one vintage, all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"communes": [{"insee_code": "30007", "name": "Alès"}]}]})

    communes: Annotated[list[Commune], Field(min_length=1, max_length=2000)]

    @model_validator(mode="after")
    def _distinct(self) -> "PerimeterPut":
        codes = [commune.insee_code for commune in self.communes]
        if len(set(codes)) < len(codes):
            raise REPEATED_COMMUNE.error()
        return self


class CommuneRead(Read):
    """A commune of a perimeter."""

    insee_code: str
    name: str


class Perimeter(Read):
    """The communes in force from 1 January of `vintage`; earlier dates use the oldest vintage."""

    territory: str
    vintage: int
    communes: list[CommuneRead]
    version: int
    created_at: datetime
    updated_at: datetime
