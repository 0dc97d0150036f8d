"""Table of activity reports; what an entry that changes does to them, and what its certification asks of them."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, shape
from app.core.routines import append_only
from app.core.writing.sealing import HASHED
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.rules import COUNTING

SEALED = (
    "territory", "mission_id", "consultant_id", "organisation_id", "person_id", "month", "days", "last_worked_on",
    "content", "content_hash", "made_by",
)  # fmt: skip
STATUS = (
    "CASE WHEN stale_at IS NOT NULL THEN 'stale' WHEN lead_signed_by IS NOT NULL THEN 'signed'"
    " WHEN consultant_signed_by IS NOT NULL THEN 'signed_by_consultant' ELSE 'to_sign' END"
)


class ActivityReport(Identified, Versioned, Base):
    """What one person worked on one mission in a month, by the day on which entries count, sealed when it was made.

    At most one report of a consultant and month stands. It becomes stale once one of its entries changes, or another
    one counts in its month; then another one can be made. The status follows from the signatures and from that.
    """

    __tablename__ = "activity_reports"
    __table_args__ = (
        ForeignKeyConstraint(
            ["consultant_id", "territory", "mission_id", "organisation_id", "person_id"],
            ["consultants.id", "consultants.territory", "consultants.mission_id", "consultants.organisation_id",
             "consultants.person_id"],
            name="activity_reports_consultant_fkey",
            info={"field": "consultant_id"},
        ),
        ForeignKeyConstraint(
            ["lead_signed_by", "lead_signer_kind"], ["subjects.id", "subjects.kind"], name="lead_signed_by_a_person"
        ),
        Index(
            "activity_report_exists", "consultant_id", "month", unique=True, postgresql_where=text("stale_at IS NULL")
        ),
        CheckConstraint("consultant_signed_by = person_id", name="activity_report_not_yours"),
        CheckConstraint("lead_signed_by <> person_id", name="activity_report_by_one_person"),
        shape("extract(day FROM month) = 1 AND month BETWEEN '1900-01-01' AND '2199-12-01'",
              name="activity_report_month"),
        shape("days > 0 AND mod(days, 0.25) = 0 AND days <> 'NaN'", name="activity_report_days"),
        shape(HASHED, name="activity_report_content_hash"),
        shape(
            "num_nonnulls(consultant_signed_by, consultant_signed_name, consultant_signed_on, consultant_signed_at)"
            " IN (0, 4) AND consultant_signed_name <> ''",
            name="activity_report_consultant_signed",
        ),
        shape(
            "num_nonnulls(lead_signed_by, lead_signed_name, lead_signed_on, lead_signed_at) IN (0, 4)"
            " AND lead_signed_name <> '' AND (lead_signed_by IS NULL OR consultant_signed_by IS NOT NULL)"
            " AND lead_signer_kind = 'person'",
            name="activity_report_lead_signed",
        ),
        shape(
            "consultant_signed_on >= last_worked_on AND lead_signed_on >= consultant_signed_on",
            name="activity_report_signed_on",
        ),
        shape(
            "num_nonnulls(stale_at, stale_entry_id, stale_entry_worked_on) IN (0, 3)", name="activity_report_stale"
        ),
        Index(None, "territory", "id"),
        Index(None, "consultant_id", "month", "id"),
    )  # fmt: skip

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    consultant_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    person_id: Mapped[UUID]
    month: Mapped[date]
    days: Mapped[Decimal]
    last_worked_on: Mapped[date]
    content: Mapped[str]
    content_hash: Mapped[str]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    consultant_signed_by: Mapped[UUID | None]
    consultant_signed_name: Mapped[str | None]
    consultant_signed_on: Mapped[date | None]
    consultant_signed_at: Mapped[datetime | None]
    lead_signed_by: Mapped[UUID | None]
    lead_signer_kind: Mapped[str] = mapped_column(server_default="person")
    lead_signed_name: Mapped[str | None]
    lead_signed_on: Mapped[date | None]
    lead_signed_at: Mapped[datetime | None]
    stale_at: Mapped[datetime | None]
    stale_entry_id: Mapped[UUID | None]  # no foreign key: an entry that was recalled can be deleted
    stale_entry_worked_on: Mapped[date | None]
    status: Mapped[str] = mapped_column(Computed(STATUS, persisted=True))


# A signature is given once, and to a report that stands; what is stale stays so.
GUARD_FUNCTION = """
CREATE FUNCTION guard_activity_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.stale_at IS NOT NULL
        OR OLD.consultant_signed_by IS NOT NULL AND
            (OLD.consultant_signed_by, OLD.consultant_signed_name, OLD.consultant_signed_on, OLD.consultant_signed_at)
            IS DISTINCT FROM
            (NEW.consultant_signed_by, NEW.consultant_signed_name, NEW.consultant_signed_on, NEW.consultant_signed_at)
        OR OLD.lead_signed_by IS NOT NULL AND
            (OLD.lead_signed_by, OLD.lead_signed_name, OLD.lead_signed_on, OLD.lead_signed_at)
            IS DISTINCT FROM
            (NEW.lead_signed_by, NEW.lead_signed_name, NEW.lead_signed_on, NEW.lead_signed_at)
    THEN
        RAISE EXCEPTION 'no such transition'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'activity_report_transition';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = "CREATE TRIGGER guard BEFORE UPDATE ON activity_reports FOR EACH ROW EXECUTE FUNCTION guard_activity_report()"
