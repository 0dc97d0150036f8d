"""Readers who wait: one look a worker at what is new, read once for all who see the same and ask for the same.

A reader has a position, as every reader of the feed has. Whoever is behind what is held in memory (at the start, after
a pause, too slow for a burst) reads pages of its own until it has caught up; so nothing is missed, nothing comes twice,
and what is held does not grow with the slowness of anybody. No connection of the pool is held while somebody waits.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic_core import to_json
from sqlalchemy import BigInteger, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.access import gate
from app.access.rules import Actor
from app.core.db import Statement, fetch, param
from app.core.problems import Problem
from app.core.quotas import Slots
from app.core.serving.background import within
from app.core.serving.draining import DRAIN
from app.core.writing.events import Event
from app.integrations.feed.horizon import Horizon

log = structlog.get_logger("rebond")

PERIOD = 0.1  # seconds between two looks
KEYS = 2.0  # seconds between two looks at the keys of those who wait
LONGEST = 5.0  # seconds that one look may take
PAGE = 100  # events that are read at once
HELD = 2 * PAGE  # the newest events that are held of what some see alike

Told = tuple[int, str]  # the number of an event, and its JSON


class TooManyListeners(Problem):
    """Too many readers wait for events."""

    status = 503
    title_fr = "Trop de lecteurs attendent des événements."
    cure = "Try again in a few seconds, or ask without waiting."
    cure_fr = "Réessayez dans quelques secondes, ou demandez sans attendre."
    retry_after = 5


@dataclass(frozen=True)
class Question:
    """What a caller asks of the feed, within what it sees: nothing of other `territories` than these (None: of all)."""

    statement: Statement
    bound: Mapping[str, Any]
    territories: tuple[str, ...] | None

    async def page(self, engine: AsyncEngine, after: int, horizon: int, limit: int) -> tuple[list[Told], int]:
        """The events after a number, and the number up to which these are all."""
        rows = await fetch(engine, self.statement, {**self.bound, "after": after, "horizon": horizon, "limit": limit})
        told = [(row["sequence"], row["body"]) for row in rows]
        return told, told[-1][0] if len(told) == limit else max(after, horizon)

    @property
    def key(self) -> tuple[Statement, bytes]:
        """The same for all who see the same and ask for the same."""
        return self.statement, to_json(self.bound)


# The territories of new events: who sees none of them is not read for.
_WHERE = Statement(
    select(Event.territory)
    .distinct()
    .where(Event.sequence > param("after", BigInteger()), Event.sequence <= param("horizon", BigInteger()))
)


class View:
    """The newest events that some see alike: all after `floor`, up to `reached`."""

    def __init__(self, key: tuple[Statement, bytes], question: Question, horizon: int) -> None:
        self.key, self.question = key, question
        self.floor = self.reached = horizon
        self.held: deque[Told] = deque()
        self.readers = 0
        self.changed = asyncio.Event()

    def since(self, position: int) -> list[Told]:
        """The events after a number that is not below the floor."""
        found = []
        for each in reversed(self.held):
            if each[0] <= position:
                break
            found.append(each)
        return found[::-1]

    async def read(self, engine: AsyncEngine, horizon: int) -> None:
        """Take what is new up to the horizon, page by page: who is quick enough takes each before the next is read."""
        while self.reached < horizon and self.readers:
            told, self.reached = await self.question.page(engine, self.reached, horizon, PAGE)
            if told:
                self.held.extend(told)
                while len(self.held) > HELD:
                    self.floor, _ = self.held.popleft()
                self.tell()

    def tell(self) -> None:
        """Wake those who wait."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Listener:
    """One reader who waits. `over`: its key ended or carries something else now, or the process stops."""

    __slots__ = ("_engine", "actor", "ended", "position", "view")

    def __init__(self, engine: AsyncEngine, actor: Actor, view: View, position: int) -> None:
        self._engine, self.actor, self.view, self.position = engine, actor, view, position
        self.ended = False

    @property
    def over(self) -> bool:
        return self.ended or DRAIN.begun

    async def following(self, seconds: float) -> list[Told]:
        """The next events, at most some pages; none where none came in so many seconds, or it is over."""
        until = asyncio.get_running_loop().time() + seconds
        view = self.view
        while not self.over:
            if self.position < view.floor:
                told, self.position = await view.question.page(self._engine, self.position, view.reached, PAGE)
            else:
                told = view.since(self.position)
                self.position = max(self.position, view.reached)
            if told:
                return told
            if self.position < view.floor:
                continue
            try:
                async with asyncio.timeout_at(until):
                    await view.changed.wait()
            except TimeoutError:
                break
        return []


class Live:
    """The readers who wait in one worker, and the task that looks for them."""

    def __init__(self, engine: AsyncEngine, horizon: Horizon, places: Slots) -> None:
        self._engine, self._horizon, self._places = engine, horizon, places
        self._views: dict[tuple[Statement, bytes], View] = {}
        self._listeners: set[Listener] = set()
        self._somebody = asyncio.Event()
        self._keys_seen = 0.0

    @contextmanager
    def listening(self, state: Any, question: Question, position: int) -> Iterator[Listener]:
        """A place for a reader, for the length of a block, which is a time of waiting.

        Raises `QuotaExceeded` (429) and `TooManyListeners` (503).
        """
        actor, began = state.actor, time.perf_counter()
        with self._places.taken(actor):
            view = self._view(question.key, question)
            del question  # what is held of it is the view's alone: a thousand readers would have it a thousand times
            listener = Listener(self._engine, actor, view, position)
            view.readers += 1
            self._listeners.add(listener)
            self._somebody.set()
            try:
                yield listener
            finally:
                state.waited = time.perf_counter() - began
                self._listeners.discard(listener)
                view.readers -= 1
                if not view.readers:
                    del self._views[view.key]
                if not self._listeners:
                    self._somebody.clear()

    def _view(self, key: tuple[Statement, bytes], question: Question) -> View:
        return self._views.setdefault(key, View(key, question, self._horizon.settled))

    async def serve(self) -> None:
        """Look for as long as the process serves; ten times a second where somebody waits, else never."""
        while True:
            await self._somebody.wait()
            if DRAIN.begun:
                self._tell_all()
            else:
                try:
                    await within(LONGEST, self._look())
                except Exception:  # the database is away or busy: who waits goes on waiting, and misses nothing
                    log.warning("feed_waits", exc_info=True)
                    await asyncio.sleep(1)
            await asyncio.sleep(PERIOD)

    async def _look(self) -> None:
        if self._keys_seen + KEYS < time.monotonic():
            await self._look_at_keys()
        horizon = await self._horizon.advance(self._engine)
        behind = [view for view in self._views.values() if view.reached < horizon]
        if not behind:
            return
        where = await fetch(self._engine, _WHERE, {"after": min(view.reached for view in behind), "horizon": horizon})
        places = {row["territory"] for row in where}
        for view in behind:
            if view.question.territories is None or places & {None, *view.question.territories}:
                await view.read(self._engine, horizon)
            else:
                view.reached = horizon

    async def _look_at_keys(self) -> None:
        """End those whose key ended or carries something else now: who may still read asks again, and sees that."""
        began, waiting = time.monotonic(), list(self._listeners)
        stands = await gate.standing(self._engine, {each.actor.key_id for each in waiting if each.actor.key_id})
        for each in waiting:
            if each.actor.key_id is None or stands.get(each.actor.key_id) != each.actor:
                each.ended = True
                each.view.tell()
        self._keys_seen = began

    def _tell_all(self) -> None:
        for view in self._views.values():
            view.tell()
