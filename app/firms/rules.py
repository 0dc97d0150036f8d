"""What decides about firms: the stages, and the sections of the nomenclatures. No session, no await."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from app.core.faults import Fault
from app.core.problems import Problem, ValidationFailed

REASON_REQUIRED = Fault("reason_required", en="Give a reason for this stage.", fr="Donnez un motif pour cette étape.")


class Stage(StrEnum):
    """How far a territory has come with a firm."""

    IDENTIFIED = "identified"
    SOLICITED = "solicited"
    INTERVIEWED = "interviewed"
    SHORTLISTED = "shortlisted"
    SUPPORTED = "supported"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"


class NafVersion(StrEnum):
    """Nomenclature of an activity code: NAF rev. 2, or NAF 2025, which replaces it on 1 January 2027."""

    REV_2 = "naf_rev2"
    NAF_2025 = "naf_2025"


# The nomenclature of a code beside which none is named, from its first day on.
_NOMENCLATURES = ((date(2027, 1, 1), NafVersion.NAF_2025), (date.min, NafVersion.REV_2))


def nomenclature_on(day: date) -> NafVersion:
    """The nomenclature in force on a day: what a code means beside which none is named."""
    return next(version for first, version in _NOMENCLATURES if first <= day)


class StageNotReachable(Problem):
    """The firm cannot change from its stage to the requested one."""

    status = 409
    title_fr = "L'entreprise ne peut pas passer de son étape à l'étape demandée."
    detail = "From {from_stage} a firm can change to: {allowed}. The requested stage is {to_stage}."
    detail_fr = "De {from_stage}, une entreprise peut passer à : {allowed}. L'étape demandée est {to_stage}."
    cure = "Record the stages between, or correct an earlier stage by recording another on its day."
    cure_fr = "Enregistrez les étapes intermédiaires, ou corrigez une étape en en enregistrant une autre à sa date."


class StageReserved(Problem):
    """A consultancy can record a firm only as identified, where the territory does not follow it yet."""

    status = 403
    title_fr = (
        "Un cabinet ne peut enregistrer une entreprise que comme identifiée (identified), si le territoire ne la suit"
        " pas encore."
    )
    cure = "Ask the territory's staff to record the stage."
    cure_fr = "Demandez aux agents du territoire d'enregistrer l'étape."


FORWARD: dict[Stage, frozenset[Stage]] = {
    Stage.IDENTIFIED: frozenset({Stage.SOLICITED, Stage.INTERVIEWED}),
    Stage.SOLICITED: frozenset({Stage.INTERVIEWED}),
    Stage.INTERVIEWED: frozenset({Stage.SHORTLISTED}),
    Stage.SHORTLISTED: frozenset({Stage.SUPPORTED}),
    Stage.SUPPORTED: frozenset(),
    Stage.DECLINED: frozenset(),
    Stage.UNREACHABLE: frozenset({Stage.SOLICITED, Stage.INTERVIEWED}),
}

# What needs a reason: an end (`declined`, `unreachable`), the way back from one, and a step back.
WITH_REASON: dict[Stage, frozenset[Stage]] = {
    Stage.IDENTIFIED: frozenset({Stage.DECLINED, Stage.UNREACHABLE}),
    Stage.SOLICITED: frozenset({Stage.IDENTIFIED, Stage.DECLINED, Stage.UNREACHABLE}),
    Stage.INTERVIEWED: frozenset({Stage.SOLICITED, Stage.DECLINED}),
    Stage.SHORTLISTED: frozenset({Stage.INTERVIEWED, Stage.DECLINED}),
    Stage.SUPPORTED: frozenset({Stage.SHORTLISTED, Stage.DECLINED}),
    Stage.DECLINED: frozenset({Stage.IDENTIFIED, Stage.SOLICITED, Stage.INTERVIEWED}),
    Stage.UNREACHABLE: frozenset({Stage.IDENTIFIED, Stage.DECLINED}),
}
ENDS = frozenset({Stage.DECLINED, Stage.UNREACHABLE})

# A firm was solicited when somebody approached it, whatever came of it. It was interviewed when it was met at a held
# audition; a stage that says so counts only of what was recorded before auditions were (`counts_as_interview`).
SOLICITED = frozenset({Stage.SOLICITED, Stage.INTERVIEWED, Stage.SHORTLISTED, Stage.SUPPORTED, Stage.UNREACHABLE})
INTERVIEWED = frozenset({Stage.INTERVIEWED, Stage.SHORTLISTED, Stage.SUPPORTED})


@dataclass(frozen=True)
class StageOn:
    """A stage from a day on."""

    stage: Stage
    effective_on: date


def reachable(stage: Stage) -> frozenset[Stage]:
    """The stages to which a firm goes from this one, with a reason or without."""
    return FORWARD[stage] | WITH_REASON[stage]


def standing(recorded: Iterable[StageOn]) -> list[StageOn]:
    """The history that counts, oldest first, of passages in the order of their recording.

    Of several on one day the one recorded last counts: so a mistake is corrected.
    """
    by_day = {passage.effective_on: passage for passage in recorded}
    return [by_day[day] for day in sorted(by_day)]


def admit(recorded: Iterable[StageOn], new: StageOn, reason: str | None) -> None:
    """Refuse a passage that does not follow from the stage before it, or from which the stage after does not follow.

    A firm enters the history at any stage: what happened before Rebond knew it needs no account. The same stage again
    (a new reason) is always admitted. Raises `StageNotReachable` (409), `ValidationFailed` (422, `reason_required`).
    """
    others = [passage for passage in standing(recorded) if passage.effective_on != new.effective_on]
    before = [passage.stage for passage in others if passage.effective_on < new.effective_on][-1:]
    after = [passage.stage for passage in others if passage.effective_on > new.effective_on][:1]
    for earlier, later in pairwise([*before, new.stage, *after]):
        if earlier is not later and later not in reachable(earlier):
            allowed = [stage for stage in Stage if stage in reachable(earlier)]
            raise StageNotReachable(from_stage=earlier, to_stage=later, allowed=allowed)
    steps_back = any(new.stage in WITH_REASON[stage] for stage in before)
    if reason is None and (steps_back or new.stage in ENDS):
        raise ValidationFailed(errors=[REASON_REQUIRED.at("/reason")])


# --- activities ------------------------------------------------------------------------------------------------------

# Divisions of each section, first and last, in NAF rev. 2 (décret n° 2007-1888) and NAF 2025 (NACE 2.1, delegated
# regulation (EU) 2023/137), where information and communication became two sections and the letters after J moved.
SECTIONS: dict[str, dict[str, tuple[int, int]]] = {
    "naf_rev2": {
        "A": (1, 3), "B": (5, 9), "C": (10, 33), "D": (35, 35), "E": (36, 39), "F": (41, 43), "G": (45, 47),
        "H": (49, 53), "I": (55, 56), "J": (58, 63), "K": (64, 66), "L": (68, 68), "M": (69, 75), "N": (77, 82),
        "O": (84, 84), "P": (85, 85), "Q": (86, 88), "R": (90, 93), "S": (94, 96), "T": (97, 98), "U": (99, 99),
    },
    "naf_2025": {
        "A": (1, 3), "B": (5, 9), "C": (10, 33), "D": (35, 35), "E": (36, 39), "F": (41, 43), "G": (46, 47),
        "H": (49, 53), "I": (55, 56), "J": (58, 60), "K": (61, 63), "L": (64, 66), "M": (68, 68), "N": (69, 75),
        "O": (77, 82), "P": (84, 84), "Q": (85, 85), "R": (86, 88), "S": (90, 93), "T": (94, 96), "U": (97, 98),
        "V": (99, 99),
    },
}  # fmt: skip


def divisions(sections: Iterable[str]) -> list[str]:
    """The divisions of these sections in both nomenclatures, each as `naf_rev2:25`."""
    return [
        f"{version}:{division:02}"
        for section in sections
        for version, known in SECTIONS.items()
        if section in known
        for division in range(known[section][0], known[section][1] + 1)
    ]
