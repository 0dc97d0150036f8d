"""What a collection run can be and become. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.core.faults import Fault
from app.core.problems import Problem, next_state

MOST = 1_000  # debits in one file

DUE_AFTER_COLLECTION = Fault(
    "due_after_collection",
    en="The last due date must not be after the day of collection: no instalment is collected before it is due.",
    fr="La dernière échéance ne doit pas suivre le jour du prélèvement : rien n'est prélevé avant l'échéance.",
)


class CollectionRunStatus(StrEnum):
    """State of a collection run: each is reached by an act."""

    READY = "ready"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"


class CollectionRunAction(StrEnum):
    """What may be done to a collection run. Its file is handed over when it is read; it can be read again."""

    HAND_OVER = "hand_over"
    CANCEL = "cancel"


TRANSITIONS: Mapping[CollectionRunAction, tuple[tuple[CollectionRunStatus, ...], CollectionRunStatus]] = {
    CollectionRunAction.HAND_OVER: (
        (CollectionRunStatus.READY, CollectionRunStatus.HANDED_OVER), CollectionRunStatus.HANDED_OVER,
    ),
    CollectionRunAction.CANCEL: ((CollectionRunStatus.READY,), CollectionRunStatus.CANCELLED),
}  # fmt: skip


class DebitOutcome(StrEnum):
    """What has become of a line of a collection run."""

    SENT = "sent"
    COLLECTED = "collected"
    BOUNCED = "bounced"
    REVERSED = "reversed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class CollectionRunTransition(Problem):
    """The state of the collection run does not allow this action."""

    status = 409
    title_fr = "L'état de l'ordre de prélèvement ne permet pas cette action."
    detail = "The run is {current}; {action} requires: {needed}."
    detail_fr = "L'ordre est {current} ; {action} exige : {needed}."


class CollectionRunOutdated(Problem):
    """The run can no longer be handed over: its day has passed, or an account or mandate of it has changed."""

    status = 409
    title_fr = (
        "L'ordre de prélèvement ne peut plus être remis : son jour est passé, ou un de ses comptes ou mandats a changé."
    )
    cure = "Cancel the run (`T/collection-runs/…/cancel`) and make another one."
    cure_fr = "Annulez l'ordre (`T/collection-runs/…/cancel`) et préparez-en un autre."


class NothingToCollect(Problem):
    """No instalment can be collected to this account up to that due date."""

    status = 409
    title_fr = "Aucune échéance ne peut être prélevée vers ce compte jusqu'à cette date."
    cure = (
        "Choose a later due date, or record the mandates of the firms (`T/firms/…/mandates`): a debit needs one whose"
        " bank details are the approved ones, an advance that your organisation funds, and no open proceedings."
    )
    cure_fr = (
        "Choisissez une échéance plus tardive, ou enregistrez les mandats des entreprises (`T/firms/…/mandates`) : un"
        " prélèvement en exige un dont les coordonnées bancaires sont celles en vigueur, une avance que finance votre"
        " organisation, et aucune procédure ouverte."
    )


class CreditorIdentifierMissing(Problem):
    """The account has no SEPA creditor identifier: nothing can be collected to it."""

    status = 409
    title_fr = "Le compte n'a pas d'identifiant créancier SEPA : rien ne peut être prélevé vers lui."
    cure = "Propose the account again with its `creditor_identifier`, under another label, and have it approved."
    cure_fr = (
        "Proposez à nouveau le compte avec son `creditor_identifier`, sous un autre libellé, et faites-le approuver."
    )


class DebitOver(Problem):
    """The line no longer waits for the bank, or the bank has not seen it yet."""

    status = 409
    title_fr = "La ligne n'attend plus la banque, ou la banque ne l'a pas encore vue."
    detail = "The line is {current}, its run is {run_status}."
    detail_fr = "La ligne est {current}, son ordre est {run_status}."
    cure = "Hand the file of the run over first; what was collected can be returned, and nothing is done to what ended."
    cure_fr = (
        "Remettez d'abord le fichier de l'ordre ; ce qui est encaissé peut être rejeté, ce qui est clos ne change plus."
    )


def next_status(action: CollectionRunAction, current: CollectionRunStatus) -> CollectionRunStatus:
    """The state after the action. Raises `collection-run-transition` (409)."""
    return next_state(TRANSITIONS, action, current, CollectionRunTransition)
