"""Reads of arrears: instalments of a territory and of all, formal notices, accelerations, alerts."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Integer,
    Text,
    and_,
    any_,
    case,
    cast,
    exists,
    func,
    literal_column,
    select,
    text,
)

from app.access.models import Subject
from app.advances.arrears import schemas
from app.advances.arrears.models import Acceleration, AdvanceAlert, FormalNotice, LineStanding
from app.advances.arrears.rules import ACT_NEEDED_MONTHS, BUCKETS, AdvanceAlertKind, NoticeStatus
from app.advances.models import Advance
from app.advances.replay import Bucket
from app.core.db import param, paris_day
from app.core.reading.listing import Listing, Rows, any_of, at_least, at_most, equals, holds, updated_since
from app.core.values import Day, Siren, Uuid
from app.firms.models import Firm, Proceeding
from app.firms.queries import in_proceedings

_a, _s, _n = Advance, LineStanding, FormalNotice
_x, _t = Acceleration, AdvanceAlert
_territory = param("territory", Text())
_advance_id = param("advance_id", _a.id.type)
_recorder, _decider = (Subject.__table__.alias(name) for name in ("recorder", "decider"))
_parent = select(_a.id).where(_a.territory == _territory, _a.id == _advance_id)

TODAY: Any = paris_day(func.now())
LEFT_CENTS: Any = _s.principal_left_cents + _s.interest_left_cents + _s.fees_left_cents
OPEN: Any = text("0") < LEFT_CENTS
LATE: Any = and_(OPEN, _s.due_on < TODAY)
DAYS_PAST_DUE: Any = case((LATE, TODAY - _s.due_on), else_=text("0"))


def _word(bucket: Bucket) -> Any:
    return literal_column(f"'{bucket}'", Text())


def bucket(proceedings: Any, days_past_due: Any) -> Any:
    """The bucket of days past due, in SQL; that of proceedings where they are open."""
    ages = [(days_past_due >= literal_column(str(first)), _word(name)) for name, first in reversed(BUCKETS)]
    return case((proceedings, _word(Bucket.IN_PROCEEDINGS)), *ages, else_=_word(Bucket.CURRENT))


_JUDGED: Any = in_proceedings(_a.siren, TODAY)
NOT_NOTICED: Any = and_(
    LATE, ~_JUDGED,
    ~exists().where(
        _n.advance_id == _s.advance_id, _n.status == text("'recorded'"), _s.due_on == any_(_n.due_dates)
    ),
)  # fmt: skip
# Unpaid for six months, and nothing was done: what is accelerated, or in proceedings, is being recovered.
ACT_NEEDED: Any = and_(
    OPEN, cast(_s.due_on + text(f"interval '{ACT_NEEDED_MONTHS} months'"), Date) < TODAY,
    _a.accelerated_on.is_(None), ~_JUDGED,
)  # fmt: skip
_bucket = bucket(and_(OPEN, _JUDGED), DAYS_PAST_DUE)


def _instalments(rows: Rows, **more: Any) -> Listing:
    return Listing(
        schema=schemas.AdvanceInstalment,
        rows=rows,
        key=_s.id,
        default_sort="due_on",
        filters={
            "late": holds(LATE, "true: something of it is unpaid after its due day; false: the others."),
            "settled": holds(~OPEN, "true: nothing of it is left to pay; false: the others."),
            "to_notice": holds(NOT_NOTICED, "true: late, and no formal notice claims it; false: the others."),
            "act_needed": holds(
                ACT_NEEDED, "true: unpaid for six months, with no acceleration or proceedings; false: the others."
            ),
            "due_from": at_least(_s.due_on, Day, "Due on this day or later."),
            "due_to": at_most(_s.due_on, Day, "Due on this day or earlier."),
            "bucket": any_of(_bucket, Bucket, "In any of these buckets today."),
            "siren": equals(_a.siren, Siren, "Of advances to this firm."),
            "advance_id": equals(_s.advance_id, Uuid, "Of this advance."),
        },
        sorts={"due_on": _s.due_on},
        **more,
    )


_rows = (
    select(
        _s.id,
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
        cast(DAYS_PAST_DUE, Integer).label("days_past_due"),
        _bucket.label("bucket"),
    )
    .join(_a, _a.id == _s.advance_id)
    .join(Firm, Firm.siren == _a.siren)
)

INSTALMENTS = _instalments(_rows.where(_s.territory == _territory))
ALL_INSTALMENTS = _instalments(_rows, scopes={"visible": lambda name: _s.territory == any_(param(name, ARRAY(Text())))})

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
