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
    detail = "It is {current}; {action} needs it to be {needed}."
    detail_fr = "Elle est {current} ; {action} demande qu'elle soit {needed}."


class MeetingClosed(Problem):
    """The meeting is over: its record no longer changes."""

    status = 409
    title_fr = "La réunion est terminée : son procès-verbal ne change plus."
    cure = "Record what is new at the next meeting."
    cure_fr = "Consignez ce qui est nouveau à la prochaine réunion."


class ChairMissing(Problem):
    """Nobody presides over the meeting."""

    status = 409
    title_fr = "Personne ne préside la réunion."
    cure = "Name one or two of the members as chair."
    cure_fr = "Désignez un ou deux membres comme présidents."


class AttendanceMissing(Problem):
    """The attendance of a member is not recorded."""

    status = 409
    title_fr = "La présence d'un membre n'est pas consignée."
    cure = "Say for each member: present, represented, excused or absent."
    cure_fr = "Indiquez pour chaque membre : présent, représenté, excusé ou absent."


class MinutesMissing(Problem):
    """The minutes are not adopted."""

    status = 409
    title_fr = "Le procès-verbal n'est pas adopté."
    cure = "Record the minutes and the day on which they were adopted, then close the meeting."
    cure_fr = "Consignez le procès-verbal et son jour d'adoption, puis clôturez la réunion."


class MinutesAdoptedOn(Problem):
    """Minutes are adopted between the day of the meeting and today."""

    status = 409
    title_fr = "Un procès-verbal s'adopte entre le jour de la réunion et aujourd'hui."


class MinutesBeforeTheMeeting(Problem):
    """There are no minutes of a meeting that was not held."""

    status = 409
    title_fr = "Il n'y a pas de procès-verbal d'une réunion qui n'a pas eu lieu."
    cure = "Record first that the meeting was held."
    cure_fr = "Consignez d'abord que la réunion a eu lieu."


# --- decisions -------------------------------------------------------------------------------------------------------


def next_status(action: CommitteeAction, current: CommitteeStatus) -> CommitteeStatus:
    """The state that `action` leads to. Raises `MeetingTransition` (409)."""
    source, target = TRANSITIONS[action]
    if current is not source:
        raise MeetingTransition(current=current, action=action, needed=source)
    return target
