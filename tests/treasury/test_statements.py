"""Bank statements become receipts: once, all or nothing, and assigned only where it is beyond doubt."""

import secrets
from dataclasses import dataclass
from typing import Any

import pytest

from app.core.values import iban_from
from tests.advances.accounts import Books
from tests.contract.cures import subject
from tests.envelopes.acts import DAY, key
from tests.envelopes.test_limits import figures
from tests.integrations.imports.files import carry_out
from tests.reports.test_to_do import waiting
from tests.treasury.statements import Entry, statement
from tests.world import World, ok, problem

LINES = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2024-03-31"}
PATH = "imports?kind=bank_statements"


@dataclass
class Bank:
    """A treasurer whose account has statements."""

    books: Books
    iban: str

    @classmethod
    async def of(cls, world: World, *contributions: int) -> "Bank":
        number = 1 + secrets.randbelow(99_999_999)
        await world.bank_account(approved=True, number=number)
        return cls(await Books.of(world, *contributions or (100_000_00,)), iban_from(number))

    async def advance(self, cents: int, decision: str = "2024-AVR-001") -> str:
        """An advance of which all is paid out, by a decision of this reference."""
        acts = self.books.acts
        made = str(ok(await acts.advance(cents, terms=LINES, decision_reference=decision), 201)["id"])
        ok(await acts.tranche(made, cents, paid_on=DAY), 201)
        return made

    async def send(self, *entries: Entry, query: str = "", **more: Any) -> dict[str, Any]:
        return await carry_out(self.books.treasurer, PATH + query, self.file(*entries, **more))

    def file(self, *entries: Entry, **more: Any) -> bytes:
        return statement(*entries, **{"iban": self.iban, **more})

    async def receipts(self, **query: str) -> dict[str, dict[str, Any]]:
        items = ok(await self.books.treasurer.get("receipts", params={"limit": "500", **query}))["items"]
        return {each["reference"]: each for each in items}

    async def firm_and_decision(self, advance: str) -> tuple[str, str]:
        read = ok(await self.books.treasurer.get(f"advances/{advance}"))
        return read["siren"], read["decision_reference"]


@pytest.fixture
async def bank(world: World) -> Bank:
    return await Bank.of(world)


def counts(ended: dict[str, Any]) -> tuple[Any, ...]:
    assert ended["rows_written"] == ended["rows_created"] + ended["rows_updated"]
    return tuple(ended[name] for name in ("status", "rows_read", "rows_created", "rows_unchanged"))


async def test_money_repays_the_advance_that_is_beyond_doubt_and_else_waits(bank: Bank) -> None:
    books = bank.books
    advance = await bank.advance(4_000)
    siren, decision = await bank.firm_and_decision(advance)
    entries = [
        Entry(300, "BY-REFERENCE", f"Remb. {decision.lower()} mars", on="2024-02-01"),
        Entry(700, "BY-AMOUNT", "loyer", siren=siren, on="2024-03-31"),  # what is left of the line that is due
        Entry(999, "ANOTHER-AMOUNT", siren=siren, on="2024-04-02"),
        Entry(3_001, "MORE-THAN-OWED", decision, on="2024-04-02"),
        Entry(1_000, "ANOTHER-FIRM", decision, siren="732829320", on="2024-06-30"),
        Entry(1_000, "BEFORE-IT-WAS-PAID", decision, on="2023-01-01"),
        Entry(250, "OUT", direction="DBIT"),
        Entry(5, "PENDING", status="PDNG"),
    ]
    dry = await bank.send(*entries, query="&dry_run=true")
    assert (counts(dry), await bank.receipts()) == (("succeeded", 7, 6, 1), {})
    ended = await bank.send(*entries)
    assert (counts(ended), ended["format"], ended["problems"]) == (("succeeded", 7, 6, 1), "xml", [])
    made = await bank.receipts()
    shares = {name: (each["principal_cents"], each["unassigned_cents"]) for name, each in made.items()}
    assert shares == {
        "BY-REFERENCE": (300, 0), "BY-AMOUNT": (700, 0), "ANOTHER-AMOUNT": (0, 999), "MORE-THAN-OWED": (0, 3_001),
        "ANOTHER-FIRM": (0, 1_000), "BEFORE-IT-WAS-PAID": (0, 1_000),
    }  # fmt: skip
    assert set(await bank.receipts(unassigned="true")) == set(made) - {"BY-REFERENCE", "BY-AMOUNT"}
    by_amount = made["BY-AMOUNT"]
    told = [by_amount[name] for name in ("payer_siren", "method", "received_on", "payer_name")]
    assert told == [siren, "transfer", "2024-03-31", "Forges Alésiennes"]
    assert by_amount["account_id"] is not None
    assert figures(await books.acts.envelope())["repaid"] == 1_000
    assert [each["type"] for each in await books.world.events(by_amount["id"])] == ["receipt.created"]
    await books.agree()
    # The same statement again changes nothing, whatever became of a receipt since; a longer one adds what is new.
    wrong = made["ANOTHER-FIRM"]["id"]
    ok(await books.treasurer.post(f"receipts/{wrong}/reverse", {"reason": "Not ours."}, headers={"If-Match": "*"}))
    assert counts(await bank.send(*entries)) == ("succeeded", 7, 0, 7)
    assert counts(await bank.send(*entries, Entry(7, "NEW"), name="2024-01-B")) == ("succeeded", 8, 1, 7)
    assert len(await bank.receipts()) == 7


