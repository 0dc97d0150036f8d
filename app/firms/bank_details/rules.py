"""What bank details can be and become. No session, no await."""

import re
from collections.abc import Mapping
from enum import StrEnum

from app.core.faults import Fault
from app.core.problems import Problem, next_state
from app.core.values import is_iban

IBAN_IN_TEXT = Fault(
    "iban_in_text",
    en="Must not contain an IBAN: this text is shown in full to everyone who may read it.",
    fr="Ne doit pas contenir d'IBAN : ce texte est montré en entier à qui peut le lire.",
)

_SEPARATOR = re.compile(r"[^0-9A-Z]")
_BEGINNING = re.compile(r"(?=[A-Z]{2}[0-9]{2})")
_LENGTHS = range(15, 35)


class BankDetailsStatus(StrEnum):
    """State of a firm's bank details: each is reached by an act."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class BankDetailsAction(StrEnum):
    """What may be done to bank details."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


TRANSITIONS: Mapping[BankDetailsAction, tuple[tuple[BankDetailsStatus, ...], BankDetailsStatus]] = {
    BankDetailsAction.APPROVE: ((BankDetailsStatus.PROPOSED,), BankDetailsStatus.APPROVED),
    BankDetailsAction.REFUSE: ((BankDetailsStatus.PROPOSED,), BankDetailsStatus.REFUSED),
    BankDetailsAction.WITHDRAW: (
        (BankDetailsStatus.PROPOSED, BankDetailsStatus.APPROVED), BankDetailsStatus.WITHDRAWN,
    ),
}  # fmt: skip


class BankDetailsTransition(Problem):
    """The state of the bank details does not allow this action."""

    status = 409
    title_fr = "L'état des coordonnées bancaires ne permet pas cette action."
    detail = "They are {current}; {action} requires: {needed}."
    detail_fr = "Elles sont {current} ; {action} exige : {needed}."


class BankDetailsAlreadyProposed(Problem):
    """Other bank details of the firm are already proposed."""

    status = 409
    title_fr = "D'autres coordonnées bancaires de l'entreprise sont déjà proposées."
    cure = "Withdraw those that are proposed, or have them approved or refused."
    cure_fr = "Retirez celles qui sont proposées, ou faites-les approuver ou refuser."


def next_status(action: BankDetailsAction, current: BankDetailsStatus) -> BankDetailsStatus:
    """The state after the action. Raises `bank-details-transition` (409)."""
    return next_state(TRANSITIONS, action, current, BankDetailsTransition)


def masked(iban: str) -> str:
    """An IBAN as it is shown: the first four and the last four characters."""
    return f"{iban[:4]} •••• {iban[-4:]}"


def holds_iban(text: str) -> bool:
    """Whether an IBAN stands somewhere in the text, however its characters are spaced."""
    packed = _SEPARATOR.sub("", text.upper())
    return any(
        is_iban(packed[begin.start() : begin.start() + length])
        for begin in _BEGINNING.finditer(packed)
        for length in _LENGTHS
    )


def with_ibans_masked(text: str) -> str:
    """The text with the mask of each IBAN in its place, however its characters are spaced."""
    spelt = [(place, each) for place, character in enumerate(text) for each in _SEPARATOR.sub("", character.upper())]
    kept = [place for place, _ in spelt]
    packed = "".join(each for _, each in spelt)
    for begin in _BEGINNING.finditer(packed):
        for length in _LENGTHS:
            first, last = begin.start(), begin.start() + length
            if is_iban(found := packed[first:last]):
                return text[: kept[first]] + masked(found) + with_ibans_masked(text[kept[last - 1] + 1 :])
    return text


class BankDetailsUnapproved(Problem):
    """The firm has no approved bank details in this territory."""

    status = 409
    title_fr = "L'entreprise n'a pas de coordonnées bancaires approuvées dans ce territoire."
    cure = "Propose its bank details (`T/firms/…/bank-details`), and have another person approve them."
    cure_fr = (
        "Proposez ses coordonnées bancaires (`T/firms/…/bank-details`), et faites-les approuver par une autre personne."
    )
