"""What waits in the engineering of a territory: one entry a kind."""

from sqlalchemy import and_, func, select

from app.committees.queries import paris_day
from app.core.db import literals
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import IS_CORRECTED, decidable_by, led_by
from app.engineering.entries.rules import Status
from app.missions.models import Mission, MissionDays, ThresholdCrossing
from app.missions.queries import ENDS_ON, OVER_THRESHOLD
from app.programme.to_do import ORGANISATION, SUBJECT, TODAY, Kind

_e, _d, _c = TimeEntry, MissionDays, ThresholdCrossing
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
        "validated days in which the caller took no part; the day worked.",
        "service_certificates:write",
        select(_e.territory, _e.worked_on).where(
            _e.status.in_(literals([Status.VALIDATED])), decidable_by(SUBJECT)
        ),
        "time-entries?status=validated&decidable_by={subject}&sort=worked_on",
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
        select(Mission.territory, _reached_on).where(OVER_THRESHOLD, ENDS_ON >= TODAY),
        "missions?over_threshold=true&ends_from={today}",
    ),
)  # fmt: skip
