"""What grants and advances have in common: what an award says, when it has ended, and which days it can have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.awards.models import AwardStatus
from app.core.problems import Problem
from app.projects.rules import StageOutOfOrder

OVER = (AwardStatus.CANCELLED, AwardStatus.REVERSED)  # nothing of it was paid, and nothing will be


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """What an award rests on, as it was on the day of the decision: it is copied into the award and stays.

    Each line is a `label`, a `kind` (None where the base is one line) and `amount_cents`; they come to the base.
    """

    scheme: str
    base_cents: int
    lines: Sequence[Mapping[str, Any]]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Decided:
    """An award as it was decided, in plain values: who awards it knows where they come from.

    `funder_id` None is the organisation of who decides; `frozen` None: the award is held by its amount alone.
    """

    siren: str
    project_title: str
    amount_cents: int
    decided_on: date
    decision_reference: str
    project_id: UUID | None = None
    committee_id: UUID | None = None
    external_id: str | None = None
    override_id: UUID | None = None
    funder_id: UUID | None = None
    application_id: UUID | None = None
    decision_id: UUID | None = None
    frozen: Frozen | None = None

    def columns(self) -> dict[str, Any]:
        """The columns of the award, by name."""
        values = {name: getattr(self, name) for name in _OWN}
        if self.frozen is not None:
            values |= {
                "scheme": self.frozen.scheme,
                "base_cents": self.frozen.base_cents,
                "lines": [dict(line) for line in self.frozen.lines],
                "parameters": dict(self.frozen.parameters),
            }
        return values


_OWN = tuple(name for name in Decided.__dataclass_fields__ if name != "frozen")


class AwardEnded(Problem):
    """Nothing of the award is left to pay, release or reverse."""

    status = 409
    title_fr = "Il ne reste rien de l'attribution à payer, à libérer ou à annuler."
    detail = "The award is {current}."
    detail_fr = "L'attribution est {current}."


class AwardAlreadyPaid(Problem):
    """Money has been paid on this award: it can no longer be reversed."""

    status = 409
    title_fr = "Cette attribution a donné lieu à paiement : elle ne peut plus être annulée."
    cure = "Reverse the payments first, or release what is not paid."
    cure_fr = "Annulez d'abord les paiements, ou libérez ce qui n'est pas payé."


class AwardOfADecision(Problem):
    """An award that a committee's decision made is reversed only with that decision."""

    status = 409
    title_fr = "Une attribution issue d'une décision de comité n'est annulée qu'avec cette décision."
    detail = "The decision is {decision_reference}."
    detail_fr = "La décision est {decision_reference}."
    cure = (
        "Reverse the decision before its meeting is closed"
        " (`T/committees/{committee_id}/decisions/{decision_id}/reverse`); afterwards release what is not paid."
    )
    cure_fr = (
        "Annulez la décision avant la clôture de sa réunion"
        " (`T/committees/{committee_id}/decisions/{decision_id}/reverse`) ; ensuite, libérez ce qui n'est pas payé."
    )


class AwardAboveBase(Problem):
    """An award cannot be more than the base that it rests on."""

    status = 409
    title_fr = "Une attribution ne peut pas dépasser l'assiette sur laquelle elle repose."
    detail = "{amount_cents} awarded, on a base of {base_cents}."
    detail_fr = "{amount_cents} attribués, pour une assiette de {base_cents}."
    cure = "Award at most the base, or check the base."
    cure_fr = "Attribuez au plus l'assiette, ou vérifiez l'assiette."


class AwardDiffersFromAid(Problem):
    """The other award of this decision to this firm says something else of the decision."""

    status = 409
    title_fr = "L'autre attribution de cette décision à cette entreprise indique autre chose de la décision."
    cure = (
        "Give the same day, funder, aid file, scheme, base and lines as the other award of this decision_reference, or"
        " check the reference."
    )
    cure_fr = (
        "Donnez les mêmes jour, financeur, dossier, dispositif, assiette et lignes que l'autre attribution de cette"
        " decision_reference, ou vérifiez la référence."
    )


