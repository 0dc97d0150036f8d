"""An order under one hot framework, eight at once, beside the same rows by hand; and what a long framework costs.

`python -m tests.bench.frameworks` prints the figures. Each client amends a mission of its own, so that the clients meet
in the framework alone. The bare handler asks for no permission and no condition: it adds the order, what is ordered of
the mission and of the framework, and one event, over HTTP in this process as the service is asked.
"""

import argparse
import asyncio
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg
import httpx2

from app.bundled import postgres
from app.core import migrations
from tests.bench.filling import client, new_database
from tests.bench.payments import install
from tests.missions.frameworks.acts import a_framework, ordered
from tests.missions.test_orders import bare as bare_mission
from tests.quotas import lift
from tests.world import World, ok

CLIENTS = 8
IN_A_ROUND = 5  # orders of each client
MANY = 1_000  # orders that a framework has already

# The order names no framework, so that the service's trigger does not count it: the statement does.
ORDER = """
WITH given AS (
    INSERT INTO orders (mission_id, kind, reference, signed_on, days, reason, ordered_by, created_at, updated_at)
    VALUES ($1, 'amendment', $2, '2023-07-01', 0.25, 'Asked for.', $3, now(), now()) RETURNING *
), mission AS (
    UPDATE mission_days d SET days_ordered = days_ordered + 0.25 FROM given g WHERE d.mission_id = g.mission_id
), framework AS (
    UPDATE frameworks SET days_ordered = days_ordered + 0.25, days_peak = days_peak + 0.25 WHERE id = $4
), told AS (
    INSERT INTO events (type, occurred_at, territory, actor_id, actor_kind, request_id, resource_type, resource_id,
        resource_version, data)
    SELECT 'order.created', now(), $5, $3, 'person', $2, 'order', id::text, 1, row_to_json(given)::jsonb FROM given
)
SELECT row_to_json(given)::text FROM given"""

LENGTHEN = """
INSERT INTO orders (mission_id, kind, reference, signed_on, days, reason, framework_id, amount_cents, created_at,
    updated_at)
SELECT $1, 'amendment', 'LONG-' || n, date '2023-07-01' + n % 300, 0.25, 'Asked for.', $2, 25_000, now(), now()
FROM generate_series(1, $3::int) AS n"""


class Bare:
    """An ASGI application that records one amendment."""

    def __init__(self, pool: Any, world: World, framework: str) -> None:
        self._pool, self._world, self._framework = pool, world, UUID(framework)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        mission = UUID(scope["path"].strip("/"))
        person = self._world.subjects["operator"]
        async with self._pool.acquire() as connection:
            values = (mission, secrets.token_hex(8), person, self._framework, self._world.territory)
            body = await connection.fetchval(ORDER, *values)
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body.encode()})


async def scene(http: httpx2.AsyncClient, pool: Any, clients: int, *, named: bool) -> tuple[World, str, list[str]]:
    """A framework, and a mission for each client that is ordered under it (the service's), or under none."""
    world = await World.create(http, pool)
    framework = await a_framework(world, max_days=99_999, max_amount_cents=10**12)
    missions = [await bare_mission(world) for _ in range(clients)]
    for mission in missions:
        under = {"amount_cents": 100_000} if named else {}
        ok(await ordered(world, mission, framework if named else None, days=1, **under), 201)
    return world, framework, missions


async def one_round(order: Callable[[str], Awaitable[httpx2.Response]], missions: list[str]) -> float:
    """Milliseconds of an order, while each client makes its orders one after the other."""

    async def caller(mission: str) -> None:
        for _ in range(IN_A_ROUND):
            answer = await order(mission)
            assert answer.status_code == 201, answer.text

    started = time.perf_counter()
    await asyncio.gather(*(caller(mission) for mission in missions))
    return 1000 * (time.perf_counter() - started) / (len(missions) * IN_A_ROUND)


async def measure(url: str, plain: str, repeats: int, clients: int = CLIENTS, many: int = MANY) -> dict[str, float]:
    """Milliseconds of an order (the median round) of the service and of the bare handler, and the ratio of rates.

    Last, the service again under a framework with `many` orders.
    """
    async with client(url) as http, asyncpg.create_pool(plain, min_size=clients, max_size=clients) as pool:
        world, framework, mine = await scene(http, pool, clients, named=True)
        other, hot, its = await scene(http, pool, clients, named=False)
        handler = Bare(pool, other, hot)

        def amend(mission: str) -> Awaitable[httpx2.Response]:
            return ordered(world, mission, None, kind="amendment", days=0.25, amount_cents=25_000)

        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=handler), base_url="http://bare") as bare:

            async def round_of_each() -> tuple[float, float]:
                return await one_round(amend, mine), await one_round(lambda mission: bare.post(f"/{mission}"), its)

            await round_of_each()  # connections opened, statements prepared
            rounds = [await round_of_each() for _ in range(4 * repeats)]
        longer = await bare_mission(world)
        ok(await ordered(world, longer, framework, days=1, amount_cents=100_000), 201)
        await pool.execute(LENGTHEN, UUID(longer), UUID(framework), many)
        long = [await one_round(amend, mine) for _ in range(2 * repeats)]
    real, by_hand = (median(each) for each in zip(*rounds, strict=True))
    return {
        "an order, eight at once": real, "the same by the bare handler": by_hand,
        "ratio": median(its / mine for mine, its in rounds), f"an order among {many}": median(long),
    }  # fmt: skip


def main() -> None:
    """On a scratch PostgreSQL with the settings that Rebond ships."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.frameworks", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rebond-bench-") as home:
        Path(home).chmod(0o711)  # as root the server runs as another account, which must reach it
        with postgres.running(Path(home) / "data") as bundled:
            new_database(bundled.plain("postgres"), "bench")
            migrations.upgrade(bundled.dsn("bench"))
            asyncio.run(lift(bundled.plain("bench")))
            asyncio.run(install(bundled.dsn("bench")))
            place = bundled.dsn("bench"), bundled.plain("bench")
            for name, figure in asyncio.run(measure(*place, options.repeats)).items():
                print(f"{name:40}{figure:>9.2f}{'' if name == 'ratio' else ' ms'}")


if __name__ == "__main__":
    main()
