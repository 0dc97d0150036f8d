"""What a payment of an award can be and become, and which papers must stand for one to be proposed or approved.

No session, no await.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.core.faults import Fault
from app.core.problems import Problem, next_state
from app.envelopes.ledger import AlreadyReversed

PLANNED_OR_PAID = Fault(
    "planned_or_paid",
    en="planned_on must be absent where paid_on is given: a payment that was made is recorded.",
    fr="planned_on doit être absent quand paid_on est donné : un paiement effectué est enregistré.",
)


class PaymentStatus(StrEnum):
    """State of a payment: each is reached by an act. The ledger moves when it is recorded."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    SENT = "sent"
    RECORDED = "recorded"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


class PaymentAction(StrEnum):
    """What may be done to a payment."""

    SET_OFF = "set_off"
    APPROVE = "approve"
    SEND = "send"
    RECORD = "record"
    REJECT = "reject"
    CANCEL = "cancel"
    REVERSE = "reverse"


# What takes the award's room before it is paid, and whose reference is taken.
IN_FLIGHT = (PaymentStatus.PROPOSED, PaymentStatus.APPROVED, PaymentStatus.SENT)
COUNTED = (*IN_FLIGHT, PaymentStatus.RECORDED)

# What the bank did is a fact: it is recorded of any payment in flight. The bank's reject needs no other approval than
# the one there is, where the firm's bank details are still the same.
TRANSITIONS: Mapping[PaymentAction, tuple[tuple[PaymentStatus, ...], PaymentStatus]] = {
    PaymentAction.SET_OFF: ((PaymentStatus.PROPOSED,), PaymentStatus.PROPOSED),
    PaymentAction.APPROVE: ((PaymentStatus.PROPOSED,), PaymentStatus.APPROVED),
    PaymentAction.SEND: ((PaymentStatus.APPROVED,), PaymentStatus.SENT),
    PaymentAction.RECORD: (IN_FLIGHT, PaymentStatus.RECORDED),
    PaymentAction.REJECT: ((PaymentStatus.SENT,), PaymentStatus.APPROVED),
    PaymentAction.CANCEL: ((PaymentStatus.PROPOSED, PaymentStatus.APPROVED), PaymentStatus.CANCELLED),
    PaymentAction.REVERSE: ((PaymentStatus.RECORDED,), PaymentStatus.REVERSED),
}
NEED_REASON = frozenset({PaymentAction.REJECT, PaymentAction.CANCEL, PaymentAction.REVERSE})
# What a change of the firm's bank details does to a payment that is not sent, or that the bank rejected.
RETURNED = ((PaymentStatus.APPROVED, PaymentStatus.SENT), PaymentStatus.PROPOSED)


class PaymentTransition(Problem):
    """The payment's state does not allow this action."""

    status = 409
    title_fr = "L'état du paiement ne permet pas cette action."
    detail = "The payment is {current}; {action} requires: {needed}."
    detail_fr = "Le paiement est {current} ; {action} exige : {needed}."


class PaymentUnapproved(Problem):
    """The payment is proposed, and nobody has approved it."""

    status = 409
    title_fr = "Le paiement est proposé, et personne ne l'a approuvé."
    cure = "Ask another person who holds the role treasurer to approve the payment."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer d'approuver le paiement."


class RejectedBeforeSent(Problem):
    """The bank cannot have rejected a payment before it was sent."""

    status = 409
    title_fr = "La banque ne peut pas avoir rejeté un paiement avant qu'il soit envoyé."
    detail = "It was sent on {sent_on}."
    detail_fr = "Il a été envoyé le {sent_on}."


class NothingToSee(Problem):
    """The payment exceeds nothing, or somebody has already seen what it exceeds."""

    status = 409
    title_fr = "Le paiement ne dépasse rien, ou quelqu'un a déjà vu ce qu'il dépasse."


class BankDetailsUnapproved(Problem):
    """The firm has no approved bank details in this territory."""

    status = 409
    title_fr = "L'entreprise n'a pas de coordonnées bancaires approuvées dans ce territoire."
    cure = "Propose its bank details (`T/firms/…/bank-details`), and have another person approve them."
    cure_fr = (
        "Proposez ses coordonnées bancaires (`T/firms/…/bank-details`), et faites-les approuver par une autre personne."
    )


