"""What waits at the committees of a territory."""

from sqlalchemy import select

from app.committees.models import Committee
from app.committees.queries import HAS_MINUTES
from app.committees.rules import CommitteeStatus
from app.core.db import literals, paris_day
from app.programme.to_do import Kind

KINDS = (
    Kind(
        "committees_without_minutes",
        "meetings that were held and have no minutes; the day on which they were held.",
        "committees:write",
        select(Committee.territory, paris_day(Committee.held_at)).where(
            Committee.status.in_(literals([CommitteeStatus.HELD])), ~HAS_MINUTES
        ),
        "committees?status=held&has_minutes=false&sort=held_at",
        by_person=False,
    ),
)
