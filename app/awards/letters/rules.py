"""What a letter about an aid can be and become, and what it must say. No session, no await.

Source: décret n° 2018-514, art. 8: a decision that gives an aid says the project, the expenses that it counts, the
highest amount and rate, the planned days, how the aid is paid, and when it must be paid back.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from app.core.faults import Fault, FieldError
from app.core.problems import Problem, next_state


class LetterKind(StrEnum):
    """What a letter is."""

    NOTIFICATION = "notification"
    AGREEMENT = "agreement"


class LetterStatus(StrEnum):
    """State of a letter: each is reached by an act."""

    TO_SIGN = "to_sign"
    SIGNED = "signed"
    NOTIFIED = "notified"
    WITHDRAWN = "withdrawn"


class LetterAction(StrEnum):
    """What may be done to a letter."""

    SIGN = "sign"
    NOTIFY = "notify"
    WITHDRAW = "withdraw"


OPEN = (LetterStatus.TO_SIGN, LetterStatus.SIGNED)
TRANSITIONS: Mapping[LetterAction, tuple[tuple[LetterStatus, ...], LetterStatus]] = {
    LetterAction.SIGN: ((LetterStatus.TO_SIGN,), LetterStatus.SIGNED),
    LetterAction.NOTIFY: ((LetterStatus.SIGNED,), LetterStatus.NOTIFIED),
    LetterAction.WITHDRAW: (OPEN, LetterStatus.WITHDRAWN),
}
NEED_REASON = frozenset({LetterAction.WITHDRAW})

# What a decision must say beside its amount, by the names that it has of the aid.
TERMS = ("planned_start_on", "planned_end_on", "conditions", "payment_terms", "recovery_terms")
NEEDED = tuple(name for name in TERMS if name != "conditions")

TERM_MISSING = Fault(
    "term_missing",
    en="Must be given: neither the aid file nor an earlier notification says it.",
    fr="Doit être indiqué : ni le dossier ni une notification antérieure ne le précise.",
)
SIGNED_BY_BOTH = Fault(
    "signed_by_both",
    en="Must be given for an agreement, which both sign, and absent for a notification.",
    fr="Doit être indiqué pour une convention, que les deux parties signent, et absent pour une notification.",
)


class LetterTransition(Problem):
    """The state of the letter does not allow this action."""

    status = 409
    title_fr = "L'état du courrier ne permet pas cette action."
    detail = "It is {current}; {action} requires: {needed}."
    detail_fr = "Il est {current} ; {action} exige : {needed}."


class LetterOpen(Problem):
    """A letter of this kind about the aid is already waiting to be signed or notified."""

    status = 409
    constraint = "letter_open"
    title_fr = "Un courrier de cette nature sur l'aide attend déjà d'être signé ou notifié."
    cure = "Sign and notify that letter, or withdraw it (`…/withdraw`) and draw up another."
    cure_fr = "Signez et notifiez ce courrier, ou retirez-le (`…/withdraw`) et établissez-en un autre."


class NotifiedBeforeSignature(Problem):
    """A letter cannot be notified before the day on which it was signed."""

    status = 409
    constraint = "letter_notified_before_signature"
    title_fr = "Un courrier ne peut pas être notifié avant le jour de sa signature."
    detail = "It was signed on {signed_on}."
    detail_fr = "Il a été signé le {signed_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


def next_status(action: LetterAction, current: LetterStatus) -> LetterStatus:
    """The state after the action. Raises `letter-transition` (409)."""
    return next_state(TRANSITIONS, action, current, LetterTransition)


def faults_of_terms(terms: Mapping[str, Any]) -> list[FieldError]:
    """What a letter must say and does not."""
    return [TERM_MISSING.at(f"/{name}") for name in NEEDED if terms[name] is None]


def signed_last(signed_on: date, signed_by_firm_on: date | None) -> date:
    """The day on which the last of those who sign did."""
    return signed_on if signed_by_firm_on is None else max(signed_on, signed_by_firm_on)
