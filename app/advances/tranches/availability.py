"""The last day on which an advance is drawn: what is not lapses on the day after, and returns to the envelope."""

from datetime import date, timedelta

from sqlalchemy import Date, cast, func, select

from app.advances.models import Advance
from app.advances.service import ADVANCE
from app.advances.tranches.models import Tranche
from app.awards import aids
from app.awards import service as awards
from app.awards.models import AidAct, Ending
from app.awards.payments import in_flight
from app.awards.payments.rules import PaymentStatus
from app.awards.rules import OVER
from app.core.problems import NotFound
from app.core.writing.writes import Change, Write
from app.envelopes import ledger
from app.envelopes.ledger import Cause
from app.envelopes.rules import Act, Instrument
from app.envelopes.service import shortfall_changes

NOT_DRAWN = "The advance was not drawn in time."

_a, _t = Advance, Tranche
UNTIL_ON = cast(Advance.terms_in_force["available_until_on"].astext, Date)
# What is approved or sent is on its way to the firm: it does not lapse.
_on_its_way = (
    select(func.coalesce(func.sum(_t.amount_cents), 0))
    .where(_t.advance_id == _a.id, _t.status.in_((PaymentStatus.APPROVED, PaymentStatus.SENT)))
    .correlate(_a)
    .scalar_subquery()
)


async def take_undrawn(write: Write, as_of: date) -> tuple[int, list[Change]]:
    """Lapse what is not drawn of the advance whose last day was over first, of those that are over by `as_of`.

    Its proposed tranches are cancelled; what is approved or sent stays. One advance at a time: its accounts are locked
    last. Returns how many were due, one or none, and what changed.
    """
    left = _a.amount_cents - _a.disbursed_cents - _a.released_cents - _on_its_way
    due = (
        select(_a.id, _a.territory)
        .where(as_of > UNTIL_ON, _a.status.not_in(OVER), left > 0)
        .order_by(UNTIL_ON, _a.id)
        .limit(1)
    )
    found = (await write.session.execute(due)).first()
    if found is None:
        return 0, []
    try:
        held = await aids.hold(write, found.territory, found.id, ADVANCE)
    except NotFound:  # an act has just ended it
        return 1, []
    until_on = await write.session.scalar(select(UNTIL_ON).where(_a.id == found.id))
    return 1, await _lapse(write, held, until_on + timedelta(days=1)) if until_on and until_on < as_of else []


async def _lapse(write: Write, held: aids.Held, on: date) -> list[Change]:
    """Give back what is not drawn of an advance that is held. One of which nothing was drawn has ended."""
    advance = held.award
    if advance.status in OVER:
        return []
    dropped = await in_flight.cancel_proposed(write, ADVANCE, advance, NOT_DRAWN)
    undrawn = advance.amount_cents - advance.disbursed_cents - advance.in_flight_cents - advance.released_cents
    if undrawn <= 0:
        return dropped
    on = max(on, advance.decided_on)
    advance.released_cents += undrawn
    advance.status = ADVANCE.status_of(advance)
    if advance.status in OVER:
        advance.ended_as, advance.ended_on, advance.reason = Ending.LAPSED, on, NOT_DRAWN
    held.record(write, AidAct.LAPSE, on, reason=NOT_DRAWN, award=advance)
    await write.session.flush()
    followed = await awards.follow(write, advance, on, NOT_DRAWN)
    cause = Cause(Act.RELEASE, advance.id, on, advance.id)
    filled = await ledger.release(write, advance.territory, Instrument.ADVANCE, cause, undrawn)
    lapsed = ADVANCE.change("lapsed", advance)
    return [lapsed, *dropped, *followed, *await shortfall_changes(write, advance.territory, filled)]
