"""The acceptance of a correction beside another act, their steps in every order: certificates and days agree."""

import itertools
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.contract.cures import seen
from tests.engineering.corrections.test_corrections import act, certified
from tests.engineering.entries.test_every_order import about_days, run
from tests.orders import chosen
from tests.world import World, ok

HELD = re.compile(r"FROM (service_certificates|time_entry_corrections)\b.*\bFOR ", re.DOTALL)
OTHERS = ["accept", "another", "cancel", "lock", "withdraw", "post", "reduce"]


def waits(statement: str) -> bool:
    """A statement that holds a certificate, a correction or the limit row of a mission, or changes the last."""
    return about_days(statement) or HELD.search(statement) is not None


async def prepared(world: World) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Two agreed corrections of one certificate, and what may be done beside the first."""
    start = await certified(world, 1, 1, 0.5)
    first, second = await start.agreed(0), await start.agreed(1)
    certificate = f"service-certificates/{start.certificate['id']}"
    read = await seen(world.operator, certificate)
    order = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-07-10", "days": -17.5, "reason": "Fewer."}
    entry = start.mission.entry(worked_on="2023-07-20", days=0.5)
    return {
        "accept": lambda: act(world.operator, first, "accept"),
        "another": lambda: act(world.operator, second, "accept"),
        "cancel": lambda: world.operator.post(f"{certificate}/cancel", {"reason": "Mistaken."}, headers=read),
        "lock": lambda: world.operator.post("month-locks", {"mission_id": start.mission.id, "month": "2023-07"}),
        "withdraw": lambda: act(world.consultant, first, "withdraw"),
        "post": lambda: world.consultant.post("time-entries", entry),
        "reduce": lambda: world.operator.post(f"missions/{start.mission.id}/orders", order),
    }


@pytest.mark.parametrize("other", OTHERS)
async def test_every_order_of_the_steps_of_an_acceptance_and_another_act_leaves_balances_that_agree(
    app: Any, world: World, other: str
) -> None:
    engine, pair = app.state["engine"], ("accept", other)
    acts = await prepared(world)
    counts = [turn.steps for turn in await run(engine, [(name, acts[name]) for name in pair], [], waits)]
    places = range(sum(counts))
    for first in chosen(itertools.combinations(places, counts[0])):
        acts = await prepared(world)
        order = [0 if place in first else 1 for place in places]
        await run(engine, [(name, acts[name]) for name in pair], order, waits)
    found = ok(await world.operator.get("service-certificates?limit=500&sort=number"))["items"]
    assert sorted(each["number"] for each in found) == list(range(1, len(found) + 1)), "without a gap"
    assert await world.differences(engine) == []
