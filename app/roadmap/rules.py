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

# Moves that need a reason: out, to rest, and back.
NEED_REASON = frozenset(
    {(source, target) for source, targets in MOVES.items() for target in targets
     if target in (ActionState.DROPPED, ActionState.ON_HOLD) or source in (ActionState.DONE, ActionState.DROPPED)}
)  # fmt: skip


class ActionMoveRefused(Problem):
    """The action cannot change from its state to the requested one."""

    status = 409
    title_fr = "L'action ne peut pas passer de son état à l'état demandé."
    detail = "The action is {current}; it can become: {allowed}."
    detail_fr = "L'action est {current} ; elle peut devenir : {allowed}."


class ActionMoveOutOfOrder(Problem):
    """A change of state cannot be dated before the previous one."""

    status = 409
    title_fr = "Un changement d'état ne peut pas être daté avant le précédent."
    detail = "The action has been in its state since {state_since_on}."
    detail_fr = "L'action est dans son état depuis le {state_since_on}."


class ActionNotInForce(Problem):
    """Only actions of the roadmap in force can be followed."""

    status = 409
    title_fr = "Seules les actions de la feuille de route en vigueur peuvent être suivies."
    cure = "Adopt first the roadmap that contains this action."
    cure_fr = "Adoptez d'abord la feuille de route qui contient cette action."


class RoadmapAdopted(Problem):
    """An adopted roadmap can no longer change."""

    status = 409
    title_fr = "Une feuille de route adoptée ne peut plus changer."
    detail = "The roadmap is {current}."
    detail_fr = "La feuille de route est {current}."
    cure = "Create a new draft: it begins as a copy of the roadmap in force."
    cure_fr = "Créez un nouveau projet : il commence comme une copie de la feuille de route en vigueur."


class DraftExists(Problem):
    """The territory already has a draft of its roadmap."""

    status = 409
    title_fr = "Le territoire a déjà un projet de feuille de route."
    cure = "Change that draft, or delete it first."
    cure_fr = "Modifiez ce projet, ou supprimez-le d'abord."


class CommitteeNotHeld(Problem):
    """A roadmap can be adopted only by a committee that was held."""

    status = 409
    title_fr = "Une feuille de route ne peut être adoptée que par un comité qui s'est tenu."
    detail = "The meeting is {current}."
    detail_fr = "La réunion est {current}."
    cure = "Record first that the meeting was held."
    cure_fr = "Consignez d'abord que la réunion a eu lieu."


class RoadmapInForceTwice(Problem):
    """Two roadmaps would be in force on the same day."""

    status = 409
    title_fr = "Deux feuilles de route seraient en vigueur le même jour."
    detail = "The roadmap in force was adopted on {adopted_on}."
    detail_fr = "La feuille de route en vigueur a été adoptée le {adopted_on}."
    cure = "Adopt the new roadmap by a later meeting."
    cure_fr = "Adoptez la nouvelle par une réunion ultérieure."


class RoadmapEmpty(Problem):
    """A roadmap without an action cannot be adopted."""

    status = 409
    title_fr = "Une feuille de route sans action ne peut pas être adoptée."


def check_move(current: ActionState, target: ActionState, reason: str | None) -> None:
    """Refuse a move that does not exist (`action-move-refused`, 409) or is sent without its reason (422)."""
    targets = MOVES[current]
    if target not in targets:
        raise ActionMoveRefused(current=current, allowed=sorted(targets))
    if (current, target) in NEED_REASON and reason is None:
        raise ValidationFailed(errors=[REQUIRED.at("/reason")])
