"""What a time entry may be and become. No session, no await.

What counts when: `submitted` and beyond takes the person's day, the member's allotment and the order; `draft`,
`rejected` and `reversed` take nothing. An entry counts on `counted_on`: the day worked, or, for a correction of a month
that is locked, the first open day.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.access.duties import ENTERS_VALIDATES
from app.access.rules import person
from app.core.messages import NOT_FOUND
from app.core.problems import InvalidTransition, Problem, ReferenceNotFound


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


class EntryAction(StrEnum):
    """What may be done to an entry, each from some states to one."""

    SUBMIT = "submit"
    RECALL = "recall"
    VALIDATE = "validate"
    REJECT = "reject"
    REVERSE = "reverse"


TRANSITIONS: Mapping[EntryAction, tuple[frozenset[Status], Status]] = {
    EntryAction.SUBMIT: (frozenset({Status.DRAFT}), Status.SUBMITTED),
    EntryAction.RECALL: (frozenset({Status.SUBMITTED, Status.REJECTED}), Status.DRAFT),
    EntryAction.VALIDATE: (frozenset({Status.SUBMITTED}), Status.VALIDATED),
    EntryAction.REJECT: (frozenset({Status.SUBMITTED}), Status.REJECTED),
    EntryAction.REVERSE: (frozenset({Status.SUBMITTED, Status.VALIDATED}), Status.REVERSED),
}
JUDGING = (EntryAction.VALIDATE, EntryAction.REJECT)
PAST = {
    EntryAction.SUBMIT: "submitted",
    EntryAction.RECALL: "recalled",
    EntryAction.VALIDATE: "validated",
    EntryAction.REJECT: "rejected",
    EntryAction.REVERSE: "reversed",
}


# --- refusals --------------------------------------------------------------------------------------------------------


class EntryLocked(Problem):
    """The entry can no longer be changed or deleted."""

    status = 409
    title_fr = "La saisie ne peut plus être modifiée ni supprimée."
    detail = "The entry is {current}."
    detail_fr = "La saisie est {current}."
    cure = "Recall a submitted or rejected entry; have another one reversed, and enter the days anew."
    cure_fr = (
        "Rappelez une saisie soumise ou rejetée ; faites contre-passer une autre, et saisissez à nouveau les jours."
    )

    @classmethod
    def when(cls, current: str) -> "EntryLocked":
        """The refusal with the cure of the entry's state."""
        refused = cls(current=current)
        refused.cure, refused.cure_fr = UNLOCKING[Status(current)]
        return refused


_RECALL = (
    "Recall it first: it becomes a draft again.",
    "Rappelez-la d'abord : elle redevient un brouillon.",
)
UNLOCKING: Mapping[Status, tuple[str, str]] = {
    Status.SUBMITTED: _RECALL,
    Status.REJECTED: _RECALL,
    Status.VALIDATED: (
        "Ask the lead firm or the operator to reverse it, then enter the days anew.",
        "Demandez au mandataire ou à l'opérateur de la contre-passer, puis saisissez à nouveau les jours.",
    ),
    Status.CERTIFIED: (
        "Propose its correction (time-entry-corrections): the lead firm agrees to it, and the operator accepts it.",
        "Proposez sa correction (time-entry-corrections) : le mandataire l'approuve, et l'opérateur l'accepte.",
    ),
    Status.REVERSED: ("Enter the days anew.", "Saisissez à nouveau les jours."),
}


class DaysExhausted(Problem):
    """The mission does not have enough days left."""

    status = 409
    title_fr = "Il ne reste pas assez de jours à la mission."
    detail = "{days_requested} requested, {days_left} left of {days_ordered} ordered."
    detail_fr = "{days_requested} demandés, {days_left} restants sur {days_ordered} commandés."
    cure = "Enter fewer days, reverse others, or ask the operator for an amendment and a larger allotment."
    cure_fr = (
        "Saisissez moins de jours, contre-passez-en d'autres, ou demandez à l'opérateur un avenant et un quota plus"
        " grand."
    )

    @classmethod
    def unordered(cls, requested: Decimal) -> "DaysExhausted":
        """The refusal of days in a mission that has no order yet."""
        refused = cls(days_requested=requested, days_left=Decimal(0), days_ordered=Decimal(0))
        refused.cure = "Ask the operator to record the initial order and your organisation's allotment."
        refused.cure_fr = "Demandez à l'opérateur d'enregistrer la commande initiale et le quota de votre organisation."
        return refused


