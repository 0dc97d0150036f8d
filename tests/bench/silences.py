"""`rebond tick` over many aid files of which some have run out, and the list of a territory that has many."""

import time
from datetime import timedelta
from statistics import median
from typing import Any

import asyncpg

from app.commands.tick import take_silences
from app.core import clock
from app.core.db import create_engine, session_factory
from tests.applications.acts import oriented, submitted
from tests.bench.filling import client
from tests.world import World, ok

FILES, OVER = 100_000, 1_000
QUERIES = ("", "?sort=-received_on", "?state=submitted&silence_within_days=90&sort=silence_on")

# As many projects and files as are wanted, copied from one in SQL, with triggers and foreign keys off: `$2` are their
# territories in turn, `$3` the day of receipt.
COPY = """
WITH made AS (
    SELECT uuidv7() AS project_id, uuidv7() AS file_id, n, ($2::text[])[1 + n % cardinality($2::text[])] AS territory
    FROM generate_series(1, $1::integer) AS n
), projects_made AS (
    INSERT INTO projects SELECT (jsonb_populate_record(p, jsonb_build_object(
        'id', m.project_id, 'territory', m.territory, 'external_id', null))).*
    FROM made m, projects p WHERE p.id = $4
), files_made AS (
    INSERT INTO applications ({columns}) SELECT {copied}
    FROM made m, applications a WHERE a.id = $5
)
INSERT INTO application_passages (
    application_id, number, territory, act, from_state, to_state, effective_on, recorded_at
)
SELECT m.file_id, 1, m.territory, 'submit', 'draft', 'submitted', $3::date, now() FROM made m
"""


async def copied(connection: Any, number: int, territories: list[str], received_on: Any, file: dict[str, Any]) -> None:
    """So many submitted files, received on a day."""
    rows = await connection.fetch(
        "SELECT attname, attgenerated <> '' AS computed FROM pg_attribute"
        " WHERE attrelid = 'applications'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    names = [row["attname"] for row in rows if not row["computed"]]
    values = {
        "id": "m.file_id", "project_id": "m.project_id", "territory": "m.territory", "external_id": "NULL",
        "received_at": "timezone('Europe/Paris', $3::date::timestamp)", "received_on": "$3::date",
        "acknowledged_on": "$3::date", "admissibility_ends_on": "($3::date + interval '2 months')::date",
        "decision_ends_on": "($3::date + interval '8 months')::date",
    }  # fmt: skip
    statement = COPY.format(columns=", ".join(names), copied=", ".join(values.get(name, f"a.{name}") for name in names))
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = 0")
        await connection.execute(statement, number, territories, received_on, file["project_id"], file["id"])


async def measure(url: str, plain: str, repeats: int, files: int = FILES, over: int = OVER) -> dict[str, float]:
    """Seconds of the tick, and milliseconds (the median) of pages of a territory with a tenth of the files."""
    today = clock.today()
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=2) as pool:
        worlds = [await World.create(http, pool) for _ in range(2)]
        day = today.isoformat()
        file = await submitted(worlds[0], await oriented(worlds[0], day), day)
        listed = files // 10
        async with pool.acquire() as connection:
            await copied(connection, listed, [worlds[0].territory], today, file)
            await copied(connection, files - listed - over, [worlds[1].territory], today, file)
            await copied(connection, over, [worlds[1].territory], today - timedelta(days=75), file)
            await connection.execute("ANALYZE")
        pages: dict[str, list[float]] = {query: [] for query in QUERIES}
        for query in [*QUERIES] * (10 * repeats):
            started = time.perf_counter()
            ok(await worlds[0].auditor.get(f"applications{query}"), 200)
            pages[query].append(time.perf_counter() - started)
    engine = create_engine(url, pool_size=2)
    started = time.perf_counter()
    taken = await take_silences(session_factory(engine), today)
    took = time.perf_counter() - started
    await engine.dispose()
    assert taken == over
    return {
        f"seconds of the tick over {files} files of which {over} have run out": took,
        **{f"milliseconds of a page of {listed} files{query}": 1000 * median(took) for query, took in pages.items()},
    }
