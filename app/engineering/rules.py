"""What a time entry may be and become. No session, no await.

What counts when: `submitted` and beyond takes the person's day, the member's allotment and the order; `draft`,
`rejected` and `reversed` take nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.access.rules import PersonRequired
from app.core.problems import FieldError, Problem, ReferenceNotFound


class Status(StrEnum):
    """The life of a time entry."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    VALIDATED = "validated"
    CERTIFIED = "certified"
    REJECTED = "rejected"
    REVERSED = "reversed"


COUNTING = (Status.SUBMITTED, Status.VALIDATED, Status.CERTIFIED)
EDITABLE = (Status.DRAFT, Status.SUBMITTED)


class Action(StrEnum):
    """What may be done to an entry, each from some states to one."""

    SUBMIT = "submit"
    RECALL = "recall"
    VALIDATE = "validate"
    REJECT = "reject"
    REVERSE = "reverse"


TRANSITIONS: Mapping[Action, tuple[frozenset[Status], Status]] = {
    Action.SUBMIT: (frozenset({Status.DRAFT}), Status.SUBMITTED),
    Action.RECALL: (frozenset({Status.SUBMITTED, Status.REJECTED}), Status.DRAFT),
    Action.VALIDATE: (frozenset({Status.SUBMITTED}), Status.VALIDATED),
    Action.REJECT: (frozenset({Status.SUBMITTED}), Status.REJECTED),
    Action.REVERSE: (frozenset({Status.SUBMITTED, Status.VALIDATED}), Status.REVERSED),
}
PAST = {
    Action.SUBMIT: "submitted",
    Action.RECALL: "recalled",
    Action.VALIDATE: "validated",
    Action.REJECT: "rejected",
    Action.REVERSE: "reversed",
}


# --- refusals --------------------------------------------------------------------------------------------------------


class InvalidTransition(Problem):
    """The entry's state does not allow this action."""

    status = 409
    title_fr = "L'état de la saisie ne permet pas cette action."
    detail = "It is {current}; {action} needs one of: {needed}."
    detail_fr = "Elle est {current} ; {action} demande un de ces états : {needed}."


class EntryLocked(Problem):
    """The entry counts: it is no longer changed or deleted."""

    status = 409
    title_fr = "La saisie compte : elle ne se modifie ni ne se supprime plus."
    detail = "It is {current}."
    detail_fr = "Elle est {current}."
    cure = "Recall it while it is submitted; after that, reverse it with a reason and enter it anew."
    cure_fr = (
        "Rappelez-la tant qu'elle est soumise ; ensuite, contre-passez-la avec un motif et saisissez-la à nouveau."
    )


class DaysExhausted(Problem):
    """The mission has not enough days left."""

    status = 409
    title_fr = "Il ne reste pas assez de jours à la mission."
    detail = "{days_requested} asked for, {days_left} left of {days_ordered} ordered."
    detail_fr = "{days_requested} demandés, {days_left} restants sur {days_ordered} commandés."
    cure = "Enter fewer days, reverse others, or ask the operator for an amendment."
    cure_fr = "Saisissez moins de jours, contre-passez-en d'autres, ou demandez un avenant à l'opérateur."


class AllotmentExhausted(Problem):
    """The member's allotment has not enough days left."""

    status = 409
    title_fr = "Il ne reste pas assez de jours au quota du membre."
    detail = "{days_requested} asked for, {days_left} left of {days_allotted} allotted."
    detail_fr = "{days_requested} demandés, {days_left} restants sur {days_allotted} alloués."
    cure = "Ask the operator to raise the allotment."
    cure_fr = "Demandez à l'opérateur de relever le quota."


class PersonDayExceeded(Problem):
    """The person would work more than one day on one date."""

    status = 409
    title_fr = "La personne travaillerait plus d'un jour à une même date."
    detail = "One person has 1.00 day a date, over all missions; {worked_on} has not enough left."
    detail_fr = (
        "Une personne dispose de 1,00 jour par date, toutes missions confondues ; {worked_on} n'en a plus assez."
    )


