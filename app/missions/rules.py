"""What may become of a mission. No session, no await.

A closed mission is over: nothing is entered in it any more, and all of it is read as before. A cancelled one was a
mistake: nothing ever counted in it, and what reads a territory's missions together leaves it out.
"""

from collections.abc import Mapping
from enum import StrEnum

from app.core.problems import Problem


class MissionStatus(StrEnum):
    """The life of a mission."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class MissionAction(StrEnum):
    """What may be done to a mission, each from some states to one."""

    CLOSE = "close"
    CANCEL = "cancel"
    REOPEN = "reopen"


TRANSITIONS: Mapping[MissionAction, tuple[frozenset[MissionStatus], MissionStatus]] = {
    MissionAction.CLOSE: (frozenset({MissionStatus.OPEN}), MissionStatus.CLOSED),
    MissionAction.CANCEL: (frozenset({MissionStatus.OPEN}), MissionStatus.CANCELLED),
    MissionAction.REOPEN: (frozenset({MissionStatus.CLOSED, MissionStatus.CANCELLED}), MissionStatus.OPEN),
}
PAST = {MissionAction.CLOSE: "closed", MissionAction.CANCEL: "cancelled", MissionAction.REOPEN: "reopened"}


class MissionTransition(Problem):
    """The state of the mission does not allow this action."""

    status = 409
    title_fr = "L'état de la mission ne permet pas cette action."
    detail = "The mission is {current}; {action} requires one of: {needed}."
    detail_fr = "La mission est {current} ; {action} exige l'un de ces états : {needed}."
    cure = "Reopen the mission before you close or cancel it; one that is open needs no reopening."
    cure_fr = "Rouvrez la mission avant de la clôturer ou de l'annuler ; une mission ouverte n'est pas à rouvrir."


class MissionInUse(Problem):
    """A mission in which days count, or counted on a past day, cannot be cancelled."""

    status = 409
    title_fr = "Une mission où des jours comptent, ou ont compté à une date passée, ne peut pas être annulée."
    cure = "Close it instead; where all its days still count, reverse or recall them first, then cancel it."
    cure_fr = (
        "Clôturez-la plutôt ; si tous ses jours comptent encore, contre-passez-les ou rappelez-les d'abord, puis"
        " annulez-la."
    )


class MissionEnded(Problem):
    """The mission is closed or cancelled: nothing can be ordered or entered in it."""

    status = 409
    title_fr = "La mission est clôturée ou annulée : rien ne peut y être commandé ni saisi."
    cure = "Use another mission, or ask the operator to reopen this one."
    cure_fr = "Prenez une autre mission, ou demandez à l'opérateur de rouvrir celle-ci."


class MissionCancelled(Problem):
    """The mission was cancelled: nothing can be delivered, decided or stated in it."""

    status = 409
    title_fr = "La mission a été annulée : rien ne peut y être livré, décidé ni déclaré."
    cure = "Use another mission, or ask the operator to reopen this one."
    cure_fr = "Prenez une autre mission, ou demandez à l'opérateur de rouvrir celle-ci."


def next_status(action: MissionAction, current: MissionStatus) -> MissionStatus:
    """The state that `action` leads to. Raises `mission-transition` (409)."""
    sources, target = TRANSITIONS[action]
    if current not in sources:
        raise MissionTransition(current=current, action=action, needed=sorted(sources))
    return target
