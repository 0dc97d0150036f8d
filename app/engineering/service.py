"""Writes of engineering. What counts is spent from three limit rows: the person's day, the allotment, the order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, func, insert, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.rules import Actor
from app.core import clock, events, idempotency, limits
from app.core.db import Statement, param
from app.core.listing import as_object
from app.core.problems import (
    BY_CONSTRAINT,
    Busy,
    FieldError,
    NotFound,
    Problem,
    ReferenceNotFound,
    ValidationFailed,
)
from app.core.writes import Change, Write
from app.engineering import rules, schemas
from app.engineering.models import PERSON_DAYS, PersonDays, TimeEntry
from app.engineering.queries import TIME_ENTRIES, entries
from app.engineering.rules import COUNTING, EDITABLE, PAST, Action, Status, Wish
from app.missions.models import MEMBER_DAYS, MISSION_DAYS, Consultant, MemberDays, MissionDays, MissionMember

STEP = "mission_days_mission_id_step_fkey"  # the mission's step is no longer the one that a batch was held to


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
        touched = [*self.wishes, *self.freed]
        missions, assignments = await _states(session, self.territory, touched)
        for wish in self.wishes:
            assignment = assignments.get(wish.consultant_id)
            if assignment is not None and assignment.organisation_id != self.actor.organisation_id:
                return rules.OtherOrganisation()
        person_days = await _person_days(session, touched, assignments)
        found = rules.refusal(
            self.wishes, missions, assignments, person_days, clock.today(), freed=self.freed, pointer=self.pointer
        )
        return found or _own_problem(constraint)


def _own_problem(constraint: str) -> Problem:
    return BY_CONSTRAINT.get(constraint, Busy)()


# --- one entry, in one statement -------------------------------------------------------------------------------------

_FACTS = ["mission_id", "consultant_id", "worked_on", "days", "activity", "firm_siren", "note", "external_id", "status"]


@cache
def record(counts: bool, keyed: bool) -> Statement:
    """The hot write: gate, entry, limits, event and stored reply of one time entry, as one statement.

    It reads top to bottom. The limit rows wait for each other in rank order: person, member, mission.
    """
    gate = select((idempotency.free() if keyed else true()).label("free")).cte("gate")
    t, c = TimeEntry.__table__.c, Consultant
    facts = {name: param(name, t[name].type) for name in _FACTS}
    row = {
        "territory": c.territory,
        "organisation_id": c.organisation_id,
        "person_id": c.person_id,
        "assigned_from_on": c.from_on,
        "assigned_until_on": c.until_on,
        **facts,
        "counted_on": facts["worked_on"],
        "entered_by": param("actor_id", t.entered_by.type),
        "authors": param("authors", ARRAY(t.entered_by.type)),
        "created_at": param("now", t.created_at.type),
        "updated_at": param("now", t.created_at.type),
    }
    # The assignment is locked as its foreign key will lock it, but before the limits: who changes it never waits for
    # an entry that waits for a writer who holds a limit and waits for the assignment.
    source = (
        select(*row.values())
        .where(
            gate.c.free,
            c.id == facts["consultant_id"],
            c.mission_id == facts["mission_id"],
            c.territory == param("territory", Text()),
            c.organisation_id == param("actor_organisation_id", c.organisation_id.type),
        )
        .with_for_update(read=True, key_share=True, of=c)
    )
    entry = insert(TimeEntry).from_select(list(row), source).returning(*TimeEntry.__table__.c).cte("entry")
    shown = as_object(entries(entry.c), id=entry.c.id, version=entry.c.version).cte("shown")
    parts = [events.append_from(shown).cte("noted")]
    if keyed:
        parts.append(idempotency.keep_from(shown).cte("kept"))
    if counts:
        person = limits.open_from(
            select(entry.c.person_id, entry.c.worked_on, entry.c.days), PERSON_DAYS,
            ["person_id", "worked_on", "days"], "days", "person",
        )  # fmt: skip
        member = limits.spend_from(
            entry, MEMBER_DAYS,
            key={"mission_id": entry.c.mission_id, "organisation_id": entry.c.organisation_id},
            delta={"days_entered": entry.c.days}, touch={}, name="member", after=person,
        )  # fmt: skip
        mission = limits.spend_from(
            entry, MISSION_DAYS,
            key={"mission_id": entry.c.mission_id},
            delta={"days_entered": entry.c.days},
            touch={
                "worked_from": entry.c.worked_on,
                "worked_to": entry.c.worked_on,
                "entered_on": param("today", t.worked_on.type),
            },
            name="mission", after=member,
        )  # fmt: skip
        parts += [person, member, mission]
    answer = select(gate.c.free, shown.c.id, shown.c.version, shown.c.body).select_from(gate.outerjoin(shown, true()))
    return Statement(answer.add_cte(*parts))


def entry_values(actor: Actor, body: schemas.TimeEntryCreate) -> dict[str, Any]:
    """The parameters of `record` that the body gives. Raises `ValidationFailed` (422) for a day still to come."""
    _refuse_future([body.worked_on])
    return {
        **{name: getattr(body, name) for name in _FACTS},
        "authors": [actor.subject_id],
        "today": clock.today(),
    }


def wish_of(entry: schemas.TimeEntryCreate | TimeEntry) -> Wish:
    """What an entry wants to let count; a draft counts for nothing."""
    days = entry.days if entry.status in COUNTING else Decimal(0)
    return Wish(entry.mission_id, entry.consultant_id, entry.worked_on, days)


def _refuse_future(days: Sequence[date], pointer: str = "") -> None:
    today = clock.today()
    faults = [
        FieldError(pointer.format(number) + "/worked_on", "future_day")
        for number, day in enumerate(days)
        if day > today
    ]
    if faults:
        raise ValidationFailed(errors=faults)


# --- batch, change, and the steps of an entry's life -----------------------------------------------------------------


async def create_batch(write: Write, attempt: Attempt, body: schemas.TimeEntryBatch) -> Change:
    """Up to 1 000 entries, all or nothing. References are looked up set-wise and told per row.

    Raises `reference-not-found` (404), `other-organisation` (403), `outside-assignment` and the limits (409).
    """
    _refuse_future([item.worked_on for item in body.items], "/items/{}")
    attempt.wishes = [wish_of(item) for item in body.items]
    assigned = await _assigned(write.session, attempt.territory, {item.consultant_id for item in body.items})
    faults = [
        FieldError(f"/items/{number}/consultant_id", "not_found")
        for number, item in enumerate(body.items)
        if item.consultant_id not in assigned or assigned[item.consultant_id].mission_id != item.mission_id
    ]
    if faults:
        raise ReferenceNotFound(errors=faults)
    made = [_entry_of(write, attempt, assigned[item.consultant_id], item) for item in body.items]
    # What the database would choose is chosen beforehand: an INSERT that tells it back is sent row by row.
    ids = await write.session.scalars(select(func.uuidv7()).select_from(func.generate_series(1, len(made))))
    for entry, entry_id in zip(made, ids, strict=True):
        entry.id, entry.validator_kind = entry_id, "person"
    # Two batches with the same external ids wait for each other in one order.
    ordered: list[TimeEntry] = sorted(made, key=lambda entry: str(entry.external_id))
    write.session.add_all(ordered)
    await write.session.flush()
    for entry in made:
        if entry.status in COUNTING:
            _take(write, entry)
    await _on_step(write, made)
    keys = [entry.id for entry in made]
    return Change("time_entry.created", TIME_ENTRIES, keys, {"territory": attempt.territory}, many=True, status=201)


async def _on_step(write: Write, made: Sequence[TimeEntry]) -> None:
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


def _entry_of(write: Write, attempt: Attempt, consultant: Consultant, item: schemas.TimeEntryCreate) -> TimeEntry:
    if consultant.organisation_id != attempt.actor.organisation_id:
        raise rules.OtherOrganisation
    return TimeEntry(
        **{name: getattr(item, name) for name in _FACTS},
        **_assignment(consultant),
        territory=attempt.territory,
        counted_on=item.worked_on,
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
    if "consultant_id" in given:  # locked before the entry: who changes an assignment locks its entries after it
        known = await _assigned(write.session, attempt.territory, {given["consultant_id"]})
    entry = await _locked(write, attempt, entry_id)
    _own(attempt, entry)
    write.expect(entry.version)
    if entry.status not in EDITABLE:
        raise rules.EntryLocked(current=entry.status)
    changed = {name: value for name, value in given.items() if getattr(entry, name) != value}
    bound = {"territory": attempt.territory}
    if not changed:
        return Change("", TIME_ENTRIES, [entry_id], bound)
    if "consultant_id" in changed or "mission_id" in changed:
        consultant = known.get(given.get("consultant_id", entry.consultant_id))
        if consultant is None or consultant.mission_id != given.get("mission_id", entry.mission_id):
            raise ReferenceNotFound(errors=[FieldError("/consultant_id", "not_found")])
        if consultant.organisation_id != attempt.actor.organisation_id:
            raise rules.OtherOrganisation
        changed |= _assignment(consultant)
    before = _Taken.of(entry)
    attempt.freed = [wish_of(entry)]
    for name, value in changed.items():
        setattr(entry, name, value)
    _refuse_future([entry.worked_on])
    entry.counted_on = entry.worked_on
    _sign(attempt, entry)
    after = _Taken.of(entry)
    attempt.wishes = [wish_of(entry)]
    if entry.status in COUNTING and after != before:
        _move(write, entry, before, after)
    return Change("time_entry.updated", TIME_ENTRIES, [entry_id], bound)


async def delete_entry(write: Write, attempt: Attempt, entry_id: UUID) -> Change:
    """Delete a draft. What counted is reversed, never deleted: `entry-locked` (409)."""
    entry = await _locked(write, attempt, entry_id)
    _own(attempt, entry)
    write.expect(entry.version)
    if entry.status != Status.DRAFT:
        raise rules.EntryLocked(current=entry.status)
    bound = {"territory": attempt.territory}
    gone = await write.see(TIME_ENTRIES, [entry_id], bound)
    await write.session.delete(entry)
    await write.session.flush()
    return Change("time_entry.deleted", TIME_ENTRIES, [entry_id], bound, gone=gone)


async def act(write: Write, attempt: Attempt, entry_id: UUID, action: Action, reason: str | None = None) -> Change:
    """Take an entry one step further: submit, recall, validate, reject, reverse.

    Only the lead firm of the mission judges (validate, reject), by a person who neither entered nor worked the days
    (*séparation des tâches*); it may also reverse any entry of its mission. Raises `invalid-transition`,
    `separation-of-duties`, `person-required`, `not-the-lead-firm`, `other-organisation`, and the limits for `submit`.
    """
    entry = await _locked(write, attempt, entry_id)
    actor = attempt.actor
    judging = action in (Action.VALIDATE, Action.REJECT)
    if judging or (action is Action.REVERSE and entry.organisation_id != actor.organisation_id):
        await _lead_only(write, attempt, entry, judging)
    else:
        _own(attempt, entry)
    write.expect(entry.version)
    target = rules.next_status(action, Status(entry.status))
    if judging:
        rules.may_judge(actor.subject_id, actor.kind, entry.authors, entry.person_id)
    counted = entry.status in COUNTING
    entry.status = target
    entry.reason = reason
    if action is Action.SUBMIT:
        _sign(attempt, entry)
        attempt.wishes = [wish_of(entry)]
        _take(write, entry)
    elif counted and target not in COUNTING:
        _give_back(write, _Taken.of(entry))
    if action is Action.VALIDATE:
        entry.validated_by, entry.validated_at = actor.subject_id, write.now
    return Change(f"time_entry.{PAST[action]}", TIME_ENTRIES, [entry_id], {"territory": attempt.territory})


async def _locked(write: Write, attempt: Attempt, entry_id: UUID) -> TimeEntry:
    entry = await write.lock(TimeEntry, TimeEntry.id == entry_id, TimeEntry.territory == attempt.territory)
    actor = attempt.actor
    hidden = actor.sees_only_own("time_entries:read", attempt.territory)
    if hidden and entry.organisation_id != actor.organisation_id:
        raise NotFound
    return entry


def _own(attempt: Attempt, entry: TimeEntry) -> None:
    if entry.organisation_id != attempt.actor.organisation_id:
        raise rules.OtherOrganisation


async def _lead_only(write: Write, attempt: Attempt, entry: TimeEntry, judging: bool) -> None:
    m = MissionMember
    lead = await write.session.scalar(
        select(m.organisation_id).where(m.mission_id == entry.mission_id, m.role == "lead")
    )
    if lead != attempt.actor.organisation_id:
        raise rules.NotTheLeadFirm() if judging else rules.OtherOrganisation()
    if not judging and not attempt.actor.may("time_entries:validate", attempt.territory):
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
    days: Decimal

    @classmethod
    def of(cls, entry: TimeEntry) -> "_Taken":
        return cls(entry.mission_id, entry.organisation_id, entry.person_id, entry.worked_on, entry.days)


def _spend(write: Write, taken: _Taken, days: Decimal, touch: Mapping[str, date]) -> None:
    write.spend(PERSON_DAYS, taken.person_id, taken.worked_on, delta={"days": days})
    write.spend(MEMBER_DAYS, taken.mission_id, taken.organisation_id, delta={"days_entered": days})
    write.spend(MISSION_DAYS, taken.mission_id, delta={"days_entered": days}, touch=touch)


def _take(write: Write, entry: TimeEntry) -> None:
    taken = _Taken.of(entry)
    touch = {"worked_from": taken.worked_on, "worked_to": taken.worked_on, "entered_on": clock.today()}
    _spend(write, taken, taken.days, touch)


def _give_back(write: Write, taken: _Taken) -> None:
    _spend(write, taken, -taken.days, {})


def _move(write: Write, entry: TimeEntry, before: _Taken, after: _Taken) -> None:
    """Give back and take in one step. An edit that only shrinks the entry touches neither window nor deadline."""
    _give_back(write, before)
    same_place = (before.mission_id, before.person_id, before.worked_on) == (
        after.mission_id,
        after.person_id,
        after.worked_on,
    )
    if same_place and after.days <= before.days:
        _spend(write, after, after.days, {})
        return
    _take(write, entry)


# --- the state behind a refusal --------------------------------------------------------------------------------------


def _consultants(territory: str, ids: set[UUID]) -> Select[Consultant]:
    return select(Consultant).where(Consultant.territory == territory, Consultant.id.in_(ids))


async def _assigned(session: AsyncSession, territory: str, ids: set[UUID]) -> dict[UUID, Consultant]:
    """The assignments, which stay as they are until the end of this write."""
    rows = await session.scalars(_consultants(territory, ids).with_for_update(read=True, key_share=True))
    return {row.id: row for row in rows}


async def _states(
    session: AsyncSession, territory: str, wishes: Sequence[Wish]
) -> tuple[dict[UUID, rules.MissionState], dict[UUID, rules.Assignment]]:
    rows = await session.scalars(_consultants(territory, {wish.consultant_id for wish in wishes}))
    consultants = {row.id: row for row in rows}
    d, m = MissionDays, MemberDays
    own = select(Consultant.mission_id).where(Consultant.territory == territory)
    mission_ids = {wish.mission_id for wish in wishes}
    missions = {
        row.mission_id: rules.MissionState(
            row.step, row.days_ordered, row.days_entered, row.starts_on, row.ends_on, row.enterable_until_on
        )
        for row in await session.scalars(select(d).where(d.mission_id.in_(mission_ids), d.mission_id.in_(own)))
    }
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
