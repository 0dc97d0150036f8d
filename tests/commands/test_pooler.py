"""Through PgBouncer: a session of one's own is served as without it, a shared one is refused in one line.

PgBouncer is the distribution's package; these tests are skipped where it is absent.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from app import libpq
from app.commands.database import check_server
from app.commands.terminal import CommandRefused
from app.core.db import SESSION, create_engine
from tests.deployed import but_for, free_port, program
from tests.processes import RUN

PROGRAM = program("pgbouncer")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no PgBouncer here (apt-get install pgbouncer)")


@contextmanager
def pooling(place: Path, database_url: str, mode: str) -> Iterator[str]:
    """The address of the database through PgBouncer, as `deploy/` has it but for this mode."""
    of = libpq.address(database_url)
    server = Path(unquote(of.dsn.partition("host=")[2]))
    port = free_port()
    (place / "users").write_text('"postgres" "right"\n')
    changes = {
        "rebond = host=127.0.0.1 port=5432": f"{of.database} = host={server} user=postgres",
        "6432\n": f"{port}\n",
        "pool_mode = session": f"pool_mode = {mode}",
        "/etc/pgbouncer/userlist.txt": f"{place}/users\nlogfile = {place}/log",
    }
    (place / "pgbouncer.ini").write_text(but_for("pgbouncer.ini", changes))
    account = None
    if os.geteuid() == 0:  # which PgBouncer refuses to be
        account = server.owner()
        _let_in(server.parent, account)
        for path in (place, *place.iterdir()):
            shutil.chown(path, account)
    with subprocess.Popen(
        [str(PROGRAM), "-q", *(["-u", account] if account else []), str(place / "pgbouncer.ini")],
        stderr=subprocess.PIPE,
    ) as process:
        try:
            _answering(process, port)
            yield f"postgresql://postgres:right@127.0.0.1:{port}/{of.database}"
        finally:
            process.kill()


def _let_in(data_dir: Path, account: str) -> None:
    """Let the account that runs PgBouncer reach the tests' server, which asks the system who is at the other end."""
    line = f'rebond "{account}" all\n'
    accounts = data_dir / "pg/pg_ident.conf"
    if line not in accounts.read_text():
        with accounts.open("a") as file:
            file.write(line)
        os.kill(int((data_dir / "pg/postmaster.pid").read_text().split()[0]), signal.SIGHUP)


def _answering(process: Any, port: int) -> None:
    for _ in range(500):
        if process.poll() is not None:
            pytest.fail(f"PgBouncer ended: {process.stderr.read().decode()}")
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail("PgBouncer does not answer")


@pytest.fixture
def place() -> Iterator[Path]:
    """Where an account of its own reaches its files."""
    with tempfile.TemporaryDirectory(dir=os.environ[RUN]) as made:
        yield Path(made)


def test_a_session_of_ones_own_keeps_what_bounds_it(place: Path, database_url: str) -> None:
    with pooling(place, database_url, "session") as url:
        check_server(url)
        for _ in range(2):  # the second time on a server's session that PgBouncer has used before
            assert asyncio.run(_bounds(url)) == SESSION
        with pytest.raises(CommandRefused, match=r"cannot be reached: [^\n]*$") as refused:
            check_server(url.replace("right", "wrong"))
        assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_session_that_is_shared_out_is_refused(place: Path, database_url: str, mode: str) -> None:
    with (
        pooling(place, database_url, mode) as url,
        pytest.raises(CommandRefused, match=r"^the database \S+ [^\n]*pool_mode = session"),
    ):
        check_server(url)


async def _bounds(url: str) -> dict[str, str]:
    engine = create_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            return {name: (await connection.exec_driver_sql(f"SHOW {name}")).scalar_one() for name in SESSION}
    finally:
        await engine.dispose()
