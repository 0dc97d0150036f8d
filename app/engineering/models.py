"""Tables of engineering: time entries, and the limit row of a person's day."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import DDL, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned
from app.core.limits import Balance
from app.core.routines import append_only
from app.engineering.rules import COUNTING, Status

_COUNTING = ", ".join(f"'{status}'" for status in COUNTING)


class TimeEntry(Identified, Versioned, Base):
    """A person's part of a day on a mission (*ligne de compte rendu d'activité*).

    `assigned_from_on` and `assigned_until_on` follow the assignment by foreign key, so that the CHECK holds the entry
    inside it. `authors` are the subjects who entered, changed or submitted it: none of them validates it.
    """

    __tablename__ = "time_entries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["consultant_id", "territory", "mission_id", "organisation_id", "person_id",
             "assigned_from_on", "assigned_until_on"],
            ["consultants.id", "consultants.territory", "consultants.mission_id", "consultants.organisation_id",
             "consultants.person_id", "consultants.from_on", "consultants.until_on"],
            name="time_entries_consultant_fkey",
            onupdate="CASCADE",
            info={"field": "consultant_id"},
        ),
        ForeignKeyConstraint(
            ["validated_by", "validator_kind"], ["subjects.id", "subjects.kind"], name="validator_is_a_person"
        ),
        UniqueConstraint("territory", "external_id"),
        CheckConstraint(f"status IN ({', '.join(repr(str(s)) for s in Status)})", name="time_entry_status"),
        CheckConstraint("days > 0 AND days <= 1 AND mod(days, 0.25) = 0", name="time_entry_days"),
        CheckConstraint(
            f"status NOT IN ('draft', {_COUNTING}) OR worked_on BETWEEN assigned_from_on AND assigned_until_on",
            name="outside_assignment",
        ),
        CheckConstraint("worked_on <= (timezone('Europe/Paris', updated_at))::date", name="future_day"),
        CheckConstraint("worked_on >= '1900-01-01' AND counted_on >= worked_on", name="time_entry_counted_on"),
        CheckConstraint("validated_by <> ALL (authors) AND validated_by <> person_id", name="separation_of_duties"),
        CheckConstraint(
            "status NOT IN ('validated', 'certified') OR validated_by IS NOT NULL", name="validated_by_nobody"
        ),
        CheckConstraint("validator_kind = 'person'", name="validator_kind"),
        CheckConstraint("status NOT IN ('rejected', 'reversed') OR reason IS NOT NULL", name="reason_missing"),
        CheckConstraint(
            "cardinality(authors) > 0 AND array_position(authors, NULL) IS NULL", name="time_entry_authors"
        ),
        Index(None, "territory", "worked_on", "id"),
        Index(None, "territory", "id"),
        Index(None, "mission_id", "worked_on"),
        Index(None, "consultant_id"),
        Index(None, "firm_siren", postgresql_where=text("firm_siren IS NOT NULL")),
    )  # fmt: skip

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    consultant_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    person_id: Mapped[UUID]
    assigned_from_on: Mapped[date]
    assigned_until_on: Mapped[date]
    worked_on: Mapped[date]
    counted_on: Mapped[date]
    days: Mapped[Decimal]
    activity: Mapped[str]
    firm_siren: Mapped[str | None] = mapped_column(ForeignKey("firms.siren"))
    note: Mapped[str | None]
    external_id: Mapped[str | None]
    status: Mapped[str]
    reason: Mapped[str | None]
    entered_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    authors: Mapped[list[UUID]]
    validated_by: Mapped[UUID | None]
    validator_kind: Mapped[str] = mapped_column(server_default="person")
    validated_at: Mapped[datetime | None]


class PersonDays(Base):
    """The limit row of one person's one day, over all missions and territories."""

    __tablename__ = "person_days"
    __table_args__ = (
        CheckConstraint("days <= 1", name="person_day_exceeded"),
        CheckConstraint("days >= 0 AND days <> 'NaN'", name="person_day_days"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    worked_on: Mapped[date] = mapped_column(primary_key=True)
    days: Mapped[Decimal]


PERSON_DAYS = Balance(PersonDays.__table__, 10, ("person_id", "worked_on"), opens=True)  # type: ignore[arg-type]

# What counted is never edited or deleted, whoever writes: the last line below the service's own checks.
GUARD_FUNCTION = """
CREATE FUNCTION guard_time_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'only a draft is deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_locked';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
        ('draft', 'submitted'), ('submitted', 'draft'), ('rejected', 'draft'), ('submitted', 'validated'),
        ('submitted', 'rejected'), ('submitted', 'reversed'), ('validated', 'reversed'), ('validated', 'certified'),
        ('certified', 'reversed')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'invalid_transition';
    END IF;
    IF OLD.status NOT IN ('draft', 'submitted') AND
        (OLD.territory, OLD.mission_id, OLD.consultant_id, OLD.worked_on, OLD.counted_on, OLD.days, OLD.activity,
         OLD.firm_siren, OLD.note, OLD.external_id, OLD.entered_by, OLD.authors, OLD.validated_by, OLD.validated_at,
         OLD.created_at)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.consultant_id, NEW.worked_on, NEW.counted_on, NEW.days, NEW.activity,
         NEW.firm_siren, NEW.note, NEW.external_id, NEW.entered_by, NEW.authors, NEW.validated_by, NEW.validated_at,
         NEW.created_at)
    THEN
        RAISE EXCEPTION 'the entry counts' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_locked';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON time_entries FOR EACH ROW EXECUTE FUNCTION guard_time_entry()"

event.listen(TimeEntry.__table__, "after_create", DDL(GUARD_FUNCTION))
event.listen(TimeEntry.__table__, "after_create", DDL(GUARD))
event.listen(TimeEntry.__table__, "after_create", DDL(append_only("time_entries", "TRUNCATE")))
