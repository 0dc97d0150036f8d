"""The states of a deliverable: each act in each state, its delays at their last minute, and what silence admits."""

import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from app.core import clock
from app.engineering.deliverables.rules import (
    BY_THE_SERVICE,
    TRANSITIONS,
    DeliverableAct,
    DeliverableState,
)
from tests.conftest import Frozen
from tests.engineering.deliverables.acts import (
    BODIES,
    act,
    address,
    done,
    history,
    last_minute,
    mission_under,
    ordered,
    read,
    stored,
    tick,
)
from tests.world import World, ok, problem

S = DeliverableState
TODAY = clock.today().isoformat()

# How each state is reached, all on one day.
WAYS: dict[DeliverableState, list[str]] = {
    S.EXPECTED: [],
    S.DELIVERED: ["deliver"],
    S.UNDER_VERIFICATION: ["deliver", "verify"],
    S.ADMITTED: ["deliver", "verify", "admit"],
    S.DEFERRED: ["deliver", "verify", "defer"],
    S.ADMITTED_WITH_REDUCTION: ["deliver", "verify", "admit-with-reduction"],
    S.REJECTED: ["deliver", "verify", "reject"],
}


async def test_each_act_leads_where_the_table_says_and_is_refused_everywhere_else(world: World) -> None:
    assert set(WAYS) == set(S)
    assert {verb.replace("-", "_") for verb in BODIES} == set(DeliverableAct) - set(BY_THE_SERVICE)
    mission = await world.mission()
    for state, way in WAYS.items():
        deliverable = await ordered(world, mission, title=state)
        found = await done(world, deliverable, *((verb, TODAY) for verb in way))
        assert found["state"] == state
        before = await stored(world, deliverable)
        for verb in BODIES:
            sources, to = TRANSITIONS[DeliverableAct(verb.replace("-", "_"))]
            answer = await act(world, deliverable, verb, dry_run=True)
            if state in sources:
                assert ok(answer, 200)["state"] == to
            else:
                refused = problem(answer, 409, "deliverable-transition")
                assert (refused["current"], refused["needed"]) == (state, list(sources))
        assert await stored(world, deliverable) == before, "neither a dry run nor a refusal changes anything"


# Delivered on, months that the framework says, last day to verify: over both changes of clocks, the leap day, and the
# end of a longer month. Without a framework it is the law's two months.
DELAYS = [
    ("2024-01-15", None, "2024-03-15"),
    ("2024-09-05", None, "2024-11-05"),
    ("2023-12-31", None, "2024-02-29"),
    ("2024-01-31", 1, "2024-02-29"),
    ("2024-08-27", 3, "2024-11-27"),
]


@pytest.mark.parametrize(("delivered", "months", "last_day"), DELAYS)
async def test_the_delay_ends_with_the_last_minute_of_its_last_day_in_paris(
    frozen: Frozen, delivered: str, months: int | None, last_day: str
) -> None:
    world = await frozen.world()
    mission = await mission_under(world, months)
    acts = [verb for verb in BODIES if verb != "deliver"]
    waiting = {verb: await ordered(world, mission, title=verb) for verb in acts}
    for verb, deliverable in waiting.items():
        way = [("deliver", delivered)] if verb == "verify" else [("deliver", delivered), ("verify", delivered)]
        made = await done(world, deliverable, *way)
        assert made["verification_ends_on"] == last_day
        assert made["silence_on"] == str(date.fromisoformat(last_day) + timedelta(days=1))
    async with frozen.at(last_minute(last_day)):
        for verb, deliverable in waiting.items():
            ok(await act(world, deliverable, verb, dry_run=True), 200)
    async with frozen.at(last_minute(last_day) + timedelta(seconds=1)):
        for verb, deliverable in waiting.items():
            before = await stored(world, deliverable)
            refused = problem(await act(world, deliverable, verb), 409, "verification-over")
            assert (refused["last_day"], refused["silence_on"]) == (last_day, str(clock.today()))
            assert await stored(world, deliverable) == before
            ok(await act(world, deliverable, verb, last_day, dry_run=True), 200)  # done in time, recorded late


