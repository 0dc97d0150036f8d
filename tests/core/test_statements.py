"""What a connection remembers of the statements that it sends."""

from datetime import date
from typing import Any

from app.core.db import create_engine, fetchrow, raw_connection
from app.engineering.follow_up import queries
from app.engineering.follow_up.counting import Shape


async def test_the_longest_statement_is_prepared_once(database_url: str, anyio_backend: Any) -> None:
    """The product's longest: PostgreSQL plans it anew each time where the driver does not remember it."""
    shape = Shape(
        one_mission=False, one_member=False, known_then=False, own_reports=False, own_invoices=False, no_invoices=False
    )
    statement = queries.follow_up(shape)
    assert len(statement.sql) > 15 * 1024, "asyncpg remembers this by itself"
    engine = create_engine(database_url, pool_size=1)
    try:
        for _ in range(3):
            await fetchrow(engine, statement, {"territory": "nowhere", "as_of": date(2024, 1, 1)})
        async with raw_connection(engine) as connection:
            prepared = "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement = $1"
            assert [row[0] for row in await connection.fetch(prepared, statement.sql)] == [3]
    finally:
        await engine.dispose()
