"""Reads of arrears: instalments of a territory and of all, formal notices, accelerations, alerts."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    Text,
    and_,
    any_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
)

from app.access.models import Subject
from app.advances.arrears import schemas
from app.advances.arrears.models import Acceleration, AdvanceAlert, AdvanceSpan, FormalNotice, LineSpan
from app.advances.arrears.rules import ACT_NEEDED_MONTHS, BUCKETS, AdvanceAlertKind, NoticeStatus
from app.advances.models import Advance
from app.advances.position import Bucket
from app.core.db import param, paris_day
from app.core.reading.listing import Filter, Listing, any_of, at_least, at_most, equals, holds, updated_since
from app.core.reading.two_times import TWO_TIMES, known_before
from app.core.values import Day, Siren, Uuid
from app.core.writing.events import last_event, said
from app.firms.models import Firm, Proceeding
from app.firms.queries import open_between
from app.programme.national import national

_a, _s, _n, _p = Advance, LineSpan, FormalNotice, Proceeding
_x, _t = Acceleration, AdvanceAlert
_territory = param("territory", Text())
_advance_id = param("advance_id", _a.id.type)
_recorder, _decider = (Subject.__table__.alias(name) for name in ("recorder", "decider"))
_parent = select(_a.id).where(_a.territory == _territory, _a.id == _advance_id)

TODAY: Any = paris_day(func.now())


def left_cents(line: Any) -> Any:
    """What a line still asks for."""
    return line.principal_left_cents + line.interest_left_cents + line.fees_left_cents


LEFT_CENTS: Any = left_cents(_s)
OPEN: Any = text("0") < LEFT_CENTS


def _word(bucket: Bucket) -> Any:
    return literal_column(f"'{bucket}'", Text())


def bucket(proceedings: Any, days_past_due: Any) -> Any:
    """The bucket of days past due, in SQL; that of proceedings where they are open."""
    ages = [(days_past_due >= literal_column(str(first)), _word(name)) for name, first in reversed(BUCKETS)]
    return case((proceedings, _word(Bucket.IN_PROCEEDINGS)), *ages, else_=_word(Bucket.CURRENT))


@dataclass(frozen=True)
class Times:
    """A day, and the instant before which something was recorded that counts; None: all that is known now."""

    on: Any = TODAY
    before: Any = None

    def hold(self, span: type[AdvanceSpan | LineSpan]) -> Any:
        """Whether a span holds on the day, as it was known."""
        known: Any = span.replaced_at.is_(None)
        if self.before is not None:
            known = and_(span.recorded_at < self.before, or_(known, span.replaced_at >= self.before))
        return and_(known, span.from_on <= self.on, span.until_on > self.on)

    def said(self, kind: str, table: Any, *names: str) -> tuple[Any, ...]:
        """Fields of the rows of a table, as they were known, and the join to them where these are events."""
        if self.before is None:
            return (None, *(getattr(table, name) for name in names))
        then = last_event(kind, select(table.id).subquery(f"{kind}_ids"), self.before)
        return (then, *(said(then, name, getattr(table, name).type) for name in names))

    @property
    def in_proceedings(self) -> Any:
        """Whether proceedings of the advance's firm are open on the day."""
        then, opened_on, closed_on = self.said("proceeding", _p, "opened_on", "closed_on")
        found = select(_p.id).where(_p.siren == _a.siren)
        if then is not None:
            found = found.join(then, then.c.id == _p.id)
        return found.where(open_between(opened_on, closed_on, self.on)).exists()

    @property
    def late(self) -> Any:
        """Whether something of a line is unpaid after its due day."""
        return and_(OPEN, _s.due_on < self.on)

    @property
    def days_past_due(self) -> Any:
        return case((self.late, self.on - _s.due_on), else_=text("0"))

    @property
    def bucket(self) -> Any:
        return bucket(and_(OPEN, self.in_proceedings), self.days_past_due)

    @property
    def not_noticed(self) -> Any:
        """Late, of a firm in no proceedings, and claimed by no formal notice that was sent by the day."""
        then, status = self.said("advance_notice", _n, "status")
        claims = select(_n.id).where(_n.advance_id == _s.advance_id, _s.due_on == any_(_n.due_dates))
        if then is not None:
            claims = claims.join(then, then.c.id == _n.id)
        claimed = claims.where(status == text("'recorded'"), _n.sent_on <= self.on).exists()
        return and_(self.late, ~self.in_proceedings, ~claimed)

    @property
    def act_needed(self) -> Any:
        """Unpaid for six months, and nothing was done: what is accelerated, or in proceedings, is being recovered."""
        then, accelerated_on = self.said("advance", _a, "accelerated_on")
        if then is not None:
            accelerated_on = select(accelerated_on).where(then.c.id == _a.id).scalar_subquery()
        return and_(
            OPEN, cast(_s.due_on + text(f"interval '{ACT_NEEDED_MONTHS} months'"), Date) < self.on,
            or_(accelerated_on.is_(None), accelerated_on > self.on), ~self.in_proceedings,
        )  # fmt: skip


NOW = Times()
AS_OF, KNOWN_BEFORE = param("as_of", Date()), param("recorded_as_of", _s.recorded_at.type)


