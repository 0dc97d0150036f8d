"""Reads of engineering."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Text,
    all_,
    and_,
    cast,
    column,
    exists,
    func,
    literal_column,
    not_,
    null,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import BIT, aggregate_order_by

from app.access.models import Organisation, Subject
from app.auditions.models import Audition
from app.core.db import NO_DAYS, literals, param, paris_day
from app.core.reading.listing import (
    Filter,
    Listing,
    Rows,
    any_of,
    at_least,
    at_most,
    equals,
    holds,
    json_array,
    json_object,
    matches,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.values import Code, Day, ExternalId, Siren, Uuid
from app.engineering.entries import schemas
from app.engineering.entries.models import CorrectableDays, MonthLock, TimeEntry
from app.engineering.entries.rules import COUNTING, Status
from app.firms.models import Firm
from app.missions.frameworks.parameters import reports_required_on
from app.missions.leads import led_by
from app.missions.models import Consultant, Mission
from app.programme.national import national
from app.projects.models import Project

_enterer, _validator, _certifier, _refuser, _locker, _reopener = (
    Subject.__table__.alias(name) for name in ("enterer", "validator", "certifier", "refuser", "locker", "reopener")
)
_corrected = TimeEntry.__table__.alias("corrected")
# By their names: certificates and reports import this package.
_certificate = table("service_certificates", column("id", TimeEntry.id.type), column("number", Integer()))
_report = table("activity_reports", column("consultant_id", TimeEntry.id.type), column("month", Date()))


def entries(e: Any, *, new: bool = False) -> Rows:
    """The fields of a time entry, from the table or from the row that a statement has just written.

    A `new` one was never judged and corrects nothing: nobody's name is looked up for that.
    """

    def later(column: Any) -> Any:
        return null() if new else column

    rows = (
        select(
            e.id,
            e.territory,
            e.mission_id,
            Mission.name.label("mission_name"),
            e.consultant_id,
            Subject.name.label("consultant_name"),
            e.organisation_id,
            Organisation.name.label("organisation_name"),
            e.worked_on,
            e.counted_on,
            e.days,
            e.activity,
            e.siren.label("siren"),
            Firm.name.label("firm_name"),
            e.audition_id,
            func.coalesce(Audition.held_on, Audition.planned_on, type_=Date()).label("audition_on"),
            e.project_id,
            Project.title.label("project_title"),
            e.note,
            e.external_id,
            e.status,
            e.reason,
            e.entered_by,
            _enterer.c.name.label("entered_by_name"),
            e.validated_by,
            later(_validator.c.name).label("validated_by_name"),
            e.validated_at,
            e.corrects_id,
            later(_corrected.c.worked_on).label("corrects_worked_on"),
            e.reversal_counted_on,
            e.certificate_id,
            later(_certificate.c.number).label("certificate_number"),
            e.certified_by,
            later(_certifier.c.name).label("certified_by_name"),
            e.certified_at,
            e.certification_refused_reason,
            e.certification_refused_by,
            later(_refuser.c.name).label("certification_refused_by_name"),
            e.certification_refused_on,
            e.version,
            e.created_at,
            e.updated_at,
        )
        .join(Mission, Mission.id == e.mission_id)
        .join(Subject, Subject.id == e.person_id)
        .join(Organisation, Organisation.id == e.organisation_id)
        .join(_enterer, _enterer.c.id == e.entered_by)
        .outerjoin(Firm, Firm.siren == e.siren)
        .outerjoin(Audition, Audition.id == e.audition_id)
        .outerjoin(Project, Project.id == e.project_id)
    )
    if new:
        return rows
    return (
        rows.outerjoin(_validator, _validator.c.id == e.validated_by)
        .outerjoin(_corrected, _corrected.c.id == e.corrects_id)
        .outerjoin(_certificate, _certificate.c.id == e.certificate_id)
        .outerjoin(_certifier, _certifier.c.id == e.certified_by)
        .outerjoin(_refuser, _refuser.c.id == e.certification_refused_by)
    )


IS_CORRECTED = exists().where(CorrectableDays.entry_id == TimeEntry.id, CorrectableDays.days_corrected > text("0"))


def decidable_by(subject_id: Any) -> ColumnElement[bool]:
    """Entries in which the subject took no part: neither worked, entered, changed, submitted nor validated."""
    return and_(
        subject_id != all_(TimeEntry.authors),
        TimeEntry.person_id != subject_id,
        TimeEntry.validated_by.is_distinct_from(subject_id),
    )


def report_missing(today: Any) -> ColumnElement[bool]:
    """Entries to certify in a month that is over, for which a signed report is asked and none was ever made."""
    e, r = TimeEntry, _report.c

    def month_of(day: Any) -> Any:
        return cast(func.date_trunc(literal_column("'month'", Text()), cast(day, DateTime())), Date())

    return and_(
        e.status.in_(literals([Status.SUBMITTED, Status.VALIDATED])),
        e.counted_on < month_of(today),
        ~exists().where(r.consultant_id == e.consultant_id, r.month == month_of(e.counted_on)),
        reports_required_on(e.mission_id, e.counted_on),
    )


TIME_ENTRIES = Listing(
    schema=schemas.TimeEntry,
    rows=entries(TimeEntry).where(TimeEntry.territory == param("territory", Text())),
    key=TimeEntry.id,
    version=TimeEntry.version,
    derived=True,
    filters={
        "mission_id": equals(TimeEntry.mission_id, Uuid, "Entries of this mission."),
        "consultant_id": equals(TimeEntry.consultant_id, Uuid, "Entries of this assignment of a person to a mission."),
        "organisation_id": equals(TimeEntry.organisation_id, Uuid, "Entries of this member of the consortium."),
        "status": any_of(TimeEntry.status, Status, "Entries in any of these states."),
        "activity": any_of(TimeEntry.activity, Code, "Entries with any of these codes of activities."),
        "siren": equals(TimeEntry.siren, Siren, "Entries about this firm."),
        "audition_id": equals(TimeEntry.audition_id, Uuid, "Entries about this audition."),
        "project_id": equals(TimeEntry.project_id, Uuid, "Entries about this project."),
        "certificate_id": equals(TimeEntry.certificate_id, Uuid, "Entries that this service certificate contains."),
        "certification_refused": holds(
            TimeEntry.certification_refused_by.is_not(None),
            "true: entries that a certificate left out, and none contains since; false: the others.",
        ),
        "report_missing": holds(
            report_missing(paris_day(func.now())),
            "true: submitted and validated entries that count in a month that is over, for which the framework asks for"
            " a signed activity report and of which no report was made; false: the others.",
        ),
        "corrects_id": equals(TimeEntry.corrects_id, Uuid, "Entries that correct this reversed entry."),
        "corrected": holds(
            IS_CORRECTED, "true: entries of which other entries that count correct days; false: the rest."
        ),
        "led_by": Filter(
            Parameter(Uuid, "Entries of the missions that this organisation leads."),
            lambda name: led_by(TimeEntry.mission_id, param(name, TimeEntry.organisation_id.type)),
        ),
        "decidable_by": Filter(
            Parameter(
                Uuid,
                "Entries that this subject neither worked, entered, changed, submitted nor validated: who took part"
                " decides nothing about them.",
            ),
            lambda name: decidable_by(param(name, TimeEntry.person_id.type)),
        ),
        "counted_from": at_least(TimeEntry.counted_on, Day, "Entries that count on this Paris day or later."),
        "counted_to": at_most(TimeEntry.counted_on, Day, "Entries that count on this Paris day or earlier."),
        "worked_from": at_least(TimeEntry.worked_on, Day, "Entries worked on this Paris day or later."),
        "worked_to": at_most(TimeEntry.worked_on, Day, "Entries worked on this Paris day or earlier."),
        "person_id": equals(TimeEntry.person_id, Uuid, "Entries of this person, whatever the assignment."),
        "external_id": equals(TimeEntry.external_id, ExternalId, "The entry that another system knows by this id."),
        "q": matches(TimeEntry.note, doc="Part of the note, without accents or case."),
        "updated_since": updated_since(TimeEntry.updated_at),
    },
    sorts={
        "worked_on": TimeEntry.worked_on,
        "counted_on": TimeEntry.counted_on,
        "days": TimeEntry.days,
        "updated_at": TimeEntry.updated_at,
    },
    owner=TimeEntry.organisation_id,
)
ALL_TIME_ENTRIES = national(TIME_ENTRIES, TimeEntry.territory)


def _left_in(status: Status) -> Any:
    """The days of a state in a closed month."""
    return (
        select(func.coalesce(func.sum(TimeEntry.days), NO_DAYS))
        .where(
            TimeEntry.mission_id == MonthLock.mission_id,
            TimeEntry.status == literal_column(f"'{status}'", Text()),
            TimeEntry.counted_on >= MonthLock.month,
            TimeEntry.counted_on < MonthLock.month + literal_column("interval '1 month'"),
        )
        .scalar_subquery()
    )


MONTH_LOCKS = Listing(
    schema=schemas.MonthLock,
    rows=select(
        MonthLock.id,
        MonthLock.mission_id,
        Mission.name.label("mission_name"),
        func.to_char(MonthLock.month, text("'YYYY-MM'"), type_=Text()).label("month"),
        _left_in(Status.SUBMITTED).label("days_submitted"),
        _left_in(Status.REJECTED).label("days_rejected"),
        MonthLock.locked_by,
        _locker.c.name.label("locked_by_name"),
        MonthLock.reopened_at,
        MonthLock.reopened_by,
        _reopener.c.name.label("reopened_by_name"),
        MonthLock.reopening_reason,
        MonthLock.version,
        MonthLock.created_at,
        MonthLock.updated_at,
    )
    .join(Mission, Mission.id == MonthLock.mission_id)
    .join(_locker, _locker.c.id == MonthLock.locked_by)
    .outerjoin(_reopener, _reopener.c.id == MonthLock.reopened_by)
    .where(MonthLock.territory == param("territory", Text())),
    key=MonthLock.id,
    version=MonthLock.version,
    derived=True,
    filters={
        "mission_id": equals(MonthLock.mission_id, Uuid, "Locks of this mission."),
        "month_from": at_least(MonthLock.month, schemas.Month, "Locks of this calendar month or later."),
        "month_to": at_most(MonthLock.month, schemas.Month, "Locks of this calendar month or earlier."),
        "updated_since": updated_since(MonthLock.updated_at),
    },
    sorts={"month": MonthLock.month},
)


# --- the week grid ---------------------------------------------------------------------------------------------------

_MONDAY = param("week", Date())
# What an entry may say that a cell of a grid has no place for.
BEYOND_A_CELL = ("siren", "audition_id", "project_id", "note", "external_id", "corrects_id")


_of_week = and_(
    TimeEntry.consultant_id == Consultant.id,
    TimeEntry.worked_on.between(_MONDAY, _MONDAY + literal_column("6", Integer())),
    TimeEntry.status.in_(literals((Status.DRAFT, *COUNTING))),
)


def _cells(*, fixed: bool) -> Any:
    plain = func.num_nonnulls(*(getattr(TimeEntry, name) for name in BEYOND_A_CELL)) == literal_column("0", Integer())
    cell = {"entry_id": TimeEntry.id} | {
        name: getattr(TimeEntry, name) for name in ("worked_on", "activity", "days", "status")
    }
    if fixed:
        cell |= {name: getattr(TimeEntry, name) for name in BEYOND_A_CELL} | {
            "firm_name": Firm.name,
            "audition_on": func.coalesce(Audition.held_on, Audition.planned_on, type_=Date()),
            "project_title": Project.title,
            "corrects_worked_on": _corrected.c.worked_on,
        }
    rows = select(json_array(json_object(**cell), TimeEntry.worked_on, TimeEntry.activity, TimeEntry.id)).select_from(
        TimeEntry
    )
    if fixed:
        rows = (
            rows.outerjoin(Firm, Firm.siren == TimeEntry.siren)
            .outerjoin(Audition, Audition.id == TimeEntry.audition_id)
            .outerjoin(Project, Project.id == TimeEntry.project_id)
            .outerjoin(_corrected, _corrected.c.id == TimeEntry.corrects_id)
        )
    return rows.where(_of_week, not_(plain) if fixed else plain).correlate(Consultant).scalar_subquery()


_entries_of_week = (
    select(
        func.string_agg(
            func.concat(TimeEntry.id, text("':'"), TimeEntry.version), aggregate_order_by(text("' '"), TimeEntry.id)
        )
    )
    .where(_of_week)
    .correlate(Consultant)
    .scalar_subquery()
)
# Of 52 bits: JSON numbers are exact up to 53.
_digest = func.substr(
    func.md5(func.concat_ws(text("' '"), Consultant.id, _MONDAY, _entries_of_week)), text("1"), text("13")
)
_version: Any = cast(cast(func.concat(text("'x'"), _digest), BIT(52)), BigInteger)
WEEK_GRIDS = Listing(
    schema=schemas.WeekGrid,
    rows=select(
        Consultant.id.label("consultant_id"),
        Subject.name.label("consultant_name"),
        Consultant.mission_id,
        Mission.name.label("mission_name"),
        func.to_char(_MONDAY, text("""'IYYY-"W"IW'"""), type_=Text()).label("week"),
        _cells(fixed=False).label("cells"),
        _cells(fixed=True).label("fixed_cells"),
        _version.label("version"),
    )
    .join(Subject, Subject.id == Consultant.person_id)
    .join(Mission, Mission.id == Consultant.mission_id)
    .where(Consultant.territory == param("territory", Text())),
    key=Consultant.id,
    key_name="consultant_id",
    derived=True,
    version=_version,
    owner=Consultant.organisation_id,
)
