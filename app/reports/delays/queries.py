"""What the delays of a territory's aid files are computed from: the acts of each, its agreement, its first payment."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Date, Text, any_, cast, func, or_, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from app.advances.models import Advance
from app.applications.models import Application, ApplicationPassage
from app.awards.models import Aid
from app.core.db import Statement, literals, param
from app.core.reading.listing import json_array, json_object
from app.envelopes.models import LedgerEntry
from app.envelopes.rules import Act
from app.grants.models import Grant
from app.reports.delays.rules import Course, course_of


def _files() -> Statement:
    a, p, e = Application, ApplicationPassage, LedgerEntry
    members = ("number", "act", "from_state", "to_state", "effective_on", "reverses_number", "indispensable",
               "given_until_on")  # fmt: skip
    acts = select(json_array(json_object(**{name: getattr(p, name) for name in members}), p.number))
    aid = select(Aid.id).where(Aid.application_id == a.id).correlate(a)
    agreed_on = select(func.min(Aid.agreed_on)).where(Aid.application_id == a.id, Aid.awards > 0)
    awards = union_all(*(select(each.id).where(each.aid_id.in_(aid)) for each in (Grant, Advance)))
    back = aliased(LedgerEntry)
    paid_on = select(func.min(e.effective_on)).where(
        e.award_id.in_(awards),
        e.act.in_(literals((Act.PAYMENT, Act.TRANCHE))),
        e.reverses_id.is_(None),
        ~select(back.id).where(back.reverses_id == e.id).exists(),
    )

    def given(name: str, type_: Any, holds: Any) -> Any:
        """A condition that holds where the request does not name it."""
        return or_(param(name, type_).is_(None), holds(param(name, type_)))

    return Statement(
        select(
            cast(acts.where(p.application_id == a.id).scalar_subquery(), Text).label("acts"),
            agreed_on.scalar_subquery().label("agreed_on"),
            paid_on.scalar_subquery().label("paid_on"),
        ).where(
            a.territory == param("territory", Text()),
            a.received_on <= param("as_of", Date()),
            given("received_from", Date(), lambda day: a.received_on >= day),
            given("received_to", Date(), lambda day: a.received_on <= day),
            given("scheme", ARRAY(Text()), lambda schemes: a.scheme == any_(schemes)),
        )
    )


# The files of a territory that were received by the day.
FILES = _files()


class _Done(NamedTuple):
    """An act of a file as the query tells it. What the acts come to needs no more of it."""

    number: int
    act: str
    from_state: str
    to_state: str
    effective_on: date
    reverses_number: int | None
    indispensable: bool | None
    given_until_on: date | None
    until_on: date | None = None
    reference: str | None = None


def courses(rows: Iterable[Mapping[str, Any]], as_of: date) -> list[Course]:
    """The course of each file of `FILES`."""
    return [
        course_of([_done(each) for each in from_json(row["acts"])], row["agreed_on"], row["paid_on"], as_of)
        for row in rows
    ]


def _done(told: dict[str, Any]) -> _Done:
    days = {name: told[name] and date.fromisoformat(told[name]) for name in ("effective_on", "given_until_on")}
    return _Done(**{**told, **days})
