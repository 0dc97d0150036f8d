"""What the people who run the service ask it, on a port of its own that no caller of the API reaches.

A process beside the workers answers: it reads the figures that they write into files, so that neither a look at them
costs a worker's time nor a busy worker delays it, however many there are.
"""

import os
import signal
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app, multiprocess

from app.core.serving import profiles
from app.core.serving.server import listen

SECONDS = 10  # of a profile that does not say how long


class OfTheLiving(multiprocess.MultiProcessCollector):
    """The figures of all workers; what one holds is forgotten with it, however it ended."""

    def __init__(self, registry: CollectorRegistry, directory: str) -> None:
        super().__init__(registry, directory)  # type: ignore[no-untyped-call]  # the library has no types
        self._directory = Path(directory)

    def collect(self) -> Any:
        for file in self._directory.glob("gauge_live*_*.db"):
            try:
                os.kill(int(file.stem.rpartition("_")[2]), 0)
            except ProcessLookupError:
                file.unlink(missing_ok=True)
        return super().collect()  # type: ignore[no-untyped-call]  # the library has no types


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, application: Callable[..., Iterable[bytes]]) -> None:
        super().__init__((host, port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listen(host, port)  # by the library's way the name server is asked for this host
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()
        self.set_app(application)


class _Handler(WSGIRequestHandler):
    timeout = 30  # for who sends nothing

    def log_message(self, *_: object) -> None:
        """Nothing: a scrape every few seconds is no news."""


@contextmanager
def answered(host: str, port: int, directory: str) -> Iterator[int]:
    """`GET /metrics` and `/profile` on this address for the length of a block; gives the port, for 0 a free one.

    The process that answers ends with this one, whatever its death. It is forked, so no other thread may run here yet.
    Raises OSError where the port is busy or the host is not ours.
    """
    server = _Server(host, port, _application(directory))
    lives, life = os.pipe()
    child = os.fork()
    if not child:
        os.close(life)
        _answer_until(lives, server)
    os.close(lives)
    server.server_close()
    try:
        yield server.server_port
    finally:
        os.close(life)
        os.waitpid(child, 0)


def _answer_until(lives: int, server: _Server) -> None:
    """Serve, in a process of its own, until the other end of the pipe is closed; it ends by no signal to its group."""
    try:
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.read(lives, 1)
    finally:
        os._exit(0)


def _application(directory: str) -> Callable[..., Iterable[bytes]]:
    registry = CollectorRegistry()
    OfTheLiving(registry, directory)
    figures: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return figures(environ, start)
        if path != "/profile" or environ["REQUEST_METHOD"] != "GET":
            return _text(start, "404 Not Found", b"GET /metrics or /profile?seconds=10\n")
        given = dict(parse_qsl(environ.get("QUERY_STRING", ""))).get("seconds", str(SECONDS))
        if not (given.isascii() and given.isdecimal() and 1 <= int(given[:4]) <= profiles.LONGEST):
            return _text(start, "400 Bad Request", f"seconds is a number from 1 to {profiles.LONGEST}\n".encode())
        return _text(start, "200 OK", profiles.taken(directory, int(given)))

    return application


def _text(start: Callable[..., Any], status: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
