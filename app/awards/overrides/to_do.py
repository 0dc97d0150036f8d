"""What waits among the overrides of a territory."""

from sqlalchemy import select

from app.awards.overrides.models import Override
from app.awards.overrides.queries import STATE, decidable_by
from app.awards.overrides.rules import OverrideState
from app.core.db import literals, paris_day
from app.programme.to_do import SUBJECT, Kind

KINDS = (
    Kind(
        "overrides_to_approve",
        "overrides that another person proposed and that have not expired; the day on which they were proposed.",
        "overrides:approve",
        select(Override.territory, paris_day(Override.created_at)).where(
            STATE.in_(literals([OverrideState.PROPOSED])), decidable_by(SUBJECT)
        ),
        "overrides?status=proposed&decidable_by={subject}",
    ),
)
