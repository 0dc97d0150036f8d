"""Laureate territories that shared an EPCI before that was refused: the first keeps it, the check lists the other."""

import asyncio
from typing import Any

import asyncpg
import pytest
from alembic import command

from app.commands import check
from app.core import migrations
from app.core.db import create_engine
from tests.conftest import plain

LAST = "2026_11_29_2355"  # the newest migration of the version before
EPCI = "200066918"


async def fill(url: str) -> None:
    connection = await asyncpg.connect(plain(url))
    try:
        await connection.execute("INSERT INTO waves (number, created_at, updated_at) VALUES (1, now(), now())")
        await connection.executemany(
            "INSERT INTO territories (slug, name, wave_number, lead_siren, epci_sirens, status, laureate_on,"
            " created_at, updated_at) VALUES ($1, $1, 1, $4, ARRAY[$4], $2, $3::text::date, now(), now())",
            [(slug, status, day, EPCI) for slug, status, day in (
                ("later", "laureate", "2024-01-01"), ("first", "laureate", "2023-06-14"), ("over", "closed", None),
            )],
        )  # fmt: skip
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def old(new_database: Any) -> str:
    url: str = new_database("old_epcis", migrated=False)
    command.upgrade(migrations.config(url), LAST)
    asyncio.run(fill(url))
    migrations.upgrade(url)
    return url


def test_the_first_laureate_keeps_an_epci_that_others_have(old: str) -> None:
    async def run() -> tuple[list[Any], list[Any], str]:
        engine = create_engine(old, pool_size=1)
        connection = await asyncpg.connect(plain(old))
        try:
            _, differing = await check.differences(engine)
            standing = await check.before_the_rule(engine)
            await connection.execute("UPDATE territories SET name = 'Same EPCI' WHERE slug = 'later'")
            with pytest.raises(asyncpg.UniqueViolationError) as refused:
                await connection.execute("UPDATE territories SET status = 'laureate' WHERE slug = 'over'")
            return differing, standing, str(refused.value.constraint_name)
        finally:
            await connection.close()
            await engine.dispose()

    differing, standing, refused = asyncio.run(run())
    assert not differing
    assert standing == [check.BeforeTheRule("EPCI of another laureate territory", f"later {EPCI}", "first")]
    assert refused == "epci_of_another_territory"
