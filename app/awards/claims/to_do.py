"""What waits among the claims of a territory's aids."""

from sqlalchemy import select

from app.awards.claims.models import ExpenseClaim
from app.awards.claims.queries import settleable_by
from app.core.db import paris_day
from app.programme.to_do import SUBJECT, Kind

KINDS = (
    Kind(
        "claims_to_settle",
        "submitted claims that another person or a service account wrote; the day on which they were submitted.",
        "claims:settle",
        select(ExpenseClaim.territory, paris_day(ExpenseClaim.created_at)).where(settleable_by(SUBJECT)),
        "claims?settleable_by={subject}",
    ),
)
