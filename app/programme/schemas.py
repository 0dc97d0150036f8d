"""What travels about the programme."""

from datetime import date
from typing import Annotated

from pydantic import MISSING, ConfigDict, Field, model_validator

from app.core.faults import Fault
from app.core.messages import PERIOD_REVERSED
from app.core.schemas import Body, CreatedAt, Id, Read, UpdatedAt, Version
from app.core.values import Day, InseeCode, Line, Siren, Slug
from app.programme.models import RegionCode, TerritoryStatus

REPEATED_COMMUNE = Fault(
    "repeated_commune",
    en="A commune can appear only once in the list.",
    fr="Une commune ne peut figurer qu'une fois dans la liste.",
)

TerritorySlug = Annotated[str, Field(description="Slug of the territory that the object belongs to, such as ales.")]
WaveNumber = Annotated[int, Field(strict=True, ge=1, le=999, examples=[2])]

_WaveName = Annotated[Line, Field(description="What the round is called, where its number alone is not enough.")]
_OpenedOn = Annotated[Day, Field(description="First Paris day on which basins could apply.")]
_ClosedOn = Annotated[Day, Field(description="Last Paris day on which basins could apply, on or after opened_on.")]


class WaveCreate(Body):
    """A round of the call."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"number": 2, "opened_on": "2022-10-01", "closed_on": "2023-02-01"}]}
    )

    number: Annotated[WaveNumber, Field(description="Rank of the round in the call, unique; territories refer to it.")]
    name: _WaveName | None = None
    opened_on: _OpenedOn | None = None
    closed_on: _ClosedOn | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "WaveCreate":
        if self.opened_on and self.closed_on and self.closed_on < self.opened_on:
            raise PERIOD_REVERSED.error()
        return self


class WaveUpdate(Body):
    """Fields of a wave to change; its number stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"closed_on": "2023-02-01"}]})

    name: _WaveName | None | MISSING = MISSING
    opened_on: _OpenedOn | None | MISSING = MISSING
    closed_on: _ClosedOn | None | MISSING = MISSING


class Wave(Read):
    """A round of the call (*relève de l'AMI*)."""

    id: Id
    number: int = Field(description="Rank of the round in the call, from 1, unique; territories refer to it.")
    name: str | None = Field(description="What the round is called; null where its number is enough.")
    opened_on: date | None = Field(description="First Paris day on which basins could apply; null where it is unknown.")
    closed_on: date | None = Field(description="Last Paris day on which basins could apply; null where it is unknown.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


EpciSirens = Annotated[list[Siren], Field(min_length=1, max_length=20)]

_TerritoryName = Annotated[Line, Field(description="What people call the basin, such as Alès Agglomération.")]
_WaveOfTerritory = Annotated[WaveNumber, Field(description="Number of the round in which the basin applied.")]
_LeadSiren = Annotated[
    Siren, Field(description="SIREN of the EPCI that leads the project and signs for the basin; one of epci_sirens.")
]
_EpciSirens = Annotated[EpciSirens, Field(description="SIREN of every EPCI of the basin, the leading one among them.")]
_ServedSinceOn = Annotated[
    Day,
    Field(
        description="Paris day from which the territory is served here, today at the latest: an award that is decided"
        " on that day or later names its project."
    ),
]
_RegionCode = Annotated[RegionCode, Field(description="INSEE code of the region, such as 76 for Occitanie.")]
RegionCodeRead = Annotated[
    RegionCode | None,
    Field(description="INSEE code of the region, such as 76 for Occitanie; null where nobody told it."),
]
_LaureateOn = Annotated[Day, Field(description="Paris day on which the State announced that the basin was selected.")]


class TerritoryCreate(Body):
    """A territory of a wave."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"slug": "ales", "name": "Alès Agglomération", "wave_number": 2, "lead_siren": "200066918",
                 "epci_sirens": ["200066918"], "region_code": "76", "laureate_on": "2023-06-14", "status": "laureate"}
            ]
        }
    )  # fmt: skip

    slug: Annotated[Slug, Field(description="Name of the territory in every address, unique; it never changes.")]
    name: _TerritoryName
    wave_number: _WaveOfTerritory
    lead_siren: _LeadSiren
    epci_sirens: (
        Annotated[
            EpciSirens,
            Field(description="SIREN of every EPCI of the basin; absent or null: the leading EPCI alone."),
        ]
        | None
    ) = None
    region_code: _RegionCode | None = None
    laureate_on: _LaureateOn | None = None
    served_since_on: (
        Annotated[
            Day,
            Field(
                description="Paris day from which the territory is served here, today at the latest; absent or null:"
                " today. An award that is decided on that day or later names its project."
            ),
        ]
        | None
    ) = None
    status: TerritoryStatus = TerritoryStatus.LAUREATE


class TerritoryUpdate(Body):
    """Fields of a territory to change; the slug never changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "closed"}]})

    name: _TerritoryName | MISSING = MISSING
    wave_number: _WaveOfTerritory | MISSING = MISSING
    lead_siren: _LeadSiren | MISSING = MISSING
    epci_sirens: _EpciSirens | MISSING = MISSING
    region_code: _RegionCode | None | MISSING = MISSING
    laureate_on: _LaureateOn | None | MISSING = MISSING
    served_since_on: _ServedSinceOn | MISSING = MISSING
    status: TerritoryStatus | MISSING = MISSING


