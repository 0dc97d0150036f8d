"""Tables of the programme."""

from datetime import date
from enum import StrEnum
from typing import Literal, get_args

from sqlalchemy import (
    DDL,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    SmallInteger,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, shape
from app.core.routines import seal

# INSEE's codes of the regions since 2016, those overseas first.
RegionCode = Literal[
    "01", "02", "03", "04", "06", "11", "24", "27", "28", "32", "44", "52", "53", "75", "76", "84", "93", "94"
]


class TerritoryStatus(StrEnum):
    """State of a territory in the programme: applying, selected, finished, or no longer taking part."""

    CANDIDATE = "candidate"
    LAUREATE = "laureate"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Wave(Identified, Versioned, Base):
    """A cut-off round of the call (*relève de l'AMI*)."""

    __tablename__ = "waves"
    __table_args__ = (
        shape("number BETWEEN 1 AND 999", name="wave_number"),
        CheckConstraint("closed_on >= opened_on", name="wave_period"),
    )

    number: Mapped[int] = mapped_column(SmallInteger, unique=True)
    name: Mapped[str | None]
    opened_on: Mapped[date | None]
    closed_on: Mapped[date | None]


class Territory(Versioned, Base):
    """A laureate industrial basin: one or several EPCI, one of which leads."""

    __tablename__ = "territories"
    __table_args__ = (
        shape("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 63", name="territory_slug"),
        shape("status IN ('candidate', 'laureate', 'closed', 'withdrawn')", name="territory_status"),
        shape(f"region_code IN ({', '.join(map(repr, get_args(RegionCode)))})", name="territory_region_code"),
        CheckConstraint("lead_siren = ANY (epci_sirens)", name="lead_not_among_epci"),
        shape("is_siren(epci_sirens)", name="territory_epci_sirens"),
    )

    slug: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    wave_number: Mapped[int] = mapped_column(ForeignKey("waves.number"), index=True)
    lead_siren: Mapped[str]
    epci_sirens: Mapped[list[str]]
    region_code: Mapped[str | None]
    laureate_on: Mapped[date | None]
    served_since_on: Mapped[date] = mapped_column(server_default=text("(timezone('Europe/Paris', now()))::date"))
    status: Mapped[str]


class LaureateEpci(Base):
    """An EPCI and the laureate territory that it belongs to: one at a time. A trigger of `territories` writes it."""

    __tablename__ = "laureate_epcis"
    __table_args__ = (PrimaryKeyConstraint("siren", name="epci_of_another_territory"),)

    siren: Mapped[str]
    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"), index=True)


# Rare writes, one after the other: two territories that exchange EPCIs would wait for each other.
TAKE_EPCIS = """
CREATE FUNCTION take_epcis() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE laureate_epcis IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM laureate_epcis WHERE territory = NEW.slug;
    INSERT INTO laureate_epcis (siren, territory)
    SELECT DISTINCT siren, NEW.slug FROM unnest(NEW.epci_sirens) AS siren WHERE NEW.status = 'laureate';
    RETURN NULL;
END
$$
"""
TAKE = (
    "CREATE TRIGGER take_epcis AFTER INSERT OR UPDATE OF status, epci_sirens ON territories"
    " FOR EACH ROW EXECUTE FUNCTION take_epcis()"
)
for _statement in (TAKE_EPCIS, TAKE):
    event.listen(LaureateEpci.__table__, "after_create", DDL(_statement))


class Perimeter(Versioned, Base):
    """The communes of a territory, in force from 1 January of its vintage until the next one."""

    __tablename__ = "perimeters"
    __table_args__ = (shape("vintage BETWEEN 1900 AND 2199", name="perimeter_vintage"),)

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"), primary_key=True)
    vintage: Mapped[int] = mapped_column(SmallInteger, primary_key=True)


class PerimeterCommune(Base):
    """A commune of a perimeter, by its INSEE code (COG). It stays where a project was admitted by it."""

    __tablename__ = "perimeter_communes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "vintage"], ["perimeters.territory", "perimeters.vintage"], ondelete="CASCADE"
        ),
        shape("insee_code ~ '^([0-9]{2}|2[AB])[0-9]{3}$'", name="commune_insee_code"),
    )

    territory: Mapped[str] = mapped_column(primary_key=True)
    vintage: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    insee_code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


# A project names the commune of the vintage by which it was admitted; it lies below this domain and is named as a
# foreign key would.
COMMUNE_IN_USE = """EXISTS (
        SELECT FROM projects p WHERE p.territory = {commune}.territory AND p.perimeter_vintage = {commune}.vintage
            AND p.commune_code = {commune}.insee_code
    )"""

seal(
    PerimeterCommune,
    "commune_in_use",
    ["territory", "vintage", "insee_code"],
    f"""(OLD.territory, OLD.vintage, OLD.insee_code) IS DISTINCT FROM (NEW.territory, NEW.vintage, NEW.insee_code)
        AND {COMMUNE_IN_USE.format(commune="OLD")}""",
)
