"""Writes of engineering. What counts is spent from three limit rows: the person's day, the allotment, the order."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, any_, bindparam, case, func, insert, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.rules import Actor
from app.core import clock
from app.core.db import Statement, param
from app.core.messages import DUPLICATE, NOT_FOUND
from app.core.problems import (
    BY_CONSTRAINT,
    AlreadyExists,
    Busy,
    NotFound,
    Problem,
    ReferenceNotFound,
)
from app.core.reading.listing import as_object
from app.core.validation import refuse_future
from app.core.writing import events, idempotency
from app.core.writing.writes import Change, Write, put
from app.engineering.entries import rules, schemas
from app.engineering.entries.models import CORRECTABLE_DAYS, PERSON_DAYS, CorrectableDays, PersonDays, TimeEntry
from app.engineering.entries.queries import TIME_ENTRIES, entries
from app.engineering.entries.rules import COUNTING, EDITABLE, Status, Wish
from app.missions.models import (
    MEMBER_DAYS,
    MISSION_DAYS,
    Consultant,
    MemberDays,
    Mission,
    MissionActivity,
    MissionDays,
)

STEP = "mission_days_mission_id_step_fkey"  # the mission's step is no longer the one that a batch was held to

# Constraints that say themselves why; of the others the state says it best.
OWN_WORDS = ("mission_ended", "correction_exceeded", "correction_elsewhere", "references_disagree")


@dataclass
class Attempt:
    """What an actor tries to let count in a territory; `explain` says why the database refused it.

    `pointer` is the place of a wish in the body, `{}` standing for its number; `freed` is what a change gives back.
    """

    actor: Actor
    territory: str
    pointer: str = ""
    wishes: list[Wish] = field(default_factory=list)
    freed: list[Wish] = field(default_factory=list)

    async def explain(self, session: AsyncSession, constraint: str) -> Problem | None:
        """The problem, on the state after the refusal; the constraint's own where that state allows the wishes.

        None where the constraint is no limit: a duplicate, or a broken reference.
        """
        if constraint and constraint not in (*BY_CONSTRAINT, STEP):
            return None
        if constraint in OWN_WORDS:
            return _own_problem(constraint)
        return await self.refusal(session) or _own_problem(constraint)

    async def refusal(self, session: AsyncSession) -> Problem | None:
        """Why the wishes cannot count, on the state as it is now; None where nothing speaks against them."""
        touched = [*self.wishes, *self.freed]
        missions, assignments = await _states(session, self.territory, touched)
        for wish in self.wishes:
            assignment = assignments.get(wish.consultant_id)
            if assignment is not None and assignment.organisation_id != self.actor.organisation_id:
                return rules.OtherOrganisation()
        person_days = await _person_days(session, touched, assignments)
        seen_days = await _seen_days(session, self, person_days)
        return rules.refusal(
            self.wishes, missions, assignments, person_days, clock.today(),
            freed=self.freed, pointer=self.pointer, seen_days=seen_days,
        )  # fmt: skip


def _own_problem(constraint: str) -> Problem:
    return BY_CONSTRAINT.get(constraint, Busy)()


# --- one entry, in one statement -------------------------------------------------------------------------------------

_FACTS = [
    "mission_id", "consultant_id", "worked_on", "days", "activity", "siren", "audition_id", "project_id", "note",
    "external_id", "status",
]  # fmt: skip


@cache
def record(counts: bool, keyed: bool) -> Statement:
    """The hot write: gate, entry, limits, event and stored reply of one time entry, as one statement.

    It reads top to bottom, and takes from the limit rows when all else is written.
    """
    gate = select((idempotency.free() if keyed else true()).label("free")).cte("gate")
    t, c, a = TimeEntry.__table__.c, Consultant, MissionActivity
    facts = {name: param(name, t[name].type) for name in _FACTS}
    row = {
        "territory": c.territory,
        "organisation_id": c.organisation_id,
        "person_id": c.person_id,
        "assigned_from_on": c.from_on,
        "assigned_until_on": c.until_on,
        "activity_until_on": a.until_on,
        **facts,
        "counted_on": facts["worked_on"],
        "entered_by": param("actor_id", t.entered_by.type),
        "authors": param("authors", ARRAY(t.entered_by.type)),
        "created_at": param("now", t.created_at.type),
        "updated_at": param("now", t.created_at.type),
    }
    # The assignment and the activity are locked as their foreign keys will lock them, but before the limits: who
    # changes them never waits for an entry that waits for a writer who holds a limit and waits for them.
    source = (
        select(*row.values())
        .where(
            gate.c.free,
            c.id == facts["consultant_id"],
            c.mission_id == facts["mission_id"],
            c.territory == param("territory", Text()),
            c.organisation_id == param("actor_organisation_id", c.organisation_id.type),
            a.mission_id == c.mission_id,
            a.code == facts["activity"],
        )
        .with_for_update(read=True, key_share=True, of=[c, a])
    )
    entry = insert(TimeEntry).from_select(list(row), source).returning(*TimeEntry.__table__.c).cte("entry")
    shown = as_object(
        entries(entry.c, new=True), id=entry.c.id, version=entry.c.version, owner=entry.c.organisation_id
    ).cte("shown")
    told = [events.append_from(shown).returning(events.Event.sequence).cte("noted")]
    if keyed:
        told.append(idempotency.keep_from(shown).returning(idempotency.IdempotencyKey.status).cte("kept"))
    answer = select(gate.c.free, shown.c.id, shown.c.version, shown.c.body)
    found = gate.outerjoin(shown, true())
    if counts:
        e = entry.c
        taken = (
            select(
                func.take_days(
                    e.person_id, e.mission_id, e.organisation_id, e.worked_on, e.days, param("today", t.worked_on.type)
                ).label("taken")
            )
            .where(*(select(func.count()).select_from(part).scalar_subquery() == 1 for part in told))
            .cte("taken")
        )
        answer = answer.add_columns(taken.c.taken)
        found = found.outerjoin(taken, true())
    return Statement(answer.select_from(found).add_cte(*told))


def entry_values(actor: Actor, body: schemas.TimeEntryCreate) -> dict[str, Any]:
    """The parameters of `record` that the body gives. Raises `ValidationFailed` (422) for a day still to come."""
    refuse_future({"/worked_on": body.worked_on})
    return {
        **{name: getattr(body, name) for name in _FACTS},
        "authors": [actor.subject_id],
        "today": clock.today(),
    }


def wish_of(entry: Any, counted_on: date | None = None) -> Wish:
    """What an entry (a row, or a body) wants to let count; a draft counts for nothing."""
    days = entry.days if entry.status in COUNTING else Decimal(0)
    counted_on = counted_on or getattr(entry, "counted_on", entry.worked_on)
    return Wish(entry.mission_id, entry.consultant_id, entry.worked_on, days, entry.activity, counted_on)


# --- a batch, a correction, a change ----------------------------------------------------------------------------------


async def create_batch(write: Write, attempt: Attempt, body: schemas.TimeEntryBatch) -> Change:
    """Up to 1 000 entries, all or nothing. References are looked up set-wise and told per row.

    Raises `reference-not-found` (404), `other-organisation` (403), `already-exists`, `corrected-not-reversed`,
    `correction-elsewhere`,
    `activity-not-listed`, `outside-assignment` and the limits (409).
    """
    await _refuse_taken_names(write, attempt, body.items)
    made = await enter(write, attempt, body.items)
    keys = [entry.id for entry in made]
    return Change("time_entry.created", TIME_ENTRIES, keys, {"territory": attempt.territory}, many=True, status=201)


async def _refuse_taken_names(write: Write, attempt: Attempt, items: Sequence[schemas.TimeEntryCreate]) -> None:
    """Name the rows whose `external_id` another entry has, and that entry where the actor may see it.

    Two batches at the same instant are refused by the unique constraint.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        if item.external_id is not None:
            rows[item.external_id].append(number)
    if not rows:
        return
    e = TimeEntry
    names = bindparam("names", list(rows), type_=ARRAY(Text()))
    taken = select(e.external_id, case((seen(attempt), e.id)).label("id")).where(
        e.territory == attempt.territory,
        e.external_id == any_(names),
        e.status.in_((Status.DRAFT, *COUNTING)),
    )
    known: dict[str, UUID | None] = {row.external_id: row.id for row in await write.session.execute(taken)}
    faults = [
        DUPLICATE.at(
            f"{attempt.pointer.format(number)}/external_id", **({"id": known[name]} if known.get(name) else {})
        )
        for name, numbers in rows.items()
        for number in (numbers if name in known else numbers[1:])
    ]
    if faults:
        raise AlreadyExists(errors=faults)