class ApplicationOfAnotherProject(Problem):
    """An award can name only an aid file of its own firm and project."""

    status = 409
    title_fr = "Une attribution ne peut désigner qu'un dossier de sa propre entreprise et de son propre projet."
    cure = "Name the file of this firm and project in application_id, or none."
    cure_fr = "Désignez dans application_id le dossier de cette entreprise et de ce projet, ou aucun."


class BeforeDecision(Problem):
    """The day cannot be before the day of the decision."""

    status = 409
    title_fr = "Le jour ne peut pas précéder celui de la décision."
    detail = "The aid was decided on {decided_on}."
    detail_fr = "L'aide a été décidée le {decided_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


class BeforeRequest(Problem):
    """The day cannot be before the day of the request."""

    status = 409
    title_fr = "Le jour ne peut pas précéder celui de la demande."
    detail = "It was requested on {requested_on}."
    detail_fr = "La demande est du {requested_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


class ProjectMissing(Problem):
    """The award must name its project: it was decided since the territory is served here."""

    status = 409
    constraint = "project_missing"
    title_fr = "L'attribution doit désigner son projet : elle date d'un jour où le territoire est déjà suivi ici."
    cure = "Send the project's id as `project_id`; or check the day (`served_since_on` of the territory)."
    cure_fr = "Envoyez l'id du projet dans `project_id` ; ou vérifiez le jour (`served_since_on` du territoire)."


class ProjectOfAnotherFirm(Problem):
    """Only a firm that holds the project can be awarded aid for it."""

    status = 409
    title_fr = "Seule une entreprise qui porte le projet peut recevoir une aide pour lui."
    cure = "Name a project of this firm, or add the firm to the holders of the project first."
    cure_fr = "Désignez un projet de cette entreprise, ou ajoutez d'abord l'entreprise aux porteurs du projet."


class ProjectNotFiled(Problem):
    """Aid can be awarded only for a project that is filed with the programme, and neither completed nor dropped."""

    status = 409
    title_fr = "Une aide ne peut être attribuée qu'à un projet déposé auprès du programme, ni achevé ni abandonné."
    detail = "The project is {stage}, its funding route {funding_route}."
    detail_fr = "Le projet est {stage}, sa voie de financement {funding_route}."
    cure = "Pass the project to filed first, with the route rebond (`T/projects/{id}/stages`)."
    cure_fr = "Faites d'abord passer le projet à filed, avec la voie rebond (`T/projects/{id}/stages`)."


class CommitteeAfterDecision(Problem):
    """An award can name only a meeting that was held by the day of its decision."""

    status = 409
    constraint = "committee_after_decision"
    title_fr = "Une attribution ne peut désigner qu'une réunion tenue au plus tard le jour de sa décision."
    cure = "Record that the meeting was held, or name another one, or none."
    cure_fr = "Consignez que la réunion a eu lieu, ou désignez-en une autre, ou aucune."


# What refuses an award for its project or its committee.
OF_ITS_PROJECT = (ProjectMissing, ProjectOfAnotherFirm, ProjectNotFiled, StageOutOfOrder, CommitteeAfterDecision)


class TerritoryNotOpen(Problem):
    """The territory's status does not allow this: an award needs a laureate, a payment one that is not withdrawn."""

    status = 409
    title_fr = (
        "Le statut du territoire ne le permet pas : une attribution exige un lauréat, un paiement un territoire non"
        " retiré."
    )
    detail = "The territory is {territory_status}."
    detail_fr = "Le territoire est {territory_status}."
    cure = "If the status is wrong, ask the programme's staff to set it, and send the act again."
    cure_fr = "Si le statut est inexact, demandez à l'équipe du programme de le fixer, puis renvoyez l'acte."


class FirmNotFollowed(Problem):
    """The territory does not follow the firm."""

    status = 409
    title_fr = "Le territoire ne suit pas l'entreprise."
    cure = "Ask the territory's staff to put the firm at a stage first (PUT …/firms/{siren})."
    cure_fr = "Demandez à l'équipe du territoire de placer d'abord l'entreprise à une étape (PUT …/firms/{siren})."


