"""What silence decides: clocks that have run out, taken by `rebond tick`, or by the next act on the file.

Each silence is an act of the service itself, dated its own day. The row of a file says on which day silence decides
next (`silence_on`, computed by the database), so that an index finds what is due, and one statement decides many files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, insert, literal, select, text, update

from app.applications.clocks import ONE_DAY
from app.applications.models import Application, ApplicationPassage
from app.applications.queries import APPLICATIONS
from app.applications.rules import EXAMINED, ApplicationAct, ApplicationState
from app.core.db import literals
from app.core.writing.writes import Change, System, Write, record

LOCK = 0x7469636B  # of `rebond tick`: one worker at a time

_a, _p = Application, ApplicationPassage
# Of two clocks that end on one day, the one of admissibility comes first.
_ADMITS: Any = (
    _a.state.in_(literals(EXAMINED)) & ~_a.found_admissible & (_a.admissibility_ends_on <= _a.decision_ends_on)
)
_EVENTS = {
    ApplicationAct.SILENCE_ADMITS: "application.deemed_admissible",
    ApplicationAct.SILENCE_REJECTS: "application.implicitly_rejected",
}
_LEADS_TO = {
    ApplicationAct.SILENCE_ADMITS: ApplicationState.DEEMED_ADMISSIBLE,
    ApplicationAct.SILENCE_REJECTS: ApplicationState.IMPLICITLY_REJECTED,
}


@dataclass(frozen=True, order=True)
class _Due:
    """A silence that takes effect on a day."""

    on: date
    territory: str
    act: ApplicationAct
    id: UUID


async def take(write: Write, file: Application, by: date) -> None:
    """Record what silence has decided about a file by a day; the caller holds the file."""
    while file.silence_on is not None and file.silence_on <= by:
        act = (await write.session.execute(select(_act()).where(_a.id == file.id))).scalar_one()
        await _decide(write, file.territory, ApplicationAct(act), [file.id])
        await write.session.refresh(file)


async def take_again(write: Write, change: Change, file: Application, by: date) -> Change:
    """Record an act that has reversed silences, then those that it does not prevent, of its file, which is held.

    The file is then what `rebond tick` had left, were the act recorded in time. Returns the change that tells of it.
    """
    await record(write, change, write.request_id)
    await write.session.refresh(file)
    await take(write, file, by)
    return replace(change, type="")


async def take_due(write: Write, as_of: date, batch: int) -> tuple[int, bool]:
    """Record what silence has decided by a day, in the order of its days, for so many files at most.

    Returns how many decisions that were, and whether more may be due.

    One worker at a time does so, and it waits for whoever is acting on a file: the row then says what that act left.
    """
    await write.session.execute(text("SET LOCAL lock_timeout = '20s'"))
    await write.session.execute(select(func.pg_advisory_xact_lock(LOCK)))
    first = select(_a.id, _a.silence_on).where(_a.silence_on <= as_of).order_by(_a.silence_on, _a.id).limit(batch)
    known = list(await write.session.execute(first))
    more = len(known) == batch
    last_on = max(row.silence_on for row in known) if more else as_of
    # Locked by id, as everywhere: what changes, as the day of silence does, gives no order.
    found = select(_a.id, _a.territory, _a.silence_on, _act().label("act"), _a.decision_ends_on)
    wanted = found.where(_a.id.in_([row.id for row in known]), _a.silence_on <= last_on).order_by(_a.id)
    due = list(await write.session.execute(wanted.with_for_update()))
    silences = [_Due(row.silence_on, row.territory, ApplicationAct(row.act), row.id) for row in due]
    # A file that is deemed admissible may have to be rejected by the same day.
    silences += [
        _Due(second_on, row.territory, ApplicationAct.SILENCE_REJECTS, row.id)
        for row in due
        if row.act == ApplicationAct.SILENCE_ADMITS and (second_on := row.decision_ends_on + ONE_DAY) <= last_on
    ]
    for (territory, act), group in groupby(sorted(silences), key=lambda each: (each.territory, each.act)):
        await _decide(write, territory, act, [each.id for each in group])
    return len(silences), more


def _act() -> Any:
    """What silence does next, as SQL."""
    return case((_ADMITS, literal(ApplicationAct.SILENCE_ADMITS.value)), else_=ApplicationAct.SILENCE_REJECTS.value)


async def _decide(write: Write, territory: str, act: ApplicationAct, ids: Sequence[UUID]) -> None:
    """Record one silence of each of these files, which the caller holds, on the day on which it takes effect."""
    to = _LEADS_TO[act]
    said = select(
        _a.id, _a.passage_number + 1, _a.territory, literal(act.value), _a.state, literal(to.value), _a.silence_on,
        _a.passage_number, literal(write.now),
    ).where(_a.id.in_(ids))  # fmt: skip
    columns = [
        "application_id", "number", "territory", "act", "from_state", "to_state", "effective_on", "previous_number",
        "recorded_at",
    ]  # fmt: skip
    await write.session.execute(insert(_p).from_select(columns, said, include_defaults=False))
    await write.session.execute(
        update(_a)
        .where(_a.id.in_(ids))
        .values(
            state=to, passage_number=_a.passage_number + 1, version=_a.version + 1, updated_at=write.now,
            found_admissible=_a.found_admissible | (act is ApplicationAct.SILENCE_ADMITS),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    change = Change(_EVENTS[act], APPLICATIONS, ids, {"territory": territory})
    await record(replace(write, actor=System()), change, write.request_id)
