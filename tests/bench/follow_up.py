"""Scenarios of the follow-up for the bench: flat in the size of the database, in both times.

`fill` writes entries of other territories by the hundred thousand; `ask` gives the seconds of each question about a
mission; `indexes` says how PostgreSQL finds it. `python -m tests.bench.follow_up` runs them on a scratch PostgreSQL: a
mission of 1 000 entries, alone and among a million. Nothing here is a test.
"""

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from app.bundled import postgres
from app.core import clock, migrations
from app.core.clock import PARIS
from app.engineering.follow_up.counting import Shape
from app.engineering.follow_up.queries import follow_up
from tests.bench.filling import client
from tests.bench.firms_search import indexes
from tests.world import World, ok

ENTRIES = 1_000
OTHERS = 1_000_000
ROUNDS = 30
FIRST = date(2023, 1, 2)

ADDRESSES = (
    "engineering",
    "engineering?mission_id={}",
    "engineering?recorded_as_of={}",
    "engineering/burn-down?mission_id={}",
)

# The entries of another territory, copied to days of their own: as many consultants as it takes, four quarters a day.
PEOPLE = """
WITH p AS (
    INSERT INTO subjects (kind, organisation_id, name, email, created_at, updated_at)
    SELECT 'person', $3, 'Person ' || n, uuidv7() || '@example.fr', now(), now() FROM generate_series(1, $4) n
    RETURNING id
)
INSERT INTO consultants (territory, mission_id, organisation_id, person_id, from_on, until_on, created_at, updated_at)
SELECT $1, $2, $3, id, '2020-01-01', '2199-12-31', now(), now() FROM p"""
FILL = """
INSERT INTO time_entries (territory, mission_id, consultant_id, organisation_id, person_id, assigned_from_on,
    assigned_until_on, worked_on, counted_on, days, activity, status, entered_by, authors, created_at, updated_at)
SELECT c.territory, c.mission_id, c.id, c.organisation_id, c.person_id, c.from_on, c.until_on, d, d, 0.25, 'audition',
    'submitted', c.person_id, ARRAY[c.person_id], now(), now()
FROM consultants c, generate_series(1, 4), generate_series(0, $3 - 1) n, LATERAL (SELECT $2::date + n) x (d)
WHERE c.mission_id = $1"""


class Reader(Protocol):
    """A client with the key of a reader, whose paths are below the territory."""

    async def get(self, path: str) -> Any: ...


async def enter(world: World, mission: Any, number: int = ENTRIES) -> None:
    """`number` quarter days of the mission's consultants through the API, so that each has its event."""
    for start in range(0, number, 500):
        items = [
            mission.entry(worked_on=(FIRST + timedelta(days=n // 4)).isoformat(), days=0.25)
            for n in range(start, min(start + 500, number))
        ]
        ok(await world.consultant.post("time-entries/batch", {"items": items}), 201)


async def fill(pool: Any, world: World, mission: Any, number: int, *, days: int = 500) -> None:
    """`number` entries of another territory's mission, written in SQL."""
    consultants = -(-number // (4 * days))
    partner = world.organisations["partner"]
    await pool.execute(PEOPLE, world.territory, mission.id, partner, consultants, timeout=600)
    await pool.execute(FILL, mission.id, FIRST, days, timeout=1800)
    await pool.execute("VACUUM ANALYZE", timeout=600)


async def ask(reader: Reader, mission_id: str, known: str, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """The seconds of each question, `rounds` times after one to warm up."""
    found: dict[str, list[float]] = {}
    for address in ADDRESSES:
        path = address.format(known if "recorded" in address else mission_id)
        for n in range(rounds + 1):
            started = time.perf_counter()
            answer = await reader.get(path)
            seconds = time.perf_counter() - started
            assert answer.status_code == 200, answer.text
            if n:
                found.setdefault(address, []).append(seconds)
    return found


async def plan(pool: Any, territory: str, mission_id: str) -> list[str]:
    """The indexes by which the entries of a mission are found."""
    statement = follow_up(Shape(True, False, False, False))
    bound = {"territory": territory, "mission_id": mission_id, "as_of": clock.today()}
    told = await pool.fetchval(f"EXPLAIN (FORMAT json) {statement.sql}", *statement.arguments(bound))
    return sorted(indexes(json.loads(told)))


async def measure(url: str, others: int = OTHERS) -> None:
    """Print the milliseconds of each question, alone and beside `others` entries, and the indexes of the plan."""
    plain = url.replace("+asyncpg", "")
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=4) as pool:
        world, crowd = await World.create(http, pool), await World.create(http, pool)
        window: dict[str, Any] = {"starts_on": "2023-01-01", "ends_on": "2025-12-31"}
        # Entered two days ago, so that yesterday knows them.
        with clock.frozen(clock.now().astimezone(PARIS) - timedelta(days=2)):
            mission = await world.mission(days=500, lead=0, partner=500, **window)
            await enter(world, mission)
        other = await crowd.mission(days=10, **window)
        known = (clock.today() - timedelta(days=1)).isoformat()
        for held in (0, others):
            if held:
                await fill(pool, crowd, other, held)
            took = await ask(world.committee, mission.id, known)
            for address, seconds in took.items():
                line = {"question": address, "others": held, "ms": round(statistics.median(seconds) * 1000, 2),
                        "slowest_ms": round(max(seconds) * 1000, 2)}  # fmt: skip
                print(json.dumps(line))
        print(json.dumps({"indexes": await plan(pool, world.territory, mission.id)}))


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="rebond-bench-"))
    home.chmod(0o711)
    try:
        with postgres.running(home) as server:
            url = server.dsn("postgres")
            migrations.upgrade(url)
            asyncio.run(measure(url))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
