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
    """What may be done to an audition, each from one state to one."""

    HOLD = "hold"
    CANCEL = "cancel"
    NO_SHOW = "no-show"
    REVERSE = "reverse"


TRANSITIONS: Mapping[AuditionAction, tuple[AuditionStatus, AuditionStatus]] = {
    AuditionAction.HOLD: (AuditionStatus.PLANNED, AuditionStatus.HELD),
    AuditionAction.CANCEL: (AuditionStatus.PLANNED, AuditionStatus.CANCELLED),
    AuditionAction.NO_SHOW: (AuditionStatus.PLANNED, AuditionStatus.NO_SHOW),
    AuditionAction.REVERSE: (AuditionStatus.HELD, AuditionStatus.CANCELLED),  # it was said to be held by mistake
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
    cure = "Plan another audition. Cancel one that was not held; reverse one that was said to be held by mistake."
    cure_fr = "Planifiez une autre audition. Annulez (cancel) ou retirez (reverse) celle qui n'a pas eu lieu."


class AuditionOver(Problem):
    """The audition did not take place: only its follow-up can still change."""

    status = 409
    title_fr = "L'audition n'a pas eu lieu : seul son suivi peut encore changer."
    cure = "Plan another audition."
    cure_fr = "Planifiez une autre audition."


class AuditionFirmInUse(Problem):
    """A firm stays on an audition while an entry or a project of the audition is about that firm."""

    status = 409
    constraint = "audition_firm_in_use"
    title_fr = "Une entreprise reste à l'audition tant qu'une saisie ou un projet de cette audition la concerne."
    detail = "{entries} entries and {projects} projects are about it."
    detail_fr = "{entries} saisies et {projects} projets la concernent."
    cure = "Keep the firm, or let these entries and projects name another audition, or none, first."
    cure_fr = "Gardez l'entreprise, ou faites d'abord désigner une autre audition, ou aucune, à ces saisies et projets."


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
    """The state that `action` leads to. Raises `AuditionTransition` (409)."""
    source, target = TRANSITIONS[action]
    if current is not source:
        raise AuditionTransition(current=current, action=action, needed=[source])
    return target


def may_change(current: AuditionStatus, fields: frozenset[str]) -> None:
    """Refuse a change of what is over. Raises `AuditionOver` (409)."""
    if current in (AuditionStatus.CANCELLED, AuditionStatus.NO_SHOW) and not fields <= AFTERWARDS:
        raise AuditionOver
