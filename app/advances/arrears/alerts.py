"""What is told of advances when a day comes, once each and in the order of the days: `rebond tick` does it.

What has become of a line by a day is read from its settling, so that the hour of the tick makes no difference.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Date, Text, case, cast, exists, func, literal_column, null, or_, select, text, union_all
from sqlalchemy.dialects.postgresql import array, insert

from app.advances.arrears.models import AdvanceAlert, LineStanding
from app.advances.arrears.queries import ALERTS, left_cents
from app.advances.arrears.rules import ACT_NEEDED_MONTHS, BUCKETS, AdvanceAlertKind
from app.advances.models import Advance
from app.advances.position import Bucket
from app.advances.proceedings.models import DebtClaim
from app.advances.proceedings.rules import CLAIM_ALERTS, CLAIM_MONTHS
from app.core.db import literals, param
from app.core.writing.turns import take_turn
from app.core.writing.writes import Change, Write
from app.firms.models import Proceeding
from app.firms.queries import in_proceedings

LOCK = 0x61727273  # of alerts: one worker at a time

_a, _s, _t, _p = Advance, LineStanding, AdvanceAlert, Proceeding
_AS_OF = param("as_of", Date())


def _kind(kind: AdvanceAlertKind) -> Any:
    return literal_column(f"'{kind}'", Text()).label("kind")


def _lines(name: str) -> Any:
    """What is asked for on each due day of an advance, and when the last cent of it was settled."""
    settled_on = case((func.bool_and(_s.settled_on.is_not(None)), func.max(_s.settled_on)))
    asked = _s.principal_cents + _s.interest_cents + _s.fees_cents
    return (
        select(_s.advance_id, _s.due_on, func.sum(left_cents(_s)).label("left_cents"), settled_on.label("settled_on"))
        .where(~_s.kept, asked > text("0"), _s.due_on <= _AS_OF)
        .group_by(_s.advance_id, _s.due_on)
        .cte(name)
    )


_LINE, _OLDER = _lines("line"), _lines("older")


def _unpaid(line: Any, day: Any) -> Any:
    """Whether something of a line was unpaid when the day began: what settles it on the day comes after."""
    return or_(line.c.settled_on.is_(None), line.c.settled_on >= day)


def _of_lines(kind: AdvanceAlertKind, day: Any, bucket: Any, *where: Any) -> Any:
    """Lines of which something is told on a day, as long as the firm is in no proceedings."""
    return (
        select(
            _a.territory, _a.id, _kind(kind), day.label("on_day"), _LINE.c.due_on, bucket,
            _LINE.c.left_cents.label("amount_cents"),
        )
        .join(_a, _a.id == _LINE.c.advance_id)
        .where(day <= _AS_OF, _unpaid(_LINE, day), ~in_proceedings(_a.siren, day), *where)
    )  # fmt: skip


def _later(days: int) -> Any:
    return _LINE.c.due_on + literal_column(str(days))


def _months_later(day: Any, months: int, days: int = 0) -> Any:
    return cast(day + text(f"interval '{months} months'"), Date) + literal_column(str(days))


def _candidates() -> Iterator[Any]:
    no_bucket = null().label("bucket")
    yield _of_lines(AdvanceAlertKind.INSTALMENT_DUE, cast(_LINE.c.due_on, Date), no_bucket)
    yield _of_lines(AdvanceAlertKind.INSTALMENT_OVERDUE, _later(1), no_bucket)
    for bucket, first in BUCKETS:
        oldest = ~exists().where(
            _OLDER.c.advance_id == _LINE.c.advance_id, _OLDER.c.due_on < _LINE.c.due_on,
            _unpaid(_OLDER, _later(first)),
        )  # fmt: skip
        word: Any = literal_column(f"'{bucket}'").label("bucket")
        yield _of_lines(AdvanceAlertKind.BUCKET_CHANGED, _later(first), word, oldest)
    needed_on = _months_later(_LINE.c.due_on, ACT_NEEDED_MONTHS, 1)
    yield _of_lines(AdvanceAlertKind.ACT_NEEDED, needed_on, no_bucket, _a.accelerated_on.is_(None))
    judged = (
        select(_a.territory, _a.id)
        .join(_p, _p.siren == _a.siren)
        .where(_a.outstanding_cents > text("0"), _a.decided_on <= _p.opened_on, _p.opened_on <= _AS_OF)
    )
    in_proceedings_since: Any = literal_column(f"'{Bucket.IN_PROCEEDINGS}'").label("bucket")
    yield judged.add_columns(
        _kind(AdvanceAlertKind.BUCKET_CHANGED), _p.opened_on.label("on_day"), null().label("due_on"),
        in_proceedings_since, _a.outstanding_cents.label("amount_cents"),
    )  # fmt: skip
    claim_by_on = _months_later(_p.noticed_on, CLAIM_MONTHS)
    for days in CLAIM_ALERTS:
        day = claim_by_on - literal_column(str(days))
        declared = exists().where(
            DebtClaim.advance_id == _a.id, DebtClaim.proceeding_id == _p.id, DebtClaim.declared_on < day
        )
        yield judged.add_columns(
            _kind(AdvanceAlertKind.CLAIM_DUE), day.label("on_day"), claim_by_on.label("due_on"), no_bucket,
            _a.outstanding_cents.label("amount_cents"),
        ).where(day <= _AS_OF, or_(_p.closed_on.is_(None), _p.closed_on > day), ~declared)  # fmt: skip


def _due(batch: int) -> Any:
    due = union_all(*_candidates()).subquery("due")
    told = exists().where(
        _t.advance_id == due.c.id, _t.kind == due.c.kind, _t.on_day == due.c.on_day,
        _t.due_on.is_not_distinct_from(due.c.due_on), _t.bucket.is_not_distinct_from(due.c.bucket),
    )  # fmt: skip
    place = func.array_position(array(literals(AdvanceAlertKind)), due.c.kind)
    order = (due.c.on_day, due.c.territory, due.c.id, place, due.c.due_on)
    return select(due).where(~told).order_by(*order).limit(batch)


async def take_due(write: Write, as_of: date, batch: int) -> tuple[list[Change], bool]:
    """Tell what has come by a day: events of the advances, in the order of the days. Returns whether more may come.

    One worker at a time does so.
    """
    await take_turn(write, LOCK)
    rows = (await write.session.execute(_due(batch).params(p_as_of=as_of))).all()
    if not rows:
        return [], False
    columns = ("territory", "advance_id", "kind", "on_day", "due_on", "bucket", "amount_cents")
    values = [dict(zip(columns, row, strict=True)) | {"raised_at": write.now} for row in rows]
    made = (await write.session.scalars(insert(_t).returning(_t.id, sort_by_parameter_order=True), values)).all()
    named = select(_a.id, _a.version).where(_a.id.in_({row.id for row in rows}))
    versions = {row.id: row.version for row in await write.session.execute(named)}
    changes = []
    told = zip(made, rows, strict=True)
    for (territory, kind), group in groupby(told, key=lambda each: (each[1].territory, each[1].kind)):
        of_group = list(group)
        bound = {"territory": territory}
        seen = await write.see(ALERTS, [id_ for id_, _ in of_group], bound)
        about = [
            replace(each, key=row.id, version=versions[row.id]) for each, (_, row) in zip(seen, of_group, strict=True)
        ]
        changes.append(Change(f"advance.{kind}", ALERTS, [each.key for each in about], bound, gone=about))
    return changes, len(rows) == batch
