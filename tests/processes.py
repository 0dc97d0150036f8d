"""`rebond` as a process: typed as a person types it, stopped as terminals and machines do, and what it leaves."""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import asyncpg
import httpx2

from app.bundled import postgres
from app.settings import KEYS_FILE
from tests import starter
from tests.quotas import lift

RUNS = "rebond-run-"  # how the directory of each run begins
RUN = "REBOND_TEST_RUN"  # a directory that all processes of a test run share
REBOND = [sys.executable, "-m", "app.cli"]
ANSWER_S = 120.0

# Under nohup SIGHUP is ignored, by whatever is started here as well. A handler is not inherited: we still go on.
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


def eventually(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
    """Whether the condition is met in time. Who waits leaves the machine to what is waited for."""
    deadline = time.monotonic() + timeout_s
    began = time.monotonic()
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.01 if time.monotonic() - began < 0.1 else 0.03)
    return met


def roomy() -> Path:
    """Memory if there is plenty of it, else the disk; never pytest's own place, which other accounts cannot enter."""
    shm = Path("/dev/shm")
    usable = shm.is_dir() and os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > 2**30
    return shm if usable else Path(tempfile.gettempdir())


def held(place: Path) -> tuple[Path, int]:
    """A new directory of a run, and the descriptor that locks it: however the run ends, the kernel lets go of it."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=RUNS, dir=place))
        try:
            lock = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # another run swept it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            path.chmod(0o711)  # as root the server runs as another account, which must reach it
            return path, lock
        os.close(lock)


def sweep(place: Path) -> None:
    """Remove what runs that were killed have left: no living one holds it."""
    for path in place.glob(f"{RUNS}*"):
        with contextlib.suppress(OSError):  # another account's, or another run removes it
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


@contextlib.contextmanager
def run_directory() -> Iterator[Path]:
    """What all processes of a run share, in memory where there is room."""
    sweep(roomy())
    path, lock = held(roomy())
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def new_place() -> Path:
    """A directory that the server's account can enter, in that of the run where there is one."""
    path = Path(tempfile.mkdtemp(prefix="home-", dir=os.environ.get(RUN) or roomy()))
    path.chmod(0o711)  # as root the server runs as another account, which must reach it
    return path


@contextlib.contextmanager
def new_home(*, from_nothing: bool = False) -> Iterator["Home"]:
    """A directory for one story. No process may outlive it. `from_nothing` starts its commands as a shell does."""
    home = Home(new_place(), from_nothing=from_nothing)
    try:
        yield home
        assert eventually(lambda: not home.processes()), f"left behind: {home.processes()}"
    finally:
        for pid in home.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: not home.processes())
        shutil.rmtree(home.path, ignore_errors=True)


def demonstration() -> "Home":
    """The place in which the service was started once, from nothing, and stopped. To be copied only.

    A backup of it is `demo.dump`, and what the start printed is its `banner`.

    Whoever asks first, of all processes of a run, makes it.
    """
    home = Home(Path(os.environ[RUN]) / "demonstration", from_nothing=True)
    with home.path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = home.path / "told.json"  # comes last
        if not rows.exists():
            shutil.rmtree(home.path, ignore_errors=True)
            home.path.mkdir()
            home.path.chmod(0o711)
            with home.serving() as service:
                asyncio.run(lift(home.address()))
                found = home.count_rows()
            home.said("backup", "demo.dump")
            rows.write_text(json.dumps({"rows": found, "banner": service.banner}))
        told = json.loads(rows.read_text())
        home.rows, home.banner = told["rows"], told["banner"]
    return home


@contextlib.contextmanager
def loaded_home(*, from_nothing: bool = False) -> Iterator["Home"]:
    """A copy of it, as a second start is quicker than a first."""
    whole = demonstration()
    with new_home(from_nothing=from_nothing) as home:
        subprocess.run(["cp", "-a", whole.data, whole.path / "demo.dump", home.path], check=True)
        home.rows, home.banner = whole.rows, whole.banner
        yield home


