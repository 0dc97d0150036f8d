"""`rebond tick`: does what is due by today. Run it once a day.

Safe to run twice, twice at once, and again after a crash: each batch is a transaction of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import NamedTuple

import app.advances.tranches.service
import app.grants.payments.service
import app.models  # noqa: F401  # a session needs every table that a foreign key names, an aid both its instruments
from app.advances.arrears import alerts
from app.advances.arrears import service as arrears
from app.advances.tranches import availability
from app.applications.silence import SILENCE
from app.awards import service as awards
from app.awards.commitments import service as commitments
from app.core import clock
from app.core.db import SessionFactory
from app.core.problems import Problem
from app.core.writing import idempotency
from app.core.writing.writes import Change, System, Write, new_request_id, run
from app.engineering.deliverables import late as late_deliverables
from app.engineering.deliverables.silence import SILENCE as DELIVERABLE_SILENCE
from app.firms.contacts import service as contacts
from app.integrations.imports import service as imports

BATCH = 500


@dataclass(frozen=True)
class Done:
    """What a tick did."""

    silences: int
    admitted: int
    late: int
    unstarted: int
    undrawn: int
    commitments: int
    judged: int
    alerts: int
    contacts_erased: int
    files_deleted: int
    replies_forgotten: int


class Batch(NamedTuple):
    """What one transaction did: how many, whether more may wait, and what is told of it."""

    number: int
    more: bool
    changes: list[Change]


async def tick(
    factory: SessionFactory,
    *,
    as_of: date | None = None,
    batch: int = BATCH,
    say: Callable[[str], None] = lambda _: None,
) -> Done:
    """Take the clocks that have run out by `as_of`, tell what is late and what has come of advances, erase the persons
    whose retention date is past, delete files that were imported, and forget the replies that were kept for retries.

    `as_of` is today or a day before, and concerns the clocks, what is late and the advances alone. `say` is called
    after each batch with the number so far.
    """
    today = clock.today()
    silences = await take_silences(factory, as_of or today, batch=batch, say=say)
    admitted = await admit_deliverables(factory, as_of or today, batch=batch, say=say)
    late = await tell_late_deliverables(factory, as_of or today, batch=batch, say=say)
    unstarted = await take_unstarted(factory, as_of or today, say=say)
    undrawn = await take_undrawn(factory, as_of or today, say=say)
    overdue = await tell_overdue(factory, as_of or today, batch=batch, say=say)
    judged = await take_judgments(factory, as_of or today, say=say)
    told = await tell_of_advances(factory, as_of or today, batch=batch, say=say)

    erased = await erase_contacts(factory, today, batch=batch, say=say)

    async def delete_files(write: Write) -> Batch:
        changes = await imports.forget_files(write, batch)
        number = _keys(changes)
        return Batch(number, number == batch, changes)

    deleted = await _in_batches(factory, delete_files, "imported files", say)
    async with factory() as session, session.begin():
        forgotten = await idempotency.forget_expired(session)
    return Done(silences, admitted, late, unstarted, undrawn, overdue, judged, told, erased, deleted, forgotten)


async def erase_contacts(
    factory: SessionFactory, today: date, *, batch: int = BATCH, say: Callable[[str], None] = lambda _: None
) -> int:
    """Erase the persons whose retention date is past. Returns how many."""

    async def erase(write: Write) -> Batch:
        changes = await contacts.erase_expired(write, today, batch)
        number = _keys(changes)
        return Batch(number, number == batch, changes)  # a shorter one is the last

    return await _in_batches(factory, erase, "contacts", say)


async def take_silences(
    factory: SessionFactory, as_of: date, *, batch: int = BATCH, say: Callable[[str], None] = lambda _: None
) -> int:
    """Record what silence has decided about aid files by a day, in the order of its days. Returns how many."""

    async def take(write: Write) -> Batch:
        taken, more = await SILENCE.take_due(write, as_of, batch)
        return Batch(taken, more, [])

    return await _in_batches(factory, take, "silences", say)


async def admit_deliverables(
    factory: SessionFactory, as_of: date, *, batch: int = BATCH, say: Callable[[str], None] = lambda _: None
) -> int:
    """Record what silence has admitted of deliverables by a day, in the order of its days. Returns how many."""

    async def take(write: Write) -> Batch:
        admitted, more = await DELIVERABLE_SILENCE.take_due(write, as_of, batch)
        return Batch(admitted, more, [])

    return await _in_batches(factory, take, "deliverables admitted by silence", say)


async def tell_late_deliverables(
    factory: SessionFactory, as_of: date, *, batch: int = BATCH, say: Callable[[str], None] = lambda _: None
) -> int:
    """Tell of the deliverables that are late by a day, once for each day that was awaited. Returns how many."""

    async def tell(write: Write) -> Batch:
        changes, more = await late_deliverables.take_late(write, as_of, batch)
        return Batch(_keys(changes), more, changes)

    return await _in_batches(factory, tell, "late deliverables", say)


async def take_unstarted(
    factory: SessionFactory, as_of: date, *, say: Callable[[str], None] = lambda _: None
) -> int:  # fmt: skip
    """Lapse the aids that were not started by their last day, or tell that the start is missing. Returns how many."""

    async def take(write: Write) -> Batch:
        due, changes = await awards.take_unstarted(write, as_of)
        return Batch(due, due > 0, changes)

    return await _in_batches(factory, take, "aids that were not started", say)


async def take_undrawn(
    factory: SessionFactory, as_of: date, *, say: Callable[[str], None] = lambda _: None
) -> int:  # fmt: skip
    """Lapse what is not drawn of advances by their last day. Returns how many."""

    async def take(write: Write) -> Batch:
        due, changes = await availability.take_undrawn(write, as_of)
        return Batch(due, due > 0, changes)

    return await _in_batches(factory, take, "advances that were not drawn", say)


async def tell_overdue(
    factory: SessionFactory, as_of: date, *, batch: int = BATCH, say: Callable[[str], None] = lambda _: None
) -> int:
    """Tell of the commitments that are overdue by a day, each once, in the order of their days. Returns how many."""

    async def tell(write: Write) -> Batch:
        changes, more = await commitments.take_overdue(write, as_of, batch)
        return Batch(_keys(changes), more, changes)

    return await _in_batches(factory, tell, "commitments", say)


async def take_judgments(
    factory: SessionFactory, as_of: date, *, say: Callable[[str], None] = lambda _: None
) -> int:  # fmt: skip
    """Settle the advances for which a day has come: proceedings of their firm, a version, lines that are not kept yet.

    Each is a transaction of its own; one that cannot be settled yet waits, and stops none of the others. Returns how
    many were settled.
    """
    async with factory() as session:
        due = [(row.territory, row.id) for row in await session.execute(arrears.unsettled(as_of))]
    taken = 0
    for territory, advance_id in due:
        settle = partial(arrears.settle, territory=territory, advance_id=advance_id)
        try:
            await run(factory, System(), settle, request_id=new_request_id())
        except Problem as refused:
            say(f"advance {advance_id}: {refused.code}")
            continue
        taken += 1
    if taken:
        say(f"{taken} advances settled")
    return taken


async def tell_of_advances(
    factory: SessionFactory, as_of: date, *, batch: int = BATCH, say: Callable[[str], None] = lambda _: None
) -> int:
    """Tell what has come of advances by a day, each once, in the order of the days. Returns how many events."""

    async def tell(write: Write) -> Batch:
        changes, more = await alerts.take_due(write, as_of, batch)
        return Batch(_keys(changes), more, changes)

    return await _in_batches(factory, tell, "alerts of advances", say)


async def _in_batches(
    factory: SessionFactory, act: Callable[[Write], Awaitable[Batch]], what: str, say: Callable[[str], None]
) -> int:
    """Do an act until nothing is left of it, each time in a transaction of its own. Returns how many it did.

    What a transaction did is counted once it is over: one that is tried again counts once.
    """
    batch = Batch(0, True, [])

    async def once(write: Write) -> list[Change]:
        nonlocal batch
        batch = await act(write)
        return batch.changes

    done = 0
    while batch.more:
        await run(factory, System(), once, request_id=new_request_id())
        done += batch.number
        say(f"{done} {what}")
    return done


def _keys(changes: list[Change]) -> int:
    return sum(len(change.keys) for change in changes)