async def test_a_payer_is_known_by_its_bank_details_and_two_advances_leave_doubt(bank: Bank) -> None:
    books = bank.books
    advance = await bank.advance(4_000)
    siren, _ = await bank.firm_and_decision(advance)
    number = 1 + secrets.randbelow(99_999_999)
    await books.acts.payee(number)
    await bank.send(Entry(1_000, "ONE", iban=iban_from(number), on="2024-03-31"))
    assert (await bank.receipts())["ONE"]["principal_cents"] == 1_000
    second = await bank.advance(8_000, "2024-AVR-002")
    third = await bank.advance(8_000, "2024-AVR-003")
    await bank.send(Entry(2_000, "TWO", siren=siren, on="2024-03-31"), name="2")
    assert (await bank.receipts())["TWO"]["unassigned_cents"] == 2_000
    for each in (second, third):
        assert ok(await books.treasurer.get(f"advances/{each}"))["outstanding_cents"] == 8_000


async def test_one_fault_refuses_the_file_and_nothing_is_booked(bank: Bank) -> None:
    books = bank.books
    advance = await bank.advance(4_000)
    _, decision = await bank.firm_and_decision(advance)
    good = Entry(300, "GOOD", decision)
    before = figures(await books.acts.envelope())
    table: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        (await bank.send(good, Entry(1, "AHEAD", value_on="2199-01-01")), (2, "value_on", "future_day")),
        (await bank.send(good, Entry(0, "NOTHING")), (2, "amount_cents", "too_small")),
        (await bank.send(good, Entry(1, "GOOD")), (2, "reference", "repeated_line")),
        (await bank.send(good, Entry(1, "B", currency="USD")), (2, "", "wrong_currency")),
        (await bank.send(good, closing=1), (1, "", "statement_sum")),
        (await bank.send(good, iban=iban_from(1)), (1, "account_iban", "unknown_account")),
        (await bank.send(good, before="<!DOCTYPE d>"), (1, "", "statement_with_doctype")),
    ]
    for ended, expected in table:
        assert (ended["status"], [each[:3] for each in ended["problems"]]) == ("refused", [expected])
    assert (await bank.receipts(), figures(await books.acts.envelope())) == ({}, before)


async def test_who_may_import_a_statement_and_what_it_is_read_from(bank: Bank) -> None:
    books = bank.books
    world, file = books.world, statement(Entry(1, "A"), iban=bank.iban)
    sent = {"content": file, "headers": {"Content-Type": "application/xml"}}
    problem(await world.funder.request("POST", PATH, **sent), 403, "forbidden")
    told = problem(await books.treasurer.request("POST", PATH + "&on_error=skip", **sent), 422, "validation-failed")
    assert [(each["pointer"], each["code"]) for each in told["errors"]] == [("on_error", "not_one_of")]
    sheet = {"content": b"reference;amount\nA;1\n", "headers": {"Content-Type": "text/csv"} | key()}
    told = problem(await books.treasurer.request("POST", PATH, **sheet), 422, "unreadable-file")
    assert told["reason"] == "xml_wanted"
    told = problem(
        await world.clients["territory"].request("POST", "imports?kind=projects", **sent), 422, "unreadable-file"
    )
    assert told["reason"] == "table_wanted"


async def test_what_the_sender_awarded_waits_for_another_person(bank: Bank) -> None:
    books = bank.books
    both = await subject(books.world, "funder", "treasurer")
    made = ok(await both.post("advances", books.acts.award(4_000, terms=LINES), headers=key()), 201)
    ok(await books.acts.tranche(made["id"], 4_000), 201)
    file = statement(Entry(300, "OWN", made["decision_reference"]), iban=bank.iban)
    assert counts(await carry_out(both, PATH, file)) == ("succeeded", 1, 1, 0)
    assert (await bank.receipts())["OWN"]["unassigned_cents"] == 300


# --- what the bank sent back ------------------------------------------------------------------------------------------