class OutsideMissionWindow(Problem):
    """The day lies outside the mission's window."""

    status = 409
    title_fr = "Le jour est hors de la période de la mission."
    detail = "The orders open the mission from {starts_on} to {ends_on}."
    detail_fr = "Les bons de commande ouvrent la mission du {starts_on} au {ends_on}."
    cure = "Ask the operator for an amendment that moves the window."
    cure_fr = "Demandez à l'opérateur un avenant qui déplace la période."


class OutsideAssignment(Problem):
    """The person is not assigned to the mission on that day."""

    status = 409
    title_fr = "La personne n'est pas affectée à la mission ce jour-là."
    detail = "The assignment runs from {from_on} to {to_on}."
    detail_fr = "L'affectation court du {from_on} au {to_on}."
    cure = "Ask the operator to change the assignment."
    cure_fr = "Demandez à l'opérateur de modifier l'affectation."


class OffStep(Problem):
    """The mission is counted in larger parts of a day."""

    status = 409
    title_fr = "La mission se compte en plus grandes parts de journée."
    detail = "Days of this mission are multiples of {step}."
    detail_fr = "Les jours de cette mission sont des multiples de {step}."


class LateEntry(Problem):
    """The time for entering days of this mission has passed."""

    status = 409
    title_fr = "Le délai de saisie des jours de cette mission est passé."
    detail = "Entries were taken until {enterable_until_on}."
    detail_fr = "Les saisies étaient reçues jusqu'au {enterable_until_on}."
    cure = "Ask the operator for a leave for late entry."
    cure_fr = "Demandez à l'opérateur une autorisation de saisie tardive."


class SeparationOfDuties(Problem):
    """Nobody validates or rejects days that he entered or worked."""

    status = 403
    title_fr = "Nul ne valide ni ne rejette des jours qu'il a saisis ou effectués."
    cure = "Ask another person of the lead firm."
    cure_fr = "Demandez à une autre personne du mandataire."


class NotTheLeadFirm(Problem):
    """Only the lead firm of this mission's consortium may do this."""

    status = 403
    title_fr = "Seul le mandataire du groupement de cette mission peut le faire."


class OtherOrganisation(Problem):
    """You may enter days of persons of your own organisation only."""

    status = 403
    title_fr = "Vous ne pouvez saisir que les jours de personnes de votre organisation."


# --- decisions -------------------------------------------------------------------------------------------------------


def next_status(action: Action, current: Status) -> Status:
    """The state that `action` leads to. Raises `InvalidTransition` (409)."""
    sources, target = TRANSITIONS[action]
    if current not in sources:
        raise InvalidTransition(current=current, action=action, needed=", ".join(sorted(sources)))
    return target


def may_judge(subject_id: UUID, kind: str, authors: Sequence[UUID], person_id: UUID) -> None:
    """Refuse a judge (validation, rejection) who is a program, or who entered or worked the days."""
    if kind != "person":
        raise PersonRequired
    if subject_id in authors or subject_id == person_id:
        raise SeparationOfDuties


@dataclass(frozen=True)
class Wish:
    """Days that somebody wants to count: where, whose, when, and how many more than are counted already."""

    mission_id: UUID
    consultant_id: UUID
    worked_on: date
    days: Decimal


@dataclass(frozen=True)
class MissionState:
    """A mission's limit row."""

    step: Decimal
    days_ordered: Decimal
    days_entered: Decimal
    starts_on: date | None
    ends_on: date | None
    enterable_until_on: date | None


@dataclass(frozen=True)
class Assignment:
    """A consultant's assignment, and the allotment it draws on."""

    mission_id: UUID
    organisation_id: UUID
    person_id: UUID
    from_on: date
    until_on: date
    days_allotted: Decimal
    days_entered: Decimal


