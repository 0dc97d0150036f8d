"""Sums neither overflow nor are poisoned: one act has a bound, and a report says what rows say (T19)."""

from typing import Any

import pytest

from app.core.values import MAX_AMOUNT_CENTS
from tests.answers import unheld
from tests.envelopes.acts import TERMS, Acts
from tests.projects.acts import followed, staff
from tests.world import World, ok, problem


@pytest.mark.parametrize("cents", [MAX_AMOUNT_CENTS, MAX_AMOUNT_CENTS + 1])
async def test_one_act_is_of_ten_billion_euros_at_most(world: World, cents: int) -> None:
    acts = await Acts.of(world)
    award: dict[str, Any] = acts.award(cents)
    responses = [
        await acts.contribute(cents),
        await world.funder.post("grants?dry_run=true", award, headers={"Idempotency-Key": "g"}),
        await world.funder.post("advances?dry_run=true", {**award, "terms": TERMS}, headers={"Idempotency-Key": "a"}),
    ]
    for response in responses:
        if cents <= MAX_AMOUNT_CENTS:
            ok(response, (200, 201))
            continue
        errors = problem(response, 422, "validation-failed")["errors"]
        assert [(error["pointer"], error["code"]) for error in errors] == [("/amount_cents", "too_large")]


async def test_reports_sum_whatever_the_rows_of_before_say(world: World) -> None:
    """Rows of before the bound: a bigint would overflow, and the dashboard of everybody was a 422."""
    acts = await Acts.of(world)
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents, debit_balance_cents,"
            " credit_balance_cents, effective_on, recorded_at, act, act_id)"
            " SELECT $1, $2, 'available', 'contributor', 9007199254740991, 0, 0, '2023-10-03', now(), 'award', $2"
            " FROM generate_series(1, 1030)",
            world.territory, ok(await acts.contribute(1), 201)["id"],
        )  # fmt: skip
    whole = 1030 * (2**53 - 1) + 1
    with unheld():
        summary = ok(await world.auditor.get("summary"))
        national = ok(await world.clients["programme"].get("/v1/summary"))
    assert summary["contributed_cents"] == summary["available_cents"] == whole
    assert national["contributed_cents"] >= whole
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM ledger_entries WHERE amount_cents = 9007199254740991")


async def test_a_line_of_a_project_has_the_same_bound(world: World) -> None:
    line = {"label": "Machine", "kind": "tangible_asset", "amount_cents": MAX_AMOUNT_CENTS + 1}
    body = {"title": "Forge", "kind": "equipment", "maturity": "study", "costs": [line], "detected_on": "2023-07-04",
            "holders": [{"kind": "firm", "siren": await followed(world)}]}  # fmt: skip
    errors = problem(await staff(world).post("projects", body), 422, "validation-failed")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [("/costs/0/amount_cents", "too_large")]
    line["amount_cents"] = MAX_AMOUNT_CENTS
    assert ok(await staff(world).post("projects", body), 201)["cost_cents"] == MAX_AMOUNT_CENTS
    assert ok(await world.auditor.get("projects/totals"))["cost_cents"] == MAX_AMOUNT_CENTS
