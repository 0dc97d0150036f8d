"""Long exports over a real socket: memory, and streams that break on either side."""

import asyncio
import contextlib
import http.client
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.core.reading.xlsx import MOST_ROWS
from tests.contract.server import ANSWER_S, Service, answer_on, message, serving
from tests.world import World, ok

ROWS = MOST_ROWS + 1
IMPATIENCE = {
    "REBOND_SEND_TIMEOUT": "3",
    "REBOND_REQUEST_TIMEOUT": "5",
    "REBOND_EXPORTS": "3",
}


@pytest.fixture(scope="module")
def impatient(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that waits three seconds for a client, and runs three exports at once."""
    with serving(database_url, tmp_path_factory.mktemp("impatient"), settings=IMPATIENCE) as running:
        yield running


@dataclass(frozen=True)
class Long:
    """A territory with a collection of more than a hundred thousand rows, half of them changed of late."""

    world: World
    path: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.world.operator.key}"}

    async def await_exports(self, *, running: bool) -> None:
        """Wait until the database works on some export, or on none."""
        deadline = time.monotonic() + ANSWER_S
        while bool(await self.world.pool.fetchval(f"SELECT count(*) {EXPORTS}")) is not running:
            assert time.monotonic() < deadline, f"exports running: {not running}"

    async def kill_exports(self) -> None:
        await self.world.pool.execute(f"SELECT pg_terminate_backend(pid) {EXPORTS}")


EXPORTS = """
FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rebond' AND state = 'active'
    AND query LIKE 'COPY%'
"""


@pytest.fixture(scope="module")
async def long(http: Any, pool: Any, anyio_backend: Any) -> Long:
    world = await World.create(http, pool)
    mission = await world.mission(days=10)
    await pool.execute(
        "INSERT INTO late_entry_leaves (mission_id, until_on, reason, granted_by, created_at, updated_at)"
        " SELECT $1, '2030-01-01', repeat('Late papers, again; ', 40), $2, now(),"
        "  CASE WHEN n % 2 = 0 THEN timestamptz '2020-01-01' ELSE now() END FROM generate_series(1, $3) n",
        mission.id, world.subjects["operator"], ROWS,
    )  # fmt: skip
    return Long(world, f"/v1/territories/{world.territory}/missions/{mission.id}/late-entry-leaves")


def peak(process: int) -> int:
    """The most memory that a process has had, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def forget_peak(process: int) -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")


@contextlib.contextmanager
def opened(
    service: Service, long: Long, form: str, headers: Mapping[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """An export whose answer has begun, and of which nothing more is read than is asked for."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.settimeout(ANSWER_S)
    connection.connect(("127.0.0.1", service.port))
    with connection:
        connection.sendall(message("GET", f"{long.path}?format={form}", headers or long.headers))
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 200, response.read()
        yield response


def counted(response: http.client.HTTPResponse) -> tuple[int, int]:
    """The bytes and line ends of a body, read without holding it."""
    size = lines = 0
    while piece := response.read(262_144):
        size += len(piece)
        lines += piece.count(b"\n")
    return size, lines


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="no Linux")
async def test_an_export_holds_no_more_than_a_chunk(impatient: Service, long: Long) -> None:
    ok(await long.world.operator.get(long.path))
    with opened(impatient, long, "csv&limit=1") as warm:
        warm.read()
    idle = peak(impatient.process.pid)
    for form, extra, rows in (("csv", 1, ROWS), ("ndjson", 0, ROWS), ("csv-fr", 1, ROWS)):
        forget_peak(impatient.process.pid)
        with opened(impatient, long, form) as response:
            size, lines = counted(response)
        assert lines == rows + extra
        assert size > 80_000_000
        assert peak(impatient.process.pid) - idle < 40_000_000, form
    forget_peak(impatient.process.pid)
    with opened(impatient, long, "xlsx&updated_since=2021-01-01T00:00:00Z") as response:
        counted(response)
    assert peak(impatient.process.pid) - idle < 40_000_000


async def test_a_workbook_that_would_be_too_long_is_refused_before_it_begins(impatient: Service, long: Long) -> None:
    answer = impatient.request("GET", f"{long.path}?format=xlsx", long.headers)
    assert (answer.status, answer.json["type"]) == (422, "/problems/too-many-rows")
    assert answer.json["most_rows"] == MOST_ROWS


async def test_a_client_that_leaves_ends_the_query(impatient: Service, long: Long) -> None:
    for form in ("csv", "ndjson", "xlsx&updated_since=2021-01-01T00:00:00Z"):
        with opened(impatient, long, form):
            await long.await_exports(running=True)
        await long.await_exports(running=False)
        assert impatient.request("GET", f"{long.path}?format=csv&limit=2", long.headers).status == 200


async def test_a_killed_database_session_breaks_the_body_visibly(impatient: Service, long: Long) -> None:
    with opened(impatient, long, "csv") as response:
        await long.await_exports(running=True)
        await long.kill_exports()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            counted(response)
    for _ in range(3):
        assert impatient.request("GET", f"{long.path}?format=csv&limit=2", long.headers).status == 200


async def test_a_client_that_stops_reading_is_cut(impatient: Service, long: Long) -> None:
    with opened(impatient, long, "csv") as response:
        await long.await_exports(running=True)
        await long.await_exports(running=False)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            counted(response)


async def test_a_slow_client_that_goes_on_reading_gets_all_however_long_it_takes(
    impatient: Service, long: Long
) -> None:
    begun = time.monotonic()
    size = lines = 0
    with opened(impatient, long, "csv") as response:
        while piece := response.read(65_536):
            lines += piece.count(b"\n")
            size += len(piece)
            if time.monotonic() - begun < 6 and size > 4_000_000:  # longer than an answer may take to begin
                await asyncio.sleep(0.02)
    assert lines == ROWS + 1


async def test_only_so_many_exports_run_at_once_and_pages_go_on(impatient: Service, long: Long) -> None:
    await long.await_exports(running=False)
    other, late = ({"Authorization": f"Bearer {each.key}"} for each in (long.world.auditor, long.world.programme))
    with opened(impatient, long, "csv"), opened(impatient, long, "ndjson"):
        refused = impatient.request("GET", f"{long.path}?format=csv", long.headers)
        assert (refused.status, refused.json["type"]) == (429, "/problems/quota-exceeded")
        assert (refused.json["policy"], refused.json["limit"]) == ("exports_at_once", 2)
        assert int(refused.headers["retry-after"]) > 0
        with opened(impatient, long, "csv", other):
            refused = impatient.request("GET", f"{long.path}?format=csv", late)
            assert (refused.status, refused.json["type"]) == (503, "/problems/too-many-exports")
            assert int(refused.headers["retry-after"]) > 0
        assert impatient.request("GET", long.path, long.headers).status == 200
    await long.await_exports(running=False)
    assert impatient.request("GET", f"{long.path}?format=csv&limit=1", long.headers).status == 200


async def test_an_export_has_a_limit_of_time(
    database_url: str, long: Long, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("hurried")
    with serving(database_url, directory, settings={"REBOND_EXPORT_TIMEOUT": "2"}) as hurried:
        with opened(hurried, long, "csv") as response:
            await long.await_exports(running=True)
            await long.await_exports(running=False)
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                counted(response)
        assert hurried.request("GET", f"{long.path}?format=csv&limit=1", long.headers).status == 200


async def test_several_exports_on_one_connection_and_a_trace_in_the_log(impatient: Service, long: Long) -> None:
    given = secrets.token_hex(8)
    with impatient.connect() as connection:
        for form in ("csv", "xlsx", "ndjson"):
            target = f"{long.path}?format={form}&limit=2"
            connection.sendall(message("GET", target, {**long.headers, "X-Request-Id": given}))
            answer = answer_on(connection)
            assert (answer.status, answer.closed, bool(answer.body)) == (200, False, True)
            assert answer.headers["transfer-encoding"] == "chunked"
    lines = [json.loads(line) for line in impatient.await_lines(given, 3)]
    assert {line["status"] for line in lines} == {200}
