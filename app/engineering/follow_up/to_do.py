"""What waits in the engineering of a territory: one entry a kind."""

from sqlalchemy import and_, func, select

from app.core.db import literals, paris_day
from app.engineering.activity_reports import to_do as activity_reports
from app.engineering.corrections.models import TimeEntryCorrection
from app.engineering.corrections.queries import decidable_by as open_to
from app.engineering.corrections.rules import CorrectionStatus
from app.engineering.deliverables import to_do as deliverables
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import IS_CORRECTED, decidable_by
from app.engineering.entries.rules import Status
from app.engineering.invoices import to_do as invoices
from app.missions.leads import led_by
from app.missions.models import Mission, MissionDays, ThresholdCrossing
from app.missions.queries import ENDS_ON, OVER_THRESHOLD
from app.missions.rules import MissionStatus
from app.programme.to_do import ORGANISATION, SUBJECT, TODAY, Kind

_entry, _correction, _days, _crossing = TimeEntry, TimeEntryCorrection, MissionDays, ThresholdCrossing
_reached_on = (
    select(paris_day(func.min(_crossing.crossed_at)))
    .join(_days, and_(_days.mission_id == _crossing.mission_id, _days.days_ordered == _crossing.days_ordered))
    .where(_crossing.mission_id == Mission.id)
    .scalar_subquery()
)

KINDS = (
    Kind(
        "entries_to_validate",
        "submitted days of missions that the caller's firm leads, in which the caller took no part; the day worked.",
        "time_entries:validate",
        select(_entry.territory, _entry.worked_on).where(
            _entry.status.in_(literals([Status.SUBMITTED])),
            led_by(_entry.mission_id, ORGANISATION),
            decidable_by(SUBJECT),
        ),
        "time-entries?status=submitted&led_by={organisation}&decidable_by={subject}&sort=worked_on",
    ),
    Kind(
        "entries_to_certify",
        "validated days in which the caller took no part and that no certificate left out; the day worked.",
        "service_certificates:write",
        select(_entry.territory, _entry.worked_on).where(
            _entry.status.in_(literals([Status.VALIDATED])),
            decidable_by(SUBJECT),
            _entry.certification_refused_by.is_(None),
        ),
        "time-entries?status=validated&certification_refused=false&decidable_by={subject}&sort=worked_on",
    ),
    Kind(
        "refused_entries_to_certify",
        "validated days that a certificate left out, in which the caller took no part: the next certificate of their"
        " period contains them unless it refuses them again; the day worked.",
        "service_certificates:write",
        select(_entry.territory, _entry.worked_on).where(
            _entry.status.in_(literals([Status.VALIDATED])),
            decidable_by(SUBJECT),
            _entry.certification_refused_by.is_not(None),
        ),
        "time-entries?status=validated&certification_refused=true&decidable_by={subject}&sort=worked_on",
    ),
    Kind(
        "entries_certification_refused",
        "validated days of the caller's firm that a certificate left out: reverse and enter again; the day worked.",
        "time_entries:write",
        select(_entry.territory, _entry.worked_on).where(
            _entry.status.in_(literals([Status.VALIDATED])),
            _entry.organisation_id == ORGANISATION,
            _entry.certification_refused_by.is_not(None),
        ),
        "time-entries?status=validated&certification_refused=true&organisation_id={organisation}&sort=worked_on",
        by_person=False,
    ),
    Kind(
        "corrections_to_agree",
        "proposed corrections in missions that the caller's firm leads, in which the caller took no part; the day of"
        " the entry.",
        "time_entry_corrections:agree",
        select(_correction.territory, _entry.worked_on)
        .join(_entry, _entry.id == _correction.entry_id)
        .where(
            _correction.status.in_(literals([CorrectionStatus.PROPOSED])),
            led_by(_entry.mission_id, ORGANISATION),
            open_to(SUBJECT),
        ),
        "time-entry-corrections?status=proposed&led_by={organisation}&decidable_by={subject}&sort=entry_worked_on",
    ),
    Kind(
        "corrections_to_accept",
        "agreed corrections in which the caller took no part; the day of the entry.",
        "time_entry_corrections:accept",
        select(_correction.territory, _entry.worked_on)
        .join(_entry, _entry.id == _correction.entry_id)
        .where(_correction.status.in_(literals([CorrectionStatus.AGREED])), open_to(SUBJECT)),
        "time-entry-corrections?status=agreed&decidable_by={subject}&sort=entry_worked_on",
    ),
    Kind(
        "entries_rejected",
        "days of the caller's firm that the lead firm rejected and no other entry corrects; the day worked.",
        "time_entries:write",
        select(_entry.territory, _entry.worked_on).where(
            _entry.status.in_(literals([Status.REJECTED])), _entry.organisation_id == ORGANISATION, ~IS_CORRECTED
        ),
        "time-entries?status=rejected&organisation_id={organisation}&corrected=false&sort=worked_on",
        by_person=False,
    ),
    *activity_reports.KINDS,
    Kind(
        "missions_over_threshold",
        "missions that are not over, whose days entered have reached an alert threshold; the day on which they did.",
        "missions:write",
        select(Mission.territory, _reached_on).where(
            OVER_THRESHOLD, ENDS_ON >= TODAY, Mission.status.in_(literals([MissionStatus.OPEN]))
        ),
        "missions?over_threshold=true&ends_from={today}&status=open",
    ),
    *deliverables.KINDS,
    *invoices.KINDS,
)
