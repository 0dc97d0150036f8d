"""What waits among the recoveries of a territory."""

from sqlalchemy import select

from app.awards.recoveries.models import Recovery
from app.awards.recoveries.queries import CAN_BE_ORDERED, IS_OVERDUE
from app.awards.recoveries.rules import RecoveryStatus
from app.core.db import literals
from app.programme.to_do import Kind

KINDS = (
    Kind(
        "recoveries_to_notify",
        "recoveries of which the firm was not told; the day of the finding.",
        "recoveries:write",
        select(Recovery.territory, Recovery.opened_on).where(Recovery.status.in_(literals([RecoveryStatus.OPENED]))),
        "recoveries?status=opened",
    ),
    Kind(
        "recoveries_to_order",
        "recoveries whose time to reply has passed; its last day.",
        "recoveries:write",
        select(Recovery.territory, Recovery.reply_until_on).where(CAN_BE_ORDERED),
        "recoveries?can_be_ordered=true",
    ),
    Kind(
        "recoveries_overdue",
        "recoveries that are ordered, due before today and not settled; the last day to pay.",
        "recoveries:write",
        select(Recovery.territory, Recovery.due_on).where(IS_OVERDUE),
        "recoveries?overdue=true",
    ),
)
