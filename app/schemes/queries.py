"""Reads of schemes and of their parameters."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, ScalarSelect, Text, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.schemes.models import SchemeParameter
from app.schemes.rules import Parameters


def valid_on(row: Any, day: ColumnElement[date]) -> ColumnElement[bool]:
    """Whether a dated row is in force on a day."""
    return (row.valid_from_on <= day) & or_(row.valid_until_on.is_(None), row.valid_until_on >= day)


def parameters_on(scheme: ColumnElement[str], day: ColumnElement[date]) -> ScalarSelect[Mapping[str, Any] | None]:
    """The values of a scheme's parameters on a day as one JSON object, name → value: `Parameters.of` reads it.

    Both may be columns of the Select around it; NULL where no parameter is in force.
    """
    p = SchemeParameter
    values = func.jsonb_object_agg(p.name, p.value, type_=JSONB())
    return select(values).where(p.scheme == scheme, valid_on(p, day)).scalar_subquery()


async def load_parameters(session: AsyncSession, scheme: str, day: date) -> Parameters:
    """What a scheme's parameters say on a day."""
    values = parameters_on(literal(scheme, Text()), literal(day, Date()))
    return Parameters.of(await session.scalar(select(values)) or {})