_LIFT = (
    "Propose to lift this rule for the firm (POST …/overrides), and name the override in override_id once another"
    " person has approved it. One override lifts one rule."
)
_LIFT_FR = (
    "Proposez de lever cette règle pour l'entreprise (POST …/overrides) et nommez la dérogation dans override_id dès"
    " qu'une autre personne l'a approuvée. Une dérogation lève une seule règle."
)


class FirmCeased(Problem):
    """The firm had ceased trading by the day of the decision."""

    status = 409
    title_fr = "L'entreprise avait cessé son activité au jour de la décision."
    detail = "Day of its cessation in the register: {ceased_on}."
    detail_fr = "Jour de la cessation au répertoire : {ceased_on}."
    cure = "Correct the register if the firm goes on. " + _LIFT
    cure_fr = "Corrigez le répertoire si l'entreprise poursuit son activité. " + _LIFT_FR


class ProceedingsOpen(Problem):
    """Insolvency proceedings of the firm are open on the day of the act."""

    status = 409
    title_fr = "Une procédure collective de l'entreprise est ouverte au jour de l'acte."
    detail = "The proceeding ({kind}) was opened on {opened_on}."
    detail_fr = "La procédure ({kind}) a été ouverte le {opened_on}."
    cure = "Record the end of the proceeding if it has ended. " + _LIFT
    cure_fr = "Consignez la fin de la procédure si elle est close. " + _LIFT_FR


AWARD_DOOR = (TerritoryNotOpen, FirmNotFollowed, FirmCeased, ProceedingsOpen)
PAYMENT_DOOR = (TerritoryNotOpen, ProceedingsOpen)


def refuse_ended(status: str) -> None:
    """Raises `award-ended` (409) for an award on which nothing more is done."""
    if status in (AwardStatus.CLOSED, AwardStatus.CANCELLED, AwardStatus.REVERSED):
        raise AwardEnded(current=status)


def refuse_before_decision(decided_on: date, day: date) -> None:
    """Raises `before-decision` (409) for a payment or a release that would count before there was an award."""
    if day < decided_on:
        raise BeforeDecision(decided_on=decided_on)


def refuse_before_request(requested_on: date, day: date) -> None:
    """Raises `before-request` (409) for what is found or decided of a request before it was made."""
    if day < requested_on:
        raise BeforeRequest(requested_on=requested_on)


class NotCompleted(Problem):
    """A balance can be paid, and an aid be closed, only once the project is completed."""

    status = 409
    title_fr = "Le solde ne peut être versé, ni l'aide clôturée, qu'une fois le projet achevé."
    cure = "Record the completion of the project first (`…/completion`)."
    cure_fr = "Enregistrez d'abord l'achèvement du projet (`…/completion`)."


class ClaimsOpen(Problem):
    """A balance can be paid, and an aid be closed, only once every claim is settled."""

    status = 409
    title_fr = "Le solde ne peut être versé, ni l'aide clôturée, qu'une fois toutes les demandes de paiement réglées."
    detail = "Claims that are not settled: {open_claims}."
    detail_fr = "Demandes non réglées : {open_claims}."
    cure = "Have them settled first (`…/claims`)."
    cure_fr = "Faites-les d'abord régler (`…/claims`)."


class ClosingWithoutBase(Problem):
    """An award that is held by its amount alone has no final amount at which it could be closed."""

    status = 409
    title_fr = "Une attribution tenue par son seul montant n'a pas de montant définitif auquel la clôturer."
    cure = "Record its balance payment, or release what is not paid (`…/release`)."
    cure_fr = "Enregistrez son solde, ou libérez ce qui n'est pas payé (`…/release`)."


class BeforeCompletion(Problem):
    """An aid cannot be closed before the day on which the project was completed."""

    status = 409
    title_fr = "Une aide ne peut être clôturée avant le jour d'achèvement du projet."
    detail = "It was completed on {completed_on}."
    detail_fr = "Il a été achevé le {completed_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


class PaymentsInFlight(Problem):
    """A payment of the award is approved or sent."""

    status = 409
    title_fr = "Un paiement de l'attribution est approuvé ou envoyé."
    cure = "Record what the bank did with it, or cancel it, first."
    cure_fr = "Enregistrez d'abord ce que la banque en a fait, ou annulez-le."
