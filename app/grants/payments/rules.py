"""What a payment of a grant can be and become, and what must stand for one to be proposed or approved.

No session, no await. How much it may be is said by `app.grants.ceilings`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.awards.rules import AwardEnded, ClaimsOpen, NotCompleted
from app.core.faults import Fault
from app.core.problems import Problem, next_state
from app.envelopes.ledger import AlreadyReversed

PLANNED_OR_PAID = Fault(
    "planned_or_paid",
    en="planned_on must be absent where paid_on is given: a payment that was made is recorded.",
    fr="planned_on doit être absent quand paid_on est donné : un paiement effectué est enregistré.",
)


class PaymentKind(StrEnum):
    """Kinds of payment: *avance*, *acompte*, *solde*."""

    ADVANCE_PAYMENT = "advance_payment"
    INTERIM_PAYMENT = "interim_payment"
    BALANCE_PAYMENT = "balance_payment"


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


class PaymentsExceedAward(Problem):
    """The payments would exceed the award."""

    status = 409
    title_fr = "Les paiements dépasseraient l'attribution."
    detail = "{requested_cents} requested, {remaining_cents} remaining."
    detail_fr = "{requested_cents} demandés, {remaining_cents} restants."
    cure = "Pay at most what remains; a payment that is proposed or approved takes its part until it is cancelled."
    cure_fr = (
        "Payez au plus ce qui reste ; un paiement proposé ou approuvé en prend sa part tant qu'il n'est pas annulé."
    )


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


class PaymentNotHandedOver(Problem):
    """The file of the payment run that holds the payment was not read yet: the bank cannot have rejected it."""

    status = 409
    title_fr = (
        "Le fichier de l'ordre de paiement qui contient le paiement n'a pas encore été lu : la banque n'a pas pu le"
        " rejeter."
    )
    cure = "Cancel the run (`T/payment-runs/…/cancel`), or read its file and hand it to the bank first."
    cure_fr = "Annulez l'ordre (`T/payment-runs/…/cancel`), ou lisez d'abord son fichier et remettez-le à la banque."


class NotStarted(Problem):
    """An advance payment can be made only once the project has started."""

    status = 409
    title_fr = "Une avance ne peut être versée qu'une fois l'exécution du projet commencée."
    cure = "Record the start of the project first (`…/start`)."
    cure_fr = "Enregistrez d'abord le commencement d'exécution du projet (`…/start`)."


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


def unmet(standing: PaymentFacts, kind: PaymentKind) -> Iterator[Problem]:
    """The conditions that do not hold for a payment of this kind, in their order."""
    if standing.lapsed:
        yield AwardEnded(current="lapsed")
    if kind is PaymentKind.ADVANCE_PAYMENT and standing.started_on is None:
        yield NotStarted()
    if kind is PaymentKind.BALANCE_PAYMENT and standing.completed_on is None:
        yield NotCompleted()
    if kind is PaymentKind.BALANCE_PAYMENT and standing.open_claims:
        yield ClaimsOpen(open_claims=standing.open_claims)
    declared_on = standing.declared_on or standing.on
    if standing.statement_by_on is not None and declared_on > standing.statement_by_on:
        yield CompletionStatementLate(statement_by_on=standing.statement_by_on)
    for until_on, refused in (
        (standing.tax_until_on, TaxCertificateExpired),
        (standing.social_until_on, SocialCertificateExpired),
    ):
        if until_on is None or until_on < standing.on:
            yield refused(until_on=until_on) if until_on is not None else refused()


def next_status(action: PaymentAction, current: PaymentStatus) -> PaymentStatus:
    """The state after the action. Raises `payment-unapproved`, `already-reversed`, `payment-transition` (409)."""
    if (action, current) == (PaymentAction.SEND, PaymentStatus.PROPOSED):
        raise PaymentUnapproved
    if (action, current) == (PaymentAction.REVERSE, PaymentStatus.REVERSED):
        raise AlreadyReversed
    return next_state(TRANSITIONS, action, current, PaymentTransition)
