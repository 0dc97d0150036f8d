"""What waits among the deliverables of a territory."""

from sqlalchemy import literal_column, select

from app.engineering.deliverables.models import Deliverable
from app.engineering.deliverables.queries import STANDING, awaited_within, decidable_by
from app.missions.leads import led_by
from app.programme.to_do import ORGANISATION, SUBJECT, TODAY, Kind

DAYS_BEFORE = 15  # so long before a version is awaited, it is named

_d = Deliverable

KINDS = (
    Kind(
        "deliverables_to_deliver",
        f"deliverables of missions that the caller's firm leads of which a version is awaited within {DAYS_BEFORE}"
        " days, or is late; the day by which it is.",
        "deliverables:deliver",
        select(_d.territory, _d.awaited_on).where(
            awaited_within(TODAY, literal_column(str(DAYS_BEFORE))), led_by(_d.mission_id, ORGANISATION), STANDING
        ),
        f"deliverables?awaited_within_days={DAYS_BEFORE}&led_by={{organisation}}&sort=awaited_on",
        by_person=False,
    ),
    Kind(
        "deliverables_to_verify",
        "deliverables whose last version waits for its verification, of which the caller delivered none; the day on"
        " which silence admits it.",
        "deliverables:decide",
        select(_d.territory, _d.silence_on).where(_d.silence_on.is_not(None), decidable_by(SUBJECT), STANDING),
        "deliverables?state=delivered&state=under_verification&decidable_by={subject}&sort=silence_on",
    ),
)