async def create_correction(write: Write, attempt: Attempt, body: schemas.TimeEntryCreate) -> Change:
    """An entry that corrects one reversed or rejected: it counts on its own day, or the first that is open after it."""
    [entry] = await enter(write, attempt, [body])
    return Change("time_entry.created", TIME_ENTRIES, [entry.id], {"territory": attempt.territory})


async def enter(
    write: Write, attempt: Attempt, items: Sequence[Any], more: Mapping[str, Any] | None = None
) -> list[TimeEntry]:
    """Enter these (bodies, or what has their fields) set-wise, with `more` values, and declare what they take."""
    refuse_future({f"{attempt.pointer.format(number)}/worked_on": item.worked_on for number, item in enumerate(items)})
    before = list(attempt.wishes)
    attempt.wishes = [*before, *(wish_of(item) for item in items)]
    assigned = await hold_assignments(write.session, attempt.territory, {item.consultant_id for item in items})
    faults = [
        NOT_FOUND.at(attempt.pointer.format(number) + "/consultant_id")
        for number, item in enumerate(items)
        if item.consultant_id not in assigned or assigned[item.consultant_id].mission_id != item.mission_id
    ]
    if faults:
        raise ReferenceNotFound(errors=faults)
    activities = await hold_activities(write, attempt, items)
    counted = await _counted_on(write, attempt, items, assigned)
    attempt.wishes = [*before, *(wish_of(item, day) for item, (day, _) in zip(items, counted, strict=True))]
    made = [
        _entry_of(write, attempt, assigned[item.consultant_id], activities[item.mission_id, item.activity], item)
        for item in items
    ]
    for entry, (day, corrected_ids) in zip(made, counted, strict=True):
        entry.counted_on, entry.corrected_ids = day, corrected_ids
    # What the database would choose is chosen beforehand: an INSERT that tells it back is sent row by row.
    ids = await write.session.scalars(select(func.uuidv7()).select_from(func.generate_series(1, len(made))))
    for entry, entry_id in zip(made, ids, strict=True):
        entry.id, entry.validator_kind, entry.certifier_kind = entry_id, "person", "person"
        put(entry, more or {})
    # Two batches with the same external ids wait for each other in one order.
    ordered: list[TimeEntry] = sorted(made, key=lambda entry: str(entry.external_id))
    write.session.add_all(ordered)
    await write.session.flush()
    for entry in made:
        if entry.status in COUNTING:
            take(write, entry)
    await on_step(write, made)
    return made


