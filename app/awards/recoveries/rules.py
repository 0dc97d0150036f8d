"""Why a recovery is opened, how it goes on, and what settles it. No session, no await.

Source: décret n° 2018-514, art. 15 (cases of *reversement*); CRPA, art. L. 121-1 and L. 122-1 (the firm is heard
first); décret n° 2012-1246, art. 9 and 11 (who orders a recovery does not take the money in).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from app.core.faults import Fault
from app.core.problems import Problem, next_state

REPLY_DAYS = 15  # the least that a firm is given to reply


class RecoveryCause(StrEnum):
    """Why money comes back."""

    OVERPAID = "overpaid"
    OBJECT_CHANGED = "object_changed"
    AID_CEILING = "aid_ceiling"
    NOT_COMPLETED = "not_completed"
    COMMITMENT_BROKEN = "commitment_broken"


class RecoveryStatus(StrEnum):
    """State of a recovery. `closed`: nothing is left to come back; `withdrawn`: it was a mistake."""

    OPENED = "opened"
    NOTIFIED = "notified"
    ORDERED = "ordered"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class RecoveryAction(StrEnum):
    """What is done to a recovery."""

    NOTIFY = "notify"
    ORDER = "order"
    RECEIVE = "receive"
    SET_OFF = "set_off"
    WAIVE = "waive"
    WITHDRAW = "withdraw"


class SettledAs(StrEnum):
    """The one act that settled a recovery: the last instalment, a set-off on a payment, or a waiver.

    Each of them takes all that is left. So instalments may come in before a set-off, and before a waiver: a firm that
    has paid a part and cannot pay the rest owes it until a person gives it up, since money that came in is a fact that
    nobody takes back. A waiver is the last act of all: nothing comes in after it, and nothing before it is reversed.
    """

    REPAID = "repaid"
    SET_OFF = "set_off"
    WAIVED = "waived"


S, A = RecoveryStatus, RecoveryAction
# From which states an action is possible. What settles a recovery closes it with the last cent.
TRANSITIONS: Mapping[RecoveryAction, tuple[tuple[RecoveryStatus, ...], RecoveryStatus]] = {
    A.NOTIFY: ((S.OPENED,), S.NOTIFIED),
    A.ORDER: ((S.NOTIFIED,), S.ORDERED),
    A.RECEIVE: ((S.ORDERED,), S.CLOSED),
    A.SET_OFF: ((S.ORDERED,), S.CLOSED),
    A.WAIVE: ((S.ORDERED,), S.CLOSED),
    A.WITHDRAW: ((S.OPENED, S.NOTIFIED, S.ORDERED), S.WITHDRAWN),
}
OPEN = (S.OPENED, S.NOTIFIED, S.ORDERED)
NEED_REASON = (A.WAIVE, A.WITHDRAW)

REPLY_TOO_SHORT = Fault(
    "reply_too_short",
    en="The firm must have at least {days} days to reply: until {earliest_on} at the earliest.",
    fr="L'entreprise doit avoir au moins {days} jours pour répondre : jusqu'au {earliest_on} au plus tôt.",
)


class RecoveryTransition(Problem):
    """The recovery's state does not allow this action."""

    status = 409
    title_fr = "L'état du reversement ne permet pas cette action."
    detail = "The recovery is {current}; {action} requires: {needed}."
    detail_fr = "Le reversement est {current} ; {action} exige : {needed}."


class RecoveryAbovePaid(Problem):
    """No more can come back than what was paid and is not claimed back already."""

    status = 409
    title_fr = "Il ne peut pas être réclamé plus que ce qui a été payé et n'est pas déjà réclamé."
    detail = "{requested_cents} requested, {recoverable_cents} can be claimed back."
    detail_fr = "{requested_cents} demandés, {recoverable_cents} peuvent être réclamés."
    cure = "Claim back at most `recoverable_cents`. To reverse a payment, withdraw first what is claimed back of it."
    cure_fr = "Réclamez au plus `recoverable_cents`. Pour annuler un paiement, retirez d'abord ce qui en est réclamé."


class ReplyPending(Problem):
    """A recovery is ordered only after the firm has replied, or the time to reply has passed."""

    status = 409
    title_fr = "Un reversement n'est ordonné qu'après la réponse de l'entreprise ou le délai pour répondre."
    detail = "The firm can reply until {reply_until_on}."
    detail_fr = "L'entreprise peut répondre jusqu'au {reply_until_on}."
    cure = "Order it on a later day, or send `replied_on` where the firm has replied."
    cure_fr = "Ordonnez-le un jour ultérieur, ou envoyez `replied_on` si l'entreprise a répondu."


