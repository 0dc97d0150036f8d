"""What a payment run can be and become. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.core.faults import Fault
from app.core.problems import Problem, next_state

MOST = 1_000  # payments in one file

CUT_OFF_AFTER_EXECUTION = Fault(
    "cut_off_after_execution",
    en="The cut-off must not be after the day of execution: no payment is made before the day that it is planned for.",
    fr="La date limite ne doit pas suivre le jour d'exécution : aucun paiement n'est fait avant le jour prévu.",
)


class PaymentRunStatus(StrEnum):
    """State of a payment run: each is reached by an act."""

    READY = "ready"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"


class PaymentRunAction(StrEnum):
    """What may be done to a payment run. Its file is handed over when it is read; it can be read again."""

    HAND_OVER = "hand_over"
    CANCEL = "cancel"


TRANSITIONS: Mapping[PaymentRunAction, tuple[tuple[PaymentRunStatus, ...], PaymentRunStatus]] = {
    PaymentRunAction.HAND_OVER: (
        (PaymentRunStatus.READY, PaymentRunStatus.HANDED_OVER), PaymentRunStatus.HANDED_OVER,
    ),
    PaymentRunAction.CANCEL: ((PaymentRunStatus.READY,), PaymentRunStatus.CANCELLED),
}  # fmt: skip


class LineOutcome(StrEnum):
    """What has become of a line of a payment run."""

    SENT = "sent"
    PAID = "paid"
    REVERSED = "reversed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class PaymentRunTransition(Problem):
    """The state of the payment run does not allow this action."""

    status = 409
    title_fr = "L'état de l'ordre de paiement ne permet pas cette action."
    detail = "The run is {current}; {action} requires: {needed}."
    detail_fr = "L'ordre est {current} ; {action} exige : {needed}."


class PaymentRunAlreadyMade(Problem):
    """A payment run from this account with this cut-off already exists in the territory."""

    status = 409
    title_fr = "Un ordre de paiement de ce compte existe déjà à cette date limite dans le territoire."
    cure = "Choose another cut-off, or cancel that run while its file has not been read."
    cure_fr = "Choisissez une autre date limite, ou annulez cet ordre tant que son fichier n'a pas été lu."


class NothingToSend(Problem):
    """No payment waits to be sent from this account up to the cut-off."""

    status = 409
    title_fr = "Aucun paiement n'attend d'être envoyé de ce compte jusqu'à la date limite."
    cure = "Have payments of the awards that the account's organisation funds approved, or choose a later cut-off."
    cure_fr = (
        "Faites approuver des paiements des aides que finance l'organisation du compte, ou choisissez une date"
        " limite plus tardive."
    )


class BankAccountUnusable(Problem):
    """The account is not approved, or cannot be used yet on the day of execution."""

    status = 409
    title_fr = "Le compte n'est pas approuvé, ou n'est pas encore utilisable le jour de l'exécution."
    detail = "The account is {account_status}; it can be used from {from_on}."
    detail_fr = "Le compte est {account_status} ; il est utilisable à partir du {from_on}."
    cure = "Have the account approved, choose another of the organisation's, or a day of execution from `from_on` on."
    cure_fr = (
        "Faites approuver le compte, choisissez-en un autre de l'organisation, ou un jour d'exécution à partir de"
        " `from_on`."
    )


class PaymentRunOutdated(Problem):
    """The run can no longer be handed over: its day has passed, or one of its accounts or payments has changed."""

    status = 409
    title_fr = (
        "L'ordre de paiement ne peut plus être remis : son jour est passé, ou un de ses comptes ou paiements a changé."
    )
    cure = "Cancel the run (`T/payment-runs/…/cancel`) and make another one."
    cure_fr = "Annulez l'ordre (`T/payment-runs/…/cancel`) et préparez-en un autre."


def next_status(action: PaymentRunAction, current: PaymentRunStatus) -> PaymentRunStatus:
    """The state after the action. Raises `payment-run-transition` (409)."""
    return next_state(TRANSITIONS, action, current, PaymentRunTransition)