class DaysNotYetOrdered(Problem):
    """The orders signed by that day do not have enough days left."""

    status = 409
    title_fr = "Les commandes signées à cette date n'ont plus assez de jours."
    detail = "{days_requested} asked for, {days_left} left until an order or a reversal adds days on {available_from}."
    detail_fr = (
        "{days_requested} demandés, {days_left} restants jusqu'à ce qu'une commande ou une contre-passation"
        " en ajoute le {available_from}."
    )
    cure = "Enter fewer days, or days worked on available_from or later."
    cure_fr = "Saisissez moins de jours, ou des jours effectués à partir de available_from."


class AllotmentExhausted(Problem):
    """The member's allotment does not have enough days left."""

    status = 409
    title_fr = "Il ne reste pas assez de jours au quota du membre."
    detail = "{days_requested} requested, {days_left} left of {days_allotted} allotted."
    detail_fr = "{days_requested} demandés, {days_left} restants sur {days_allotted} alloués."
    cure = "Ask the operator to raise the allotment."
    cure_fr = "Demandez à l'opérateur de relever le quota."


class PersonDayExceeded(Problem):
    """The person would have more than one day on one date."""

    status = 409
    title_fr = "La personne aurait plus d'un jour à une même date."
    detail = "A person can have 1.00 day on one date over all missions; {worked_on} does not have enough left."
    detail_fr = (
        "Une personne peut avoir 1,00 jour par date, toutes missions confondues ; {worked_on} n'en a plus assez."
    )
    cure = (
        "Enter fewer days, or reverse others of that date first. A correction that is agreed is withdrawn, and proposed"
        " anew with fewer days."
    )
    cure_fr = (
        "Saisissez moins de jours, ou contre-passez-en d'abord d'autres de cette date. Une correction qui a reçu"
        " l'accord se retire, puis se propose à nouveau avec moins de jours."
    )

    @classmethod
    def on(cls, day: date, requested: Decimal, left: Decimal | None) -> "PersonDayExceeded":
        """The problem with its figures; without them where `left` would tell of days that the caller may not see."""
        if left is None:
            return cls(worked_on=day.isoformat())
        refused = cls(worked_on=day.isoformat(), days_requested=requested, days_left=left)
        refused.detail = "{days_requested} requested on {worked_on}, {days_left} left of 1.00 over all missions."
        refused.detail_fr = (
            "{days_requested} demandés le {worked_on}, {days_left} restants sur 1,00, toutes missions confondues."
        )
        return refused


class OutsideMissionWindow(Problem):
    """The day is outside the mission's window."""

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
    """The mission counts days in larger parts."""

    status = 409
    title_fr = "La mission compte les jours en parts plus grandes."
    detail = "Days of this mission must be multiples of {step}."
    detail_fr = "Les jours de cette mission doivent être des multiples de {step}."
    cure = "Enter one of these."
    cure_fr = "Saisissez l'un d'eux."


class RestDay(Problem):
    """The mission does not allow work on weekends or public holidays."""

    status = 409
    title_fr = "La mission n'admet pas de travail le week-end ou les jours fériés."
    detail = "{worked_on} is a weekend day or a public holiday."
    detail_fr = "Le {worked_on} est un jour de week-end ou un jour férié."
    cure = "Enter another day, or ask the operator to allow these days."
    cure_fr = "Saisissez un autre jour, ou demandez à l'opérateur d'autoriser ces jours."


class ActivityNotListed(Problem):
    """The activity is not in the mission's list on this day."""

    status = 409
    title_fr = "L'activité n'est pas dans la liste de la mission à cette date."
    detail = "The mission lists: {activities}."
    detail_fr = "La mission liste : {activities}."
    cure = "Use one of these activities, or ask the operator to list this one for that day."
    cure_fr = "Utilisez une de ces activités, ou demandez à l'opérateur de lister celle-ci pour cette date."


class MonthLocked(Problem):
    """The month is closed: its entries can no longer be created, changed or validated."""

    status = 409
    title_fr = "Le mois est clos : ses saisies ne peuvent plus être créées, modifiées ni validées."
    detail = "The operator has closed {month}."
    detail_fr = "L'opérateur a clos {month}."
    cure = (
        "Name an entry that was rejected, or that you reverse first, in corrects_id of a new one, which counts on the"
        " first open day; or ask the operator to open the month again."
    )
    cure_fr = (
        "Nommez une saisie rejetée, ou que vous contre-passez d'abord, dans corrects_id d'une nouvelle, qui compte au"
        " premier jour ouvert ; ou demandez à l'opérateur de rouvrir le mois."
    )


