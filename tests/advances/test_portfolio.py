"""Instalments of a territory, its portfolio, and what the tick tells: one account, read in every way."""

import asyncio
import json
from collections import Counter
from datetime import date, timedelta
from typing import Any

from app.commands.tick import take_judgments, tell_of_advances
from app.core import clock
from app.core.db import session_factory
from tests.advances.accounts import Books
from tests.advances.amending import Amending
from tests.advances.arrears import THIRD, Late
from tests.advances.test_accounts import noon
from tests.envelopes.acts import key
from tests.world import World, ok

MARCH, JUNE, SEPTEMBER = "2025-03-31", "2025-06-30", "2025-09-30"
TODAY = clock.today()
ANY = {"If-Match": "*"}


async def alerts(late: Late) -> list[tuple[str, str, str | None, str | None]]:
    path = f"advance-alerts?advance_id={late.advance}&limit=100"
    found = ok(await late.world.auditor.get(path))["items"]
    return [(each["on_day"], each["kind"], each["due_on"], each["bucket"]) for each in found]


async def test_what_has_come_is_told_once_in_the_order_of_the_days_however_often_and_at_once(
    app: Any, world: World
) -> None:
    late = await Late.of(world)
    ok(await late.acts.repay(late.advance, THIRD, received_on="2025-05-02"), 201)
    factory = session_factory(app.state["engine"])
    await asyncio.gather(*(tell_of_advances(factory, date(2025, 7, 1), batch=2) for _ in range(3)))
    first = [
        (MARCH, "instalment_due", MARCH, None),
        ("2025-04-01", "instalment_overdue", MARCH, None), ("2025-04-01", "bucket_changed", MARCH, "1_30"),
        ("2025-05-01", "bucket_changed", MARCH, "31_60"),  # paid on the day after: never 61 days past due
        (JUNE, "instalment_due", JUNE, None),
        ("2025-07-01", "instalment_overdue", JUNE, None), ("2025-07-01", "bucket_changed", JUNE, "1_30"),
    ]  # fmt: skip
    assert await alerts(late) == first
    await tell_of_advances(factory, date(2025, 7, 1))
    assert await alerts(late) == first
    await tell_of_advances(factory, date(2026, 1, 1))
    then = (await alerts(late))[len(first) :]
    assert then == sorted(then, key=lambda each: each[0])
    assert ("2025-12-31", "act_needed", JUNE, None) in then
    assert [each for each in then if each[1] == "bucket_changed"] == [
        ("2025-07-31", "bucket_changed", JUNE, "31_60"), ("2025-08-30", "bucket_changed", JUNE, "61_90"),
        ("2025-09-29", "bucket_changed", JUNE, "91_180"), ("2025-12-28", "bucket_changed", JUNE, "over_180"),
    ], "the line of September is younger than the oldest"  # fmt: skip
    events = await world.pool.fetch(
        "SELECT type, resource_type, resource_id, data::text FROM events WHERE territory = $1"
        " AND type LIKE 'advance.%' AND data ? 'on_day' ORDER BY sequence", world.territory,
    )  # fmt: skip
    told = [(json.loads(row["data"])["on_day"], row["type"]) for row in events]
    assert told == [(on, f"advance.{kind}") for on, kind, _, _ in await alerts(late)]
    assert {(row["resource_type"], row["resource_id"]) for row in events} == {("advance", late.advance)}


async def test_lists_portfolio_and_statements_are_one_account(app: Any, world: World) -> None:
    late = await Late.of(world)
    ok(await late.notice(), 201)
    ok(await late.acts.repay(late.advance, 1_000_000, received_on="2025-06-15"), 201)
    other = await Late.of(world)
    ok(await other.acts.repay(other.advance, 3 * THIRD + 7, received_on="2025-03-31"), 201)
    third = await Late.of(world)
    await third.proceeding("safeguard", "2025-02-06")
    await take_judgments(session_factory(app.state["engine"]), TODAY)
    stands = [await each.statement(TODAY.isoformat()) for each in (late, other, third)]
    rows = ok(await world.auditor.get("instalments?limit=100"))["items"]
    assert sum(row["left_cents"] for row in rows) == sum(each["late_cents"] for each in stands)
    by_bucket = {row["bucket"] for row in rows if row["advance_id"] == third.advance}
    assert by_bucket == {"in_proceedings"}
    found = ok(await world.auditor.get("instalments?late=true&bucket=over_180&due_to=2025-03-31"))["items"]
    assert [(row["advance_id"], row["due_on"], row["days_past_due"]) for row in found] == [
        (late.advance, MARCH, (TODAY - date(2025, 3, 31)).days)
    ]
    everywhere = ok(await world.clients["funder"].get(f"/v1/instalments?siren={late.acts.firm}"))["items"]
    assert [row["territory"] for row in everywhere] == [world.territory] * 3
    shown = ok(await world.auditor.get("advances/portfolio"))
    for name in ("outstanding_cents", "income_cents", "overpaid_cents", "repaid_cents"):
        assert shown[name] == sum(each[name] for each in stands), name
    assert shown["overdue_cents"] == sum(each["late_cents"] for each in stands)
    buckets = {each["bucket"]: (each["advances"], each["outstanding_cents"]) for each in shown["buckets"]}
    assert {name: of_it for name, of_it in buckets.items() if of_it[0]} == {
        "over_180": (1, stands[0]["outstanding_cents"]), "in_proceedings": (1, 3 * THIRD),
    }  # fmt: skip
    assert (shown["advances"], shown["default_rate"], shown["loss_rate"]) == (3, 1.0, 0.0)
    nation = ok(await world.auditor.get("/v1/advances/portfolio"))
    assert nation["outstanding_cents"] >= shown["outstanding_cents"]
    to_do = {each["kind"]: each for each in ok(await world.clients["funder"].get("/v1/me/to-do"))["items"]}
    for kind, count in (("instalments_late", 2), ("advance_acts_needed", 3), ("debt_claims_to_declare", 1)):
        listed = ok(await world.clients["funder"].get(to_do[kind]["link"]))["items"]
        assert (to_do[kind]["count"], len(listed)) == (count, count), kind


