"""Tables of committees. A closed meeting never changes, whoever writes."""

from datetime import date, datetime
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

from app.committees.rules import Attendance, CommitteeStatus, Level, MemberKind
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only

_PARIS_DAY = "(timezone('Europe/Paris', {}))::date"


class Committee(Identified, Versioned, Base):
    """A meeting of a steering committee (*COPIL*) of a territory.

    `record_hash` is that of the sealed record with which it is closed; the record brings it, by a trigger.
    """

    __tablename__ = "committees"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        UniqueConstraint("id", "record_hash", name="committees_record_key"),
        Index(
            "committees_external_id_key",
            "territory",
            "external_id",
            unique=True,
            postgresql_where=text("status <> 'cancelled'"),
        ),
        ForeignKeyConstraint(
            ["closed_by", "closer_kind"], ["subjects.id", "subjects.kind"], name="committee_closed_by_a_person"
        ),
        shape(one_of("level", Level), name="committee_level"),
        shape(one_of("status", CommitteeStatus), name="committee_status"),
        shape("quorum >= 1", name="committee_quorum"),
        shape("(status IN ('held', 'closed')) = (held_at IS NOT NULL)", name="committee_held"),
        shape("held_at <= updated_at", name="held_in_the_future"),
        shape("(status = 'cancelled') = (reason IS NOT NULL)", name="committee_reason"),
        CheckConstraint(
            "status IN ('held', 'closed') OR (minutes IS NULL AND minutes_adopted_on IS NULL)",
            name="minutes_before_the_meeting",
        ),
        CheckConstraint(
            "minutes_adopted_on IS NULL OR held_at IS NULL OR (minutes IS NOT NULL"
            f" AND minutes_adopted_on BETWEEN {_PARIS_DAY.format('held_at')} AND {_PARIS_DAY.format('updated_at')})",
            name="minutes_adopted_on",
        ),
        CheckConstraint("status <> 'closed' OR minutes_adopted_on IS NOT NULL", name="minutes_missing"),
        shape(
            "(status = 'closed') = (closed_at IS NOT NULL) AND (status = 'closed') = (closed_by IS NOT NULL)",
            name="committee_closed",
        ),
        CheckConstraint("closed_by <> ALL (minutes_authors)", name="writer_closes"),
        shape("closer_kind = 'person'", name="committee_closer_kind"),
        Index(None, "territory", "planned_at", "id"),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    level: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=CommitteeStatus.PLANNED.value)
    planned_at: Mapped[datetime]
    held_at: Mapped[datetime | None]
    place: Mapped[str | None]
    quorum: Mapped[int | None] = mapped_column(SmallInteger)
    reason: Mapped[str | None]
    minutes: Mapped[str | None]
    minutes_adopted_on: Mapped[date | None]
    minutes_authors: Mapped[list[UUID]] = mapped_column(server_default="{}")
    closed_by: Mapped[UUID | None]
    closer_kind: Mapped[str] = mapped_column(server_default="person")
    closed_at: Mapped[datetime | None]
    record_hash: Mapped[str | None]
    external_id: Mapped[str | None]


class CommitteeMember(Base):
    """A seat at a meeting, in the order of the list. `chair` numbers the one or two who preside.

    `name` is the one that the record shows for good, also of a person who is known here (`subject_id`).
    """

    __tablename__ = "committee_members"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "committee_id"], ["committees.territory", "committees.id"]),
        ForeignKeyConstraint(
            ["subject_id", "subject_kind"],
            ["subjects.id", "subjects.kind"],
            name="committee_members_subject_fkey",
            info={"field": "subject_id"},
        ),
        UniqueConstraint("committee_id", "chair", name="third_chair"),
        Index(
            "committee_members_subject_key",
            "committee_id",
            "subject_id",
            unique=True,
            postgresql_where=text("subject_id IS NOT NULL"),
        ),
        shape("position >= 1", name="committee_member_position"),
        shape("chair IN (1, 2)", name="committee_member_chair"),
        shape("name <> ''", name="committee_member_name"),
        shape(one_of("kind", MemberKind), name="committee_member_kind"),
        shape("subject_id IS NULL OR kind = 'person'", name="committee_member_subject"),
        shape("subject_kind = 'person'", name="committee_member_subject_kind"),
        shape(one_of("attendance", Attendance), name="committee_member_attendance"),
    )

    committee_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    territory: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    subject_id: Mapped[UUID | None]
    subject_kind: Mapped[str] = mapped_column(server_default="person")
    function: Mapped[str | None]
    chair: Mapped[int | None] = mapped_column(SmallInteger)
    attendance: Mapped[str | None]


# The last line below the service's own checks. A seat is written under the meeting's lock, so that none slips into a
# meeting that is being closed.
GUARD_COMMITTEE = """
CREATE FUNCTION guard_committee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = 'closed' AND OLD.record_hash IS NULL
        AND to_jsonb(NEW) - 'record_hash' = to_jsonb(OLD) - 'record_hash'
    THEN
        RETURN NEW;
    END IF;
    IF OLD.status IN ('closed', 'cancelled') OR TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'the meeting is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
        ('planned', 'held'), ('planned', 'cancelled'), ('held', 'closed')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_transition';
    END IF;
    IF OLD.id <> NEW.id OR OLD.territory <> NEW.territory OR OLD.level <> NEW.level THEN
        RAISE EXCEPTION 'a meeting keeps its place' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_moved';
    END IF;
    IF NEW.status IN ('held', 'closed') AND NOT EXISTS (
        SELECT FROM committee_members WHERE committee_id = NEW.id AND chair IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'nobody presides' USING ERRCODE = 'check_violation', CONSTRAINT = 'chair_missing';
    END IF;
    IF NEW.status = 'closed' AND EXISTS (
        SELECT FROM committee_members WHERE committee_id = NEW.id AND attendance IS NULL
    ) THEN
        RAISE EXCEPTION 'who came?' USING ERRCODE = 'check_violation', CONSTRAINT = 'attendance_missing';
    END IF;
    IF NEW.status = 'closed' THEN
        NEW.record_hash := (SELECT content_hash FROM committee_records WHERE committee_id = NEW.id);
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_COMMITTEE_MEMBER = """
CREATE FUNCTION guard_committee_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM committees WHERE id = NEW.committee_id OR id = OLD.committee_id ORDER BY id FOR SHARE;
    IF EXISTS (
        SELECT FROM committees
        WHERE (id = NEW.committee_id OR id = OLD.committee_id) AND status IN ('closed', 'cancelled')
    ) THEN
        RAISE EXCEPTION 'the meeting is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
COMMITTEE_GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON committees FOR EACH ROW EXECUTE FUNCTION guard_committee()"
)
COMMITTEE_MEMBER_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON committee_members"
    " FOR EACH ROW EXECUTE FUNCTION guard_committee_member()"
)

for _table, _statements in (
    (Committee.__table__, (GUARD_COMMITTEE, COMMITTEE_GUARD, append_only("committees", "TRUNCATE"))),
    (
        CommitteeMember.__table__,
        (GUARD_COMMITTEE_MEMBER, COMMITTEE_MEMBER_GUARD, append_only("committee_members", "TRUNCATE")),
    ),
):
    for _statement in _statements:
        event.listen(_table, "after_create", DDL(_statement))
