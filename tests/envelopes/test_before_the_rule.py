"""What the last version wrote is brought over by the migrations, with each kind of what the rules of today refuse."""

import asyncio
from typing import Any

import asyncpg
import pytest
from alembic import command

from app.commands import check
from app.core import migrations
from app.core.db import create_engine
from tests.conftest import plain

LAST = "2026_11_22_1420"  # the newest migration of the version before

CONTRIBUTION, GRANT, REVERSED, RELEASED, HUGE = (f"019a9f5e-0000-7000-8000-00000000000{n}" for n in (1, 2, 5, 6, 7))
ACCOUNTS = (
    "contributor", "available", "grants_committed", "grants_paid", "advances_committed", "advances_paid", "released",
    "repaid",
)  # fmt: skip

# 25 000 € decided in February 2024; an award of 15 000 € dated nine months before it; a payment in March.
POSTED = [
    ("2024-02-01", "available", "contributor", 25_000_00, "contribution", CONTRIBUTION, None),
    ("2023-05-04", "grants_committed", "available", 15_000_00, "award", GRANT, GRANT),
    ("2024-03-01", "grants_paid", "grants_committed", 6_000_00, "payment", "019a9f5e-0000-7000-8000-000000000004",
     GRANT),
]  # fmt: skip


# Awards of the last version: one paid, one reversed, one released unpaid; and one of more than the bound of today.
AWARDER = "019a9f5e-0000-7000-8000-0000000000aa"
AWARDS = [(GRANT, 15_000_00, 0, "paying"), (REVERSED, 70, 70, "cancelled"), (RELEASED, 80, 80, "cancelled"),
          (HUGE, 10**13, 0, "awarded")]  # fmt: skip


async def awards(connection: Any) -> None:
    for number, (key, cents, released, status) in enumerate(AWARDS):
        await connection.execute(
            "INSERT INTO grants (id, territory, firm_siren, project_title, amount_cents, released_cents, decided_on,"
            " decision_reference, status, awarded_by, created_at, updated_at)"
            " VALUES ($1, 'old', '910000017', 'Atelier', $2, $3, '2024-03-01', $4, $5, $6, now(), now())",
            key, cents, released, f"D-{number}", status, AWARDER,
        )  # fmt: skip
    await connection.execute("UPDATE grants SET paid_cents = 600000 WHERE id = $1", GRANT)
    await connection.execute(
        "INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents, debit_balance_cents,"
        " credit_balance_cents, effective_on, recorded_at, act, act_id, award_id, reverses_id)"
        " VALUES"
        " ('old', $1, 'available', 'grants_committed', 70, 0, 0, '2024-04-01', now(), 'award', $2, $2, uuidv7()),"
        " ('old', $1, 'grants_committed', 'available', 70, 0, 0, '2024-04-01', now(), 'award', $2, $2, NULL)",
        CONTRIBUTION, REVERSED,
    )  # fmt: skip


