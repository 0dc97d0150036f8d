"""Deliverables in the follow-up: how many are in each state at the end of a day, and which are late, in both times.

A state is that of the last act by the day that stands. Silence admits on its day, be it recorded yet or not.
"""

from typing import Any

from sqlalchemy import CTE, Text, and_, case, cast, exists, func, literal_column, null, select, true
from sqlalchemy.orm import aliased

from app.core.db import literals
from app.core.reading.listing import json_array, json_object
from app.core.writing.events import BEFORE, last_event, said
from app.engineering.deliverables.models import Deliverable, DeliverablePassage
from app.engineering.deliverables.rules import VERIFIABLE, DeliverableAct, DeliverableState
from app.engineering.follow_up.counting import AS_OF, Shape, word
from app.missions.models import Mission

_d = Deliverable
_last, _delivery, _reversal = (aliased(DeliverablePassage, name=name) for name in ("last", "delivery", "reversal"))


def deliverables(shape: Shape, of: CTE) -> Any:
    """The figures of the deliverables of missions as one JSON object; None for one member."""
    if shape.one_member:
        return cast(null(), Text)
    known = _known(shape, of)
    state = _state(known)
    due = case(
        (state == word(DeliverableState.EXPECTED), known.c.due_on),
        (state == word(DeliverableState.DEFERRED), known.c.until_on),
    )
    each = select(known, state.label("state"), due.label("awaited_on")).cte("deliverable")
    counts = {code.value: func.count(each.c.id).filter(each.c.state == word(code)) for code in DeliverableState}
    late = (
        select(
            json_array(
                json_object(
                    id=each.c.id,
                    title=each.c.title,
                    kind=each.c.kind,
                    mission_id=each.c.mission_id,
                    mission_name=Mission.name,
                    awaited_on=each.c.awaited_on,
                    days_late=AS_OF - each.c.awaited_on,
                ),
                each.c.awaited_on,
                each.c.id,
            )
        )
        .select_from(each)
        .join(Mission, Mission.id == each.c.mission_id)
        .where(each.c.awaited_on < AS_OF)
        .scalar_subquery()
    )
    return select(json_object(total=func.count(each.c.id), **counts, late=late)).select_from(each).scalar_subquery()


def _known(shape: Shape, of: CTE) -> Any:
    """The deliverables of these missions, as they are known: what is ordered, and what their acts by the day say."""
    d, of_missions = _d, _d.mission_id.in_(select(of.c.id))
    words: Any = [d.kind, d.title, d.due_on]
    source: Any = d.__table__
    if shape.known_then:
        then = last_event("deliverable", select(d.id).where(of_missions).subquery("deliverable_ids"))
        words = [said(then, column.key, column.type).label(column.key) for column in words]
        source = source.join(then, then.c.id == d.id)
    last = _last_act(shape, _last, _last.to_state, _last.until_on).lateral("last_act")
    delivery = _last_act(shape, _delivery, _delivery.verification_ends_on)
    delivery = delivery.where(_delivery.act == word(DeliverableAct.DELIVER)).lateral("last_delivery")
    return (
        select(d.id, d.mission_id, *words, last.c.to_state, last.c.until_on, delivery.c.verification_ends_on)
        .select_from(source.outerjoin(last, true()).outerjoin(delivery, true()))
        .where(of_missions)
        .subquery("known")
    )


def _last_act(shape: Shape, p: Any, *columns: Any) -> Any:
    """The last act by the day that stands."""
    reversal = exists().where(_reversal.deliverable_id == p.deliverable_id, _reversal.reverses_number == p.number)
    counts = [p.deliverable_id == _d.id, p.effective_on <= AS_OF, p.act != word(DeliverableAct.REVERSE_SILENCE)]
    if shape.known_then:
        reversal = reversal.where(_reversal.recorded_at < BEFORE)
        counts.append(p.recorded_at < BEFORE)
    return select(*columns).where(*counts, ~reversal).order_by(p.number.desc()).limit(literal_column("1"))


def _state(known: Any) -> Any:
    """The state at the end of the day, with the silence of a delay that is over by then."""
    silent = and_(known.c.to_state.in_(literals(VERIFIABLE)), known.c.verification_ends_on < AS_OF)
    return case(
        (known.c.to_state.is_(None), word(DeliverableState.EXPECTED)),
        (silent, word(DeliverableState.ADMITTED)),
        else_=known.c.to_state,
    )
