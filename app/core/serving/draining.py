"""How a process stops that others stand in front of: it says so first, and goes on answering for a while.

A proxy that looks at `/readyz` sends nobody any more, and each answer asks for the end of its connection. So a restart
of one instance after the other loses no request.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Drain:
    """Whether this process has been told to stop, and still serves."""

    begun = False


DRAIN = Drain()


@contextmanager
def draining(seconds: float) -> Iterator[None]:
    """In this block SIGTERM takes effect after so many seconds; a second one, and Ctrl-C, at once."""
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    stop = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def begin(*_: object) -> None:
        signal.signal(signal.SIGTERM, stop)
        DRAIN.begun = True
        loop.call_soon_threadsafe(loop.call_later, seconds, signal.raise_signal, signal.SIGTERM)

    signal.signal(signal.SIGTERM, begin)
    try:
        yield
    finally:
        DRAIN.begun = False
        if signal.getsignal(signal.SIGTERM) is begin:
            signal.signal(signal.SIGTERM, stop)