async def test_silence_admits_once_on_the_day_after_the_delay(world: World, app: Any) -> None:
    mission = await world.mission()
    delivered, verified = [await ordered(world, mission, title=f"{n}") for n in range(2)]
    await done(world, delivered, ("deliver", "2024-01-15"))
    await done(world, verified, ("deliver", "2024-01-15"), ("verify", "2024-02-01"))
    await tick(app, "2024-03-15")
    assert [(await read(world, each))["state"] for each in (delivered, verified)] == ["delivered", "under_verification"]
    await tick(app, "2024-03-16")
    for each in (delivered, verified):
        found = await read(world, each)
        assert (found["state"], found["by_silence"], found["decided_on"]) == ("admitted", True, "2024-03-16")
        assert (found["decided_by"], found["silence_on"], found["awaited_on"]) == (None, None, None)
        events = [(row["type"], row["actor_kind"]) for row in await world.events(each["id"])]
        assert events[-1] == ("deliverable.deemed_admitted", "system")
    before = [await stored(world, each) for each in (delivered, verified)]
    assert (await tick(app, "2024-03-16"))[0] == 0
    assert [await stored(world, each) for each in (delivered, verified)] == before
    assert (await history(world, verified))[-1] == ("silence_admits", "2024-03-16")
    assert await world.differences(app.state["engine"]) == []


# Each act of the last day, and whether silence admits after it all the same.
LATE = {"verify": True, "admit": False, "defer": False, "admit-with-reduction": False, "reject": False}


async def test_an_act_of_the_last_day_recorded_after_the_tick_reverses_the_silence(world: World, app: Any) -> None:
    on, mission = "2024-03-15", await world.mission()
    assert {*LATE, "deliver"} == set(BODIES)
    pairs = {verb: [await ordered(world, mission, title=verb) for _ in range(2)] for verb in LATE}
    for verb, pair in pairs.items():
        for each in pair:
            way = [("deliver", "2024-01-15"), ("verify", "2024-01-20")]
            await done(world, each, *way[: 1 if verb == "verify" else 2])
        await done(world, pair[0], (verb, on))
    await tick(app, "2024-12-01")
    await tick(app, "2024-12-01")
    for verb, (early, late) in pairs.items():
        assert (await read(world, late))["by_silence"]
        told = await done(world, late, (verb, on))
        assert told == await read(world, late), verb
        again = [("silence_admits", "2024-03-16")] * LATE[verb]
        count = 1 if verb == "verify" else 2
        acts = [("silence_admits", "2024-03-16"), ("reverse_silence", on), (verb.replace("-", "_"), on)]
        assert (await history(world, late))[count:] == [*acts, *again]
        names = ("state", "by_silence", "decided_on", "silence_on", "awaited_on", "reduced_days", "reason")
        first, second = [await read(world, each) for each in (early, late)]
        assert [first[name] for name in names] == [second[name] for name in names], "as if recorded in time"
        items = ok(await world.operator.get(f"{address(late)}/history"), 200)["items"]
        assert [each["reversed"] for each in items][count : count + 2] == [True, False]
        assert items[count]["recorded_by"] is None
        if LATE[verb]:
            types = [(row["type"], row["actor_kind"]) for row in await world.events(late["id"])][-2:]
            assert types == [
                ("deliverable.verification_opened", "person"), ("deliverable.deemed_admitted", "system"),
            ]  # fmt: skip
    late = pairs["verify"][1]
    problem(await act(world, late, "admit", "2024-03-16"), 409, "verification-over")
    assert (await done(world, late, ("admit", on)))["by_silence"] is False, "what silence admitted is decided in time"
    assert await world.differences(app.state["engine"]) == []


async def test_a_mended_version_and_one_after_a_rejection_are_verified_anew(world: World, app: Any) -> None:
    deliverable = await ordered(world)
    found = await done(
        world, deliverable, ("deliver", "2023-09-14"), ("verify", "2023-09-20"), ("defer", "2023-10-02"),
        until_on="2023-10-31",
    )  # fmt: skip
    assert (found["awaited_on"], found["reason"]) == ("2023-10-31", "The figures are missing.")
    assert (found["document_version"], found["decided_on"], found["late"]) == (1, "2023-10-02", True)
    problem(await act(world, deliverable, "deliver", "2023-10-01"), 409, "deliverable-act-out-of-order")
    found = await done(world, deliverable, ("deliver", "2023-10-25"), document_sha256="cd" * 32)
    assert (found["document_version"], found["document_sha256"]) == (2, "cd" * 32)
    assert (found["verification_ends_on"], found["awaited_on"], found["reason"]) == ("2023-12-25", None, None)
    found = await done(world, deliverable, ("verify", "2023-11-01"), ("reject", "2023-12-25"))
    assert (found["state"], found["awaited_on"], found["late"]) == ("rejected", None, False)
    found = await done(world, deliverable, ("deliver", "2024-01-08"))
    assert (found["document_version"], found["verification_ends_on"]) == (3, "2024-03-08")
    found = await done(
        world, deliverable, ("verify", "2024-01-09"), ("admit-with-reduction", "2024-02-01"), reduced_days=None,
        reduced_cents=1_500_00,
    )  # fmt: skip
    assert (found["reduced_days"], found["reduced_cents"]) == (None, 1_500_00)
    assert await world.differences(app.state["engine"]) == []


