"""`rebond tick`: does what is due by today. Run it once a day.

Safe to run twice, and twice at once: each batch is a transaction of its own, and leaves rows that another one holds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import app.models  # noqa: F401  # a session needs every table that a foreign key names
from app.core import clock
from app.core.db import SessionFactory
from app.core.writing import idempotency
from app.core.writing.writes import Change, System, Write, new_request_id, run
from app.firms.contacts import service as contacts

BATCH = 500


@dataclass(frozen=True)
class Done:
    """What a tick did."""

    contacts_erased: int
    replies_forgotten: int


async def tick(factory: SessionFactory, *, batch: int = BATCH, say: Callable[[str], None] = lambda _: None) -> Done:
    """Erase the persons whose retention date is past, and forget the replies that were kept for retries.

    `say` is called after each batch with the number so far.
    """
    today = clock.today()
    erased, in_batch = 0, batch

    async def erase(write: Write) -> list[Change]:
        nonlocal in_batch
        changes = await contacts.erase_expired(write, today, batch)
        in_batch = sum(len(change.keys) for change in changes)
        return changes

    while in_batch == batch:  # a shorter one was the last
        await run(factory, System(), erase, request_id=new_request_id())
        erased += in_batch
        say(f"{erased} contacts")
    async with factory() as session, session.begin():
        forgotten = await idempotency.forget_expired(session)
    return Done(erased, forgotten)
