"""What waits among the payment runs of a territory."""

from sqlalchemy import select

from app.core.db import literals, paris_day
from app.programme.to_do import Kind
from app.treasury.runs.models import PaymentRun
from app.treasury.runs.rules import PaymentRunStatus

KINDS = (
    Kind(
        "payment_runs_to_hand_over",
        "payment runs whose file nobody has read for the bank; the day on which they were made.",
        "firm_ibans:read",
        select(PaymentRun.territory, paris_day(PaymentRun.created_at)).where(
            PaymentRun.status.in_(literals([PaymentRunStatus.READY]))
        ),
        "payment-runs?status=ready",
        by_person=False,
    ),
)
