"""Who takes an act of money back frees its reference and external id; both rows stay readable."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from tests.envelopes.acts import Acts
from tests.envelopes.test_limits import answers
from tests.world import World, ok, problem

Enter = Callable[[], Awaitable[httpx2.Response]]


async def scene(world: World, kind: str) -> tuple[Acts, Enter, str, dict[str, str]]:
    """How to enter an act of this kind under its names, where such acts are, and those names."""
    acts = await Acts.of(world, 10_000)
    names = {"reference": "B-3"}
    if kind == "contribution":
        return acts, lambda: acts.contribute(5, **names), "envelope/contributions", names
    if kind in ("grant", "advance"):
        names = {"decision_reference": "DEC-3", "external_id": "X-3"}
        return acts, lambda: getattr(acts, kind)(5, **names), f"{kind}s", names
    award = ok(await (acts.grant if kind == "payment" else acts.advance)(1000), 201)["id"]
    if kind == "payment":
        return acts, lambda: acts.pay(award, 5, **names), f"grants/{award}/payments", names
    ok(await acts.tranche(award, 1000), 201)
    return acts, lambda: acts.repay(award, 5, **names), f"advances/{award}/repayments", names


@pytest.mark.parametrize("kind", ["contribution", "grant", "advance", "payment", "repayment"])
async def test_the_names_of_a_reversed_act_may_be_entered_again_and_both_are_found(world: World, kind: str) -> None:
    acts, enter, path, names = await scene(world, kind)
    first = ok(await enter(), 201)["id"]
    refused = problem(await enter(), 409, "already-exists")
    assert {error["pointer"] for error in refused["errors"]} <= {f"/{name}" for name in names}
    assert len(refused["errors"]) == 1  # a field of the body, and none of the address
    ok(await acts.reverse(f"{path}/{first}"))
    second = ok(await enter(), 201)["id"]
    problem(await enter(), 409, "already-exists")
    for name, value in names.items():
        items: list[dict[str, Any]] = ok(await world.auditor.get(path, params={name: value}))["items"]
        assert {item["id"]: item["status"] == "reversed" for item in items} == {first: True, second: False}
    ok(await acts.reverse(f"{path}/{second}"))
    third = ok(await enter(), 201)["id"]
    for item in (first, second, third):
        assert ok(await world.auditor.get(f"{path}/{item}"))["id"] == item


@pytest.mark.parametrize("kind", ["grant", "advance"])
async def test_an_award_that_was_released_before_a_payment_frees_its_names(world: World, kind: str) -> None:
    acts, enter, path, _ = await scene(world, kind)
    first = ok(await enter(), 201)["id"]
    assert ok(await acts.release(f"{path}/{first}"))["status"] == "cancelled"
    ok(await enter(), 201)


@pytest.mark.parametrize("kind", ["contribution", "grant", "advance", "payment", "repayment"])
async def test_of_ten_at_once_under_a_freed_name_one_takes_it(world: World, kind: str) -> None:
    acts, enter, path, _ = await scene(world, kind)
    await acts.reverse(f"{path}/{ok(await enter(), 201)['id']}")
    assert answers(await asyncio.gather(*(enter() for _ in range(10)))) == {"201": 1, "already-exists": 9}
