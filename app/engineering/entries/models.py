"""Tables of entries: time entries, the limit row of a person's day, closed months."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    DDL,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, shape
from app.core.limits import Balance
from app.core.routines import append_only
from app.core.writing.events import Event
from app.engineering.entries.rules import COUNTING, Status
from app.missions.models import FOREVER

_COUNTING = ", ".join(f"'{status}'" for status in COUNTING)


class TimeEntry(Identified, Versioned, Base):
    """A person's part of a day on a mission (*ligne de compte rendu d'activité*).

    `assigned_from_on` and `assigned_until_on` follow the assignment by foreign key, `activity_until_on` the activity,
    so that CHECKs hold the entry inside them. `authors` are the subjects who entered, changed or submitted it: none of
    them validates it. It counts on `counted_on`; where it corrects another (`corrects_id`) that may be later than the
    day worked. A reversal counts on `reversal_counted_on`: the entry's own day while its month is open. An entry that a
    certificate left out says so until a later one contains it. One that was rejected or reversed has given up its
    `external_id`: another may bear it.
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
            ["mission_id", "activity", "activity_until_on"],
            ["mission_activities.mission_id", "mission_activities.code", "mission_activities.until_on"],
            name="time_entries_activity_fkey", onupdate="CASCADE", info={"field": "activity"},
        ),
        ForeignKeyConstraint(
            ["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"],
            info={"field": "siren"},
        ),
        ForeignKeyConstraint(
            ["territory", "audition_id"], ["auditions.territory", "auditions.id"],
            name="time_entries_audition_fkey", info={"field": "audition_id"},
        ),
        ForeignKeyConstraint(
            ["territory", "project_id"], ["projects.territory", "projects.id"],
            name="time_entries_project_fkey", info={"field": "project_id"},
        ),
        ForeignKeyConstraint(
            ["territory", "organisation_id", "corrects_id"],
            ["time_entries.territory", "time_entries.organisation_id", "time_entries.id"],
            name="time_entries_corrects_fkey",
            info={"field": "corrects_id"},
        ),
        ForeignKeyConstraint(
            ["validated_by", "validator_kind"], ["subjects.id", "subjects.kind"], name="validator_is_a_person"
        ),
        ForeignKeyConstraint(
            ["certificate_id", "territory", "mission_id", "organisation_id"],
            ["service_certificates.id", "service_certificates.territory", "service_certificates.mission_id",
             "service_certificates.organisation_id"],
            name="time_entries_certificate_fkey",
        ),
        ForeignKeyConstraint(
            ["certified_by", "certifier_kind"], ["subjects.id", "subjects.kind"], name="certifier_is_a_person"
        ),
        UniqueConstraint("territory", "organisation_id", "id"),
        Index("time_entries_external_id_key", "territory", "external_id", unique=True,
              postgresql_where=text(f"external_id IS NOT NULL AND status IN ('draft', {_COUNTING})")),
        Index(None, "territory", "external_id", postgresql_where=text("external_id IS NOT NULL")),
        shape(f"status IN ({', '.join(repr(str(s)) for s in Status)})", name="time_entry_status"),
        shape("days > 0 AND days <= 1 AND mod(days, 0.25) = 0", name="time_entry_days"),
        CheckConstraint(
            f"status NOT IN ('draft', {_COUNTING}) OR worked_on BETWEEN assigned_from_on AND assigned_until_on",
            name="outside_assignment",
        ),
        CheckConstraint("status = 'reversed' OR worked_on <= activity_until_on", name="activity_not_listed"),
        shape("worked_on <= (timezone('Europe/Paris', updated_at))::date", name="future_day"),
        shape("worked_on >= '1900-01-01' AND counted_on >= worked_on", name="time_entry_counted_on"),
        shape("corrects_id IS NOT NULL OR counted_on = worked_on", name="time_entry_counts_when_worked"),
        shape("corrects_id <> id", name="time_entry_corrects_itself"),
        shape(
            "(status = 'reversed') = (reversal_counted_on IS NOT NULL) AND reversal_counted_on >= counted_on",
            name="time_entry_reversal_counted_on",
        ),
        CheckConstraint("validated_by <> ALL (authors) AND validated_by <> person_id", name="separation_of_duties"),
        shape(
            "status NOT IN ('validated', 'certified') OR validated_by IS NOT NULL", name="validated_by_nobody"
        ),
        shape("validator_kind = 'person'", name="validator_kind"),
        CheckConstraint(
            "certified_by <> ALL (authors) AND certified_by <> person_id AND certified_by <> validated_by",
            name="certifier_took_part",
        ),
        shape(
            "num_nonnulls(certificate_id, certified_by, certified_at) = CASE status WHEN 'certified' THEN 3 ELSE 0 END",
            name="certified_without_certificate",
        ),
        shape("certifier_kind = 'person'", name="certifier_kind"),
        shape(
            "num_nonnulls(certification_refused_reason, certification_refused_by, certification_refused_on) IN (0, 3)"
            " AND (certification_refused_by IS NULL OR status IN ('validated', 'reversed'))",
            name="time_entry_certification_refused",
        ),
        shape("status NOT IN ('rejected', 'reversed') OR reason IS NOT NULL", name="reason_missing"),
        shape(
            "cardinality(authors) > 0 AND array_position(authors, NULL) IS NULL", name="time_entry_authors"
        ),
        Index(None, "territory", "worked_on", "id"),
        Index(None, "territory", "id"),
        Index("time_entries_waiting_idx", "status", "territory",
              postgresql_where=text("status IN ('submitted', 'rejected', 'validated')")),
        Index(None, "mission_id", "worked_on"),
        Index(None, "consultant_id"),
        Index(None, "territory", "siren", postgresql_where=text("firm_siren IS NOT NULL")),
        Index(None, "audition_id", postgresql_where=text("audition_id IS NOT NULL")),
        Index(None, "project_id", postgresql_where=text("project_id IS NOT NULL")),
        Index(None, "corrects_id", postgresql_where=text("corrects_id IS NOT NULL")),
        Index(None, "certificate_id", postgresql_where=text("certificate_id IS NOT NULL")),
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
    activity_until_on: Mapped[date] = mapped_column(server_default=str(FOREVER))
    siren: Mapped[str | None] = mapped_column("firm_siren", key="siren")
    audition_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    note: Mapped[str | None]
    external_id: Mapped[str | None]
    status: Mapped[str]
    reason: Mapped[str | None]
    entered_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    authors: Mapped[list[UUID]]
    validated_by: Mapped[UUID | None]
    validator_kind: Mapped[str] = mapped_column(server_default="person")
    validated_at: Mapped[datetime | None]
    corrects_id: Mapped[UUID | None]
    # The entry that it corrects, what that one corrected, and so on; a trigger holds it to `corrects_id`.
    corrected_ids: Mapped[list[UUID]] = mapped_column(server_default="{}")
    reversal_counted_on: Mapped[date | None]
    certificate_id: Mapped[UUID | None]
    certified_by: Mapped[UUID | None]
    certifier_kind: Mapped[str] = mapped_column(server_default="person")
    certified_at: Mapped[datetime | None]
    certification_refused_reason: Mapped[str | None]
    certification_refused_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    certification_refused_on: Mapped[date | None]