async def hold_activities(write: Write, attempt: Attempt, items: Sequence[Any]) -> dict[tuple[UUID, str], date]:
    """Lock the activities that entries will carry, before any limit: the last day of each.

    Raises the refusal where one is not listed.
    """
    a = MissionActivity
    wanted = {(item.mission_id, item.activity) for item in items}
    held = (
        select(a.mission_id, a.code, a.until_on)
        .where(tuple_(a.mission_id, a.code).in_(wanted))
        .order_by(a.mission_id, a.code)
        .with_for_update(read=True, key_share=True)
    )
    listed = {(row.mission_id, row.code): row.until_on for row in await write.session.execute(held)}
    if wanted - listed.keys():
        raise await attempt.explain(write.session, "") or Busy()
    return listed


async def _counted_on(
    write: Write, attempt: Attempt, items: Sequence[schemas.TimeEntryCreate], assigned: Mapping[UUID, Consultant]
) -> list[tuple[date, list[UUID]]]:
    """The day on which each entry counts, its own or for a correction the first that is open; and what it corrects.

    Raises `reference-not-found`, `corrected-not-reversed` and `correction-elsewhere`.
    """
    corrected = {item.corrects_id for item in items if item.corrects_id is not None}
    if not corrected:
        return [(item.worked_on, []) for item in items]
    e, c = TimeEntry, CorrectableDays
    asked = (
        select(e.id, e.corrected_ids, c.person_id, c.mission_id, c.month, c.days)
        .outerjoin(c, c.entry_id == e.id)
        .where(e.id.in_(corrected), e.territory == attempt.territory)
        .where(e.organisation_id == attempt.actor.organisation_id)
    )
    known = {row.id: row for row in await write.session.execute(asked)}
    faults = [
        NOT_FOUND.at(attempt.pointer.format(number) + "/corrects_id")
        for number, item in enumerate(items)
        if item.corrects_id is not None and item.corrects_id not in known
    ]
    if faults:
        raise ReferenceNotFound(errors=faults)
    if any(not row.days for row in known.values()):  # never taken back, or submitted again
        raise rules.CorrectedNotReversed
    for item in items:
        if item.corrects_id is not None:
            _hold_correction(known[item.corrects_id], assigned[item.consultant_id].person_id, item)
    locked = await locked_months(write, {item.mission_id for item in items})
    return [
        (rules.first_open_day(item.worked_on, locked[item.mission_id]), [row.id, *row.corrected_ids])
        if (row := known.get(item.corrects_id))
        else (item.worked_on, [])
        for item in items
    ]


