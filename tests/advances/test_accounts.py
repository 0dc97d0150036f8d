"""The account of an advance under acts in any order and at once: no cent is lost, and the past stays as known."""

import asyncio
import random
from datetime import date, datetime, time
from typing import Any

import pytest

from app.core import clock
from tests.advances.accounts import PARTS, Books
from tests.world import World, ok, problem

ANY = {"If-Match": "*"}
QUARTERS = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2024-03-31"}
FOUR = 4 * 2500_000


def lines(*amounts: tuple[str, int]) -> dict[str, Any]:
    """Terms of given lines."""
    return {"shape": "custom", "lines": [{"due_on": due_on, "principal_cents": cents} for due_on, cents in amounts]}


async def stands(books: Books, advance: str, on: str) -> tuple[list[int], int, int, int, int]:
    """What is left by due day, outstanding, late, the days past due, and overpaid."""
    found = ok(await books.treasurer.get(f"advances/{advance}/statement", params={"as_of": on}))
    left: dict[str, int] = {}
    for line in found["lines"]:
        left[line["due_on"]] = left.get(line["due_on"], 0) + line["left_cents"]
    return (
        list(left.values()), found["outstanding_cents"], found["late_cents"], found["days_past_due"],
        found["overpaid_cents"],
    )  # fmt: skip


async def test_a_backdated_repayment_and_a_rejected_debit_replay_what_came_after(world: World) -> None:
    """The story of the domain's replays: D comes in late, A is sent back, E is too much."""
    books = await Books.of(world, 100_000_00)
    advance = await books.advance(FOUR, QUARTERS)
    made: dict[str, str] = {}
    for name, cents, day in (
        ("A", 2500_000, "2024-03-31"),
        ("B", 2000_000, "2024-07-05"),
        ("C", 4000_000, "2024-09-20"),
    ):
        made[name] = ok(await books.repay(advance, cents, received_on=day), 201)["id"]
    assert await stands(books, advance, "2024-09-21") == ([0, 0, 0, 1500_000], 1500_000, 0, 0, 0)
    ok(await books.repay(advance, 500_000, received_on="2024-09-19", value_on="2024-06-30"), 201)
    assert await stands(books, advance, "2024-09-21") == ([0, 0, 0, 1000_000], 1000_000, 0, 0, 0)
    assert (await stands(books, advance, "2024-07-04"))[2:4] == (2000_000, 4)
    bounce = {"bounced_on": "2024-04-03", "reason": "AM04", "bank_reference": "B-1"}
    ok(await books.treasurer.post(f"advances/{advance}/repayments/{made['A']}/bounce", bounce, headers=ANY))
    assert await stands(books, advance, "2024-09-21") == ([0, 0, 1000_000, 2500_000], 3500_000, 0, 0, 0)
    ok(await books.repay(advance, 5000_000, received_on="2024-12-31"), 201)
    assert await stands(books, advance, "2025-01-01") == ([0, 0, 0, 0], 0, 0, 0, 1500_000)
    assert ok(await books.treasurer.get(f"advances/{advance}"))["settled_as"] == "repaid"
    await books.agree()


@pytest.mark.parametrize(
    ("rule", "terms", "cents", "left"),
    [
        ("spread", lines(("2024-10-01", 333334), ("2024-11-01", 333333), ("2024-12-01", 333333)), 100_000,
         [300_000, 300_000, 300_000]),
        ("spread", lines(("2024-10-01", 100), ("2024-11-01", 1000), ("2024-12-01", 1000)), 1500, [0, 300, 300]),
        ("last", lines(("2024-10-01", 333334), ("2024-11-01", 333333), ("2024-12-01", 333333)), 500_000,
         [333_334, 166_666, 0]),
        ("next", lines(("2024-10-01", 333334), ("2024-11-01", 333333), ("2024-12-01", 333333)), 500_000,
         [0, 166_667, 333_333]),
    ],
)  # fmt: skip
async def test_early_money_settles_lines_by_the_rule_of_the_agreement(
    world: World, rule: str, terms: dict[str, Any], cents: int, left: list[int]
) -> None:
    books = await Books.of(world, 100_000_00)
    whole = sum(line["principal_cents"] for line in terms["lines"])
    advance = await books.advance(whole, {**terms, "allocation_rule": rule})
    ok(await books.repay(advance, cents, received_on="2024-09-15"), 201)
    assert (await stands(books, advance, "2024-09-16"))[:2] == (left, whole - cents)


