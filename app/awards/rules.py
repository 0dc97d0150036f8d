"""What grants and advances have in common: who decides, who pays, and when an award has ended."""

from datetime import date
from uuid import UUID

from app.awards.models import AwardStatus
from app.core.problems import Problem
from app.core.writing.writes import Write


class AwardEnded(Problem):
    """The award is closed or cancelled."""

    status = 409
    title_fr = "L'attribution est close ou annulée."
    detail = "It is {current}."
    detail_fr = "Elle est {current}."


class AwardAlreadyPaid(Problem):
    """Money has been paid on this award: it can no longer be reversed."""

    status = 409
    title_fr = "Cette attribution a déjà donné lieu à paiement : elle ne s'annule plus."
    cure = "Reverse the payments first, or release what is not paid."
    cure_fr = "Annulez d'abord les paiements, ou libérez ce qui n'est pas payé."


class DeciderPays(Problem):
    """Who decided an aid does not pay it."""

    status = 403
    constraint = "decider_pays"
    title_fr = "Qui a décidé une aide ne la paie pas."
    cure = "Ask another person of the accounting side."
    cure_fr = "Demandez à une autre personne, côté comptable."


class DeciderNotAPerson(Problem):
    """A decision is taken by a person, not by a service account."""

    status = 403
    title_fr = "Une décision est prise par une personne, non par un compte de service."
    cure = "Use the key of a person."
    cure_fr = "Utilisez la clé d'une personne."


class BeforeDecision(Problem):
    """The day is before that of the decision."""

    status = 409
    title_fr = "Le jour précède celui de la décision."
    detail = "It was decided on {decided_on}."
    detail_fr = "Elle date du {decided_on}."


def decider(write: Write) -> UUID:
    """The person who decides. Raises `decider-not-a-person` (403) for a program."""
    if write.actor.kind != "person" or write.actor.subject_id is None:
        raise DeciderNotAPerson
    return write.actor.subject_id


def payer(write: Write, awarded_by: UUID) -> UUID:
    """The subject who pays. Raises `decider-pays` (403) for who decided the award."""
    if write.actor.subject_id is None or write.actor.subject_id == awarded_by:
        raise DeciderPays
    return write.actor.subject_id


def refuse_ended(status: str) -> None:
    """Raises `award-ended` (409) for an award on which nothing more is done."""
    if status in (AwardStatus.CLOSED, AwardStatus.CANCELLED):
        raise AwardEnded(current=status)


def refuse_before_decision(decided_on: date, day: date) -> None:
    """Raises `before-decision` (409) for a payment or a release that would count before there was an award."""
    if day < decided_on:
        raise BeforeDecision(decided_on=decided_on)