def _instalments(times: Times) -> Listing:
    rows = (
        select(
            _s.line_id.label("id"),
            _s.territory,
            _s.advance_id,
            _a.decision_reference,
            _a.siren.label("siren"),
            Firm.name.label("firm_name"),
            cast(_s.position, Integer).label("number"),
            _s.due_on,
            _s.principal_cents,
            _s.interest_cents,
            _s.fees_cents,
            (_s.principal_cents + _s.interest_cents + _s.fees_cents).label("due_cents"),
            cast(LEFT_CENTS, BigInteger).label("left_cents"),
            _s.settled_on,
            cast(times.days_past_due, Integer).label("days_past_due"),
            times.bucket.label("bucket"),
        )
        .join(_a, _a.id == _s.advance_id)
        .join(Firm, Firm.siren == _a.siren)
        .where(times.hold(_s), _s.territory == _territory)
    )
    return Listing(
        schema=schemas.AdvanceInstalment,
        rows=rows,
        key=_s.line_id,
        default_sort="due_on",
        filters={
            "late": holds(times.late, "true: something of it is unpaid after its due day; false: the others."),
            "settled": holds(~OPEN, "true: nothing of it is left to pay; false: the others."),
            "to_notice": holds(times.not_noticed, "true: late, and no formal notice claims it; false: the others."),
            "act_needed": holds(
                times.act_needed,
                "true: unpaid for six months, with no acceleration or proceedings; false: the others.",
            ),
            "due_from": at_least(_s.due_on, Day, "Due on this day or later."),
            "due_to": at_most(_s.due_on, Day, "Due on this day or earlier."),
            "bucket": any_of(times.bucket, Bucket, "In any of these buckets on the day."),
            "siren": equals(_a.siren, Siren, "Of advances to this firm."),
            "advance_id": equals(_s.advance_id, Uuid, "Of this advance."),
            # Both are in the rows already, where they are given.
            "as_of": Filter(TWO_TIMES["as_of"], lambda _: true()),
            "recorded_as_of": Filter(TWO_TIMES["recorded_as_of"], lambda _: true(), known_before),
        },
        sorts={"due_on": _s.due_on},
    )


Given = frozenset[str]  # which of both times a query gives
_TIMES: dict[Given, Times] = {
    frozenset(): NOW,
    frozenset({"as_of"}): Times(AS_OF),
    frozenset({"recorded_as_of"}): Times(before=KNOWN_BEFORE),
    frozenset({"as_of", "recorded_as_of"}): Times(AS_OF, KNOWN_BEFORE),
}
INSTALMENTS = {given: _instalments(times) for given, times in _TIMES.items()}
ALL_INSTALMENTS = {given: national(listing, _s.territory) for given, listing in INSTALMENTS.items()}

_RUNS_FROM: Any = func.coalesce(_n.received_on, _n.first_presented_on)
NOTICES = Listing(
    schema=schemas.FormalNotice,
    rows=select(
        _n.id,
        _n.advance_id,
        _n.due_dates.label("lines"),
        _n.sent_on,
        _n.first_presented_on,
        _n.received_on,
        _RUNS_FROM.label("runs_from_on"),
        cast(_n.delay_days, Integer).label("delay_days"),
        cast(_RUNS_FROM + _n.delay_days, Date).label("delay_ends_on"),
        _n.document_sha256,
        _n.status,
        _n.reason,
        _n.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _n.version,
        _n.created_at,
        _n.updated_at,
    )
    .join(_recorder, _recorder.c.id == _n.recorded_by)
    .where(_n.territory == _territory, _n.advance_id == _advance_id),
    key=_n.id,
    version=_n.version,
    derived=True,
    parent=_parent,
    filters={
        "status": any_of(_n.status, NoticeStatus, "Recorded, or withdrawn."),
        "sent_from": at_least(_n.sent_on, Day, "Sent on this day or later."),
        "sent_to": at_most(_n.sent_on, Day, "Sent on this day or earlier."),
        "updated_since": updated_since(_n.updated_at),
    },
    sorts={"sent_on": _n.sent_on},
)

ACCELERATIONS = Listing(
    schema=schemas.Acceleration,
    rows=select(
        _x.id,
        _x.advance_id,
        _x.accelerated_on,
        _x.due_cents,
        _x.notice_id,
        _n.sent_on.label("notice_sent_on"),
        _x.proceeding_id,
        Proceeding.opened_on.label("proceeding_opened_on"),
        _x.reason,
        _x.document_sha256,
        _x.decided_by,
        _decider.c.name.label("decided_by_name"),
        _x.recorded_at,
    )
    .outerjoin(_n, _n.id == _x.notice_id)
    .outerjoin(Proceeding, Proceeding.id == _x.proceeding_id)
    .outerjoin(_decider, _decider.c.id == _x.decided_by)
    .where(_x.territory == _territory, _x.advance_id == _advance_id),
    key=_x.id,
    derived=True,
    parent=_parent,
    filters={
        "accelerated_from": at_least(_x.accelerated_on, Day, "Due on this day or later."),
        "accelerated_to": at_most(_x.accelerated_on, Day, "Due on this day or earlier."),
    },
    sorts={"accelerated_on": _x.accelerated_on},
)

ALERTS = Listing(
    schema=schemas.AdvanceAlert,
    rows=select(
        _t.id,
        _t.territory,
        _t.advance_id,
        _a.decision_reference,
        _a.siren.label("siren"),
        Firm.name.label("firm_name"),
        _t.kind,
        _t.on_day,
        _t.due_on,
        _t.bucket,
        _t.amount_cents,
        _t.raised_at,
    )
    .join(_a, _a.id == _t.advance_id)
    .join(Firm, Firm.siren == _a.siren)
    .where(_t.territory == _territory),
    key=_t.id,
    derived=True,
    filters={
        "kind": any_of(_t.kind, AdvanceAlertKind, "Of any of these kinds."),
        "advance_id": equals(_t.advance_id, Uuid, "Of this advance."),
        "siren": equals(_a.siren, Siren, "Of advances to this firm."),
        "on_from": at_least(_t.on_day, Day, "Of this day or later."),
        "on_to": at_most(_t.on_day, Day, "Of this day or earlier."),
    },
    sorts={"on_day": _t.on_day},
)
