"""Tables of missions, their limit rows among them."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned
from app.core.limits import Balance

FOREVER = date(2199, 12, 31)  # the last day of what has no end


class OrderKind(StrEnum):
    """The first order of a mission (*bon de commande*), or a later act that changes it (*avenant*)."""

    INITIAL = "initial"
    AMENDMENT = "amendment"


class ConsortiumRole(StrEnum):
    """The lead firm of the consortium (*mandataire*), or a partner (*cotraitant*)."""

    LEAD = "lead"
    PARTNER = "partner"


class Mission(Identified, Versioned, Base):
    """An engineering mission of a territory. Its days and its window come from its orders alone."""

    __tablename__ = "missions"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        UniqueConstraint("territory", "external_id"),
        UniqueConstraint("id", "step"),
        CheckConstraint("step IN (0.25, 0.50)", name="mission_step"),
        CheckConstraint("late_entry_grace_days BETWEEN 0 AND 3660", name="mission_late_entry_grace_days"),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    name: Mapped[str]
    step: Mapped[Decimal]
    late_entry_grace_days: Mapped[int | None]
    external_id: Mapped[str | None]


class Order(Identified, Versioned, Base):
    """An order of days: it adds days and says the window. An act; it is never changed."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("mission_id", "reference"),
        Index("second_initial_order", "mission_id", unique=True, postgresql_where=text("kind = 'initial'")),
        CheckConstraint("kind IN ('initial', 'amendment')", name="order_kind"),
        CheckConstraint(
            "kind = 'amendment' OR (days > 0 AND starts_on IS NOT NULL AND ends_on IS NOT NULL)",
            name="initial_order_incomplete",
        ),
        CheckConstraint("mod(days, 0.25) = 0 AND days <> 'NaN'", name="order_days"),
        CheckConstraint("ends_on >= starts_on", name="order_window"),
    )

    mission_id: Mapped[UUID] = mapped_column(ForeignKey("missions.id"))
    kind: Mapped[str]
    reference: Mapped[str]
    signed_on: Mapped[date]
    days: Mapped[Decimal]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    reason: Mapped[str | None]


class LateEntryLeave(Identified, Versioned, Base):
    """The operator's leave to enter days of a mission until a day. An act; it is never changed."""

    __tablename__ = "late_entry_leaves"

    mission_id: Mapped[UUID] = mapped_column(ForeignKey("missions.id"), index=True)
    until_on: Mapped[date]
    reason: Mapped[str]
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))


class MissionMember(Identified, Versioned, Base):
    """A consultancy of the consortium, with its allotment of days."""

    __tablename__ = "mission_members"
    __table_args__ = (
        UniqueConstraint("mission_id", "organisation_id"),
        Index("second_lead", "mission_id", unique=True, postgresql_where=text("role = 'lead'")),
        CheckConstraint("role IN ('lead', 'partner')", name="mission_member_role"),
        CheckConstraint("days_allotted >= 0 AND mod(days_allotted, 0.25) = 0", name="mission_member_days_allotted"),
    )

    mission_id: Mapped[UUID] = mapped_column(ForeignKey("missions.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    role: Mapped[str]
    days_allotted: Mapped[Decimal]


class Consultant(Identified, Versioned, Base):
    """The assignment of a person to a mission, through a member of the consortium, between two days."""

    __tablename__ = "consultants"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"]),
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name="person_not_in_consortium",
        ),
        ForeignKeyConstraint(
            ["person_id", "person_kind"], ["subjects.id", "subjects.kind"], info={"field": "person_id"}
        ),
        UniqueConstraint("territory", "id"),
        UniqueConstraint(
            "id", "territory", "mission_id", "organisation_id", "person_id", "from_on", "until_on",
            name="consultants_assignment_key",
        ),
        ExcludeConstraint(
            (func.uuidrange(text("mission_id"), text("mission_id"), text("'[]'")), "&&"),
            (func.uuidrange(text("person_id"), text("person_id"), text("'[]'")), "&&"),
            (func.daterange(text("from_on"), text("until_on"), text("'[]'")), "&&"),
            name="already_assigned",
            using="gist",
        ),
        CheckConstraint("person_kind = 'person'", name="consultant_is_a_person"),
        CheckConstraint("until_on >= from_on", name="assignment_period"),
        Index(None, "territory", "mission_id"),
    )  # fmt: skip

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(index=True)
    person_kind: Mapped[str] = mapped_column(server_default="person")
    profile: Mapped[str | None]
    from_on: Mapped[date]
    until_on: Mapped[date] = mapped_column(Date)


class MissionDays(Base):
    """The limit row of a mission: what is ordered, allotted and entered, and the window that spending must stay in.

    `worked_from`, `worked_to` and `entered_on` are what the last spending touched: the CHECKs hold them inside the
    window, so an entry and an amendment at the same instant cannot miss each other.
    """

    __tablename__ = "mission_days"
    __table_args__ = (
        ForeignKeyConstraint(["mission_id", "step"], ["missions.id", "missions.step"], onupdate="CASCADE"),
        CheckConstraint("days_entered <= days_ordered", name="days_exhausted"),
        CheckConstraint("days_allotted <= days_ordered", name="allotments_exceed_order"),
        CheckConstraint("days_entered >= 0 AND days_entered <> 'NaN'", name="mission_days_entered"),
        CheckConstraint("days_ordered >= 0 AND days_ordered <> 'NaN'", name="mission_days_ordered"),
        CheckConstraint("days_allotted >= 0 AND days_allotted <> 'NaN'", name="mission_days_allotted"),
        CheckConstraint("mod(days_entered, step) = 0", name="off_step"),
        CheckConstraint("worked_from >= starts_on AND worked_to <= ends_on", name="outside_mission_window"),
        CheckConstraint("ends_on >= starts_on", name="mission_window"),
        CheckConstraint("entered_on <= enterable_until_on", name="late_entry"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    mission_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[Decimal]
    days_ordered: Mapped[Decimal] = mapped_column(server_default="0")
    days_allotted: Mapped[Decimal] = mapped_column(server_default="0")
    days_entered: Mapped[Decimal] = mapped_column(server_default="0")
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    enterable_until_on: Mapped[date | None]
    worked_from: Mapped[date | None]
    worked_to: Mapped[date | None]
    entered_on: Mapped[date | None]


class MemberDays(Base):
    """The limit row of a member's allotment."""

    __tablename__ = "member_days"
    __table_args__ = (
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"], ["mission_members.mission_id", "mission_members.organisation_id"]
        ),
        CheckConstraint("days_entered <= days_allotted", name="allotment_exhausted"),
        CheckConstraint("days_entered >= 0 AND days_entered <> 'NaN'", name="member_days_entered"),
        CheckConstraint("days_allotted >= 0 AND days_allotted <> 'NaN'", name="member_days_allotted"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    mission_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    days_allotted: Mapped[Decimal]
    days_entered: Mapped[Decimal] = mapped_column(server_default="0")


# The one lock order of days: a person's day (rank 10, in engineering), the member's allotment, the mission.
MEMBER_DAYS = Balance(MemberDays.__table__, 20, ("mission_id", "organisation_id"))  # type: ignore[arg-type]
MISSION_DAYS = Balance(
    MissionDays.__table__,  # type: ignore[arg-type]
    30,
    ("mission_id",),
    touches={"worked_from": min, "worked_to": max, "entered_on": max},
)
