"""Frameworks: their maximum holds all orders that name them, on every day and among simultaneous ones."""

import asyncio
import random
from collections import Counter
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select

from app.core import clock
from app.missions.frameworks import parameters
from tests.conftest import Frozen
from tests.lives import FRESH, seed_of
from tests.missions.frameworks.acts import a_framework, a_parameter, figures, framework_body, ordered
from tests.missions.test_orders import bare
from tests.world import World, ok, problem


async def clean(app: Any, *worlds: World) -> None:
    for world in worlds:
        assert await world.differences(app.state["engine"]) == []


async def change(world: World, framework: str, **values: Any) -> Any:
    tag = (await world.operator.get(f"/v1/frameworks/{framework}")).headers["etag"]
    return await world.operator.patch(f"/v1/frameworks/{framework}", values, headers={"If-Match": tag})


async def test_of_fifty_orders_in_five_territories_those_that_fit_are_ordered(app: Any, world: World) -> None:
    """20 days are left: of fifty orders of one day each exactly twenty succeed, wherever they are."""
    framework = await a_framework(world, max_days=100, max_amount_cents=100 * 90_000)
    first = await bare(world)
    ok(await ordered(world, first, framework, days=80, amount_cents=80 * 90_000), 201)
    worlds = [world, *[await World.create(world.http, world.pool) for _ in range(4)]]
    missions = [(place, await bare(place)) for place in worlds for _ in range(10)]
    responses = await asyncio.gather(
        *(ordered(place, mission, framework, days=1, amount_cents=90_000) for place, mission in missions)
    )
    counted = Counter(r.json().get("type", "ordered") for r in responses)
    assert counted == {"ordered": 20, "/problems/framework-exhausted": 30}
    refused = next(r for r in responses if r.is_error)
    assert (refused.json()["days_requested"], refused.json()["days_left"]) == (1, 0)
    seen = await figures(world, framework)
    assert (seen["days_ordered"], seen["days_left"], seen["ordered_cents"], seen["left_cents"]) == (
        100, 0, 9_000_000, 0,
    )  # fmt: skip
    assert sum(place["days_ordered"] for place in seen["by_territory"]) == 100
    assert len(ok(await world.auditor.get(f"/v1/frameworks/{framework}/orders?count=exact"))["items"]) == 21
    await clean(app, *worlds)


async def test_figures_of_a_framework_leave_out_what_is_under_others(world: World) -> None:
    """Two frameworks in one territory, with the same member: each says its own figures, by territory and by member."""
    for days in (10, 7):
        framework, mission = await a_framework(world), await bare(world)
        ok(await ordered(world, mission, framework, days=days, amount_cents=days * 90_000), 201)
        member = {"organisation_id": str(world.organisations["lead"]), "role": "lead", "days_allotted": days}
        ok(await world.operator.post(f"missions/{mission}/members", member), 201)
        for as_of in (None, clock.today().isoformat()):
            seen = await figures(world, framework, as_of)
            [place], [own] = seen["by_territory"], seen["by_member"]
            assert (place["days_ordered"], place["ordered_cents"]) == (seen["days_ordered"], seen["ordered_cents"])
            assert (place["days_ordered"], own["days_allotted"]) == (days, days)
            certified = [(of["days_certified"], of["certified_cents"]) for of in (seen, place, own)]
            assert certified == [(0, 0)] * 3


LIVED = [f"2023-06-{day:02}" for day in range(1, 8)]  # on which the acts of a life are signed


