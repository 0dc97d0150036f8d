"""The order of a list: by one property or several, and where its next page begins."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema
from sqlalchemy import ColumnElement, Text, and_, cast, or_, tuple_

from app.core.db import param
from app.core.faults import Fault
from app.core.messages import NOT_ONE_OF

SORTED_TWICE = Fault(
    "sorted_twice",
    en="The list is sorted by this property already.",
    fr="La liste est déjà triée selon cette propriété.",
)


class SortKey(NamedTuple):
    """A column that a list is sorted by. Rows without a value come last in both directions."""

    column: Any
    descending: bool

    @property
    def nullable(self) -> bool:
        return bool(getattr(self.column, "nullable", True))

    def ordered(self) -> ColumnElement[Any]:
        """The key in ORDER BY."""
        ordered: ColumnElement[Any] = self.column.desc() if self.descending else self.column.asc()
        return ordered.nulls_last() if self.descending and self.nullable else ordered


def sorts_of(names: Sequence[str]) -> Any:
    """The type of `sort`: names of properties, separated by commas, each with - before it where it descends."""
    options = [*names, *(f"-{name}" for name in names)]

    def read(value: str) -> str:
        taken: set[str] = set()
        for part in value.split(","):
            if part not in options:
                raise NOT_ONE_OF.error(expected=options)
            if (name := part.removeprefix("-")) in taken:
                raise SORTED_TWICE.error()
            taken.add(name)
        return value

    one = f"-?({'|'.join(names)})"
    return Annotated[Any, BeforeValidator(read), WithJsonSchema({"type": "string", "pattern": f"^{one}(,{one})*$"})]


def beyond(keys: Sequence[SortKey], empty: Sequence[bool], first: int = 0) -> ColumnElement[bool]:
    """Rows after the one whose values are `k0`, `k1`, … in this order; `empty` tells which of them are null.

    Rows are compared whole where PostgreSQL can: it finds the place by an index then. Otherwise a bound of the first
    column lets it.
    """
    column, descending = keys[first]
    rest = keys[first + 1 :]
    if empty[first]:
        return and_(column.is_(None), beyond(keys, empty, first + 1))
    at = [cast(param(f"k{number}", Text()), key.column.type) for number, key in enumerate(keys)]
    condition: ColumnElement[bool]
    if all(key.descending is descending and not key.nullable for key in rest) and not any(empty[first:]):
        left, right = (tuple_(*(key.column for key in keys[first:])), tuple_(*at[first:])) if rest else (column, at[-1])
        condition = left < right if descending else left > right
        return or_(condition, column.is_(None)) if keys[first].nullable else condition
    strictly = column < at[first] if descending else column > at[first]
    condition = or_(strictly, and_(column == at[first], beyond(keys, empty, first + 1)))
    if keys[first].nullable:
        return or_(condition, column.is_(None))
    return and_(column <= at[first] if descending else column >= at[first], condition)
