"""What an agenda may be, and what can be proposed at which level. No session, no await."""

from collections.abc import Mapping
from enum import StrEnum

from app.committees.rules import Level
from app.core.faults import Fault
from app.core.problems import Problem


class AgendaState(StrEnum):
    """Whether an agenda can still be changed."""

    DRAFT = "draft"
    FROZEN = "frozen"


class DecisionOutcome(StrEnum):
    """What a committee decides about an aid file. `withdraw` records what the firm declared."""

    PRE_SELECT = "pre_select"
    GRANT = "grant"
    REJECT = "reject"
    DEFER = "defer"
    WITHDRAW = "withdraw"


class Proposal(StrEnum):
    """What an agenda proposes for an aid file."""

    PRE_SELECT = "pre_select"
    GRANT = "grant"
    REJECT = "reject"
    DEFER = "defer"


# The outcomes that say what the firm is to receive.
WITH_AMOUNTS = (DecisionOutcome.PRE_SELECT, DecisionOutcome.GRANT)

# Two levels: the committee of the territory pre-selects, the one of the State and the Région grants.
OUTCOMES: Mapping[Level, tuple[DecisionOutcome, ...]] = {
    Level.TERRITORIAL: (
        DecisionOutcome.PRE_SELECT,
        DecisionOutcome.REJECT,
        DecisionOutcome.DEFER,
        DecisionOutcome.WITHDRAW,
    ),
    Level.STATE_REGION: (
        DecisionOutcome.GRANT,
        DecisionOutcome.REJECT,
        DecisionOutcome.DEFER,
        DecisionOutcome.WITHDRAW,
    ),
}

# --- faults ----------------------------------------------------------------------------------------------------------

DUPLICATE_FILE = Fault(
    "duplicate_file",
    en="Another item names the same file.",
    fr="Un autre point désigne le même dossier.",
)
NO_AMOUNT_GRANTED = Fault(
    "no_amount_granted",
    en="At least one of the amounts of a grant decision must be above zero.",
    fr="L'un au moins des montants d'une décision d'attribution doit être supérieur à zéro.",
)
AMOUNT_WITHOUT_AID = Fault(
    "amount_without_aid",
    en="This outcome gives no aid: the amount must be zero.",
    fr="Cette issue ne donne pas d'aide : le montant doit être nul.",
)
NOT_SUBMITTED = Fault(
    "not_submitted",
    en="The file is a draft: it must be submitted first.",
    fr="Le dossier est un brouillon : il doit d'abord être déposé.",
)


# --- refusals --------------------------------------------------------------------------------------------------------


class AgendaFrozen(Problem):
    """A frozen agenda cannot be changed."""

    status = 409
    title_fr = "Un ordre du jour figé ne peut pas être modifié."
    cure = "Reopen it with a reason (`…/agenda/reopen`), change it, and freeze it again."
    cure_fr = "Rouvrez-le en donnant le motif (`…/agenda/reopen`), modifiez-le, puis figez-le à nouveau."


class AgendaNotFrozen(Problem):
    """The agenda of the meeting is not frozen."""

    status = 409
    title_fr = "L'ordre du jour de la réunion n'est pas figé."
    cure = "Freeze it first (`…/agenda/freeze`)."
    cure_fr = "Figez-le d'abord (`…/agenda/freeze`)."


class OutcomeOfAnotherLevel(Problem):
    """The committee of this level cannot take this outcome."""

    status = 409
    title_fr = "Le comité de ce niveau ne peut pas prendre cette décision."
    detail = "A meeting of level {level} takes: {allowed}."
    detail_fr = "Une réunion de niveau {level} prend : {allowed}."
    cure = "Put the file on the agenda of a meeting of the other level, or choose one of these outcomes."
    cure_fr = (
        "Inscrivez le dossier à l'ordre du jour d'une réunion de l'autre niveau, ou choisissez l'une de ces issues."
    )


class AlreadyDecided(Problem):
    """The file has already been decided."""

    status = 409
    title_fr = "Le dossier a déjà fait l'objet d'une décision."
    detail = "Decision {reference} ({outcome}) stands."
    detail_fr = "La décision {reference} ({outcome}) tient."
    cure = "Leave its item as it was frozen; reverse that decision first if it is a mistake."
    cure_fr = "Laissez son point tel qu'il a été figé ; annulez d'abord cette décision si c'est une erreur."


# --- decisions -------------------------------------------------------------------------------------------------------


def check_level(level: Level, outcome: str) -> None:
    """The level takes this outcome. Raises `outcome-of-another-level` (409)."""
    allowed = OUTCOMES[level]
    if outcome not in allowed:
        raise OutcomeOfAnotherLevel(level=level, outcome=outcome, allowed=[str(each) for each in allowed])
