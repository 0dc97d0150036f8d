"""What grants and advances have in common: when an award has ended, and which days it can have."""

from datetime import date

from app.awards.models import AwardStatus
from app.core.problems import Problem

OVER = (AwardStatus.CANCELLED, AwardStatus.REVERSED)  # nothing of it was paid, and nothing will be


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


class BeforeDecision(Problem):
    """The day cannot be before the day of the decision."""

    status = 409
    title_fr = "Le jour ne peut pas précéder celui de la décision."
    detail = "The aid was decided on {decided_on}."
    detail_fr = "L'aide a été décidée le {decided_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


def refuse_ended(status: str) -> None:
    """Raises `award-ended` (409) for an award on which nothing more is done."""
    if status in (AwardStatus.CLOSED, AwardStatus.CANCELLED, AwardStatus.REVERSED):
        raise AwardEnded(current=status)


def refuse_before_decision(decided_on: date, day: date) -> None:
    """Raises `before-decision` (409) for a payment or a release that would count before there was an award."""
    if day < decided_on:
        raise BeforeDecision(decided_on=decided_on)
