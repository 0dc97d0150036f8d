"""Two acts on two connections, stepped through every order of their steps, as PostgreSQL's isolation tester does.

An act runs as the service runs it, and stops before each step: the lock on the accounts, each posting, COMMIT. The one
whose turn it is takes a step; the one that waits for a lock lets its turn pass, and goes on when the other lets go.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import chain, combinations, cycle
from typing import Any
from unittest.mock import patch

from sqlalchemy.ext.asyncio import AsyncSessionTransaction

from app.envelopes import ledger

_actor: ContextVar["Actor | None"] = ContextVar("actor", default=None)


class Actor:
    """One of the two: it stops at each step until it is let on."""

    def __init__(self, act: Callable[[], Awaitable[Any]]) -> None:
        self._go = asyncio.Semaphore(0)
        self.stopped = asyncio.Event()
        self.answer: asyncio.Task[Any] = asyncio.get_running_loop().create_task(self._run(act))

    async def _run(self, act: Callable[[], Awaitable[Any]]) -> Any:
        _actor.set(self)
        try:
            await self.stop()
            return await act()
        finally:
            self.stopped.set()

    async def stop(self) -> None:
        self.stopped.set()
        await self._go.acquire()
        self.stopped.clear()

    def go(self) -> None:
        self._go.release()

    @property
    def ended(self) -> bool:
        return self.answer.done()


def stopping(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The function, which an act stops before."""

    async def stopped(*arguments: Any, **named: Any) -> Any:
        actor = _actor.get()
        if actor is not None:
            await actor.stop()
        return await function(*arguments, **named)

    return stopped


@asynccontextmanager
async def steps() -> AsyncIterator[None]:
    """While it holds, an act stops before it locks the accounts, before each posting, and before COMMIT."""
    with (
        patch.object(ledger, "_lock", stopping(ledger._lock)),
        patch.object(ledger, "_post", stopping(ledger._post)),
        patch.object(AsyncSessionTransaction, "__aexit__", stopping(AsyncSessionTransaction.__aexit__)),
    ):
        yield


def orders(first: int, second: int) -> Iterator[list[int]]:
    """Every order of so many steps of the one and so many of the other."""
    for places in combinations(range(first + second), first):
        yield [0 if place in places else 1 for place in range(first + second)]


async def both(
    pool: Any, order: list[int], one: Callable[[], Awaitable[Any]], two: Callable[[], Awaitable[Any]]
) -> tuple[Any, Any]:
    """The answers of both acts, taken in this order of steps; what is left of them goes on in turn."""
    actors = [Actor(one), Actor(two)]
    for actor in actors:
        await actor.stopped.wait()
    turns = chain((actors[turn] for turn in order), cycle(actors))
    while not all(actor.ended for actor in actors):
        actor = next(turns)
        if actor.stopped.is_set() and not actor.ended:
            actor.stopped.clear()
            actor.go()
        await _rest(pool, actors)
    return await actors[0].answer, await actors[1].answer


async def _rest(pool: Any, actors: list[Actor]) -> None:
    """Wait until each act has stopped, ended, or waits for a lock of the other."""
    for _ in range(3000):
        running = sum(not actor.stopped.is_set() for actor in actors)
        if not running:
            return
        waiting = await pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        if waiting >= running:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("an act neither stops nor waits for a lock")
