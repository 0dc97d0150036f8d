"""Instalments of a territory, its portfolio, and what the tick tells: one account, read in every way."""

import asyncio
import json
from datetime import date
from typing import Any

from app.commands.tick import take_judgments, tell_of_advances
from app.core.db import session_factory
from tests.advances.arrears import THIRD, Late
from tests.world import World, ok

MARCH, JUNE, SEPTEMBER = "2025-03-31", "2025-06-30", "2025-09-30"
TODAY = date(2026, 11, 30)


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
    stands = [await each.statement("2026-11-30") for each in (late, other, third)]
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


async def test_nothing_outstanding_has_no_rates(world: World) -> None:
    shown = ok(await world.auditor.get("advances/portfolio"))
    assert (shown["default_rate"], shown["loss_rate"], shown["expected"]) == (None, None, [])
    assert [each["advances"] for each in shown["buckets"]] == [0] * 7
