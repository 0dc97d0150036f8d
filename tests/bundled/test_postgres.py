"""The bundled server with real processes: whatever dies, the data stay, one server runs, and none is left behind."""

import asyncio
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.bundled import postgres
from app.bundled.postgres import EmbeddedError, acquire, running
from tests.processes import new_place

QUICK = {"fsync": "off"}
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root runs the server as another account")

USER = """
import sys
from pathlib import Path
from app.bundled import postgres
server = postgres.acquire(Path(sys.argv[1]), exclusive_service="service" in sys.argv, settings={"fsync": "off"})
print("ready", flush=True)
sys.stdin.read()
server.release()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that the server's account can enter, unlike pytest's tmp_path; no process may outlive the test."""
    home = new_place()
    yield home
    left = [] if eventually(lambda: not processes(home)) else processes(home)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=bool(left))
    assert not left, "processes outlived their last user"


@pytest.fixture
def directory(home: Path) -> Path:
    return home / "data"


def processes(home: Path) -> dict[int, str]:
    """The living processes that work in this directory or were started with its name, and their command lines."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            at_work = str(entry.joinpath("cwd").readlink()).startswith(f"{home}/")
        except OSError:
            continue  # it ended meanwhile, or is a stranger's
        if str(home) in command or at_work:
            found[int(entry.name)] = command
    return found


def eventually(condition: Callable[[], bool], timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return met


def postmaster(directory: Path) -> int:
    return int((directory / "pg/postmaster.pid").read_text().split()[0])


def keepers(directory: Path) -> list[int]:
    return [pid for pid, command in processes(directory.parent).items() if "keeper.py" in command]


def stopped(directory: Path) -> bool:
    """Whether no process of PostgreSQL is left, which is what the lock that all of them inherit tells.

    The keeper takes that lock last, and holds it until it has ended: after a stop, wait for this.
    """
    with (directory / "server.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def servers(directory: Path) -> list[int]:
    """The processes of PostgreSQL itself; one that it has just forked bears its name for a moment, as its child."""
    found = [pid for pid, command in processes(directory.parent).items() if "/bin/postgres " in command]
    return [pid for pid in found if parent(pid) not in found]


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # it ended meanwhile


def ask(server: postgres.Server, sql: str) -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(server.plain("postgres"))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(answer())


@contextmanager
def user(directory: Path, *words: str, wait: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the server until its standard input is closed."""
    argv = [sys.executable, "-c", USER, str(directory), *words]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if wait:
                ready(process)
            yield process
        finally:
            if process.stdin and not process.stdin.closed:
                process.stdin.close()


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def refusal(directory: Path, *, exclusive_service: bool = False) -> str:
    with pytest.raises(EmbeddedError) as refused:
        acquire(directory, exclusive_service=exclusive_service, settings=QUICK).release()
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_the_server_starts_for_its_first_user_and_stops_after_its_last(directory: Path) -> None:
    first = acquire(directory, settings=QUICK)
    second = acquire(directory)
    first.release()
    first.release()
    assert ask(second, "select current_setting('data_checksums') || current_setting('timezone')") == "onUTC"
    assert ask(second, "select datlocprovider::text || datlocale from pg_database where datname = 'template1'") == (
        "bC.UTF-8"
    )
    second.release()
    assert eventually(lambda: stopped(directory))
    assert eventually(lambda: not processes(directory.parent))


def test_the_log_holds_no_value_of_a_statement_or_a_row(directory: Path) -> None:
    """Not those of a row that is refused, nor the parameters of a slow statement where somebody asks for its time."""

    async def try_it(server: postgres.Server) -> None:
        connection = await asyncpg.connect(server.plain("postgres"))
        await connection.execute("CREATE TABLE firm (name text CHECK (name = 'Aciéries'))")
        await connection.execute("SET log_min_duration_statement = 0")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("INSERT INTO firm VALUES ($1)", "Zéphyrine")
        await connection.fetchval("SELECT $1::text", "Zéphyrine")
        await connection.close()

    with running(directory, settings=QUICK) as server:
        asyncio.run(try_it(server))
        log = (directory / postgres.LOG).read_text()
    assert "INSERT INTO firm VALUES ($1)" in log
    assert "duration" in log
    assert "Zéphyrine" not in log


