"""Writes of frameworks, and what an order asks of the one that it names."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import touch
from app.core.messages import PERIOD_REVERSED
from app.core.problems import Problem, ValidationFailed
from app.core.writing.writes import Change, Explain, Write, given, put
from app.missions.frameworks import schemas
from app.missions.frameworks.models import Framework, FrameworkMember, FrameworkParameter, FrameworkUnitPrice
from app.missions.frameworks.parameters import KNOWN
from app.missions.frameworks.queries import FRAMEWORK_PARAMETERS, FRAMEWORKS
from app.missions.frameworks.rules import (
    AMOUNT_MISSING,
    AMOUNT_WITHOUT_FRAMEWORK,
    FrameworkAmountsMissing,
    FrameworkBelowOrdered,
    FrameworkExhausted,
    OrderOutsideFramework,
)
from app.schemes.service import ParameterKind, add_parameter, change_parameter

_LISTS: Mapping[str, Any] = {"members": FrameworkMember, "unit_prices": FrameworkUnitPrice}


async def create_framework(write: Write, body: schemas.FrameworkCreate) -> Change:
    """A framework under its reference, which is unique (`already-exists`)."""
    framework = Framework(**body.model_dump(exclude=set(_LISTS)))
    write.session.add(framework)
    await write.session.flush()
    for name in _LISTS:
        await _replace(write, framework, name, getattr(body, name))
    return Change("framework.created", FRAMEWORKS, [framework.id])


async def update_framework(write: Write, framework_id: UUID, body: schemas.FrameworkUpdate) -> Change:
    """Change a framework. What is ordered stays within it.

    Raises `framework-below-ordered`, `framework-amounts-missing`, `order-outside-framework` (409).
    """
    framework = await write.lock(Framework, Framework.id == framework_id)
    write.expect(framework.version, required=True)
    values = given(body)
    lists = {name: values.pop(name) for name in _LISTS if name in values}
    changed = bool(put(framework, values))
    if framework.to_on < framework.from_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/to_on")])
    for name, rows in lists.items():
        if await _replace(write, framework, name, rows):
            touch(framework)
            changed = True
    return Change("framework.updated" if changed else "", FRAMEWORKS, [framework_id])


async def _replace(write: Write, framework: Framework, name: str, wanted: list[Any]) -> bool:
    """Make the holders or the unit prices of a framework what is wanted; whether anything changed."""
    table = _LISTS[name].__table__
    mine = table.c.framework_id == framework.id
    rows = [{"framework_id": framework.id, **row.model_dump()} for row in wanted]
    known = [dict(row) for row in (await write.session.execute(select(table).where(mine))).mappings()]
    if sorted(known, key=str) == sorted(rows, key=str):
        return False
    await write.session.execute(delete(table).where(mine))
    if rows:
        await write.session.execute(insert(table), rows)
    return True


def explain_framework(framework_id: UUID) -> Explain:
    """Why a change of a framework was refused, with what is ordered under it."""

    async def explain(session: AsyncSession, constraint: str) -> Problem | None:
        framework = await session.get(Framework, framework_id)
        if framework is None:
            return None
        if constraint == FrameworkExhausted.constraint:
            return FrameworkBelowOrdered(days_ordered=framework.days_peak, ordered_cents=framework.cents_peak)
        if constraint == FrameworkAmountsMissing.constraint:
            return FrameworkAmountsMissing(orders=framework.orders_without_amount)
        return _outside(framework, constraint)

    return explain


def _outside(framework: Framework, constraint: str, *asked: date) -> Problem | None:
    """The refusal of days, with the framework's and those of its orders, the refused ones among them."""
    if constraint != OrderOutsideFramework.constraint:
        return None
    days = [day for day in (framework.signed_from, framework.signed_to, *asked) if day is not None]
    return OrderOutsideFramework(
        from_on=framework.from_on, to_on=framework.to_on, signed_from=min(days), signed_to=max(days)
    )


OF_FRAMEWORK = ParameterKind(
    FrameworkParameter, "framework_id", Framework, Framework.id, "framework_id", FRAMEWORK_PARAMETERS,
    "framework_parameter", KNOWN,
)  # fmt: skip


async def create_parameter(write: Write, framework_id: UUID, body: schemas.FrameworkParameterCreate) -> Change:
    """The value of a parameter from a day on. Raises `framework-parameters-overlap` (409)."""
    return await add_parameter(write, OF_FRAMEWORK, framework_id, body)


async def update_parameter(
    write: Write, framework_id: UUID, parameter_id: UUID, body: schemas.FrameworkParameterUpdate
) -> Change:
    """Change a value that has not begun, or the end and the source of one that has.

    Raises `framework-parameter-in-use`, `framework-parameters-overlap` (409).
    """
    return await change_parameter(write, OF_FRAMEWORK, framework_id, parameter_id, body)


