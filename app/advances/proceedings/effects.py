"""What a judgment does to an advance: the account asks it of every act, and of the tick."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app.advances import versions
from app.advances.arrears.facts import Surroundings, replayed_so_far
from app.advances.arrears.models import Acceleration
from app.advances.arrears.queries import ACCELERATIONS
from app.advances.models import Advance
from app.advances.position import Facts, Version
from app.advances.proceedings.models import DebtClaim
from app.advances.proceedings.queries import ADVANCE_DEBT_CLAIMS
from app.advances.proceedings.rules import Judged, in_proceedings_on, made_due
from app.core.writing.writes import Change, Write


class Taken(NamedTuple):
    """What a judgment did: what is told of it, and a version that makes all due, with the id of its act."""

    changes: list[Change]
    version: Version | None = None
    act: UUID | None = None


async def take(write: Write, advance: Advance, around: Surroundings, facts: Facts, by: date) -> Taken:
    """Answer the firm's register by a day: a claim to be declared, and what a liquidation makes due.

    A judgment that was corrected is answered again: what its first day made due is void (`Surroundings.void`). Says on
    the advance, which is locked, since when it is due, and since when the firm is in proceedings.
    """
    advance.in_proceedings_on = in_proceedings_on(around.judged, by)
    if advance.accelerated_on in around.void.values():
        advance.accelerated_on = None
    if not advance.outstanding_cents:
        return Taken([])
    since = [each for each in around.judged if each.open_on(by) and advance.decided_on <= each.opened_on]
    changes = await _ask_for_claims(write, advance, since)
    judged = made_due(around.judged, by)
    if judged is None or judged.proceeding_id in around.standing.values():
        return Taken(changes)
    if advance.accelerated_on is not None and advance.accelerated_on <= judged.on:
        return Taken(changes)
    stand = replayed_so_far(facts, judged.on)
    if not stand.outstanding_cents:
        return Taken(changes)
    row = Acceleration(
        territory=advance.territory, advance_id=advance.id, accelerated_on=judged.on,
        due_cents=stand.outstanding_cents, proceeding_id=judged.proceeding_id, recorded_at=write.now,
    )  # fmt: skip
    write.session.add(row)
    await write.session.flush()
    advance.accelerated_on = judged.on
    told = Change("advance_acceleration.recorded", ACCELERATIONS, [row.id], _bound(advance))
    return Taken([*changes, told], versions.accelerate(stand), row.id)


async def _ask_for_claims(write: Write, advance: Advance, judged: Sequence[Judged]) -> list[Change]:
    """A claim to be declared to each of these proceedings, where there is none."""
    if not judged:
        return []
    now = {"created_at": write.now, "updated_at": write.now}
    of_it = {"territory": advance.territory, "advance_id": advance.id}
    made = (
        await write.session.scalars(
            insert(DebtClaim).on_conflict_do_nothing().returning(DebtClaim.id),
            [{"proceeding_id": each.id, **of_it, **now} for each in judged],
        )
    ).all()
    return [Change("debt_claim.created", ADVANCE_DEBT_CLAIMS, made, _bound(advance))] if made else []


def _bound(advance: Advance) -> dict[str, object]:
    return {"territory": advance.territory, "advance_id": advance.id}
