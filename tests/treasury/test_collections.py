"""Mandates, and instalments that are collected by them: once, in a file that is told to who collects alone."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import asyncpg
import pytest

from app.core import clock
from app.core.values import iban_from
from app.treasury.runs import pain
from tests.advances.accounts import Books
from tests.contract.cures import key, subject
from tests.envelopes.acts import Acts
from tests.envelopes.test_limits import figures
from tests.integrations.imports.files import carry_out
from tests.treasury.collecting import ANY, IDENTIFIER, LINES, NAMESPACE, SOON, TODAY, Collecting
from tests.treasury.statements import Entry, statement
from tests.world import World, ok, problem


async def test_a_mandate_is_recorded_as_signed_and_ends_once(world: World) -> None:
    c = await Collecting.of(world, mandate=False)
    made = ok(await c.sign(reference="RUM-1"), 201)
    told = [made[name] for name in ("siren", "reference", "usable", "ended_on", "organisation_name")]
    assert told == [c.books.acts.firm, "RUM-1", True, None, f"office of {world.territory}"]
    assert "••••" in made["iban"]
    problem(await c.sign(), 409, "mandate-open")
    path = f"{c.mandates}/{made['id']}"
    early = problem(await c.treasurer.post(f"{path}/end", {"ended_on": "2024-01-01"}, headers=ANY), 422,
                    "validation-failed")  # fmt: skip
    assert [(each["pointer"], each["code"]) for each in early["errors"]] == [("/ended_on", "ended_before_signed")]
    ended = ok(await c.treasurer.post(f"{path}/end", {"ended_on": "2024-02-01"}, headers=ANY))
    assert (ended["ended_on"], ended["usable"], ended["version"]) == ("2024-02-01", False, 2)
    again = await c.treasurer.post(f"{path}/end", {"ended_on": "2024-03-01"}, headers=ANY)
    problem(again, 409, "mandate-already-ended")
    problem(await c.sign(reference="RUM-1"), 409, "already-exists")
    for bad in ("RUM 1", "R" * 36, "Réf"):
        assert problem(await c.sign(reference=bad), 422, "validation-failed")["errors"][0]["pointer"] == "/reference"
    nowhere = await c.sign(bank_details_id="019a9f5e-0000-7000-8000-000000000000")
    assert problem(nowhere, 404, "reference-not-found")["errors"][0]["pointer"] == "/bank_details_id"
    other = ok(await c.sign(), 201)
    assert [each["id"] for each in ok(await c.treasurer.get(f"{c.mandates}?ended=false"))["items"]] == [other["id"]]
    # Other bank details are another account: the mandate is of the old one.
    fresh = str(await c.books.acts.payee(1 + secrets.randbelow(99_999_999)))
    assert ok(await c.treasurer.get(f"{c.mandates}/{other['id']}"))["usable"] is False
    ok(await c.treasurer.post(f"{c.mandates}/{other['id']}/end", {"ended_on": TODAY}, headers=ANY))
    territory = world.clients["territory"]
    number = {"iban": iban_from(1 + secrets.randbelow(99_999_999)), "holder_name": "Firm"}
    proposed = ok(await territory.post(f"firms/{c.books.acts.firm}/bank-details", number), 201)["id"]
    problem(await c.sign(bank_details_id=proposed), 409, "mandate-account-unusable")
    ok(await c.sign(bank_details_id=fresh), 201)
    problem(await c.sign(by=world.funder), 403, "forbidden")


async def test_a_run_collects_what_is_due_once_in_a_file_of_its_format(world: World) -> None:
    c = await Collecting.of(world)
    advance = await c.books.advance(4_000, LINES)
    ok(await c.books.repay(advance, 300, received_on="2024-02-01"), 201)
    dry = ok(await c.make(dry=True))
    assert (dry["debits"], dry["total_cents"]) == (2, 1_700)
    run = await c.made()
    lines = await c.lines(run)
    told = [(each["due_on"], each["amount_cents"], each["outcome"]) for each in lines]
    assert told == [("2024-03-31", 700, "sent"), ("2024-06-30", 1_000, "sent")]
    problem(await c.make(), 409, "nothing-to-collect")
    assert [each["due_on"] for each in await c.lines(await c.made(due_to_on="2024-09-30"))] == ["2024-09-30"]
    answer = await c.file(run)
    assert answer.headers["content-type"] == "application/xml"
    pain.check(answer.content, pain.DEBIT_FORMAT)
    root = ET.fromstring(answer.content)

    def texts(path: str) -> list[str | None]:
        return [each.text for each in root.findall(f"*/PmtInf/{path}", NAMESPACE)]

    assert texts("DrctDbtTxInf/InstdAmt") == ["7.00", "10.00"]
    assert texts("DrctDbtTxInf/PmtId/EndToEndId") == [each["id"].replace("-", "") for each in lines]
    assert texts("DrctDbtTxInf/DbtrAcct/Id/IBAN") == [c.payer] * 2
    assert (texts("CdtrAcct/Id/IBAN"), texts("BtchBookg"), texts("ReqdColltnDt")) == ([c.iban], ["false"], [SOON])
    assert (await c.file(run)).content == answer.content, "written again to the byte"
    shown = ok(await c.treasurer.get(f"collection-runs/{run}"))
    assert (shown["status"], shown["creditor_identifier"]) == ("handed_over", IDENTIFIER)
    assert problem(await c.treasurer.post(f"collection-runs/{run}/cancel", {"reason": "Late."}, headers=ANY), 409,
                   "collection-run-transition")["current"] == "handed_over"  # fmt: skip
    stranger = await subject(world, "treasurer", home="partner")
    problem(await c.file(run, stranger), 404, "not-found")


async def test_lines_are_collected_returned_and_rejected_one_by_one(world: World, app: Any) -> None:
    c = await Collecting.of(world)
    advance = await c.books.advance(4_000, LINES)
    run = await c.made(due_to_on="2024-09-30")
    first, second, third = await c.lines(run)
    received = {"received_on": TODAY, "reference": "PRLV-1"}
    assert problem(await c.act(first, "record", **received), 409, "debit-over")["run_status"] == "ready"
    await c.hand_over(run)
    path = f"collection-runs/{run}/lines/{first['id']}"
    seen = {"If-Match": (await c.treasurer.get(path)).headers["etag"]}
    line = ok(await c.act(first, "record", **received))
    # Who has not seen what the bank made of the line cannot say that it came back.
    back = {"returned_on": TODAY, "reason_code": "AM04", "bank_reference": "R-1"}
    problem(await c.treasurer.post(f"{path}/return", back, headers=key() | seen), 412, "stale-version")
    assert (line["outcome"], line["receipt_reference"]) == ("collected", "PRLV-1")
    problem(await c.act(first, "record", **received), 409, "debit-over")
    problem(await c.act(second, "record", **received), 409, "already-exists")
    ok(await c.act(second, "record", received_on=TODAY, reference="PRLV-2"))
    assert await c.outstanding(advance) == 2_000
    bounced = ok(await c.act(first, "return", **back))
    assert (bounced["outcome"], bounced["rejection_reason"]) == ("bounced", "AM04")
    problem(await c.act(first, "return", **back), 409, "already-bounced")
    rejected = ok(await c.act(third, "return", **back))
    assert (rejected["outcome"], rejected["rejected_on"], rejected["receipt_id"]) == ("rejected", TODAY, None)
    problem(await c.act(third, "return", **back), 409, "debit-over")
    assert (await c.outstanding(advance), figures(await c.books.acts.envelope())["repaid"]) == (3_000, 1_000)
    shown = ok(await c.treasurer.get(f"collection-runs/{run}"))
    sums = [shown[name] for name in ("collected_debits", "collected_cents", "returned_debits", "returned_cents")]
    assert sums == [1, 1_000, 2, 2_000]
    # What came back is due again, and the next run takes it.
    again = await c.lines(await c.made(due_to_on="2024-09-30"))
    assert sum(each["amount_cents"] for each in again) == 2_000
    await c.books.agree()
    assert await world.differences(app.state["engine"]) == []


async def test_a_statement_tells_what_was_collected_and_what_came_back(world: World) -> None:
    c = await Collecting.of(world)
    advance = await c.books.advance(4_000, LINES)
    run = await c.made(due_to_on="2024-09-30")
    await c.hand_over(run)
    ids = [each["id"].replace("-", "") for each in await c.lines(run)]
    entries = [
        *(Entry(1_000, f"BQ-{n}", end_to_end=id_, family="RDDT", on=TODAY) for n, id_ in enumerate(ids[:2])),
        Entry(1_000, "BQ-R", end_to_end=ids[0], direction="DBIT", returned="MD06", family="RDDT", on=TODAY),
        Entry(1_000, "BQ-N", end_to_end=ids[2], direction="DBIT", returned="AC04", family="RDDT", on=TODAY),
    ]

    async def sent() -> tuple[Any, ...]:
        ended = await carry_out(c.treasurer, "imports?kind=bank_statements", statement(*entries, iban=c.iban))
        return tuple(ended[name] for name in ("status", "rows_created", "rows_updated", "rows_unchanged"))

    assert await sent() == ("succeeded", 2, 2, 0)
    told = [(each["outcome"], each["rejection_reason"], each["receipt_reference"]) for each in await c.lines(run)]
    assert told == [("bounced", "MD06", "BQ-0"), ("collected", None, "BQ-1"), ("rejected", "AC04", None)]
    assert await c.outstanding(advance) == 3_000
    assert await sent() == ("succeeded", 0, 0, 4)
    assert await c.outstanding(advance) == 3_000
    await c.books.agree()


async def test_an_import_holds_every_advance_before_it_holds_money(world: World) -> None:
    """What a line brought in repays another advance now. Its return waits for that one, and holds no account meanwhile:
    whoever has it locked can still reach the accounts.
    """
    c = await Collecting.of(world)
    first = await c.books.advance(4_000, LINES)
    other = await Books(Acts(world, await world.followed_firm(), numbers=1_000)).advance(8_000, LINES)
    run = await c.made(due_to_on="2024-03-31")
    await c.hand_over(run)
    line = next(each for each in await c.lines(run) if each["advance_id"] == first)
    ok(await c.act(line, "record", received_on=TODAY, reference="PRLV-1"))
    receipt = next(each["receipt_id"] for each in await c.lines(run) if each["receipt_id"])
    path = f"receipts/{receipt}"
    [repayment] = ok(await c.treasurer.get(f"advances/{first}/repayments"))["items"]
    moved = {"repayment_id": repayment["id"], "reason": "Of the other advance."}
    ok(await c.treasurer.post(f"{path}/unassign", moved, headers=ANY))
    shares = {"assignments": [{"advance_id": other, "amount_cents": 1_000}]}
    ok(await c.treasurer.post(f"{path}/assign", shares, headers=ANY))
    decision = ok(await c.treasurer.get(f"advances/{first}"))["decision_reference"]
    file = statement(
        Entry(300, "BQ-1", f"Decision {decision}", siren=c.books.acts.firm, on=TODAY),
        Entry(1_000, "BQ-R", end_to_end=line["id"].replace("-", ""), direction="DBIT", returned="MD06", on=TODAY),
        iban=c.iban,
    )  # fmt: skip
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT FROM advances WHERE id = $1 FOR UPDATE", other)
        importing = asyncio.ensure_future(carry_out(c.treasurer, "imports?kind=bank_statements", file))
        await until_it_waits(world, importing)
        await connection.execute("SELECT FROM account_balances WHERE territory = $1 FOR UPDATE NOWAIT", world.territory)
        await transaction.rollback()
    ended = await importing
    assert [ended[name] for name in ("status", "rows_created", "rows_updated")] == ["succeeded", 1, 1]
    assert (await c.outstanding(first), await c.outstanding(other)) == (3_700, 8_000)
    await c.books.agree()


async def until_it_waits(world: World, task: asyncio.Future[Any]) -> None:
    look = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(2000):
        if await world.pool.fetchval(look):
            return
        assert not task.done(), f"it does not wait: {task.result()}"
        await asyncio.sleep(0.001)
    raise AssertionError("it neither ends nor waits")


async def test_what_cannot_be_collected_is_told(world: World) -> None:
    c = await Collecting.of(world, mandate=False)
    advance = await c.books.advance(4_000, LINES)
    without = await world.bank_account(approved=True)
    problem(await c.make(account_id=without), 409, "creditor-identifier-missing")
    problem(await c.make(), 409, "nothing-to-collect")
    mandate = ok(await c.sign(), 201)["id"]
    yesterday = (clock.today() - timedelta(days=1)).isoformat()
    wrong: tuple[tuple[dict[str, Any], tuple[str, str]], ...] = (
        ({"collection_on": yesterday}, ("/collection_on", "past_day")),
        ({"due_to_on": "2199-12-31"}, ("", "due_after_collection")),
    )
    for body, told in wrong:
        [error] = problem(await c.make(**body), 422, "validation-failed")["errors"]
        assert (error["pointer"], error["code"]) == told
    run = await c.made()
    cancelled = ok(await c.treasurer.post(f"collection-runs/{run}/cancel", {"reason": "Too early."}, headers=ANY))
    assert cancelled["status"] == "cancelled"
    problem(await c.file(run), 409, "collection-run-transition")
    run = await c.made()
    ok(await c.treasurer.post(f"{c.mandates}/{mandate}/end", {"ended_on": TODAY}, headers=ANY))
    problem(await c.file(run), 409, "collection-run-outdated")
    problem(await c.make(due_to_on="2024-09-30"), 409, "nothing-to-collect")
    both = await subject(world, "funder", "treasurer")
    ok(await c.sign(), 201)
    own = ok(await both.post("advances", c.books.acts.award(400, terms=LINES), headers=key()), 201)["id"]
    ok(await c.books.acts.tranche(own, 400), 201)
    problem(await c.make(both, due_to_on="2024-03-31"), 403, "decider-receives")
    assert await c.outstanding(advance) == 4_000


@pytest.mark.parametrize(
    ("statement_", "constraint"),
    [
        ("UPDATE collection_runs SET total_cents = 1 WHERE id = $1", "collection_run_transition"),
        ("UPDATE collection_run_lines SET amount_cents = 1 WHERE run_id = $1", "collection_run_line_transition"),
        (("UPDATE collection_run_lines SET receipt_id = (SELECT id FROM receipts WHERE amount_cents = 7 LIMIT 1)"
         " WHERE run_id = $1 AND position = 1"), "collection_run_line_transition"),
        ("DELETE FROM collection_run_lines WHERE run_id = $1", "collection_run_lines_append_only"),
        (("INSERT INTO collection_run_lines SELECT (jsonb_populate_record(l, jsonb_build_object('id', uuidv7(),"
         " 'due_on', '2024-01-01', 'position', 2))).* FROM collection_run_lines l WHERE run_id = $1 LIMIT 1"),
         "collection_run_line_differs"),
        (("UPDATE direct_debit_mandates m SET signed_on = '2024-01-01' FROM collection_run_lines l"
         " WHERE l.mandate_id = m.id AND l.run_id = $1"), "direct_debit_mandates_append_only"),
    ],
)  # fmt: skip
async def test_sql_cannot_change_what_is_collected(world: World, statement_: str, constraint: str) -> None:
    c = await Collecting.of(world)
    await c.books.advance(4_000, LINES)
    ok(await c.books.receipt(7), 201)
    run = await c.made(due_to_on="2024-03-31")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await world.pool.execute(statement_, run)
    assert refused.value.constraint_name == constraint