def test_the_data_survive_and_a_database_is_created_only_once(directory: Path) -> None:
    async def through_sqlalchemy(dsn: str, sql: str) -> object:
        engine = create_async_engine(dsn)
        async with engine.begin() as connection:
            result = await connection.execute(text(sql))
            value = result.scalar() if result.returns_rows else None
        await engine.dispose()
        return value

    with running(directory, settings=QUICK) as server:
        postgres.ensure_database(server, "rebond")
        asyncio.run(through_sqlalchemy(server.dsn(), "create table firm as select 'Aciéries' as name"))
    with running(directory, settings=QUICK) as server:
        postgres.ensure_database(server, "rebond")
        assert asyncio.run(through_sqlalchemy(server.dsn(), "select name from firm")) == "Aciéries"


def test_one_database_wanted_by_four_at_once_is_created_once(directory: Path) -> None:
    refused: list[EmbeddedError] = []

    def create() -> None:
        try:
            postgres.ensure_database(server, "rebond")
        except EmbeddedError as error:
            refused.append(error)

    with running(directory, settings=QUICK) as server:
        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not refused
        assert ask(server, "select count(*) from pg_database where datname = 'rebond'") == 1


def test_a_killed_service_takes_the_server_with_it_and_the_next_one_recovers(directory: Path) -> None:
    with user(directory, "service") as service:
        kill(service)
        assert eventually(lambda: stopped(directory))
    with running(directory, exclusive_service=True, settings=QUICK) as server:
        assert ask(server, "select 1") == 1


def test_a_service_restarted_right_after_a_kill_finds_a_server(directory: Path) -> None:
    with user(directory, "service") as service:
        kill(service)
        with running(directory, exclusive_service=True, settings=QUICK) as server:
            assert ask(server, "select 1") == 1


def test_a_death_during_the_first_initialisation_leaves_no_trace(directory: Path) -> None:
    with user(directory, wait=False) as process:
        assert eventually((directory / "pg.new/PG_VERSION").exists)
        kill(process)
        assert not (directory / "pg").exists()
        with running(directory, settings=QUICK) as server:
            assert ask(server, "select 1") == 1
        assert not (directory / "pg.new").exists()


def test_four_users_at_once_share_one_server(directory: Path) -> None:
    with ExitStack() as users:
        four = [users.enter_context(user(directory, wait=False)) for _ in range(4)]
        for process in four:
            ready(process)
        assert len(servers(directory)) == 1
        assert len(keepers(directory)) == 1
        kill(four[0])
        for process in four[1:3]:
            process.communicate()
        assert not stopped(directory)
    assert eventually(lambda: stopped(directory))


