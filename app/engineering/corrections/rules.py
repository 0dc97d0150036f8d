"""What may become of a correction, and who says so. No session, no await.

Three persons: one of the member's firm proposes, one of the lead firm agrees, one of the operator accepts. The person
who worked the day may propose, and do neither of the others.
"""

from collections.abc import Mapping
from enum import StrEnum

from app.core.faults import Fault
from app.core.problems import Problem

CHANGES_NOTHING = Fault(
    "changes_nothing",
    en="The correction must change something of the entry.",
    fr="La correction doit changer quelque chose de la saisie.",
)


class CorrectionStatus(StrEnum):
    """The life of a correction."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    STALE = "stale"


class CorrectionAction(StrEnum):
    """What may be done to a correction, each from some states to one."""

    AGREE = "agree"
    ACCEPT = "accept"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


OPEN = frozenset({CorrectionStatus.PROPOSED, CorrectionStatus.AGREED})
ENDED_WITH_REASON = frozenset({CorrectionStatus.REFUSED, CorrectionStatus.WITHDRAWN, CorrectionStatus.STALE})
TRANSITIONS: Mapping[CorrectionAction, tuple[frozenset[CorrectionStatus], CorrectionStatus]] = {
    CorrectionAction.AGREE: (frozenset({CorrectionStatus.PROPOSED}), CorrectionStatus.AGREED),
    CorrectionAction.ACCEPT: (frozenset({CorrectionStatus.AGREED}), CorrectionStatus.ACCEPTED),
    CorrectionAction.REFUSE: (OPEN, CorrectionStatus.REFUSED),
    CorrectionAction.WITHDRAW: (OPEN, CorrectionStatus.WITHDRAWN),
}


class CorrectionTransition(Problem):
    """The state of the correction does not allow this action."""

    status = 409
    title_fr = "L'état de la correction ne permet pas cette action."
    detail = "The correction is {current}; {action} requires one of: {needed}."
    detail_fr = "La correction est {current} ; {action} exige l'un de ces états : {needed}."
    cure = (
        "Ask the lead firm to agree before the operator accepts. Propose anew what was refused, withdrawn or stale,"
        " once the entry is certified."
    )
    cure_fr = (
        "Demandez l'accord du mandataire avant l'acceptation par l'opérateur. Proposez à nouveau une correction"
        " refusée, retirée ou devenue sans objet, une fois la saisie attestée."
    )


class CorrectionOpen(Problem):
    """The entry already has an open correction."""

    status = 409
    title_fr = "La saisie a déjà une correction ouverte."
    cure = "Withdraw the open correction of the entry first (filter entry_id)."
    cure_fr = "Retirez d'abord la correction ouverte de la saisie (filtre entry_id)."


class EntryNotCertified(Problem):
    """Only a certified entry is corrected in this way."""

    status = 409
    title_fr = "Seule une saisie attestée se corrige ainsi."
    detail = "The entry is {current}."
    detail_fr = "La saisie est {current}."
    cure = (
        "Change an entry that is a draft or submitted; have a validated one reversed, and name it in corrects_id of a"
        " new one."
    )
    cure_fr = (
        "Modifiez une saisie en brouillon ou soumise ; faites contre-passer une saisie validée, et nommez-la dans"
        " corrects_id d'une nouvelle."
    )


def next_status(action: CorrectionAction, current: CorrectionStatus) -> CorrectionStatus:
    """The state that `action` leads to. Raises `correction-transition` (409)."""
    sources, target = TRANSITIONS[action]
    if current not in sources:
        raise CorrectionTransition(current=current, action=action, needed=sorted(sources))
    return target