class PersonDays(Base):
    """The limit row of one person's one day, over all missions and territories."""

    __tablename__ = "person_days"
    __table_args__ = (
        CheckConstraint("days <= 1", name="person_day_exceeded"),
        shape("days >= 0 AND days <> 'NaN'", name="person_day_days"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    worked_on: Mapped[date] = mapped_column(primary_key=True)
    days: Mapped[Decimal]


class CorrectableDays(Base):
    """The limit row of an entry that was rejected or reversed: its days, and how many of them corrections enter again.

    Corrections of its corrections draw on it too: all together are never more than its days.

    Corrections are for the person, the mission and the month that it had then; `for_…` is what the last of them was
    for, and a CHECK holds it to these. An entry that is submitted again has no days to correct.
    """

    __tablename__ = "correctable_days"
    __table_args__ = (
        ForeignKeyConstraint(["entry_id"], ["time_entries.id"], ondelete="CASCADE"),
        CheckConstraint("days_corrected <= days", name="correction_exceeded"),
        shape("days_corrected >= 0 AND days_corrected <> 'NaN'", name="correctable_days_corrected"),
        CheckConstraint(
            "for_person_id = person_id AND for_mission_id = mission_id AND for_month = month",
            name="correction_elsewhere",
        ),
        {"postgresql_with": {"fillfactor": 50}},
    )

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    mission_id: Mapped[UUID]
    month: Mapped[date]
    days: Mapped[Decimal]
    days_corrected: Mapped[Decimal] = mapped_column(server_default="0")
    for_person_id: Mapped[UUID | None]
    for_mission_id: Mapped[UUID | None]
    for_month: Mapped[date | None]


class MonthLock(Identified, Versioned, Base):
    """A month of a mission that the operator has closed, until it is opened again with a reason.

    The limit row of the mission names the months that are closed; there the CHECK refuses.
    """

    __tablename__ = "month_locks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "mission_id"], ["missions.territory", "missions.id"], info={"field": "mission_id"}
        ),
        ForeignKeyConstraint(["locked_by", "locker_kind"], ["subjects.id", "subjects.kind"], name="locked_by_a_person"),
        ForeignKeyConstraint(
            ["reopened_by", "reopener_kind"], ["subjects.id", "subjects.kind"], name="reopened_by_a_person"
        ),
        Index("month_already_locked", "mission_id", "month", unique=True, postgresql_where=text("reopened_at IS NULL")),
        shape("extract(day FROM month) = 1", name="month_lock_month"),
        shape("month + interval '1 month' <= timezone('Europe/Paris', created_at)", name="month_lock_not_over"),
        shape("locker_kind = 'person' AND reopener_kind = 'person'", name="month_locker_kind"),
        shape("num_nonnulls(reopened_at, reopened_by, reopening_reason) IN (0, 3)", name="month_lock_reopening"),
        Index(None, "territory", "mission_id"),
    )

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    month: Mapped[date]
    locked_by: Mapped[UUID]
    locker_kind: Mapped[str] = mapped_column(server_default="person")
    reopened_at: Mapped[datetime | None]
    reopened_by: Mapped[UUID | None]
    reopener_kind: Mapped[str] = mapped_column(server_default="person")
    reopening_reason: Mapped[str | None]


