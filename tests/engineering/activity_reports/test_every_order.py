"""A report is made or signed beside a change of its entries, their steps in every order: it says what counts."""

import itertools
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from tests.contract.cures import key, subject
from tests.engineering.activity_reports.test_reports import enter, make, sign
from tests.engineering.entries.test_every_order import run
from tests.orders import chosen
from tests.world import World, ok

HELD = re.compile(
    r"(FROM|UPDATE|INSERT INTO) (consultants|time_entries|activity_reports)\b.*(\bFOR |\bSET\b|\bVALUES\b)", re.DOTALL
)
PAIRS = [
    *(("make", other) for other in ("post", "submit", "move", "recall", "make")),
    *(("countersign", other) for other in ("post", "move")),
]


def waits(statement: str) -> bool:
    """A statement that holds or changes an assignment, its entries or its reports, or lets a day count."""
    return HELD.search(statement) is not None or "take_days" in statement


async def prepared(world: World) -> dict[str, Callable[[], Awaitable[Any]]]:
    """A month with an entry of each kind, August with a report that the consultant has signed; and what may be done."""
    person = await subject(world, "consultant", home="partner")
    people = {"partner": UUID(ok(await person.get("/v1/me"))["subject_id"])}
    mission = await world.mission(days=10, people=people)
    july, moved = await enter(world, mission), await enter(world, mission, "2023-08-02")
    draft = await enter(world, mission, "2023-07-05", status="draft")
    august = f"activity-reports/{(await make(world.consultant, mission.partner_consultant, '2023-08'))['id']}"
    ok(await sign(person, august.removeprefix("activity-reports/"), signed_on="2023-08-02"))
    read = {"If-Match": "*"}
    signature = {"name": "Dominique Exemple", "signed_on": "2023-08-02"}
    body = {"consultant_id": mission.partner_consultant, "month": "2023-07"}
    return {
        "make": lambda: world.consultant.post("activity-reports", body),
        "countersign": lambda: world.lead.post(f"{august}/countersign", signature, headers=read),
        "post": lambda: world.consultant.post("time-entries", mission.entry(worked_on="2023-07-06"), headers=key()),
        "submit": lambda: world.consultant.post(f"time-entries/{draft}/submit"),
        "move": lambda: world.consultant.patch(f"time-entries/{moved}", {"worked_on": "2023-07-07"}),
        "recall": lambda: world.consultant.post(f"time-entries/{july}/recall"),
    }


@pytest.mark.parametrize("pair", PAIRS, ids=[" ".join(pair) for pair in PAIRS])
async def test_every_order_of_the_steps_leaves_reports_that_say_what_counts(
    app: Any, world: World, pair: tuple[str, str]
) -> None:
    engine = app.state["engine"]
    acts = await prepared(world)
    counts = [turn.steps for turn in await run(engine, [(name, acts[name]) for name in pair], [], waits)]
    places = range(sum(counts))
    for first in chosen(itertools.combinations(places, counts[0])):
        acts = await prepared(world)
        order = [0 if place in first else 1 for place in places]
        await run(engine, [(name, acts[name]) for name in pair], order, waits)
    assert await world.differences(engine) == []