# At COMMIT a new report has the days of the entries that count in its month, whoever wrote it.
AGREES_FUNCTION = """
CREATE FUNCTION activity_report_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.days IS DISTINCT FROM (
        SELECT sum(days) FROM time_entries e
        WHERE e.consultant_id = NEW.consultant_id AND e.status IN ('submitted', 'validated', 'certified')
            AND e.counted_on >= NEW.month AND e.counted_on < NEW.month + interval '1 month'
    ) THEN
        RAISE EXCEPTION 'report and entries differ'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'activity_report_differs';
    END IF;
    RETURN NULL;
END
$$
"""
AGREES = (
    "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON activity_reports DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION activity_report_agrees()"
)
STAYS = (
    "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON activity_reports"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)

for _statement in (
    GUARD_FUNCTION,
    GUARD,
    AGREES_FUNCTION,
    AGREES,
    append_only("activity_reports", f"UPDATE OF {', '.join(SEALED)}"),
    STAYS,
):
    event.listen(ActivityReport.__table__, "after_create", DDL(_statement))

# What a report says of an entry. How far the entry has come is no part of it: it may be validated and certified.
FACTS = (
    "consultant_id", "worked_on", "counted_on", "days", "activity", "firm_siren", "note", "audition_id", "project_id",
)  # fmt: skip
_COUNTING = f"({', '.join(repr(str(status)) for status in COUNTING)})"
# It runs at COMMIT: whoever lets days count, or takes them back, holds the limit row of the mission by then, so two of
# them never wait for each other's reports. Who makes a report holds the assignment and its entries: a change of an
# entry comes before, and the report contains it, or after, and makes it stale.
STALE_FUNCTION = """
CREATE FUNCTION make_activity_reports_stale() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counting CONSTANT text[] := ARRAY['submitted', 'validated', 'certified'];
BEGIN
    WITH touched (consultant_id, month) AS (
        SELECT NEW.consultant_id, date_trunc('month', NEW.counted_on::timestamp)::date WHERE NEW.status = ANY (counting)
        UNION
        SELECT OLD.consultant_id, date_trunc('month', OLD.counted_on::timestamp)::date WHERE OLD.status = ANY (counting)
    ), stale AS (
        UPDATE activity_reports r SET stale_at = now(), stale_entry_id = NEW.id, stale_entry_worked_on = NEW.worked_on,
            version = r.version + 1, updated_at = now()
        FROM touched t WHERE r.consultant_id = t.consultant_id AND r.month = t.month AND r.stale_at IS NULL
        RETURNING r.*
    )
    INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id,
        resource_version, owner_organisation_id, data)
    SELECT 'activity_report.stale', now(), s.territory, 'system', 'stale', 'activity_report', s.id::text, s.version,
        s.organisation_id, jsonb_build_object('id', s.id, 'mission_id', s.mission_id, 'consultant_id', s.consultant_id,
            'organisation_id', s.organisation_id, 'month', to_char(s.month, 'YYYY-MM'), 'status', s.status,
            'days', s.days, 'stale_at', to_char(s.stale_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'stale_entry_id', s.stale_entry_id, 'stale_entry_worked_on', s.stale_entry_worked_on)
    FROM stale s ORDER BY s.id;
    RETURN NULL;
END
$$
"""
STALE_BY_NEW = (
    "CREATE CONSTRAINT TRIGGER reports_stale_by_new AFTER INSERT ON time_entries DEFERRABLE INITIALLY DEFERRED"
    f" FOR EACH ROW WHEN (NEW.status IN {_COUNTING}) EXECUTE FUNCTION make_activity_reports_stale()"
)
_before, _after = (", ".join(f"{row}.{name}" for name in FACTS) for row in ("OLD", "NEW"))
STALE_BY_CHANGE = (
    "CREATE CONSTRAINT TRIGGER reports_stale_by_change AFTER UPDATE ON time_entries DEFERRABLE INITIALLY DEFERRED"
    f" FOR EACH ROW WHEN ((OLD.status IN {_COUNTING}) <> (NEW.status IN {_COUNTING})"
    f" OR NEW.status IN {_COUNTING} AND ({_before}) IS DISTINCT FROM ({_after}))"
    " EXECUTE FUNCTION make_activity_reports_stale()"
)
# Where the framework asks for them on the day on which an entry counts, it is certified inside a signed report. Over
# the rest of a certificate that a correction cancelled it is certified again as it was, without a new signature.
SIGNED_FUNCTION = """
CREATE FUNCTION require_signed_activity_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF framework_parameter(NEW.mission_id, 'activity_reports_required', NEW.counted_on) = 'true'::jsonb
        AND NOT EXISTS (
            SELECT FROM activity_reports r WHERE r.consultant_id = NEW.consultant_id AND r.status = 'signed'
                AND r.month = date_trunc('month', NEW.counted_on::timestamp)::date
        )
        AND NOT EXISTS (
            SELECT FROM service_certificates c
            JOIN service_certificates cancelled ON cancelled.id = (c.content::jsonb ->> 'rest_of_id')::uuid
            JOIN service_certificates counter ON counter.cancels_id = cancelled.id
            WHERE c.id = NEW.certificate_id AND cancelled.content::jsonb @>
                jsonb_build_object('entries', jsonb_build_array(jsonb_build_object('id', NEW.id)))
        )
    THEN
        RAISE EXCEPTION 'no signed activity report contains the entry'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'activity_report_unsigned';
    END IF;
    RETURN NULL;
END
$$
"""
SIGNED = (
    "CREATE TRIGGER signed_report AFTER UPDATE OF status ON time_entries FOR EACH ROW"
    " WHEN (NEW.status = 'certified' AND OLD.status <> 'certified')"
    " EXECUTE FUNCTION require_signed_activity_report()"
)

for _statement in (STALE_FUNCTION, STALE_BY_NEW, STALE_BY_CHANGE, SIGNED_FUNCTION, SIGNED):
    event.listen(TimeEntry.__table__, "after_create", DDL(_statement))