CORRECTABLE_DAYS = Balance(CorrectableDays.__table__, 5, ("entry_id",))  # type: ignore[arg-type]
PERSON_DAYS = Balance(PersonDays.__table__, 10, ("person_id", "worked_on"), opens=True)  # type: ignore[arg-type]

# What a new entry takes from its three limit rows, in their order. It adds and decides nothing: the CHECKs do. Each
# update begins when the row before it is held. As parts of the large statement that calls this, they would all begin
# with it, and that statement would be set up anew for each row that another entry changed meanwhile.
TAKE_DAYS = """
CREATE FUNCTION take_days(person uuid, mission uuid, organisation uuid, day date, taken numeric, today date)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_days AS p (person_id, worked_on, days) VALUES (person, day, taken)
    ON CONFLICT (person_id, worked_on) DO UPDATE SET days = p.days + excluded.days;
    UPDATE member_days SET days_entered = days_entered + taken
    WHERE mission_id = mission AND organisation_id = organisation;
    UPDATE mission_days SET days_entered = days_entered + taken, worked_from = day, worked_to = day,
        worked_days = ARRAY[day], counted_months = ARRAY[date_trunc('month', day)::date], entered_on = today,
        entered_before = CASE WHEN day >= ALL (steps) THEN entered_before
            ELSE add_after(steps, entered_before, ARRAY[day], ARRAY[taken]) END
    WHERE mission_id = mission;
    RETURN true;
END
$$
"""
event.listen(PersonDays.__table__, "after_create", DDL(TAKE_DAYS))

