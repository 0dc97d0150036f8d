"""Reads of schemes and of their parameters."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, ScalarSelect, Text, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import param
from app.core.reading.listing import Filter, Listing, any_of, at_most, matches, updated_since
from app.core.reading.query import Parameter
from app.core.schemas import Read
from app.core.values import Code, Day
from app.schemes import schemas
from app.schemes.models import DatedParameter, Scheme, SchemeParameter
from app.schemes.rules import Parameters


def valid_on(row: Any, day: ColumnElement[date]) -> ColumnElement[bool]:
    """Whether a dated row is in force on a day."""
    begun: ColumnElement[bool] = row.valid_from_on <= day
    return begun & or_(row.valid_until_on.is_(None), row.valid_until_on >= day)


def parameters_on(scheme: ColumnElement[str], day: ColumnElement[date]) -> ScalarSelect[Mapping[str, Any] | None]:
    """The values of a scheme's parameters on a day as one JSON object, name → value: `Parameters.of` reads it.

    Both may be columns of the Select around it; NULL where no parameter is in force.
    """
    p = SchemeParameter
    values = func.jsonb_object_agg(p.name, p.value, type_=JSONB())
    return select(values).where(p.scheme == scheme, valid_on(p, day)).scalar_subquery()


async def parameter_names(session: AsyncSession, scheme: str) -> set[str]:
    """The names of all parameters that a scheme has, or has had."""
    names = select(SchemeParameter.name).where(SchemeParameter.scheme == scheme)
    return set(await session.scalars(names))


async def load_parameters(session: AsyncSession, scheme: str, day: date) -> Parameters:
    """What a scheme's parameters say on a day."""
    values = parameters_on(literal(scheme, Text()), literal(day, Date()))
    return Parameters.of(await session.scalar(select(values)) or {})


def _dated(row: Any, what: str) -> dict[str, Filter]:
    """The filters of dated rows by their days."""
    return {
        "as_of": Filter(Parameter(Day, f"{what} on this Paris day."), lambda name: valid_on(row, param(name, Date()))),
        "in_force_from": Filter(
            Parameter(Day, f"{what} on this Paris day or later."),
            lambda name: or_(row.valid_until_on.is_(None), row.valid_until_on >= param(name, Date())),
        ),
        "in_force_to": at_most(row.valid_from_on, Day, f"{what} on this Paris day or earlier."),
    }


SCHEMES = Listing(
    schema=schemas.Scheme,
    rows=select(
        Scheme.code,
        Scheme.name,
        Scheme.legal_basis,
        Scheme.valid_from_on,
        Scheme.valid_until_on,
        Scheme.version,
        Scheme.created_at,
        Scheme.updated_at,
    ),
    key=Scheme.code,
    key_name="scheme",
    version=Scheme.version,
    filters={
        **_dated(Scheme, "Schemes that are open"),
        "q": matches(Scheme.name, Scheme.code, doc="Part of the name or code, without accents or case."),
        "updated_since": updated_since(Scheme.updated_at),
    },
    sorts={"name": Scheme.name, "valid_from_on": Scheme.valid_from_on},
)


def dated_parameters(
    schema: type[Read], table: type[DatedParameter], owner: Any, parent: Any, *shown: Any, within: str
) -> Listing:
    """The parameters of one owner, which the path names `within`; `shown` are columns of it beside its key."""
    p, named = table, param(within, owner.type)
    return Listing(
        schema=schema,
        rows=select(
            p.id,
            owner,
            *shown,
            p.name,
            p.value,
            p.valid_from_on,
            p.valid_until_on,
            p.source,
            p.version,
            p.created_at,
            p.updated_at,
        )
        .join(parent.table, parent == owner)
        .where(owner == named),
        key=p.id,
        version=p.version,
        derived=bool(shown),
        parent=select(parent).where(parent == named),
        filters={
            "name": any_of(p.name, Code, "Values of any of these parameters."),
            **_dated(p, "In force"),
            "updated_since": updated_since(p.updated_at),
        },
        sorts={"name": p.name, "valid_from_on": p.valid_from_on},
    )


SCHEME_PARAMETERS = dated_parameters(
    schemas.SchemeParameter, SchemeParameter, SchemeParameter.scheme, Scheme.__table__.c.code, within="scheme"
)
