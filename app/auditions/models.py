"""Tables of auditions."""

from datetime import date
from uuid import UUID

from sqlalchemy import (
    DDL,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.auditions.rules import AuditionKind, AuditionStatus, NeedCategory
from app.core.db import Base, Identified, Versioned, one_of, shape


class Audition(Identified, Versioned, Base):
    """A meeting with one or several firms of a territory (*audition*, *entretien*)."""

    __tablename__ = "auditions"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        Index("auditions_external_id_key", "territory", "external_id", unique=True,
              postgresql_where=text("status <> 'cancelled'")),
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"],
                             info={"field": "mission_id"}),
        ForeignKeyConstraint(["follow_up_owner_id", "owner_kind"], ["subjects.id", "subjects.kind"],
                             name="follow_up_owner_is_a_person", info={"field": "follow_up_owner_id"}),
        shape(one_of("kind", AuditionKind), name="audition_kind"),
        shape(one_of("status", AuditionStatus), name="audition_status"),
        shape("(status = 'held') = (held_on IS NOT NULL)", name="audition_held"),
        shape("held_on <= (timezone('Europe/Paris', updated_at))::date", name="audition_held_on"),
        shape("(status IN ('cancelled', 'no_show')) = (reason IS NOT NULL)", name="audition_reason"),
        CheckConstraint("status = 'held' OR findings IS NULL", name="nothing_found_yet"),
        CheckConstraint(
            "(follow_up_owner_id IS NULL) = (follow_up_due_on IS NULL)"
            " AND (follow_up_due_on IS NOT NULL OR (follow_up IS NULL AND follow_up_done_on IS NULL))"
            " AND follow_up_done_on >= coalesce(held_on, follow_up_done_on)",
            name="follow_up_incomplete",
        ),
        shape(
            "follow_up_done_on <= (timezone('Europe/Paris', updated_at))::date", name="audition_follow_up_done_on"
        ),
        shape("owner_kind = 'person'", name="audition_owner_kind"),
        Index(None, "territory", "planned_on", "id"),
        Index(None, "territory", "held_on", postgresql_where=text("held_on IS NOT NULL")),
        Index(None, "mission_id", postgresql_where=text("mission_id IS NOT NULL")),
        Index("auditions_open_follow_up_idx", "territory", "follow_up_due_on",
              postgresql_where=text("follow_up_due_on IS NOT NULL AND follow_up_done_on IS NULL")),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    mission_id: Mapped[UUID | None]
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=AuditionStatus.PLANNED.value)
    planned_on: Mapped[date]
    held_on: Mapped[date | None]
    place: Mapped[str | None]
    reason: Mapped[str | None]
    findings: Mapped[str | None]
    follow_up: Mapped[str | None]
    follow_up_owner_id: Mapped[UUID | None] = mapped_column(index=True)
    owner_kind: Mapped[str] = mapped_column(server_default="person")
    follow_up_due_on: Mapped[date | None]
    follow_up_done_on: Mapped[date | None]
    external_id: Mapped[str | None]


class AuditionFirm(Base):
    """A firm that is met; it is one that the territory follows."""

    __tablename__ = "audition_firms"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "audition_id"], ["auditions.territory", "auditions.id"]),
        ForeignKeyConstraint(
            ["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"], info={"field": "sirens"}
        ),
        Index(None, "territory", "siren"),
    )

    audition_id: Mapped[UUID] = mapped_column(primary_key=True)
    siren: Mapped[str] = mapped_column(primary_key=True)
    territory: Mapped[str]


class AuditionConsultant(Base):
    """A consultant who takes part, by an assignment to a mission of the same territory."""

    __tablename__ = "audition_consultants"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "audition_id"], ["auditions.territory", "auditions.id"]),
        ForeignKeyConstraint(["territory", "consultant_id"], ["consultants.territory", "consultants.id"],
                             info={"field": "consultant_ids"}),
        Index(None, "consultant_id"),
    )  # fmt: skip

    audition_id: Mapped[UUID] = mapped_column(primary_key=True)
    consultant_id: Mapped[UUID] = mapped_column(primary_key=True)
    territory: Mapped[str]


class AuditionContact(Base):
    """A person of a firm who takes part, for a firm that is met. The row outlives the person's erasure: it counts."""

    __tablename__ = "audition_contacts"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "audition_id"], ["auditions.territory", "auditions.id"]),
        ForeignKeyConstraint(["audition_id", "siren"], ["audition_firms.audition_id", "audition_firms.siren"],
                             info={"field": "contact_ids"}),
        ForeignKeyConstraint(["territory", "siren", "contact_id"],
                             ["contacts.territory", "contacts.siren", "contacts.id"], info={"field": "contact_ids"}),
        Index(None, "contact_id"),
    )  # fmt: skip

    audition_id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    siren: Mapped[str]
    territory: Mapped[str]


class Need(Base):
    """What a firm needs, as it was said at the audition."""

    __tablename__ = "audition_needs"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "audition_id"], ["auditions.territory", "auditions.id"]),
        shape("position >= 1", name="audition_need_position"),
        shape(one_of("category", NeedCategory), name="audition_need_category"),
    )

    audition_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    territory: Mapped[str]
    category: Mapped[str]
    description: Mapped[str | None]


class Note(Identified, Versioned, Base):
    """What was said in confidence at an audition; read with a permission of its own."""

    __tablename__ = "audition_notes"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "audition_id"], ["auditions.territory", "auditions.id"]),
        shape("body <> ''", name="audition_note_body"),
        Index(None, "audition_id"),
    )

    territory: Mapped[str]
    audition_id: Mapped[UUID]
    body: Mapped[str]
    written_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))


# The last line below the service's own checks.
GUARD_AUDITION = """
CREATE FUNCTION guard_audition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status AND (OLD.status, NEW.status) <> ('held', 'cancelled') AND (
        OLD.status <> 'planned' OR NOT EXISTS (SELECT FROM audition_firms WHERE audition_id = NEW.id)
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_transition';
    END IF;
    IF OLD.status IN ('cancelled', 'no_show') AND
        (OLD.territory, OLD.mission_id, OLD.kind, OLD.planned_on, OLD.place, OLD.reason)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.kind, NEW.planned_on, NEW.place, NEW.reason)
    THEN
        RAISE EXCEPTION 'it did not take place' USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_over';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = "CREATE TRIGGER guard BEFORE UPDATE ON auditions FOR EACH ROW EXECUTE FUNCTION guard_audition()"

event.listen(Audition.__table__, "after_create", DDL(GUARD_AUDITION))
event.listen(Audition.__table__, "after_create", DDL(GUARD))
