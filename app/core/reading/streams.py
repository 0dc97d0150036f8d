"""Answers that are sent piece by piece: to a client that is there, and that goes on reading."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send

Pass = Callable[[bytes], Awaitable[None]]


def passing_on(send: Send, seconds: float) -> Pass:
    """What sends a piece of a body. Raises `ClientDisconnect` where the client takes nothing for so many seconds."""

    async def pass_on(data: bytes) -> None:
        if not data:
            return
        try:
            async with asyncio.timeout(seconds):
                await send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            raise ClientDisconnect from None  # who has stopped reading is as good as gone

    return pass_on


async def while_listening(receive: Receive, work: Any) -> Any:
    """Do the work while the client is connected: a server's `send` raises nothing once the client has left.

    Raises `ClientDisconnect`.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return await working
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
