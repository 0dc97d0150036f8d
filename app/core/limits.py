"""A limit is a row, spending is an UPDATE, and the database refuses.

Each balance is a narrow table: a key, what is allowed, what is taken, and a CHECK whose name is the problem. A guard
that spans rows (a window, a deadline) is a CHECK of the same row: spending also writes the days that it touches, and
the CHECK holds them inside the window. `apply` nets the spends per row and runs them in one order (rank, then key),
last in the transaction: hot rows are locked briefly, and no two writers wait for each other in a circle.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Table, bindparam, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class Balance:
    """A table of limit rows.

    `rank` is its place in the one lock order. `opens`: the first spending makes the row. `touches` names the columns
    that remember what the last spending covered, and how several in one transaction merge (`min` or `max`).
    `calendar` names the columns that hold an amount for each day of another column: what counts before that day.
    """

    table: Table
    rank: int
    key: tuple[str, ...]
    opens: bool = False
    touches: Mapping[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    calendar: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Spend:
    """What one transaction adds to a row: `delta` per column (negative gives back), `touch`, and plain `put` values.

    `dated` adds amounts by the day on which they count, to a column of the balance's calendar; `steps` are days that
    are new to that calendar, by the column that holds its days.
    """

    balance: Balance
    key: tuple[Any, ...]
    delta: dict[str, Decimal | int]
    touch: dict[str, Any] = field(default_factory=dict)
    put: dict[str, Any] = field(default_factory=dict)
    dated: dict[str, dict[date, Decimal]] = field(default_factory=dict)
    steps: dict[str, set[date]] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, str]:
        return (self.balance.rank, "\0".join(str(part) for part in self.key))

    @property
    def shape(self) -> tuple[Any, ...]:
        parts = (self.delta, self.touch, self.put, self.dated, self.steps)
        return (self.balance.rank, *(tuple(sorted(part)) for part in parts))

    @property
    def comes_to_nothing(self) -> bool:
        dated = any(any(amounts.values()) for amounts in self.dated.values())
        return not (any(self.delta.values()) or self.touch or self.put or dated or self.steps)

    def merge(self, other: "Spend") -> None:
        for column, amount in other.delta.items():
            self.delta[column] = self.delta.get(column, 0) + amount
        for column, value in other.touch.items():
            mine = self.touch.get(column)
            self.touch[column] = value if mine is None else self.balance.touches[column](mine, value)
        self.put.update(other.put)
        for column, amounts in other.dated.items():
            mine_dated = self.dated.setdefault(column, {})
            for day, amount in amounts.items():
                mine_dated[day] = mine_dated.get(day, Decimal(0)) + amount
        for column, days in other.steps.items():
            self.steps[column] = self.steps.get(column, set()) | days


def net(spends: Iterable[Spend]) -> list[Spend]:
    """One spend per row, in lock order, without those whose amounts cancel out."""
    rows: dict[tuple[int, str], Spend] = {}
    for spend in spends:
        rows.setdefault(spend.order, Spend(spend.balance, spend.key, {})).merge(spend)
    return [row for _, row in sorted(rows.items()) if not row.comes_to_nothing]


class NoSuchBalance(Exception):
    """A limit row that must exist does not. It is a bug, not a refusal."""


async def apply(session: AsyncSession, spends: Iterable[Spend]) -> None:
    """Spend, as the last statements before COMMIT. Exceeding a limit raises the database's CHECK violation."""
    rows = net(spends)
    opening = [row for row in rows if row.balance.opens and any(amount > 0 for amount in row.delta.values())]
    for _, group in groupby(opening, key=lambda row: row.balance.rank):
        same = list(group)
        zero = [{**dict(zip(row.balance.key, row.key, strict=True)), **dict.fromkeys(row.delta, 0)} for row in same]
        await session.execute(insert(same[0].balance.table).on_conflict_do_nothing(), zero)
    for _, group in groupby(rows, key=lambda row: row.shape):
        same = list(group)
        statement = _update(same[0])
        values = [_values(row) for row in same]
        if len(values) > 1:
            connection = await session.connection()
            await connection.execute(statement, values)
        else:
            result = await session.execute(statement, values[0])
            if result.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result has it
                raise NoSuchBalance(same[0].balance.table.name)


def _update(row: Spend) -> Any:
    table = row.balance.table
    changes: dict[str, Any] = {
        name: table.c[name] + bindparam(f"d_{name}", type_=table.c[name].type) for name in row.delta
    }
    changes |= {
        name: func.coalesce(bindparam(f"t_{name}", type_=table.c[name].type), table.c[name]) for name in row.touch
    }
    changes |= {name: bindparam(f"s_{name}", type_=table.c[name].type) for name in row.put}
    for name in row.dated:
        days = table.c[row.balance.calendar[name]]
        added = (bindparam(f"on_{name}", type_=days.type), bindparam(f"a_{name}", type_=table.c[name].type))
        changes[name] = added_after(days, table.c[name], *added)
    changes |= {
        name: func.array_cat(table.c[name], bindparam(f"n_{name}", type_=table.c[name].type)) for name in row.steps
    }
    return update(table).where(*(table.c[name] == bindparam(f"k_{name}") for name in row.balance.key)).values(changes)


def _values(row: Spend) -> dict[str, Any]:
    parameters = {f"k_{name}": value for name, value in zip(row.balance.key, row.key, strict=True)}
    parameters |= {f"d_{name}": value for name, value in row.delta.items()}
    parameters |= {f"t_{name}": value for name, value in row.touch.items()}
    parameters |= {f"s_{name}": value for name, value in row.put.items()}
    for name, amounts in row.dated.items():
        parameters |= {f"on_{name}": list(amounts), f"a_{name}": list(amounts.values())}
    return parameters | {f"n_{name}": sorted(days) for name, days in row.steps.items()}


def added_after(steps: Any, amounts: Any, days: Any, added: Any) -> Any:
    """The amounts of a calendar once each of `added` counts from its day of `days` on: before every later step."""
    return func.add_after(steps, amounts, days, added)
