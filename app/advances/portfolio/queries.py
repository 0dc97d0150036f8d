"""The portfolio: one statement over the advances, the lines that are open, and what was received."""

from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Numeric,
    Text,
    any_,
    cast,
    func,
    literal_column,
    select,
    text,
    union_all,
)

from app.advances.arrears.models import LineStanding
from app.advances.arrears.queries import LEFT_CENTS, OPEN, TODAY, bucket
from app.advances.arrears.rules import DEFAULT_DAYS
from app.advances.models import Advance, Repayment
from app.advances.replay import Bucket
from app.core.db import Statement, literals, param
from app.core.reading.listing import as_object, json_array, json_object
from app.firms.queries import in_proceedings
from app.programme.models import Territory

_a, _s, _r = Advance, LineStanding, Repayment
_ZERO = text("0")
_INCOME = _r.interest_cents + _r.late_interest_cents + _r.fees_cents + _r.success_fee_cents


def _cents(total: Any) -> Any:
    return cast(func.coalesce(total, _ZERO), BigInteger)


@cache
def portfolio(*, one: bool, everywhere: bool = False) -> Statement:
    """The figures of the territory of the address (`one`), of those in the list, or of all (`everywhere`)."""

    def seen(territory: Any) -> Any:
        if one:
            return territory == param("territory", Text())
        return text("true") if everywhere else territory == any_(param("territories", ARRAY(Text())))

    late = _s.due_on < TODAY
    lines = (
        select(
            _s.advance_id,
            func.sum(LEFT_CENTS).filter(late).label("overdue_cents"),
            func.sum(_s.principal_left_cents)
            .filter(_s.due_on < TODAY - text(str(DEFAULT_DAYS)))
            .label("default_cents"),
            func.min(_s.due_on).filter(late).label("oldest_on"),
        )
        .where(seen(_s.territory), OPEN)
        .group_by(_s.advance_id)
        .cte("lines")
    )
    each = (
        select(
            _a.disbursed_cents,
            _a.repaid_cents,
            _a.waived_cents,
            _a.written_off_cents,
            _a.outstanding_cents.label("outstanding_cents"),
            lines.c.overdue_cents,
            lines.c.default_cents,
            (lines.c.advance_id.is_not(None) | (_a.outstanding_cents > _ZERO)).label("open"),
            bucket(in_proceedings(_a.siren, TODAY), TODAY - lines.c.oldest_on).label("bucket"),
        )
        .outerjoin(lines, lines.c.advance_id == _a.id)
        .where(seen(_a.territory), _a.disbursed_cents > _ZERO)
        .cte("each_advance")
    )
    received = (
        select(func.sum(_INCOME).label("income"), func.sum(_r.overpaid_cents - _r.refunded_cents).label("overpaid"))
        .where(seen(_r.territory), _r.status == text("'recorded'"))
        .cte("received")
    )
    total = select(
        func.count().label("advances"),
        *(
            _cents(func.sum(each.c[name])).label(name)
            for name in (
                "disbursed_cents", "repaid_cents", "waived_cents", "written_off_cents", "outstanding_cents",
                "overdue_cents", "default_cents",
            )
        ),
    ).select_from(each).cte("total")  # fmt: skip
    body = select(
        TODAY.label("as_of"),
        total.c.advances,
        total.c.disbursed_cents,
        total.c.repaid_cents,
        total.c.waived_cents,
        total.c.written_off_cents,
        total.c.outstanding_cents,
        total.c.overdue_cents,
        _cents(received.c.income).label("income_cents"),
        _cents(received.c.overpaid).label("overpaid_cents"),
        _buckets(each).label("buckets"),
        _expected(seen).label("expected"),
        _ratio(total.c.default_cents, total.c.outstanding_cents).label("default_rate"),
        _ratio(total.c.written_off_cents, total.c.disbursed_cents).label("loss_rate"),
    ).join_from(total, received, text("true"))
    if one:
        body = body.add_columns(Territory.slug.label("territory")).join(
            Territory, Territory.slug == param("territory", Text())
        )
    return Statement(as_object(body))


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


def _expected(seen: Any) -> Any:
    month = func.to_char(_s.due_on, text("'YYYY-MM'"))
    rows = (
        select(month.label("month"), _cents(func.sum(LEFT_CENTS)).label("expected_cents"))
        .where(seen(_s.territory), OPEN, _s.due_on >= TODAY)
        .group_by(month)
        .subquery("of_month")
    )
    item = json_object(month=rows.c.month, expected_cents=rows.c.expected_cents)
    return select(json_array(item, rows.c.month)).scalar_subquery()
