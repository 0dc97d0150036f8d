"""What an activity report may be and become. No session, no await.

Two persons sign, each by a key of their own: the one who worked the days, then one of the lead firm. A report says what
its entries said when it was made; once one of them changes, it is stale, whoever has signed it.
"""

from collections.abc import Mapping
from enum import StrEnum

from app.core.faults import Fault
from app.core.problems import Problem, next_state


class ActivityReportStatus(StrEnum):
    """State of an activity report: derived from its signatures, and from what became of its entries."""

    TO_SIGN = "to_sign"
    SIGNED_BY_CONSULTANT = "signed_by_consultant"
    SIGNED = "signed"
    STALE = "stale"


class ActivityReportAction(StrEnum):
    """What may be done to an activity report."""

    SIGN = "sign"
    COUNTERSIGN = "countersign"


class MissingSignature(StrEnum):
    """What a report lacks that is not stale: any signature, the consultant's, or the lead firm's alone."""

    SIGNATURE = "signature"
    CONSULTANT_SIGNATURE = "consultant_signature"
    LEAD_SIGNATURE = "lead_signature"


STANDING = (ActivityReportStatus.TO_SIGN, ActivityReportStatus.SIGNED_BY_CONSULTANT, ActivityReportStatus.SIGNED)
LACKING: Mapping[MissingSignature, tuple[ActivityReportStatus, ...]] = {
    MissingSignature.SIGNATURE: (ActivityReportStatus.TO_SIGN, ActivityReportStatus.SIGNED_BY_CONSULTANT),
    MissingSignature.CONSULTANT_SIGNATURE: (ActivityReportStatus.TO_SIGN,),
    MissingSignature.LEAD_SIGNATURE: (ActivityReportStatus.SIGNED_BY_CONSULTANT,),
}
TRANSITIONS: Mapping[ActivityReportAction, tuple[tuple[ActivityReportStatus, ...], ActivityReportStatus]] = {
    ActivityReportAction.SIGN: ((ActivityReportStatus.TO_SIGN,), ActivityReportStatus.SIGNED_BY_CONSULTANT),
    ActivityReportAction.COUNTERSIGN: (
        (ActivityReportStatus.SIGNED_BY_CONSULTANT,),
        ActivityReportStatus.SIGNED,
    ),
}

SIGNED_BEFORE_LAST_DAY = Fault(
    "signed_before_last_day",
    en="Must be the last day that the report contains ({last_worked_on}), or a later day.",
    fr="Doit être le dernier jour que contient le compte rendu ({last_worked_on}), ou un jour ultérieur.",
)
SIGNED_BEFORE_CONSULTANT = Fault(
    "signed_before_consultant",
    en="Must be the day on which the consultant signed ({consultant_signed_on}), or a later day.",
    fr="Doit être le jour de la signature de l'intervenant ({consultant_signed_on}), ou un jour ultérieur.",
)

ACTIVITY_REPORT_ABSENT = Fault(
    "activity_report_absent",
    en="The month {month} has no report yet: make it (POST activity-reports), and have it signed twice.",
    fr="Le mois {month} n'a pas encore de compte rendu : établissez-le (POST activity-reports) et faites-le signer"
    " deux fois.",
)
ACTIVITY_REPORT_TO_SIGN = Fault(
    "activity_report_to_sign",
    en="The report of {month} is not signed yet: the consultant signs it, then the lead firm.",
    fr="Le compte rendu de {month} n'est pas encore signé : l'intervenant le signe, puis le mandataire.",
)
ACTIVITY_REPORT_TO_COUNTERSIGN = Fault(
    "activity_report_to_countersign",
    en="The report of {month} lacks the signature of the lead firm.",
    fr="Il manque au compte rendu de {month} la signature du mandataire.",
)
ACTIVITY_REPORT_STALE = Fault(
    "activity_report_stale",
    en="An entry has changed since the report of {month} was made: make it again, and have it signed twice.",
    fr="Une saisie a changé depuis l'établissement du compte rendu de {month} : établissez-le à nouveau et"
    " faites-le signer deux fois.",
)

# Why the days of a person and a month cannot be certified, by the state of their last report; None: there is none.
UNSIGNED: Mapping[ActivityReportStatus | None, Fault] = {
    None: ACTIVITY_REPORT_ABSENT,
    ActivityReportStatus.TO_SIGN: ACTIVITY_REPORT_TO_SIGN,
    ActivityReportStatus.SIGNED_BY_CONSULTANT: ACTIVITY_REPORT_TO_COUNTERSIGN,
    ActivityReportStatus.STALE: ACTIVITY_REPORT_STALE,
}


class ActivityReportTransition(Problem):
    """The state of the activity report does not allow this action."""

    status = 409
    title_fr = "L'état du compte rendu d'activité ne permet pas cette action."
    detail = "It is {current}; {action} requires: {needed}."
    detail_fr = "Il est {current} ; {action} exige : {needed}."
    cure = "The consultant signs first, then the lead firm, each once. Make a stale report again, and sign that one."
    cure_fr = (
        "L'intervenant signe d'abord, puis le mandataire, chacun une fois. Établissez à nouveau un compte rendu périmé,"
        " et signez celui-là."
    )


class ActivityReportExists(Problem):
    """A report of this consultant and month already stands."""

    status = 409
    constraint = "activity_report_exists"
    title_fr = "Un compte rendu de cet intervenant et de ce mois existe déjà."
    cure = "Sign that one (filters consultant_id and month). It becomes stale once one of its entries changes."
    cure_fr = "Signez celui-là (filtres consultant_id et month). Il devient périmé dès qu'une de ses saisies change."


class ActivityReportEmpty(Problem):
    """No day of this consultant counts in this month."""

    status = 409
    title_fr = "Aucun jour de cet intervenant ne compte dans ce mois."
    cure = "Submit the days of the month first, or choose another month."
    cure_fr = "Soumettez d'abord les jours du mois, ou choisissez un autre mois."


class ActivityReportNotYours(Problem):
    """Only the person who worked the days can sign the report as its consultant."""

    status = 403
    title_fr = "Seule la personne qui a effectué les jours peut signer le compte rendu en tant qu'intervenant."
    cure = "Ask that person to sign with a key of their own."
    cure_fr = "Demandez à cette personne de signer avec sa propre clé."


class ActivityReportUnsigned(Problem):
    """The framework asks for signed activity reports, and some of these days are in none."""

    status = 409
    title_fr = "L'accord-cadre exige des comptes rendus d'activité signés, et certains de ces jours n'y figurent pas."
    cure = (
        "Have the report of each consultant and month in errors made and signed twice (activity-reports), or name its"
        " days in refusals."
    )
    cure_fr = (
        "Faites établir et signer deux fois le compte rendu de chaque intervenant et mois de errors (activity-reports),"
        " ou nommez ses jours dans refusals."
    )


def next_status(action: ActivityReportAction, current: ActivityReportStatus) -> ActivityReportStatus:
    """The state after the action. Raises `activity-report-transition` (409)."""
    return next_state(TRANSITIONS, action, current, ActivityReportTransition)
