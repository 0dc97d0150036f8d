"""Reads of activity reports."""

from sqlalchemy import ColumnElement, Text, and_, exists, func, literal_column, or_, select

from app.access.models import Organisation, Subject
from app.core.db import literals, param
from app.core.reading.listing import Filter, Listing, any_of, at_least, at_most, equals, holds, updated_since
from app.core.reading.query import Parameter
from app.core.values import Uuid
from app.engineering.activity_reports import schemas
from app.engineering.activity_reports.models import ActivityReport
from app.engineering.activity_reports.rules import LACKING, ActivityReportStatus, MissingSignature
from app.engineering.entries.schemas import Month
from app.missions.leads import led_by
from app.missions.models import Mission

_r = ActivityReport
_later = ActivityReport.__table__.alias("later")
_lead, _maker = (Subject.__table__.alias(name) for name in ("lead_signer", "maker"))

# Another report of the same person and month was made after this one.
REPLACED = exists().where(_later.c.consultant_id == _r.consultant_id, _later.c.month == _r.month, _later.c.id > _r.id)


def lacks(missing: MissingSignature) -> ColumnElement[bool]:
    """Reports that stand and lack this signature."""
    return _r.status.in_(literals(LACKING[missing]))


def _missing(name: str) -> ColumnElement[bool]:
    asked = param(name, Text())
    return or_(*(and_(asked == literal_column(f"'{each}'", Text()), lacks(each)) for each in MissingSignature))


ACTIVITY_REPORTS = Listing(
    schema=schemas.ActivityReport,
    rows=select(
        _r.id,
        func.to_char(_r.month, literal_column("'YYYY-MM'"), type_=Text()).label("month"),
        _r.mission_id,
        Mission.name.label("mission_name"),
        _r.consultant_id,
        _r.person_id,
        Subject.name.label("consultant_name"),
        _r.organisation_id,
        Organisation.name.label("organisation_name"),
        _r.days,
        _r.last_worked_on,
        _r.status,
        _r.consultant_signed_name,
        _r.consultant_signed_on,
        _r.consultant_signed_at,
        _r.lead_signed_by,
        _lead.c.name.label("lead_signed_by_name"),
        _r.lead_signed_name,
        _r.lead_signed_on,
        _r.lead_signed_at,
        _r.stale_at,
        _r.stale_entry_id,
        _r.stale_entry_worked_on,
        REPLACED.label("replaced"),
        _r.content_hash,
        _r.made_by,
        _maker.c.name.label("made_by_name"),
        _r.version,
        _r.created_at,
        _r.updated_at,
    )
    .join(Mission, Mission.id == _r.mission_id)
    .join(Subject, Subject.id == _r.person_id)
    .join(Organisation, Organisation.id == _r.organisation_id)
    .join(_maker, _maker.c.id == _r.made_by)
    .outerjoin(_lead, _lead.c.id == _r.lead_signed_by)
    .where(_r.territory == param("territory", Text())),
    key=_r.id,
    version=_r.version,
    derived=True,
    filters={
        "mission_id": equals(_r.mission_id, Uuid, "Reports of this mission."),
        "organisation_id": equals(_r.organisation_id, Uuid, "Reports of persons of this member of the consortium."),
        "consultant_id": equals(_r.consultant_id, Uuid, "Reports of this assignment."),
        "person_id": equals(_r.person_id, Uuid, "Reports of this person."),
        "month": equals(_r.month, Month, "Reports of this calendar month."),
        "month_from": at_least(_r.month, Month, "Reports of this calendar month or later."),
        "month_to": at_most(_r.month, Month, "Reports of this calendar month or earlier."),
        "status": any_of(_r.status, ActivityReportStatus, "Reports in any of these states."),
        "missing": Filter(
            Parameter(
                MissingSignature,
                "Reports that are not stale and lack a signature: any (signature), the consultant's, or, the"
                " consultant having signed, the lead firm's.",
            ),
            _missing,
        ),
        "replaced": holds(REPLACED, "Whether a later report of the same person and month was made."),
        "led_by": Filter(
            Parameter(Uuid, "Reports in the missions that this organisation leads."),
            lambda name: led_by(_r.mission_id, param(name, _r.organisation_id.type)),
        ),
        "decidable_by": Filter(
            Parameter(Uuid, "Reports of days that this subject did not work: who worked them signs first, not second."),
            lambda name: _r.person_id != param(name, _r.person_id.type),
        ),
        "updated_since": updated_since(_r.updated_at),
    },
    sorts={"month": _r.month, "updated_at": _r.updated_at},
    owner=_r.organisation_id,
)
