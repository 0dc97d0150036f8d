"""What a payment of a grant is, and what must stand for one to be proposed or approved. No session, no await.

What it can become is said by `app.awards.payments.rules`, how much it may be by `app.grants.ceilings`.
"""

from collections.abc import Iterator
from enum import StrEnum

from app.awards.payments.rules import PaymentFacts, papers_unmet
from app.awards.rules import AwardEnded, ClaimsOpen, NotCompleted
from app.core.problems import Problem


class PaymentKind(StrEnum):
    """Kinds of payment: *avance*, *acompte*, *solde*."""

    ADVANCE_PAYMENT = "advance_payment"
    INTERIM_PAYMENT = "interim_payment"
    BALANCE_PAYMENT = "balance_payment"


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


class NotStarted(Problem):
    """An advance payment can be made only once the project has started."""

    status = 409
    title_fr = "Une avance ne peut être versée qu'une fois l'exécution du projet commencée."
    cure = "Record the start of the project first (`…/start`)."
    cure_fr = "Enregistrez d'abord le commencement d'exécution du projet (`…/start`)."


def unmet(facts: PaymentFacts, kind: PaymentKind) -> Iterator[Problem]:
    """The conditions that do not hold for a payment of this kind, in their order."""
    if facts.lapsed:
        yield AwardEnded(current="lapsed")
    if kind is PaymentKind.ADVANCE_PAYMENT and facts.started_on is None:
        yield NotStarted()
    if kind is PaymentKind.BALANCE_PAYMENT and facts.completed_on is None:
        yield NotCompleted()
    if kind is PaymentKind.BALANCE_PAYMENT and facts.open_claims:
        yield ClaimsOpen(open_claims=facts.open_claims)
    yield from papers_unmet(facts)
