"""Reads of engineering."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Text,
    and_,
    cast,
    func,
    literal_column,
    not_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import BIT, aggregate_order_by

from app.access.models import Organisation, Subject
from app.core.db import literals, param
from app.core.reading.listing import Listing, Rows, any_of, at_least, at_most, equals, matches, updated_since
from app.core.values import Code, Day, ExternalId, Siren, Uuid
from app.engineering.entries import schemas
from app.engineering.entries.models import MonthLock, TimeEntry
from app.engineering.entries.rules import COUNTING, Status
from app.firms.models import Firm
from app.missions.models import Consultant, Mission
from app.projects.models import Project


def entries(e: Any) -> Rows:
    """The fields of a time entry, from the table or from the row that a statement has just written."""
    return (
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
            e.firm_siren,
            Firm.name.label("firm_name"),
            e.audition_id,
            e.project_id,
            Project.title.label("project_title"),
            e.note,
            e.external_id,
            e.status,
            e.reason,
            e.entered_by,
            e.validated_by,
            e.validated_at,
            e.corrects_id,
            e.reversal_counted_on,
            e.certificate_id,
            e.certified_by,
            e.certified_at,
            e.version,
            e.created_at,
            e.updated_at,
        )
        .join(Mission, Mission.id == e.mission_id)
        .join(Subject, Subject.id == e.person_id)
        .join(Organisation, Organisation.id == e.organisation_id)
        .outerjoin(Firm, Firm.siren == e.firm_siren)
        .outerjoin(Project, Project.id == e.project_id)
    )


_e = TimeEntry
TIME_ENTRIES = Listing(
    schema=schemas.TimeEntry,
    rows=entries(_e).where(_e.territory == param("territory", Text())),
    key=_e.id,
    version=_e.version,
    derived=True,
    filters={
        "mission_id": equals(_e.mission_id, Uuid, "Entries of this mission."),
        "consultant_id": equals(_e.consultant_id, Uuid, "Entries of this assignment."),
        "organisation_id": equals(_e.organisation_id, Uuid, "Entries of this member."),
        "status": any_of(_e.status, Status, "Any of these states."),
        "activity": any_of(_e.activity, Code, "Any of these activities."),
        "firm_siren": equals(_e.firm_siren, Siren, "Entries about this firm."),
        "audition_id": equals(_e.audition_id, Uuid, "Entries about this audition."),
        "project_id": equals(_e.project_id, Uuid, "Entries about this project."),
        "certificate_id": equals(_e.certificate_id, Uuid, "Entries that this certificate holds."),
        "corrects_id": equals(_e.corrects_id, Uuid, "Entries that correct this one."),
        "counted_from": at_least(_e.counted_on, Day, "Counting on this day or later."),
        "counted_to": at_most(_e.counted_on, Day, "Counting on this day or earlier."),
        "worked_from": at_least(_e.worked_on, Day, "Worked on this day or later."),
        "worked_to": at_most(_e.worked_on, Day, "Worked on this day or earlier."),
        "person_id": equals(_e.person_id, Uuid, "Days of this person."),
        "external_id": equals(_e.external_id, ExternalId, "The entry that another system knows by this id."),
        "q": matches(_e.note, doc="Part of the note, without accents or case."),
        "updated_since": updated_since(_e.updated_at),
    },
    sorts={"worked_on": _e.worked_on, "counted_on": _e.counted_on, "days": _e.days, "updated_at": _e.updated_at},
    scopes={"organisation": lambda name: _e.organisation_id == param(name, _e.organisation_id.type)},
)


_l = MonthLock


def _left_in(status: Status) -> Any:
    """The days of a state in a closed month."""
    return (
        select(func.coalesce(func.sum(_e.days), literal_column("0", Numeric(7, 2))))
        .where(
            _e.mission_id == _l.mission_id,
            _e.status == literal_column(f"'{status}'", Text()),
            _e.counted_on >= _l.month,
            _e.counted_on < _l.month + literal_column("interval '1 month'"),
        )
        .scalar_subquery()
    )


MONTH_LOCKS = Listing(
    schema=schemas.MonthLock,
    rows=select(
        _l.id,
        _l.mission_id,
        Mission.name.label("mission_name"),
        func.to_char(_l.month, text("'YYYY-MM'"), type_=Text()).label("month"),
        _left_in(Status.SUBMITTED).label("days_submitted"),
        _left_in(Status.REJECTED).label("days_rejected"),
        _l.locked_by,
        _l.reopened_at,
        _l.reopened_by,
        _l.reopening_reason,
        _l.version,
        _l.created_at,
        _l.updated_at,
    )
    .join(Mission, Mission.id == _l.mission_id)
    .where(_l.territory == param("territory", Text())),
    key=_l.id,
    version=_l.version,
    derived=True,
    filters={
        "mission_id": equals(_l.mission_id, Uuid, "Locks of this mission."),
        "month_from": at_least(_l.month, schemas.Month, "This month or later."),
        "month_to": at_most(_l.month, schemas.Month, "This month or earlier."),
        "updated_since": updated_since(_l.updated_at),
    },
    sorts={"month": _l.month},
)


# --- the week grid ---------------------------------------------------------------------------------------------------

_g = Consultant
_MONDAY = param("week", Date())
# What an entry may say that a cell of a grid has no place for.
BEYOND_A_CELL = ("firm_siren", "audition_id", "project_id", "note", "external_id", "corrects_id")


def _of_week(e: Any) -> ColumnElement[bool]:
    return and_(
        e.consultant_id == _g.id,
        e.worked_on.between(_MONDAY, _MONDAY + literal_column("6", Integer())),
        e.status.in_(literals((Status.DRAFT, *COUNTING))),
    )


def _cells(names: Sequence[str], *, fixed: bool) -> Any:
    e = TimeEntry
    plain = func.num_nonnulls(*(getattr(e, name) for name in BEYOND_A_CELL)) == literal_column("0", Integer())
    pairs = [part for name in names for part in (text(f"'{name}'"), e.id if name == "entry_id" else getattr(e, name))]
    rows = func.json_agg(aggregate_order_by(func.json_build_object(*pairs), e.worked_on, e.activity, e.id))
    return (
        select(func.coalesce(rows, text("'[]'::json")))
        .where(_of_week(e), not_(plain) if fixed else plain)
        .correlate(_g)
        .scalar_subquery()
    )


_CELL = ("entry_id", "worked_on", "activity", "days", "status")
_entries_of_week = (
    select(func.string_agg(func.concat(_e.id, text("':'"), _e.version), aggregate_order_by(text("' '"), _e.id)))
    .where(_of_week(_e))
    .correlate(_g)
    .scalar_subquery()
)
# Of 52 bits: JSON numbers are exact up to 53.
_digest = func.substr(func.md5(func.concat_ws(text("' '"), _g.id, _MONDAY, _entries_of_week)), text("1"), text("13"))
_version: Any = cast(cast(func.concat(text("'x'"), _digest), BIT(52)), BigInteger)
WEEK_GRIDS = Listing(
    schema=schemas.WeekGrid,
    rows=select(
        _g.id.label("consultant_id"),
        _g.mission_id,
        func.to_char(_MONDAY, text("""'IYYY-"W"IW'"""), type_=Text()).label("week"),
        _cells(_CELL, fixed=False).label("cells"),
        _cells((*_CELL, *BEYOND_A_CELL), fixed=True).label("fixed_cells"),
        _version.label("version"),
    ).where(_g.territory == param("territory", Text())),
    key=_g.id,
    key_name="consultant_id",
    version=_version,
    scopes={"organisation": lambda name: _g.organisation_id == param(name, _g.organisation_id.type)},
)
