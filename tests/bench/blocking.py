"""`python -m tests.bench.blocking`: for how long one request keeps a worker from all others.

The worker's event loop tells its own lag: a task of it sleeps for two milliseconds again and again, and writes into a
file that it shares with this process by how much it was late at the worst. Beside it somebody asks for a small thing
without end. Each greedy request is sent five times; told is the worst of the five, and its ratio to the quiet service,
which is the worst of five spells with the small requests alone. Nothing is asserted: clocks are the machine's.
"""

import argparse
import asyncio
import contextlib
import json
import math
import mmap
import os
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
from fastapi import FastAPI
from pydantic import TypeAdapter

from app.bundled import postgres
from app.commands.serving import application
from app.core import migrations
from app.core.serving import server
from app.core.writing.strictjson import MAX_NAMES, names_in
from app.engineering.entries.schemas import TimeEntryBatch
from tests.bench.filling import client, new_database
from tests.bench.load import cpu_s, message
from tests.bench.payments import install
from tests.contract.server import answer_on
from tests.quotas import lift
from tests.world import World, dumps

SHARED = "REBOND_BENCH_LAG"  # the file in which the worker tells its lag
TICK_S = 0.002
RUNS = 5
QUIET_S = 0.5
MEBIBYTE = 2**20


# --- in the worker ---------------------------------------------------------------------------------------------------


class Lag:
    """The worst lag in seconds since it was last forgotten, shared by two processes."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)

    def told(self) -> float:
        return float(struct.unpack("d", self._shared[:8])[0])

    def write(self, seconds: float) -> None:
        self._shared[:8] = struct.pack("d", seconds)


def watched() -> FastAPI:
    """The application of the service, whose worker tells its lag; uvicorn's factory."""
    served: FastAPI = application()
    usual = served.router.lifespan_context
    lag = Lag(Path(os.environ[SHARED]))

    async def watch() -> None:
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            lag.write(max(lag.told(), time.perf_counter() - due))

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with usual(app) as state:
            watching = asyncio.create_task(watch())
            try:
                yield state
            finally:
                watching.cancel()

    served.router.lifespan_context = lifespan
    return served


# --- what is sent ----------------------------------------------------------------------------------------------------


