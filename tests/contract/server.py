"""The real service as a process of its own, and a client that sends bytes as they are."""

import contextlib
import http.client
import json
import os
import re
import select
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests import starter

START_S = 60.0
STOP_S = 30.0
ANSWER_S = 30.0
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers by lower-case name, body, and whether the server then closed the connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    closed: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Service:
    """A running service: where it listens, where it logs, and its process."""

    port: int
    figures_port: int
    log: Path
    process: starter.Started = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def figures(self) -> str:
        """What it tells Prometheus."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.figures_port}/metrics", timeout=ANSWER_S) as answer:
            told: str = answer.read().decode()
        return told

    def await_lines(self, wanted: str, count: int) -> list[str]:
        """The lines of the log with this text, once there are so many."""
        deadline = time.monotonic() + ANSWER_S
        while True:
            lines = [line for line in self.log.read_text().splitlines() if wanted in line]
            if len(lines) >= count:
                return lines
            assert time.monotonic() < deadline, f"the log has no {count} lines with {wanted}"
            time.sleep(0.02)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_S)

    def send(self, data: bytes) -> Answer:
        """These bytes on a connection of their own, and the first answer to them."""
        with self.connect() as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)  # what is too large is answered before it has all been sent
            return answer_on(connection, data.partition(b" ")[0].decode("latin-1"))

    def request(
        self, method: str, target: str | bytes, headers: Mapping[str, str | bytes] | None = None, body: bytes = b""
    ) -> Answer:
        """A well-formed request but for what `target`, `headers` and `body` hold: they travel untouched."""
        return self.send(message(method, target, headers, body))


def message(
    method: str, target: str | bytes, headers: Mapping[str, str | bytes] | None = None, body: bytes = b""
) -> bytes:
    """The bytes of a request. Content-Length is added where there is a body."""
    fields: dict[str, str | bytes] = {"Host": "rebond.test", **(headers or {})}
    if body and not {"content-length", "transfer-encoding"} & {name.lower() for name in fields}:
        fields["Content-Length"] = str(len(body))
    lines = [method.encode() + b" " + _bytes(target) + b" HTTP/1.1"]
    lines += [name.encode() + b": " + _bytes(value) for name, value in fields.items()]
    return b"\r\n".join([*lines, b"", body])


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def answer_on(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer on this connection. ConnectionError where the server closes it without a word."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    body = response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body, response.will_close)


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the server ends this connection within so many seconds; what it still says is passed over."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


@contextlib.contextmanager
def serving(
    database_url: str, directory: Path, *, workers: int = 1, settings: Mapping[str, str] = NO_SETTINGS
) -> Iterator[Service]:
    """`rebond serve` on this database for the length of a block. It logs into `directory`, which is where it works."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REBOND_", "PROMETHEUS_"))}
    environment = {
        **kept,
        "DATABASE_URL": database_url,
        "PYTHONUNBUFFERED": "1",
        "REBOND_OPERATIONS_PORT": "0",
        **settings,
    }
    path = directory / "service.log"
    words = ["serve", "--port", "0", "--workers", str(workers)]
    with path.open("ab") as log:
        process = starter.start(words, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=log)
    try:
        yield Service(*_ports(process, path), path, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _ports(process: starter.Started, log: Path) -> tuple[int, int]:
    """The ports of the API and of the figures, which the service names on its standard output once it listens."""
    assert process.stdout is not None
    said = b""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if found := re.search(rb"^  figures +http://127\.0\.0\.1:(\d+)/", said, re.MULTILINE):
            port = re.search(rb"http://127\.0\.0\.1:(\d+)\s", said)
            assert port is not None
            return int(port[1]), int(found[1])
        if select.select([process.stdout], [], [], 1)[0]:
            more = os.read(process.stdout.fileno(), 65_536)
            if not more:
                break
            said += more
    raise AssertionError(f"the service did not start: {log.read_text()[-2000:]}")
