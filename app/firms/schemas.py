"""What travels about firms."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field
from pydantic.config import JsonDict

from app.core.schemas import PERSONAL, Body, Read
from app.core.values import (
    Cents,
    Day,
    ExternalId,
    InseeCode,
    LegalFormCode,
    Line,
    NafCode,
    Reason,
    ShortLine,
    Siren,
    Text,
)
from app.firms.models import (
    HEADCOUNT_BRACKETS,
    Diffusion,
    EuSize,
    InseeCategory,
    NafVersion,
    ProceedingKind,
    Source,
)
from app.firms.rules import Stage

Bracket = Literal[HEADCOUNT_BRACKETS]  # type: ignore[valid-type]  # the codes stand once, beside the table
Year = Annotated[int, Field(strict=True, ge=1900, le=2199, examples=[2022])]
Headcount = Annotated[int, Field(strict=True, ge=0, le=10_000_000, examples=[34])]
TradeNames = Annotated[list[Line], Field(max_length=20)]

_FIRM: JsonDict = {
    "name": "Mécanique cévenole (demonstration)",
    "naf_code": "25.62B",
    "naf_version": "naf_rev2",
    "legal_form_code": "5710",
    "headcount_bracket": "12",
    "insee_category": "pme",
    "source_reference": "Avis de situation SIRENE",
    "as_of": "2023-06-14",
}


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


# --- the register ----------------------------------------------------------------------------------------------------


class FirmPut(Body):
    """Public facts of a firm, read in a document that `source_reference` names, as they were on `as_of` (today where
    absent). An activity code without its version is read as rev. 2. The name of a sole trader is personal data and has
    its own address: `name` is then the trade name, or neutral.
    """

    model_config = _example(**_FIRM)

    name: Line
    naf_code: NafCode | None = None
    naf_version: NafVersion | None = None
    legal_form_code: LegalFormCode | None = None
    trade_names: TradeNames = Field(default_factory=list)
    acronym: ShortLine | None = None
    headcount_bracket: Bracket | None = None
    headcount_year: Year | None = None
    insee_category: InseeCategory | None = None
    insee_category_year: Year | None = None
    founded_on: Day | None = None
    ceased: bool = False
    ceased_on: Day | None = None
    diffusion: Diffusion = Diffusion.FULL
    sole_trader: bool = False
    source_reference: Line | None = None
    as_of: Day | None = None


class FirmCreate(FirmPut):
    """A firm by its SIREN."""

    model_config = _example(siren="910000017", **_FIRM)

    siren: Siren


class FirmUpdate(Body):
    """Public facts of a firm to change."""

    model_config = _example(legal_form_code="5710")

    name: Line | MISSING = MISSING
    naf_code: NafCode | None | MISSING = MISSING
    naf_version: NafVersion | None | MISSING = MISSING
    legal_form_code: LegalFormCode | None | MISSING = MISSING
    trade_names: TradeNames | MISSING = MISSING
    acronym: ShortLine | None | MISSING = MISSING
    headcount_bracket: Bracket | None | MISSING = MISSING
    headcount_year: Year | None | MISSING = MISSING
    insee_category: InseeCategory | None | MISSING = MISSING
    insee_category_year: Year | None | MISSING = MISSING
    founded_on: Day | None | MISSING = MISSING
    ceased: bool | MISSING = MISSING
    ceased_on: Day | None | MISSING = MISSING
    diffusion: Diffusion | MISSING = MISSING
    sole_trader: bool | MISSING = MISSING
    source_reference: Line | None | MISSING = MISSING
    as_of: Day | MISSING = MISSING


class Firm(Read):
    """A legal unit of the register: public facts, shared by all territories.

    `naf_code` is the main activity, in the nomenclature that `naf_version` names; its other codes and their days stand
    under `activities`. The acronym of a firm under partial diffusion is not shown.
    """

    siren: str
    name: str
    trade_names: list[str]
    acronym: str | None
    naf_code: str | None
    naf_version: NafVersion | None
    legal_form_code: str | None
    headcount_bracket: str | None = Field(description="INSEE's tranche d'effectif salarié, in `headcount_year`.")
    headcount_year: int | None
    insee_category: InseeCategory | None
    insee_category_year: int | None
    founded_on: date | None
    ceased: bool
    ceased_on: date | None
    diffusion: Diffusion
    sole_trader: bool
    seat_siret: str | None
    source: Source
    source_reference: str | None
    as_of: date | None
    version: int
    created_at: datetime
    updated_at: datetime


class FirmOwnerPut(Body):
    """The name of a sole trader."""

    model_config = _example(name="Camille Exemple")

    name: Line


class FirmOwner(Read):
    """The name of a sole trader: personal data, in no event and no log."""

    siren: str
    name: str = Field(json_schema_extra=PERSONAL)
    version: int
    created_at: datetime
    updated_at: datetime


class ActivityCreate(Body):
    """An activity code from a day on. In its nomenclature it ends the code that was in force, the day before."""

    model_config = _example(naf_code="25.53Y", naf_version="naf_2025", from_on="2025-12-01")

    naf_code: NafCode
    naf_version: NafVersion
    from_on: Day


class Activity(Read):
    """An activity code of a firm in one nomenclature, between two days. Without `from_on` its first day is unknown."""

    id: UUID
    siren: str
    naf_code: str
    naf_version: NafVersion
    from_on: date | None
    to_on: date | None


class SitePut(Body):
    """A site. With `seat_from_on` it is the firm's seat from that day on: the seat that was moves."""

    model_config = _example(
        insee_code="30007", commune_name="Alès", opened_on="2019-03-01", seat_from_on="2019-03-01",
        source_reference="Avis de situation SIRENE",
    )  # fmt: skip

    name: Line | None = None
    insee_code: InseeCode | None = None
    commune_name: Line | None = None
    address: Line | None = None
    naf_code: NafCode | None = None
    naf_version: NafVersion | None = None
    opened_on: Day | None = None
    closed: bool = False
    closed_on: Day | None = None
    seat_from_on: Day | None = None
    source_reference: Line | None = None
    as_of: Day | None = None