async def fill(url: str) -> None:
    """Rows as the last version left them, without the rows of other domains that they point to but who awarded, and
    where.
    """
    connection = await asyncpg.connect(plain(url))
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "INSERT INTO territories (slug, name, wave_number, lead_siren, epci_sirens, status, created_at, updated_at)"
            " VALUES ('old', 'Old', 1, '910000017', '{910000017}', 'laureate', now(), now())"
        )
        office = await connection.fetchval(
            "INSERT INTO organisations (siren, name, created_at, updated_at)"
            " VALUES ('910000017', 'Office', now(), now()) RETURNING id"
        )
        await connection.execute(
            "INSERT INTO subjects (id, kind, organisation_id, name, email, created_at, updated_at)"
            " VALUES ($1, 'person', $2, 'Decider', 'decider@example.fr', now(), now())",
            AWARDER, office,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO contributions (id, territory, organisation_id, amount_cents, decided_on, reference,"
            " repayment_policy, created_at, updated_at)"
            " VALUES ($1, 'old', uuidv7(), 2500000, '2024-02-01', 'C-1', 'recycle', now(), now())",
            CONTRIBUTION,
        )
        balances = dict.fromkeys(ACCOUNTS, 0)
        for day, debit, credit, cents, act, act_id, award_id in POSTED:
            balances[debit] += cents
            balances[credit] += cents if credit == "contributor" else -cents
            await connection.execute(
                "INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents,"
                " debit_balance_cents, credit_balance_cents, effective_on, recorded_at, act, act_id, award_id)"
                " VALUES ('old', $1, $2, $3, $4, $5, $6, $7::text::date, now(), $8, $9, $10)",
                CONTRIBUTION, debit, credit, cents, balances[debit], balances[credit], day, act, act_id, award_id,
            )  # fmt: skip
        await awards(connection)
        await connection.executemany(
            "INSERT INTO account_balances VALUES ('old', $1, $2, $3)",
            [(CONTRIBUTION, account, cents) for account, cents in balances.items()],
        )
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def old(new_database: Any) -> str:
    url: str = new_database("old_money", migrated=False)
    command.upgrade(migrations.config(url), LAST)
    asyncio.run(fill(url))
    migrations.upgrade(url)
    return url


def fetch(url: str, query: str, *arguments: Any) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(plain(url))
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    return asyncio.run(run())


def test_every_day_of_the_ledger_has_its_closing_and_what_was_below_zero_its_allowance(old: str) -> None:
    found = fetch(
        old, "SELECT day::text, closing_cents, allowance_cents FROM account_days WHERE account = 'available' ORDER BY 1"
    )
    assert found == [
        ("2023-05-04", -15_000_00, 15_000_00), ("2024-02-01", 10_000_00, 0), ("2024-04-01", 10_000_00, 0),
    ]  # fmt: skip


def post(day: str, debit: str, credit: str, cents: int) -> str:
    return (
        "INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents, debit_balance_cents,"
        " credit_balance_cents, effective_on, recorded_at, act, act_id)"
        f" VALUES ('old', '{CONTRIBUTION}', '{debit}', '{credit}', {cents}, 0, 0, '{day}', now(), 'award', uuidv7())"
    )


@pytest.mark.parametrize(
    ("day", "constraint"),
    [("2023-05-04", "envelope_exhausted"), ("2023-06-01", "envelope_exhausted"), ("2024-02-01", "")],
)
def test_an_allowance_is_used_up_by_what_stands_and_covers_no_cent_more(old: str, day: str, constraint: str) -> None:
    async def run() -> str:
        connection = await asyncpg.connect(plain(old))
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(post(day, "grants_committed", "available", 1))
        except asyncpg.CheckViolationError as error:
            return str(error.constraint_name)
        finally:
            await transaction.rollback()
            await connection.close()
        return ""

    assert asyncio.run(run()) == constraint


def test_the_check_lists_it_as_before_the_rule_and_finds_no_difference_of_money(old: str) -> None:
    async def run() -> tuple[list[Any], list[Any]]:
        engine = create_engine(old, pool_size=1)
        try:
            _, differing = await check.differences(engine)
            return differing, await check.before_the_rule(engine)
        finally:
            await engine.dispose()

    differing, standing = asyncio.run(run())
    assert [each for each in differing if "account" in each.balance] == []
    key = f"old {CONTRIBUTION} available 2023-05-04"
    assert [each for each in standing if "of an order" not in each.rule] == [
        check.BeforeTheRule("an account below zero on a day", key, "-1500000"),
        check.BeforeTheRule("an amount above the bound of one act or line", f"grants {HUGE}", str(10**13)),
        *(
            check.BeforeTheRule("cents awarded to a firm that the territory does not follow", f"old grant {id_}", cents)
            for id_, cents in ((GRANT, "1500000"), (HUGE, str(10**13)))
        ),
    ]


def test_what_the_ledger_says_was_reversed_is_so_called_and_what_was_released_is_not(old: str) -> None:
    found = fetch(old, "SELECT id::text, status, released_cents, version FROM grants ORDER BY 1")
    assert found == [
        (GRANT, "paying", 0, 1), (REVERSED, "reversed", 0, 2), (RELEASED, "cancelled", 80, 1), (HUGE, "awarded", 0, 1),
    ]  # fmt: skip


def test_the_bound_of_amounts_holds_for_new_rows_beside_one_that_is_above_it(old: str) -> None:
    held = dict(fetch(old, "SELECT conname, convalidated FROM pg_constraint WHERE conname LIKE '%_amount'"))
    assert (held["grant_amount"], held["advance_amount"], held["project_cost_amount"]) == (False, True, True)
    names = "indexrelid::regclass::text"
    found = fetch(old, f"SELECT {names} FROM pg_index WHERE indisunique AND indrelid = 'grants'::regclass ORDER BY 1")
    assert ("grants_decision_reference_key",) in found