async def test_with_interest_early_money_makes_a_version_and_both_can_be_compared(world: World) -> None:
    """Domain §10.8: in mid period interest runs on both balances."""
    books = await Books.of(world, 200_000_00)
    terms = {
        "instalments": 12, "frequency": "quarterly", "annual_rate_bp": 300, "day_count": "act_365",
        "first_due_on": "2025-03-31", "allocation_rule": "spread",
    }  # fmt: skip
    advance = await books.advance(120_000_00, terms, paid_on="2024-12-31")
    for day in ("2025-03-31", "2025-06-30"):
        ok(await books.repay(advance, await due(books, advance, day), received_on=day), 201)
    ok(await books.repay(advance, 30_000_00, received_on="2025-08-15"), 201)
    path = f"advances/{advance}/schedule"
    now = ok(await books.treasurer.get(path))
    assert (now["version"], now["cause"], now["from_on"]) == (2, "early_repayment", "2025-08-15")
    opened = [(line["principal_cents"], line["interest_cents"]) for line in now["lines"] if not line["kept"]]
    assert opened[0] == (700_000, 64_274)
    assert [interest for _, interest in opened[1:5]] == [47_638, 41_425, 36_649, 31_759]
    first = ok(await books.treasurer.get(path, params={"version": 1}))
    assert (first["version"], first["outstanding_cents"], len(first["lines"])) == (1, 120_000_00, 12)
    assert ok(await books.treasurer.get(path, params={"as_of": "2025-08-14"}))["version"] == 1
    problem(await books.treasurer.get(path, params={"version": 3}), 404, "not-found")
    csv = (await books.treasurer.get(path, params={"format": "csv"})).text.splitlines()
    assert len(csv) == 1 + len(now["lines"])
    statement = (await books.treasurer.get(f"advances/{advance}/statement", params={"format": "csv"})).text
    assert statement.splitlines()[0].startswith("number,due_on,opening_eur")
    paper = await books.treasurer.get(f"advances/{advance}/statement", params={"format": "pdf"})
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    await books.agree()


async def due(books: Books, advance: str, day: str) -> int:
    """What falls due on a day."""
    found = ok(await books.treasurer.get(f"advances/{advance}/statement", params={"as_of": day}))
    assert found["next_due_on"] == day
    return int(found["next_due_cents"])


def noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(12), clock.PARIS)


async def test_what_was_known_on_a_past_day_does_not_change(frozen: Any) -> None:
    """Each day has its act; afterwards every day tells what it told then."""
    async with frozen.at(noon("2027-01-04")):
        books = await Books.of(await frozen.world(), 100_000_00)
        advance = await books.advance(FOUR, {**QUARTERS, "first_due_on": "2027-03-31"}, paid_on="2027-01-04")
        path = f"advances/{advance}"
    made: list[str] = []

    async def receive(cents: int, day: str) -> None:
        made.append(ok(await books.repay(advance, cents, received_on=day), 201)["id"])

    async def bounce(place: int, day: str) -> None:
        body = {"bounced_on": day, "reason": "AM04", "bank_reference": f"B-{place}"}
        ok(await books.treasurer.post(f"{path}/repayments/{made[place]}/bounce", body, headers=ANY))

    acts: list[tuple[str, Any]] = [
        ("2027-04-02", lambda: receive(2500_000, "2027-03-31")),
        ("2027-05-10", lambda: receive(8000_000, "2027-05-10")),
        ("2027-05-20", lambda: receive(400_000, "2027-04-20")),
        ("2027-06-01", lambda: bounce(0, "2027-06-01")),
        ("2027-06-10", lambda: books.reverse(advance, made[1])),
    ]
    told: dict[str, tuple[Any, Any]] = {}

    async def asked(**times: str) -> tuple[Any, Any]:
        found = [ok(await books.treasurer.get(f"{path}/{what}", params=times)) for what in ("statement", "schedule")]
        return tuple({**each, "recorded_as_of": None} for each in found)  # type: ignore[return-value]

    for day, act in acts:
        async with frozen.at(noon(day)):
            await act()
            told[day] = await asked(as_of="2027-12-31")
    async with frozen.at(noon("2027-07-01")):
        for day, known in told.items():
            assert await asked(as_of="2027-12-31", recorded_as_of=day) == known, day
        assert len({repr(known) for known in told.values()}) == len(told)
        await books.agree()


