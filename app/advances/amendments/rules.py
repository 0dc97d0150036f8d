"""What an amendment of an advance can ask for, be and become. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.advances.schedule import half_up
from app.core.faults import Fault
from app.core.problems import Problem


class AmendmentKind(StrEnum):
    """What an amendment of an advance is."""

    RESCHEDULE = "reschedule"
    WAIVER = "waiver"
    RATE_CHANGE = "rate_change"
    AVAILABILITY_EXTENSION = "availability_extension"
    WRITE_OFF = "write_off"


class AmendmentStatus(StrEnum):
    """State of an amendment of an advance; `found`: the failure that a waiver is asked for was found."""

    REQUESTED = "requested"
    FOUND = "found"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class AmendmentAction(StrEnum):
    """What may be done to an amendment of an advance."""

    FIND = "find"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


class RescheduleKind(StrEnum):
    """What a reschedule does to the open lines.

    `move`: a line and all after it, to a first new day; `add_instalments`: more lines for what is not due yet; `grace`:
    periods of rest before a line; `re_amortise`: the arrears over the lines ahead; `re_age`: everything open over new
    lines.
    """

    MOVE = "move"
    ADD_INSTALMENTS = "add_instalments"
    GRACE = "grace"
    RE_AMORTISE = "re_amortise"
    RE_AGE = "re_age"


class Waived(StrEnum):
    """How much of what is outstanding a failure waives."""

    FULL = "full"
    PART = "part"
    NONE = "none"


class WriteOffGround(StrEnum):
    """Why what is outstanding cannot be had: irrecoverable, prescribed, or proceedings closed for lack of assets."""

    IRRECOVERABLE = "irrecoverable"
    PRESCRIBED = "prescribed"
    CLOSED_FOR_LACK_OF_ASSETS = "closed_for_lack_of_assets"


class AnnouncedStatus(StrEnum):
    """An early repayment is announced, came in as a repayment, or is withdrawn."""

    ANNOUNCED = "announced"
    RECEIVED = "received"
    WITHDRAWN = "withdrawn"


_A, _S = AmendmentAction, AmendmentStatus
Transitions = Mapping[AmendmentAction, tuple[frozenset[AmendmentStatus], AmendmentStatus]]
_TWO_PERSONS: Transitions = {
    _A.APPROVE: (frozenset({_S.REQUESTED}), _S.APPROVED),
    _A.REFUSE: (frozenset({_S.REQUESTED}), _S.REFUSED),
    _A.WITHDRAW: (frozenset({_S.REQUESTED}), _S.WITHDRAWN),
}
# The states that an action starts from, and the one that it leads to.
TRANSITIONS: Mapping[AmendmentKind, Transitions] = {
    **dict.fromkeys(AmendmentKind, _TWO_PERSONS),
    AmendmentKind.WAIVER: {
        _A.FIND: (frozenset({_S.REQUESTED}), _S.FOUND),
        _A.APPROVE: (frozenset({_S.FOUND}), _S.APPROVED),
        _A.REFUSE: (frozenset({_S.FOUND}), _S.REFUSED),
        _A.WITHDRAW: (frozenset({_S.REQUESTED, _S.FOUND}), _S.WITHDRAWN),
    },
}

NEED_REASON = frozenset({_A.REFUSE, _A.WITHDRAW})

# The fields that each kind of reschedule gives, and no other.
FIELDS: Mapping[RescheduleKind, tuple[str, ...]] = {
    RescheduleKind.MOVE: ("due_on", "first_on"),
    RescheduleKind.ADD_INSTALMENTS: ("instalments",),
    RescheduleKind.GRACE: ("due_on", "periods", "grace_kind"),
    RescheduleKind.RE_AMORTISE: (),
    RescheduleKind.RE_AGE: ("instalments", "first_on"),
}

FIELDS_OF_RESCHEDULE = Fault(
    "fields_of_reschedule",
    en="A reschedule of this kind gives, and gives no other: {fields}.",
    fr="Un rééchelonnement de cette nature donne, et rien d'autre : {fields}.",
)
FIELDS_OF_WAIVER = Fault(
    "fields_of_waiver",
    en="A part is given by amount_cents and share; full and none by neither.",
    fr="Une part se donne par amount_cents et share ; full et none par aucun des deux.",
)
CHOICE_MISSING = Fault(
    "choice_missing",
    en="Choose shorten (the last lines fall away) or respread (the lines are made again).",
    fr="Choisissez shorten (les dernières lignes tombent) ou respread (les lignes sont recalculées).",
)


class AmendmentTransition(Problem):
    """The request is not in a state that allows this."""

    status = 409
    title_fr = "L'état de la demande ne le permet pas."
    detail = "The request is {current}; this needs {needed}."
    detail_fr = "La demande est {current} ; il faut {needed}."


class NothingOutstanding(Problem):
    """Nothing of the advance is outstanding."""

    status = 409
    title_fr = "Plus rien n'est dû sur cette avance."


class AlreadyWrittenOff(Problem):
    """The advance is written off: it takes no further act but receipts."""

    status = 409
    title_fr = "L'avance est admise en non-valeur : elle n'admet plus que des encaissements."
    detail = "It was written off on {written_off_on}."
    detail_fr = "L'admission date du {written_off_on}."


class NotConditional(Problem):
    """The advance is repaid whatever happens: its agreement foresees no waiver on failure."""

    status = 409
    title_fr = "L'avance est remboursable quoi qu'il arrive : sa convention ne prévoit pas d'abandon en cas d'échec."
    cure = "Ask for a reschedule where the firm cannot pay on its days."
    cure_fr = "Demandez un rééchelonnement si l'entreprise ne peut pas payer aux échéances."


class WaiverTooHigh(Problem):
    """The waiver would leave less than the minimum repayment, or waive more than is outstanding."""

    status = 409
    title_fr = "L'abandon laisserait moins que le remboursement minimal, ou dépasserait ce qui reste dû."
    detail = "At most {most_cents} can be waived."
    detail_fr = "Au plus {most_cents} peuvent être abandonnés."
    cure = "Waive at most this amount, as a part."
    cure_fr = "Abandonnez au plus ce montant, en partie."


class NoLineAhead(Problem):
    """All open lines are due: no line ahead could take what is rescheduled."""

    status = 409
    title_fr = "Toutes les lignes ouvertes sont échues : aucune ligne à venir ne peut recevoir ce qui est rééchelonné."
    cure = "Ask for the kind re_age: everything open over new lines."
    cure_fr = "Demandez la nature re_age : tout ce qui est ouvert sur de nouvelles lignes."


class FirstDayTooEarly(Problem):
    """The first new day must be after today and after the lines that stay."""

    status = 409
    title_fr = "Le premier nouveau jour doit suivre aujourd'hui et les lignes qui restent."
    detail = "It must be after {after_on}."
    detail_fr = "Il doit suivre le {after_on}."
    cure = "Enter a later day."
    cure_fr = "Saisissez un jour ultérieur."


class RescheduleTooLong(Problem):
    """The schedule would have too many lines, or go past the last year."""

    status = 409
    title_fr = "L'échéancier aurait trop de lignes ou dépasserait la dernière année."
    detail = "At most {most} lines, and none after {last_year}."
    detail_fr = "Au plus {most} lignes, et aucune après {last_year}."
    cure = "Ask for fewer instalments or an earlier first day."
    cure_fr = "Demandez moins d'échéances ou un premier jour plus proche."


class BeforeLastVersion(Problem):
    """The decision cannot be dated before the last act that changed the schedule."""

    status = 409
    title_fr = "La décision ne peut pas être datée d'avant le dernier acte qui a changé l'échéancier."
    detail = "The last one counts from {from_on}."
    detail_fr = "Le dernier compte à partir du {from_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


class NothingToExtend(Problem):
    """The agreement names no last day on which the advance is drawn, or all of it is paid or released."""

    status = 409
    title_fr = "La convention ne fixe pas de dernier jour de tirage, ou toute l'avance est versée ou libérée."


class AvailabilityNotExtended(Problem):
    """The new last day on which the advance is drawn must be after the present one."""

    status = 409
    title_fr = "Le nouveau dernier jour de tirage doit suivre le dernier jour actuel."
    detail = "The present one is {available_until_on}."
    detail_fr = "Le dernier jour actuel est le {available_until_on}."
    cure = "Enter a later day."
    cure_fr = "Saisissez un jour ultérieur."


class EarlyRepaymentTransition(Problem):
    """The early repayment has already come in or been withdrawn."""

    status = 409
    title_fr = "Le remboursement anticipé a déjà été reçu ou retiré."
    detail = "It is {current}."
    detail_fr = "Il est {current}."


class NoSuccessFee(Problem):
    """The agreement has no success fee."""

    status = 409
    title_fr = "La convention ne prévoit pas de redevance en cas de succès."


def success_fee(turnover_cents: int, rate_bp: int, most_cents: int, charged_cents: int) -> int:
    """The fee on the turnover of a year: half-up, and no more than the cap leaves."""
    return max(0, min(half_up(turnover_cents * rate_bp, 10_000), most_cents - charged_cents))


def check_amendment(kind: AmendmentKind, status: str, action: AmendmentAction) -> AmendmentStatus:
    """What an amendment becomes by the action. Raises `amendment-transition` (409)."""
    needed, becomes = TRANSITIONS[kind][action]
    if status not in needed:
        raise AmendmentTransition(current=status, needed=" or ".join(sorted(needed)))
    return becomes
