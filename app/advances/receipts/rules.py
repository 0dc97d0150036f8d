"""Words of receipts. No session, no await."""

from enum import StrEnum


class ReceiptStatus(StrEnum):
    """A receipt stands, was sent back by the bank, was a mistake, or was returned whole to who paid it."""

    RECORDED = "recorded"
    BOUNCED = "bounced"
    REVERSED = "reversed"
    RETURNED = "returned"


class ReceiptMethod(StrEnum):
    """How the money came in: by a direct debit, a transfer, a collection order (*titre de perception*), or else."""

    DIRECT_DEBIT = "direct_debit"
    TRANSFER = "transfer"
    COLLECTION_ORDER = "collection_order"
    OTHER = "other"


class RefundStatus(StrEnum):
    """Money that goes back to who paid it: proposed by one person, approved by another as paid; or given up, or taken
    back.
    """

    PROPOSED = "proposed"
    PAID = "paid"
    CANCELLED = "cancelled"
    REVERSED = "reversed"
