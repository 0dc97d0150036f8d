"""Reads of firms."""

from sqlalchemy import Text, select

from app.core.db import param
from app.core.listing import Listing, any_of, at_least, at_most, matches, updated_since
from app.core.values import Day, NafCode
from app.firms import schemas
from app.firms.models import Firm, Stage, StageChange, TerritoryFirm

FIRMS = Listing(
    schema=schemas.Firm,
    rows=select(
        Firm.siren,
        Firm.name,
        Firm.naf_code,
        Firm.naf_version,
        Firm.legal_form_code,
        Firm.version,
        Firm.created_at,
        Firm.updated_at,
    ),
    key=Firm.siren,
    key_name="siren",
    version=Firm.version,
    filters={
        "naf_code": any_of(Firm.naf_code, NafCode, "Any of these activities."),
        "q": matches(Firm.name, Firm.siren, doc="Part of the name, without accents or case, or of the SIREN."),
        "updated_since": updated_since(Firm.updated_at),
    },
    sorts={"name": Firm.name, "updated_at": Firm.updated_at},
)

_t = TerritoryFirm
TERRITORY_FIRMS = Listing(
    schema=schemas.TerritoryFirm,
    rows=select(
        _t.territory,
        _t.siren,
        Firm.name,
        Firm.naf_code,
        _t.stage,
        _t.reason,
        _t.stage_since_on,
        _t.version,
        _t.created_at,
        _t.updated_at,
    )
    .join(Firm, Firm.siren == _t.siren)
    .where(_t.territory == param("territory", Text())),
    key=_t.siren,
    key_name="siren",
    version=_t.version,
    derived=True,
    filters={
        "stage": any_of(_t.stage, Stage, "Any of these stages."),
        "stage_since_from": at_least(_t.stage_since_on, Day, "At this stage since this day or later."),
        "stage_since_to": at_most(_t.stage_since_on, Day, "At this stage since this day or earlier."),
        "q": matches(Firm.name, Firm.siren, doc="Part of the name, without accents or case, or of the SIREN."),
        "updated_since": updated_since(_t.updated_at),
    },
    sorts={"name": Firm.name, "stage": _t.stage, "stage_since_on": _t.stage_since_on},
)

_s = StageChange
STAGE_CHANGES = Listing(
    schema=schemas.StageChange,
    rows=select(
        _s.id, _s.siren, _s.stage, _s.previous_stage, _s.reason, _s.effective_on, _s.recorded_by, _s.recorded_at
    ).where(_s.territory == param("territory", Text()), _s.siren == param("siren", Text())),
    key=_s.id,
    parent=select(_t.siren).where(_t.territory == param("territory", Text()), _t.siren == param("siren", Text())),
    filters={"stage": any_of(_s.stage, Stage, "Any of these stages.")},
    sorts={"effective_on": _s.effective_on},
)
