"""What is late: versions that were awaited by a day that is over, told once for each such day by `rebond tick`."""

from datetime import date
from itertools import groupby

from sqlalchemy import Integer, cast, select, update

from app.core.writing.turns import take_turn
from app.core.writing.writes import Change, Write
from app.engineering.deliverables.models import Deliverable
from app.engineering.deliverables.queries import DELIVERABLES, STANDING

LOCK = 0x6C617465  # of the tick: one worker at a time


async def take_late(write: Write, as_of: date, batch: int) -> tuple[list[Change], bool]:
    """Say of each deliverable whose day has passed that it is late, once a day that it was awaited by, in their order.

    Returns the events, and whether more may be due. One worker at a time does so.
    """
    await take_turn(write, LOCK)
    d = Deliverable
    late_on = d.awaited_on + cast(1, Integer)
    due = (
        select(d.id, d.territory)
        .where(d.awaited_on < as_of, d.late_on.is_distinct_from(late_on), STANDING)
        .order_by(d.awaited_on, d.id)
        .limit(batch)
        .with_for_update(key_share=True)
    )
    rows = (await write.session.execute(due)).all()
    await write.session.execute(
        update(d)
        .where(d.id.in_([row.id for row in rows]))
        .values(late_on=late_on, version=d.version + 1, updated_at=write.now)
        .execution_options(synchronize_session=False)
    )
    told = [
        Change("deliverable.late", DELIVERABLES, [row.id for row in group], {"territory": territory})
        for territory, group in groupby(rows, key=lambda row: row.territory)
    ]
    return told, len(rows) == batch