async def test_accounts_from_before_days_were_kept_are_written_by_the_tick(app: Any, world: World) -> None:
    late = await Late.of(world)
    ok(await late.acts.repay(late.advance, THIRD, received_on="2025-05-02"), 201)
    before = ok(await world.auditor.get("advances/portfolio?as_of=2025-07-01"))
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("advance_spans", "advance_line_spans"):
            await connection.execute(f"DELETE FROM {table} WHERE advance_id = $1", late.advance)  # names of our own
    assert ok(await world.auditor.get("advances/portfolio"))["advances"] == 0
    await take_judgments(session_factory(app.state["engine"]), TODAY)
    assert ok(await world.auditor.get("advances/portfolio?as_of=2025-07-01")) == before
    known = await world.pool.fetch(
        "SELECT s.recorded_at = a.created_at FROM advance_spans s JOIN advances a ON a.id = s.advance_id"
        " WHERE a.id = $1", late.advance,
    )  # fmt: skip
    assert [row[0] for row in known] == [True, True], "as known since the award"


async def test_nothing_outstanding_has_no_rates(world: World) -> None:
    shown = ok(await world.auditor.get("advances/portfolio"))
    assert (shown["default_rate"], shown["loss_rate"], shown["expected"]) == (None, None, [])
    assert [each["advances"] for each in shown["buckets"]] == [0] * 7


# --- one account on every day -----------------------------------------------------------------------------------------


async def one_account(books: Books, advances: list[str], **times: str) -> dict[str, Any]:
    """Hold the portfolio and the instalments of a day against the statements and the schedules of that day."""

    async def ask(path: str, **more: Any) -> Any:
        return ok(await books.world.auditor.get(path, params={**times, **more}))

    rows, portfolio = (await ask("instalments", limit=500))["items"], await ask("advances/portfolio")
    stands = [await ask(f"advances/{each}/statement") for each in advances]
    expected: Counter[str] = Counter()
    for advance, stand in zip(advances, stands, strict=True):
        named = sorted((row for row in rows if row["advance_id"] == advance), key=lambda row: int(row["number"]))
        listed = [(row["number"], *(row[name] for name in OF_LINE)) for row in named]
        assert listed == [(line["number"], *(line[name] for name in OF_LINE)) for line in stand["lines"]], times
        scheduled = await ask(f"advances/{advance}/schedule")
        if scheduled["version"] and not stand["written_off_cents"]:  # a write-off closes lines, and is no version
            lines = [tuple(line[name] for name in SCHEDULED) for line in scheduled["lines"]]
            assert lines == [tuple(line[name] for name in SCHEDULED) for line in stand["lines"]], times
        for line in stand["lines"]:
            if line["due_on"] >= stand["as_of"] and line["left_cents"]:
                expected[line["due_on"][:7]] += line["left_cents"]
    for name in SUMS:
        assert portfolio[name] == sum(each[name] for each in stands), (name, times)
    assert portfolio["overdue_cents"] == sum(each["late_cents"] for each in stands), times
    assert {each["month"]: each["expected_cents"] for each in portfolio["expected"]} == expected
    unpaid = [each for each in stands if each["outstanding_cents"] or any(line["left_cents"] for line in each["lines"])]
    assert {each["bucket"]: each["advances"] for each in portfolio["buckets"] if each["advances"]} == Counter(
        each["bucket"] for each in unpaid
    ), times
    assert (portfolio["as_of"], portfolio["recorded_as_of"]) == (times["as_of"], times.get("recorded_as_of"))
    return {**portfolio, "recorded_as_of": None}