async def test_a_debit_that_no_run_sent_bounces_its_receipt_or_stands_as_sent_back(bank: Bank, app: Any) -> None:
    books = bank.books
    advance = await bank.advance(4_000)
    siren, _ = await bank.firm_and_decision(advance)
    account = await bank.books.world.pool.fetchval(ACCOUNT, bank.books.world.organisations["office"])
    debit = {"account_id": str(account), "method": "direct_debit", "payer": {"siren": siren, "name": "Forges"}}
    paid = ok(await books.repay(advance, 1_000, received_on="2024-03-31", **debit), 201)
    later = {"direction": "DBIT", "family": "IDDT", "on": "2024-04-10"}
    entries = [
        Entry(1_000, "UNPAID", returned="MD06", siren=siren, **later),
        Entry(777, "LOST", returned="AC04", siren=siren, **later),
        Entry(1_000, "RENT", siren=siren, **later),  # no return: money that goes out
    ]
    ended = await bank.send(*entries)
    assert [ended[name] for name in ("status", "rows_created", "rows_updated", "rows_unchanged")] == [
        "succeeded", 1, 1, 1,
    ]  # fmt: skip
    shown = await bank.receipts()
    told = {name: [each[what] for what in ("status", "reason", "bank_reference")] for name, each in shown.items()}
    by_hand = paid["reference"]
    assert told == {by_hand: ["bounced", "MD06", "UNPAID"], "LOST": ["bounced", "AC04", "LOST"]}
    assert ok(await books.treasurer.get(f"advances/{advance}"))["outstanding_cents"] == 4_000
    assert [each["type"] for each in await books.world.events(shown["LOST"]["id"])] == ["receipt.sent_back"]
    assert set(await bank.receipts(sent_back="true")) == {"LOST"}
    assert (await waiting(books.world, books.treasurer))["receipts_sent_back"]["oldest_on"] == "2024-04-10"
    assert counts(await bank.send(*entries)) == ("succeeded", 3, 0, 3)
    # Of two receipts that it can be, a person says which one came back.
    for _ in range(2):
        ok(await books.repay(advance, 500, received_on="2024-03-31", **debit), 201)
    assert counts(await bank.send(Entry(500, "WHICH", returned="MS03", siren=siren, **later), name="2"))[2] == 1
    assert set(await bank.receipts(sent_back="true")) == {"LOST", "WHICH"}
    for each in (await bank.receipts(sent_back="true")).values():
        said = {"reason": "It is told by its receipt."}
        ok(await books.treasurer.post(f"receipts/{each['id']}/reverse", said, headers={"If-Match": "*"}))
    assert "receipts_sent_back" not in await waiting(books.world, books.treasurer)
    await books.agree()
    assert await books.world.differences(app.state["engine"]) == []


ACCOUNT = "SELECT id FROM organisation_bank_accounts WHERE organisation_id = $1"

# --- an account of several territories --------------------------------------------------------------------------------


async def test_a_shared_account_is_imported_by_each_territory_that_it_serves(bank: Bank, http: Any, pool: Any) -> None:
    other = await World.create(http, pool)
    other.organisations["office"] = bank.books.world.organisations["office"]
    for role in ("funder", "treasurer", "programme"):
        other.clients[role] = await subject(other, role)
    there = Bank(await Books.of(other, 100_000_00), bank.iban)
    here_is, there_is = await bank.advance(4_000), await there.advance(8_000, "2024-AVR-900")
    siren, _ = await there.firm_and_decision(there_is)
    entries = [
        Entry(300, "HERE", "AVR 2024-AVR-001"),
        Entry(400, "THERE", "AVR 2024-AVR-900"),
        Entry(1_234, "ITS-FIRM", siren=siren),
        Entry(99, "NOBODY", "merci"),
        Entry(500, "ITS-RETURN", returned="AC04", siren=siren, direction="DBIT"),
    ]
    assert counts(await bank.send(*entries)) == ("succeeded", 5, 2, 3)
    assert set(await bank.receipts()) == {"HERE", "NOBODY"}
    assert counts(await there.send(*entries)) == ("succeeded", 5, 3, 2)
    assert {name: each["unassigned_cents"] for name, each in (await there.receipts()).items()} == {
        "THERE": 0, "ITS-FIRM": 1_234, "ITS-RETURN": 0,
    }  # fmt: skip
    for at, advance, left in ((bank, here_is, 3_700), (there, there_is, 7_600)):
        assert ok(await at.books.treasurer.get(f"advances/{advance}"))["outstanding_cents"] == left
        assert counts(await at.send(*entries)) == ("succeeded", 5, 0, 5)
    # What nobody's advance named can pass to the other territory, once it is reversed in the first; never in both.
    nobody = (await bank.receipts())["NOBODY"]
    twice = {"amount_cents": 99, "received_on": DAY, "reference": "NOBODY", "account_id": nobody["account_id"]}
    problem(await other.treasurer.post("receipts", twice, headers=key()), 409, "already-exists")
    said = {"reason": "Of the other territory."}
    ok(await bank.books.treasurer.post(f"receipts/{nobody['id']}/reverse", said, headers={"If-Match": "*"}))
    assert counts(await there.send(*entries)) == ("succeeded", 5, 1, 4)
    await bank.books.agree()
    await there.books.agree()
