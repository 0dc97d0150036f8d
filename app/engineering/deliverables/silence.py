"""What silence admits: delays to verify that have run out, taken by `rebond tick`, or by the next act.

Each silence is an act of the service itself, dated its own day. The row of a deliverable says on which day silence
admits it (`silence_on`, computed by the database), so that an index finds what is due, and one statement admits many.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, literal, select, text, update

from app.core.writing.writes import Change, System, Write, record
from app.engineering.deliverables.models import Deliverable, DeliverablePassage
from app.engineering.deliverables.queries import DELIVERABLES, STANDING
from app.engineering.deliverables.rules import DeliverableAct, DeliverableState

LOCK = 0x64656C69  # of `rebond tick`: one worker at a time

_d, _p = Deliverable, DeliverablePassage


async def take(write: Write, deliverable: Deliverable, by: date) -> None:
    """Record that silence has admitted a deliverable by a day; the caller holds it."""
    if deliverable.silence_on is not None and deliverable.silence_on <= by:
        await _admit(write, deliverable.territory, [deliverable.id])
        await write.session.refresh(deliverable)


async def take_again(write: Write, change: Change, deliverable: Deliverable, by: date) -> Change:
    """Record an act that has reversed a silence, then the silence that it does not prevent; the caller holds the row.

    The deliverable is then what `rebond tick` had left, were the act recorded in time. Returns the change to tell.
    """
    await record(write, change, write.request_id)
    await write.session.refresh(deliverable)
    await take(write, deliverable, by)
    return replace(change, type="")


async def take_due(write: Write, as_of: date, batch: int) -> tuple[int, bool]:
    """Record what silence has admitted by a day, in the order of its days, for so many deliverables at most.

    Returns how many that were, and whether more may be due. One worker at a time does so, and it waits for whoever is
    acting on a deliverable: the row then says what that act left.
    """
    await write.session.execute(text("SET LOCAL lock_timeout = '20s'"))
    await write.session.execute(select(func.pg_advisory_xact_lock(LOCK)))
    first = select(_d.id).where(_d.silence_on <= as_of, STANDING).order_by(_d.silence_on, _d.id).limit(batch)
    known = list(await write.session.scalars(first))
    # Locked by id, as everywhere: what changes, as the day of silence does, gives no order.
    held = select(_d.id, _d.territory, _d.silence_on).where(_d.id.in_(known), _d.silence_on <= as_of).order_by(_d.id)
    due = list(await write.session.execute(held.with_for_update(key_share=True)))
    due.sort(key=lambda row: (row.territory, row.silence_on))
    for territory, group in groupby(due, key=lambda row: row.territory):
        await _admit(write, territory, [row.id for row in group])
    return len(due), len(known) == batch


async def _admit(write: Write, territory: str, ids: Sequence[UUID]) -> None:
    """Record the silence of each of these deliverables, which the caller holds, on the day on which it takes effect."""
    act, to = DeliverableAct.SILENCE_ADMITS, DeliverableState.ADMITTED
    said = select(
        _d.id, _d.passage_number + 1, _d.territory, literal(act.value), _d.state, literal(to.value), _d.silence_on,
        _d.passage_number, literal(write.now),
    ).where(_d.id.in_(ids))  # fmt: skip
    columns = [
        "deliverable_id", "number", "territory", "act", "from_state", "to_state", "effective_on", "previous_number",
        "recorded_at",
    ]  # fmt: skip
    await write.session.execute(insert(_p).from_select(columns, said, include_defaults=False))
    values: dict[Any, Any] = {
        "state": to,
        "passage_number": _d.passage_number + 1,
        "version": _d.version + 1,
        "updated_at": write.now,
    }
    await write.session.execute(
        update(_d).where(_d.id.in_(ids)).values(values).execution_options(synchronize_session=False)
    )
    change = Change("deliverable.deemed_admitted", DELIVERABLES, ids, {"territory": territory})
    await record(replace(write, actor=System()), change, write.request_id)
