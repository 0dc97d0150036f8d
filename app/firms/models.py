"""Tables of firms."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Base, Identified, Versioned


class NafVersion(StrEnum):
    """The nomenclature of an activity code: NAF 2025 replaces rev. 2 on 1 January 2027."""

    REV_2 = "naf_rev2"
    NAF_2025 = "naf_2025"


class Stage(StrEnum):
    """Where a territory stands with a firm."""

    IDENTIFIED = "identified"
    SOLICITED = "solicited"
    INTERVIEWED = "interviewed"
    SHORTLISTED = "shortlisted"
    SUPPORTED = "supported"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"


_STAGES = "stage IN ('identified', 'solicited', 'interviewed', 'shortlisted', 'supported', 'declined', 'unreachable')"


class Firm(Versioned, Base):
    """A legal unit, by SIREN: public facts (SIRENE), shared by all territories."""

    __tablename__ = "firms"
    __table_args__ = (
        CheckConstraint("is_siren(siren)", name="firm_siren"),
        CheckConstraint("name <> ''", name="firm_name"),
        CheckConstraint("naf_code ~ '^[0-9]{2}\\.[0-9]{2}[A-Z]$'", name="firm_naf_code"),
        CheckConstraint("naf_version IN ('naf_rev2', 'naf_2025')", name="firm_naf_version"),
        CheckConstraint("(naf_code IS NULL) = (naf_version IS NULL)", name="naf_code_without_version"),
        CheckConstraint("legal_form_code ~ '^[0-9]{4}$'", name="firm_legal_form_code"),
    )

    siren: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    naf_code: Mapped[str | None]
    naf_version: Mapped[str | None]
    legal_form_code: Mapped[str | None]


class TerritoryFirm(Versioned, Base):
    """A firm as one territory knows it."""

    __tablename__ = "territory_firms"
    __table_args__ = (CheckConstraint(_STAGES, name="territory_firm_stage"), Index(None, "siren"))

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"), primary_key=True)
    siren: Mapped[str] = mapped_column(ForeignKey("firms.siren"), primary_key=True)
    stage: Mapped[str]
    reason: Mapped[str | None]
    stage_since_on: Mapped[date]


class StageChange(Identified, Base):
    """A firm's passage to a stage: when it held (`effective_on`), and when it was recorded. Append-only."""

    __tablename__ = "firm_stage_changes"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"]),
        Index(None, "territory", "siren", "id"),
        CheckConstraint(_STAGES, name="firm_stage_change_stage"),
        CheckConstraint("effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="stage_in_the_future"),
    )

    territory: Mapped[str]
    siren: Mapped[str]
    stage: Mapped[str]
    previous_stage: Mapped[str | None]
    reason: Mapped[str | None]
    effective_on: Mapped[date]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