class ReceiptsExceedRecovery(Problem):
    """More would come back than the recovery claims."""

    status = 409
    title_fr = "Il reviendrait plus que ce que le reversement réclame."
    detail = "{requested_cents} requested, {remaining_cents} remaining."
    detail_fr = "{requested_cents} demandés, {remaining_cents} restants."
    cure = "Record at most what remains, and return to the firm what it paid too much."
    cure_fr = "Enregistrez au plus ce qui reste, et rendez à l'entreprise ce qu'elle a payé en trop."


class BeforeRecovery(Problem):
    """The day cannot be before the day on which the recovery was opened."""

    status = 409
    title_fr = "Le jour ne peut pas précéder celui de l'ouverture du reversement."
    detail = "It was opened on {opened_on}."
    detail_fr = "Il a été ouvert le {opened_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


class BeforeNotification(Problem):
    """A recovery cannot be ordered, nor the reply to it come in, before the day on which the firm was notified."""

    status = 409
    title_fr = "Un reversement ne peut être ordonné, ni sa réponse reçue, avant le jour de la notification."
    detail = "The firm was notified on {notified_on}."
    detail_fr = "L'entreprise a été notifiée le {notified_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


class WaivedBeforeOrder(Problem):
    """A recovery cannot be waived before the day on which it was ordered."""

    status = 409
    title_fr = "Un reversement ne peut faire l'objet d'une remise avant le jour où il a été ordonné."
    detail = "It was ordered on {ordered_on}."
    detail_fr = "Il a été ordonné le {ordered_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


class RecoveryOfAClosing(Problem):
    """A recovery that the closing of an aid opened stands as long as the closing."""

    status = 409
    title_fr = "Un reversement ouvert par la clôture d'une aide demeure tant que la clôture."
    cure = "Reverse the balance payment that closed the aid, or order the recovery and have it waived."
    cure_fr = "Annulez le solde qui a clôturé l'aide, ou ordonnez le reversement et faites-en décider la remise."


class RecoveryReceived(Problem):
    """Money of this recovery has come back already."""

    status = 409
    title_fr = "De l'argent de ce reversement est déjà revenu."
    detail = "{received_cents} have come back."
    detail_fr = "{received_cents} sont revenus."
    cure = "Reverse its receipts first, or have the rest waived."
    cure_fr = "Annulez d'abord ses encaissements, ou faites décider la remise du reste."


class RecoveryInPayment(Problem):
    """A payment that is not recorded yet sets this recovery off."""

    status = 409
    title_fr = "Un paiement qui n'est pas encore enregistré compense ce reversement."
    cure = "Record the payment, or cancel it, first."
    cure_fr = "Enregistrez ce paiement, ou annulez-le, d'abord."


class SetOffAbovePayment(Problem):
    """A recovery can be set off only on a payment that is larger than what has still to come back."""

    status = 409
    title_fr = "Un reversement ne se compense que sur un paiement supérieur à ce qui reste à revenir."
    detail = "{remaining_cents} have still to come back, the payment is of {amount_cents}."
    detail_fr = "Il reste {remaining_cents} à revenir, le paiement est de {amount_cents}."
    cure = "Set it off on a larger payment, or record what the firm pays back (`…/receipts`)."
    cure_fr = "Compensez-le sur un paiement plus élevé, ou enregistrez ce que l'entreprise rembourse (`…/receipts`)."


def next_status(action: RecoveryAction, current: RecoveryStatus) -> RecoveryStatus:
    """The state to which the action leads. Raises `recovery-transition` (409)."""
    return next_state(TRANSITIONS, action, current, RecoveryTransition)


def earliest_reply(notified_on: date) -> date:
    """The first day that may be the last to reply."""
    return notified_on + timedelta(days=REPLY_DAYS)


def refuse_early_order(notified_on: date, reply_until_on: date, ordered_on: date, replied_on: date | None) -> None:
    """Refuse an order while the firm can still reply, unless it has.

    Raises `before-notification`, `reply-pending` (409).
    """
    if min(ordered_on, replied_on or ordered_on) < notified_on:
        raise BeforeNotification(notified_on=notified_on)
    if ordered_on <= reply_until_on and (replied_on is None or replied_on > ordered_on):
        raise ReplyPending(reply_until_on=reply_until_on)
