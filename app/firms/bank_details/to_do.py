"""What waits among the bank details of a territory's firms."""

from sqlalchemy import select

from app.core.db import literals, paris_day
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.queries import decidable_by
from app.firms.bank_details.rules import BankDetailsStatus
from app.programme.to_do import SUBJECT, Kind

KINDS = (
    Kind(
        "bank_details_to_approve",
        "bank details of firms that another person or a service account proposed; the day on which they were proposed.",
        "bank_details:approve",
        select(BankDetails.territory, paris_day(BankDetails.created_at)).where(
            BankDetails.status.in_(literals([BankDetailsStatus.PROPOSED])), decidable_by(SUBJECT)
        ),
        "bank-details?status=proposed&decidable_by={subject}",
    ),
)
