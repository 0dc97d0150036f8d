"""Streams of the feed over real sockets: a reader who stops reading, a stop of the service, and its death."""

import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import as_service
from tests.contract.server import Service, message, serving
from tests.integrations.feed.streams import Sent, following, parsed
from tests.integrations.feed.test_live import now
from tests.world import World

WIDE = """
INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id, resource_version,
                    data)
SELECT 'probe.made', now(), $1, 'system', 'test', 'mission', n::text, 1, jsonb_build_object('text', repeat('x', 20000))
FROM generate_series(1, $2::integer) AS n
"""

WHOLE = 400  # events of 20 kB: more than what sockets hold


class Reader:
    """A reader on a socket of its own, with a small buffer."""

    def __init__(self, opened: contextlib.ExitStack, service: Service, world: World, last: str) -> None:
        self.socket = opened.enter_context(socket.socket())
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", service.port))
        headers = {"Authorization": f"Bearer {world.lead.key}", "Accept": "text/event-stream", "Last-Event-ID": last}
        self.socket.sendall(message("GET", "/v1/events", headers))
        self.raw = b""

    def read(self, number: int = 10**6) -> bool:
        """Read until so many events have come, or the end; whether the server closed the connection."""
        with contextlib.suppress(ConnectionResetError):
            while self.raw.count(b"\ndata: ") < number or len(self.events) < number:
                got = self.socket.recv(262_144)
                if not got:
                    return True
                self.raw += got
            return False
        return True

    @property
    def events(self) -> list[Sent]:
        """What has come as whole chunks: each is what was sent at once."""
        rest, body = self.raw.partition(b"\r\n\r\n")[2], b""
        while rest:
            size, line, rest = rest.partition(b"\r\n")
            if not line or not size or len(rest) < int(size, 16) + 2:
                break
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        return parsed(body.decode())

    @property
    def names(self) -> list[str]:
        return [each.data["resource"]["id"] for each in self.events if each.name == "message"]


@pytest.fixture
def opened() -> Iterator[contextlib.ExitStack]:
    """The sockets of a test."""
    with contextlib.ExitStack() as stack:
        yield stack


@contextlib.contextmanager
def running(database_url: str, directory: Path) -> Iterator[Service]:
    directory.mkdir()
    settings = {"REBOND_SEND_TIMEOUT": "2"}
    with serving(as_service(database_url), directory, settings=settings) as service:
        yield service


async def test_a_reader_on_a_socket_that_stops_reading_or_whose_service_ends_goes_on_where_it_was(
    world: World, database_url: str, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    place = await now(world.lead)
    with running(database_url, tmp_path / "first") as service:
        quick, slow = Reader(opened, service, world, place), Reader(opened, service, world, place)
        slow.read(1)
        await world.pool.execute(WIDE, world.territory, WHOLE)
        quick.read(WHOLE + 1)
        assert quick.names == [str(n) for n in range(1, WHOLE + 1)]
        # The server closes it: nothing is kept for whoever does not read.
        [line] = service.await_lines("/v1/events", 1)
        assert '"status": 200' in line.replace('":2', '": 2')
        assert slow.read()
        assert 0 < len(slow.names) < WHOLE
        again = Reader(opened, service, world, slow.events[-1].id)
        again.read(WHOLE + 1 - len(slow.names))
        assert slow.names + again.names == quick.names
        service.process.send_signal(signal.SIGTERM)
        assert quick.read()
        assert quick.raw.endswith(b"\r\n0\r\n\r\n"), "a stop ends the answer, and breaks nothing"
        assert service.process.wait(5) is not None
    with running(database_url, tmp_path / "second") as service:
        reader = Reader(opened, service, world, quick.events[-1].id)
        await world.pool.execute(WIDE, world.territory, 1)
        reader.read(2)
        service.process.send_signal(signal.SIGKILL)
        assert reader.read()
    await world.pool.execute(WIDE, world.territory, 2)
    async with following(world.lead, last=reader.events[-1].id) as stream:  # by another worker
        await stream.until(lambda s: len(s.events) > 1)
        assert [event["resource"]["id"] for event in stream.events] == ["1", "2"]