def greedy(world: World, entry: Mapping[str, Any]) -> dict[str, bytes]:
    """Requests that want as much work as one request may, by what they are."""
    entries = f"{world.consultant.base}/time-entries"
    key, reader = world.consultant.key, world.auditor.key
    unknown = {f"field_{number}": number for number in range(46_000)}
    most = names_in(TypeAdapter(TimeEntryBatch).json_schema())
    several, many = (
        b"{" + b",".join(b'"%x":1' % each for each in range(number - 10)) + b"}" for number in (most, MAX_NAMES)
    )
    decisions = f"{world.consultant.base}/committees/{uuid4()}/decisions"  # the only address that takes as many
    faulty = [{**entry, "days": 0.3, "siren": "1", "worked_on": "2023-02-30", "activty": "x"} for _ in range(1000)]
    text = json.dumps({**entry, "note": "é" * (MEBIBYTE // 2 - 2_000)}, ensure_ascii=False).encode()
    deep = b"[" * 30 + b"]" * 30
    nested = b'{"items":[' + b",".join([deep] * (MEBIBYTE // 64)) + b"]}"
    numbers = b'{"items":[' + b",".join([b"1e400"] * (MEBIBYTE // 8)) + b"]}"
    asked = "&".join(f"worked_frm{number}=2023-01-01" for number in range(199))
    ranges = ",".join(f"text/x{number};q=0.{number % 999:03}" for number in range(1500))
    return {
        "46 000 unknown names": message("POST", entries, key, dumps({**entry, **unknown})),
        "as many short names as a batch takes": message("POST", f"{entries}/batch", key, several),
        "as many short names as any address takes": message("POST", decisions, world.clients["committee"].key, many),
        "a batch of 1 000 with five faults each": message("POST", f"{entries}/batch", key, dumps({"items": faulty})),
        "a text of half a million letters": message("POST", entries, key, text),
        "a mebibyte of nested arrays": message("POST", f"{entries}/batch", key, nested),
        "a mebibyte of numbers that are too large": message("POST", f"{entries}/batch", key, numbers),
        "199 unknown parameters": message("GET", f"{entries}?{asked}", reader),
        "a search of a hundred signs": message("GET", "/v1/firms?q=" + "%25_" * 50, reader),
        "1 500 media ranges": message("GET", entries, reader, Accept=ranges),
        "the whole document": message("GET", "/openapi.json"),
        "the whole catalogue": message("GET", "/problems"),
        "500 rows": message("GET", f"{entries}?limit=500&count=exact", reader),
        "a workbook": message("GET", f"{entries}?format=xlsx", reader),
        "a key that is none": message("GET", "/v1/me", "rbd_" + "x" * 90),
    }


# --- the measurement -------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """Of one kind of request: the status, the worst lag of five, and the least processor time of the worker."""

    status: int
    worst_ms: float
    cpu_ms: float


@contextlib.contextmanager
def serving(home: Path, url: str) -> Iterator[tuple[int, int, Lag]]:
    """The service with one worker, which tells its lag: its port, its process, and where the lag is read."""
    shared = home / "lag"
    shared.write_bytes(bytes(8))
    ours = {name: value for name, value in os.environ.items() if not name.startswith("REBOND_")}
    environment = {**ours, "DATABASE_URL": url, SHARED: str(shared)}
    with server.listen("127.0.0.1", 0) as listening, (home / "service.log").open("ab") as log:
        argv = [sys.executable, "-m", "tests.bench.blocking", "--serve", str(listening.fileno())]
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log, pass_fds=[listening.fileno()])
        try:
            yield listening.getsockname()[1], process.pid, Lag(shared)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def send(port: int, request: bytes) -> int:
    """Send a request on a connection of its own; the status of the answer, once it is there whole."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        return answer_on(connection, request.partition(b" ")[0].decode()).status


def measure(port: int, pid: int, lag: Lag, requests: Mapping[str, bytes], small: bytes) -> dict[str, Told]:
    """What is told of each request, and of the quiet service, which has no name."""
    ended = threading.Event()

    def ask_without_end() -> None:
        while not ended.wait(0.005):
            send(port, small)

    asking = threading.Thread(target=ask_without_end)
    asking.start()
    found: dict[str, Told] = {}
    try:
        time.sleep(1)
        for name, request in {"": b"", **requests}.items():
            worst, least, status = 0.0, math.inf, 200
            for _ in range(RUNS):
                lag.write(0.0)
                before = cpu_s(pid)
                if request:
                    status = send(port, request)
                    time.sleep(0.05)
                else:
                    time.sleep(QUIET_S)
                worst, least = max(worst, lag.told()), min(least, cpu_s(pid) - before)
            found[name] = Told(status, 1000 * worst, 1000 * least)
    finally:
        ended.set()
        asking.join()
    return found


async def scene(url: str, plain: str) -> tuple[dict[str, bytes], bytes]:
    """A world with some entries, what greedy callers send to it, and the small request beside."""
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=4) as pool:
        world = await World.create(http, pool)
        mission = await world.mission(days=1000)
        items = [mission.entry(worked_on=f"2023-{month:02}-{day:02}") for month in (2, 3, 4) for day in range(1, 29)]
        made = await world.consultant.post("time-entries/batch", {"items": items})
        assert made.status_code in (200, 201, 409), made.text
        return greedy(world, mission.entry()), message("GET", "/v1/waves", world.auditor.key)


def report(found: Mapping[str, Told]) -> None:
    """The table for people, and one line for machines. What else runs on the machine makes the worst worse, and leaves
    the processor time as it is.
    """
    quiet = found[""].worst_ms
    print(f"{'':45}{'status':>8}{'worst lag':>13}{'ratio':>8}{'processor':>13}")
    for name, (status, worst, cpu) in found.items():
        print(f"{name or 'quiet':45}{status:>8}{worst:>10.1f} ms{worst / quiet:>8.1f}{cpu:>10.1f} ms")
    ratios = [told.worst_ms / quiet for name, told in found.items() if name]
    print(json.dumps({"quiet_ms": round(quiet, 2), "worst_ratio": round(max(ratios), 2),
                      "median_ratio": round(statistics.median(ratios), 2)}))  # fmt: skip


def main() -> None:
    """All of it on a scratch PostgreSQL with the settings that Rebond ships."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.blocking", description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        server.serve("tests.bench.blocking:watched", socket.socket(fileno=options.serve), workers=1, stop=server.Stop())
        return
    with tempfile.TemporaryDirectory(prefix="rebond-bench-") as name:
        home = Path(name)
        home.chmod(0o711)  # as root the server runs as another account, which must reach it
        with postgres.running(home / "data") as bundled:
            url, plain = bundled.dsn("bench"), bundled.plain("bench")
            new_database(bundled.plain("postgres"), "bench")
            migrations.upgrade(url)
            asyncio.run(install(url))
            asyncio.run(lift(plain))
            requests, small = asyncio.run(scene(url, plain))
            with serving(home, url) as (port, pid, lag):
                deadline = time.monotonic() + 60
                while time.monotonic() < deadline:
                    with contextlib.suppress(OSError):
                        if send(port, message("GET", "/readyz")) == 200:
                            break
                    time.sleep(0.1)
                report(measure(port, pid, lag, requests, small))


if __name__ == "__main__":
    main()
