"""The cures of what refuses a framework, or an order under one."""

from typing import Any

import httpx2

from tests.contract.cures import NOBODY, Case, seen, walk
from tests.contract.cures.missions import bare
from tests.contract.cures.schemes import in_days
from tests.missions.frameworks.acts import a_framework, a_parameter, ordered
from tests.world import World, ok


async def change(world: World, path: str, **values: Any) -> httpx2.Response:
    return await world.operator.patch(path, values, headers=await seen(world.operator, path))


async def act(world: World, mission: str, action: str) -> httpx2.Response:
    return await world.operator.post(f"missions/{mission}/{action}", {"reason": "Needed."})


@walk("framework-exhausted", "create_order", "reopen_mission")
async def framework_exhausted(case: Case) -> None:
    framework = await a_framework(case.world, max_days=10)
    first, second = await bare(case.world), await bare(case.world)
    ok(await ordered(case.world, first, framework, days=6), 201)
    path = f"/v1/frameworks/{framework}"
    if case.act == "create_order":
        case.refused(await ordered(case.world, second, framework, days=6), "6.00 days", "4.00 are left")
        case.cured(await ordered(case.world, second, framework, days=4))
        third = await bare(case.world)
        case.refused(await ordered(case.world, third, framework, days=6))
        ok(await change(case.world, path, max_days=16))
        case.cured(await ordered(case.world, third, framework, days=6))
        return
    ok(await act(case.world, first, "cancel"))
    ok(await ordered(case.world, second, framework, days=6), 201)
    case.refused(await act(case.world, first, "reopen"))
    ok(await ordered(case.world, second, None, kind="amendment", days=-2, signed_on="2023-06-01"), 201)
    case.cured(await act(case.world, first, "reopen"))


@walk("framework-below-ordered", "update_framework")
async def framework_below_ordered(case: Case) -> None:
    framework = await a_framework(case.world)
    ok(await ordered(case.world, await bare(case.world), framework, days=6, amount_cents=600_000), 201)
    path = f"/v1/frameworks/{framework}"
    told = case.refused(await change(case.world, path, max_days=5, max_amount_cents=500_000))
    case.cured(await change(case.world, path, max_days=told["days_ordered"], max_amount_cents=told["ordered_cents"]))


@walk("framework-amounts-missing", "update_framework", "reopen_mission")
async def framework_amounts_missing(case: Case) -> None:
    framework, mission = await a_framework(case.world), await bare(case.world)
    ok(await ordered(case.world, mission, framework, days=6), 201)
    path = f"/v1/frameworks/{framework}"
    if case.act == "reopen_mission":
        ok(await act(case.world, mission, "cancel"))
        ok(await change(case.world, path, max_amount_cents=10**9))
        case.refused(await act(case.world, mission, "reopen"), "1 orders")
        ok(await change(case.world, path, max_amount_cents=None))
        case.cured(await act(case.world, mission, "reopen"))
        return
    case.refused(await change(case.world, path, max_amount_cents=10**9), "1 orders")
    case.cured(await change(case.world, path, max_amount_cents=None, max_days=10))


@walk("order-outside-framework", "create_order", "update_framework", "reopen_mission")
async def order_outside_framework(case: Case) -> None:
    framework = await a_framework(case.world)
    path, mission = f"/v1/frameworks/{framework}", await bare(case.world)
    if case.act == "create_order":
        case.refused(await ordered(case.world, mission, framework, signed_on="2022-12-31"))
        case.cured(await ordered(case.world, mission, framework, signed_on="2023-01-01"))
        another = await bare(case.world)
        case.refused(await ordered(case.world, another, framework, signed_on="2022-12-31"))
        ok(await change(case.world, path, from_on="2022-12-31"))
        case.cured(await ordered(case.world, another, framework, signed_on="2022-12-31"))
        return
    ok(await ordered(case.world, mission, framework, signed_on="2023-06-01"), 201)
    if case.act == "update_framework":
        case.refused(await change(case.world, path, to_on="2023-05-31"))
        case.cured(await change(case.world, path, to_on="2023-06-01"))
        return
    ok(await act(case.world, mission, "cancel"))
    ok(await change(case.world, path, to_on="2023-05-31"))
    case.refused(await act(case.world, mission, "reopen"))
    ok(await change(case.world, path, to_on="2023-06-01"))
    case.cured(await act(case.world, mission, "reopen"))


@walk("order-framework-differs", "create_order")
async def order_framework_differs(case: Case) -> None:
    framework, another = await a_framework(case.world), await a_framework(case.world)
    mission = await bare(case.world)
    ok(await ordered(case.world, mission, framework), 201)
    case.refused(await ordered(case.world, mission, another, kind="amendment"))
    case.cured(await ordered(case.world, mission, None, kind="amendment"))
    case.cured(await ordered(case.world, await bare(case.world), another))


@walk("reference-not-found", "create_order")
async def framework_not_found(case: Case) -> None:
    mission = await bare(case.world)
    case.refused(await ordered(case.world, mission, NOBODY))
    case.cured(await ordered(case.world, mission, await a_framework(case.world)))


@walk("order-amount-below-zero", "create_order")
async def order_amount_below_zero(case: Case) -> None:
    mission = await bare(case.world)
    ok(await ordered(case.world, mission, await a_framework(case.world), amount_cents=100), 201)
    case.refused(await ordered(case.world, mission, None, kind="amendment", days=0, amount_cents=-101))
    case.cured(await ordered(case.world, mission, None, kind="amendment", days=0, amount_cents=-100))


@walk("framework-parameter-in-use", "update_framework_parameter")
async def framework_parameter_in_use(case: Case) -> None:
    framework = await a_framework(case.world)
    path = f"/v1/frameworks/{framework}/parameters/{await a_parameter(case.world, framework)}"
    for refused in ({"value": 45}, {"valid_from_on": "2023-02-01"}, {"valid_until_on": in_days(-1)}):
        case.refused(await change(case.world, path, **refused))
    case.cured(await change(case.world, path, valid_until_on=in_days(0)))
    await a_parameter(case.world, framework, value=45, valid_from_on=in_days(1))


@walk("framework-parameters-overlap", "create_framework_parameter", "update_framework_parameter")
async def framework_parameters_overlap(case: Case) -> None:
    framework = await a_framework(case.world)
    path = f"/v1/frameworks/{framework}/parameters"
    first = f"{path}/{await a_parameter(case.world, framework)}"
    if case.act == "create_framework_parameter":
        later = {"name": "payment_days", "value": 45, "valid_from_on": in_days(1), "source": "An amendment."}
        case.refused(await case.world.operator.post(path, later))
        ok(await change(case.world, first, valid_until_on=in_days(0)))
        case.cured(await case.world.operator.post(path, later))
        return
    ok(await change(case.world, first, valid_until_on=in_days(9)))
    await a_parameter(case.world, framework, valid_from_on=in_days(20))
    case.refused(await change(case.world, first, valid_until_on=in_days(30)))
    case.cured(await change(case.world, first, valid_until_on=in_days(19)))
