"""What an audition may be and become. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.core.problems import Problem


class AuditionKind(StrEnum):
    """How a firm is met."""

    INTERVIEW = "interview"
    SITE_VISIT = "site_visit"
    GROUP_MEETING = "group_meeting"
    CALL = "call"


class AuditionStatus(StrEnum):
    """The life of an audition."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class NeedCategory(StrEnum):
    """What a firm needs help with."""

    FINANCING = "financing"
    PREMISES = "premises"
    WORKFORCE = "workforce"
    TECHNOLOGY = "technology"
    DIGITAL = "digital"
    ENERGY = "energy"
    ENVIRONMENT = "environment"
    MARKET = "market"
    SUPPLY = "supply"
    SUCCESSION = "succession"
    OTHER = "other"


class AuditionFollowUp(StrEnum):
    """What becomes of an audition's follow-up."""

    NONE = "none"
    OPEN = "open"
    DONE = "done"


class AuditionAction(StrEnum):
    """What may be done to a planned audition."""

    HOLD = "hold"
    CANCEL = "cancel"
    NO_SHOW = "no-show"


TRANSITIONS: Mapping[AuditionAction, AuditionStatus] = {
    AuditionAction.HOLD: AuditionStatus.HELD,
    AuditionAction.CANCEL: AuditionStatus.CANCELLED,
    AuditionAction.NO_SHOW: AuditionStatus.NO_SHOW,
}

# What may still change of an audition that did not take place: how it is followed up, and how others know it.
AFTERWARDS = frozenset({"follow_up", "follow_up_owner_id", "follow_up_due_on", "follow_up_done_on", "external_id"})


# --- refusals --------------------------------------------------------------------------------------------------------


class AuditionTransition(Problem):
    """The audition's state does not allow this action."""

    status = 409
    title_fr = "L'état de l'audition ne permet pas cette action."
    detail = "The audition is {current}; {action} requires: {needed}."
    detail_fr = "L'audition est {current} ; {action} exige : {needed}."
    cure = "Plan another audition."
    cure_fr = "Planifiez une autre audition."


class AuditionOver(Problem):
    """The audition did not take place: only its follow-up can still change."""

    status = 409
    title_fr = "L'audition n'a pas eu lieu : seul son suivi peut encore changer."
    cure = "Plan another audition."
    cure_fr = "Planifiez une autre audition."


class FollowUpIncomplete(Problem):
    """A follow-up must have an owner and a due date, and cannot be done before the audition."""

    status = 422
    title_fr = "Un suivi doit avoir un responsable et une échéance, et ne peut pas être fait avant l'audition."
    cure = (
        "Send follow_up_owner_id and follow_up_due_on together, or clear all of the follow-up; follow_up_done_on is the"
        " day of the audition or a later one."
    )
    cure_fr = (
        "Envoyez follow_up_owner_id et follow_up_due_on ensemble, ou effacez tout le suivi ; follow_up_done_on est le"
        " jour de l'audition ou un jour ultérieur."
    )


class NothingFoundYet(Problem):
    """Findings can be recorded only for an audition that was held."""

    status = 409
    title_fr = "Des constats ne se consignent que pour une audition tenue."
    cure = "Record first that the audition was held."
    cure_fr = "Consignez d'abord que l'audition a eu lieu."


# --- decisions -------------------------------------------------------------------------------------------------------


def next_status(action: AuditionAction, current: AuditionStatus) -> AuditionStatus:
    """The state that `action` leads to: each starts from `planned`. Raises `AuditionTransition` (409)."""
    if current is not AuditionStatus.PLANNED:
        raise AuditionTransition(current=current, action=action, needed=[AuditionStatus.PLANNED])
    return TRANSITIONS[action]


def may_change(current: AuditionStatus, fields: frozenset[str]) -> None:
    """Refuse a change of what is over. Raises `AuditionOver` (409)."""
    if current in (AuditionStatus.CANCELLED, AuditionStatus.NO_SHOW) and not fields <= AFTERWARDS:
        raise AuditionOver
