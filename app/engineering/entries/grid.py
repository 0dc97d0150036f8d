"""The week as people fill it: one person's dates and activities, and the days of each cell.

A grid is a wish for the whole week of one assignment. What is there already is left alone, and so is what says more
than a cell can hold. The difference to the week that the caller has seen is made in one transaction, and the same grid
again changes nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import delete, select, update

from app.core import clock
from app.core.faults import Fault, FieldError
from app.core.messages import FUTURE_DAY, NOT_FOUND
from app.core.problems import Problem, ReferenceNotFound, ValidationFailed
from app.core.writing.writes import Change, Seen, Write
from app.engineering.entries import rules, schemas
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import BEYOND_A_CELL, TIME_ENTRIES, WEEK_GRIDS
from app.engineering.entries.rules import COUNTING, EDITABLE, EntryAction, Status
from app.engineering.entries.service import Attempt, change_entry, enter, locked_months, wish_of
from app.engineering.entries.steps import held_by, step
from app.missions.models import Consultant

OUTSIDE_WEEK = Fault(
    "outside_week",
    en="The day must be in the week of the grid.",
    fr="Le jour doit être dans la semaine de la grille.",
)
REPEATED_CELL = Fault(
    "repeated_cell",
    en="A cell can appear only once in the grid.",
    fr="Une cellule ne peut figurer qu'une fois dans la grille.",
)

Cell = tuple[date, str]  # a day and an activity


class GridRefused(Problem):
    """Some cells cannot be changed as requested: nothing was changed."""

    status = 409
    title_fr = "Certaines cellules ne peuvent pas être modifiées comme demandé : rien n'a été modifié."
    cure = (
        "Send each cell in errors with its current days (days_now). To change it, first have its entry reversed (a"
        " certified one after its certificate is cancelled), change several entries one by one, or ask the operator to"
        " reopen the month."
    )
    cure_fr = (
        "Envoyez chaque cellule de errors avec ses jours actuels (days_now). Pour la modifier, faites d'abord"
        " contre-passer sa saisie (certifiée : après l'annulation de son attestation), modifiez plusieurs saisies une à"
        " une, ou demandez à l'opérateur de rouvrir le mois."
    )


class SeveralEntries(Problem):
    """The cell contains several entries: change them one by one."""

    status = 409
    title_fr = "La cellule contient plusieurs saisies : modifiez-les une à une."


class HeldEntry(Protocol):
    """What the grid looks at in an entry that is there."""

    id: UUID
    status: str
    days: Decimal
    counted_on: date


@dataclass
class GridChange:
    """What is to be done so that the week is what the grid says; or the cells where it cannot be."""

    enter: dict[Cell, Decimal] = field(default_factory=dict)
    change: dict[UUID, Decimal] = field(default_factory=dict)
    submit: list[UUID] = field(default_factory=list)
    remove: list[UUID] = field(default_factory=list)
    refused: dict[Cell, type[Problem]] = field(default_factory=dict)


def difference(
    wanted: Mapping[Cell, Decimal],
    there: Mapping[Cell, Sequence[HeldEntry]],
    *,
    submitted: bool,
    locked_months: Collection[date] = (),
) -> GridChange:
    """Hold the grid against what is there. No session, no await.

    `there` has drafts and what counts; a rejected or reversed entry is no part of the week. A validated entry stays:
    its cell comes as it is, or is refused. So does one that counts in a locked month, and one with several entries.
    """
    change = GridChange()
    for cell in sorted({*wanted, *there}):
        entries, days = there.get(cell, ()), wanted.get(cell, Decimal(0))
        now = sum((entry.days for entry in entries), Decimal(0))
        if not entries:
            if days and submitted and rules.month_of(cell[0]) in locked_months:
                change.refused[cell] = rules.MonthLocked
            elif days:
                change.enter[cell] = days
        elif days == now:
            change.submit += [entry.id for entry in entries if submitted and entry.status == Status.DRAFT]
        elif any(entry.status in COUNTING and rules.month_of(entry.counted_on) in locked_months for entry in entries):
            change.refused[cell] = rules.MonthLocked
        elif any(entry.status not in EDITABLE for entry in entries):
            change.refused[cell] = rules.EntryLocked
        elif not days:
            change.remove += [entry.id for entry in entries]
        elif len(entries) > 1:
            change.refused[cell] = SeveralEntries
        else:
            change.change[entries[0].id] = days
            change.submit += [entry.id for entry in entries if submitted and entry.status == Status.DRAFT]
    return change


async def put_grid(write: Write, attempt: Attempt, body: schemas.GridPut) -> list[Change]:
    """Make a person's week what the grid says.

    New cells are entered, changed ones changed, empty ones deleted (a submitted one is recalled first); with `status`
    submitted, drafts of the week are submitted. Raises `if-match-missing` (428), `stale-version` (412) where the week
    is not what the caller has seen, `grid-refused` (409) with every cell that cannot be, and the limits.
    """
    wanted = _wanted(body)
    consultant = await _assignment(write, attempt, body.consultant_id)
    e = TimeEntry
    held = await held_by(
        write,
        attempt,
        e.consultant_id == consultant.id,
        e.worked_on.between(body.week, body.week + timedelta(days=6)),
        e.status.in_([Status.DRAFT, *COUNTING]),
    )
    bound = {"territory": attempt.territory}
    week_grid = {**bound, "week": body.week}
    [now] = await write.see(WEEK_GRIDS, [consultant.id], week_grid)
    assert now.version is not None  # the digest of what is held
    write.expect(now.version, required=True)
    held = [entry for entry in held if all(getattr(entry, name) is None for name in BEYOND_A_CELL)]
    there: dict[Cell, list[Any]] = defaultdict(list)
    for entry in held:
        there[entry.worked_on, entry.activity].append(entry)
    submitted = body.status == "submitted"
    closed = await locked_months(write, {consultant.mission_id})
    todo = difference(wanted, there, submitted=submitted, locked_months=closed[consultant.mission_id])
    if todo.refused:
        raise GridRefused(errors=_refusals(body, todo, there))
    by_id = {entry.id: entry for entry in held}
    recalled = [entry_id for entry_id in todo.remove if by_id[entry_id].status in COUNTING]
    taken_back, gone = await _remove(write, attempt, [by_id[entry_id] for entry_id in todo.remove], closed)
    changed = []
    if todo.change:
        kept = await write.session.scalars(select(e).where(e.id.in_(todo.change)).order_by(e.id))
        for entry in kept.all():
            await change_entry(write, attempt, entry, {"days": todo.change[entry.id]}, {})
            changed.append(entry.id)
        await write.session.flush()
    drafts = [by_id[entry_id] for entry_id in todo.submit]
    if drafts:
        for draft in drafts:
            draft.days = todo.change.get(draft.id, draft.days)
        await step(write, attempt, EntryAction.SUBMIT, drafts, closed)
    made = []
    if todo.enter:
        items = [
            schemas.TimeEntryCreate(
                mission_id=consultant.mission_id,
                consultant_id=consultant.id,
                worked_on=day,
                activity=activity,
                days=days,
                status=body.status,
            )
            for (day, activity), days in todo.enter.items()
        ]
        made = [entry.id for entry in await enter(write, attempt, items)]
    told = [
        ("recalled", recalled, taken_back),
        ("deleted", todo.remove, gone),
        ("updated", changed, ()),
        ("submitted", todo.submit, ()),
        ("created", made, ()),
    ]
    return [
        Change("", WEEK_GRIDS, [consultant.id], week_grid),
        *(Change(f"time_entry.{past}", TIME_ENTRIES, keys, bound, gone=seen) for past, keys, seen in told if keys),
    ]


def _wanted(body: schemas.GridPut) -> dict[Cell, Decimal]:
    """The cells by day and activity. Raises `validation-failed` (422) for one named twice or outside the week."""
    days: dict[Cell, Decimal] = {}
    faults = []
    for number, cell in enumerate(body.cells):
        if not body.week <= cell.worked_on <= body.week + timedelta(days=6):
            faults.append(OUTSIDE_WEEK.at(f"/cells/{number}/worked_on"))
        elif cell.days and cell.worked_on > clock.today():
            faults.append(FUTURE_DAY.at(f"/cells/{number}/worked_on"))
        if (cell.worked_on, cell.activity) in days:
            faults.append(REPEATED_CELL.at(f"/cells/{number}"))
        days[cell.worked_on, cell.activity] = cell.days or Decimal(0)
    if faults:
        raise ValidationFailed(errors=faults)
    return days


async def _assignment(write: Write, attempt: Attempt, consultant_id: UUID) -> Consultant:
    """The assignment, held: two grids of one person come one after the other."""
    c = Consultant
    held = select(c).where(c.id == consultant_id, c.territory == attempt.territory).with_for_update(key_share=True)
    consultant = await write.session.scalar(held)
    if consultant is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/consultant_id")])
    if consultant.organisation_id != attempt.actor.organisation_id:
        raise rules.OtherOrganisation
    return consultant


def _refusals(body: schemas.GridPut, todo: GridChange, there: Mapping[Cell, Sequence[Any]]) -> list[FieldError]:
    places = {(cell.worked_on, cell.activity): f"/cells/{number}" for number, cell in enumerate(body.cells)}
    return [
        problem().at(
            places.get(cell, "/cells"),
            worked_on=cell[0],
            activity=cell[1],
            days_now=sum((entry.days for entry in there[cell]), Decimal(0)),
        )
        for cell, problem in todo.refused.items()
    ]


async def _remove(
    write: Write, attempt: Attempt, entries: Sequence[Any], closed: dict[UUID, list[date]]
) -> tuple[list[Seen], list[Seen]]:
    """Delete drafts, and recall what is submitted before: what was recalled, and all that is gone, as last read."""
    if not entries:
        return [], []
    bound = {"territory": attempt.territory}
    counting = [entry for entry in entries if entry.status in COUNTING]
    recalled = []
    if counting:
        attempt.freed += [wish_of(entry) for entry in counting]
        await step(write, attempt, EntryAction.RECALL, counting, closed)
        recalled = await write.see(TIME_ENTRIES, [entry.id for entry in counting], bound)
    ids = [entry.id for entry in entries]
    own = {"version": TimeEntry.version + 1, "updated_at": write.now}  # a deletion has a version of its own
    unread = {"synchronize_session": False}
    await write.session.execute(update(TimeEntry).where(TimeEntry.id.in_(ids)).values(own), execution_options=unread)
    gone = await write.see(TIME_ENTRIES, ids, bound)
    await write.session.execute(delete(TimeEntry).where(TimeEntry.id.in_(ids)), execution_options=unread)
    return recalled, gone
