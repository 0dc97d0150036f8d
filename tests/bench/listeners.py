"""A thousand readers who wait for events on one worker: how late each event comes, and what a reader takes of memory.

`python -m tests.bench.listeners` prints the figures: twenty territories, each with a person whose key fifty streams of
server-sent events use, and ten events a second, in the territories in turn; a delivery is late from the end of the
COMMIT on. With `--nation` one key that sees all territories opens every stream, and each event goes to all of them. One
thread of a client reads every stream.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import select
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from app.bundled import postgres
from app.core import installation, migrations
from app.core.db import create_engine
from tests.bench.__main__ import serving
from tests.bench.filling import client, new_database
from tests.bench.load import cpu_s, memory_kib, message
from tests.quotas import lift
from tests.world import World

SIGHTS, EACH, A_SECOND = 20, 50, 10
MORE = """
INSERT INTO role_quotas (subject_kind, name, value, from_on, source, recorded_at)
VALUES ('person', 'listeners_at_once', 100000, '2026-01-02', 'bench', now())
"""
APPEND = """
INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id, resource_version,
                    data)
VALUES ('mission.updated', now(), $1, 'system', 'bench', 'mission', $2, 1, $3)
"""
EVENT = re.compile(rb'"resource" ?: ?{"type" ?: ?"mission", ?"id" ?: ?"(\d+)"')
DATA = json.dumps({"name": "Mission", "text": "x" * 900})  # about what an event of a time entry has


class Readers:
    """Streams that one thread reads: of each event when it came to each of them."""

    def __init__(self, port: int, keys: list[str]) -> None:
        self.came: list[tuple[int, float]] = []
        self._poll, self._sockets, self._rests = select.epoll(), {}, {}
        self._stopped = False
        for key in keys:
            each = socket.create_connection(("127.0.0.1", port), timeout=30)
            each.sendall(message("GET", "/v1/events?after=now", key, Accept="text/event-stream"))
            self._sockets[each.fileno()], self._rests[each.fileno()] = each, b""
            self._poll.register(each, select.EPOLLIN)
        waiting = set(self._sockets)
        while waiting:  # until each has been told where it is
            for number, _ in self._poll.poll(30):
                got = self._sockets[number].recv(65_536)
                if b"event: cursor" in got:
                    waiting.discard(number)

    def read(self) -> None:
        while not self._stopped:
            for number, _ in self._poll.poll(0.2):
                text = self._rests[number] + self._sockets[number].recv(1 << 20)
                at = time.time()
                *whole, self._rests[number] = text.split(b"\n\n")
                self.came += [(int(found[1]), at) for found in map(EVENT.search, whole) if found]

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        thread = threading.Thread(target=self.read)
        thread.start()
        try:
            yield
        finally:
            self._stopped = True
            thread.join()
            for each in self._sockets.values():
                each.close()


async def write(plain: str, territories: list[str], seconds: int) -> dict[int, float]:
    """Ten events a second; when each was committed."""
    committed = {}
    async with asyncpg.create_pool(plain, min_size=1, max_size=2) as pool:
        began = time.time()
        for number in range(seconds * A_SECOND):
            await asyncio.sleep(max(0.0, began + number / A_SECOND - time.time()))
            await pool.execute(APPEND, territories[number % len(territories)], str(number), DATA)
            committed[number] = time.time()
    return committed


async def settle(url: str, plain: str) -> tuple[list[str], list[str], str]:
    """Territories, the key of somebody in each, and one of somebody who sees all."""
    engine = create_engine(url, pool_size=1)
    await installation.ensure(engine)
    await engine.dispose()
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=2) as pool:
        await pool.execute(MORE)
        worlds = [await World.create(http, pool) for _ in range(SIGHTS)]
    return [each.territory for each in worlds], [each.lead.key for each in worlds], worlds[0].operator.key


def measure(port: int, pid: int, plain: str, places: list[str], keys: list[str], seconds: int) -> dict[str, Any]:
    """Milliseconds from COMMIT to each reader, KiB and processor of the worker."""
    before = memory_kib(pid, "VmRSS")
    readers = Readers(port, keys)
    opened = memory_kib(pid, "VmRSS")
    spent = cpu_s(pid)
    time.sleep(5)
    idle, spent = cpu_s(pid) - spent, cpu_s(pid)
    with readers.reading():
        committed = asyncio.run(write(plain, places, seconds))
        time.sleep(2)
    late = sorted(1000 * (at - committed[number]) for number, at in readers.came)
    return {
        "listeners": len(keys), "deliveries": len(late), "ms_median": round(median(late)),
        "ms_p95": round(late[int(len(late) * 0.95)]), "ms_worst": round(late[-1]),
        "kib_a_listener": round((opened - before) / len(keys), 1),
        "kib_after_a_listener": round((memory_kib(pid, "VmRSS") - before) / len(keys), 1),
        "processor_idle": round(idle / 5, 3), "processor": round((cpu_s(pid) - spent) / (seconds + 2), 3),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def main() -> None:
    """On a scratch PostgreSQL with the settings that Rebond ships."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=int, default=30)
    asked.add_argument("--each", type=int, default=EACH)
    asked.add_argument("--nation", action="store_true")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as home, postgres.running(Path(home) / "data") as bundled:
        plain, url = bundled.plain("bench"), bundled.dsn("bench")
        new_database(bundled.plain("postgres"), "bench")
        migrations.upgrade(url)
        asyncio.run(lift(plain))
        territories, keys, nation = asyncio.run(settle(url, plain))
        with serving(Path(home), "bench.log", DATABASE_URL=url, REBOND_LISTENERS="2000") as (port, pid):
            each = [nation] * (SIGHTS * given.each) if given.nation else keys * given.each
            print(json.dumps(measure(port, pid, plain, territories, each, given.seconds)))


if __name__ == "__main__":
    main()
