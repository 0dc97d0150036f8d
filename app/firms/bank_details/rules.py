"""What bank details can be and become. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.core.problems import Problem, next_state


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


class IbanNotHeld(Problem):
    """The IBAN of this account is not here: its territory came from another installation, without the numbers."""

    status = 409
    title_fr = "L'IBAN de ce compte n'est pas ici : son territoire vient d'une autre installation, sans les numéros."
    detail = "The IBAN of {iban_masked} is not held here."
    detail_fr = "L'IBAN de {iban_masked} n'est pas détenu ici."
    cure = (
        "Cancel the runs that name the account, propose the same account again with its IBAN, and have another person"
        " approve it."
    )
    cure_fr = (
        "Annulez les ordres qui nomment le compte, proposez de nouveau le même compte avec son IBAN, et faites-le"
        " approuver par une autre personne."
    )


def held(iban: str | None, masked: str) -> str:
    """The number of an account. Raises `iban-not-held` (409)."""
    if iban is None:
        raise IbanNotHeld(iban_masked=masked)
    return iban


def next_status(action: BankDetailsAction, current: BankDetailsStatus) -> BankDetailsStatus:
    """The state after the action. Raises `bank-details-transition` (409)."""
    return next_state(TRANSITIONS, action, current, BankDetailsTransition)


class BankDetailsUnapproved(Problem):
    """The firm has no approved bank details in this territory."""

    status = 409
    title_fr = "L'entreprise n'a pas de coordonnées bancaires approuvées dans ce territoire."
    cure = "Propose its bank details (`T/firms/…/bank-details`), and have another person approve them."
    cure_fr = (
        "Proposez ses coordonnées bancaires (`T/firms/…/bank-details`), et faites-les approuver par une autre personne."
    )
