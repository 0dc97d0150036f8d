"""What travels about firms."""

from datetime import date, datetime
from uuid import UUID

from pydantic import MISSING, ConfigDict
from pydantic.config import JsonDict

from app.core.schemas import Body, Read
from app.core.values import Day, LegalFormCode, Line, NafCode, Reason, Siren
from app.firms.models import NafVersion, Stage

_FIRM: JsonDict = {
    "name": "Mécanique cévenole (demonstration)",
    "naf_code": "25.62B",
    "naf_version": "naf_rev2",
    "legal_form_code": "5710",
}


class FirmPut(Body):
    """Public facts of a firm. An activity code without its version is read as rev. 2."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [_FIRM]
        }
    )  # fmt: skip

    name: Line
    naf_code: NafCode | None = None
    naf_version: NafVersion | None = None
    legal_form_code: LegalFormCode | None = None


class FirmCreate(FirmPut):
    """A firm by its SIREN."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"siren": "910000017", **_FIRM}]
        }
    )  # fmt: skip

    siren: Siren


class FirmUpdate(Body):
    """Public facts of a firm to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"legal_form_code": "5710"}]})

    name: Line | MISSING = MISSING
    naf_code: NafCode | None | MISSING = MISSING
    naf_version: NafVersion | None | MISSING = MISSING
    legal_form_code: LegalFormCode | None | MISSING = MISSING


class Firm(Read):
    """A legal unit of the register: public facts, shared by all territories."""

    siren: str
    name: str
    naf_code: str | None
    naf_version: NafVersion | None
    legal_form_code: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class TerritoryFirmPut(Body):
    """The stage of a firm here, the reason, and the day from which it holds (today where absent)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"stage": "interviewed", "reason": "Met on site.", "effective_on": "2023-07-04"}]
        }
    )

    stage: Stage
    reason: Reason | None = None
    effective_on: Day | None = None


class TerritoryFirm(Read):
    """A firm as this territory knows it."""

    territory: str
    siren: str
    name: str
    naf_code: str | None
    stage: Stage
    reason: str | None
    stage_since_on: date
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
