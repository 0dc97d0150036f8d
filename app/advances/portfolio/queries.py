"""The portfolio: one statement over where advances stand, and the lines that are open."""

from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Integer,
    Numeric,
    Text,
    any_,
    cast,
    func,
    literal_column,
    null,
    select,
    text,
    union_all,
)

from app.advances.arrears.models import AdvanceSpan, LineSpan
from app.advances.arrears.queries import LEFT_CENTS, OPEN, Times, bucket
from app.advances.arrears.rules import DEFAULT_DAYS
from app.advances.models import Advance
from app.advances.position import Bucket
from app.core.db import Statement, literals, param
from app.core.reading.listing import as_object, json_array, json_object
from app.core.writing.events import BEFORE
from app.programme.models import Territory

_a, _s, _x = Advance, LineSpan, AdvanceSpan
_ZERO = text("0")
_AS_OF = param("as_of", Date())


def _cents(total: Any) -> Any:
    return cast(func.coalesce(total, _ZERO), BigInteger)


@cache
def portfolio(*, one: bool, everywhere: bool = False, known: bool = False) -> Statement:
    """The figures of the territory of the address (`one`), of those in the list, or of all (`everywhere`).

    They are of the day `as_of`, as known now, or as they were `known` by an instant.
    """
    times = Times(_AS_OF, BEFORE if known else None)

    def seen(territory: Any) -> Any:
        if one:
            return territory == param("territory", Text())
        return text("true") if everywhere else territory == any_(param("territories", ARRAY(Text())))

    lines = (
        select(
            _s.advance_id,
            func.sum(LEFT_CENTS).filter(times.late).label("overdue_cents"),
            func.sum(_s.principal_left_cents)
            .filter(_s.due_on < _AS_OF - text(str(DEFAULT_DAYS)))
            .label("default_cents"),
            func.min(_s.due_on).filter(times.late).label("oldest_on"),
        )
        .where(seen(_s.territory), times.hold(_s), OPEN)
        .group_by(_s.advance_id)
        .cte("lines")
    )
    each = (
        select(
            *(getattr(_x, name).label(name) for name in _SUMS),
            lines.c.overdue_cents,
            lines.c.default_cents,
            (lines.c.advance_id.is_not(None) | (_x.outstanding_cents > _ZERO)).label("open"),
            bucket(times.in_proceedings, _AS_OF - lines.c.oldest_on).label("bucket"),
        )
        .join(_a, _a.id == _x.advance_id)
        .outerjoin(lines, lines.c.advance_id == _x.advance_id)
        .where(seen(_x.territory), times.hold(_x), _x.disbursed_cents > _ZERO)
        .cte("each_advance")
    )
    total = select(
        func.count().label("advances"),
        *(_cents(func.sum(each.c[name])).label(name) for name in (*_SUMS, "overdue_cents", "default_cents")),
    ).select_from(each).cte("total")  # fmt: skip
    body = select(
        _AS_OF.label("as_of"),
        (param("recorded_as_of", Date()) if known else cast(null(), Date)).label("recorded_as_of"),
        *(total.c[name] for name in ("advances", *_SUMS, "overdue_cents")),
        _buckets(each).label("buckets"),
        _expected(seen, times).label("expected"),
        _ratio(total.c.default_cents, total.c.outstanding_cents).label("default_rate"),
        _ratio(total.c.written_off_cents, total.c.disbursed_cents).label("loss_rate"),
    )
    if one:
        body = body.add_columns(Territory.slug.label("territory")).join(
            Territory, Territory.slug == param("territory", Text())
        )
    return Statement(as_object(body))


_SUMS = (
    "disbursed_cents", "repaid_cents", "waived_cents", "written_off_cents", "outstanding_cents", "income_cents",
    "overpaid_cents",
)  # fmt: skip


def _ratio(part: Any, whole: Any) -> Any:
    return func.round(cast(part, Numeric) / func.nullif(whole, _ZERO), text("4"))


def _buckets(each: Any) -> Any:
    words = union_all(
        *(
            select(word.label("bucket"), literal_column(str(place), Integer()).label("place"))
            for place, word in enumerate(literals(Bucket))
        )
    ).subquery("words")
    rows = (
        select(
            words.c.bucket,
            words.c.place,
            func.count(each.c.bucket).label("advances"),
            _cents(func.sum(each.c.outstanding_cents)).label("outstanding_cents"),
            _cents(func.sum(each.c.overdue_cents)).label("overdue_cents"),
        )
        .outerjoin(each, (each.c.bucket == words.c.bucket) & each.c.open)
        .group_by(words.c.bucket, words.c.place)
        .subquery("of_bucket")
    )
    item = json_object(
        bucket=rows.c.bucket, advances=rows.c.advances, outstanding_cents=rows.c.outstanding_cents,
        overdue_cents=rows.c.overdue_cents,
    )  # fmt: skip
    return select(json_array(item, rows.c.place)).scalar_subquery()


def _expected(seen: Any, times: Times) -> Any:
    month = func.to_char(_s.due_on, text("'YYYY-MM'"))
    rows = (
        select(month.label("month"), _cents(func.sum(LEFT_CENTS)).label("expected_cents"))
        .where(seen(_s.territory), times.hold(_s), OPEN, _s.due_on >= times.on)
        .group_by(month)
        .subquery("of_month")
    )
    item = json_object(month=rows.c.month, expected_cents=rows.c.expected_cents)
    return select(json_array(item, rows.c.month)).scalar_subquery()
