"""Random lives of aid files: whenever the tick runs, the same acts have the same answers and the same end."""

import random
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import pytest

from tests.applications.acts import BODIES, RECEIVED, act, read, submitted
from tests.applications.test_states import tick
from tests.lives import FRESH, MORE, seed_of
from tests.projects.acts import staff
from tests.world import World, ok

STEPS = 14
FIRST, LAST = date.fromisoformat(RECEIVED), date(2025, 12, 31)
VERBS = sorted(set(BODIES) - {"submit"})
# What an act leaves on the file, whatever silence has decided since.
ENDS = ("received_on", "acknowledged_on", "admissibility_ends_on", "decision_ends_on", "extended_until_on")
TOLD = ("state", "silence_on", *ENDS)

Step = tuple[str, str, dict[str, Any], str | None]  # verb, day, what it says, and the day of a tick after it


def drawn(seed: int) -> list[Step]:
    """Acts of days that mostly go on, some of them late; and the tick, now and then, of any later day."""
    draw = random.Random(seed)
    life, day = [], FIRST
    for _ in range(STEPS):
        day = min(max(day + timedelta(days=draw.choice([0, 0, 1, 5, 14, 30, 60, 62, 90])), FIRST), LAST)
        on = day - timedelta(days=draw.choice([0, 0, 0, 1, 20, 70]))
        verb = draw.choice(VERBS)
        more: dict[str, Any] = {}
        if verb == "request-documents":
            given = on + timedelta(days=draw.choice([0, 10, 45]))
            more = {"indispensable": draw.random() < 0.7, "given_until_on": given.isoformat()}
        if verb == "extend":
            more = {"until_on": (on + timedelta(days=draw.choice([10, 100, 300]))).isoformat()}
        if verb == "withdraw" and draw.random() < 0.7:
            verb = "open-review"
        later = (day + timedelta(days=draw.choice([0, 1, 30, 200]))).isoformat()
        life.append((verb, on.isoformat(), more, later if draw.random() < 0.5 else None))
    return life


class Ticking(StrEnum):
    """When the tick runs in a life."""

    NEVER = "never"
    NOW_AND_THEN = "now and then"
    UP_TO_TODAY = "up to today"


async def lived(world: World, app: Any, life: list[Step], ticking: Ticking) -> tuple[Any, ...]:
    """The answers to the acts of a life, what the file is at its end, and which of its acts stand."""
    file = await submitted(world)
    if ticking is Ticking.UP_TO_TODAY:
        await tick(app)
    answers = []
    for verb, on, more, ticked in life:
        answer = (await act(world, file["id"], verb, on, **more)).json()
        kept = ("type", "from", "to", "allowed", "last_day", "silence_on", "after_on")
        said = {name: answer.get(name) for name in kept} if "type" in answer else {name: answer[name] for name in ENDS}
        follows = ok(await staff(world).get(f"applications/{file['id']}/transitions"), 200)
        answers.append((verb, on, said, follows["state"]))
        if ticking is Ticking.UP_TO_TODAY:
            told = await read(world, file)
            assert told["state"] == follows["state"], (verb, on)
            assert "type" in answer or answer == told, (verb, on)
        if ticking is Ticking.NOW_AND_THEN and ticked is not None:
            await tick(app, ticked)
    await tick(app)
    history = ok(await staff(world).get(f"applications/{file['id']}/history?limit=500"), 200)["items"]
    standing = [
        (each["act"], each["effective_on"], each["to_state"])
        for each in history
        if not each["reversed"] and each["act"] != "reverse_silence"
    ]
    versions = [row["resource_version"] for row in await world.events(file["id"])]
    assert versions == list(range(1, len(versions) + 1)), "one event a version, in their order"
    told = await read(world, file)
    return answers, {name: told[name] for name in TOLD}, standing


@pytest.mark.parametrize("seed", [*range(6), *MORE, *[FRESH] * 2])
async def test_when_the_tick_runs_makes_no_difference(world: World, app: Any, seed: int | str) -> None:
    life = drawn(seed_of(seed))
    await tick(app)
    first, *others = [await lived(world, app, life, ticking) for ticking in Ticking]
    for other in others:
        assert other == first, life
    assert await world.differences(app.state["engine"]) == []