OF_LINE = ("due_on", "principal_cents", "interest_cents", "fees_cents", "left_cents", "settled_on", "days_past_due")
SCHEDULED = ("due_on", "principal_cents", "interest_cents", "capitalised_cents", "fees_cents")
SUMS = (
    "disbursed_cents", "repaid_cents", "waived_cents", "written_off_cents", "outstanding_cents", "income_cents",
    "overpaid_cents",
)  # fmt: skip
CONTRACT = {"late_rate": "contract", "late_rate_bp": 371}
THREE = {"instalments": 3, "frequency": "quarterly", "first_due_on": "2027-03-31", **CONTRACT}
GRACE = {
    "instalments": 4, "frequency": "quarterly", "first_due_on": "2027-03-31", "annual_rate_bp": 300,
    "grace_periods": 2, "grace_kind": "interest_capitalised",
}  # fmt: skip


async def test_every_day_has_one_account_as_it_is_known_and_as_it_was_known(frozen: Any) -> None:
    """Money late, backdated, early, sent back, reversed and too much; interest that is added; a reschedule, a waiver, a
    write-off, a judgment: statements, schedules, instalments and the portfolio of each day agree, whenever it is asked.
    """
    async with frozen.at(noon("2027-01-04")):
        books = await Books.of(await frozen.world(), 100_000_00)
        late, grown, failed, lost = [
            Amending(books.acts, f"advances/{await books.advance(cents, terms, paid_on=paid_on)}")
            for cents, terms, paid_on in (
                (900_000, THREE, "2027-01-04"), (800_000, GRACE, "2027-01-04"),
                (300_000, {**THREE, "kind": "conditional"}, "2027-01-02"), (200_000, THREE, "2026-12-30"),
            )
        ]  # fmt: skip
        signed = {"reference": "C-1", "signed_by_firm_on": "2027-01-04", "signed_by_funder_on": "2027-01-04",
                  "document_sha256": "0" * 64}  # fmt: skip
        for each in (late, failed):  # those that are amended
            ok(await each.acts.world.funder.put(f"{each.path}/agreement", signed))
    advances = [each.id for each in (late, grown, failed, lost)]
    made: dict[str, str] = {}

    async def pay(name: str, advance: Amending, cents: int, on: str) -> None:
        made[name] = await advance.repay(cents, on)

    async def undo(name: str, verb: str, **body: str) -> None:
        ok(await books.treasurer.post(f"{made[name]}/{verb}", {"reason": "AM04", **body}, headers=ANY))

    async def notice() -> None:
        body = {"lines": ["2027-03-31"], "sent_on": "2027-04-12", "received_on": "2027-04-15"}
        ok(await books.treasurer.post(f"{late.path}/notices", body, headers=key()), 201)

    async def reschedule() -> None:
        body = {
            "kind": "re_age",
            "instalments": 5,
            "first_on": "2027-09-30",
            "late_interest": "kept",
            "reason": "Late.",
        }
        path = await late.asked("reschedules", body)
        ok(await late.act(path, "approve", {"reference": "AV-1"}))

    async def waive() -> None:
        path = await failed.asked("waivers", {"reason": "Failed."})
        ok(await failed.act(path, "find", {"finding": "Nothing was sold."}))
        part = {"waive": "part", "amount_cents": 120_000, "share": "proportion", "reference": "D-1"}
        ok(await failed.act(path, "decide", part))

    async def write_off() -> None:
        path = await lost.asked("write-offs", {"ground": "irrecoverable", "proof_sha256": "0" * 64, "reason": "Gone."})
        ok(await lost.act(path, "approve", {"reference": "AV-2"}))

    acts: list[tuple[str, Any]] = [
        ("2027-04-12", lambda: pay("first", lost, 66_667, "2027-03-31")),
        ("2027-04-16", notice),
        ("2027-05-20", lambda: pay("part", late, 140_000, "2027-05-18")),
        ("2027-06-15", reschedule),
        ("2027-07-01", lambda: pay("early", grown, 250_000, "2027-06-21")),
        ("2027-07-20", lambda: pay("backdated", failed, 100_000, "2027-04-01")),
        ("2027-08-03", waive),
        ("2027-09-02", lambda: undo("first", "bounce", bounced_on="2027-09-01", bank_reference="B-1")),
        ("2027-10-04", lambda: pay("much", failed, 999_999, "2027-10-01")),
        ("2027-10-20", lambda: undo("early", "reverse")),
        ("2027-11-03", write_off),
        ("2027-11-15", lambda: books.acts.proceedings("safeguard", opened_on="2027-11-10")),
    ]
    told = {}
    for day, act in acts:
        async with frozen.at(noon(day)):
            await act()
            for as_of in (day, "2027-05-18"):
                told[day, as_of] = await one_account(books, advances, as_of=as_of)
    async with frozen.at(noon("2027-12-01")):
        for number in range(0, 420, 12):
            await one_account(books, advances, as_of=(date(2026, 12, 28) + timedelta(days=number)).isoformat())
        for (day, as_of), known in told.items():
            assert await one_account(books, advances, as_of=as_of, recorded_as_of=day) == known, (day, as_of)
        assert len({repr(known) for (_, as_of), known in told.items() if as_of == "2027-05-18"}) == 4