# What counted is never edited or deleted, whoever writes: the last line below the service's own checks.
# A reversal counts on the entry's own day unless it says another.
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
        ('certified', 'validated')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'invalid_transition';
    END IF;
    IF OLD.status NOT IN ('draft', 'submitted') AND
        (OLD.territory, OLD.mission_id, OLD.consultant_id, OLD.worked_on, OLD.counted_on, OLD.days, OLD.activity,
         OLD.firm_siren, OLD.note, OLD.entered_by, OLD.authors, OLD.validated_by, OLD.validated_at,
         OLD.corrects_id, OLD.audition_id, OLD.project_id, OLD.created_at)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.consultant_id, NEW.worked_on, NEW.counted_on, NEW.days, NEW.activity,
         NEW.firm_siren, NEW.note, NEW.entered_by, NEW.authors, NEW.validated_by, NEW.validated_at,
         NEW.corrects_id, NEW.audition_id, NEW.project_id, NEW.created_at)
        OR OLD.status NOT IN ('draft', 'submitted') AND OLD.external_id IS DISTINCT FROM NEW.external_id
            AND NOT (OLD.status = 'rejected' AND NEW.status = 'draft' AND NEW.external_id IS NULL)
        OR OLD.reversal_counted_on IS NOT NULL AND OLD.reversal_counted_on IS DISTINCT FROM NEW.reversal_counted_on
        OR OLD.status = NEW.status AND (OLD.certificate_id, OLD.certified_by, OLD.certified_at)
            IS DISTINCT FROM (NEW.certificate_id, NEW.certified_by, NEW.certified_at)
    THEN
        RAISE EXCEPTION 'the entry counts' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_locked';
    END IF;
    IF NEW.status = 'reversed' AND NEW.reversal_counted_on IS NULL THEN
        NEW.reversal_counted_on := NEW.counted_on;
    END IF;
    RETURN NEW;
END
$$
"""
# A correction draws on the days of the entry that it corrects, and of all that this one had corrected.
CORRECTED_FUNCTION = """
CREATE FUNCTION say_corrected_ids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.corrected_ids := NEW.corrects_id || (SELECT e.corrected_ids FROM time_entries e WHERE e.id = NEW.corrects_id);
    RETURN NEW;
END
$$
"""
CORRECTED = (
    "CREATE TRIGGER corrected BEFORE INSERT OR UPDATE OF corrects_id, corrected_ids ON time_entries"
    " FOR EACH ROW WHEN (NEW.corrects_id IS NOT NULL) EXECUTE FUNCTION say_corrected_ids()"
)
# What an entry names is about one firm. A project or audition without a firm is about any. The audition is held as its
# foreign key will hold it: who leaves a firm out waits for the entry, or the entry sees the firms that are left.
AGREE_FUNCTION_OF_ENTRY = """
CREATE FUNCTION check_entry_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    met text[];
    holders text[] := ARRAY(
        SELECT firm_siren FROM project_holders WHERE project_id = NEW.project_id AND firm_siren IS NOT NULL
    );
BEGIN
    PERFORM FROM auditions WHERE id = NEW.audition_id FOR KEY SHARE;
    met := ARRAY(SELECT siren FROM audition_firms WHERE audition_id = NEW.audition_id);
    IF met <> '{}' AND NEW.firm_siren <> ALL (met) OR holders <> '{}' AND NEW.firm_siren <> ALL (holders)
        OR met <> '{}' AND holders <> '{}' AND NOT met && holders
    THEN
        RAISE EXCEPTION 'the entry names two firms'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'references_disagree';
    END IF;
    RETURN NEW;
END
$$
"""
AGREE_ENTRY = (
    "CREATE TRIGGER check_references BEFORE INSERT OR UPDATE OF firm_siren, audition_id, project_id ON time_entries"
    " FOR EACH ROW WHEN (num_nonnulls(NEW.firm_siren, NEW.audition_id, NEW.project_id) > 1)"
    " EXECUTE FUNCTION check_entry_references()"
)
# So it stays where the firms of the audition change: at COMMIT, for they are replaced as a whole.
KEEP_AUDITION_FIRM = """
CREATE FUNCTION keep_audition_firm() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    met text[];
    lost uuid[];
    in_entries bigint;
    in_projects bigint;