async def test_a_day_that_is_to_come_and_a_day_before_the_last_act_are_refused(world: World) -> None:
    deliverable = await ordered(world)
    for verb in BODIES:
        [fault] = problem(await act(world, deliverable, verb, "2199-01-01"), 422, "validation-failed")["errors"]
        assert (fault["pointer"], fault["code"]) == ("/on", "future_day")
    await done(world, deliverable, ("deliver", "2024-01-15"))
    refused = problem(await act(world, deliverable, "verify", "2024-01-14"), 409, "deliverable-act-out-of-order")
    assert refused["after_on"] == "2024-01-15"
    await done(world, deliverable, ("verify", "2024-01-15"))
    answer = await act(world, deliverable, "defer", "2024-02-01", until_on="2024-01-31")
    [fault] = problem(answer, 422, "validation-failed")["errors"]
    assert (fault["pointer"], fault["code"]) == ("/until_on", "mend_before_the_act")
    for more in ({"reduced_days": 1, "reduced_cents": 1}, {"reduced_days": None}):
        answer = await act(world, deliverable, "admit-with-reduction", "2024-02-01", **more)
        assert {each["code"] for each in problem(answer, 422, "validation-failed")["errors"]} == {"one_reduction"}


async def test_nothing_is_done_to_a_deliverable_of_a_cancelled_mission(world: World, app: Any) -> None:
    mission = await world.mission()
    ways = {verb: WAYS[TRANSITIONS[DeliverableAct(verb.replace("-", "_"))][0][0]] for verb in BODIES}
    made = {verb: await ordered(world, mission, title=verb) for verb in BODIES}
    for verb, way in ways.items():
        await done(world, made[verb], *((step, "2024-01-15") for step in way))
    ok(await world.operator.post(f"missions/{mission.id}/cancel", {"reason": "A mistake."}), 200)
    await tick(app, "2024-12-01")
    for verb, deliverable in made.items():
        before = await stored(world, deliverable)
        for on in ("2024-03-15", "2024-03-16"):  # before and after what silence would have decided
            problem(await act(world, deliverable, verb, on), 409, "mission-cancelled")
        problem(await world.operator.patch(address(deliverable), {"title": "Other"}), 409, "mission-cancelled")
        assert await stored(world, deliverable) == before
        assert (await read(world, deliverable))["by_silence"] is False, "a mistake is not admitted"
    said = {"remaining_days": 1, "stated_on": "2024-01-15", "reason": "Needed."}
    problem(await world.lead.post(f"missions/{mission.id}/remaining-days", said), 409, "mission-cancelled")
    ok(await world.operator.post(f"missions/{mission.id}/reopen", {"reason": "It was none."}), 200)
    await tick(app, "2024-12-01")
    found = await read(world, made["admit"])
    assert (found["by_silence"], found["decided_on"]) == (True, "2024-03-16"), "as if it had never been cancelled"
    assert (await done(world, made["deliver"], ("deliver", "2024-01-15")))["state"] == "delivered"
    assert await world.differences(app.state["engine"]) == []


DELIVER = (
    "INSERT INTO deliverable_passages (deliverable_id, number, territory, act, from_state, to_state, effective_on,"
    " document_version, document_sha256, verification_ends_on, recorded_at) VALUES ($1, 1, $2, 'deliver', 'expected',"
    " 'delivered', '2024-01-15', 1, repeat('0', 64), '2024-03-15', now())"
)
CANCEL = (
    "UPDATE missions SET status = 'cancelled', status_by = $2, status_at = now(), status_reason = 'A mistake.'"
    " WHERE id = $1"
)


@pytest.mark.parametrize("first", ["deliver", "cancel"])
async def test_of_a_delivery_and_a_cancellation_the_second_waits_for_the_first(world: World, first: str) -> None:
    deliverable = await ordered(world)
    acts: dict[str, tuple[Any, ...]] = {
        "deliver": (DELIVER, deliverable["id"], world.territory),
        "cancel": (CANCEL, deliverable["mission_id"], world.subjects["operator"]),
    }
    second = next(name for name in acts if name != first)
    async with world.pool.acquire() as one, world.pool.acquire() as two:
        transaction = one.transaction()
        await transaction.start()
        await one.execute(*acts[first])
        waiting = asyncio.create_task(two.execute(*acts[second]))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
        await (transaction.commit() if first == "cancel" else transaction.rollback())
        if first == "deliver":
            await waiting
        else:
            with pytest.raises(asyncpg.CheckViolationError) as refused:
                await waiting
            assert refused.value.constraint_name == "mission_cancelled"
