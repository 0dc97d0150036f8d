"""What a process does besides answering: every wait is bounded, and what ends begins again and is logged."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger("rebond")

GRACE = 10.0  # seconds that a task has to end once it is cancelled
PAUSE = 1.0  # seconds before a task that ended begins again

T = TypeVar("T")


async def within(seconds: float | None, act: Coroutine[Any, Any, T]) -> T:
    """Wait for `act` at most so long. Raises `TimeoutError`, also where `act` does not let itself be cancelled.

    `asyncio.timeout` and `wait_for` wait for the end of what they cancel, so one that hangs as it cleans up hangs them.
    A cancellation that nobody asked for is a `RuntimeError` here: it must not end the caller.
    """
    caller = asyncio.current_task()
    task = asyncio.create_task(act, name=caller.get_name() if caller else None)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # a failure of what nobody waits for
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError(f"{act} takes longer than {seconds} s")
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
    if task.cancelled():
        raise RuntimeError(f"{act} was cancelled by itself")
    return task.result()


async def lasting(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a task for as long as the process serves. One that fails or ends is logged as an error and begins again."""
    mine = asyncio.current_task()
    assert mine is not None  # a coroutine runs in one
    while True:
        try:
            await within(None, run())
        except Exception:  # whatever ended it, it begins again
            log.exception("background_task_ended", task=mine.get_name())
        else:
            log.error("background_task_ended", task=mine.get_name())
        await asyncio.sleep(PAUSE)
