"""Writes of legal rates. What is stored of the advances that a rate changes follows in the same transaction."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import exists, or_, select

from app.advances import account
from app.advances.arrears.models import FormalNotice
from app.advances.legal_rates import schemas
from app.advances.legal_rates.models import LegalRate
from app.advances.legal_rates.queries import LEGAL_RATES
from app.advances.models import Advance, Repayment, RepaymentStatus, ScheduleVersion
from app.advances.rules import LateRate
from app.core.db import touch
from app.core.writing.writes import Change, Write
from app.programme import half_years


async def record_rate(write: Write, body: schemas.LegalRateCreate) -> list[Change]:
    """The rate of a half-year. Where it has one, this corrects it: the row before stays, and no longer counts.

    Late interest that money has paid since then, and what a version carries of it, is computed anew at once: what is
    stored says what a statement computes.
    """
    advances = await _changed_from(write, body.from_on)
    changes = [await half_years.record(write, LegalRate, LEGAL_RATES, body, "legal_rate.recorded")]
    await account.hold_receipts(write, [each.id for each in advances])
    later: list[account.Post] = []
    for advance in advances:
        touch(advance)
        changes += await account.settle(write, advance, later=later)
    for post in later:  # the accounts of each territory, in the order of the territories
        changes += await post()
    return changes


async def _changed_from(write: Write, on: date) -> Sequence[Advance]:
    """The advances of which something stored rests on the legal rate of a day or later, by territory.

    All that can bear late interest at a legal rate are locked before, so that money which is being received is seen.
    """
    a, r, v = Advance, Repayment, ScheduleVersion
    noticed = exists().where(FormalNotice.advance_id == a.id)
    at_legal_rate = a.terms["late_rate"].astext.is_distinct_from(LateRate.CONTRACT)
    bearing = select(a.id).where(noticed, at_legal_rate).order_by(a.id).with_for_update(key_share=True)
    held = list(await write.session.scalars(bearing))
    paid = exists().where(r.advance_id == a.id, r.status == RepaymentStatus.RECORDED, r.value_on >= on)
    made = exists().where(v.advance_id == a.id, v.from_on >= on)
    return (
        await write.session.scalars(select(a).where(a.id.in_(held), or_(paid, made)).order_by(a.territory, a.id))
    ).all()