class CorrectedNotReversed(Problem):
    """Only an entry that was reversed or rejected is corrected by another."""

    status = 409
    title_fr = "Seule une saisie contre-passée ou rejetée est corrigée par une autre."
    cure = "Reverse it first; a draft or a submitted entry can be changed itself."
    cure_fr = "Contre-passez-la d'abord ; une saisie en brouillon ou soumise se modifie elle-même."


class CorrectionElsewhere(Problem):
    """A correction is for the person, the mission and the month of the entry that it corrects."""

    status = 409
    title_fr = "Une correction concerne la personne, la mission et le mois de la saisie qu'elle corrige."
    cure = (
        "Name the entry of this person, mission and month in corrects_id, or enter the day without it. For a certified"
        " entry propose a correction with 0 days, and enter the day anew where it belongs."
    )
    cure_fr = (
        "Nommez dans corrects_id une saisie de cette personne, cette mission et ce mois, ou saisissez sans lui. Pour"
        " une saisie attestée, proposez une correction de 0 jour, et saisissez le jour à nouveau là où il doit être."
    )


class CorrectionExceeded(Problem):
    """The corrections of an entry together cannot have more days than the entry."""

    status = 409
    title_fr = "Les corrections d'une saisie ne peuvent pas, ensemble, avoir plus de jours que la saisie."
    cure = (
        "Enter or propose fewer days, or reverse another correction first. An entry that is corrected is not submitted"
        " again."
    )
    cure_fr = (
        "Saisissez ou proposez moins de jours, ou contre-passez d'abord une autre correction."
        " Une saisie corrigée ne se soumet plus."
    )


class ReferencesDisagree(Problem):
    """The firm, the audition and the project of an entry must be about the same firm."""

    status = 409
    title_fr = "L'entreprise, l'audition et le projet d'une saisie doivent concerner la même entreprise."
    cure = "Name a firm that was met at the audition and holds the project, or leave one of them out."
    cure_fr = "Nommez une entreprise rencontrée à l'audition et porteuse du projet, ou n'en nommez qu'une partie."


class ReversalReserved(Problem):
    """Only the lead firm or the operator can reverse a validated entry that no certificate left out."""

    status = 403
    title_fr = (
        "Seul le mandataire ou l'opérateur peut contre-passer une saisie validée qu'aucune attestation n'a écartée."
    )
    cure = "Ask the lead firm of the consortium."
    cure_fr = "Demandez au mandataire du groupement."


class LateEntry(Problem):
    """The time for entering days of this mission has passed."""

    status = 409
    title_fr = "Le délai de saisie des jours de cette mission est passé."
    detail = "Days could be entered until {enterable_until_on}."
    detail_fr = "Les jours pouvaient être saisis jusqu'au {enterable_until_on}."
    cure = "Ask the operator to allow late entry."
    cure_fr = "Demandez à l'opérateur d'autoriser la saisie tardive."


class NotTheLeadFirm(Problem):
    """Only the lead firm of this mission's consortium can do this."""

    status = 403
    title_fr = "Seul le mandataire du groupement de cette mission peut le faire."


class OtherOrganisation(Problem):
    """You can do this only for days of persons of your own organisation."""

    status = 403
    title_fr = "Vous ne pouvez le faire que pour les jours de personnes de votre organisation."
    cure = "Ask somebody of their organisation to do it."
    cure_fr = "Demandez à quelqu'un de leur organisation de le faire."


# --- decisions -------------------------------------------------------------------------------------------------------


def next_status(action: EntryAction, current: Status) -> Status:
    """The state that `action` leads to. Raises `InvalidTransition` (409)."""
    sources, target = TRANSITIONS[action]
    if current not in sources:
        refused = InvalidTransition(current=current, action=action, needed=sorted(sources))
        if action is EntryAction.REVERSE and current is Status.CERTIFIED:
            refused.cure = "Ask the operator to cancel its certificate first."
            refused.cure_fr = "Demandez d'abord à l'opérateur d'annuler son attestation."
        raise refused
    return target


def month_of(day: date) -> date:
    """The month of a day, named by its first day."""
    return day.replace(day=1)


def first_open_day(day: date, locked_months: Collection[date]) -> date:
    """The day itself where its month is open, else the first day of the next month that is."""
    while month_of(day) in locked_months:
        day = month_of(day.replace(day=28) + timedelta(days=4))
    return day


@dataclass(frozen=True)
class Caller:
    """The caller of a state change, and which changes their role allows."""

    subject_id: UUID
    kind: str
    organisation_id: UUID | None
    validates: bool
    certifies: bool
    has_email: bool


