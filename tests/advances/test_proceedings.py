"""Proceedings of the firm: what they stop, what they make due and on which day, the claim, and the plan."""

from datetime import date
from typing import Any

import pytest

from app.commands.tick import take_judgments, tell_of_advances
from app.core.db import session_factory
from tests.advances.arrears import MATCH, SHA, THIRD, Late, with_rates
from tests.envelopes.acts import Acts, key
from tests.world import World, ok, problem

MARCH, JUNE, SEPTEMBER = "2025-03-31", "2025-06-30", "2025-09-30"
TODAY = date(2026, 11, 30)
EACH = [(MARCH, THIRD), (JUNE, THIRD), (SEPTEMBER, THIRD)]


async def judged(app: Any) -> int:
    """What the tick settles, of all territories."""
    return await take_judgments(session_factory(app.state["engine"]), TODAY)


@pytest.mark.parametrize("kind", ["safeguard", "reorganisation"])
async def test_late_interest_and_calls_stop_and_nothing_becomes_due(app: Any, world: World, kind: str) -> None:
    late = await Late.of(world)
    ok(await late.notice(), 201)
    before = (await late.statement("2025-05-31"))["late_interest_cents"]
    await late.proceeding(kind, "2025-06-01")
    assert await judged(app) >= 1
    advance = await late.read()
    assert (advance["in_proceedings_on"], advance["accelerated_on"]) == ("2025-06-01", None)
    stands = await late.statement("2025-09-10")
    assert (stands["late_interest_cents"], stands["bucket"]) == (before, "in_proceedings")
    assert await late.left("2025-09-10") == EACH
    told = problem(await late.accelerate("2025-06-02"), 409, "clause-void")
    assert (told["kind"], told["opened_on"]) == (kind, "2025-06-01")
    problem(await late.notice(JUNE, sent_on="2025-07-10", received_on=None), 409, "calls-stopped")
    paid = ok(await late.acts.repay(late.advance, 1, received_on="2025-07-01"), 201)  # a fact, of before or not
    assert paid["status"] == "recorded"
    assert await judged(app) == 0


async def test_a_liquidation_makes_all_due_on_its_judgment_and_a_correction_is_answered(app: Any, world: World) -> None:
    late = await Late.of(world)
    proceeding = await late.proceeding("liquidation", "2025-05-06")
    assert await judged(app) >= 1
    [made] = (await late.read("/accelerations"))["items"]
    assert (made["accelerated_on"], made["due_cents"]) == ("2025-05-06", 3 * THIRD)
    assert (made["proceeding_id"], made["notice_id"], made["decided_by"]) == (proceeding["id"], None, None)
    assert await late.left("2025-05-05") == EACH
    assert await late.left("2025-05-06") == [(MARCH, THIRD), ("2025-05-06", 2 * THIRD)]
    await late.correct(proceeding, opened_on="2025-06-10")
    assert await judged(app) >= 1
    assert await late.left("2025-05-20") == EACH, "the first day is void"
    assert await late.left("2025-06-10") == [(MARCH, THIRD), ("2025-06-10", 2 * THIRD)]
    assert (await late.read())["accelerated_on"] == "2025-06-10"
    made = (await late.read("/accelerations?sort=accelerated_on"))["items"]
    assert [one["accelerated_on"] for one in made] == ["2025-05-06", "2025-06-10"], "what was done stays told"
    await late.correct(proceeding, kind="reorganisation")
    assert await judged(app) >= 1
    assert (await late.read())["accelerated_on"] is None
    assert await late.left("2025-06-10") == EACH
    assert await judged(app) == 0
    assert await late.causes() == ["tranche", "acceleration", "replay", "acceleration", "replay"]


async def test_activity_that_goes_on_puts_the_day_off_and_any_act_reads_the_register(world: World) -> None:
    late = await Late.of(world)
    await late.proceeding("liquidation", "2025-05-06", continued_until_on="2025-07-31")
    problem(await late.accelerate("2025-06-02"), 409, "clause-void")
    ok(await late.acts.repay(late.advance, THIRD, received_on="2025-04-02"), 201)
    assert await late.left("2025-07-30") == [(JUNE, THIRD), (SEPTEMBER, THIRD)]
    assert await late.left("2025-07-31") == [(JUNE, THIRD), ("2025-07-31", THIRD)]
    told = problem(await late.accelerate("2025-08-01"), 409, "already-accelerated")
    assert told["accelerated_on"] == "2025-07-31"


