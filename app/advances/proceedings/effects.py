"""What a judgment does to an advance: the account asks it of every act, and of the tick."""

from dataclasses import replace
from datetime import date

from app.advances import versions
from app.advances.arrears.facts import Surroundings, replayed
from app.advances.arrears.models import Acceleration
from app.advances.models import Advance
from app.advances.proceedings.rules import in_proceedings_on, made_due
from app.advances.replay import Facts, Version
from app.core.writing.writes import Write


async def take(write: Write, advance: Advance, around: Surroundings, facts: Facts, by: date) -> Version | None:
    """The version by which a liquidation has made all due by a day, where none that stands does so yet.

    A judgment that was corrected is answered again: what its first day made due is void (`Surroundings.void`). Says on
    the advance, which is locked, since when it is due, and since when the firm is in proceedings.
    """
    advance.in_proceedings_on = in_proceedings_on(around.judged, by)
    if advance.accelerated_on in around.void.values():
        advance.accelerated_on = None
    judged = made_due(around.judged, by)
    if judged is None or judged.proceeding_id in around.standing.values():
        return None
    if advance.accelerated_on is not None and advance.accelerated_on <= judged.on:
        return None
    stand = replayed(facts, judged.on)
    if not stand.outstanding_cents:
        return None
    made = versions.accelerate(facts.terms, stand)
    row = Acceleration(
        territory=advance.territory, advance_id=advance.id, accelerated_on=judged.on,
        due_cents=stand.outstanding_cents - stand.overdue_cents, proceeding_id=judged.proceeding_id,
        recorded_at=write.now,
    )  # fmt: skip
    write.session.add(row)
    await write.session.flush()
    advance.accelerated_on = judged.on
    number = max((version.number for version in facts.versions), default=0) + 1
    return replace(made, act=row.id, number=number)