class Step(Protocol):
    """What a step looks at in an entry."""

    status: str
    organisation_id: UUID
    person_id: UUID
    authors: Sequence[UUID]
    counted_on: date
    certification_refused_by: UUID | None


def authority(action: EntryAction, who: Caller, entry: Step, lead_id: UUID | None) -> Problem | None:
    """Why this is not for `who` to do; None where it is. The lead firm judges; it, and the operator, may reverse.

    Its own firm reverses what is submitted, and what a certificate left out; what else is validated has been judged,
    and is not its own any more.
    """
    own, leads = entry.organisation_id == who.organisation_id, lead_id == who.organisation_id
    if action in JUDGING:
        return None if leads else NotTheLeadFirm()
    if action is EntryAction.REVERSE and (who.certifies or (who.validates and leads)):
        return None if entry.status == Status.SUBMITTED else _refusal_as_person(who)
    if not own:
        return OtherOrganisation()
    if action is EntryAction.REVERSE and entry.status == Status.VALIDATED and entry.certification_refused_by is None:
        return ReversalReserved()
    return None


def refusal_of_step(
    action: EntryAction, who: Caller, entry: Step, lead_id: UUID | None, locked_months: Collection[date]
) -> Problem | None:
    """Why the entry does not take this step; None where nothing speaks against it."""
    if refused := authority(action, who, entry, lead_id):
        return refused
    try:
        next_status(action, Status(entry.status))
        if action in JUDGING:
            ENTERS_VALIDATES.separate(who, [*entry.authors, entry.person_id])
    except Problem as refused:
        return refused
    # A reversal counts on the first open day, a draft and a rejected entry nowhere.
    counts = entry.status in COUNTING or action is EntryAction.SUBMIT
    if counts and action is not EntryAction.REVERSE and month_of(entry.counted_on) in locked_months:
        return MonthLocked(month=f"{entry.counted_on:%Y-%m}")
    return None


def _refusal_as_person(who: Caller) -> Problem | None:
    """Why the caller cannot do what a person must do; None where they can."""
    try:
        person(who)
    except Problem as refused:
        return refused
    return None


@dataclass(frozen=True)
class Wish:
    """Days that somebody wants to count: where, whose, when, and how many more than are counted already."""

    mission_id: UUID
    consultant_id: UUID
    worked_on: date
    days: Decimal
    activity: str
    counted_on: date


@dataclass(frozen=True)
class MissionState:
    """A mission's limit row. `room` is what fits before each step of its calendar."""

    step: Decimal
    days_ordered: Decimal
    days_entered: Decimal
    starts_on: date | None
    ends_on: date | None
    enterable_until_on: date | None
    rest_days: Collection[date]
    locked_months: Collection[date]
    activities: Mapping[str, date]  # by code, the last day of each
    room: Sequence[tuple[date, Decimal]] = ()


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


def refusal(
    wishes: Iterable[Wish],
    missions: Mapping[UUID, MissionState],
    assignments: Mapping[UUID, Assignment],
    person_days: Mapping[tuple[UUID, date], Decimal],
    today: date,
    *,
    freed: Iterable[Wish] = (),
    pointer: str = "",
    seen_days: Mapping[tuple[UUID, date], Decimal] | None = None,
) -> Problem | None:
    """Why these wishes cannot count together, the most fundamental reason first; None where nothing speaks against it.

    `freed` is given back in the same step; `pointer` is the place of a wish in the body, `{}` standing for its number.
    `seen_days` is what the caller may see of `person_days`: figures are told only where they are the same.
    The answer names the problem after the database has refused; it never lets anything through.
    """
    wanted = list(wishes)
    missing = [
        NOT_FOUND.at(pointer.format(number) + field)
        for number, wish in enumerate(wanted)
        for field, known in (
            ("/mission_id", wish.mission_id in missions),
            ("/consultant_id", _assigned(wish, assignments)),
        )
        if not known
    ]
    if missing:
        return ReferenceNotFound(errors=missing)
    for number, wish in enumerate(wanted):
        if refused := _refusal_of_one(wish, missions[wish.mission_id], assignments[wish.consultant_id], today):
            return _of_rows(refused, pointer, [number])
    given_back = [replace(wish, days=-wish.days) for wish in freed if _assigned(wish, assignments)]
    return _exhausted([*wanted, *given_back], missions, assignments, person_days, seen_days or {}, pointer)


def _of_rows(refused: Problem, pointer: str, numbers: Iterable[int]) -> Problem:
    """The problem with the rows of a batch that it is about; a single entry needs no pointer."""
    if "{}" in pointer:
        refused.errors = [refused.at(pointer.format(number)) for number in numbers]
    return refused


