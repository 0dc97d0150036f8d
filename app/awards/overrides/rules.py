"""What an override may lift, be and become. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.awards.rules import FirmCeased, ProceedingsOpen
from app.core.problems import Problem, next_state


class LiftedRule(StrEnum):
    """The rules that an override can lift, by the codes of their problems.

    Both are judgments about a firm, which an authority can take knowingly. The two others have a cure of their own:
    the territory follows the firm, and the programme's staff sets the status of the territory.
    """

    FIRM_CEASED = FirmCeased.code
    PROCEEDINGS_OPEN = ProceedingsOpen.code


class OverrideStatus(StrEnum):
    """State of an override as it is stored: each is reached by an act."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    USED = "used"


class OverrideState(StrEnum):
    """State of an override as it is read: `expired` is a proposed or approved one after its last day."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    USED = "used"
    EXPIRED = "expired"


class OverrideAction(StrEnum):
    """What may be done to an override."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


class LiftedAct(StrEnum):
    """The kinds of act that can name an override: they give money."""

    GRANT = "grant"
    ADVANCE = "advance"
    GRANT_PAYMENT = "grant_payment"
    ADVANCE_TRANCHE = "advance_tranche"


TRANSITIONS: Mapping[OverrideAction, tuple[tuple[OverrideStatus, ...], OverrideStatus]] = {
    OverrideAction.APPROVE: ((OverrideStatus.PROPOSED,), OverrideStatus.APPROVED),
    OverrideAction.REFUSE: ((OverrideStatus.PROPOSED,), OverrideStatus.REFUSED),
    OverrideAction.WITHDRAW: ((OverrideStatus.PROPOSED, OverrideStatus.APPROVED), OverrideStatus.WITHDRAWN),
}


class OverrideTransition(Problem):
    """The override's state does not allow this action."""

    status = 409
    title_fr = "L'état de la dérogation ne permet pas cette action."
    detail = "The override is {current}; {action} requires: {needed}."
    detail_fr = "La dérogation est {current} ; {action} exige : {needed}."


class OverrideNotApproved(Problem):
    """The override is not approved."""

    status = 409
    title_fr = "La dérogation n'est pas approuvée."
    detail = "It is {current}."
    detail_fr = "Elle est {current}."
    cure = "Have another person approve it; propose another one where it was refused or withdrawn."
    cure_fr = "Faites-la approuver par une autre personne ; proposez-en une autre si elle a été refusée ou retirée."


class OverrideExpired(Problem):
    """The override is no longer valid."""

    status = 409
    title_fr = "La dérogation n'est plus valable."
    detail = "Its last day was {valid_until_on}."
    detail_fr = "Son dernier jour était le {valid_until_on}."
    cure = "Propose another override with a later valid_until_on."
    cure_fr = "Proposez une autre dérogation avec un valid_until_on ultérieur."


class OverrideAlreadyUsed(Problem):
    """Another act has already used the override: it serves once."""

    status = 409
    title_fr = "Un autre acte a déjà utilisé la dérogation : elle ne sert qu'une fois."
    cure = "Propose another override for this act."
    cure_fr = "Proposez une autre dérogation pour cet acte."


class OverrideDoesNotApply(Problem):
    """The override lifts no rule that refuses this act."""

    status = 409
    title_fr = "La dérogation ne lève aucune règle qui refuse cet acte."
    cure = "Send the act without override_id; if it is refused, name an override of that code and firm."
    cure_fr = (
        "Envoyez l'acte sans override_id ; s'il est refusé, nommez une dérogation de ce code et de cette entreprise."
    )


# What an act that names an override can be refused by.
USE_PROBLEMS = (OverrideNotApproved, OverrideExpired, OverrideAlreadyUsed, OverrideDoesNotApply)


def next_status(action: OverrideAction, current: OverrideStatus) -> OverrideStatus:
    """The state after the action. Raises `override-transition` (409)."""
    return next_state(TRANSITIONS, action, current, OverrideTransition)