async def test_a_claim_is_to_be_declared_and_told_of_in_time(app: Any, world: World) -> None:
    late = await Late.of(world)
    proceeding = await late.proceeding("safeguard", "2025-02-06", noticed_on="2025-02-14")
    await judged(app)
    [waits] = ok(await world.treasurer.get("debt-claims?to_declare=true"))["items"]
    assert (waits["claim_by_on"], waits["declared_on"], waits["outstanding_cents"]) == ("2025-04-14", None, 3 * THIRD)
    to_do = ok(await world.treasurer.get("/v1/me/to-do"))["items"]
    [kind] = [each for each in to_do if each["kind"] == "debt_claims_to_declare"]
    assert (kind["count"], kind["oldest_on"]) == (1, "2025-04-14")
    assert [item["id"] for item in ok(await world.treasurer.get(kind["link"]))["items"]] == [waits["id"]]
    await tell_of_advances(session_factory(app.state["engine"]), TODAY)
    alerts = ok(await world.auditor.get("advance-alerts?kind=claim_due&sort=on_day"))["items"]
    assert [(alert["on_day"], alert["due_on"]) for alert in alerts] == [
        ("2025-03-30", "2025-04-14"), ("2025-04-11", "2025-04-14"),
    ]  # fmt: skip
    path = f"advances/{late.advance}/debt-claims"
    body = {"proceeding_id": proceeding["id"], "declared_on": "2025-04-15", "amount_cents": 3 * THIRD,
            "proof_sha256": SHA}  # fmt: skip
    early = await world.treasurer.post(path, body | {"declared_on": "2025-02-05"}, headers=key())
    problem(early, 409, "claim-before-opening")
    made = ok(await world.treasurer.post(path, body, headers=key()), 201)
    assert (made["id"], made["late"], made["amount_cents"]) == (waits["id"], True, 3 * THIRD)
    problem(await world.treasurer.post(path, body, headers=key()), 409, "already-exists")
    claim = f"{path}/{made['id']}"
    for changes, code in (
        ({"admitted_on": "2025-04-14", "admitted_cents": 1}, "claim-admitted-before-declared"),
        ({"admitted_on": "2025-09-01", "admitted_cents": 3 * THIRD + 1}, "admitted-exceeds-claim"),
    ):
        problem(await world.treasurer.patch(claim, changes, headers=MATCH), 409, code)
    admitted = {"admitted_on": "2025-09-01", "admitted_cents": 2 * THIRD}
    assert ok(await world.treasurer.patch(claim, admitted, headers=MATCH))["admitted_cents"] == 2 * THIRD


async def test_a_plan_is_a_version_of_the_schedule(app: Any, world: World) -> None:
    await judged(app)  # what other tests have left to settle
    late = await Late.of(world)
    ended = {"closed_on": "2025-10-01", "ended_by": "plan"}
    proceeding = await late.proceeding("reorganisation", "2025-02-06", **ended)
    body = {"proceeding_id": proceeding["id"], "declared_on": "2025-03-01", "amount_cents": 3 * THIRD,
            "proof_sha256": SHA}  # fmt: skip
    claim = ok(await world.treasurer.post(f"advances/{late.advance}/debt-claims", body, headers=key()), 201)["id"]
    lines = [{"due_on": "2026-06-30", "principal_cents": THIRD}, {"due_on": "2027-06-30", "principal_cents": 2 * THIRD}]
    backwards = problem(await late.post(f"debt-claims/{claim}/plan", {"lines": lines[::-1]}), 422, "validation-failed")
    assert {error["code"] for error in backwards["errors"]} == {"dates_not_increasing"}
    planned = ok(await late.post(f"debt-claims/{claim}/plan", {"lines": lines, "document_sha256": SHA}))
    assert (planned["planned_on"], planned["plan_sha256"]) == ("2025-10-01", SHA)
    assert await late.left("2025-09-30") == EACH
    assert await late.left("2025-10-01") == [("2026-06-30", THIRD), ("2027-06-30", 2 * THIRD)]
    problem(await late.post(f"debt-claims/{claim}/plan", {"lines": lines}), 409, "already-planned")
    advance = await late.read()
    assert (advance["in_proceedings_on"], advance["outstanding_cents"]) == (None, 3 * THIRD)
    assert await judged(app) == 0


async def test_the_tick_settles_each_advance_once_whatever_was_owed_on_the_day(app: Any, world: World) -> None:
    await with_rates(world)
    acts = await Acts.of(world)
    ok(await acts.contribute(20_000_000, decided_on="2024-10-01"), 201)
    terms = {"instalments": 3, "frequency": "quarterly", "first_due_on": MARCH}
    made = ok(await acts.advance(3 * THIRD, decided_on="2024-11-01", terms=terms), 201)
    late = Late(world, acts, made["id"])
    await late.agree()
    ok(await acts.tranche(late.advance, THIRD, paid_on="2024-11-15"), 201)
    ok(await acts.repay(late.advance, THIRD, received_on="2025-02-01"), 201)
    proceeding = await late.proceeding("liquidation", "2025-05-06")  # nothing was owed on this day
    ok(await acts.tranche(late.advance, THIRD, paid_on="2025-06-15"), 201)
    await judged(app)
    version = (await late.read())["version"]
    assert await judged(app) == 0
    assert (await late.read())["version"] == version
    for changes, came in (
        ({"opened_on": "2025-06-20"}, "2025-06-20"), ({"continued_until_on": "2026-10-31"}, "2026-10-31"),
        ({"closed_on": "2026-11-15"}, "2026-10-31"),
    ):  # fmt: skip
        await late.correct(proceeding, **changes)
        assert await judged(app) == 1
        assert (await late.read())["accelerated_on"] == came
        assert await judged(app) == 0
    assert (await late.read())["in_proceedings_on"] is None
