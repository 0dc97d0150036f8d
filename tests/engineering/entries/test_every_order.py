"""Two acts on one mission, their steps in every order: each statement that touches the limit row waits to be let go.

As PostgreSQL's isolation tester does, but over the service itself: an act runs until its next statement about the
limit row, or until the other's lock holds it, and a schedule says whose turn it is. Where a sealed act rests on another
row, the statements about that row wait too.
"""

import asyncio
import itertools
import re
import secrets
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


def about_days(statement: str) -> bool:
    """A statement that holds or changes the limit row of a mission."""
    return "mission_days" in statement and ("FOR UPDATE" in statement or "SET" in statement)


def about_seals(statement: str) -> bool:
    """A statement that holds or changes what sealed acts rest on, or writes such an act."""
    held = r"(FROM|UPDATE|INSERT INTO) (rates|consultants|mission_activities|time_entries|service_certificates)\b"
    return re.search(held, statement) is not None and re.search(r"\bFOR |\bSET\b|^INSERT", statement) is not None


TURN: ContextVar[Turn | None] = ContextVar("TURN", default=None)


@contextmanager
def stepped(engine: Any, waits: Callable[[str], bool]) -> Iterator[None]:
    """Statements that wait, and the end of their transaction, wait for their turn."""

    def wait(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        turn = TURN.get()
        if turn is not None and waits(statement):
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


async def run(
    engine: Any,
    acts: list[tuple[str, Callable[[], Awaitable[Any]]]],
    schedule: list[int],
    waits: Callable[[str], bool] = about_days,
) -> list[Turn]:
    """Start both acts, and let each go on as the schedule says; then let them end."""
    turns, tasks = [], []
    with stepped(engine, waits):
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


# --- what a sealed act rests on --------------------------------------------------------------------------------------

SEALED = [
    ("certify", "reprice"), ("certify", "end rate"), ("certify", "promote"), ("certify", "end assignment"),
    ("post", "end activity"), ("move", "end activity"), ("post", "leave out activity"),
]  # fmt: skip


async def sealing(world: World) -> tuple[Mission, dict[str, Callable[[], Awaitable[Any]]]]:
    """A mission with a validated day and a draft of a later one; what seals it, and what would rewrite it."""
    audition, analysis = {"code": "audition", "label": "Audition"}, {"code": "analysis", "label": "Analyse"}
    mission = await world.mission(days=10, activities=[audition, analysis])
    await world.rates(mission)
    day = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-04", days=1)), 201)["id"]
    ok(await world.lead_judge.post(f"time-entries/{day}/validate"))
    moved = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-03", days=0.5)), 201)["id"]
    path, partner = f"missions/{mission.id}", str(world.organisations["partner"])
    [rate] = ok(await world.operator.get(f"{path}/rates?organisation_id={partner}"))["items"]
    tag = {"If-Match": (await world.operator.get(f"{path}/rates/{rate['id']}")).headers["etag"]}
    certificate = {"mission_id": mission.id, "organisation_id": partner, "from_on": "2023-07-01", "to_on": "2023-07-31"}
    entry = mission.entry(worked_on="2023-07-06", days=0.25, activity="analysis")
    consultant = f"consultants/{mission.partner_consultant}"

    def listing(*listed: dict[str, Any]) -> Callable[[], Awaitable[Any]]:
        return lambda: world.operator.patch(path, {"activities": listed})

    def repricing(**changed: Any) -> Callable[[], Awaitable[Any]]:
        return lambda: world.operator.patch(f"{path}/rates/{rate['id']}", changed, headers=tag)

    return mission, {
        "certify": lambda: world.operator.post(
            "service-certificates", certificate, headers={"Idempotency-Key": secrets.token_hex(16)}
        ),
        "reprice": repricing(day_rate_cents=50_000),
        "end rate": repricing(to_on="2023-07-03"),
        "promote": lambda: world.operator.patch(consultant, {"profile": "expert"}),
        "end assignment": lambda: world.operator.patch(consultant, {"to_on": "2023-07-04"}),
        "post": lambda: world.consultant.post("time-entries", entry),
        "move": lambda: world.consultant.patch(f"time-entries/{moved}", {"worked_on": "2023-07-06"}),
        "end activity": listing(*({**one, "to_on": "2023-07-05"} for one in (audition, analysis))),
        "leave out activity": listing(audition),
    }


# What a certificate says that no rate or profile says, and an entry whose activity says otherwise.
REWRITTEN = """
    SELECT e.worked_on FROM service_certificates c
    CROSS JOIN LATERAL jsonb_to_recordset(c.content::jsonb -> 'entries')
        AS e (consultant_id uuid, profile text, day_rate_cents bigint, worked_on date)
    WHERE c.mission_id = $1 AND (
        NOT EXISTS (
            SELECT FROM rates r WHERE r.mission_id = c.mission_id AND r.organisation_id = c.organisation_id
                AND r.profile = e.profile AND r.day_rate_cents = e.day_rate_cents
                AND e.worked_on BETWEEN r.from_on AND r.until_on
        ) OR NOT EXISTS (SELECT FROM consultants WHERE id = e.consultant_id AND profile = e.profile)
    )
    UNION ALL
    SELECT t.worked_on FROM time_entries t LEFT JOIN mission_activities a
        ON (a.mission_id, a.code, a.until_on) = (t.mission_id, t.activity, t.activity_until_on)
    WHERE t.mission_id = $1 AND t.worked_on <= a.until_on IS NOT TRUE
"""


@pytest.mark.parametrize("pair", SEALED, ids=[" ".join(pair) for pair in SEALED])
async def test_every_order_of_a_sealing_act_and_of_what_would_rewrite_it_leaves_them_in_agreement(
    app: Any, world: World, pair: tuple[str, str]
) -> None:
    engine = app.state["engine"]
    _, acts = await sealing(world)
    counts = [turn.steps for turn in await run(engine, [(name, acts[name]) for name in pair], [], about_seals)]
    places = range(sum(counts))
    for first in chosen(itertools.combinations(places, counts[0])):
        order = [0 if place in first else 1 for place in places]
        mission, acts = await sealing(world)
        await run(engine, [(name, acts[name]) for name in pair], order, about_seals)
        assert await world.pool.fetch(REWRITTEN, mission.id) == [], order
    assert await world.differences(engine) == []
