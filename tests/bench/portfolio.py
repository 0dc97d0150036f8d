"""The portfolio, the instalments and the tick of a territory with many advances that were repaid many times."""

import asyncio
import os
import time
from datetime import date, timedelta
from statistics import median
from typing import Any

import asyncpg

from app.commands.tick import tell_of_advances
from app.core import clock
from app.core.clock import after_months
from app.core.db import create_engine, session_factory
from tests.bench.filling import client, serving
from tests.bench.load import forget_peak, memory_kib
from tests.world import World, ok

ONE_DAY = timedelta(days=1)
ADVANCES, REPAYMENTS, LINES = 10_000, 50, 20  # repayments and lines of each
READS = (
    "advances/portfolio", "advances/portfolio?as_of={past}", "advances/portfolio?recorded_as_of={known}",
    "/v1/advances/portfolio", "instalments", "instalments?late=true&count=exact",
    "instalments?bucket=over_180&count=exact", "/v1/instalments?late=true",
    "instalments?as_of={past}&late=true&count=exact",
)  # fmt: skip

# As many advances as are wanted, copied from one in SQL, with triggers and foreign keys off; of the lines that are due
# one in fifty is unpaid.
DAYS = """
SELECT a.territory, a.id, n, due.due_on, due.paid,
    $3::date - 10 AS first_on, ($3::date - 10)::timestamptz AS first_at
FROM advances a, generate_series(1, $2::integer) AS n, LATERAL (
    SELECT ($3::date + make_interval(months => 3 * n))::date AS due_on
) AS day, LATERAL (
    SELECT day.due_on, day.due_on < $4::date AND (hashtext(a.id::text || n) % 50) <> 0 AS paid
) AS due
WHERE a.territory = $1"""
LINE = f"""
INSERT INTO advance_line_states (territory, advance_id, position, due_on, principal_cents, interest_cents,
    capitalised_cents, fees_cents, late_interest_cents, principal_left_cents, interest_left_cents, fees_left_cents,
    settled_on, kept)
SELECT territory, id, n, due_on, 250000, 0, 0, 0, 0, CASE WHEN paid THEN 0 ELSE 250000 END, 0, 0,
    CASE WHEN paid THEN due_on END, false
FROM ({DAYS}) d"""
# An open span of each line, another one since it was paid, and what was known of it until then.
LINE_SPANS = f"""
INSERT INTO advance_line_spans (territory, advance_id, from_on, until_on, recorded_at, replaced_at, position, line_id,
    due_on, principal_cents, interest_cents, fees_cents, principal_left_cents, interest_left_cents, fees_left_cents,
    settled_on)
SELECT territory, id, s.from_on, s.until_on, s.recorded_at, s.replaced_at, n, md5(id::text || n)::uuid, due_on, 250000,
    0, 0, s.left_cents, 0, 0, s.settled_on
FROM ({DAYS}) d, LATERAL (
    SELECT first_on, 'infinity'::date, first_at, CASE WHEN paid THEN due_on::timestamptz END, 250000, NULL::date
    UNION ALL SELECT first_on, due_on, due_on, NULL, 250000, NULL WHERE paid
    UNION ALL SELECT due_on, 'infinity', due_on, NULL, 0, due_on WHERE paid
) AS s (from_on, until_on, recorded_at, replaced_at, left_cents, settled_on)"""
# One span for each repayment, of which the first half came day by day, and what was known of the last one until then.
SPANS = """
INSERT INTO advance_spans (territory, advance_id, from_on, until_on, recorded_at, replaced_at, disbursed_cents,
    capitalised_cents, repaid_cents, waived_cents, written_off_cents, income_cents, overpaid_cents)
SELECT a.territory, a.id, day, CASE WHEN known OR n = $2 THEN 'infinity'::date ELSE day + 20 END, day::timestamptz,
    CASE WHEN known THEN (day + 20)::timestamptz END, 10000000, 0, n * 1000, 0, 0, n, 0
FROM advances a, generate_series(0, $2::integer) AS n, LATERAL (SELECT $3::date - 10 + 20 * n AS day) AS d,
    LATERAL (SELECT unnest(CASE WHEN n = $2 THEN ARRAY[false] ELSE ARRAY[false, true] END) AS known) AS k
WHERE a.territory = $1"""