def _hold_correction(corrected: Any, person_id: UUID, entry: Any) -> None:
    """Refuse a correction that is not for the person, mission and month of what it corrects."""
    about = (person_id, entry.mission_id, rules.month_of(entry.worked_on))
    if about != (corrected.person_id, corrected.mission_id, corrected.month):
        raise rules.CorrectionElsewhere


async def locked_months(write: Write, mission_ids: set[UUID]) -> dict[UUID, list[date]]:
    """The months that the operator has closed, by mission, as seen now: the limit row's CHECK is what holds them."""
    d = MissionDays
    rows = await write.session.execute(select(d.mission_id, d.locked_months).where(d.mission_id.in_(mission_ids)))
    return {row.mission_id: row.locked_months for row in rows}


async def on_step(write: Write, made: Sequence[Any]) -> None:
    """Hold each entry to its mission's step: the CHECK sees only their sum. Raises `off-step` (409).

    The step is written back to the limit row as it was read here, so that a change of it meanwhile is refused.
    """
    d = MissionDays
    asked = select(d.mission_id, d.step).where(d.mission_id.in_({entry.mission_id for entry in made}))
    steps: dict[UUID, Decimal] = {row.mission_id: row.step for row in await write.session.execute(asked)}
    for entry in made:
        if entry.status in COUNTING and entry.days % steps[entry.mission_id]:
            raise rules.OffStep(step=steps[entry.mission_id])
    for mission_id in {entry.mission_id for entry in made if entry.status in COUNTING}:
        write.spend(MISSION_DAYS, mission_id, delta={}, put={"step": steps[mission_id]})


def _entry_of(
    write: Write,
    attempt: Attempt,
    consultant: Consultant,
    activity_until_on: date,
    item: schemas.TimeEntryCreate,
) -> TimeEntry:
    if consultant.organisation_id != attempt.actor.organisation_id:
        raise rules.OtherOrganisation
    return TimeEntry(
        **{name: getattr(item, name) for name in _FACTS},
        **_assignment(consultant),
        activity_until_on=activity_until_on,
        territory=attempt.territory,
        corrects_id=item.corrects_id,
        entered_by=attempt.actor.subject_id,
        authors=[attempt.actor.subject_id],
        created_at=write.now,
        updated_at=write.now,
    )


