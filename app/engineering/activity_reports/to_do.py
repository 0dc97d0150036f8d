"""What waits to be signed or made again of activity reports: one entry a kind."""

from sqlalchemy import select

from app.core.db import literals
from app.engineering.activity_reports.models import ActivityReport
from app.engineering.activity_reports.queries import REPLACED, lacks
from app.engineering.activity_reports.rules import ActivityReportStatus, MissingSignature
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import report_missing
from app.missions.leads import led_by
from app.programme.to_do import ORGANISATION, SUBJECT, TODAY, Kind

_report = ActivityReport

_entry = TimeEntry

KINDS = (
    Kind(
        "activity_reports_to_make",
        "days of the caller's firm that count in a month that is over, for which the framework asks for a signed report"
        " and of which none was made; the day on which they count.",
        "activity_reports:write",
        select(_entry.territory, _entry.counted_on).where(
            _entry.organisation_id == ORGANISATION, report_missing(TODAY)
        ),
        "time-entries?report_missing=true&organisation_id={organisation}&sort=counted_on",
        by_person=False,
    ),
    Kind(
        "activity_reports_to_sign",
        "reports of the caller's own days that the caller has not signed; their last day.",
        "activity_reports:sign",
        select(_report.territory, _report.last_worked_on).where(
            lacks(MissingSignature.CONSULTANT_SIGNATURE), _report.person_id == SUBJECT
        ),
        "activity-reports?missing=consultant_signature&person_id={subject}&sort=month",
    ),
    Kind(
        "activity_reports_to_countersign",
        "reports that the consultant has signed, of another person's days in missions that the caller's firm leads;"
        " their last day.",
        "activity_reports:countersign",
        select(_report.territory, _report.last_worked_on).where(
            lacks(MissingSignature.LEAD_SIGNATURE),
            led_by(_report.mission_id, ORGANISATION),
            _report.person_id != SUBJECT,
        ),
        "activity-reports?missing=lead_signature&led_by={organisation}&decidable_by={subject}&sort=month",
    ),
    Kind(
        "activity_reports_to_make_again",
        "stale reports of the caller's firm that no later one of the same person and month replaces; their last day.",
        "activity_reports:write",
        select(_report.territory, _report.last_worked_on).where(
            _report.status.in_(literals([ActivityReportStatus.STALE])),
            ~REPLACED,
            _report.organisation_id == ORGANISATION,
        ),
        "activity-reports?status=stale&replaced=false&organisation_id={organisation}&sort=month",
        by_person=False,
    ),
)
