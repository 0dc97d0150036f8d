"""Where an advance stands on every day, as rows that lists and sums read. The account writes them.

A row holds from a day on until another. One that is no longer true is replaced, and stays as what was known until then.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from app.advances.position import OpenLine, Standing, Sums
from app.core.db import driver_connection
from app.core.writing.writes import Write

WITHOUT_END = date.max  # PostgreSQL's infinity

Spans = list[tuple[date, date, Any]]

_AMOUNTS = tuple(Sums._fields)
_LINE = tuple(OpenLine._fields)
_TYPES = {
    "from_on": "date", "until_on": "date", "due_on": "date", "settled_on": "date", "position": "smallint",
    "line_id": "uuid",
}  # fmt: skip

# An account that was kept before these rows were is known since its award. Acts on one advance come one after the
# other, whichever began first.
_INSTANT = """
SELECT CASE
    WHEN max(s.recorded_at) IS NOT NULL THEN greatest($2::timestamptz, max(s.recorded_at) + interval '1 microsecond')
    WHEN EXISTS (SELECT FROM advance_line_states WHERE advance_id = $1) THEN (
        SELECT least(created_at, $2::timestamptz) FROM advances WHERE id = $1)
    ELSE $2::timestamptz
END
FROM (
    SELECT recorded_at FROM advance_spans WHERE advance_id = $1 AND replaced_at IS NULL
    UNION ALL SELECT recorded_at FROM advance_line_spans WHERE advance_id = $1 AND replaced_at IS NULL
) s
"""


def _statements(table: str, key: Sequence[str], names: Sequence[str]) -> tuple[str, str]:
    """The UPDATE that replaces what is no longer true, and the INSERT of what is true since. Our own text, all values
    are bound.
    """
    columns = (*key, *names)

    def given(first: int) -> str:
        arrays = (f"${number}::{_TYPES.get(name, 'bigint')}[]" for number, name in enumerate(columns, first))
        return f"(SELECT * FROM unnest({', '.join(arrays)}) AS given ({', '.join(columns)})) g"  # noqa: S608

    same = " AND ".join(
        [*(f"s.{name} = g.{name}" for name in key), *(f"s.{name} IS NOT DISTINCT FROM g.{name}" for name in names)]
    )
    current = "s.advance_id = $1 AND s.replaced_at IS NULL"
    replace = f"""
UPDATE {table} s SET replaced_at = $2 WHERE {current} AND NOT EXISTS (SELECT FROM {given(3)} WHERE {same})"""  # noqa: S608
    insert = f"""
INSERT INTO {table} (territory, advance_id, recorded_at, {", ".join(columns)})
SELECT $3, $1, $2, {", ".join(f"g.{name}" for name in columns)} FROM {given(4)}
WHERE NOT EXISTS (SELECT FROM {table} s WHERE {current} AND {same})"""  # noqa: S608
    return replace, insert


_OF_ADVANCE = _statements("advance_spans", ("from_on",), ("until_on", *_AMOUNTS))
_OF_LINES = _statements("advance_line_spans", ("from_on", "position"), ("until_on", "line_id", *_LINE))


async def put(write: Write, territory: str, advance_id: UUID, course: Sequence[Standing]) -> None:
    """Write where an advance stands on every day. The caller holds it."""
    connection = await driver_connection(write.session)
    at = await connection.fetchval(_INSTANT, advance_id, write.now)
    sums = [(from_on, until_on, *amounts) for from_on, until_on, amounts in of_sums(course)]
    lines = [
        (from_on, position, until_on, uuid5(advance_id, str(position)), *line)
        for position, spans in enumerate(of_lines(course), start=1)
        for from_on, until_on, line in spans
    ]
    for (replace, insert), width, rows in ((_OF_ADVANCE, len(_AMOUNTS), sums), (_OF_LINES, len(_LINE) + 2, lines)):
        arrays = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width + 2)]
        await connection.execute(replace, advance_id, at, *arrays)
        await connection.execute(insert, advance_id, at, territory, *arrays)


def of_sums(course: Sequence[Standing]) -> Spans:
    """The days on which each sum held, one after the other."""
    return list(_joined((each.from_on, each.sums) for each in course))


def of_lines(course: Sequence[Standing]) -> list[Spans]:
    """The days on which each line stood as it did, for each place in the schedule."""
    places = max((len(each.lines) for each in course), default=0)
    return [
        list(_joined((each.from_on, each.lines[place] if place < len(each.lines) else None) for each in course))
        for place in range(places)
    ]


def _joined(found: Iterator[tuple[date, Any]]) -> Iterator[tuple[date, date, Any]]:
    """Equal neighbours as one, each until the next begins; what is None is left out."""
    since, held = date.min, None
    for on, what in found:
        if what == held:
            continue
        if held is not None:
            yield since, on, held
        since, held = on, what
    if held is not None:
        yield since, WITHOUT_END, held
