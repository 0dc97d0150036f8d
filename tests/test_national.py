"""The guard of what every test reads: no test leaves a row of the nation changed for those that come after it."""

from typing import Any

import asyncpg
import pytest

from tests.conftest import plain
from tests.national import NATIONAL

OURS = {"alembic_version", "secrets"}  # filled, too, and read by no request


@pytest.fixture
def first_url(new_database: Any) -> str:
    url: str = new_database("first")
    return url


async def test_the_list_has_every_table_that_migrations_fill(first_url: str) -> None:
    connection = await asyncpg.connect(plain(first_url))
    try:
        tables = await connection.fetchval(
            "SELECT array_agg(tablename::text) FROM pg_tables WHERE schemaname = 'public'"
        )
        counted = " UNION ALL ".join(f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in tables)
        assert {row[0] for row in await connection.fetch(counted)} == {*NATIONAL, *OURS}
    finally:
        await connection.close()


# Rates are only added: the database has that from the models.
CHANGES = {
    "schemes": "UPDATE schemes SET name = 'Another'",
    "scheme_parameters": "INSERT INTO scheme_parameters (scheme, name, value, valid_from_on, source, created_at,"
    " updated_at) VALUES ('rebond_industriel', 'another', '1', '2023-01-01', 'Said', now(), now())",
    "legal_rates": "INSERT INTO legal_rates (from_on, rate_bp, source, recorded_at)"
    " VALUES ('2025-01-01', 300, 'Said', now())",
    "refinancing_rates": "INSERT INTO refinancing_rates (from_on, rate_bp, source, recorded_at)"
    " VALUES ('2025-01-01', 300, 'Said', now())",
    "role_quotas": "INSERT INTO role_quotas (subject_kind, name, value, from_on, source, recorded_at)"
    " VALUES ('person', 'imports_at_once', 1, '2025-01-01', 'Said', now())",
    "vat_rates": "INSERT INTO vat_rates (from_on, rate_bp, source) VALUES ('2150-01-01', 1, 'Said')",
}


@pytest.mark.parametrize("table", NATIONAL)
async def test_its_rows_stay_as_they_are(pool: Any, table: str) -> None:
    rows = f"SELECT to_jsonb({table}) FROM {table} WHERE {NATIONAL[table].format(row=table)}"
    before = await pool.fetch(rows)
    assert before
    with pytest.raises(asyncpg.RaiseError, match=f"every test reads what this one changes in {table}"):
        await pool.execute(CHANGES[table])
    assert await pool.fetch(rows) == before
