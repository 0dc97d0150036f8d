"""The life of a roadmap's versions and of its actions. No session, no await.

What a committee adopted never changes; what moves is the follow-up of its actions, which is kept apart from the text.
"""

from collections.abc import Mapping
from enum import StrEnum

from app.core.messages import REQUIRED
from app.core.problems import Problem, ValidationFailed


class VersionStatus(StrEnum):
    """A roadmap under way, the one in force, or one that another has replaced."""

    DRAFT = "draft"
    ADOPTED = "adopted"
    SUPERSEDED = "superseded"


class ActionState(StrEnum):
    """How far an action has come."""

    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    DONE = "done"
    DROPPED = "dropped"


MOVES: Mapping[ActionState, frozenset[ActionState]] = {
    ActionState.PLANNED: frozenset({ActionState.IN_PROGRESS, ActionState.DROPPED}),
    ActionState.IN_PROGRESS: frozenset({ActionState.DONE, ActionState.ON_HOLD, ActionState.DROPPED}),
    ActionState.ON_HOLD: frozenset({ActionState.IN_PROGRESS, ActionState.DROPPED}),
    ActionState.DONE: frozenset({ActionState.IN_PROGRESS}),
    ActionState.DROPPED: frozenset({ActionState.PLANNED}),
}

# Moves that are told with a reason: out, to rest, and back.
NEED_REASON = frozenset(
    {(source, target) for source, targets in MOVES.items() for target in targets
     if target in (ActionState.DROPPED, ActionState.ON_HOLD) or source in (ActionState.DONE, ActionState.DROPPED)}
)  # fmt: skip


class ActionMoveRefused(Problem):
    """The action cannot go from its state to that one."""

    status = 409
    title_fr = "L'action ne peut pas passer de son état à celui-là."
    detail = "It is {current}; from there it may become: {allowed}."
    detail_fr = "Elle est {current} ; de là elle peut devenir : {allowed}."


class ActionMoveOutOfOrder(Problem):
    """A move cannot be dated before the one it follows."""

    status = 409
    title_fr = "Un changement d'état ne peut pas précéder celui auquel il fait suite."
    detail = "The action has been in its state since {state_since_on}."
    detail_fr = "L'action est dans son état depuis le {state_since_on}."


class ActionNotInForce(Problem):
    """Only actions of the roadmap in force are followed."""

    status = 409
    title_fr = "Seules les actions de la feuille de route en vigueur sont suivies."
    cure = "Have the roadmap that holds this action adopted first."
    cure_fr = "Faites d'abord adopter la feuille de route qui porte cette action."


class RoadmapAdopted(Problem):
    """An adopted roadmap never changes."""

    status = 409
    title_fr = "Une feuille de route adoptée ne change plus."
    detail = "It is {current}."
    detail_fr = "Elle est {current}."
    cure = "Start a new draft: it begins as a copy of the roadmap in force."
    cure_fr = "Ouvrez un nouveau projet : il commence comme une copie de la feuille de route en vigueur."


class DraftExists(Problem):
    """The territory has a draft of its roadmap already."""

    status = 409
    title_fr = "Le territoire a déjà un projet de feuille de route."
    cure = "Change that draft, or delete it first."
    cure_fr = "Modifiez ce projet, ou supprimez-le d'abord."


class CommitteeNotHeld(Problem):
    """A roadmap is adopted by a committee that was held."""

    status = 409
    title_fr = "Une feuille de route est adoptée par un comité qui s'est tenu."
    detail = "The meeting is {current}."
    detail_fr = "La réunion est {current}."
    cure = "Record the meeting as held first."
    cure_fr = "Enregistrez d'abord la tenue de la réunion."


class RoadmapInForceTwice(Problem):
    """Two roadmaps would be in force on the same day."""

    status = 409
    title_fr = "Deux feuilles de route seraient en vigueur le même jour."
    detail = "The one in force was adopted on {adopted_on}."
    detail_fr = "Celle qui est en vigueur a été adoptée le {adopted_on}."
    cure = "Adopt the new one by a later meeting."
    cure_fr = "Faites adopter la nouvelle par une réunion ultérieure."


class RoadmapEmpty(Problem):
    """A roadmap without an action is not adopted."""

    status = 409
    title_fr = "Une feuille de route sans action ne s'adopte pas."


class AdopterNotAPerson(Problem):
    """An adoption is recorded by a person, not by a service account."""

    status = 403
    title_fr = "Une adoption est enregistrée par une personne, non par un compte de service."
    cure = "Use the key of a person."
    cure_fr = "Utilisez la clé d'une personne."


def check_move(current: ActionState, target: ActionState, reason: str | None) -> None:
    """Refuse a move that does not exist (`action-move-refused`, 409) or lacks its reason (422)."""
    targets = MOVES[current]
    if target not in targets:
        raise ActionMoveRefused(current=current, allowed=", ".join(sorted(targets)))
    if (current, target) in NEED_REASON and reason is None:
        raise ValidationFailed(errors=[REQUIRED.at("/reason")])
