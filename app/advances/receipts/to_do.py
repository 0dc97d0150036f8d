"""What waits among the receipts of a territory."""

from sqlalchemy import select

from app.advances.receipts.models import Receipt, Refund
from app.advances.receipts.queries import SENT_BACK, TO_ASSIGN, TO_REFUND, TO_TAKE_BACK, approvable_by
from app.core.db import paris_day
from app.programme.to_do import SUBJECT, Kind

_r, _f = Receipt, Refund

KINDS = (
    Kind(
        "receipts_to_assign",
        "receipts of which a part is assigned to no advance, and is neither returned nor proposed to be; the day on"
        " which they came in.",
        "receipts:write",
        select(_r.territory, _r.received_on).where(TO_ASSIGN),
        "receipts?unassigned=true",
        by_person=False,
    ),
    Kind(
        "receipts_sent_back",
        "money that the bank sent back and of which nothing else is known: bounce the receipt that it was of, and"
        " reverse this one; the day on which it was sent back.",
        "receipts:write",
        select(_r.territory, _r.bounced_on).where(SENT_BACK),
        "receipts?sent_back=true",
        by_person=False,
    ),
    Kind(
        "receipts_to_refund",
        "receipts of which an advance has more than it asks for, and no refund of all of that is proposed; the day on"
        " which they came in.",
        "receipts:write",
        select(_r.territory, _r.received_on).where(TO_REFUND),
        "receipts?to_refund=true",
        by_person=False,
    ),
    Kind(
        "refunds_to_take_back",
        "refunds of money that the bank has sent back since: the payer holds them without having paid; reverse each"
        " once it has come back (its bank entry is no receipt); the day on which the bank sent the money back.",
        "receipts:write",
        select(_r.territory, _r.bounced_on).join(_f, _f.receipt_id == _r.id).where(TO_TAKE_BACK),
        "receipt-refunds?to_take_back=true",
        by_person=False,
    ),
    Kind(
        "refunds_to_approve",
        "refunds of receipts that another person or a service account proposed, of no advance that the caller awarded;"
        " the day on which they were proposed.",
        "receipts:write",
        select(_f.territory, paris_day(_f.created_at)).where(approvable_by(SUBJECT)),
        "receipt-refunds?approvable_by={subject}",
    ),
)
