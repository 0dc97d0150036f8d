"""A bank statement whose entries repay advances, and one repayment after hundreds of others, beside the same rows by
hand.

`python -m tests.bench.statements` prints the figures. The bare handler is told to which advance each entry belongs and
replays nothing: in one transaction it writes each receipt, its repayment, the sum of the advance, the posting and two
events.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from app.bundled import postgres
from app.core import migrations
from tests.advances.accounts import Books
from tests.bench.filling import client, new_database
from tests.bench.payments import install
from tests.integrations.imports.files import send
from tests.quotas import lift
from tests.treasury.statements import Entry
from tests.treasury.test_statements import PATH, Bank
from tests.world import World, ok

ADVANCES, INSTALMENTS = 250, 20  # advances, and the instalments of each that one statement repays
CENTS = 1_000
EARLIER = 500  # repayments of the advance that is repaid once more
PAID_ON = "2023-10-03"

REPAY = """
WITH receipt AS (
    INSERT INTO receipts (territory, reference, received_on, value_on, amount_cents, unassigned_cents, recorded_by,
        created_at, updated_at)
    SELECT territory, $2, $3, $3, $4, $4, $5, now(), now() FROM advances WHERE id = $1 RETURNING *
), given AS (
    INSERT INTO advance_repayments (territory, advance_id, awarded_by, amount_cents, received_on, value_on, reference,
        receipt_id, principal_cents, recorded_by, created_at, updated_at)
    SELECT a.territory, a.id, a.awarded_by, $4, $3, $3, $2, r.id, $4, $5, now(), now()
    FROM advances a, receipt r WHERE a.id = $1 RETURNING *
), repaid AS (
    UPDATE advances a SET repaid_cents = a.repaid_cents + g.amount_cents, version = a.version + 1, updated_at = now()
    FROM given g WHERE a.id = g.advance_id
), told AS (
    INSERT INTO events (type, occurred_at, territory, actor_id, actor_kind, request_id, resource_type, resource_id,
        resource_version, data)
    SELECT 'receipt.created', now(), territory, $5, 'person', $2, 'receipt', id::text, 1, row_to_json(receipt)::jsonb
    FROM receipt
    UNION ALL
    SELECT 'advance_repayment.created', now(), territory, $5, 'person', $2, 'advance_repayment', id::text, 1,
        row_to_json(given)::jsonb
    FROM given
), credit AS (
    UPDATE account_balances b SET balance_cents = b.balance_cents - g.amount_cents FROM given g
    WHERE b.territory = g.territory AND b.account = 'advances_paid' RETURNING b.contribution_id, b.balance_cents
), debit AS (
    UPDATE account_balances b SET balance_cents = b.balance_cents + g.amount_cents FROM given g, credit c
    WHERE b.territory = g.territory AND b.contribution_id = c.contribution_id AND b.account = 'repaid'
    RETURNING b.balance_cents
)
INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents, debit_balance_cents,
    credit_balance_cents, effective_on, recorded_at, recorded_by, act, act_id, award_id)
SELECT g.territory, c.contribution_id, 'repaid', 'advances_paid', g.amount_cents, d.balance_cents, c.balance_cents,
    g.value_on, now(), $5, 'repayment', g.id, g.advance_id