async def test_no_day_of_a_random_life_is_above_the_maximum(app: Any, world: World) -> None:
    """Orders, amendments, cancellations and reopenings, five at once: what is left is what the acts that stand say."""
    seed = seed_of(FRESH)
    chance = random.Random(seed)
    framework = await a_framework(world, max_days=12, max_amount_cents=1_200_000)
    missions = [await bare(world) for _ in range(4)]

    async def act() -> Any:
        mission, day = chance.choice(missions), chance.choice(LIVED)
        kind = chance.choice(["order", "order", "amend", "amend", "amend", "cancel", "reopen"])
        if kind in ("cancel", "reopen"):
            return await world.operator.post(f"missions/{mission}/{kind}", {"reason": "By chance."})
        days = chance.randint(1, 6) if kind == "order" else chance.randint(-4, 4)
        under = {"days": days, "amount_cents": days * 100_000, "signed_on": day}
        if kind == "order":
            return await ordered(world, mission, framework, **under)
        return await ordered(world, mission, None, kind="amendment", **under)

    answered: Counter[int] = Counter()
    for _ in range(12):
        answered.update(r.status_code for r in await asyncio.gather(*(act() for _ in range(5))))
    assert set(answered) <= {200, 201, 409, 422}, (seed, answered)
    listed = ok(await world.auditor.get(f"/v1/frameworks/{framework}/orders?counts=true&limit=500"))["items"]
    for day in LIVED:
        seen = await figures(world, framework, day)
        standing = [each for each in listed if each["signed_on"] <= day]
        assert seen["days_ordered"] == sum(each["days"] for each in standing), (seed, day)
        assert seen["ordered_cents"] == sum(each["amount_cents"] for each in standing), (seed, day)
        assert min(seen["days_left"], seen["left_cents"]) >= 0, (seed, day)
    await clean(app, world)


async def test_amendments_and_cancelled_missions_give_back_and_take_again(app: Any, world: World) -> None:
    framework = await a_framework(world, max_days=30, max_amount_cents=3_000_000)
    first, second, third = [await bare(world) for _ in range(3)]
    ok(await ordered(world, first, framework, days=20, amount_cents=2_000_000), 201)
    told = problem(await ordered(world, second, framework, days=15, amount_cents=1_000_000), 409, "framework-exhausted")
    assert (told["days_requested"], told["days_left"]) == (15, 10)
    assert told["detail"].startswith("15.00 days are requested, 10.00 are left.")
    told = problem(await ordered(world, second, framework, days=10, amount_cents=1_000_001), 409, "framework-exhausted")
    assert (told["requested_cents"], told["available_cents"]) == (1_000_001, 1_000_000)
    missing = problem(await ordered(world, second, framework, days=10), 422, "validation-failed")
    assert [(each["pointer"], each["code"]) for each in missing["errors"]] == [("/amount_cents", "amount_missing")]
    # An amendment that takes days away makes room from its day on, and not before.
    lower = await ordered(world, first, None, kind="amendment", days=-5, amount_cents=-500_000, signed_on="2023-07-01")
    assert ok(lower, 201)["framework_id"] == framework
    early = problem(
        await ordered(world, second, framework, days=15, amount_cents=1_500_000), 409, "framework-exhausted"
    )
    assert early["days_left"] == 10  # on 1 June
    ok(await ordered(world, second, framework, days=15, amount_cents=1_500_000, signed_on="2023-07-01"), 201)
    days = ("2023-05-31", "2023-06-30", "2023-07-01")
    assert [(await figures(world, framework, day))["days_left"] for day in days] == [30, 10, 0]
    # A mission that was a mistake gives all back; it takes it again, unless that is gone.
    ok(await world.operator.post(f"missions/{second}/cancel", {"reason": "A mistake."}))
    assert (await figures(world, framework))["days_left"] == 15
    ok(await ordered(world, third, framework, days=10, amount_cents=1_000_000, signed_on="2023-08-01"), 201)
    told = problem(
        await world.operator.post(f"missions/{second}/reopen", {"reason": "None."}), 409, "framework-exhausted"
    )
    assert (told["days_requested"], told["days_left"]) == (15, 5)
    # One that is over keeps what it ordered: what is not worked comes back by an amendment before.
    ok(await ordered(world, third, None, kind="amendment", days=-4, amount_cents=-400_000, signed_on="2023-08-02"), 201)
    ok(await world.operator.post(f"missions/{third}/close", {"reason": "It is over."}))
    assert (await figures(world, framework))["days_left"] == 9
    counted = ok(await world.auditor.get(f"/v1/frameworks/{framework}/orders?counts=false"))["items"]
    assert [each["mission_id"] for each in counted] == [second]
    await clean(app, world)


async def test_an_amendment_counts_where_its_order_does(world: World) -> None:
    framework, another = await a_framework(world), await a_framework(world)
    mission, free = await bare(world), await bare(world)
    ok(await ordered(world, mission, framework), 201)
    ok(await ordered(world, free, None), 201)
    for of, named in ((mission, another), (free, framework)):
        problem(await ordered(world, of, named, kind="amendment", days=1), 409, "order-framework-differs")
    lone = problem(await ordered(world, free, None, kind="amendment", days=1, amount_cents=5), 422, "validation-failed")
    assert lone["errors"][0]["code"] == "amount_without_framework"
    assert ok(await ordered(world, free, None, kind="amendment", days=1), 201)["framework_id"] is None
    problem(
        await ordered(world, mission, None, kind="amendment", days=0, amount_cents=-1), 409, "order-amount-below-zero"
    )
    ok(await ordered(world, mission, None, kind="amendment", days=0), 201)
    unknown = "019a9f5e-0000-7000-8000-000000000000"
    problem(await ordered(world, await bare(world), unknown), 404, "reference-not-found")