async def update_entry(write: Write, attempt: Attempt, entry_id: UUID, body: schemas.TimeEntryUpdate) -> Change:
    """Change a draft or submitted entry; what it took is given back and taken anew in one step.

    Raises `entry-locked`, `other-organisation`, `reference-not-found`, and the limits (409).
    """
    given = {name: getattr(body, name) for name in body.model_fields_set}
    known: dict[UUID, Consultant] = {}
    if given.keys() & {"activity", "mission_id"}:  # so is the list of activities, where the change needs it
        given["activity_until_on"] = await _hold_changed_activity(write, attempt, entry_id, given)
    if "consultant_id" in given:  # locked before the entry: who changes an assignment locks its entries after it
        known = await hold_assignments(write.session, attempt.territory, {given["consultant_id"]})
    entry = await locked(write, attempt, entry_id)
    _own(attempt, entry)
    write.expect(entry.version)
    if entry.status not in EDITABLE:
        raise rules.EntryLocked.when(entry.status)
    changed = {name: value for name, value in given.items() if getattr(entry, name) != value}
    bound = {"territory": attempt.territory}
    if not changed:
        return Change("", TIME_ENTRIES, [entry_id], bound)
    await change_entry(write, attempt, entry, changed, known)
    return Change("time_entry.updated", TIME_ENTRIES, [entry_id], bound)


