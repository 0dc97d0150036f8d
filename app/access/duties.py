"""Separation of duties: the pairs of acts that one subject cannot both do on one thing. No session, no await.

Source: *ordonnateur* and *comptable* are two persons (décret n° 2012-1246, art. 9); who enters days does not validate
them, who validates does not certify, and who prepares a decision does not take it. The pairs look at subjects, whatever
roles they hold, and are tried at the second act, under the lock of the row that names who did the first
(docs/decisions/0012).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.access.rules import Acting, EmailMissing, PersonRequired, accountable, person
from app.core.problems import Problem


class SeparationOfDuties(Problem):
    """You cannot validate or reject days that you entered or worked yourself, nor settle a claim that you wrote."""

    status = 403
    title_fr = (
        "Vous ne pouvez ni valider ni rejeter des jours que vous avez vous-même saisis ou effectués, ni régler une"
        " demande de versement que vous avez rédigée."
    )
    cure = "Ask another person: of the lead firm for days, one who holds the role funder for a claim."
    cure_fr = (
        "Demandez à une autre personne : du mandataire pour des jours, qui a le rôle funder pour une demande de"
        " versement."
    )


class CertifierTookPart(Problem):
    """You cannot certify days that you entered, worked or validated yourself."""

    status = 403
    title_fr = "Vous ne pouvez pas attester des jours que vous avez vous-même saisis, effectués ou validés."
    cure = "Ask another person of the operator."
    cure_fr = "Demandez à une autre personne de l'opérateur."


class DeciderPays(Problem):
    """The person who awarded an aid cannot also propose, approve or record its payment."""

    status = 403
    title_fr = (
        "La personne qui a attribué une aide ne peut pas aussi en proposer, en approuver ou en enregistrer le paiement."
    )
    cure = "Ask another person who holds the role treasurer."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer."


class PaymentOwnApproval(Problem):
    """The person who proposed a payment cannot also approve it."""

    status = 403
    title_fr = "La personne qui a proposé un paiement ne peut pas aussi l'approuver."
    cure = "Ask another person who holds the role treasurer to approve the payment."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer d'approuver le paiement."


class PaymentToOwnBankDetails(Problem):
    """The person who proposed or approved bank details cannot also approve a payment to them."""

    status = 403
    title_fr = (
        "La personne qui a proposé ou approuvé des coordonnées bancaires ne peut pas aussi approuver un paiement vers"
        " elles."
    )
    cure = "Ask another person who holds the role treasurer to approve the payment."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer d'approuver le paiement."


class RecorderSees(Problem):
    """The person who recorded a payment that exceeds a limit cannot also be the one who has seen it."""

    status = 403
    title_fr = "La personne qui a enregistré un paiement dépassant une limite ne peut pas être aussi celle qui l'a vu."
    cure = "Ask another person who holds the role treasurer to look at the payment."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer d'examiner le paiement."


class DeciderReceives(Problem):
    """The person who awarded an advance cannot also record its repayments."""

    status = 403
    title_fr = "La personne qui a attribué une avance ne peut pas aussi en enregistrer les remboursements."
    cure = "Ask another person who holds the role treasurer to record it."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer de l'enregistrer."


class WriterCloses(Problem):
    """The person who wrote the minutes of a meeting cannot also close it."""

    status = 403
    title_fr = "La personne qui a rédigé le procès-verbal d'une réunion ne peut pas aussi la clôturer."
    cure = "Ask another person who holds the role committee to close the meeting."
    cure_fr = "Demandez à une autre personne qui a le rôle committee de clôturer la réunion."


class RefundOwnApproval(Problem):
    """The person who proposed a refund cannot also approve it."""

    status = 403
    title_fr = "La personne qui a proposé une restitution ne peut pas aussi l'approuver."
    cure = "Ask another person who holds the role treasurer to approve the refund, or cancel it."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer d'approuver la restitution, ou abandonnez-la."


class DelivererDecides(Problem):
    """The person who delivered a version of a deliverable cannot also decide it."""

    status = 403
    title_fr = "La personne qui a livré une version d'un livrable ne peut pas aussi en décider."
    cure = "Ask another person who holds the role operator to decide."
    cure_fr = "Demandez à une autre personne qui a le rôle operator de décider."


class DrafterAdopts(Problem):
    """The person who drafted a roadmap cannot also record its adoption."""

    status = 403
    title_fr = "La personne qui a rédigé une feuille de route ne peut pas aussi en enregistrer l'adoption."
    cure = "Ask another person who holds the role committee or territory to record the adoption."
    cure_fr = "Demandez à une autre personne qui a le rôle committee ou territory d'enregistrer l'adoption."


class ReviewerDecides(Problem):
    """The person who reviewed an aid file cannot also decide it."""

    status = 403
    title_fr = "La personne qui a instruit un dossier d'aide ne peut pas aussi en décider."
    cure = "Ask another person who holds the role funder to decide."
    cure_fr = "Demandez à une autre personne qui a le rôle funder de décider."


class CorrectionByOnePerson(Problem):
    """Three different persons propose, agree to and accept a correction; the one who worked can only propose."""

    status = 403
    title_fr = (
        "Trois personnes différentes proposent, approuvent et acceptent une correction ; celle qui a travaillé peut"
        " seulement la proposer."
    )
    cure = "Ask another person of the lead firm to agree, or of the operator to accept."
    cure_fr = "Demandez à une autre personne du mandataire de l'approuver, ou de l'opérateur de l'accepter."


class ActivityReportByOnePerson(Problem):
    """The person who worked the days of an activity report cannot also sign it for the lead firm."""

    status = 403
    title_fr = (
        "La personne qui a effectué les jours d'un compte rendu d'activité ne peut pas aussi le signer pour le"
        " mandataire."
    )
    cure = "Ask another person of the lead firm to sign."
    cure_fr = "Demandez à une autre personne du mandataire de signer."


class ProposerApproves(Problem):
    """The person who proposed an override cannot also approve or refuse it."""

    status = 403
    title_fr = "La personne qui a proposé une dérogation ne peut pas aussi l'approuver ou la refuser."
    cure = "Ask another person to decide, or withdraw the override."
    cure_fr = "Demandez à une autre personne de décider, ou retirez la dérogation."


class RequesterDecides(Problem):
    """The person who asked for a change of an aid cannot also approve or refuse it."""

    status = 403
    title_fr = "La personne qui a demandé un avenant ne peut pas aussi l'approuver ou le refuser."
    cure = "Ask another person who holds the role funder to decide, or withdraw the request."
    cure_fr = "Demandez à une autre personne qui a le rôle funder de décider, ou retirez la demande."


class BankDetailsOwnApproval(Problem):
    """The person who proposed bank details cannot also approve or refuse them."""

    status = 403
    title_fr = "La personne qui a proposé des coordonnées bancaires ne peut pas aussi les approuver ou les refuser."
    cure = "Ask another person who holds the role treasurer to decide, or withdraw the bank details."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer de décider, ou retirez les coordonnées bancaires."


class OrdererSettles(Problem):
    """The person who awarded the aid or ordered a recovery cannot also record its receipts, or set it off."""

    status = 403
    title_fr = (
        "La personne qui a attribué l'aide ou ordonné un reversement ne peut pas aussi en enregistrer les encaissements"
        " ou le compenser."
    )
    cure = "Ask another person who holds the role treasurer."
    cure_fr = "Demandez à une autre personne qui a le rôle treasurer."


class OrdererWaives(Problem):
    """The person who ordered a recovery cannot also waive it."""

    status = 403
    title_fr = "La personne qui a ordonné un reversement ne peut pas aussi en décider la remise."
    cure = "Ask another person who holds the role funder."
    cure_fr = "Demandez à une autre personne qui a le rôle funder."


class ReporterJudges(Problem):
    """The person who reported on a commitment cannot also record its outcome."""

    status = 403
    title_fr = "La personne qui a rendu compte d'un engagement ne peut pas aussi en enregistrer l'issue."
    cure = "Ask another person who holds the role funder."
    cure_fr = "Demandez à une autre personne qui a le rôle funder."


class RoleOwnApproval(Problem):
    """The administrator who proposed a role, and who would hold it, cannot also approve it."""

    status = 403
    title_fr = "L'administrateur qui a proposé un rôle, et celui qui l'aurait, ne peuvent pas aussi l'approuver."
    cure = "Ask another person who holds the role admin; while there is none, `rebond members approve` on the server."
    cure_fr = (
        "Demandez à une autre personne qui a le rôle admin ; tant qu'il n'y en a pas, « rebond members approve » sur le"
        " serveur."
    )


class KeyOwnConfirmation(Problem):
    """The administrator who made a key, and who would hold it, cannot also confirm its fingerprint."""

    status = 403
    title_fr = (
        "L'administrateur qui a créé une clé, et celui qui l'aurait, ne peuvent pas aussi en confirmer l'empreinte."
    )
    cure = "Ask another person who holds the role admin; while there is none, `rebond keys confirm` on the server."
    cure_fr = (
        "Demandez à une autre personne qui a le rôle admin ; tant qu'il n'y en a pas, « rebond keys confirm » sur le"
        " serveur."
    )


def with_author(authors: Sequence[UUID], actor: Acting) -> list[UUID]:
    """The authors of a text that the actor has just written; the service itself is none."""
    new = [actor.subject_id] if actor.subject_id is not None and actor.subject_id not in authors else []
    return [*authors, *new]


@dataclass(frozen=True)
class Pair:
    """Two acts on one thing that one subject cannot both do.

    `by_program`: a program may do the second, for it records what happened and decides nothing.
    """

    first: str
    second: str
    refused: type[Problem]
    by_program: bool = False

    @property
    def refusals(self) -> tuple[type[Problem], ...]:
        """What the second act can be refused for because of who does it."""
        return (self.refused, EmailMissing) if self.by_program else (self.refused, PersonRequired, EmailMissing)

    def separate(self, actor: Acting, earlier: Iterable[UUID | None]) -> UUID:
        """The subject of the second act, who is none of those of the `earlier` one.

        Raises the pair's own problem, `person-required` and `email-missing` (403).
        """
        subject_id = accountable(actor) if self.by_program else person(actor)
        if subject_id in earlier:
            raise self.refused
        return subject_id


ENTERS_VALIDATES = Pair("enters or works days", "validates or rejects them", SeparationOfDuties)
VALIDATES_CERTIFIES = Pair("enters, works or validates days", "certifies them", CertifierTookPart)
DECIDES_PAYS = Pair(
    "awards an aid", "proposes, approves or records its payment, or takes one back", DeciderPays, by_program=True
)
PROPOSES_PAYMENT_APPROVES = Pair("proposes a payment", "approves it", PaymentOwnApproval)
MAKES_ACCOUNT_APPROVES_PAYMENT = Pair(
    "proposes or approves bank details", "approves a payment to them", PaymentToOwnBankDetails
)
RECORDS_SEES = Pair("records a payment that exceeds a limit", "has seen it", RecorderSees)
DECIDES_RECEIVES = Pair(
    "awards an advance", "records a repayment, its bounce or its reversal", DeciderReceives, by_program=True
)
PROPOSES_REFUND_APPROVES = Pair("proposes a refund of a receipt", "approves it", RefundOwnApproval)
WRITES_CLOSES = Pair("writes minutes", "closes the meeting", WriterCloses)
DRAFTS_ADOPTS = Pair("drafts a roadmap", "records its adoption", DrafterAdopts)
DELIVERS_DECIDES = Pair(
    "delivers a version of a deliverable", "admits, defers, reduces or rejects it", DelivererDecides
)
REVIEWS_DECIDES = Pair("reviews an aid file", "decides it", ReviewerDecides)
WORKS_COUNTERSIGNS = Pair(
    "works the days of an activity report", "signs it for the lead firm", ActivityReportByOnePerson
)
PROPOSES_ACCEPTS = Pair(
    "works a certified day, proposes its correction or agrees to it",
    "agrees to it or accepts it",
    CorrectionByOnePerson,
)
PROPOSES_APPROVES = Pair("proposes an override", "approves or refuses it", ProposerApproves)
PROPOSES_ACCOUNT_APPROVES = Pair("proposes bank details", "approves or refuses them", BankDetailsOwnApproval)
CLAIMS_SETTLES = Pair("writes a claim", "draws its sample or settles it", SeparationOfDuties)
REQUESTS_DECIDES = Pair("asks for a change of an aid", "approves or refuses it", RequesterDecides)
ORDERS_SETTLES = Pair(
    "awards an aid or orders a recovery", "records its receipts, or sets it off", OrdererSettles, by_program=True
)
ORDERS_WAIVES = Pair("orders a recovery", "waives it", OrdererWaives)
REPORTS_JUDGES = Pair("reports on a commitment", "records its outcome", ReporterJudges)
PROPOSES_ROLE_APPROVES = Pair("proposes a role, or would hold it", "approves it", RoleOwnApproval)
MAKES_KEY_CONFIRMS = Pair("makes a key, or would hold it", "confirms its fingerprint", KeyOwnConfirmation)

PAIRS = (
    ENTERS_VALIDATES,
    VALIDATES_CERTIFIES,
    DECIDES_PAYS,
    PROPOSES_PAYMENT_APPROVES,
    MAKES_ACCOUNT_APPROVES_PAYMENT,
    RECORDS_SEES,
    DECIDES_RECEIVES,
    PROPOSES_REFUND_APPROVES,
    WRITES_CLOSES,
    DRAFTS_ADOPTS,
    DELIVERS_DECIDES,
    REVIEWS_DECIDES,
    WORKS_COUNTERSIGNS,
    PROPOSES_ACCEPTS,
    PROPOSES_APPROVES,
    PROPOSES_ACCOUNT_APPROVES,
    CLAIMS_SETTLES,
    REQUESTS_DECIDES,
    ORDERS_SETTLES,
    ORDERS_WAIVES,
    REPORTS_JUDGES,
    PROPOSES_ROLE_APPROVES,
    MAKES_KEY_CONFIRMS,
)
