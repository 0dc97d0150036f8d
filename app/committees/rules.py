"""What a meeting may be and become. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.core.problems import Problem


class Level(StrEnum):
    """The committee of the territory itself, or the one of the State and the Région, which selects aid files."""

    TERRITORIAL = "territorial"
    STATE_REGION = "state_region"


class CommitteeStatus(StrEnum):
    """State of a meeting."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"
    CLOSED = "closed"


OVER = (CommitteeStatus.CANCELLED, CommitteeStatus.CLOSED)  # the record no longer changes


class MemberKind(StrEnum):
    """Whether a seat belongs to a person, or to an organisation whoever represents it."""

    PERSON = "person"
    ORGANISATION = "organisation"


class Attendance(StrEnum):
    """How a member took part in the meeting; present and represented count for the quorum."""

    PRESENT = "present"
    REPRESENTED = "represented"
    EXCUSED = "excused"
    ABSENT = "absent"


class CommitteeAction(StrEnum):
    """What may be done to a meeting, each from one state to one."""

    HOLD = "hold"
    CANCEL = "cancel"
    CLOSE = "close"


TRANSITIONS: Mapping[CommitteeAction, tuple[CommitteeStatus, CommitteeStatus]] = {
    CommitteeAction.HOLD: (CommitteeStatus.PLANNED, CommitteeStatus.HELD),
    CommitteeAction.CANCEL: (CommitteeStatus.PLANNED, CommitteeStatus.CANCELLED),
    CommitteeAction.CLOSE: (CommitteeStatus.HELD, CommitteeStatus.CLOSED),
}

# --- refusals --------------------------------------------------------------------------------------------------------


class MeetingTransition(Problem):
    """The meeting's state does not allow this action."""

    status = 409
    title_fr = "L'état de la réunion ne permet pas cette action."
    detail = "The meeting is {current}; {action} requires: {needed}."
    detail_fr = "La réunion est {current} ; {action} exige : {needed}."


class MeetingClosed(Problem):
    """The meeting is over: its record can no longer change."""

    status = 409
    title_fr = "La réunion est terminée : son procès-verbal ne peut plus changer."
    cure = "Record new facts at the next meeting."
    cure_fr = "Consignez les faits nouveaux à la prochaine réunion."


class ChairMissing(Problem):
    """The meeting has no chair."""

    status = 409
    title_fr = "La réunion n'a pas de président."
    cure = "Mark one or two members as chair."
    cure_fr = "Désignez un ou deux membres comme présidents (chair)."


class AttendanceMissing(Problem):
    """The attendance of a member is not recorded."""

    status = 409
    title_fr = "La présence d'un membre n'est pas consignée."
    cure = "Record the attendance of each member: present, represented, excused or absent."
    cure_fr = "Consignez la présence de chaque membre : present, represented, excused ou absent."


class MinutesMissing(Problem):
    """The minutes are not adopted."""

    status = 409
    title_fr = "Le procès-verbal n'est pas adopté."
    cure = "Record the minutes and the day on which they were adopted, then close the meeting."
    cure_fr = "Consignez le procès-verbal et son jour d'adoption, puis clôturez la réunion."


class MinutesAdoptedOn(Problem):
    """Minutes must be adopted between the day of the meeting and today."""

    status = 409
    title_fr = "Un procès-verbal doit être adopté entre le jour de la réunion et aujourd'hui."


class MeetingDecided(Problem):
    """The meeting has decided: when it was held, its quorum and who came cannot change."""

    status = 409
    title_fr = "La réunion a statué : sa date, son quorum et les présences ne peuvent plus changer."
    cure = "Reverse its decisions first, correct the meeting, and decide again."
    cure_fr = "Annulez d'abord ses décisions, corrigez la réunion, puis statuez à nouveau."


class MeetingDayInUse(Problem):
    """The day of a meeting stays while an award or a roadmap rests on it."""

    status = 409
    constraint = "meeting_day_in_use"
    title_fr = "Le jour d'une réunion ne change pas tant qu'une attribution ou une feuille de route repose sur lui."
    detail = "{awards} awards decided before the new day and {roadmaps} roadmaps adopted on the old one name it."
    detail_fr = (
        "{awards} attributions décidées avant le nouveau jour et {roadmaps} feuilles de route adoptées l'ancien jour la"
        " désignent."
    )
    cure = "Keep the day, or reverse these awards first; an adopted roadmap keeps the day of its meeting."
    cure_fr = (
        "Gardez le jour, ou annulez d'abord ces attributions ; une feuille de route adoptée garde celui de sa réunion."
    )


class MinutesBeforeTheMeeting(Problem):
    """A meeting that was not held cannot have minutes."""

    status = 409
    title_fr = "Une réunion qui n'a pas eu lieu ne peut pas avoir de procès-verbal."
    cure = "Record first that the meeting was held."
    cure_fr = "Consignez d'abord que la réunion a eu lieu."


# --- decisions -------------------------------------------------------------------------------------------------------


def next_status(action: CommitteeAction, current: CommitteeStatus) -> CommitteeStatus:
    """The state that `action` leads to. Raises `MeetingTransition` (409)."""
    source, target = TRANSITIONS[action]
    if current is not source:
        raise MeetingTransition(current=current, action=action, needed=[source])
    return target
