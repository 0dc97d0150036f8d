"""The steps of an entry's life: submit, recall, validate, reject, reverse; of one entry, or of many at once.

Many are taken all together or not at all. They are held in the order of their ids, looked at in memory, changed by one
statement a day of reversal, and what they take or give back is netted by limit row.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    any_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from app.access.rules import EmailMissing
from app.core.db import literals
from app.core.messages import DUPLICATE, NOT_FOUND
from app.core.problems import AlreadyExists, NotFound, Problem
from app.core.writing.writes import Change, Write
from app.engineering.entries import rules, schemas
from app.engineering.entries.models import CORRECTABLE_DAYS, CorrectableDays, TimeEntry
from app.engineering.entries.queries import TIME_ENTRIES
from app.engineering.entries.rules import COUNTING, JUDGING, PAST, TRANSITIONS, EntryAction, Status
from app.engineering.entries.service import Attempt, give_back, locked_months, on_step, seen, take, wish_of
from app.missions.models import MISSION_DAYS, MissionMember

TAKING_BACK = (EntryAction.REJECT, EntryAction.REVERSE)
AT_ONCE = 1000  # entries of one call


class EntriesRefused(Problem):
    """Some of these entries cannot change state as requested: no entry was changed."""

    status = 409
    title_fr = "Certaines de ces saisies ne peuvent pas changer d'état comme demandé : aucune n'a été modifiée."
    cure = "Leave out the entries in errors, or correct them first."
    cure_fr = "Écartez les saisies de errors, ou corrigez-les d'abord."


class TooManyEntries(Problem):
    """The filter selects too many entries."""

    status = 409
    title_fr = "Le filtre choisit trop de saisies."
    detail = "At most {at_most} entries can change at once."
    detail_fr = "Au plus {at_most} saisies peuvent changer à la fois."
    cure = "Narrow the filter, for example by member or by week."
    cure_fr = "Resserrez le filtre, par exemple par membre ou par semaine."


async def act(
    write: Write,
    attempt: Attempt,
    entry_id: UUID,
    action: EntryAction,
    reason: str | None = None,
    *,
    unnamed: bool = False,
) -> Change:
    """Take one entry a step further; `unnamed` gives up its external id.

    The lead firm judges (validate, reject), by a person who neither entered nor worked the days (*séparation des
    tâches*). What is submitted is reversed by its own firm, what is validated by the lead firm or the operator. Raises
    what `rules.refusal_of_step` says, and the limits for `submit`.
    """
    held = await held_by(write, attempt, TimeEntry.id == entry_id)
    if not held:
        raise NotFound
    who, leads, closed = await _around(write, attempt, action, held)
    entry = held[0]
    if refused := rules.authority(action, who, entry, leads.get(entry.mission_id)):
        raise refused
    write.expect(entry.version)
    if refused := rules.refusal_of_step(action, who, entry, leads.get(entry.mission_id), closed[entry.mission_id]):
        raise refused
    if action is EntryAction.RECALL and not unnamed and (bearers := await _bearers(write, held)):
        raise AlreadyExists(errors=[DUPLICATE.at("/external_id")], existing_id=str(bearers[entry_id]))
    await step(write, attempt, action, held, closed, reason, {"external_id": None} if unnamed else {})
    return Change(f"time_entry.{PAST[action]}", TIME_ENTRIES, [entry_id], {"territory": attempt.territory})


def _conditions(chosen: schemas.EntryFilter) -> Iterator[Any]:
    """What an entry must be like: a column has a value, or its day is in a period."""
    for name, value in chosen.model_dump(exclude_none=True).items():
        match name.rpartition("_"):
            case ("worked" | "counted") as act, _, end:
                day = getattr(TimeEntry, f"{act}_on")
                yield day >= value if end == "from" else day <= value
            case _:
                yield getattr(TimeEntry, name) == value


async def act_on_many(
    write: Write, attempt: Attempt, action: EntryAction, chosen: schemas.Selection, reason: str | None = None
) -> Change:
    """Take entries a step further, by their ids or by a filter, all or none.

    A filter looks at entries that are in a state to take the step. Raises `entries-refused` (409), which names each
    entry that cannot and why, `too-many-entries`, `email-missing` (403), and the limits for `submit`.
    """
    e = TimeEntry
    if chosen.ids is not None:
        ids = list(dict.fromkeys(chosen.ids))
        held = await held_by(write, attempt, _among(ids))
        places = {entry_id: f"/ids/{number}" for number, entry_id in reversed(list(enumerate(chosen.ids)))}
    else:
        assert chosen.filter is not None  # the schema asks for one of the two
        open_to_it = e.status.in_(literals(sorted(TRANSITIONS[action][0])))
        held = await held_by(write, attempt, open_to_it, *_conditions(chosen.filter))
        ids = [entry.id for entry in held]
        places = dict.fromkeys(ids, "/filter")
    if len(ids) > AT_ONCE:
        raise TooManyEntries(at_most=AT_ONCE)
    who, leads, closed = await _around(write, attempt, action, held)
    held_by_id = {entry.id: entry for entry in held}
    bearers = await _bearers(write, held) if action is EntryAction.RECALL else {}
    faults = []
    for entry_id in ids:
        entry = held_by_id.get(entry_id)
        if entry is None:
            faults.append(NOT_FOUND.at(places[entry_id]))
            continue
        lead_id = leads.get(entry.mission_id)
        if refused := rules.refusal_of_step(action, who, entry, lead_id, closed[entry.mission_id]):
            if isinstance(refused, EmailMissing):
                raise refused  # it is about the caller, whatever the entry
            members = {"id": entry_id, "status": entry.status, "worked_on": entry.worked_on}
            faults.append(refused.at(places[entry_id], **members))
        elif entry_id in bearers:
            members = {"id": entry_id, "external_id": entry.external_id, "existing_id": bearers[entry_id]}
            faults.append(AlreadyExists().at(places[entry_id], **members))
    if faults:
        raise EntriesRefused(errors=faults)
    await step(write, attempt, action, held, closed, reason)
    kind = f"time_entry.{PAST[action]}" if ids else ""
    return Change(kind, TIME_ENTRIES, ids, {"territory": attempt.territory}, many=True)


def _among(ids: Sequence[UUID]) -> ColumnElement[bool]:
    """One array is one parameter, however many ids."""
    return TimeEntry.id == any_(bindparam("ids", list(ids), type_=ARRAY(TimeEntry.id.type)))


async def held_by(write: Write, attempt: Attempt, *conditions: ColumnElement[bool]) -> list[Any]:
    """Lock the matching entries that the actor may see, in id order (so that two callers cannot deadlock).

    Returns at most AT_ONCE + 1 rows: the extra one tells that there are too many. `taken_back` says that the entry was
    rejected before, and that corrections may name it.
    """
    e, c = TimeEntry, CorrectableDays
    rows = (
        select(*e.__table__.c, exists().where(c.entry_id == e.id).label("taken_back"))
        .where(e.territory == attempt.territory, seen(attempt), *conditions)
        .order_by(e.id)
        .limit(AT_ONCE + 1)
        .with_for_update(key_share=True, of=e)
    )
    return [SimpleNamespace(**row._asdict()) for row in await write.session.execute(rows)]


async def _bearers(write: Write, held: Sequence[Any]) -> dict[UUID, UUID]:
    """The entries that bear the external id of one that was rejected, by the id of that one."""
    given_up = {entry.external_id: entry for entry in held if entry.external_id and entry.status == Status.REJECTED}
    if not given_up:
        return {}
    e = TimeEntry
    asked = select(e.id, e.external_id).where(
        e.territory == next(iter(given_up.values())).territory,
        e.external_id.in_(given_up),
        e.status.in_(literals((Status.DRAFT, *COUNTING))),
    )
    return {given_up[row.external_id].id: row.id for row in await write.session.execute(asked)}


async def _around(
    write: Write, attempt: Attempt, action: EntryAction, held: Sequence[Any]
) -> tuple[rules.Caller, dict[UUID, UUID], dict[UUID, list[date]]]:
    """Who acts, which organisation leads each mission, and which of its months are closed."""
    actor, territory = attempt.actor, attempt.territory
    missions = {entry.mission_id for entry in held}
    leads: dict[UUID, UUID] = {}
    if action in (*JUDGING, EntryAction.REVERSE):  # the others are a matter of the entry's own firm
        m = MissionMember
        asked = select(m.mission_id, m.organisation_id).where(m.mission_id.in_(missions), m.role == "lead")
        leads = {row.mission_id: row.organisation_id for row in await write.session.execute(asked)}
    who = rules.Caller(
        actor.subject_id,
        actor.kind,
        actor.organisation_id,
        validates=actor.may("time_entries:validate", territory),
        certifies=actor.may("service_certificates:write", territory),
        has_email=actor.has_email,
    )
    return who, leads, await locked_months(write, missions)


async def step(
    write: Write,
    attempt: Attempt,
    action: EntryAction,
    held: Sequence[Any],
    closed: dict[UUID, list[date]],
    reason: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write the new state of these entries, and `more` values, and declare what they take or give back."""
    if not held:
        return
    target = TRANSITIONS[action][1]
    e, actor_id = TimeEntry, attempt.actor.subject_id
    values: dict[str, Any] = {
        "status": str(target),
        "reason": reason,
        "version": e.version + 1,
        "updated_at": write.now,
        **(more or {}),
    }
    if action is EntryAction.SUBMIT:  # who touches an entry is one of its authors, and never its judge
        values["authors"] = case(
            (literal(actor_id) == any_(e.authors), e.authors), else_=func.array_append(e.authors, actor_id)
        )
    elif action is EntryAction.VALIDATE:
        values |= {"validated_by": actor_id, "validated_at": write.now}
    by_day: dict[date | None, list[UUID]] = defaultdict(list)
    for entry in held:
        day = rules.first_open_day(entry.counted_on, closed[entry.mission_id])
        by_day[day if action is EntryAction.REVERSE and day != entry.counted_on else None].append(entry.id)
        if action is EntryAction.SUBMIT:
            take(write, entry)
            if entry.taken_back:  # it counts itself again, where no correction does
                write.spend(CORRECTABLE_DAYS, entry.id, delta={}, put={"days": Decimal(0)})
        elif entry.status in COUNTING and target not in COUNTING:
            give_back(write, entry, on=day if action is EntryAction.REVERSE else entry.counted_on)
        elif entry.status in COUNTING:
            months = {"counted_months": [rules.month_of(entry.counted_on)]}
            write.spend(MISSION_DAYS, entry.mission_id, delta={}, touch=months)
    for later, ids in by_day.items():
        # Without a later day it is the entry's own, which the trigger writes.
        counted = {} if later is None else {"reversal_counted_on": later}
        await write.session.execute(
            update(e).where(_among(ids)).values(values | counted), execution_options={"synchronize_session": False}
        )
    if action in TAKING_BACK:
        await write.session.execute(_correctable([entry.id for entry in held]))
    if action is EntryAction.SUBMIT:
        submitted = [SimpleNamespace(**{**vars(entry), "status": target}) for entry in held]
        attempt.wishes += [wish_of(entry) for entry in submitted]
        await on_step(write, submitted)


def _correctable(ids: Sequence[UUID]) -> Any:
    """Open the limit rows of entries that were taken back, in the order of their ids, or open them anew."""
    e, c = TimeEntry, CorrectableDays
    month = cast(func.date_trunc(text("'month'"), cast(e.worked_on, DateTime())), Date)
    names = ["entry_id", "person_id", "mission_id", "month", "days"]
    rows = select(e.id, e.person_id, e.mission_id, month, e.days).where(_among(ids)).order_by(e.id)
    put = insert(c).from_select(names, rows)
    again: dict[str, Any] = {name: put.excluded[name] for name in names[1:]}
    again |= dict.fromkeys(("for_person_id", "for_mission_id", "for_month"), null())
    return put.on_conflict_do_update(index_elements=["entry_id"], set_=again)