async def test_what_is_ordered_stays_within_a_framework_that_changes(world: World) -> None:
    framework = await a_framework(world, max_days=30)
    mission = await bare(world)
    late = problem(await ordered(world, mission, framework, signed_on="2027-01-01"), 409, "order-outside-framework")
    assert (late["signed_to"], late["to_on"]) == ("2027-01-01", "2026-12-31")
    ok(await ordered(world, mission, framework, days=20), 201)
    below = problem(await change(world, framework, max_days=19), 409, "framework-below-ordered")
    assert below["days_ordered"] == 20
    problem(await change(world, framework, max_amount_cents=10**9), 409, "framework-amounts-missing")
    problem(await change(world, framework, to_on="2023-05-31"), 409, "order-outside-framework")
    ok(await change(world, framework, to_on="2023-06-01", max_days=20))
    # What only takes away may be signed later.
    ok(await ordered(world, mission, None, kind="amendment", days=-1), 201)
    prices = [{"profile": "senior", "day_rate_cents": 100_000}]
    done = ok(await change(world, framework, unit_prices=prices, max_days=None))
    assert (done["unit_prices"], done["days_left"]) == (prices, None)
    again = await change(world, framework, unit_prices=prices)
    assert ok(again)["version"] == done["version"]
    told = [row["type"] for row in await world.events(framework)]
    assert told == ["framework.created", "framework.updated", "framework.updated"]
    data = str((await world.events(framework))[-1]["data"])
    assert [name in data for name in ("max_days", "day_rate_cents", "ordered_cents")] == [True, False, False]


