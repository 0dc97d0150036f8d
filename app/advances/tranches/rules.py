"""What must stand for a tranche of an advance to be proposed or approved. No session, no await."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.awards.life.rules import AgreementMissing
from app.awards.payments.rules import (
    BankDetailsUnapproved,
    CompletionStatementLate,
    PaymentAboveDue,
    PaymentFacts,
    PaymentUnapproved,
    SocialCertificateExpired,
    TaxCertificateExpired,
    papers_unmet,
)
from app.awards.rules import AwardEnded, ProceedingsOpen, TerritoryNotOpen
from app.core.problems import Problem

WHOLE_BP = 10_000


class TranchesExceedAward(Problem):
    """The tranches would exceed the award."""

    status = 409
    title_fr = "Les versements dépasseraient l'attribution."
    detail = "{requested_cents} requested, {remaining_cents} remaining."
    detail_fr = "{requested_cents} demandés, {remaining_cents} restants."
    cure = "Pay at most what remains; a tranche that is proposed or approved takes its part until it is cancelled."
    cure_fr = (
        "Versez au plus ce qui reste ; une tranche proposée ou approuvée en prend sa part tant qu'elle n'est pas"
        " annulée."
    )


class AfterLastInstalment(Problem):
    """A tranche cannot be paid once its last instalment is due."""

    status = 409
    title_fr = "Un versement ne peut pas être payé une fois sa dernière échéance arrivée."
    detail = "The last instalment is due on {last_due_on}."
    detail_fr = "La dernière échéance tombe le {last_due_on}."


class AdvanceNotPayable(Problem):
    """Nothing more of the advance can be paid: all of it was made due at once, or it was written off."""

    status = 409
    title_fr = "L'avance n'est plus payable : elle est devenue exigible en totalité, ou elle a été passée en perte."
    detail = "Since {since_on}."
    detail_fr = "Depuis le {since_on}."
    cure = "Release what is not paid (`…/release`); a reschedule that is approved ends what was made due at once."
    cure_fr = (
        "Libérez ce qui n'est pas payé (`…/release`) ; un rééchelonnement approuvé met fin à l'exigibilité immédiate."
    )


class TrancheDocumentMissing(Problem):
    """The agreement asks for a document before this tranche."""

    status = 409
    title_fr = "La convention exige un document avant ce versement."
    detail = "Tranche {number}: {document}."
    detail_fr = "Tranche {number} : {document}."
    cure = "Propose the tranche with the SHA-256 digest of that document (`document_sha256`)."
    cure_fr = "Proposez la tranche avec l'empreinte SHA-256 de ce document (`document_sha256`)."


class CertifiedShareTooLow(Problem):
    """Too little of the base is certified for this tranche."""

    status = 409
    title_fr = "La part attestée de l'assiette ne suffit pas pour ce versement."
    detail = "Tranche {number}: {certified_cents} certified, {required_cents} required."
    detail_fr = "Tranche {number} : {certified_cents} attestés, {required_cents} requis."
    cure = "Have claims of the firm settled first (`…/claims`)."
    cure_fr = "Faites d'abord régler des demandes de paiement de l'entreprise (`…/claims`)."


class TrancheExceeded(StrEnum):
    """What a tranche that was paid can exceed, by the code of the problem that refuses such a proposal."""

    PAYMENT_UNAPPROVED = PaymentUnapproved.code
    TERRITORY_NOT_OPEN = TerritoryNotOpen.code
    PROCEEDINGS_OPEN = ProceedingsOpen.code
    BANK_DETAILS_UNAPPROVED = BankDetailsUnapproved.code
    AGREEMENT_MISSING = AgreementMissing.code
    ADVANCE_NOT_PAYABLE = AdvanceNotPayable.code
    AFTER_LAST_INSTALMENT = AfterLastInstalment.code
    AWARD_ENDED = AwardEnded.code
    TRANCHE_DOCUMENT_MISSING = TrancheDocumentMissing.code
    CERTIFIED_SHARE_TOO_LOW = CertifiedShareTooLow.code
    COMPLETION_STATEMENT_LATE = CompletionStatementLate.code
    TAX_CERTIFICATE_EXPIRED = TaxCertificateExpired.code
    SOCIAL_CERTIFICATE_EXPIRED = SocialCertificateExpired.code
    PAYMENT_ABOVE_DUE = PaymentAboveDue.code


@dataclass(frozen=True, kw_only=True)
class TrancheFacts:
    """What the conditions of a tranche ask of its advance, in cents of euro but for the basis points.

    `number` is its place among the tranches that are paid or in flight. `document` and `certified_bp` are what its
    condition asks for; `final_cents` None: the project is not completed.
    """

    number: int
    cents: int
    on: date
    last_due_on: date
    available_until_on: date | None
    not_payable_since_on: date | None
    document: str | None
    handed_in: bool
    certified_bp: int | None
    certified_cents: int
    base_cents: int
    paid_cents: int
    in_flight_cents: int
    final_cents: int | None


def unmet(facts: PaymentFacts, tranche: TrancheFacts, *, papers: bool) -> Iterator[Problem]:
    """The conditions that do not hold for a tranche, in their order; `papers`: those of the firm are asked for."""
    if tranche.not_payable_since_on is not None:
        yield AdvanceNotPayable(since_on=tranche.not_payable_since_on)
    if tranche.on >= tranche.last_due_on:
        yield AfterLastInstalment(last_due_on=tranche.last_due_on)
    drawn_late = tranche.available_until_on is not None and tranche.on > tranche.available_until_on
    if facts.lapsed or drawn_late:
        yield AwardEnded(current="lapsed")
    if tranche.document is not None and not tranche.handed_in:
        yield TrancheDocumentMissing(number=tranche.number, document=tranche.document)
    required_cents = required(tranche.base_cents, tranche.certified_bp or 0)
    if tranche.certified_cents < required_cents:
        yield CertifiedShareTooLow(
            number=tranche.number, certified_cents=tranche.certified_cents, required_cents=required_cents
        )
    if papers:
        yield from papers_unmet(facts)
    if tranche.final_cents is not None:
        allowed_cents = tranche.final_cents - tranche.paid_cents - tranche.in_flight_cents
        if tranche.cents > allowed_cents:
            yield PaymentAboveDue(requested_cents=tranche.cents, allowed_cents=max(allowed_cents, 0))


def required(base_cents: int, certified_bp: int) -> int:
    """The share of the base that must be certified, rounded up: less would not be the share."""
    return -(-base_cents * certified_bp // WHOLE_BP)
