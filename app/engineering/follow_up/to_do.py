"""What waits in the engineering of a territory: one entry a kind."""

from sqlalchemy import and_, func, select

from app.core.db import literals, paris_day
from app.engineering.corrections.models import TimeEntryCorrection
from app.engineering.corrections.queries import decidable_by as open_to
from app.engineering.corrections.rules import CorrectionStatus
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import IS_CORRECTED, decidable_by, led_by
from app.engineering.entries.rules import Status
from app.missions.models import Mission, MissionDays, ThresholdCrossing
from app.missions.queries import ENDS_ON, OVER_THRESHOLD
from app.missions.rules import MissionStatus
from app.programme.to_do import ORGANISATION, SUBJECT, TODAY, Kind

_e, _k, _d, _c = TimeEntry, TimeEntryCorrection, MissionDays, ThresholdCrossing
_reached_on = (
    select(paris_day(func.min(_c.crossed_at)))
    .join(_d, and_(_d.mission_id == _c.mission_id, _d.days_ordered == _c.days_ordered))
    .where(_c.mission_id == Mission.id)
    .scalar_subquery()
)

KINDS = (
    Kind(
        "entries_to_validate",
        "submitted days of missions that the caller's firm leads, in which the caller took no part; the day worked.",
        "time_entries:validate",
        select(_e.territory, _e.worked_on).where(
            _e.status.in_(literals([Status.SUBMITTED])), led_by(ORGANISATION), decidable_by(SUBJECT)
        ),
        "time-entries?status=submitted&led_by={organisation}&decidable_by={subject}&sort=worked_on",
    ),
    Kind(
        "entries_to_certify",
        "validated days in which the caller took no part and that no certificate left out; the day worked.",
        "service_certificates:write",
        select(_e.territory, _e.worked_on).where(
            _e.status.in_(literals([Status.VALIDATED])), decidable_by(SUBJECT), _e.certification_refused_by.is_(None)
        ),
        "time-entries?status=validated&certification_refused=false&decidable_by={subject}&sort=worked_on",
    ),
    Kind(
        "refused_entries_to_certify",
        "validated days that a certificate left out, in which the caller took no part: the next certificate of their"
        " period contains them unless it refuses them again; the day worked.",
        "service_certificates:write",
        select(_e.territory, _e.worked_on).where(
            _e.status.in_(literals([Status.VALIDATED])), decidable_by(SUBJECT), _e.certification_refused_by.is_not(None)
        ),
        "time-entries?status=validated&certification_refused=true&decidable_by={subject}&sort=worked_on",
    ),
    Kind(
        "entries_certification_refused",
        "validated days of the caller's firm that a certificate left out: reverse and enter again; the day worked.",
        "time_entries:write",
        select(_e.territory, _e.worked_on).where(
            _e.status.in_(literals([Status.VALIDATED])), _e.organisation_id == ORGANISATION,
            _e.certification_refused_by.is_not(None),
        ),
        "time-entries?status=validated&certification_refused=true&organisation_id={organisation}&sort=worked_on",
        by_person=False,
    ),
    Kind(
        "corrections_to_agree",
        "proposed corrections in missions that the caller's firm leads, in which the caller took no part; the day of"
        " the entry.",
        "time_entry_corrections:agree",
        select(_k.territory, _e.worked_on).join(_e, _e.id == _k.entry_id).where(
            _k.status.in_(literals([CorrectionStatus.PROPOSED])), led_by(ORGANISATION), open_to(SUBJECT)
        ),
        "time-entry-corrections?status=proposed&led_by={organisation}&decidable_by={subject}&sort=entry_worked_on",
    ),
    Kind(
        "corrections_to_accept",
        "agreed corrections in which the caller took no part; the day of the entry.",
        "time_entry_corrections:accept",
        select(_k.territory, _e.worked_on).join(_e, _e.id == _k.entry_id).where(
            _k.status.in_(literals([CorrectionStatus.AGREED])), open_to(SUBJECT)
        ),
        "time-entry-corrections?status=agreed&decidable_by={subject}&sort=entry_worked_on",
    ),
    Kind(
        "entries_rejected",
        "days of the caller's firm that the lead firm rejected and no other entry corrects; the day worked.",
        "time_entries:write",
        select(_e.territory, _e.worked_on).where(
            _e.status.in_(literals([Status.REJECTED])), _e.organisation_id == ORGANISATION, ~IS_CORRECTED
        ),
        "time-entries?status=rejected&organisation_id={organisation}&corrected=false&sort=worked_on",
        by_person=False,
    ),
    Kind(
        "missions_over_threshold",
        "missions that are not over, whose days entered have reached an alert threshold; the day on which they did.",
        "missions:write",
        select(Mission.territory, _reached_on).where(
            OVER_THRESHOLD, ENDS_ON >= TODAY, Mission.status.in_(literals([MissionStatus.OPEN]))
        ),
        "missions?over_threshold=true&ends_from={today}&status=open",
    ),
)  # fmt: skip
