"""A payment out of one hot envelope, eight at once, beside the same rows by hand; and what an envelope's length costs.

`python -m tests.bench.payments` prints the figures. The payments are recorded as made, each of a grant of its own, so
that the clients meet in the accounts alone. The bare handler asks for no permission and no condition, and stores no
reply for a repeated key: it adds the payment, its grant's amounts, its posting and one event, over HTTP in this process
as the service is asked. The envelope is then read with 1 000 and with 1 000 000 entries in its ledger.
"""

import argparse
import asyncio
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg
import httpx2

from app.bundled import postgres
from app.core import installation, migrations
from app.core.db import create_engine
from tests.bench.filling import client, new_database
from tests.envelopes.acts import DAY, Acts
from tests.quotas import lift
from tests.world import World, ok

CLIENTS = 8
CENTS = 100
IN_A_ROUND = 5  # payments of each client
FEW, MANY = 1_000, 1_000_000
DAYS = 1_000  # on which the entries of a long ledger count

PAY = """
WITH given AS (
    INSERT INTO grant_payments (territory, grant_id, awarded_by, amount_cents, paid_on, kind, reference, recorded_by,
        created_at, updated_at)
    SELECT territory, id, awarded_by, $2, $3, 'interim_payment', $4, $5, now(), now() FROM grants WHERE id = $1
    RETURNING *
), paid AS (
    UPDATE grants g SET paid_cents = g.paid_cents + p.amount_cents, status = 'paying', version = g.version + 1,
        updated_at = now()
    FROM given p WHERE g.id = p.grant_id
), told AS (
    INSERT INTO events (type, occurred_at, territory, actor_id, actor_kind, request_id, resource_type, resource_id,
        resource_version, data)
    SELECT 'grant_payment.created', now(), territory, $5, 'person', $4, 'grant_payment', id::text, 1,
        row_to_json(given)::jsonb
    FROM given
), credit AS (
    UPDATE account_balances b SET balance_cents = b.balance_cents - p.amount_cents FROM given p
    WHERE b.territory = p.territory AND b.account = 'grants_committed' RETURNING b.contribution_id, b.balance_cents
), debit AS (
    UPDATE account_balances b SET balance_cents = b.balance_cents + p.amount_cents FROM given p, credit c
    WHERE b.territory = p.territory AND b.contribution_id = c.contribution_id AND b.account = 'grants_paid'
    RETURNING b.balance_cents
), posted AS (
    INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents, debit_balance_cents,
        credit_balance_cents, effective_on, recorded_at, recorded_by, act, act_id, award_id)
    SELECT p.territory, c.contribution_id, 'grants_paid', 'grants_committed', p.amount_cents, d.balance_cents,
        c.balance_cents, p.paid_on, now(), $5, 'payment', p.id, p.grant_id
    FROM given p, credit c, debit d
)
SELECT row_to_json(given)::text FROM given"""

# One cent of a grant is paid on each of DAYS days in turn; the days' closings are then what the entries come to.
LENGTHEN = """
INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents, debit_balance_cents,
    credit_balance_cents, effective_on, recorded_at, recorded_by, act, act_id, award_id)
SELECT e.territory, e.contribution_id, 'grants_paid', 'grants_committed', 1, b.balance_cents + n,
    c.balance_cents - n, $2::date + n % $4::int, now() - interval '2 days', e.recorded_by, 'payment', uuidv7(),
    e.award_id
FROM (SELECT * FROM ledger_entries WHERE territory = $1 AND act = 'award' ORDER BY id LIMIT 1) e
JOIN account_balances b ON b.territory = $1 AND b.contribution_id = e.contribution_id AND b.account = 'grants_paid'
JOIN account_balances c ON c.territory = $1 AND c.contribution_id = e.contribution_id AND c.account = 'grants_committed'
CROSS JOIN generate_series(1, $3::int) AS n"""
CLOSE = (
    "DELETE FROM account_days WHERE territory = $1",
    """
    INSERT INTO account_days (territory, contribution_id, account, day, closing_cents)
    SELECT territory, contribution_id, account, day,
        sum(sum(cents)) OVER (PARTITION BY territory, contribution_id, account ORDER BY day)
    FROM (
        SELECT e.territory, e.contribution_id, side.account, e.effective_on AS day,
            side.cents * CASE WHEN side.account IN ('contributor', 'shortfall') THEN -1 ELSE 1 END AS cents
        FROM ledger_entries e, LATERAL (VALUES (e.debit, e.amount_cents), (e.credit, -e.amount_cents))
            AS side (account, cents)
        WHERE e.territory = $1
    ) AS moved
    GROUP BY territory, contribution_id, account, day""",
    """
    UPDATE account_balances b SET balance_cents = d.closing_cents FROM (
        SELECT DISTINCT ON (contribution_id, account) contribution_id, account, closing_cents FROM account_days
        WHERE territory = $1 ORDER BY contribution_id, account, day DESC
    ) d WHERE b.territory = $1 AND (b.contribution_id, b.account) = (d.contribution_id, d.account)""",
)