def refusal(  # noqa: PLR0911  # one return a reason, the most fundamental first
    wishes: Iterable[Wish],
    missions: Mapping[UUID, MissionState],
    assignments: Mapping[UUID, Assignment],
    person_days: Mapping[tuple[UUID, date], Decimal],
    today: date,
    *,
    freed: Iterable[Wish] = (),
    pointer: str = "",
) -> Problem | None:
    """Why these wishes cannot count together, the most fundamental reason first; None where nothing speaks against it.

    `freed` is given back in the same step; `pointer` is the place of a wish in the body, `{}` standing for its number.
    The answer names the problem after the database has refused; it never lets anything through.
    """
    wanted = list(wishes)
    missing = [
        FieldError(pointer.format(number) + field, "not_found")
        for number, wish in enumerate(wanted)
        for field, known in (
            ("/mission_id", wish.mission_id in missions),
            ("/consultant_id", _assigned(wish, assignments)),
        )
        if not known
    ]
    if missing:
        return ReferenceNotFound(errors=missing)
    for wish in wanted:
        mission, assignment = missions[wish.mission_id], assignments[wish.consultant_id]
        if wish.days:  # a draft wants none, and only the assignment holds it
            if mission.starts_on is None or mission.ends_on is None:
                return DaysExhausted(days_requested=wish.days, days_left=Decimal(0), days_ordered=Decimal(0))
            if not mission.starts_on <= wish.worked_on <= mission.ends_on:
                starts_on, ends_on = mission.starts_on.isoformat(), mission.ends_on.isoformat()
                return OutsideMissionWindow(starts_on=starts_on, ends_on=ends_on)
        if not assignment.from_on <= wish.worked_on <= assignment.until_on:
            return OutsideAssignment(from_on=assignment.from_on.isoformat(), to_on=assignment.until_on.isoformat())
        if wish.days % mission.step:
            return OffStep(step=mission.step)
        if wish.days and mission.enterable_until_on is not None and today > mission.enterable_until_on:
            return LateEntry(enterable_until_on=mission.enterable_until_on.isoformat())
    given_back = [replace(wish, days=-wish.days) for wish in freed if _assigned(wish, assignments)]
    return _exhausted([*wanted, *given_back], missions, assignments, person_days)


def _assigned(wish: Wish, assignments: Mapping[UUID, Assignment]) -> bool:
    assignment = assignments.get(wish.consultant_id)
    return assignment is not None and assignment.mission_id == wish.mission_id


def _exhausted(
    wishes: Sequence[Wish],
    missions: Mapping[UUID, MissionState],
    assignments: Mapping[UUID, Assignment],
    person_days: Mapping[tuple[UUID, date], Decimal],
) -> Problem | None:
    of_mission: dict[UUID, Decimal] = defaultdict(Decimal)
    of_member: dict[tuple[UUID, UUID], Decimal] = defaultdict(Decimal)
    of_person: dict[tuple[UUID, date], Decimal] = defaultdict(Decimal)
    for wish in wishes:
        assignment = assignments[wish.consultant_id]
        of_mission[wish.mission_id] += wish.days
        of_member[wish.mission_id, assignment.organisation_id] += wish.days
        of_person[assignment.person_id, wish.worked_on] += wish.days
    for mission_id, days in of_mission.items():
        mission = missions[mission_id]
        left = mission.days_ordered - mission.days_entered
        if days > left:
            return DaysExhausted(days_requested=days, days_left=left, days_ordered=mission.days_ordered)
    for wish in wishes:
        assignment = assignments[wish.consultant_id]
        days = of_member[wish.mission_id, assignment.organisation_id]
        left = assignment.days_allotted - assignment.days_entered
        if days > left:
            return AllotmentExhausted(days_requested=days, days_left=left, days_allotted=assignment.days_allotted)
    for person_day, days in of_person.items():
        if person_days.get(person_day, Decimal(0)) + days > 1:
            return PersonDayExceeded(worked_on=person_day[1].isoformat())
    return None