class Site(Read):
    """A place of activity by SIRET. The address is in no event; under partial diffusion it is not shown."""

    siret: str
    siren: str
    name: str | None
    insee_code: str | None
    commune_name: str | None
    address: str | None = Field(json_schema_extra=PERSONAL)
    diffusion: Diffusion
    naf_code: str | None
    naf_version: NafVersion | None
    opened_on: date | None
    closed: bool
    closed_on: date | None
    is_seat: bool
    source: Source
    source_reference: str | None
    as_of: date | None
    version: int
    created_at: datetime
    updated_at: datetime


class Seat(Read):
    """A move: the site that is the seat from a day on (null: since before it was known), and when it was recorded."""

    id: UUID
    siren: str
    siret: str
    insee_code: str | None
    from_on: date | None
    recorded_at: datetime


class ProceedingCreate(Body):
    """An insolvency proceeding, from its opening judgment."""

    model_config = _example(kind="safeguard", opened_on="2024-02-06", court="Tribunal de commerce de Nîmes",
                            source_reference="BODACC A n° 30 du 13/02/2024")  # fmt: skip

    kind: ProceedingKind
    opened_on: Day
    closed_on: Day | None = None
    court: Line | None = None
    source_reference: Line | None = None


class ProceedingUpdate(Body):
    """What became of a proceeding."""

    model_config = _example(closed_on="2024-11-12")

    closed_on: Day | None | MISSING = MISSING
    court: Line | None | MISSING = MISSING
    source_reference: Line | None | MISSING = MISSING


