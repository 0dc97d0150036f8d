"""The tick beside a person's act on a file whose time is over, stepped over two connections in every order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from unittest.mock import patch

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncSessionTransaction

from app.applications.history import History
from app.commands.tick import take_silences
from app.core.writing.passages import Silences
from app.core.writing.writes import Write
from tests.applications.acts import act, body_of, history, oriented, read, submitted
from tests.applications.test_states import tick
from tests.envelopes.stepping import both, orders, stopping
from tests.orders import chosen
from tests.projects.acts import staff
from tests.world import World, ok, problem

DAY = date(2024, 3, 20)  # after the time to examine admissibility, before the time to decide


@asynccontextmanager
async def steps() -> AsyncIterator[None]:
    """While it holds, an act stops before it locks a file, before it writes, and before COMMIT; so does the tick."""
    with (
        patch.object(Write, "lock", stopping(Write.lock)),
        patch.object(Silences, "_record", stopping(Silences._record)),
        patch.object(History, "write_down", stopping(History.write_down)),
        patch.object(AsyncSessionTransaction, "__aexit__", stopping(AsyncSessionTransaction.__aexit__)),
    ):
        yield


async def stepped(world: World, app: Any, order: list[int], file: dict[str, Any], on: str) -> httpx2.Response:
    """The answer to `admit` on a day beside the tick, in this order of their steps."""
    async with steps():
        _, answer = await both(
            world.pool,
            order,
            lambda: take_silences(app.state["sessions"], DAY),
            lambda: act(world, file["id"], "admit", on),
        )
    response: httpx2.Response = answer
    return response


@pytest.mark.parametrize("on", ["2024-03-15", "2024-03-16"])
async def test_of_the_tick_and_an_act_either_order_ends_in_one_state(world: World, app: Any, on: str) -> None:
    await tick(app)
    for order in chosen(orders(4, 4)):
        file = await submitted(world)
        answer = await stepped(world, app, order, file, on)
        if on == "2024-03-15":
            ok(answer, 200)
        else:
            problem(answer, 409, "clock-has-run-out")
        # An act that reverses a silence takes what silence decides after it; before the tick, the next tick does.
        await tick(app)
        assert (await read(world, file))["state"] == "implicitly_rejected"
        acts = [each for each, _ in await history(world, file)]
        if on == "2024-03-15":
            reversed_ = ["silence_admits", "reverse_silence"]
            ends = ["admit", "silence_rejects"]
            assert acts in (["submit", *ends], ["submit", *reversed_, *ends]), order
        else:
            assert acts == ["submit", "silence_admits", "silence_rejects"], order
    assert await world.differences(app.state["engine"]) == []


async def test_two_ticks_at_once_take_each_silence_once(world: World, app: Any) -> None:
    await tick(app)
    for order in chosen(orders(4, 4)):
        files = [await submitted(world) for _ in range(2)]
        async with steps():
            taken = await both(
                world.pool, order, *[lambda: take_silences(app.state["sessions"], DAY, batch=1) for _ in range(2)]
            )
        assert sum(taken) == 2, order
        for file in files:
            assert [each for each, _ in await history(world, file)] == ["submit", "silence_admits"]


async def test_a_late_act_and_a_new_file_in_its_place_exclude_each_other(world: World, app: Any) -> None:
    for order in chosen(orders(3, 3)):
        made = await oriented(world)
        file = await submitted(world, made)
        await tick(app)

        async def again(made: dict[str, Any] = made, file: dict[str, Any] = file) -> httpx2.Response:
            return await staff(world).post("applications", body_of(made, refiles_id=file["id"]))

        async def late(file: dict[str, Any] = file) -> httpx2.Response:
            return await act(world, file["id"], "withdraw", "2024-09-15")

        async with steps():
            acted, refiled = await both(world.pool, order, late, again)
        if acted.status_code == 200:
            assert refiled.status_code == 409, order
            assert (await read(world, file))["state"] == "withdrawn"
        else:
            problem(acted, 409, "refiled")
            ok(refiled, 201)
            assert (await read(world, file))["state"] == "implicitly_rejected"


async def test_of_many_drafts_at_once_one_is_open(world: World) -> None:
    made = await oriented(world)
    answers = await asyncio.gather(*(staff(world).post("applications", body_of(made)) for _ in range(8)))
    assert sorted(each.status_code for each in answers) == [201, *[409] * 7]