async def _hold_changed_activity(write: Write, attempt: Attempt, entry_id: UUID, given: Mapping[str, Any]) -> date:
    """Lock the activity that a change will carry, before the entry, and return its last day.

    What it shows is checked again by foreign key.
    """
    e, a = TimeEntry, MissionActivity
    row = (
        await write.session.execute(
            select(e.mission_id, e.activity).where(e.id == entry_id, e.territory == attempt.territory, seen(attempt))
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    mission_id, code = given.get("mission_id", row.mission_id), given.get("activity", row.activity)
    here = select(Mission.id).where(Mission.id == mission_id, Mission.territory == attempt.territory)
    if "mission_id" in given and await write.session.scalar(here) is None:  # another territory's list tells nothing
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/mission_id")])
    held = select(a.until_on).where(a.mission_id == mission_id, a.code == code)
    until_on: date | None = await write.session.scalar(held.with_for_update(read=True, key_share=True))
    if until_on is None:
        listed = select(a.code).where(a.mission_id == mission_id).order_by(a.position)
        raise rules.ActivityNotListed(activities=list(await write.session.scalars(listed)))
    return until_on


async def change_entry(
    write: Write, attempt: Attempt, entry: TimeEntry, changed: dict[str, Any], known: Mapping[UUID, Consultant]
) -> None:
    """Put these fields onto an entry that is held, and declare what it gives back and takes."""
    if "consultant_id" in changed or "mission_id" in changed:
        consultant = known.get(changed.get("consultant_id", entry.consultant_id))
        if consultant is None or consultant.mission_id != changed.get("mission_id", entry.mission_id):
            raise ReferenceNotFound(errors=[NOT_FOUND.at("/consultant_id")])
        if consultant.organisation_id != attempt.actor.organisation_id:
            raise rules.OtherOrganisation
        changed |= _assignment(consultant)
    before = _Taken.of(entry)
    attempt.freed += [wish_of(entry)]
    for name, value in changed.items():
        setattr(entry, name, value)
    refuse_future({"/worked_on": entry.worked_on})
    entry.counted_on = entry.worked_on
    if entry.corrects_id is not None:
        _hold_correction(await write.session.get_one(CorrectableDays, entry.corrects_id), entry.person_id, entry)
        locked = await locked_months(write, {entry.mission_id})
        entry.counted_on = rules.first_open_day(entry.worked_on, locked[entry.mission_id])
    _sign(attempt, entry)
    after = _Taken.of(entry)
    attempt.wishes += [wish_of(entry)]
    if entry.status in COUNTING:
        _move(write, before, after)


async def delete_entry(write: Write, attempt: Attempt, entry_id: UUID) -> Change:
    """Delete a draft. What counted is reversed, never deleted: `entry-locked` (409)."""
    entry = await locked(write, attempt, entry_id)
    _own(attempt, entry)
    write.expect(entry.version)
    if entry.status != Status.DRAFT:
        raise rules.EntryLocked.when(entry.status)
    bound = {"territory": attempt.territory}
    gone = await write.see_last(entry, TIME_ENTRIES, entry_id, bound)
    await write.session.delete(entry)
    await write.session.flush()
    return Change("time_entry.deleted", TIME_ENTRIES, [entry_id], bound, gone=gone)


def seen(attempt: Attempt) -> ColumnElement[bool]:
    """The entries that the actor may see."""
    actor = attempt.actor
    hidden = actor.sees_only_own("time_entries:read", attempt.territory)
    return TimeEntry.organisation_id == actor.organisation_id if hidden else true()


async def locked(write: Write, attempt: Attempt, entry_id: UUID) -> TimeEntry:
    """The entry, held against other writes. Raises `not-found` where the actor may not see it."""
    e = TimeEntry
    return await write.lock(e, e.id == entry_id, e.territory == attempt.territory, seen(attempt))


def _own(attempt: Attempt, entry: TimeEntry) -> None:
    if entry.organisation_id != attempt.actor.organisation_id:
        raise rules.OtherOrganisation


def _sign(attempt: Attempt, entry: TimeEntry) -> None:
    """Who touches an entry is one of its authors, and never its judge."""
    if attempt.actor.subject_id not in entry.authors:
        entry.authors = [*entry.authors, attempt.actor.subject_id]


def _assignment(consultant: Consultant) -> dict[str, Any]:
    return {
        "organisation_id": consultant.organisation_id,
        "person_id": consultant.person_id,
        "assigned_from_on": consultant.from_on,
        "assigned_until_on": consultant.until_on,
    }


# --- what an entry takes ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Taken:
    """The limit rows that an entry draws on, and how much."""

    mission_id: UUID
    organisation_id: UUID
    person_id: UUID
    worked_on: date
    counted_on: date
    days: Decimal
    corrected_ids: Sequence[UUID]

    @classmethod
    def of(cls, entry: Any) -> "_Taken":
        return cls(
            entry.mission_id,
            entry.organisation_id,
            entry.person_id,
            entry.worked_on,
            entry.counted_on,
            entry.days,
            entry.corrected_ids,
        )


def _spend(write: Write, taken: _Taken, days: Decimal, touch: Mapping[str, Any], *, on: date | None = None) -> None:
    """Declare days that count, or no longer do, from a day on: the entry's own, or a later one."""
    since = on or taken.counted_on
    month = rules.month_of(taken.worked_on)
    about = {"for_person_id": taken.person_id, "for_mission_id": taken.mission_id, "for_month": month}
    for corrected_id in taken.corrected_ids:
        write.spend(CORRECTABLE_DAYS, corrected_id, delta={"days_corrected": days}, put=about if days > 0 else {})
    write.spend(PERSON_DAYS, taken.person_id, taken.worked_on, delta={"days": days})
    write.spend(MEMBER_DAYS, taken.mission_id, taken.organisation_id, delta={"days_entered": days})
    write.spend(
        MISSION_DAYS,
        taken.mission_id,
        delta={"days_entered": days},
        touch=touch,
        dated={"entered_before": {since: days}},
        steps={"steps": {since}} if since > taken.counted_on else {},  # room grows on that day
    )


def _touch(taken: _Taken) -> dict[str, Any]:
    return {
        "worked_from": taken.worked_on,
        "worked_to": taken.worked_on,
        "worked_days": [taken.worked_on],
        "counted_months": [rules.month_of(taken.counted_on)],
        "entered_on": clock.today(),
    }


def take(write: Write, entry: Any) -> None:
    """Declare what an entry that comes to count takes."""
    taken = _Taken.of(entry)
    _spend(write, taken, taken.days, _touch(taken))


def give_back(write: Write, entry: Any, *, on: date) -> None:
    """Declare what an entry gives back that no longer counts from a day on: its own, or that of a late reversal."""
    taken = _Taken.of(entry)
    _spend(write, taken, -taken.days, {"counted_months": [rules.month_of(on)]}, on=on)


def _move(write: Write, before: _Taken, after: _Taken) -> None:
    """Give back and take in one step. An edit that only shrinks the entry touches neither window nor deadline."""
    month = {"counted_months": [rules.month_of(before.counted_on)]}
    _spend(write, before, -before.days, month)
    same_place = (before.mission_id, before.person_id, before.worked_on) == (
        after.mission_id,
        after.person_id,
        after.worked_on,
    )
    _spend(write, after, after.days, month if same_place and after.days <= before.days else _touch(after))


# --- the state behind a refusal --------------------------------------------------------------------------------------


def _consultants(territory: str, ids: set[UUID]) -> Select[Consultant]:
    return select(Consultant).where(Consultant.territory == territory, Consultant.id.in_(ids))


async def hold_assignments(session: AsyncSession, territory: str, ids: set[UUID]) -> dict[UUID, Consultant]:
    """The assignments, which stay as they are until the end of this write."""
    rows = await session.scalars(_consultants(territory, ids).with_for_update(read=True, key_share=True))
    return {row.id: row for row in rows}


async def _states(
    session: AsyncSession, territory: str, wishes: Sequence[Wish]
) -> tuple[dict[UUID, rules.MissionState], dict[UUID, rules.Assignment]]:
    rows = await session.scalars(_consultants(territory, {wish.consultant_id for wish in wishes}))
    consultants = {row.id: row for row in rows}
    d, m, a = MissionDays, MemberDays, MissionActivity
    own = select(Consultant.mission_id).where(Consultant.territory == territory)
    mission_ids = {wish.mission_id for wish in wishes}
    activities: dict[UUID, dict[str, date]] = {mission_id: {} for mission_id in mission_ids}
    for row in await session.scalars(select(a).where(a.mission_id.in_(mission_ids)).order_by(a.position)):
        activities[row.mission_id][row.code] = row.until_on
    missions = {
        row.mission_id: rules.MissionState(
            row.step, row.days_ordered, row.days_entered, row.starts_on, row.ends_on, row.enterable_until_on,
            row.rest_days, row.locked_months, activities[row.mission_id],
            [
                (step, ordered + allowed - entered)
                for step, ordered, entered, allowed in zip(
                    row.steps, row.ordered_before, row.entered_before, row.allowed_before, strict=True
                )
            ],
        )
        for row in await session.scalars(select(d).where(d.mission_id.in_(mission_ids), d.mission_id.in_(own)))
    }  # fmt: skip
    allotments = {
        (row.mission_id, row.organisation_id): row
        for row in await session.scalars(select(m).where(m.mission_id.in_(mission_ids)))
    }
    assignments = {
        key: rules.Assignment(
            c.mission_id, c.organisation_id, c.person_id, c.from_on, c.until_on,
            allotments[c.mission_id, c.organisation_id].days_allotted,
            allotments[c.mission_id, c.organisation_id].days_entered,
        )
        for key, c in consultants.items()
        if (c.mission_id, c.organisation_id) in allotments
    }  # fmt: skip
    return missions, assignments


async def _person_days(
    session: AsyncSession, wishes: Sequence[Wish], assignments: Mapping[UUID, rules.Assignment]
) -> dict[tuple[UUID, date], Decimal]:
    p = PersonDays
    keys = {(assignments[w.consultant_id].person_id, w.worked_on) for w in wishes if w.consultant_id in assignments}
    rows = await session.scalars(select(p).where(tuple_(p.person_id, p.worked_on).in_(keys)))
    return {(row.person_id, row.worked_on): row.days for row in rows}


async def _seen_days(
    session: AsyncSession, attempt: Attempt, keys: Collection[tuple[UUID, date]]
) -> dict[tuple[UUID, date], Decimal]:
    """The part of these persons' days that the actor may see: entries of this territory."""
    e = TimeEntry
    rows = await session.execute(
        select(e.person_id, e.worked_on, func.sum(e.days).label("days"))
        .where(
            tuple_(e.person_id, e.worked_on).in_(keys),
            e.territory == attempt.territory,
            e.status.in_(sorted(COUNTING)),
            seen(attempt),
        )
        .group_by(e.person_id, e.worked_on)
    )
    return {(row.person_id, row.worked_on): row.days for row in rows}