class Proceeding(Read):
    """An insolvency proceeding (sauvegarde, redressement, liquidation judiciaire) with its days and source."""

    id: UUID
    siren: str
    kind: ProceedingKind
    opened_on: date
    closed_on: date | None
    court: str | None
    source: Source
    source_reference: str | None
    version: int
    created_at: datetime
    updated_at: datetime


# --- a firm in a territory -------------------------------------------------------------------------------------------


class TerritoryFirmPut(Body):
    """The stage of a firm here, the reason, and the day from which it holds (today where absent).

    `declined` and `unreachable`, the way back from them, and a step back need a reason.
    """

    model_config = _example(stage="interviewed", reason="Met on site.", effective_on="2023-07-04")

    stage: Stage
    reason: Reason | None = None
    effective_on: Day | None = None


class TerritoryFirmUpdate(Body):
    """What the territory knows of a firm beside its stage. A size goes with its evidence: its day and its source."""

    model_config = _example(eu_size="small", eu_size_evidence_on="2023-06-30", eu_size_source="Liasses 2021 et 2022")

    eu_size: EuSize | None | MISSING = MISSING
    eu_size_evidence_on: Day | None | MISSING = MISSING
    eu_size_source: Line | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class TerritoryFirm(Read):
    """A firm as this territory knows it.

    `eu_size` follows Recommendation 2003/361/EC (micro, small, medium) and the small mid-cap category of 2025 (fewer
    than 750 staff); it is stated with its evidence, and `insee_category` never stands for it.
    """

    territory: str
    siren: str
    name: str
    naf_code: str | None
    naf_version: NafVersion | None
    insee_category: InseeCategory | None
    ceased: bool
    stage: Stage
    reason: str | None
    stage_since_on: date
    eu_size: EuSize | None
    eu_size_evidence_on: date | None
    eu_size_source: str | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class StageChange(Read):
    """A passage to a stage, in both times: when it held, and when it was recorded."""

    id: UUID
    siren: str
    stage: Stage
    previous_stage: Stage | None
    reason: str | None
    effective_on: date
    recorded_by: UUID | None
    recorded_at: datetime


class AccountsPut(Body):
    """A year of a firm, with the document that says so."""

    model_config = _example(turnover_cents=480_000_000, balance_sheet_cents=310_000_000, headcount=34,
                            source="Liasse fiscale 2022")  # fmt: skip

    turnover_cents: Cents | None = None
    balance_sheet_cents: Cents | None = None
    headcount: Headcount | None = None
    source: Line


class Accounts(Read):
    """A year of a firm as this territory knows it.

    Turnover and balance sheet total in cents; headcount in annual work units, rounded (Recommendation 2003/361/EC,
    annex, art. 5).
    """

    territory: str
    siren: str
    year: int
    turnover_cents: int | None
    balance_sheet_cents: int | None
    headcount: int | None
    source: str
    version: int
    created_at: datetime
    updated_at: datetime


class NotePut(Body):
    """What the territory's staff writes about a firm in confidence."""

    model_config = _example(text="Repreneur recherché d'ici deux ans.")

    text: Text


class FirmNote(Read):
    """A confidential note about a firm: it has its own permission, and no event shows it."""

    territory: str
    siren: str
    text: str = Field(json_schema_extra=PERSONAL)
    version: int
    created_at: datetime
    updated_at: datetime


class Funnel(Read):
    """Where the firms of a territory stood on a day, and how they answered.

    `firms_solicited` counts the firms that were approached by that day, whatever came of it (once solicited,
    interviewed, shortlisted, supported or unreachable), `firms_interviewed` those that were met. `response_rate` is
    the second over the first, to 4 decimals; null where nobody was solicited. Of several stages of a firm on one day
    the one recorded last counts.
    """

    territory: str
    as_of: date
    recorded_as_of: date | None
    firms: int
    firms_by_stage: dict[Stage, int]
    firms_solicited: int
    firms_interviewed: int
    response_rate: float | None
