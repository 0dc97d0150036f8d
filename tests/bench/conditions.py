"""Everything that keeps an aid file of many lines from being received: how long it takes, and in how many queries."""

import asyncio
import time
from datetime import date
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from app.applications.conditions import FileStep, unmet
from app.applications.facts import arguments_of, facts, read_facts
from tests.applications.ready import RECEIVED, ReadyFile, ready
from tests.bench.filling import client
from tests.world import World

LINES = 200


def lines_of(number: int) -> list[dict[str, Any]]:
    """Lines of a file, every other one ordered too early."""
    return [
        {"label": f"Machine {place}", "kind": "tangible_asset", "amount_cents": 10_000_00,
         "ordered_on": "2024-01-01" if place % 2 else RECEIVED}
        for place in range(number)
    ]  # fmt: skip


async def ask(connection: Any, file: ReadyFile) -> tuple[float, int, int]:
    """The seconds it takes to say what is unmet, the queries it takes, and how many conditions are told."""
    on, queries = date.fromisoformat(RECEIVED), 0

    def count(_record: Any) -> None:
        nonlocal queries
        queries += 1

    with connection.query_logger(count):
        started = time.perf_counter()
        arguments = facts().arguments(arguments_of(file.world.territory, UUID(file.id), on))
        row = await connection.fetchrow(facts().sql, *arguments)
        told = unmet(FileStep.SUBMIT, read_facts(row, on))
        took = time.perf_counter() - started
        await asyncio.sleep(0)  # the logger is called by the loop
    return took, queries, len(told)


async def measure(url: str, plain: str, repeats: int) -> dict[str, float]:
    """Milliseconds (the median) of a file with 200 lines, on a database that is filled."""
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=2) as pool:
        file = await ready(await World.create(http, pool), lines=lines_of(LINES))
        async with pool.acquire() as connection:
            asked = [await ask(connection, file) for _ in range(10 * repeats)]
    return {f"unmet of a file with {LINES} lines": 1000 * median(seconds for seconds, *_ in asked)}
