"""Tables of planning: versions of a mission's plan, their lines, and statements of what remains to be done."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Base, Identified, one_of, shape
from app.core.routines import keep
from app.missions.models import Profile


class MissionPlan(Identified, Base):
    """A version of the plan of a mission's days, which holds from `planned_on` until the next. Never changed."""

    __tablename__ = "mission_plans"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"]),
        UniqueConstraint("mission_id", "number"),
        UniqueConstraint("id", "mission_id"),
        shape("number >= 1", name="mission_plan_number"),
        shape("planned_on BETWEEN '1900-01-01' AND '2199-12-31'", name="mission_plan_planned_on"),
    )

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    number: Mapped[int]
    planned_on: Mapped[date]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


keep(MissionPlan)


class PlannedWeek(Identified, Base):
    """The days planned in an ISO week, by its Monday, for one consultant of the mission or for a profile."""

    __tablename__ = "mission_plan_lines"
    __table_args__ = (
        ForeignKeyConstraint(["plan_id", "mission_id"], ["mission_plans.id", "mission_plans.mission_id"]),
        ForeignKeyConstraint(
            ["mission_id", "consultant_id"], ["consultants.mission_id", "consultants.id"],
            info={"field": "consultant_id"},
        ),
        Index("mission_plan_lines_key", "plan_id", "week_on", "consultant_id", "profile", unique=True,
              postgresql_nulls_not_distinct=True),
        Index(None, "consultant_id", "week_on", postgresql_where=text("consultant_id IS NOT NULL")),
        shape("num_nonnulls(consultant_id, profile) = 1", name="mission_plan_line_of_one"),
        shape(one_of("profile", Profile), name="mission_plan_line_profile"),
        shape(
            "extract(isodow FROM week_on) = 1 AND week_on BETWEEN '1900-01-01' AND '2199-12-31'",
            name="mission_plan_line_week",
        ),
        shape(
            "days > 0 AND mod(days, 0.25) = 0 AND days <> 'NaN' AND (consultant_id IS NULL OR days <= 7)",
            name="mission_plan_line_days",
        ),
    )  # fmt: skip

    plan_id: Mapped[UUID]
    mission_id: Mapped[UUID]
    week_on: Mapped[date]
    consultant_id: Mapped[UUID | None]
    profile: Mapped[str | None]
    days: Mapped[Decimal]


keep(PlannedWeek)


class RemainingDays(Identified, Base):
    """How many days of a mission remain to be done at the end of a day, as the lead firm states it. Never changed."""

    __tablename__ = "remaining_days"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"]),
        Index(None, "mission_id", "stated_on", "id"),
        shape("days >= 0 AND mod(days, 0.25) = 0 AND days <> 'NaN'", name="remaining_days_days"),
        shape("reason <> ''", name="remaining_days_reason"),
        shape("stated_on BETWEEN '1900-01-01' AND '2199-12-31'", name="remaining_days_stated_on"),
    )

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    stated_on: Mapped[date]
    days: Mapped[Decimal]
    reason: Mapped[str]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


keep(RemainingDays)