def test_those_who_come_while_others_leave_always_find_a_server(directory: Path) -> None:
    failures: list[Exception] = []

    def come_and_go() -> None:
        try:
            for _ in range(5):
                with running(directory, settings=QUICK) as server:
                    postgres.ensure_database(server, "postgres")
        except (EmbeddedError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=come_and_go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_data_directory_has_one_service(directory: Path) -> None:
    with running(directory, exclusive_service=True, settings=QUICK), running(directory):
        assert refusal(directory, exclusive_service=True) == (
            f"another rebond service (process {os.getpid()}) already uses {directory}"
        )


def test_a_killed_server_is_started_again_for_the_next_user(directory: Path) -> None:
    with running(directory, settings=QUICK):
        os.kill(postmaster(directory), signal.SIGKILL)
        with running(directory, settings=QUICK) as server:
            assert ask(server, "select 1") == 1


def test_a_killed_keeper_is_replaced_by_the_next_user(directory: Path) -> None:
    with user(directory) as service:
        (keeper,) = keepers(directory)
        os.kill(keeper, signal.SIGKILL)
        assert eventually(lambda: not keepers(directory))
        with running(directory):
            assert len(keepers(directory)) == 1
        kill(service)
        assert eventually(lambda: stopped(directory))


def test_without_a_keeper_the_last_user_still_stops_the_server(directory: Path) -> None:
    with running(directory, settings=QUICK):
        (keeper,) = keepers(directory)
        os.kill(keeper, signal.SIGKILL)
        assert eventually(lambda: not keepers(directory))
    assert eventually(lambda: stopped(directory))


def test_stale_pid_files_do_not_prevent_a_start(directory: Path) -> None:
    acquire(directory, settings=QUICK).release()
    owner = (directory / "pg").stat().st_uid
    socket = directory / "socket/.s.PGSQL.5432"
    with subprocess.Popen(["sleep", "60"], user=owner if AS_ROOT else None) as stranger:
        try:
            whole = f"{stranger.pid}\n{directory}/pg\n1700000000\n5432\n{socket.parent}\n\n  5432001 0\nready\n"
            for content in (whole, "", "\n", whole[:3], str(stranger.pid)):
                (directory / "pg/postmaster.pid").write_text(content)
                Path(f"{socket}.lock").write_text(content)
                socket.touch()
                with running(directory, settings=QUICK) as server:
                    assert ask(server, "select 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_the_server_is_out_of_reach_of_the_terminal_and_holds_none_of_our_locks(directory: Path) -> None:
    with running(directory, exclusive_service=True, settings=QUICK):
        pids = [postmaster(directory), *keepers(directory)]
        assert all(os.getsid(pid) != os.getsid(0) for pid in pids)
        held = {str(entry.readlink()) for entry in Path(f"/proc/{pids[0]}/fd").iterdir()}
        assert {path for path in held if path.endswith(".lock")} == {str(directory / "server.lock")}


@pytest.mark.parametrize("name", ['l\'été, "$HOME" & `co`', "x" * 120])
def test_any_name_of_the_directory_will_do(home: Path, name: str) -> None:
    with running(home / name, settings=QUICK) as server:
        assert ask(server, "select 1") == 1
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    if home not in server.socket_dir.parents:
        shutil.rmtree(server.socket_dir)


def test_the_cluster_of_another_version_is_refused(directory: Path) -> None:
    (directory / "pg").mkdir(parents=True)
    directory.chmod(0o711)
    (directory / "pg/PG_VERSION").write_text("17\n")
    message = refusal(directory)
    assert "was made by PostgreSQL 17 and Rebond brings PostgreSQL 18" in message
    assert "REBOND_DATA_DIR" in message
    assert [entry.name for entry in (directory / "pg").iterdir()] == ["PG_VERSION"]


def test_a_directory_that_cannot_be_written_is_refused(home: Path) -> None:
    file = home / "file"
    file.touch()
    for place in (file, file / "below", Path("/proc/rebond")):
        message = refusal(place)
        assert message.startswith(f"the data directory {place} cannot be used: ")
        assert "set REBOND_DATA_DIR" in message


def test_a_server_that_cannot_start_says_why_and_harms_nothing(directory: Path) -> None:
    with pytest.raises(EmbeddedError) as refused:
        acquire(directory, settings={**QUICK, "shared_buffers": "plenty"})
    assert str(refused.value) == (
        'PostgreSQL cannot start: invalid value for parameter "shared_buffers": "plenty"'
        f" (log: {directory / 'postgresql.log'})"
    )
    with running(directory, settings=QUICK) as server:
        assert ask(server, "select 1") == 1


def test_a_missing_wheel_is_said_in_one_line(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "install Rebond with its extra «bundled»" in refusal(directory)
    assert not directory.exists()


@only_root
def test_a_directory_closed_to_the_servers_account_serves_all_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, data = home / "closed", home / "closed/data"
    closed.mkdir(mode=0o700)
    data.mkdir(mode=0o700)
    for name in (postgres.INSTALL.parts[0], str(postgres.LIBRARIES)):
        (closed / name).symlink_to(postgres._site_packages() / name)
    monkeypatch.setattr(postgres, "_site_packages", lambda: closed)
    monkeypatch.setattr(postgres, "FOR_ROOT", home / "programs")
    for _ in range(2):
        with running(data, settings=QUICK) as server:
            assert ask(server, "select 1") == 1
            assert len(list((home / "programs").glob("postgresql-*"))) == 1
        assert eventually(lambda: not (data / "pg/postmaster.pid").exists())
    assert [stat.S_IMODE(path.stat().st_mode) for path in (closed, data)] == [0o700, 0o700]


@only_root
def test_programs_out_of_reach_of_the_servers_account_are_copied_once(
    home: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    for name in (postgres.INSTALL.parts[0], str(postgres.LIBRARIES)):
        (closed / name).symlink_to(postgres._site_packages() / name)
    monkeypatch.setattr(postgres, "_site_packages", lambda: closed)
    copies = []
    for _ in range(2):
        with running(directory, settings=QUICK) as server:
            assert ask(server, "select 1") == 1
        copies += [(copy, copy.stat().st_ino) for copy in directory.glob("postgresql-*")]
    assert len(copies) == 2
    assert copies[0] == copies[1]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_the_default_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REBOND_DATA_DIR", "/srv/rebond")
    assert postgres.default_data_dir() == Path("/srv/rebond")
    monkeypatch.delenv("REBOND_DATA_DIR")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert postgres.default_data_dir() == Path("/var/lib/rebond")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/home/a/data")
    assert postgres.default_data_dir() == Path("/home/a/data/rebond")
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    monkeypatch.setenv("HOME", "/home/a")
    assert postgres.default_data_dir() == Path("/home/a/.local/share/rebond")