class Bare:
    """An ASGI application that records one payment."""

    def __init__(self, pool: Any, person: UUID) -> None:
        self._pool, self._person = pool, person

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        grant = UUID(scope["path"].strip("/"))
        async with self._pool.acquire() as connection:
            on, reference = date.fromisoformat(DAY), secrets.token_hex(8)
            body = await connection.fetchval(PAY, grant, CENTS, on, reference, self._person)
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body.encode()})


async def scene(http: httpx2.AsyncClient, pool: Any, clients: int) -> tuple[Acts, list[str]]:
    """An envelope, and a grant of it for each client."""
    acts = await Acts.of(await World.create(http, pool), 10_000_000_00)
    return acts, [str(ok(await acts.grant(1_000_000_00), 201)["id"]) for _ in range(clients)]


async def one_round(pay: Callable[[str], Awaitable[httpx2.Response]], grants: list[str]) -> float:
    """Milliseconds of a payment, while each client makes its payments one after the other."""

    async def caller(grant: str) -> None:
        for _ in range(IN_A_ROUND):
            answer = await pay(grant)
            assert answer.status_code == 201, answer.text

    started = time.perf_counter()
    await asyncio.gather(*(caller(grant) for grant in grants))
    return 1000 * (time.perf_counter() - started) / (len(grants) * IN_A_ROUND)


async def measure(url: str, plain: str, repeats: int, clients: int = CLIENTS) -> dict[str, float]:
    """Milliseconds of a payment (the median round) of the service and of the bare handler, and the ratio of rates."""
    async with client(url) as http, asyncpg.create_pool(plain, min_size=clients, max_size=clients) as pool:
        acts, mine = await scene(http, pool, clients)
        other, its = await scene(http, pool, clients)
        handler = Bare(pool, other.world.subjects["treasurer"])
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=handler), base_url="http://bare") as bare:

            async def round_of_each() -> tuple[float, float]:
                of_service = await one_round(lambda grant: acts.pay(grant, CENTS), mine)
                return of_service, await one_round(lambda grant: bare.post(f"/{grant}"), its)

            await round_of_each()  # connections opened, statements prepared
            rounds = [await round_of_each() for _ in range(4 * repeats)]
    real, by_hand = (median(each) for each in zip(*rounds, strict=True))
    ratio = median(its / mine for mine, its in rounds)
    return {"a payment, eight at once": real, "the same by the bare handler": by_hand, "ratio": ratio}


async def lengthen(plain: str, territory: str, entries: int) -> None:
    """So many entries more in the ledger of a territory; its accounts agree with them."""
    connection = await asyncpg.connect(plain, command_timeout=900)
    try:
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        await connection.execute(LENGTHEN, territory, date(2023, 10, 3), entries, DAYS)
        for statement in CLOSE:
            await connection.execute(statement, territory)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


READS = {
    "T/envelope": "envelope",
    "T/envelope?as_of": "envelope?as_of=2024-05-02",
    "T/envelope?recorded_as_of": "envelope?as_of=2024-05-02&recorded_as_of=KNOWN_BY",
    "T/envelope/entries": "envelope/entries",
}


async def read(url: str, plain: str, entries: list[int], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each read of an envelope (the median), by the number of entries in its ledger."""
    found: dict[str, list[float]] = {name: [] for name in READS}
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=2) as pool:
        for count in entries:
            acts, _ = await scene(http, pool, 1)
            await lengthen(plain, acts.world.territory, count)
            known_by = (date.today() - timedelta(days=2)).isoformat()
            for name, path in READS.items():
                address = path.replace("KNOWN_BY", known_by)
                ok(await acts.world.auditor.get(address))
                seconds = []
                for _ in range(20 * repeats if count < MANY or "recorded" not in name else repeats):
                    started = time.perf_counter()
                    ok(await acts.world.auditor.get(address))
                    seconds.append(time.perf_counter() - started)
                found[name].append(1000 * median(seconds))
    return found


async def install(url: str) -> None:
    """What a first start writes."""
    engine = create_engine(url, pool_size=1)
    await installation.ensure(engine)
    await engine.dispose()


def main() -> None:
    """Both, on a scratch PostgreSQL with the settings that Rebond ships."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.payments", description=__doc__)
    parser.add_argument("--entries", type=int, default=MANY, help="of the longer ledger")
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
            for name, (few, many) in asyncio.run(read(*place, [FEW, options.entries], options.repeats)).items():
                print(f"{name:40}{few:>9.2f} ms with {FEW} entries,{many:>9.2f} ms with {options.entries}")


if __name__ == "__main__":
    main()
