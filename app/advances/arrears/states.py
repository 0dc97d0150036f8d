"""Where each instalment of an advance stands, as rows that lists and sums read. The account writes them."""

from uuid import UUID

from app.advances.position import Position
from app.core.db import driver_connection
from app.core.writing.writes import Write

_COLUMNS = (
    "principal_cents", "interest_cents", "capitalised_cents", "fees_cents", "late_interest_cents",
    "principal_left_cents", "interest_left_cents", "fees_left_cents",
)  # fmt: skip
_SET = (*_COLUMNS, "due_on", "settled_on", "kept")
_GIVEN = ", ".join(f"${number}::bigint[]" for number in range(7, 7 + len(_COLUMNS)))
_PUT = f"""
WITH given (position, due_on, settled_on, kept, {", ".join(_COLUMNS)}) AS (
    SELECT * FROM unnest($3::smallint[], $4::date[], $5::date[], $6::boolean[], {_GIVEN})
), gone AS (
    DELETE FROM advance_line_states WHERE advance_id = $2 AND position > cardinality($3::smallint[])
)
INSERT INTO advance_line_states AS s (territory, advance_id, position, {", ".join(_SET)})
SELECT $1, $2, position, {", ".join(_SET)} FROM given
ON CONFLICT (advance_id, position) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in _SET)}
WHERE ({", ".join(f"s.{name}" for name in _SET)})
    IS DISTINCT FROM ({", ".join(f"EXCLUDED.{name}" for name in _SET)})
"""  # noqa: S608  # our own text, all values bound


async def put(write: Write, territory: str, advance_id: UUID, position: Position) -> None:
    """Write where the lines of the version in force stand. The caller holds the advance."""
    lines = position.lines
    columns = {
        **{name: [getattr(each.line, name) for each in lines] for name in _COLUMNS[:5]},
        **{name: [getattr(each, name) for each in lines] for name in _COLUMNS[5:]},
    }
    connection = await driver_connection(write.session)
    await connection.execute(
        _PUT, territory, advance_id, list(range(1, len(lines) + 1)), [each.line.due_on for each in lines],
        [each.settled_on for each in lines], [each.line.kept for each in lines],
        *(columns[name] for name in _COLUMNS),
    )  # fmt: skip
