"""A reader of the feed as server-sent events, of the application in this process."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from tests.world import Client


@dataclass(frozen=True)
class Sent:
    """One server-sent event."""

    name: str
    id: str
    data: Any


def parsed(text: str) -> list[Sent]:
    """The events of a stream, as a browser reads them: what has no data is none."""
    found = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            found.append(Sent(fields.get("event", "message"), fields["id"], json.loads(fields["data"])))
    return found


@dataclass
class Stream:
    """What has come of a stream until now. `leave` lets the client go; it reads while `reading` is set."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    ended: bool = False
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.reading.set()

    @property
    def sent(self) -> list[Sent]:
        return parsed(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [each.data for each in self.sent if each.name == "message"]

    @property
    def cursor(self) -> str:
        """The last id."""
        return self.sent[-1].id

    async def until(self, enough: Any, seconds: float = 30) -> None:
        """Wait for more until `enough` of it has come."""
        async with asyncio.timeout(seconds), self._more:
            await self._more.wait_for(lambda: enough(self))

    async def send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        async with self._more:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.body += message.get("body", b"").decode()
                self.ended = not message.get("more_body", False)
            self._more.notify_all()


@contextlib.asynccontextmanager
async def following(client: Client, query: str = "", last: str = "", **headers: str) -> AsyncIterator[Stream]:
    """The feed as this caller follows it, once the answer has begun."""
    app = client.http.app  # type: ignore[attr-defined]  # a client in this process
    stream = Stream()
    named = {"host": "rebond.test", "authorization": f"Bearer {client.key}", "accept": "text/event-stream", **headers}
    if last:
        named["last-event-id"] = last
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/v1/events", "raw_path": b"/v1/events", "query_string": query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "server": ("rebond.test", 80), "client": ("127.0.0.1", 123),
    }  # fmt: skip
    coming = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if coming:
            return coming.pop()
        await stream.leave.wait()
        return {"type": "http.disconnect"}

    asking = asyncio.create_task(app(scope, receive, stream.send))
    try:
        await stream.until(lambda s: s.sent or s.ended)
        yield stream
    finally:
        stream.reading.set()
        stream.leave.set()
        await asyncio.wait_for(asking, 30)