class PaymentNotHandedOver(Problem):
    """The file of the payment run that holds the payment was not read yet: the bank cannot have rejected it."""

    status = 409
    title_fr = (
        "Le fichier de l'ordre de paiement qui contient le paiement n'a pas encore été lu : la banque n'a pas pu le"
        " rejeter."
    )
    cure = "Cancel the run (`T/payment-runs/…/cancel`), or read its file and hand it to the bank first."
    cure_fr = "Annulez l'ordre (`T/payment-runs/…/cancel`), ou lisez d'abord son fichier et remettez-le à la banque."


class CompletionStatementLate(Problem):
    """No payment can be made any more: the completion of the project was to be declared by an earlier day."""

    status = 409
    title_fr = "Aucun paiement n'est plus possible : l'achèvement du projet devait être déclaré avant ce jour."
    detail = "Last day of the declaration: {statement_by_on}."
    detail_fr = "Dernier jour de la déclaration : {statement_by_on}."
    cure = "Record the completion that the firm declared by that day, if it did (`…/completion`)."
    cure_fr = "Enregistrez l'achèvement que l'entreprise a déclaré avant ce jour, s'il y a lieu (`…/completion`)."


class TaxCertificateExpired(Problem):
    """The firm has no tax certificate that is valid on this day."""

    status = 409
    title_fr = "L'entreprise n'a pas d'attestation fiscale valable ce jour."
    detail = "Last day of the last one: {until_on}."
    detail_fr = "Dernier jour de la dernière : {until_on}."
    cure = "Record a certificate of kind `tax` that is valid today (`T/firms/…/certificates`)."
    cure_fr = "Enregistrez une attestation `tax` valable aujourd'hui (`T/firms/…/certificates`)."


class SocialCertificateExpired(Problem):
    """The firm has no certificate of social contributions that is valid on this day."""

    status = 409
    title_fr = "L'entreprise n'a pas d'attestation de vigilance (cotisations sociales) valable ce jour."
    detail = "Last day of the last one: {until_on}."
    detail_fr = "Dernier jour de la dernière : {until_on}."
    cure = "Record a certificate of kind `social` that is valid today (`T/firms/…/certificates`)."
    cure_fr = "Enregistrez une attestation `social` valable aujourd'hui (`T/firms/…/certificates`)."


class PaymentAboveDue(Problem):
    """The payment is more than what is due on the certified expenses."""

    status = 409
    title_fr = "Le paiement dépasse ce qui est dû au titre des dépenses attestées."
    detail = "{requested_cents} requested, {allowed_cents} due."
    detail_fr = "{requested_cents} demandés, {allowed_cents} dus."
    cure = "Pay at most `allowed_cents`, or settle further claims first (`…/claims`)."
    cure_fr = "Payez au plus `allowed_cents`, ou faites d'abord attester d'autres demandes (`…/claims`)."


@dataclass(frozen=True, kw_only=True)
class PaymentFacts:
    """What the conditions of a payment ask of the aid and of the firm, on the day of the act.

    `lapsed`: the last day of the start has passed, nothing was started and nothing paid. A certificate's day is the
    last on which one counts; None: the firm has none.
    """

    on: date
    lapsed: bool
    started_on: date | None
    completed_on: date | None
    declared_on: date | None  # the day of the firm's completion statement
    open_claims: int
    statement_by_on: date | None
    tax_until_on: date | None
    social_until_on: date | None


def papers_unmet(facts: PaymentFacts) -> Iterator[Problem]:
    """The papers of the firm that are late or out of date on the day: they are asked of every payment."""
    declared_on = facts.declared_on or facts.on
    if facts.statement_by_on is not None and declared_on > facts.statement_by_on:
        yield CompletionStatementLate(statement_by_on=facts.statement_by_on)
    for until_on, refused in (
        (facts.tax_until_on, TaxCertificateExpired),
        (facts.social_until_on, SocialCertificateExpired),
    ):
        if until_on is None or until_on < facts.on:
            yield refused(until_on=until_on) if until_on is not None else refused()


def next_status(action: PaymentAction, current: PaymentStatus) -> PaymentStatus:
    """The state after the action. Raises `payment-unapproved`, `already-reversed`, `payment-transition` (409)."""
    if (action, current) == (PaymentAction.SEND, PaymentStatus.PROPOSED):
        raise PaymentUnapproved
    if (action, current) == (PaymentAction.REVERSE, PaymentStatus.REVERSED):
        raise AlreadyReversed
    return next_state(TRANSITIONS, action, current, PaymentTransition)