FROM given g, credit c, debit d"""


class Money(NamedTuple):
    """An entry: the advance that it repays, its reference, its day."""

    advance: str
    decision: str
    reference: str
    on: date


async def scene(http: Any, pool: Any, advances: int, instalments: int) -> tuple[Bank, list[Money]]:
    """Advances that are paid out, and money that repays each of their instalments, all of one day together."""
    bank = await Bank.of(await World.create(http, pool), 10_000_000_00)
    terms = {"instalments": instalments, "frequency": "monthly", "first_due_on": "2023-10-31"}
    days = [date.fromisoformat(PAID_ON) + timedelta(days=1 + place) for place in range(instalments)]
    found = []
    for number in range(advances):
        decision = f"2023-AVR-{number:05}"
        made = await bank.books.acts.advance(CENTS * instalments, terms=terms, decision_reference=decision)
        advance = str(ok(made, 201)["id"])
        ok(await bank.books.acts.tranche(advance, CENTS * instalments, paid_on=PAID_ON), 201)
        found += [Money(advance, decision, f"{number:05}/{place}", on) for place, on in enumerate(days)]
    return bank, sorted(found, key=lambda money: (money.on, money.reference))


async def imported(bank: Bank, money: Sequence[Money]) -> float:
    """Seconds from the upload of a statement to its end."""
    entries = [Entry(CENTS, each.reference, f"Remb. {each.decision}", on=str(each.on)) for each in money]
    started = time.perf_counter()
    file = bank.file(*entries)
    received = await send(bank.books.treasurer, PATH, file)
    while received["finished_at"] is None:
        await asyncio.sleep(0.02)
        received = ok(await bank.books.treasurer.get(f"imports/{received['id']}"))
    seconds = time.perf_counter() - started
    assert (received["status"], received["rows_created"]) == ("succeeded", len(money)), received
    assert not ok(await bank.books.treasurer.get("receipts?unassigned=true"))["items"]
    return seconds


async def by_hand(pool: Any, person: str, money: Sequence[Money]) -> float:
    """Seconds of the same rows."""
    started = time.perf_counter()
    async with pool.acquire() as connection, connection.transaction():
        for each in money:
            await connection.execute(REPAY, UUID(each.advance), each.reference, each.on, CENTS, UUID(str(person)))
    return time.perf_counter() - started


async def measure(
    url: str, plain: str, advances: int = ADVANCES, instalments: int = INSTALMENTS, earlier: int = EARLIER
) -> dict[str, float]:
    """Milliseconds of an entry of a statement, and of one repayment after `earlier` others, beside the bare ones."""
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=2) as pool:
        (bank, money), (other, its) = [await scene(http, pool, advances, instalments) for _ in range(2)]
        treasurer = str(other.books.world.subjects["treasurer"])
        mine, bare = await imported(bank, money), await by_hand(pool, treasurer, its)
        (bank, money), (other, its) = [await scene(http, pool, 1, earlier + 10) for _ in range(2)]
        await imported(bank, money[:earlier])
        await by_hand(pool, treasurer, its[:earlier])
        rounds = [
            (await once(bank.books, each), await by_hand(pool, treasurer, [hand]))
            for each, hand in zip(money[earlier:], its[earlier:], strict=True)
        ]
    one, hand = (1000 * median(seconds) for seconds in zip(*rounds, strict=True))
    each_ms, bare_ms = (1000 * seconds / (advances * instalments) for seconds in (mine, bare))
    return {
        "an entry of a statement": each_ms, "the same by hand": bare_ms, "ratio of entries": bare_ms / each_ms,
        f"a repayment after {earlier}": one, "the same by hand, once": hand, "ratio of one": hand / one,
    }  # fmt: skip


async def once(books: Books, money: Money) -> float:
    started = time.perf_counter()
    ok(await books.repay(money.advance, CENTS, received_on=str(money.on)), 201)
    return time.perf_counter() - started


def main() -> None:
    """On a scratch PostgreSQL with the settings that Rebond ships."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.statements", description=__doc__)
    parser.add_argument("--advances", type=int, default=ADVANCES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rebond-bench-") as home:
        Path(home).chmod(0o711)  # as root the server runs as another account, which must reach it
        with postgres.running(Path(home) / "data") as bundled:
            new_database(bundled.plain("postgres"), "bench")
            migrations.upgrade(bundled.dsn("bench"))
            asyncio.run(lift(bundled.plain("bench")))
            asyncio.run(install(bundled.dsn("bench")))
            found = asyncio.run(measure(bundled.dsn("bench"), bundled.plain("bench"), options.advances))
    for name, figure in found.items():
        print(f"{name:40}{figure:>9.2f}{'' if 'ratio' in name else ' ms'}")


if __name__ == "__main__":
    main()
