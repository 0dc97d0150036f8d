"""How uvicorn is run: one socket, bounded headers, clean stops, workers that follow their supervisor."""

import asyncio
import fcntl
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from pydantic_core import to_json
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from app.core.problems import MEDIA_TYPE, MalformedRequest
from app.core.serving.draining import DRAIN
from app.core.serving.shell import API_POLICY, SAME_ORIGIN, SECURITY

SUPERVISOR = "REBOND_SUPERVISOR_PID"
METRICS = "rebond-metrics-"

_UPGRADE, _UNHEARD = re.compile(rb"(?i)\r\nupgrade:"), b"\r\nx-upgrade:"


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection whose headers only trickle (slowloris).

    The lifespan's state says in `header_timeout` within how many seconds they must be complete. The request's state
    gets `abort`, which breaks its connection off. As the server stops, answers that wait are told, and end. A wish for
    another protocol is not heard (RFC 9110 §7.8): for uvicorn's parser the request would end with its headers, and
    clients that wish for HTTP/2 at each request, as Java's does, would lose their bodies.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        cycle: Any = self.cycle  # None before the first request, whatever its annotation says
        if cycle is None or cycle.response_complete:
            head, end, rest = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(_UNHEARD, head) + end + rest
        super().data_received(data)
        cycle = self.cycle
        if self._timer is None and (cycle is None or cycle.response_complete):
            self._arm()  # a request has begun, and its headers are not complete

    def on_headers_complete(self) -> None:
        self._disarm()
        self.scope["state"]["abort"] = self.transport.abort
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        DRAIN.begun = True
        super().shutdown()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's signature; the parser's words stay here
        """What the parser refuses is a problem like any other; uvicorn would tell it in plain text."""
        request_id = uuid4().hex
        language = self.app_state["default_language"]
        body = to_json(MalformedRequest().body(language, request_id=request_id)) + b"\n"
        headers = {
            "content-type": MEDIA_TYPE,
            "content-length": len(body),
            "content-language": language,
            "cache-control": "no-store",
            "x-request-id": request_id,
            "connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head += "".join(
            f"{name.decode()}: {value.decode()}\r\n" for name, value in [*SECURITY, SAME_ORIGIN, API_POLICY]
        )
        self.transport.write(f"HTTP/1.1 400 Bad Request\r\n{head}\r\n".encode() + body)
        self.transport.close()

    def _arm(self) -> None:
        self._timer = self.loop.call_later(self.app_state["header_timeout"], self.transport.close)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def listen(host: str, port: int) -> socket.socket:
    """The listening socket; port 0 takes a free one. OSError where the port is busy or the host is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
        listening.set_inheritable(True)
    except OSError:
        listening.close()
        raise
    return listening


class Stop:
    """The handler of a stop that is asked while uvicorn does not hear signals: it ends the process, and is kept.

    What a handler raises is lost where it interrupts a destructor; whoever serves then asks whether it was `asked`.
    """

    asked = False

    def __call__(self, *_: object) -> None:
        self.asked = True
        sys.exit(0)


class HttpServer(uvicorn.Server):
    """uvicorn's server, which ends at once where a stop was asked before it heard signals."""

    def __init__(self, config: uvicorn.Config, stop: Stop) -> None:
        super().__init__(config)
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.should_exit = self.should_exit or self._stop.asked


def serve(factory: str, listening: socket.socket, *, workers: int, stop: Stop) -> None:
    """Serve until SIGINT or SIGTERM: requests under way are finished first, for ten seconds at most.

    SIGHUP ends it too where a terminal was closed, or where there is one worker. Without a terminal it replaces several
    workers one by one, each when the next one serves.
    """
    config = uvicorn.Config(
        factory,
        factory=True,
        loop="uvloop",
        http="app.core.serving.server:Protocol",
        ws="none",
        workers=workers,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
        timeout_worker_healthcheck=20,  # a worker that imports on a loaded machine answers late, and is not dead
    )
    if workers == 1:
        HttpServer(config, stop).run(sockets=[listening])
        return
    os.environ[SUPERVISOR] = str(os.getpid())
    # Ctrl-C, or the terminal's end, reaches its whole group, and would end workers that are still importing with a
    # traceback. They inherit this mask and leave it to the supervisor, which tells them by SIGTERM.
    ours = {signal.SIGINT} | ({signal.SIGHUP} if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else set())
    supervisor = Multiprocess(config, sockets=[listening])
    if stop.asked:  # before the supervisor heard signals
        supervisor.signal_queue.append(signal.SIGTERM)
    if _has_a_terminal():
        supervisor.handle_hup = supervisor.handle_term  # type: ignore[method-assign]  # it was closed
    resource_tracker.ensure_running()  # which unblocks the signals in passing
    signal.pthread_sigmask(signal.SIG_BLOCK, ours)
    threading.Thread(target=_hear_the_terminal, args=(supervisor, ours), daemon=True).start()
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        sys.exit(STARTUP_FAILURE)


def _has_a_terminal() -> bool:
    """Whether this process has a controlling terminal, whose end it is told by SIGHUP."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _hear_the_terminal(supervisor: Multiprocess, signals: set[signal.Signals]) -> None:
    while True:
        supervisor.signal_queue.append(signal.sigwait(signals))


@contextmanager
def metrics_directory() -> Iterator[str]:
    """Where workers put their figures for each other, for the length of a block.

    A lock on the directory, which ends with its supervisor whatever the death, tells the next one what it may remove.
    """
    place = Path(tempfile.gettempdir())
    for old in place.glob(f"{METRICS}*"):
        with suppress(OSError), _locked(old):
            shutil.rmtree(old)
    new = Path(tempfile.mkdtemp(prefix=f".{METRICS}", dir=place))
    with _locked(new):
        directory = new.rename(place / new.name.removeprefix("."))  # found by others once it is locked
        try:
            yield str(directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


async def follow_supervisor() -> None:
    """In a worker: stop when the supervisor is gone, even by kill -9, which would leave the port taken."""
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is None:
        return
    while str(os.getppid()) == supervisor:  # noqa: ASYNC110  # nothing tells of a parent's death
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
