"""A stop that is asked at any moment ends the service."""

import asyncio
import gc
import signal
from typing import Any

import pytest
import uvicorn

from app.core.serving.server import HttpServer, Stop, listen


async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    """An application that is never asked."""


async def served(stop: Stop, seconds: float) -> bool:
    """Whether a server ends by itself within so many seconds."""
    listening = listen("127.0.0.1", 0)
    server = HttpServer(uvicorn.Config(nothing, interface="asgi3", lifespan="off", log_config=None), stop)
    running = asyncio.ensure_future(server.serve([listening]))
    ended, _ = await asyncio.wait([running], timeout=seconds)
    server.should_exit = True
    await asyncio.wait_for(running, 10)
    return bool(ended)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_interrupts_a_destructor_is_kept() -> None:
    stop = Stop()
    before = signal.signal(signal.SIGTERM, stop)

    class Interrupted:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    try:
        circle: list[Any] = [Interrupted()]
        circle.append(circle)
        del circle
        gc.collect()  # where Python drops what the handler raises
        assert stop.asked
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_a_server_ends_at_once_where_a_stop_was_asked_before_it_heard_signals() -> None:
    stop = Stop()
    assert not await served(stop, 0.3)
    stop.asked = True
    assert await served(stop, 10)
