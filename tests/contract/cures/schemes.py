"""The cures of schemes and their parameters: what has begun is ended, and followed by another."""

from datetime import timedelta
from typing import Any

import httpx2

from app.core import clock
from tests.contract.cures import Case, seen, walk, word
from tests.world import World, ok


def code() -> str:
    """A code that nothing has yet."""
    return word("s").replace("-", "_")


def in_days(number: int) -> str:
    """A Paris day so many days from today."""
    return (clock.today() + timedelta(days=number)).isoformat()


async def scheme(world: World, **more: Any) -> str:
    """The address of a new scheme, which has begun."""
    body = {"code": code(), "name": "Scheme", "legal_basis": "Décret n° 2018-514", "valid_from_on": "2023-01-01"}
    made = ok(await world.programme.post("/v1/schemes", body | more), 201)
    return f"/v1/schemes/{made['code']}"


async def parameter(world: World, of: str, **more: Any) -> str:
    """The address of a new value of one of its parameters."""
    made = ok(await world.programme.post(f"{of}/parameters", {**VALUE, **more}), 201)
    return f"{of}/parameters/{made['id']}"


async def change(world: World, path: str, **values: Any) -> httpx2.Response:
    """Change one of them as it is now."""
    return await world.programme.patch(path, values, headers=await seen(world.auditor, path))


VALUE = {"name": "maximum_months", "value": 24, "valid_from_on": "2023-01-01", "source": "Arrêté, art. 1"}


@walk("scheme-in-use", "update_scheme")
async def scheme_in_use(case: Case) -> None:
    path = await scheme(case.world)
    case.refused(await change(case.world, path, valid_until_on=in_days(-1)))
    case.cured(await change(case.world, path, valid_until_on=in_days(0)))
    case.refused(await change(case.world, path, valid_from_on="2022-01-01"))
    case.cured(await change(case.world, path, valid_until_on=in_days(9)))


@walk("parameter-in-use", "update_scheme_parameter")
async def parameter_in_use(case: Case) -> None:
    of = await scheme(case.world)
    path = await parameter(case.world, of)
    for refused in ({"value": 36}, {"valid_from_on": "2023-02-01"}, {"valid_until_on": in_days(-1)}):
        case.refused(await change(case.world, path, **refused))
    case.cured(await change(case.world, path, valid_until_on=in_days(0)))
    await parameter(case.world, of, value=36, valid_from_on=in_days(1))


@walk("parameters-overlap", "create_scheme_parameter", "update_scheme_parameter")
async def parameters_overlap(case: Case) -> None:
    of = await scheme(case.world)
    first = await parameter(case.world, of)
    if case.act == "create_scheme_parameter":
        later = {**VALUE, "value": 36, "valid_from_on": in_days(1)}
        case.refused(await case.world.programme.post(f"{of}/parameters", later))
        ok(await change(case.world, first, valid_until_on=in_days(0)))
        case.cured(await case.world.programme.post(f"{of}/parameters", later))
        return
    ok(await change(case.world, first, valid_until_on=in_days(9)))
    second = await parameter(case.world, of, valid_from_on=in_days(20))
    case.refused(await change(case.world, first, valid_until_on=in_days(30)))
    case.cured(await change(case.world, first, valid_until_on=in_days(19)))
    case.refused(await change(case.world, second, valid_from_on=in_days(15)))
    ok(await change(case.world, first, valid_until_on=in_days(9)))
    case.cured(await change(case.world, second, valid_from_on=in_days(15)))