class Territory(Read):
    """A laureate industrial basin."""

    slug: str = Field(description="Name of the territory in every address, unique; it never changes.")
    name: str = Field(description="What people call the basin, such as Alès Agglomération.")
    wave_number: int = Field(description="Number of the round in which the basin applied.")
    lead_siren: str = Field(description="SIREN of the EPCI that leads the project; one of epci_sirens.")
    epci_sirens: list[str] = Field(description="SIREN of every EPCI of the basin, the leading one among them.")
    region_code: RegionCodeRead
    laureate_on: date | None = Field(
        description="Paris day on which the State announced that the basin was selected; null where it is unknown."
    )
    served_since_on: date = Field(
        description="Paris day from which the territory is served here: an award that is decided on that day or later"
        " names its project."
    )
    status: TerritoryStatus = Field(description="State in the programme; the programme's staff sets it by hand.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class Commune(Body):
    """A commune by its INSEE code, which is not its postal code."""

    insee_code: Annotated[
        InseeCode, Field(description="Code of the commune in INSEE's code officiel géographique of the vintage.")
    ]
    name: Annotated[Line, Field(description="Name of the commune as INSEE writes it, such as Saint-Christol-lez-Alès.")]


class PerimeterPut(Body):
    """The communes of a territory for one vintage, all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"communes": [{"insee_code": "30007", "name": "Alès"}]}]})

    communes: Annotated[
        list[Commune],
        Field(
            min_length=1,
            max_length=2000,
            description="Every commune of the perimeter, each once; communes that are not in the list are removed.",
        ),
    ]

    @model_validator(mode="after")
    def _distinct(self) -> "PerimeterPut":
        codes = [commune.insee_code for commune in self.communes]
        if len(set(codes)) < len(codes):
            raise REPEATED_COMMUNE.error()
        return self


class CommuneRead(Read):
    """A commune of a perimeter."""

    insee_code: str = Field(description="Code of the commune in INSEE's code officiel géographique of the vintage.")
    name: str = Field(description="Name of the commune as it was sent with the perimeter.")


class Perimeter(Read):
    """The communes of a territory, in force from 1 January of `vintage` until the next vintage."""

    territory: TerritorySlug
    vintage: int = Field(
        description="Year of the code officiel géographique. For days before the oldest vintage, that one applies."
    )
    communes: list[CommuneRead] = Field(description="Every commune of the perimeter, in the order of the INSEE codes.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
