"""What runs short – connections, locks, the disk – is told as 503 with a time to come again, and counted by reason."""

import asyncio
import contextlib
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.conftest import plain
from tests.contract.server import Answer, Service, serving
from tests.faults.conftest import FIGURES, RECOVERIES, Siege, holds_what_it_acknowledged, new_ground
from tests.processes import Home, demonstration, eventually, new_home
from tests.world import Mission, World, dumps, ok

SMALL = {"REBOND_POOL_SIZE": "2", "REBOND_POOL_TIMEOUT": "0.5", "REBOND_CREDENTIAL_CACHE": "0"}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Small:
    """A service with two connections, a world in its database, and a connection of somebody else's."""

    def __init__(self, service: Service, world: World, mission: Mission) -> None:
        self.service, self.world, self.mission = service, world, mission

    def send(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        fields = {"Authorization": f"Bearer {self.world.clients[who].key}", **headers}
        if body is not None:
            fields["Content-Type"] = "application/json"
        path = path if path.startswith("/") else f"/v1/territories/{self.world.territory}/{path}"
        return self.service.request(method, path, fields, dumps(body) if body is not None else b"")

    def told_busy(self, reason: str) -> float:
        """How often the metrics say that a request was refused for this reason."""
        said = self.service.figures()
        found = re.search(rf'^rebond_problems_total{{code="busy",reason="{reason}"}} (\S+)$', said, re.MULTILINE)
        return float(found[1]) if found else 0.0


def is_busy(answer: Answer) -> None:
    assert (answer.status, answer.json["type"]) == (503, "/problems/busy"), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"


@pytest.fixture(scope="module")
async def small(
    http: httpx2.AsyncClient, pool: Any, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    world = await World.create(http, pool)
    mission = await world.mission(days=10)
    with serving(database_url, tmp_path_factory.mktemp("small"), settings=SMALL) as service:
        yield Small(service, world, mission)


async def blocked(connection: Any, count: int = 1) -> None:
    """Wait until so many of the service's statements wait for a lock."""
    async with asyncio.timeout(30):
        while await connection.fetchval(WAITING) < count:  # noqa: ASYNC110  # PostgreSQL tells nobody that one waits
            await asyncio.sleep(0.01)


async def test_a_row_that_somebody_holds_is_told_as_busy_and_counted(small: Small, database_url: str) -> None:
    before = small.told_busy("lock_timeout")
    holder = await asyncpg.connect(plain(database_url))
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM mission_days WHERE mission_id = $1 FOR UPDATE", small.mission.id)
            key = secrets.token_hex(8)
            entry = small.mission.entry(worked_on="2023-07-06")
            # The one statement, a session, and a batch: each path of a write.
            for path, body in (
                ("time-entries", entry),
                ("time-entries/batch", {"items": [entry]}),
                (f"missions/{small.mission.id}/orders",
                 {"kind": "amendment", "reference": "AV", "signed_on": "2023-07-01", "days": 1,
                  "reason": "Closing committee"}),
            ):  # fmt: skip
                who = "operator" if "orders" in path else "consultant"
                send = asyncio.to_thread(small.send, who, "POST", path, body, **{"Idempotency-Key": key + path[-5:]})
                is_busy(await send)
                assert small.send("operator", "GET", f"missions/{small.mission.id}").status == 200
        assert small.told_busy("lock_timeout") == before + 3
        made = small.send("consultant", "POST", "time-entries", entry, **{"Idempotency-Key": key + "tries"})
        assert (made.status, made.headers.get("idempotency-replayed")) == (201, None)
    finally:
        await holder.close()


async def test_a_deadlock_is_told_as_busy_counted_and_logged_with_its_cause(small: Small, database_url: str) -> None:
    """No write of ours makes one: it takes somebody at the database's own prompt."""
    before = small.told_busy("deadlock")
    entry = small.mission.entry(worked_on="2023-07-07")
    holder, watcher = await asyncpg.connect(plain(database_url)), await asyncpg.connect(plain(database_url))
    try:
        await holder.execute("SET deadlock_timeout = '1min'")  # so that the service's side is the one to notice
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM mission_days WHERE mission_id = $1 FOR UPDATE", small.mission.id)
        answer = asyncio.create_task(asyncio.to_thread(small.send, "consultant", "POST", "time-entries", entry))
        await blocked(watcher)
        person = "SELECT person_id FROM consultants WHERE id = $1"
        await holder.execute(
            f"INSERT INTO person_days (person_id, worked_on, days) VALUES (({person}), '2023-07-07', 0.25)",
            entry["consultant_id"],
        )
        is_busy(await answer)
        await transaction.rollback()
    finally:
        await holder.close()
        await watcher.close()
    assert small.told_busy("deadlock") == before + 1
    (line,) = small.service.await_lines('"deadlock"', 2)[:1]
    assert "DeadlockDetectedError" in line
    assert "run_statement" in line
    assert entry["consultant_id"] not in line
    assert small.send("consultant", "POST", "time-entries", entry).status == 201


async def test_a_pool_without_a_free_connection_is_told_as_busy_and_counted(small: Small, database_url: str) -> None:
    before = small.told_busy("pool")
    holder, watcher = await asyncpg.connect(plain(database_url)), await asyncpg.connect(plain(database_url))
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM mission_days WHERE mission_id = $1 FOR UPDATE", small.mission.id)
            entries = [small.mission.entry(by=by, worked_on="2023-07-10", days=0.25) for by in ("lead", "partner")]
            waiting = [
                asyncio.create_task(asyncio.to_thread(small.send, who, "POST", "time-entries", entry))
                for who, entry in zip(("lead", "consultant"), entries, strict=True)
            ]
            await blocked(watcher, 2)
            for method, path, body in (
                ("GET", "/v1/organisations", None),
                ("GET", "/v1/me", None),
                ("GET", "/v1/events", None),
                ("POST", "/v1/organisations", {"name": "None"}),
            ):
                is_busy(await asyncio.to_thread(small.send, "admin", method, path, body))
                assert small.service.request("GET", "/healthz").status == 200
        assert sorted([(await task).status for task in waiting]) == [201, 201]
        assert small.told_busy("pool") >= before + 4
    finally:
        await watcher.close()
        await holder.close()
    assert small.send("admin", "GET", "/v1/organisations").status == 200


# --- the disk ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def disk(home: Home, mebibytes: int) -> Iterator[None]:
    """A disk of this size as the data directory, with what a first start has left in it."""
    home.data.mkdir(mode=0o711)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0711", "tmpfs", str(home.data)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    try:
        subprocess.run(["cp", "-a", f"{demonstration().data}/.", home.data], check=True)
        yield
    finally:
        eventually(lambda: not home.processes())
        subprocess.run(["umount", "-l", str(home.data)], check=True)


def fill(path: Path) -> bool:
    """Take what is left of the disk; false, as the end of a wait that it is a part of."""
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as ballast:
        while ballast.write(b"\0" * 65_536):
            pass
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as ballast:
        while ballast.write(b"\0" * 512):
            pass
    return False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_refuses_writes_clearly_and_they_go_on_when_there_is_room() -> None:
    with new_home() as home, disk(home, 320), home.serving("--workers", "2") as service:
        siege = Siege(home, new_ground(home, service.base, people=4), service)
        ballast = home.data / "ballast"
        with siege.under_way():
            siege.after(20)
            fill(ballast)
            # It takes until the journal or a table needs room; each writer is then told to come again.
            assert eventually(lambda: fill(ballast) or siege.seen["503"] >= 10 or bool(siege.faults), 120)
            siege.nothing_wrong()
            assert service.ask("GET", "/healthz").status_code == 200
            ballast.unlink()
            freed = time.monotonic()
            siege.after(1)
            RECOVERIES.setdefault("room on its full disk", []).append(time.monotonic() - freed)
            siege.after(20)
        FIGURES["times the disk was full"] += 1
        holds_what_it_acknowledged(siege)
        ok(service.ask("GET", "/v1/me", siege.ground.key("operator")))