# --- orders ----------------------------------------------------------------------------------------------------------


async def amount_of(write: Write, framework_id: UUID | None, days: Decimal, amount_cents: int | None) -> int | None:
    """The amount with which an order counts in its framework: 0 where it adds no days and states none.

    Raises `amount_missing` and `amount_without_framework` (422). The look takes no lock: the CHECK of the framework
    decides at COMMIT.
    """
    if framework_id is None:
        if amount_cents is not None:
            raise ValidationFailed(errors=[AMOUNT_WITHOUT_FRAMEWORK.at("/amount_cents")])
        return None
    if amount_cents is not None or not days:
        return amount_cents or 0
    limited = select(Framework.max_amount_cents).where(Framework.id == framework_id)
    if await write.session.scalar(limited) is not None:
        raise ValidationFailed(errors=[AMOUNT_MISSING.at("/amount_cents")])
    return None


def count_last(write: Write) -> None:
    """Count what this write orders in its framework just before COMMIT, in a dry run too."""

    async def count() -> None:
        await write.session.execute(text("SET CONSTRAINTS count_in_framework IMMEDIATE"))

    write.last(count)


async def explain_order(
    session: AsyncSession, constraint: str, mission_id: UUID, framework_id: UUID | None, *,
    signed_on: date | None = None, days: Decimal | None = None, amount_cents: int | None = None,
) -> Problem | None:  # fmt: skip
    """Why an order, or the reopening of a mission with its orders, was refused: what its framework has left.

    Without an order, what is asked for are all orders of the mission.
    """
    if constraint not in _OF_ORDERS:
        return None
    bound = {
        "mission_id": mission_id, "framework_id": framework_id, "signed_on": signed_on, "days": days,
        "cents": amount_cents,
    }  # fmt: skip
    row = (await session.execute(_ASKED, bound)).one_or_none()
    if row is None:
        return None
    if constraint == OrderOutsideFramework.constraint:
        framework = await session.get_one(Framework, row.framework_id)
        return _outside(framework, constraint, row.from_day, row.to_day)
    return _short(constraint, row, one_order=days is not None)


def _short(constraint: str, row: Any, *, one_order: bool) -> Problem:
    """What is missing: an amount, days, or euros."""
    if constraint == FrameworkAmountsMissing.constraint:
        missing = ValidationFailed(errors=[AMOUNT_MISSING.at("/amount_cents")])
        return missing if one_order else FrameworkAmountsMissing(orders=row.unpriced)
    if row.days_left is not None and row.days > row.days_left:
        return FrameworkExhausted.in_days(row.days, row.days_left)
    return FrameworkExhausted.in_cents(int(row.cents), int(row.cents_left or 0))


_OF_ORDERS = {
    FrameworkExhausted.constraint, FrameworkAmountsMissing.constraint, OrderOutsideFramework.constraint,
}  # fmt: skip
# What is left on a day is what can still be ordered from then on: the maximum less the most that is ordered at the end
# of that day or of a later one.
_ASKED = text("""
    WITH asked AS (
        SELECT coalesce(CAST(:framework_id AS uuid), o.framework_id) AS framework_id,
            coalesce(CAST(:signed_on AS date), min(o.signed_on)) AS from_day,
            coalesce(CAST(:signed_on AS date), max(o.signed_on)) AS to_day,
            coalesce(CAST(:days AS numeric), sum(o.days)) AS days,
            coalesce(CAST(:cents AS bigint), sum(o.amount_cents), 0) AS cents,
            count(*) FILTER (WHERE o.amount_cents IS NULL) AS unpriced
        FROM (SELECT) AS one LEFT JOIN orders o ON o.mission_id = :mission_id
        GROUP BY o.framework_id
    ), closing AS (
        SELECT o.signed_on, sum(o.days) OVER by_day AS days, sum(coalesce(o.amount_cents, 0)) OVER by_day AS cents
        FROM asked a JOIN orders o ON o.framework_id = a.framework_id JOIN missions m ON m.id = o.mission_id
        WHERE m.status <> 'cancelled' WINDOW by_day AS (ORDER BY o.signed_on)
    ), taken AS (
        SELECT coalesce(max(c.days), 0) AS days, coalesce(max(c.cents), 0) AS cents FROM asked a CROSS JOIN closing c
        WHERE c.signed_on >= coalesce((SELECT max(signed_on) FROM closing WHERE signed_on <= a.from_day), '-infinity')
    )
    SELECT a.framework_id, a.from_day, a.to_day, a.days, a.cents, a.unpriced,
        f.max_days - t.days AS days_left, f.max_amount_cents - t.cents AS cents_left
    FROM asked a JOIN frameworks f ON f.id = a.framework_id CROSS JOIN taken t
""")