async def test_the_maximum_of_a_past_day_stays_as_it_was(frozen: Frozen) -> None:
    """A change holds from its day on, in Paris; SQL cannot rewrite what held, and neither can a later change."""
    world = await frozen.world()
    async with frozen.at(datetime(2023, 9, 30, 12, tzinfo=clock.PARIS)):
        framework = await a_framework(world, max_days=30)
        ok(await ordered(world, await bare(world), framework, days=20, amount_cents=2_000_000), 201)
        ok(await change(world, framework, name="Another name"))
    async with frozen.at(datetime(2023, 11, 1, 0, 0, 1, tzinfo=clock.PARIS)):  # in UTC it is still October
        ok(await change(world, framework, max_days=35))
        ok(await change(world, framework, max_days=40, max_amount_cents=4_000_000))
    async with frozen.at(datetime(2024, 2, 1, 12, tzinfo=clock.PARIS)):
        ok(await change(world, framework, max_days=None))
        later = {"days": 15, "amount_cents": 500_000, "signed_on": "2023-10-31"}
        ok(await ordered(world, await bare(world), framework, **later), 201)

        async def told(as_of: str | None) -> tuple[Any, ...]:
            seen = await figures(world, framework, as_of)
            return tuple(seen[name] for name in ("max_days", "days_left", "max_amount_cents", "left_cents"))

        assert await told("2023-01-01") == (30, 30, None, None)
        assert await told("2023-10-30") == (30, 10, None, None)
        assert await told("2023-10-31") == (30, -5, None, None), "ordered later, under the maximum of later"
        assert await told("2023-11-01") == (40, 5, 4_000_000, 1_500_000)
        assert await told("2024-02-01") == await told(None) == (None, None, 4_000_000, 1_500_000)
        reference = (await figures(world, framework))["reference"]
        listed = ok(await world.auditor.get("/v1/frameworks", params={"as_of": "2023-10-31", "reference": reference}))
        assert [each["max_days"] for each in listed["items"]] == [30]
    for statement in ("UPDATE framework_maxima SET max_days = 99", "DELETE FROM framework_maxima"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await world.pool.execute(f"{statement} WHERE framework_id = $1::uuid", framework)


async def test_the_database_refuses_what_exceeds_a_framework(world: World) -> None:
    framework = await a_framework(world, max_days=5)
    mission = await bare(world)
    insert = (
        "INSERT INTO orders (mission_id, kind, reference, signed_on, days, starts_on, ends_on, framework_id,"
        " created_at, updated_at)"
        " VALUES ($1, 'initial', 'RAW', '2023-06-01', $2, '2023-06-14', '2023-09-30', $3, now(), now())"
    )
    async with world.pool.acquire() as connection:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute(insert, mission, 6, framework)
        assert refused.value.constraint_name == "framework_exhausted"
        await connection.execute(insert, mission, 5, framework)
    assert (await figures(world, framework))["days_left"] == 0


ATTACKS = {
    "framework_parameter_in_use": (
        "UPDATE framework_parameters SET value = '36' WHERE id = $1::uuid",
        "UPDATE framework_parameters SET name = 'late_days' WHERE id = $1::uuid",
        "UPDATE framework_parameters SET valid_until_on = '2024-01-01' WHERE id = $1::uuid",
        "DELETE FROM framework_parameters WHERE id = $1::uuid",
    ),
}


async def test_a_parameter_that_has_begun_is_not_rewritten_by_sql(world: World) -> None:
    parameter = await a_parameter(world, await a_framework(world))
    for constraint, statements in ATTACKS.items():
        for statement in statements:
            with pytest.raises(asyncpg.CheckViolationError) as refused:
                await world.pool.execute(statement, parameter)
            assert refused.value.constraint_name == constraint


async def test_prices_and_amounts_are_read_nationally_alone(world: World) -> None:
    framework = await a_framework(world, unit_prices=[{"profile": "expert", "day_rate_cents": 123_456}])
    mission = await bare(world)
    ok(await ordered(world, mission, framework, amount_cents=654_321), 201)
    made = {}
    for role in ("operator", "auditor", "lead", "consultant", "territory", "funder"):
        [order] = ok(await world.clients[role].get(f"missions/{mission}/orders"))["items"]
        assert order == ok(await world.clients[role].get(f"missions/{mission}/orders/{order['id']}"))
        assert order["framework_id"] == framework
        made[role] = order["amount_cents"]
    hidden = dict.fromkeys(("lead", "consultant", "territory", "funder"))
    assert made == {"operator": 654_321, "auditor": 654_321, **hidden}
    assert all("amount_cents" not in row["data"] for row in await world.events(order["id"]))
    for reader in (world.lead, world.consultant, world.funder):
        problem(await reader.get(f"/v1/frameworks/{framework}"), 404, "not-found")
    for wrong, code in (
        ([{"siren": "900000019", "role": "partner"}], "one_lead"),
        ([{"siren": "900000019", "role": "lead"}] * 2, "repeated_holder"),
    ):
        body = framework_body(members=wrong)
        assert (
            problem(await world.operator.post("/v1/frameworks", body), 422, "validation-failed")["errors"][0]["code"]
            == code
        )


async def test_a_parameter_is_read_by_mission_and_day(app: Any, world: World) -> None:
    framework = await a_framework(world)
    mission, free = await bare(world), await bare(world)
    ok(await ordered(world, mission, framework), 201)
    ok(await ordered(world, free, None), 201)
    value = {"name": "payment_days", "value": 45, "valid_from_on": "2023-07-01", "source": "To be confirmed."}
    made = ok(await world.operator.post(f"/v1/frameworks/{framework}/parameters", value), 201)
    assert made["framework_reference"] == (await figures(world, framework))["reference"]
    wrong = {**value, "name": "activity_reports_required", "value": 1}
    problem(await world.operator.post(f"/v1/frameworks/{framework}/parameters", wrong), 422, "validation-failed")
    problem(
        await world.operator.post(f"/v1/frameworks/{framework}/parameters", value), 409, "framework-parameters-overlap"
    )
    async with app.state["sessions"]() as session:
        for of, day, days in (
            (mission, date(2023, 6, 30), 30),
            (mission, date(2023, 7, 1), 45),
            (free, date(2023, 7, 1), 30),
        ):
            assert await parameters.on(session, UUID(of), "payment_days", day) == days
            assert await session.scalar(select(parameters.value_on(UUID(of), "payment_days", day))) == days
        known = {name: await parameters.on(session, UUID(free), name, date(2023, 7, 1)) for name in parameters.KNOWN}
    assert known == parameters.DEFAULTS
