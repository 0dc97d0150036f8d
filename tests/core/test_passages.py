"""What the acts on an object come to, and one worker at a time."""

import asyncio
from datetime import date
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from app.core import clock
from app.core.passages import last_ones, standing, yet_to_come
from app.core.writing.turns import LONGEST_WAIT, take_turn
from app.core.writing.writes import System, Write


class Act(NamedTuple):
    number: int
    act: str
    effective_on: date
    reverses_number: int | None = None
    from_state: str = "a"
    to_state: str = "b"


FIRST, SECOND, THIRD = [date(2024, 1, day) for day in (10, 20, 30)]
TOLD = [
    Act(1, "open", FIRST), Act(2, "silence", SECOND), Act(3, "reverse", SECOND, reverses_number=2),
    Act(4, "silence", SECOND), Act(5, "other", THIRD),
]  # fmt: skip


def numbers(acts: Any) -> list[int]:
    return [done.number for done in acts]


def test_neither_what_was_reversed_nor_its_reversal_stands() -> None:
    assert numbers(standing(TOLD, ["reverse"])) == [1, 4, 5]
    assert numbers(standing(TOLD[:2], ["reverse"])) == [1, 2]
    assert standing([], ["reverse"]) == ()


@pytest.mark.parametrize(
    ("on", "reversed_numbers"), [(date(2024, 1, 9), [5, 4]), (FIRST, [5, 4]), (SECOND, [5]), (THIRD, [])]
)
def test_an_act_reverses_the_silences_that_had_not_taken_effect(on: date, reversed_numbers: list[int]) -> None:
    acts, silences = standing(TOLD, ["reverse"]), ["silence", "other"]
    assert numbers(last_ones(acts, silences)) == [4, 5]
    assert numbers(yet_to_come(acts, silences, on)) == reversed_numbers
    assert yet_to_come([*acts, Act(6, "open", THIRD)], silences, on) == []  # somebody has acted since


async def test_one_worker_at_a_time_has_the_turn(app: Any) -> None:
    """The second waits for the COMMIT of the first, longer than a request does, and not for work of another kind."""
    order: list[str] = []
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work(name: str, lock: int, until: asyncio.Event | None = None) -> None:
        async with app.state["sessions"]() as session, session.begin():
            await take_turn(Write(session, System(), clock.now()), lock)
            assert await session.scalar(text("SHOW lock_timeout")) == LONGEST_WAIT
            order.append(name)
            begun.set()
            if until is not None:
                await until.wait()

    first = asyncio.create_task(work("first", 0x74757201, ended))
    await begun.wait()
    second = asyncio.create_task(work("second", 0x74757201))
    await work("another kind", 0x74757202)
    await asyncio.sleep(0.1)
    assert order == ["first", "another kind"]
    ended.set()
    await asyncio.gather(first, second)
    assert order == ["first", "another kind", "second"]
