"""What waits among the payments of a territory's grants."""

from sqlalchemy import select

from app.awards.payments.queries import approvable_by, to_see_by
from app.core.db import paris_day
from app.grants.payments.models import GrantPayment
from app.programme.to_do import SUBJECT, Kind

KINDS = (
    Kind(
        "payments_to_approve",
        "payments of grants that another person or a service account proposed, to bank details in which the caller took"
        " no part; the day on which they were proposed.",
        "grants:pay",
        select(GrantPayment.territory, paris_day(GrantPayment.created_at)).where(approvable_by(GrantPayment, SUBJECT)),
        "grant-payments?approvable_by={subject}",
    ),
    Kind(
        "payments_to_see",
        "payments of grants that exceed something, that another person recorded and nobody has seen; the day on which"
        " they were made.",
        "grants:pay",
        select(GrantPayment.territory, GrantPayment.paid_on).where(to_see_by(GrantPayment, SUBJECT)),
        "grant-payments?to_see_by={subject}",
    ),
)
