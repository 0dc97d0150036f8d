"""The closing of an aid: its final amounts, what returns, what comes back, and how a reversed balance reopens it."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.awards.closing import CLOSED, COMPLETED, Aid
from tests.awards.life import Life
from tests.envelopes.acts import DAY, key
from tests.envelopes.test_limits import answers, figures
from tests.world import World, ok, problem

NOT_COMPLETED = "completed_on = NULL, completion_declared_on = NULL, final_cost_cents = NULL, public_aid = NULL"


# The rows of §10.2: grant, advance, base, certified; grant due, advance due.
@pytest.mark.parametrize(
    ("grant", "advance", "base", "certified", "due", "lent"),
    [
        (15000000, 10000000, 62500000, 57142857, 13714285, 9142857),
        (15000000, 10000000, 62500000, 62500000, 15000000, 10000000),
        (15000000, 0, 43750000, 40000000, 13714285, 0),
        (7777777, 3333333, 33333333, 29999999, 6999999, 2999999),
        (12500000, 12500000, 50000000, 33333333, 8333333, 8333333),
    ],
)
async def test_an_aid_is_closed_at_its_final_amounts_and_the_rest_returns(
    world: World, grant: int, advance: int, base: int, certified: int, due: int, lent: int
) -> None:
    aid = await Aid.of(world, grant=grant, advance=advance, base=base)
    await aid.complete(certified)
    ok(await aid.close())
    assert await aid.money() == (due, grant - due, due)  # what is due can still be paid
    if advance:
        assert await aid.money(f"advances/{aid.advance}") == (lent, advance - lent, lent)
    now = figures(await aid.acts.envelope())
    assert (now["available"], now["committed"]) == (grant + advance - due - lent, due + lent)
    problem(await aid.close(), 409, "award-ended")
    await aid.balance(due)
    assert (await aid.says())["status"] == "closed"
    assert figures(await aid.acts.envelope())["available"] == grant + advance - due - lent


async def test_an_amended_award_is_closed_by_what_its_amendment_made_of_it(world: World) -> None:
    aid = await Aid.of(world, grant=10_000, advance=1_000, base=20_000)
    life = Life(aid.acts, aid.path)
    asked = await life.asked({"kind": "amount", "amount_cents": 5_000})
    ok(await life.decide(asked))
    await aid.complete(10_000)
    proposal = {"amount_cents": 2_501, "kind": "balance_payment", "paid_on": "2024-02-01", "reference": "MORE"}
    said = ok(await world.treasurer.post(f"{aid.path}/payments?dry_run=true", proposal, headers=key()))
    assert "payment-above-due" in said["exceeds"]
    ok(await aid.close(closed_on="2024-02-01"))
    assert await aid.money() == (2_500, 7_500, 2_500)
    assert await aid.money(f"advances/{aid.advance}") == (500, 500, 500)


async def test_the_closing_of_an_aid_leaves_an_award_that_was_terminated_as_it_ended(world: World) -> None:
    aid = await Aid.of(world, grant=1_000, advance=1_000, base=4_000)
    life = Life(aid.acts, aid.path, f"advances/{aid.advance}")
    ok(await aid.acts.tranche(aid.advance, 300))
    await aid.complete(2_000)
    ok(await life.act("terminate", {"on": CLOSED, "reason": "The firm has moved."}, of=life.advance))
    balance = await aid.balance(500)
    assert ((await aid.says())["stage"], (await aid.says(life.advance))["stage"]) == ("closed", "running")
    ok(await aid.acts.reverse(f"{aid.path}/payments/{balance}"))
    assert ((await aid.says())["stage"], (await aid.says(life.advance))["stage"]) == ("completed", "running")


async def test_public_aid_above_the_base_is_cut_from_the_grant_first(world: World) -> None:
    aid = await Aid.of(world, grant=150, advance=100, base=625)
    await aid.complete(625, other_aid=526)
    ok(await aid.close())
    assert await aid.money() == (0, 150, 0)
    assert await aid.money(f"advances/{aid.advance}") == (99, 1, 99)
    assert (await aid.says())["status"] == "cancelled"


@pytest.mark.parametrize(
    ("certified", "open_claims", "change", "code"),
    [
        (None, 0, {}, "not-completed"),
        (80, 1, {}, "claims-open"),
        (80, 0, {"closed_on": "2023-11-29"}, "before-completion"),
    ],
)
async def test_what_keeps_an_aid_open(
    world: World, certified: int | None, open_claims: int, change: dict[str, Any], code: str
) -> None:
    aid = await Aid.of(world, grant=100, base=100)
    if certified is not None:
        await aid.complete(certified, open_claims=open_claims)
    problem(await aid.close(**change), 409, code)
    assert await aid.money() == (None, 0, 100)


async def test_an_award_by_its_amount_alone_has_no_final_amount(world: World) -> None:
    aid = await Aid.of(world, grant=100)
    problem(await aid.close(), 409, "closing-without-base")
    await aid.balance(60)
    found = await aid.says()
    assert (found["status"], found["final_cents"], found["released_cents"]) == ("closed", None, 40)


async def test_a_balance_closes_both_instruments_and_its_reversal_opens_them_again(world: World) -> None:
    aid = await Aid.of(world, grant=100, advance=50, base=200)
    await aid.complete(160)
    ok(await aid.acts.pay(aid.grant, 30), 201)
    payment = await aid.balance(50)
    assert await aid.money() == (80, 20, 0)
    assert await aid.money(f"advances/{aid.advance}") == (40, 10, 40)
    assert [await aid.recoveries(), (await aid.says())["status"]] == [[], "closed"]
    entries = ok(await world.auditor.get("envelope/entries?act=release"))["items"]
    assert {each["act_id"] for each in entries} == {payment}
    another = ok(await aid.acts.grant(30, decided_on=CLOSED), 201)["id"]
    refused = problem(await aid.acts.reverse(f"grants/{aid.grant}/payments/{payment}"), 409, "envelope-exhausted")
    assert [act["act_id"] for act in refused["later_acts"]] == [another]
    ok(await aid.acts.reverse(f"grants/{another}"))
    ok(await aid.acts.reverse(f"grants/{aid.grant}/payments/{payment}"))
    assert await aid.money() == (None, 0, 70)
    assert await aid.money(f"advances/{aid.advance}") == (None, 0, 50)
    assert figures(await aid.acts.envelope())["available"] == 0
    await aid.balance(50)
    assert await aid.money() == (80, 20, 0)


async def test_a_balance_that_was_paid_before_the_completion_closes_on_the_day_of_the_completion(
    app: Any, world: World
) -> None:
    """A balance is a fact, whatever is known of the aid when it is recorded."""
    aid = await Aid.of(world, grant=1_000, advance=1_000, base=4_000)
    await aid.complete(4_000)
    balance = await aid.balance(750, paid_on=DAY)
    closed_on = "SELECT closed_on FROM aids WHERE territory = $1 AND awards > 0"
    assert str(await world.pool.fetchval(closed_on, world.territory)) == COMPLETED > DAY
    assert (await aid.says(f"grants/{aid.grant}/payments/{balance}"))["paid_on"] == DAY
    assert await world.differences(app.state["engine"]) == []
    ok(await aid.acts.reverse(f"grants/{aid.grant}/payments/{balance}"))
    assert await world.pool.fetchval(closed_on, world.territory) is None
    assert await world.differences(app.state["engine"]) == []


async def test_an_advance_that_a_closing_gave_back_whole_stands_again_with_the_balance(app: Any, world: World) -> None:
    aid = await Aid.of(world, grant=100, advance=50, base=200)
    await aid.complete(0)
    payment = await aid.balance(60)
    assert (await aid.says(f"advances/{aid.advance}"))["status"] == "cancelled"
    ok(await aid.acts.reverse(f"grants/{aid.grant}/payments/{payment}"))
    assert await aid.money(f"advances/{aid.advance}") == (None, 0, 50)
    assert await aid.money() == (None, 0, 100)
    await aid.complete(200)
    ok(await aid.acts.tranche(aid.advance, 50), 201)
    found = await world.differences(app.state["engine"])
    assert [each for each in found if "certified" not in str(each)] == []  # which this test sets by hand


async def test_what_was_paid_too_much_is_claimed_back_to_the_cent(world: World) -> None:
    aid = await Aid.of(world, grant=100, advance=50, base=200)
    ok(await aid.acts.pay(aid.grant, 70), 201)
    await aid.complete(101)
    payment = await aid.balance(5)  # 50 are the final amount
    assert await aid.recoveries() == [("overpaid", 25, "opened")]
    found = await aid.says()
    assert (found["in_recovery"], found["claimed_back_cents"], found["final_cents"]) == (True, 25, 50)
    recovery = ok(await world.auditor.get("recoveries"))["items"][0]
    path = f"grants/{aid.grant}/recoveries/{recovery['id']}"
    assert (recovery["of_closing"], recovery["reason"], recovery["opened_on"]) == (True, None, CLOSED)
    problem(await aid.recovering.withdraw(path), 409, "recovery-of-a-closing")
    ok(await aid.recovering.notify(path, notified_on="2024-01-02", reply_until_on="2024-01-17"))
    ok(await aid.recovering.order(path, ordered_on="2024-01-18", due_on="2024-02-28"))
    receipt = ok(await aid.recovering.receive(path, 10, received_on="2024-02-01"), 201)["id"]
    refused = problem(await aid.acts.reverse(f"grants/{aid.grant}/payments/{payment}"), 409, "recovery-received")
    assert refused["received_cents"] == 10
    ok(await aid.recovering.undo(path, receipt))
    ok(await aid.acts.reverse(f"grants/{aid.grant}/payments/{payment}"))
    assert await aid.recoveries() == [("overpaid", 25, "withdrawn")]
    assert await aid.money() == (None, 0, 30)
    ok(await aid.close())  # without the balance
    assert await aid.recoveries() == [("overpaid", 25, "withdrawn"), ("overpaid", 20, "opened")]
    assert await aid.money() == (50, 30, 0)


async def test_an_earlier_claim_counts_in_what_was_overpaid(world: World) -> None:
    aid = await Aid.of(world, grant=100, base=100)
    ok(await aid.acts.pay(aid.grant, 90), 201)
    await aid.recovering.ordered(aid.grant, 15)
    await aid.complete(50)
    ok(await aid.close())
    assert await aid.recoveries() == [("object_changed", 15, "ordered"), ("overpaid", 25, "opened")]


async def test_a_balance_before_the_completion_claims_nothing_back(world: World) -> None:
    """The bank paid it, so it is recorded; what is certified by then is not the final cost."""
    aid = await Aid.of(world, grant=100, base=100)
    payment = await aid.balance(60)
    assert ok(await world.auditor.get(f"grants/{aid.grant}/payments/{payment}"))["exceeds"]
    assert await aid.money() == (None, 40, 0)
    assert await aid.recoveries() == []
    await aid.complete(50)
    ok(await aid.close())
    assert await aid.recoveries() == [("overpaid", 10, "opened")]


async def test_a_closing_beside_payments_and_claims_ends_with_one_truth(world: World) -> None:
    aid = await Aid.of(world, grant=100, advance=100, base=200)
    await aid.complete(100)
    each = [aid.acts.pay(aid.grant, 20) for _ in range(4)] + [aid.close(), aid.close(f"advances/{aid.advance}")]
    given = answers(await asyncio.gather(*each))
    assert given["200"] == 1
    assert sum(given.values()) == len(each)
    found = await aid.says()
    due = found["paid_cents"] + found["remaining_cents"] - found["claimed_back_cents"]
    assert (found["final_cents"], due) == (50, 50)
    assert (await aid.money(f"advances/{aid.advance}"))[:2] == (50, 50)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE aids SET closed_on = '2023-11-29' WHERE id = $1", "aid_closed"),
        (f"UPDATE aids SET {NOT_COMPLETED} WHERE id = $1", "aid_closed"),
        ("UPDATE aids SET open_claims = 1 WHERE id = $1", "aid_closed"),
        ("UPDATE aids SET closed_on = NULL, closing_payment_id = uuidv7() WHERE id = $1", "aid_closed"),
        ("UPDATE grants SET final_cents = amount_cents + 1 WHERE aid_id = $1", "grant_final"),
        ("UPDATE advances SET final_cents = -1 WHERE aid_id = $1", "advance_final"),
        ("UPDATE commitments SET due_on = due_on + 1 WHERE aid_id = $1", "commitment_settled"),
        ("DELETE FROM commitments WHERE aid_id = $1", "commitment_settled"),
    ],
)
async def test_sql_cannot_close_otherwise(world: World, statement: str, constraint: str) -> None:
    aid = await Aid.of(world, grant=100, advance=50, base=200)
    await aid.complete(160)
    ok(await aid.close())
    async with world.pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(statement, aid.id)
    assert getattr(refused.value, "constraint_name", None) == constraint


async def test_the_closing_is_simulated_first(world: World) -> None:
    aid = await Aid.of(world, grant=100, base=100)
    await aid.complete(80)
    headers = await aid.acts.seen(aid.path)
    body = {"reason": "Final cost certified."}
    shown = ok(await world.funder.post(f"{aid.path}/close?dry_run=true", body, headers=headers), 200)
    assert (shown["final_cents"], shown["released_cents"]) == (80, 20)
    assert await aid.money() == (None, 0, 100)