def _refusal_of_one(  # noqa: PLR0911  # one return a reason, the most fundamental first
    wish: Wish, mission: MissionState, assignment: Assignment, today: date
) -> Problem | None:
    """Why this wish cannot count, whatever the others take."""
    if wish.days:  # a draft wants none, and only the assignment holds it
        if mission.starts_on is None or mission.ends_on is None:
            return DaysExhausted.unordered(wish.days)
        if not mission.starts_on <= wish.worked_on <= mission.ends_on:
            starts_on, ends_on = mission.starts_on.isoformat(), mission.ends_on.isoformat()
            return OutsideMissionWindow(starts_on=starts_on, ends_on=ends_on)
    if not assignment.from_on <= wish.worked_on <= assignment.until_on:
        return OutsideAssignment(from_on=assignment.from_on.isoformat(), to_on=assignment.until_on.isoformat())
    listed = [code for code, until_on in mission.activities.items() if wish.worked_on <= until_on]
    if wish.activity not in listed:
        return ActivityNotListed(activities=listed)
    if wish.days % mission.step:
        return OffStep(step=mission.step)
    if wish.days and wish.worked_on in mission.rest_days:
        return RestDay(worked_on=wish.worked_on.isoformat())
    if wish.days and month_of(wish.counted_on) in mission.locked_months:
        return MonthLocked(month=f"{wish.counted_on:%Y-%m}")
    if wish.days and mission.enterable_until_on is not None and today > mission.enterable_until_on:
        return LateEntry(enterable_until_on=mission.enterable_until_on.isoformat())
    return None


def _assigned(wish: Wish, assignments: Mapping[UUID, Assignment]) -> bool:
    assignment = assignments.get(wish.consultant_id)
    return assignment is not None and assignment.mission_id == wish.mission_id


def _person_day(wish: Wish, assignments: Mapping[UUID, Assignment]) -> tuple[UUID, date]:
    return assignments[wish.consultant_id].person_id, wish.worked_on


def _exhausted(
    wishes: Sequence[Wish],
    missions: Mapping[UUID, MissionState],
    assignments: Mapping[UUID, Assignment],
    person_days: Mapping[tuple[UUID, date], Decimal],
    seen_days: Mapping[tuple[UUID, date], Decimal],
    pointer: str,
) -> Problem | None:
    of_mission: dict[UUID, Decimal] = defaultdict(Decimal)
    of_member: dict[tuple[UUID, UUID], Decimal] = defaultdict(Decimal)
    of_person: dict[tuple[UUID, date], Decimal] = defaultdict(Decimal)
    for wish in wishes:
        assignment = assignments[wish.consultant_id]
        of_mission[wish.mission_id] += wish.days
        of_member[wish.mission_id, assignment.organisation_id] += wish.days
        of_person[_person_day(wish, assignments)] += wish.days
    for mission_id, days in of_mission.items():
        mission = missions[mission_id]
        left = mission.days_ordered - mission.days_entered
        if days > left:
            return DaysExhausted(days_requested=days, days_left=left, days_ordered=mission.days_ordered)
        if refused := _too_early([wish for wish in wishes if wish.mission_id == mission_id], mission.room):
            return refused
    for wish in wishes:
        assignment = assignments[wish.consultant_id]
        days = of_member[wish.mission_id, assignment.organisation_id]
        left = assignment.days_allotted - assignment.days_entered
        if days > left:
            return AllotmentExhausted(days_requested=days, days_left=left, days_allotted=assignment.days_allotted)
    for person_day, days in of_person.items():
        left = Decimal("1.00") - person_days.get(person_day, Decimal(0))
        if days > left:
            told = left if seen_days.get(person_day, Decimal(0)) == person_days.get(person_day, Decimal(0)) else None
            refused = PersonDayExceeded.on(person_day[1], days, told)
            rows = [
                n for n, wish in enumerate(wishes) if wish.days > 0 and _person_day(wish, assignments) == person_day
            ]
            return _of_rows(refused, pointer, rows)
    return None


def _too_early(wishes: Sequence[Wish], room: Sequence[tuple[date, Decimal]]) -> Problem | None:
    """Why wishes cannot count on their days, although the days ordered by now are enough; None where they can."""
    refused = None
    for step, left in room:
        days = sum((wish.days for wish in wishes if wish.counted_on < step), Decimal(0))
        if days > left:
            refused = DaysNotYetOrdered(
                days_requested=days, days_left=max(left, Decimal(0)), available_from=step.isoformat()
            )
    return refused
