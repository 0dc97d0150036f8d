"""Two acts on one mission, their steps in every order: each statement that touches the limit row waits to be let go.

As PostgreSQL's isolation tester does, but over the service itself: an act runs until its next statement about the
limit row, or until the other's lock holds it, and a schedule says whose turn it is.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.util import await_only

from tests.orders import chosen
from tests.world import Mission, World, ok

BLOCKED = 0.03  # seconds after which an act is taken to wait for the other's lock
PAIRS = [
    ("amend", "post"), ("amend", "submit"), ("amend", "reverse"), ("reverse", "post"), ("reverse", "submit"),
    ("amend", "lock"), ("reverse", "lock"), ("reduce", "post"), ("reduce", "submit"), ("reduce", "reverse"),
    ("move", "post"), ("move", "amend"), ("move", "reduce"), ("move", "lock"), ("grid", "post"), ("grid", "amend"),
    ("grid", "reduce"), ("grid", "lock"), ("correct", "post"), ("correct", "correct"), ("correct", "reduce"),
]  # fmt: skip


@dataclass
class Turn:
    """One act: where it stands, and the word that lets it go on."""

    name: str
    stands: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    steps: int = 0

    async def arrive(self) -> None:
        self.steps += 1
        self.stands.set()
        await self.goes_on.wait()
        self.goes_on.clear()

    async def settle(self, task: "asyncio.Task[Any]") -> None:
        """Wait until the act stands at its next step, is done, or is held by the other's lock."""
        waiting = asyncio.ensure_future(self.stands.wait())
        await asyncio.wait({waiting, task}, timeout=BLOCKED, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()


TURN: ContextVar[Turn | None] = ContextVar("TURN", default=None)


@contextmanager
def stepped(engine: Any) -> Iterator[None]:
    """Statements about the limit row of a mission, and the end of their transaction, wait for their turn."""

    def wait(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        turn = TURN.get()
        if turn is not None and "mission_days" in statement and ("FOR UPDATE" in statement or "SET" in statement):
            await_only(turn.arrive())

    def wait_to_commit(_connection: Any) -> None:
        turn = TURN.get()
        if turn is not None:
            await_only(turn.arrive())

    event.listen(engine.sync_engine, "before_cursor_execute", wait)
    event.listen(engine.sync_engine, "commit", wait_to_commit)
    try:
        yield
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", wait)
        event.remove(engine.sync_engine, "commit", wait_to_commit)


async def prepared(world: World) -> tuple[Mission, dict[str, Callable[[], Awaitable[Any]]]]:
    """A mission of one day, of which a quarter is left, with June closed; and what may be done to it."""
    mission = await world.mission(days=1, lead=0, partner=1)
    june = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-06-20", days=0.5)), 201)["id"]
    body = mission.entry(worked_on="2023-07-04", days=0.25)
    july = ok(await world.consultant.post("time-entries", body), 201)["id"]
    wrong = ok(await world.consultant.post("time-entries", {**body, "worked_on": "2023-07-03"}), 201)["id"]
    ok(await world.consultant.post(f"time-entries/{wrong}/reverse", {"reason": "Another day."}))
    draft = mission.entry(worked_on="2023-07-06", days=0.25, status="draft")
    draft_id = ok(await world.consultant.post("time-entries", draft), 201)["id"]
    ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-06"}), 201)
    order = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-07-10", "days": 0.25, "reason": "More."}
    entry = mission.entry(worked_on="2023-07-05", days=0.25)
    fewer = {"kind": "amendment", "reference": "AV-2", "signed_on": "2023-07-10", "days": -0.25, "reason": "Fewer."}
    correction = mission.entry(worked_on="2023-07-05", days=0.25, corrects_id=wrong)
    cells = [{"worked_on": "2023-07-11", "activity": "audition", "days": 0.25}]
    week = {"consultant_id": mission.partner_consultant, "week": "2023-W28", "cells": cells}
    seen = await world.consultant.get(f"time-entries/grid?consultant_id={week['consultant_id']}&week=2023-W28")
    page = {"If-Match": seen.headers["etag"]}
    return mission, {
        "amend": lambda: world.operator.post(f"missions/{mission.id}/orders", order),
        "post": lambda: world.consultant.post("time-entries", entry),
        "submit": lambda: world.consultant.post(f"time-entries/{draft_id}/submit"),
        "reverse": lambda: world.consultant.post(f"time-entries/{june}/reverse", {"reason": "Wrong."}),
        "reduce": lambda: world.operator.post(f"missions/{mission.id}/orders", fewer),
        "move": lambda: world.consultant.patch(f"time-entries/{july}", {"worked_on": "2023-07-12", "days": 0.5}),
        "grid": lambda: world.consultant.put("time-entries/grid", week, headers=page),
        "correct": lambda: world.consultant.post("time-entries", correction),
        "lock": lambda: world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-07"}),
    }


async def _begun(turn: Turn, act: Callable[[], Awaitable[Any]]) -> Any:
    await turn.arrive()
    return await act()


async def run(engine: Any, acts: list[tuple[str, Callable[[], Awaitable[Any]]]], schedule: list[int]) -> list[Turn]:
    """Start both acts, and let each go on as the schedule says; then let them end."""
    turns, tasks = [], []
    with stepped(engine):
        for name, act in acts:
            turn = Turn(name)
            token = TURN.set(turn)
            tasks.append(asyncio.ensure_future(_begun(turn, act)))
            TURN.reset(token)
            turns.append(turn)
            await turn.settle(tasks[-1])
        for who in itertools.chain(schedule, itertools.cycle((0, 1))):
            if all(task.done() for task in tasks):
                break
            if turns[who].stands.is_set():
                turns[who].stands.clear()
                turns[who].goes_on.set()
                await turns[who].settle(tasks[who])
            else:
                await asyncio.sleep(0.005)
        for task in tasks:
            assert task.result().status_code in (200, 201, 409), task.result().text
    return turns


@pytest.mark.parametrize("pair", PAIRS, ids=[" ".join(pair) for pair in PAIRS])
async def test_every_order_of_the_steps_of_two_acts_leaves_days_that_agree(
    app: Any, world: World, pair: tuple[str, str]
) -> None:
    engine = app.state["engine"]
    _, acts = await prepared(world)
    counts = [turn.steps for turn in await run(engine, [(name, acts[name]) for name in pair], [])]
    places = range(sum(counts))
    for first in chosen(itertools.combinations(places, counts[0])):
        order = [0 if place in first else 1 for place in places]
        mission, acts = await prepared(world)
        await run(engine, [(name, acts[name]) for name in pair], order)
        for day in (
            "2023-06-30",
            "2023-07-01",
            "2023-07-05",
            "2023-07-06",
            "2023-07-09",
            "2023-07-10",
            "2023-07-11",
            "2023-07-12",
            "2023-08-31",
        ):
            found = ok(await world.operator.get(f"engineering?mission_id={mission.id}&as_of={day}"))
            assert 0 <= found["days_entered"] <= found["days_ordered"], (order, day)
    assert await world.differences(engine) == []