BEGIN
    PERFORM FROM auditions WHERE id = OLD.audition_id FOR UPDATE;
    met := ARRAY(SELECT siren FROM audition_firms WHERE audition_id = OLD.audition_id);
    IF met = '{}' OR OLD.siren = ANY (met) THEN
        RETURN NULL;
    END IF;
    lost := ARRAY(
        SELECT project_id FROM project_holders h WHERE territory = OLD.territory AND firm_siren = OLD.siren
            AND NOT EXISTS (SELECT FROM project_holders WHERE project_id = h.project_id AND firm_siren = ANY (met))
    );
    SELECT count(*) INTO in_entries FROM time_entries
    WHERE audition_id = OLD.audition_id AND status <> 'reversed'
        AND (firm_siren = OLD.siren OR project_id = ANY (lost));
    SELECT count(*) INTO in_projects FROM projects
    WHERE detected_in_audition_id = OLD.audition_id AND id = ANY (lost);
    IF in_entries + in_projects > 0 THEN
        RAISE EXCEPTION 'they are about this firm' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'audition_firm_in_use',
            DETAIL = json_build_object('siren', OLD.siren, 'entries', in_entries, 'projects', in_projects);
    END IF;
    RETURN NULL;
END
$$
"""
KEPT_FIRMS = (
    "CREATE CONSTRAINT TRIGGER keep_firm AFTER DELETE OR UPDATE OF siren ON audition_firms"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_audition_firm()"
)
GUARD = "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON time_entries FOR EACH ROW EXECUTE FUNCTION guard_time_entry()"

event.listen(TimeEntry.__table__, "after_create", DDL(CORRECTED_FUNCTION))
event.listen(TimeEntry.__table__, "after_create", DDL(CORRECTED))
event.listen(TimeEntry.__table__, "after_create", DDL(GUARD_FUNCTION))
event.listen(TimeEntry.__table__, "after_create", DDL(GUARD))
event.listen(TimeEntry.__table__, "after_create", DDL(AGREE_FUNCTION_OF_ENTRY))
event.listen(TimeEntry.__table__, "after_create", DDL(AGREE_ENTRY))
event.listen(TimeEntry.__table__, "after_create", DDL(KEEP_AUDITION_FIRM))
event.listen(TimeEntry.__table__, "after_create", DDL(KEPT_FIRMS))
event.listen(TimeEntry.__table__, "after_create", DDL(append_only("time_entries", "TRUNCATE")))

# A lock is an act: all that ever happens to it is that its month is opened again, once.
LOCK_GUARD_FUNCTION = """
CREATE FUNCTION guard_month_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.reopened_at IS NOT NULL OR NEW.reopened_at IS NULL OR
        (OLD.id, OLD.territory, OLD.mission_id, OLD.month, OLD.locked_by, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.territory, NEW.mission_id, NEW.month, NEW.locked_by, NEW.created_at)
    THEN
        RAISE EXCEPTION 'a lock is an act' USING ERRCODE = 'check_violation', CONSTRAINT = 'month_open';
    END IF;
    RETURN NEW;
END
$$
"""
LOCK_GUARD = "CREATE TRIGGER guard BEFORE UPDATE ON month_locks FOR EACH ROW EXECUTE FUNCTION guard_month_lock()"

event.listen(MonthLock.__table__, "after_create", DDL(LOCK_GUARD_FUNCTION))
event.listen(MonthLock.__table__, "after_create", DDL(LOCK_GUARD))
event.listen(MonthLock.__table__, "after_create", DDL(append_only("month_locks", "DELETE OR TRUNCATE")))

# An entry that was deleted stands in the feed alone, where the days of a past day look for it.
Index("events_deleted_time_entries", Event.territory, postgresql_where=text("type = 'time_entry.deleted'"))
