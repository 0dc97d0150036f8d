"""Reads of the programme."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator
from sqlalchemy import ColumnElement, Date, ScalarSelect, SmallInteger, Text, any_, extract, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from app.core.db import param
from app.core.reading.listing import Filter, Listing, any_of, json_array, json_object, matches, updated_since
from app.core.reading.query import Parameter
from app.core.values import Day, Siren, parse_int
from app.programme import schemas
from app.programme.models import Perimeter, PerimeterCommune, RegionCode, Territory, TerritoryStatus, Wave

# A wave's number as a filter gives it: text of a query string.
WaveNumber = Annotated[int, BeforeValidator(lambda value: parse_int(value, 1, 999))]

WAVES = Listing(
    schema=schemas.Wave,
    rows=select(
        Wave.id,
        Wave.number,
        Wave.name,
        Wave.opened_on,
        Wave.closed_on,
        Wave.version,
        Wave.created_at,
        Wave.updated_at,
    ),
    key=Wave.id,
    version=Wave.version,
    default_sort="number",
    sorts={"number": Wave.number, "opened_on": Wave.opened_on},
    filters={"updated_since": updated_since(Wave.updated_at)},
)

TERRITORIES = Listing(
    schema=schemas.Territory,
    rows=select(
        Territory.slug,
        Territory.name,
        Territory.wave_number,
        Territory.lead_siren,
        Territory.epci_sirens,
        Territory.region_code,
        Territory.laureate_on,
        Territory.served_since_on,
        Territory.status,
        Territory.version,
        Territory.created_at,
        Territory.updated_at,
    ),
    key=Territory.slug,
    key_name="territory",
    version=Territory.version,
    filters={
        "wave_number": any_of(Territory.wave_number, WaveNumber, "Territories of any of these waves, by number."),
        "region_code": any_of(Territory.region_code, RegionCode, "Territories in any of these regions."),
        "status": any_of(Territory.status, TerritoryStatus, "Territories in any of these states."),
        "epci_siren": Filter(
            Parameter(Siren, "Territories to which this EPCI belongs."),
            lambda name: param(name, Text()) == any_(Territory.epci_sirens),
        ),
        "q": matches(Territory.name, doc="Part of the name, without accents or case."),
        "updated_since": updated_since(Territory.updated_at),
    },
    sorts={"name": Territory.name, "laureate_on": Territory.laureate_on},
    scopes={"visible": lambda name: Territory.slug == any_(param(name, ARRAY(Text())))},
)

_p, _c = Perimeter, PerimeterCommune
_communes = (
    select(json_array(json_object(insee_code=_c.insee_code, name=_c.name), _c.insee_code))
    .where(_c.territory == _p.territory, _c.vintage == _p.vintage)
    .scalar_subquery()
)


def vintage_on(territory: ColumnElement[str], day: ColumnElement[date]) -> ScalarSelect[int | None]:
    """The vintage in force on a day: the latest one of that year or before, the oldest for earlier days."""
    other = aliased(Perimeter)
    by_then = func.max(other.vintage).filter(other.vintage <= extract("year", day))
    vintage = func.coalesce(by_then, func.min(other.vintage), type_=SmallInteger())
    return select(vintage).where(other.territory == territory).correlate_except(other).scalar_subquery()


def _in_force(name: str) -> ColumnElement[bool]:
    return _p.vintage == vintage_on(param("territory", Text()), param(name, Date()))


PERIMETERS = Listing(
    schema=schemas.Perimeter,
    rows=select(_p.territory, _p.vintage, _communes.label("communes"), _p.version, _p.created_at, _p.updated_at).where(
        _p.territory == param("territory", Text())
    ),
    key=_p.vintage,
    key_name="vintage",
    version=_p.version,
    filters={
        "as_of": Filter(
            Parameter(Day, "The perimeter in force on this Paris day; before the oldest vintage, that one."), _in_force
        ),
        "in_force_on": Filter(Parameter(Day, "The same as as_of."), _in_force),
        "updated_since": updated_since(_p.updated_at),
    },
)
