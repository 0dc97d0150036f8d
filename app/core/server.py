"""How uvicorn is run: one socket, bounded headers, clean stops, workers that follow their supervisor."""

import asyncio
import os
import signal
import socket
import sys
import threading
from multiprocessing import resource_tracker
from typing import Any
from uuid import uuid4

import uvicorn
from pydantic_core import to_json
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from app.core.http import API_POLICY, SECURITY
from app.core.problems import MEDIA_TYPE, MalformedRequest

SUPERVISOR = "REBOND_SUPERVISOR_PID"


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection whose headers only trickle (slowloris).

    The lifespan's state says in `header_timeout` within how many seconds they must be complete. The request's state
    gets `abort`, which breaks its connection off.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: Any = self.cycle  # None before the first request, whatever its annotation says
        if self._timer is None and (cycle is None or cycle.response_complete):
            self._arm()  # a request has begun, and its headers are not complete

    def on_headers_complete(self) -> None:
        self._disarm()
        self.scope["state"]["abort"] = self.transport.abort
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

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
        head += "".join(f"{name.decode()}: {value.decode()}\r\n" for name, value in [*SECURITY, API_POLICY])
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


def serve(factory: str, listening: socket.socket, *, workers: int) -> None:
    """Serve until SIGINT or SIGTERM: requests under way are finished first, for ten seconds at most."""
    config = uvicorn.Config(
        factory,
        factory=True,
        loop="uvloop",
        http="app.core.server:Protocol",
        ws="none",
        workers=workers,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
    )
    if workers == 1:
        uvicorn.Server(config).run(sockets=[listening])
        return
    os.environ[SUPERVISOR] = str(os.getpid())
    supervisor = Multiprocess(config, sockets=[listening])
    # Ctrl-C reaches the whole terminal group, and would end workers that are still importing with a traceback. They
    # inherit this mask and leave it to the supervisor, which tells them by SIGTERM.
    resource_tracker.ensure_running()  # which unblocks the signal in passing
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=_hear_ctrl_c, args=(supervisor,), daemon=True).start()
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        sys.exit(STARTUP_FAILURE)


def _hear_ctrl_c(supervisor: Multiprocess) -> None:
    while True:
        supervisor.signal_queue.append(signal.sigwait({signal.SIGINT}))


async def follow_supervisor() -> None:
    """In a worker: stop when the supervisor is gone, even by kill -9, which would leave the port taken."""
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is None:
        return
    while str(os.getppid()) == supervisor:  # noqa: ASYNC110  # nothing tells of a parent's death
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