class Home:
    """A working directory, the data directory in it, and the commands that are run there."""

    def __init__(self, path: Path, *, from_nothing: bool = False) -> None:
        self.path, self.data = path, path / "data"
        self.rows: dict[str, int] = {}  # table → rows, where a story wants to compare them
        self.banner = ""  # what its first start printed
        self.from_nothing = from_nothing
        self.bare = False  # forked from a process that has imported the command line alone

    def environment(self, **settings: str) -> dict[str, str]:
        """The environment without any setting but these, and the data directory."""
        ours = {
            name: value
            for name, value in os.environ.items()
            if not re.match("REBOND_|PYTEST|DATABASE_URL|MAKE|MFLAGS", name)
        }
        return {**ours, "REBOND_DATA_DIR": str(self.data), "TMPDIR": str(self.path), **settings}

    def start(
        self, *words: str, stdout: int | IO[Any], stderr: int | IO[Any], **settings: str
    ) -> "subprocess.Popen[str] | starter.Started":
        """A command, reading nothing, in a session of its own."""
        environment = self.environment(**settings)
        if self.from_nothing:
            return subprocess.Popen(
                [*REBOND, *words], cwd=self.path, env=environment, stdin=subprocess.DEVNULL, stdout=stdout,
                stderr=stderr, text=True, start_new_session=True,
            )  # fmt: skip
        return starter.start(words, cwd=self.path, env=environment, stdout=stdout, stderr=stderr, bare=self.bare)

    def rebond(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A command, until its end."""
        with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
            with self.start(*words, stdout=stdout, stderr=stderr, **settings) as process:
                try:
                    code = process.wait(ANSWER_S)
                finally:
                    process.kill()
            stdout.seek(0)
            stderr.seek(0)
            return subprocess.CompletedProcess(["rebond", *words], code, stdout.read(), stderr.read())

    def said(self, *words: str, **settings: str) -> str:
        """What a command that succeeds prints."""
        done = self.rebond(*words, **settings)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def refusal(self, *words: str, **settings: str) -> str:
        """The one line of a command that is refused."""
        done = self.rebond(*words, **settings)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        assert done.stderr.startswith("rebond: ")
        return done.stderr.removeprefix("rebond: ").strip()

    @contextlib.contextmanager
    def serving(self, *words: str, **settings: str) -> Iterator["Service"]:
        """The service on a free port, listening; stopped at the end of the block if it still runs."""
        with self.starting(*words, **settings) as service:
            service.read_banner()
            yield service

    @contextlib.contextmanager
    def starting(self, *words: str, **settings: str) -> Iterator["Service"]:
        """The service, from its first moment on. It leads a process group, as a terminal would have it."""
        with (
            (self.path / "stderr").open("w") as errors,
            self.start(
                "serve",
                "--port",
                "0",
                *words,
                stdout=subprocess.PIPE,
                stderr=errors,
                **{"REBOND_OPERATIONS_PORT": "0", **settings},
            ) as process,
        ):
            service = Service(self, process)
            try:
                yield service
            finally:
                if process.poll() is None:
                    service.stop(signal.SIGTERM)

    def processes(self) -> dict[int, str]:
        """The living processes of this place, by their command line, directory or environment; this one is none."""
        found = {}
        name = os.fsencode(self.path)
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
                at_work = os.fsencode(f"{entry.joinpath('cwd').readlink()}/").startswith(name + b"/")
                if at_work or name in command or name in (entry / "environ").read_bytes():
                    found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it ended meanwhile, or is a stranger's
        found.pop(os.getpid(), None)
        return found

    def ask(self, sql: str, *arguments: Any, database: str = "rebond") -> list[Any]:
        """The rows from the bundled server, which must be running."""

        async def answer() -> list[Any]:
            connection = await asyncpg.connect(self.address(database), timeout=10)
            try:
                rows: list[Any] = await connection.fetch(sql, *arguments)
                return rows
            finally:
                await connection.close()

        return asyncio.run(answer())

    def address(self, database: str = "rebond") -> str:
        """Where the bundled server listens, for asyncpg."""
        socket_dir = postgres._socket_dir(self.data, postgres._account(self.data))
        return postgres.Server(self.data, socket_dir, []).plain(database)

    def count_rows(self) -> dict[str, int]:
        """How many rows there are in each table, but for the limits of callers, which tests lift in some places, and
        the records of accesses, which the service writes when it has time.
        """
        named = "SELECT relname FROM pg_stat_user_tables WHERE relname NOT IN ('role_quotas', 'access_records')"
        tables = [row[0] for row in self.ask(named)]
        return {name: self.ask(f'SELECT count(*) FROM "{name}"')[0][0] for name in tables}

    def postmaster(self) -> int:
        """The process id of the bundled server."""
        return int((self.data / "pg/postmaster.pid").read_text().split()[0])

    def server_is_gone(self) -> bool:
        return not any("postgres" in command for command in self.processes().values())


class Service:
    """A `rebond serve` under way."""

    def __init__(self, home: Home, process: subprocess.Popen[str] | starter.Started) -> None:
        self.home, self.process = home, process
        self.banner, self.base = "", ""

    def read_banner(self) -> None:
        """Wait for what it prints when it can be used."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.banner += line
            if line.startswith("Ctrl-C"):
                break
        found = re.search(r"^Rebond \S+ +(http://\S+)$", self.banner, re.MULTILINE)
        assert found, (self.banner, self.errors())
        self.base = found[1]

    @property
    def keys(self) -> dict[str, str]:
        """The demonstration's keys, as the service has kept them; none where it has issued none."""
        kept = self.home.data / KEYS_FILE
        keys: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
        return keys

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])

    @property
    def figures_port(self) -> int:
        found = re.search(r"^  figures +http://\S+:(\d+)/metrics$", self.banner, re.MULTILINE)
        assert found, self.banner
        return int(found[1])

    def figures(self) -> str:
        """What it tells Prometheus."""
        with httpx2.Client(trust_env=False, verify=False, timeout=30) as client:
            return client.get(f"http://127.0.0.1:{self.figures_port}/metrics").raise_for_status().text

    def errors(self) -> str:
        return (self.home.path / "stderr").read_text()

    def ask(
        self, method: str, path: str, key: str = "", headers: Mapping[str, str] | None = None, json: Any = None
    ) -> httpx2.Response:
        """A request on a connection of its own; without `verify` it need not read the machine's certificates."""
        credential = {"Authorization": f"Bearer {key}"} if key else {}
        with httpx2.Client(base_url=self.base, trust_env=False, verify=False, timeout=30) as client:
            return client.request(method, path, headers={**credential, **(headers or {})}, json=json)

    def stop(self, number: signal.Signals) -> int:
        """End it as a machine does (SIGTERM to the process), as a terminal does (to all in it), or by kill -9."""
        if number in (signal.SIGINT, signal.SIGHUP):
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.process.wait(timeout=60)