async def copied(connection: Any, table: str, number: int, row_id: str, **values: str) -> None:
    """Copies of a row under ids of their own; `values` are SQL over the row `c` and the number `n`."""
    names = [row["attname"] for row in await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = ''", table,
    )]  # fmt: skip
    given = {"id": "uuidv7()", **values}
    chosen = ", ".join(given.get(name, f"c.{name}") for name in names)
    source = given.get("from", "")
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(names)})"  # names of our own
        f" SELECT {chosen} FROM {table} c, generate_series(1, $1::integer) n{source} WHERE c.id = $2", number, row_id,
    )  # fmt: skip


async def exported(url: str, world: World, due_to: date) -> tuple[int, float]:
    """Instalments of an export up to a day, and MiB that it takes at the most, above what was held; nobody keeps it."""
    query = f"format=csv&due_to={due_to}".encode()
    path = f"/v1/territories/{world.territory}/instalments"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "",
        "headers": [(b"authorization", f"Bearer {world.auditor.key}".encode()), (b"host", b"bench")],
        "server": ("bench", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    ends, rows = asyncio.Event(), 0
    asked = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        await ends.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal rows
        rows += message.get("body", b"").count(b"\n")
        assert message.get("status", 200) == 200, message
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            ends.set()

    async with serving(url) as served:
        idle = memory_kib(os.getpid(), "VmRSS")
        forget_peak(os.getpid())
        await served(scope, receive, send)
        return rows - 1, (memory_kib(os.getpid(), "VmHWM") - idle) / 1024


async def measure(
    url: str, plain: str, repeats: int, advances: int = ADVANCES, repayments: int = REPAYMENTS
) -> dict[str, float]:
    """Milliseconds (the median) of each read, and seconds of a tick that has the events of one day to tell."""
    today = clock.today()
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=2) as pool:
        world = await World.create(http, pool)
        money = await world.money()
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = 0")
            await copied(connection, "advances", advances, money["advance"], decision_reference="'B' || n",
                         external_id="NULL")  # fmt: skip
            await copied(connection, "advance_repayments", repayments, money["repayment"], reference="'B' || n",
                         receipt_id="uuidv7()", advance_id="a.id",
                         **{"from": f" CROSS JOIN (SELECT id FROM advances WHERE territory = '{world.territory}') a"},
                         )  # fmt: skip
            for table in ("advance_line_states", "advance_line_spans", "advance_spans"):
                await connection.execute(f"DELETE FROM {table}")  # names of our own
            first_on = after_months(today, -36)
            for lines in (LINE, LINE_SPANS):
                await connection.execute(lines, world.territory, LINES, first_on, today)
            await connection.execute(SPANS, world.territory, repayments, first_on)
        async with pool.acquire() as connection:
            await connection.execute("ANALYZE")
        took: dict[str, list[float]] = {read: [] for read in READS}
        for read in [*READS] * (5 * repeats):
            started = time.perf_counter()
            ok(await world.auditor.get(read.format(past=today - timedelta(days=400), known=today - ONE_DAY)), 200)
            took[read].append(time.perf_counter() - started)
        grown = [await exported(url, world, after_months(today, months)) for months in (-30, 36)]
        async with pool.acquire() as connection:  # what came before is told
            await connection.execute(
                "DELETE FROM advance_line_states WHERE due_on < $1::date - 1 OR due_on > $1::date", today
            )
    engine = create_engine(url, pool_size=2)
    started = time.perf_counter()
    told = await tell_of_advances(session_factory(engine), today)
    seconds = time.perf_counter() - started
    await engine.dispose()
    return {
        **{f"milliseconds of {read}, {advances} advances": 1000 * median(each) for read, each in took.items()},
        **{f"MiB above idle at the most, CSV of {rows} instalments": mib for rows, mib in grown},
        f"seconds of the tick with {told} events": seconds,
    }
