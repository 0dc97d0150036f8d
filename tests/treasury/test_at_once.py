"""Acts of several persons on one advance at the same moment, over connections of their own: each cent counts once."""

import asyncio
from typing import Any

import httpx2

from tests.advances.arrears import Late
from tests.contract.cures import subject
from tests.envelopes.acts import key
from tests.integrations.imports.files import carry_out
from tests.treasury.collecting import ANY, LINES, TODAY, Collecting
from tests.treasury.statements import Entry
from tests.treasury.test_statements import PATH, Bank
from tests.world import World, ok


def codes(*answers: httpx2.Response) -> list[tuple[int, str]]:
    """The status of each answer, and the problem where it is one."""
    return sorted((answer.status_code, str(answer.json().get("type")).rpartition("/")[2]) for answer in answers)


async def test_two_persons_accelerate_an_advance_and_one_does(world: World) -> None:
    late = await Late.of(world)
    ok(await late.notice(), 201)
    body = {"reason": "Notice without effect.", "accelerated_on": "2025-06-01"}
    people = [await subject(world, "funder") for _ in range(4)]
    path = f"advances/{late.advance}/accelerate"
    answers = await asyncio.gather(*(each.post(path, body, headers=key() | ANY) for each in people))
    assert codes(*answers) == [(201, "None"), *[(409, "already-accelerated")] * 3]
    assert len((await late.read("/accelerations"))["items"]) == 1
    assert (await late.causes()).count("acceleration") == 1
    assert sum(cents for _, cents in await late.left("2025-06-01")) == (await late.read())["outstanding_cents"]


async def test_two_persons_import_one_statement_and_each_entry_counts_once(world: World) -> None:
    bank = await Bank.of(world)
    books = bank.books
    advances = [await bank.advance(4_000, f"2024-AVR-{number}") for number in range(3)]
    entries = [
        Entry(100, f"{number}/{place}", f"Remb. 2024-AVR-{number}", on=f"2024-0{place + 1}-15")
        for place in range(4) for number in range(3)
    ]  # fmt: skip
    people = [books.treasurer, *[await books.other() for _ in range(2)]]
    ended = await asyncio.gather(*(carry_out(each, PATH, bank.file(*entries)) for each in people))
    told = sorted((each["status"], each["rows_created"], each["rows_unchanged"]) for each in ended)
    assert told == [("succeeded", 0, 12), ("succeeded", 0, 12), ("succeeded", 12, 0)]
    assert len(await bank.receipts()) == 12
    for advance in advances:
        assert ok(await books.treasurer.get(f"advances/{advance}"))["repaid_cents"] == 400
    await books.agree()


async def test_an_import_comes_beside_the_same_entry_by_hand_and_its_assignment(world: World) -> None:
    """Whoever comes first writes the entry down; the other is told so, or finds it there."""
    bank = await Bank.of(world)
    books = bank.books
    first, second = [await bank.advance(4_000, f"2024-AVR-{number}") for number in range(2)]
    account = str(await world.pool.fetchval("SELECT id FROM organisation_bank_accounts ORDER BY id DESC LIMIT 1"))
    for round_ in range(4):
        waiting = f"{round_}/waits"
        ok(await books.receipt(70, reference=waiting, account_id=account, received_on="2024-02-01"), 201)
        receipt = (await bank.receipts())[waiting]
        new = [Entry(50, f"{round_}/{name}", f"Remb. 2024-AVR-{name}", on="2024-02-01") for name in (0, 1)]
        assigned = {"assignments": [{"advance_id": second, "amount_cents": 70}]}
        by_hand = {"advance_id": first, "amount_cents": 50}
        file = bank.file(Entry(70, waiting, on="2024-02-01"), *new, name=str(round_))
        ended, assignment, entered = await asyncio.gather(
            carry_out(await books.other(), PATH, file),
            books.treasurer.post(f"receipts/{receipt['id']}/assign", assigned, headers=key() | ANY),
            books.receipt(
                50, reference=f"{round_}/0", account_id=account, received_on="2024-02-01", assignments=[by_hand]
            ),
        )
        ok(assignment)
        assert codes(entered)[0] in {(201, "None"), (409, "already-exists")}
        created = 1 if entered.status_code == 201 else 2
        assert (ended["status"], ended["rows_created"], ended["rows_unchanged"]) == ("succeeded", created, 3 - created)
        standing = await bank.receipts()
        assert sorted(name for name in standing if name.startswith(f"{round_}/")) == [
            f"{round_}/0", f"{round_}/1", waiting,
        ]  # fmt: skip
    repaid = [ok(await books.treasurer.get(f"advances/{each}"))["repaid_cents"] for each in (first, second)]
    assert repaid == [4 * 50, 4 * (70 + 50)]
    await books.agree()


async def test_collection_runs_come_beside_repayments_by_hand(world: World) -> None:
    """A line is collected by one run alone, and money by hand beside it is repaid or overpaid, never lost."""
    c = await Collecting.of(world)
    books = c.books
    people = [await books.other() for _ in range(3)]
    advances = [await books.advance(4_000, LINES) for _ in range(2)]
    answers = await asyncio.gather(
        *(c.make(each, due_to_on="2024-03-31") for each in people),
        *(books.repay(advance, 300, received_on="2024-02-01") for advance in advances),
    )
    runs, repaid = answers[:3], answers[3:]
    assert [answer.status_code for answer in repaid] == [201, 201]
    assert codes(*runs) == [(201, "None"), *[(409, "nothing-to-collect")] * 2]
    [run] = [ok(answer, 201) for answer in runs if answer.status_code == 201]
    lines = await c.lines(run["id"])
    assert {line["advance_id"] for line in lines} == set(advances)
    assert {line["amount_cents"] for line in lines} <= {700, 1_000}, "as the account stood before or after"
    assert run["total_cents"] == sum(line["amount_cents"] for line in lines)
    await c.hand_over(run["id"])
    collected = await asyncio.gather(
        *(
            act
            for place, line in enumerate(lines)
            for act in (
                c.act(line, "record", received_on=TODAY, reference=f"PRLV-{place}"),
                c.act(line, "record", received_on=TODAY, reference=f"AGAIN-{place}"),
                books.repay(line["advance_id"], 3_500, received_on=TODAY),
            )
        )
    )
    assert codes(*(collected[place] for place in (0, 1, 3, 4))) == [(200, "None")] * 2 + [(409, "debit-over")] * 2
    for advance, line in zip(advances, sorted(lines, key=lambda line: advances.index(line["advance_id"])), strict=True):
        stand: dict[str, Any] = ok(await books.treasurer.get(f"advances/{advance}/statement"))
        received = 300 + line["amount_cents"] + 3_500
        assert (stand["received_cents"], stand["repaid_cents"], stand["overpaid_cents"]) == (
            received, 4_000, received - 4_000,
        )  # fmt: skip
    await books.agree()