async def test_parallel_acts_over_real_connections_lose_no_cent(world: World) -> None:
    """Repayments, reversals, a bounce, a tranche and a refund at once: the sums are those of what stands."""
    books = await Books.of(world, 1_000_000_00)
    terms = {**QUARTERS, "first_due_on": "2024-12-31"}
    advance = str(ok(await books.acts.advance(1000, terms=terms), 201)["id"])
    ok(await books.acts.tranche(advance, 600, paid_on="2024-01-10"), 201)
    other = await books.advance(1000, terms)
    old = [ok(await books.repay(advance, 20, received_on="2024-02-01"), 201)["id"] for _ in range(6)]
    shares = [{"advance_id": each, "amount_cents": 15} for each in (advance, other)]
    both = [ok(await books.receipt(30, received_on="2024-02-02", assignments=shares), 201)["id"] for _ in range(4)]
    bounce = {"bounced_on": "2024-03-01", "reason": "AM04", "bank_reference": "B"}
    acts = [
        *(books.repay(advance, 70, received_on=f"2024-03-{day:02}") for day in range(1, 11)),
        *(books.reverse(advance, each) for each in old[:4]),
        *(books.treasurer.post(f"receipts/{each}/bounce", bounce, headers=ANY) for each in both[:2]),
        *(books.treasurer.post(f"receipts/{each}/reverse", {"reason": "No."}, headers=ANY) for each in both[1:3]),
        books.acts.tranche(advance, 300, paid_on="2024-02-20"),
    ]
    random.Random(17).shuffle(acts)
    answers = await asyncio.gather(*acts)
    assert {answer.status_code for answer in answers} <= {200, 201, 409, 503}
    for path in (advance, other):
        found = ok(await books.treasurer.get(f"advances/{path}"))
        repaid = ok(await books.treasurer.get(f"advances/{path}/repayments", params={"limit": 500}))["items"]
        standing = [each for each in repaid if each["status"] == "recorded"]
        for each in standing:
            assert each["amount_cents"] == sum(each[part] for part in PARTS)
        assert found["repaid_cents"] == sum(each["principal_cents"] for each in standing)
        assert found["repaid_cents"] + found["outstanding_cents"] == found["disbursed_cents"]
        received = sum(each["amount_cents"] for each in standing)
        assert found["repaid_cents"] == min(received, found["disbursed_cents"])
    await books.agree()


async def test_reversing_everything_returns_to_the_start(world: World) -> None:
    books = await Books.of(world, 100_000_00)
    advance = await books.advance(1000, QUARTERS)
    start = await stands(books, advance, "2025-12-31")
    whole = await books.acts.envelope()
    made = [
        ok(await books.repay(advance, cents, received_on=day), 201)["id"]
        for cents, day in ((100, "2024-05-01"), (900, "2024-03-01"), (400, "2024-04-01"), (50, "2024-01-05"))
    ]
    for each in random.Random(3).sample(made, 4):
        ok(await books.reverse(advance, each))
        await books.agree()
    assert await stands(books, advance, "2025-12-31") == start
    assert await books.acts.envelope() == whole
