"""Words of receipts, and what is refused of them. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.core.problems import Problem, next_state


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


class RefundAction(StrEnum):
    """Acts on a refund: approved as paid, given up before that, or taken back after it."""

    APPROVE = "approve"
    CANCEL = "cancel"
    REVERSE = "reverse"


S, A = RefundStatus, RefundAction
# From which states an action is possible.
TRANSITIONS: Mapping[RefundAction, tuple[tuple[RefundStatus, ...], RefundStatus]] = {
    A.APPROVE: ((S.PROPOSED,), S.PAID),
    A.CANCEL: ((S.PROPOSED,), S.CANCELLED),
    A.REVERSE: ((S.PAID,), S.REVERSED),
}
NEED_REASON = (A.CANCEL, A.REVERSE)


class RefundTransition(Problem):
    """The refund's state does not allow this action."""

    status = 409
    title_fr = "L'état de la restitution ne permet pas cette action."
    detail = "The refund is {current}; {action} requires: {needed}."
    detail_fr = "La restitution est {current} ; {action} exige : {needed}."


def next_status(action: RefundAction, current: RefundStatus) -> RefundStatus:
    """The state to which the action leads. Raises `refund-transition` (409)."""
    return next_state(TRANSITIONS, action, current, RefundTransition)


class AlreadyBounced(Problem):
    """The bank has sent the repayment back already."""

    status = 409
    title_fr = "La banque a déjà rejeté ce remboursement."
    detail = "It was sent back on {bounced_on}."
    detail_fr = "Le rejet date du {bounced_on}."
    cure = "Enter the repayment again where the bank has taken it since; reverse it where it is a mistake."
    cure_fr = "Saisissez à nouveau le remboursement s'il a été représenté depuis ; annulez-le si c'est une erreur."


class BouncedBeforeReceipt(Problem):
    """The bank cannot have sent the repayment back before the day on which it was received."""

    status = 409
    title_fr = "Le rejet ne peut pas précéder le jour de réception du remboursement."
    detail = "It was received on {received_on}."
    detail_fr = "Il a été reçu le {received_on}."


class RepaymentRefunded(Problem):
    """A part of the money has been refunded to the firm."""

    status = 409
    title_fr = "Une partie de cet argent a été rendue à l'entreprise."
    detail = "{refunded_cents} were refunded."
    detail_fr = "{refunded_cents} ont été rendus."
    cure = "Reverse the refund first."
    cure_fr = "Annulez d'abord la restitution."


class AssignmentsExceedReceipt(Problem):
    """More would be assigned than is left of the receipt."""

    status = 409
    title_fr = "L'affectation dépasserait ce qui reste de l'encaissement."
    detail = "{unassigned_cents} are not assigned."
    detail_fr = "{unassigned_cents} restent à affecter."
    cure = "Assign at most what is left; take back another assignment, or cancel a refund that is proposed."
    cure_fr = "Affectez au plus ce qui reste ; retirez une autre affectation, ou annulez une restitution proposée."


class RefundsExceedReceipt(Problem):
    """More would go back than is overpaid or not assigned."""

    status = 409
    title_fr = "La restitution dépasserait le trop-perçu ou ce qui n'est pas affecté."
    detail = "{requested_cents} requested, {refundable_cents} can go back."
    detail_fr = "{requested_cents} demandés, {refundable_cents} peuvent être rendus."
    cure = (
        "Refund at most what is overpaid or not assigned; a refund that is proposed takes its part until it is"
        " cancelled."
    )
    cure_fr = (
        "Rendez au plus le trop-perçu ou ce qui n'est pas affecté ; une restitution proposée en prend sa part tant"
        " qu'elle n'est pas annulée."
    )
