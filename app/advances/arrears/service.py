"""Writes of arrears: formal notices and accelerations. The account does the rest."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select, text

from app.access.rules import accountable, person
from app.advances import account, versions
from app.advances.arrears import facts, rules, schemas
from app.advances.arrears.facts import replayed_so_far
from app.advances.arrears.models import Acceleration, AdvanceSpan, FormalNotice
from app.advances.arrears.queries import ACCELERATIONS, NOTICES
from app.advances.arrears.rules import NoticeStatus
from app.advances.models import Advance, ScheduleVersion
from app.advances.position import Position
from app.advances.proceedings.rules import open_on
from app.awards.life.rules import AgreementMissing
from app.awards.models import Aid
from app.awards.rules import OVER, AwardEnded
from app.core import clock
from app.core.db import touch
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, merge
from app.firms.models import Proceeding


async def give_notice(
    write: Write, territory: str, advance_id: UUID, body: schemas.FormalNoticeCreate
) -> list[Change]:  # fmt: skip
    """Record a formal notice for lines that are overdue on the day on which it is sent.

    Raises `line-not-overdue`, `notice-delay-too-short`, `calls-stopped`, `award-ended` (409),
    `notice-days-out-of-order` (422), `email-missing` (403).
    """
    refuse_future({
        "/sent_on": body.sent_on, "/first_presented_on": body.first_presented_on, "/received_on": body.received_on,
    })  # fmt: skip
    recorded_by = accountable(write.actor)
    advance = await _owed(write, territory, advance_id)
    here = await account.known(write, advance)
    proceeding = open_on(here.around.judged, body.sent_on)
    if proceeding is not None:
        raise rules.CallsStopped(kind=proceeding.kind, opened_on=proceeding.opened_on)
    overdue = _overdue(replayed_so_far(here.facts, body.sent_on), body.sent_on)
    for due_on in body.lines:
        if due_on not in overdue:
            raise rules.LineNotOverdue(due_on=due_on)
    agreed_days = here.terms.notice_delay_days
    if body.delay_days is not None and body.delay_days < agreed_days:
        raise rules.NoticeDelayTooShort(agreed_days=agreed_days)
    notice = FormalNotice(
        territory=territory, advance_id=advance_id, due_dates=sorted(body.lines), recorded_by=recorded_by,
        delay_days=body.delay_days or agreed_days, **body.model_dump(exclude={"lines", "delay_days"}),
    )  # fmt: skip
    write.session.add(notice)
    await write.session.flush()
    return await _told(write, advance, "recorded", notice.id)


async def update_notice(
    write: Write, territory: str, advance_id: UUID, notice_id: UUID, body: schemas.FormalNoticeUpdate
) -> list[Change]:
    """Record when a formal notice was presented and received: late interest and the delay run from there.

    Raises `notice-withdrawn`, `notice-relied-on` (409), `notice-days-out-of-order` (422).
    """
    refuse_future({f"/{name}": day for name in body.model_fields_set if (day := getattr(body, name)) is not None})
    advance = await account.hold(write, territory, advance_id)
    notice = await _held(write, advance, notice_id)
    if not merge(notice, body):
        return [Change("", NOTICES, [notice_id], _bound(advance))]
    await write.session.flush()
    return await _told(write, advance, "updated", notice_id)


async def withdraw_notice(
    write: Write, territory: str, advance_id: UUID, notice_id: UUID, body: schemas.FormalNoticeWithdrawal
) -> list[Change]:
    """Take a formal notice back that was a mistake: nothing runs from it.

    Raises `notice-withdrawn`, `notice-relied-on` (409).
    """
    advance = await account.hold(write, territory, advance_id)
    notice = await _held(write, advance, notice_id)
    notice.status, notice.reason = NoticeStatus.WITHDRAWN, body.reason
    await write.session.flush()
    return await _told(write, advance, "withdrawn", notice_id)


async def accelerate(
    write: Write, territory: str, advance_id: UUID, body: schemas.AccelerationCreate
) -> list[Change]:  # fmt: skip
    """Make all that is outstanding due, after a formal notice and its delay.

    Raises `already-accelerated`, `clause-void`, `notice-missing`, `delay-running`, `agreement-missing`, `award-ended`
    (409), `person-required`, `email-missing` (403).
    """
    on = body.accelerated_on or clock.today()
    refuse_future({"/accelerated_on": on})
    decided_by = person(write.actor)
    advance = await _owed(write, territory, advance_id)
    write.expect(advance.version, required=True)
    if await write.session.scalar(select(Aid.agreed_on).where(Aid.id == advance.aid_id)) is None:
        raise AgreementMissing.of_terms()
    here = await account.known(write, advance)
    proceeding = open_on(here.around.judged, on)
    if proceeding is not None:
        if proceeding.due_on is None or on < proceeding.due_on:
            raise rules.ClauseVoid(kind=proceeding.kind, opened_on=proceeding.opened_on)
        raise rules.AlreadyAccelerated(accelerated_on=proceeding.due_on)
    if advance.accelerated_on is not None:
        raise rules.AlreadyAccelerated(accelerated_on=advance.accelerated_on)
    stand = replayed_so_far(here.facts, on)
    notice = rules.notice_relied_on(here.around.notices, _overdue(stand, on), on)
    acceleration = Acceleration(
        territory=territory, advance_id=advance_id, accelerated_on=on, notice_id=notice.id, decided_by=decided_by,
        due_cents=stand.outstanding_cents, reason=body.reason,
        document_sha256=body.document_sha256, recorded_at=write.now,
    )  # fmt: skip
    write.session.add(acceleration)
    await write.session.flush()
    advance.accelerated_on = on
    await account.enact(write, advance, versions.accelerate(stand), acceleration.id)
    changes = await account.settle(write, advance, "accelerated")
    return [Change("advance_acceleration.recorded", ACCELERATIONS, [acceleration.id], _bound(advance)), *changes]


def _overdue(stand: Position, on: date) -> frozenset[date]:
    return frozenset(state.line.due_on for state in stand.lines if state.left_cents and state.line.due_on < on)


async def _owed(write: Write, territory: str, advance_id: UUID) -> Advance:
    advance = await account.hold(write, territory, advance_id)
    if advance.status in OVER or advance.settled_as is not None:
        raise AwardEnded(current=advance.status)
    return advance


async def _held(write: Write, advance: Advance, notice_id: UUID) -> FormalNotice:
    """A formal notice that counts, and on which no acceleration rests."""
    notice = await write.lock(FormalNotice, FormalNotice.id == notice_id, FormalNotice.advance_id == advance.id)
    write.expect(notice.version, required=True)
    if notice.status == NoticeStatus.WITHDRAWN:
        raise rules.NoticeWithdrawn
    on = await write.session.scalar(select(Acceleration.accelerated_on).where(Acceleration.notice_id == notice_id))
    if on is not None:
        raise rules.NoticeReliedOn(accelerated_on=on)
    return notice


async def _told(write: Write, advance: Advance, act: str, notice_id: UUID) -> list[Change]:
    changes: Sequence[Change] = await account.settle(write, advance)
    return [Change(f"advance_notice.{act}", NOTICES, [notice_id], _bound(advance)), *changes]


def _bound(advance: Advance) -> dict[str, object]:
    return {"territory": advance.territory, "advance_id": advance.id}


_COUNTED = ("disbursed_cents", "repaid_cents", "waived_cents", "written_off_cents")


def unsettled(as_of: date) -> Any:
    """The advances that are not settled yet by a day, by their ids.

    Since their last settlement the firm's proceedings were changed, a day of theirs or of a version has come, or a
    legal rate was recorded that late interest may run at; or where it stands from day to day is not written yet.
    """
    a, p, v, s = Advance, Proceeding, ScheduleVersion, AdvanceSpan

    def came(day: Any) -> Any:
        return (day > a.counted_until_on) & (day <= as_of)

    dated = exists().where(p.siren == a.siren, or_(*map(came, (p.opened_on, p.continued_until_on, p.closed_on))))
    comes = exists().where(v.advance_id == a.id, came(v.from_on))
    judged = a.counted_judgments != facts.judgments(a.siren)
    rated = and_(exists().where(FormalNotice.advance_id == a.id), a.counted_rates != facts.legal_rates())
    written = exists().where(
        s.advance_id == a.id, s.replaced_at.is_(None), s.until_on == text("'infinity'"),
        *(getattr(s, name) == getattr(a, name) for name in _COUNTED),
    )  # fmt: skip
    # Of one that owes no capital, what bears late interest may still be said anew.
    changed = or_(a.counted_until_on.is_(None), rated, and_(a.settled_as.is_(None), or_(judged, dated, comes)))
    return select(a.territory, a.id).where(a.disbursed_cents > 0, or_(~written, changed)).order_by(a.id)


async def settle(write: Write, *, territory: str, advance_id: UUID) -> list[Change]:
    """Bring one advance to the day, as the next act on it would."""
    advance = await account.hold(write, territory, advance_id)
    touch(advance)
    return await account.settle(write, advance)
