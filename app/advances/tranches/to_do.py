"""What waits among the tranches of a territory's advances."""

from sqlalchemy import select

from app.advances.tranches.models import Tranche
from app.awards.payments.queries import approvable_by, to_see_by
from app.core.db import paris_day
from app.programme.to_do import SUBJECT, Kind

KINDS = (
    Kind(
        "tranches_to_approve",
        "tranches of advances that another person or a service account proposed, to bank details in which the caller"
        " took no part; the day on which they were proposed.",
        "advances:pay",
        select(Tranche.territory, paris_day(Tranche.created_at)).where(approvable_by(Tranche, SUBJECT)),
        "advance-tranches?approvable_by={subject}",
    ),
    Kind(
        "tranches_to_see",
        "tranches of advances that exceed something, that another person recorded and nobody has seen; the day on"
        " which they were paid.",
        "advances:pay",
        select(Tranche.territory, Tranche.paid_on).where(to_see_by(Tranche, SUBJECT)),
        "advance-tranches?to_see_by={subject}",
    ),
)
