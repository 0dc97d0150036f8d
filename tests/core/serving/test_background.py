"""No task of the process hangs or ends in silence, whatever it waits for."""

import asyncio
import contextlib
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from app.core.serving import background
from app.core.serving.background import lasting, within


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "GRACE", 0.05)
    monkeypatch.setattr(background, "PAUSE", 0.0)


async def cancelled_by_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def failing() -> None:
    raise LookupError


async def ending() -> None:
    """Ends at once."""


async def test_what_does_not_let_itself_be_cancelled_is_left_behind() -> None:
    released = asyncio.Event()

    async def deaf() -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await within(0.01, deaf())
        waiting = asyncio.create_task(within(None, deaf()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    released.set()


async def test_a_result_a_failure_and_a_stray_cancellation_are_told_apart() -> None:
    assert await within(5, asyncio.sleep(0, "result")) == "result"
    with pytest.raises(LookupError):
        await within(5, failing())
    with pytest.raises(RuntimeError):
        await within(5, cancelled_by_itself())


@pytest.mark.parametrize("end", [ending, failing, cancelled_by_itself])
async def test_a_task_that_ends_is_logged_and_begins_again(end: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    again = asyncio.Event()
    begun = 0

    async def run() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            await end()
        else:
            again.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(background, "log", structlog.get_logger("rebond"))  # one keeps the settings of its first use
    with capture_logs() as logs:
        task = asyncio.create_task(lasting(run), name="the task")
        async with asyncio.timeout(10):
            await again.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert [(each["event"], each["task"], each["log_level"]) for each in logs] == [
        ("background_task_ended", "the task", "error")
    ] * 2
