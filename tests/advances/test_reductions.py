"""A lower final base takes back what was paid of an advance above its final amount: it is due at once, in a version."""

from typing import Any

from tests.awards.closing import CLOSED, Aid
from tests.envelopes.acts import DAY
from tests.world import World, ok


async def schedule(aid: Aid, **query: str) -> list[tuple[str, int]]:
    """Day and principal of each line."""
    path = f"advances/{aid.advance}/schedule"
    found = ok(await aid.acts.world.auditor.get(path, params=query))
    return [(line["due_on"], line["principal_cents"]) for line in found["lines"] if line["principal_cents"]]


async def test_what_was_paid_too_much_is_due_at_the_closing_and_its_receipt_is_a_repayment(
    world: World, app: Any
) -> None:
    """1 200 on a base of 2 400, of which 1 500 are certified: 750 are due of the advance, 1 000 were paid."""
    aid = await Aid.of(world, advance=1_200, base=2_400)
    ok(await aid.acts.tranche(aid.advance, 1_000), 201)
    before = await schedule(aid)
    await aid.complete(1_500)
    ok(await aid.close())
    assert await aid.money() == (750, 200, 0)
    after = await schedule(aid)
    assert after[0] == (CLOSED, 250)
    assert sum(cents for _, cents in after) == 1_000
    kept = [line for line in before if line in after]
    assert kept == before[: len(kept)], "the last lines gave it"
    assert sum(cents for _, cents in before[len(kept) :]) <= 250 + 84
    found = ok(await world.auditor.get(f"advances/{aid.advance}/schedule"))
    assert (found["version"], found["cause"], found["from_on"]) == (2, "reduction", CLOSED)
    assert await schedule(aid, version="1") == before
    ok(await aid.acts.repay(aid.advance, 250, received_on=CLOSED), 201)
    says = await aid.says()
    assert (says["repaid_cents"], says["outstanding_cents"], says["status"]) == (250, 750, "repaying")
    assert await world.differences(app.state["engine"]) == []


async def test_no_more_is_claimed_back_than_is_owed(world: World, app: Any) -> None:
    aid = await Aid.of(world, advance=1_000, base=1_000)
    ok(await aid.acts.tranche(aid.advance, 1_000), 201)
    ok(await aid.acts.repay(aid.advance, 950, received_on=DAY), 201)
    await aid.complete(900)
    ok(await aid.close())
    assert [line for line in await schedule(aid) if line[0] == CLOSED] == [(CLOSED, 50)]
    assert await world.differences(app.state["engine"]) == []


async def test_a_reduction_counts_no_more_once_the_balance_that_made_it_is_taken_back(world: World, app: Any) -> None:
    aid = await Aid.of(world, grant=1_000, advance=1_000, base=4_000)
    ok(await aid.acts.tranche(aid.advance, 1_000), 201)
    before = await schedule(aid)
    await aid.complete(3_000)
    balance = await aid.balance(750)
    assert (CLOSED, 250) in await schedule(aid)
    ok(await aid.acts.reverse(f"grants/{aid.grant}/payments/{balance}"))
    assert await schedule(aid) == before
    assert (await aid.says(f"advances/{aid.advance}"))["final_cents"] is None
    again = await aid.balance(750)
    assert (CLOSED, 250) in await schedule(aid)
    ok(await aid.acts.reverse(f"grants/{aid.grant}/payments/{again}"))
    assert await schedule(aid) == before
    assert await world.differences(app.state["engine"]) == []
