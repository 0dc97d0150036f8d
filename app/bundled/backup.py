"""A backup of the bundled server's database in one file, and its return.

The file is pg_dump's custom format: one snapshot, taken while the service runs, that pg_restore also brings to any
server of PostgreSQL 18. It holds everything that the service knows, personal data and the digests of keys included:
with a key it is written encrypted, and never stands on the disk in clear.
"""

import asyncio
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import asyncpg

from app.bundled import encryption, postgres
from app.core import clock, migrations

DATABASE = "rebond"
RESTORED = "rebond_restored"  # while it is being filled
REPLACED = "rebond_replaced"  # what was there before
GAP = 1_000_000_000  # more events than any database has had since its last backup
DUMP = ("--format=custom", "--no-owner", "--no-privileges")
RESTORE = ("--exit-on-error", "--no-owner", "--no-privileges")
OTHERS = "a command beside the service is using the database: try again when it has ended"

Say = Callable[[str], None]


class BackupError(Exception):
    """A backup cannot be made or read; the text is one line for the person who asked for it."""


class Saved(NamedTuple):
    """A backup: its file, the revision of the database in it, and the newest seal of its events, NUMBER:SHA256."""

    file: Path
    revision: str
    seal: str | None


def save(server: postgres.Server, target: Path, say: Say, key: bytes | None = None) -> Saved:
    """Write the database into `target`, a new file, or a directory, in which it is named by the instant.

    The file gets its name only when it is whole; nobody else may read it. With a key it is encrypted, and its manifest
    says the revision, the seal and the instant. `say` is called with the name of each table.
    """
    now = clock.now()
    if target.is_dir():
        target /= f"rebond-{now:%Y%m%dT%H%M%SZ}.dump"
    if os.path.lexists(target):
        raise BackupError(f"{target} exists already, and is not overwritten")
    whole = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from None
    try:
        with _snapshot(server) as (snapshot, revision, seal):
            arguments = [
                *DUMP,
                "--verbose",
                "--lock-wait-timeout=60s",
                f"--snapshot={snapshot}",
                server.plain(DATABASE),
            ]
            if key is None:
                _run("pg_dump", [*arguments, f"--file={whole}"], say)
            else:
                manifest = {"revision": revision, "seal": seal, "saved_at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
                with os.fdopen(os.dup(descriptor), "wb") as encrypted:
                    _run("pg_dump", arguments, say, into=lambda dump: encryption.write(dump, encrypted, key, manifest))
        os.fsync(descriptor)
        if os.path.lexists(target):
            raise BackupError(f"{target} exists already, and is not overwritten")
        whole.rename(target)
    finally:
        os.close(descriptor)
        whole.unlink(missing_ok=True)
    _sync(target.parent)
    return Saved(target, revision, seal)


@contextmanager
def _snapshot(server: postgres.Server) -> Iterator[tuple[str, str, str | None]]:
    """The name of a snapshot that pg_dump can take over, with the revision and the newest seal in it."""
    with asyncio.Runner() as runner:
        unlimited = {"lock_timeout": "10s", "transaction_timeout": "0", "idle_in_transaction_session_timeout": "0"}
        try:
            connection = runner.run(asyncpg.connect(server.plain(DATABASE), timeout=10, server_settings=unlimited))
        except asyncpg.InvalidCatalogNameError as error:
            raise BackupError(f"pg_dump: {error}") from None
        try:
            runner.run(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            yield runner.run(_told_of(connection))
        finally:
            runner.run(connection.close())


async def _told_of(connection: Any) -> tuple[str, str, str | None]:
    try:
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError as error:
        raise BackupError(f"pg_dump: {error}") from None
    seal = None
    if await connection.fetchval("SELECT to_regclass('public.event_seals') IS NOT NULL"):
        newest = "SELECT concat(number, ':', sha256) FROM event_seals ORDER BY number DESC LIMIT 1"
        seal = await connection.fetchval(newest)
    return await connection.fetchval("SELECT pg_export_snapshot()"), revision, seal


def revision_in(file: Path) -> str:
    """The revision of the database that was saved in `file`.

    Refuses what is no backup of Rebond, and what a newer version made: its data would not be understood.
    """
    if not file.is_file():
        raise BackupError(f"{file} is not a file")
    if encryption.is_encrypted(file):
        try:
            revision = str(encryption.manifest_of(file)["revision"])
        except encryption.NotOpened:
            raise BackupError(f"{file} is damaged: its manifest cannot be read") from None
    else:
        said = _run("pg_restore", ["--data-only", "--table=alembic_version", "--file=-", str(file)])
        row = re.search(r"^COPY public\.alembic_version .*\n(\S+)\n\\\.$", said, re.MULTILINE)
        if row is None:
            raise BackupError(f"{file} is a backup of something else than Rebond")
        revision = row[1]
    if revision > migrations.head():
        raise BackupError(
            f"{file} was made by a newer version of Rebond: it is at {revision}, this version knows what came up to"
            f" {migrations.head()}"
        )
    return revision


async def is_in_use(server: postgres.Server) -> bool:
    """Whether anything was ever written into the database: every change leaves an event."""
    async with _connected(server, "postgres") as connection:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            return False
    async with _connected(server, DATABASE) as connection:
        if await connection.fetchval("SELECT to_regclass('public.events') IS NULL"):
            return False
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM events)"))


@contextmanager
def beside(server: postgres.Server) -> Iterator[str]:
    """A new database for the length of a block, which is dropped unless `put_in_place` has given it its place."""
    asyncio.run(_drop(server, RESTORED))  # of a restore that was killed
    postgres.ensure_database(server, RESTORED)
    try:
        yield RESTORED
    finally:
        asyncio.run(_drop(server, RESTORED))


def fill(server: postgres.Server, file: Path, say: Say, key: bytes | None = None) -> None:
    """Bring what is in `file` into the new database. `say` is called with the name of each table."""
    arguments = [*RESTORE, "--verbose", f"--dbname={server.plain(RESTORED)}"]
    if not encryption.is_encrypted(file):
        _run("pg_restore", [*arguments, str(file)], say)
        return
    if key is None:
        raise BackupError(f"{file} is encrypted: REBOND_BACKUP_KEY_FILE names the file of its key")
    try:
        _run("pg_restore", arguments, say, out_of=encryption.read(file, key))
    except encryption.NotOpened:
        raise BackupError(f"{file} cannot be opened: its key is another one, or the file is damaged") from None


async def put_in_place(server: postgres.Server) -> None:
    """Let the new database take the place of the one there is, which becomes `rebond_replaced`: both or neither."""
    await _drop(server, REPLACED)
    async with _connected(server, RESTORED) as connection:
        # Who has read the feed further than the backup goes would miss what gets the same numbers again.
        await connection.fetch("SELECT setval('events_sequence', last_value + $1) FROM events_sequence", GAP)
    async with _connected(server, "postgres") as connection:
        there = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE)
        try:
            async with connection.transaction():
                if there:
                    await connection.execute(f"ALTER DATABASE {DATABASE} RENAME TO {REPLACED}")
                await connection.execute(f"ALTER DATABASE {RESTORED} RENAME TO {DATABASE}")
        except asyncpg.ObjectInUseError:
            raise BackupError(OTHERS) from None


async def forget_replaced(server: postgres.Server) -> None:
    """Drop what was there before."""
    await _drop(server, REPLACED)


async def _drop(server: postgres.Server, name: str) -> None:
    async with _connected(server, "postgres") as connection:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@asynccontextmanager
async def _connected(server: postgres.Server, database: str) -> Any:
    connection = await asyncpg.connect(server.plain(database), timeout=10, server_settings={"lock_timeout": "10s"})
    try:
        yield connection
    finally:
        await connection.close()


def _run(
    program: str, arguments: list[str], say: Say | None = None, *,
    into: Callable[[IO[bytes]], None] | None = None, out_of: Iterator[bytes] | None = None,
) -> str:  # fmt: skip
    """What one of PostgreSQL's programs prints; BackupError where it fails. `say` is called with each table named.

    `into` takes what it writes, `out_of` is what it reads.
    """
    argv = [postgres.program(program), *arguments]
    with subprocess.Popen(
        argv, env=postgres.environment(), stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL if out_of is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        complaint: list[str] = []
        following = threading.Thread(target=_follow, args=(process.stderr, say, complaint), daemon=True)
        following.start()
        said = ""
        try:
            if out_of is not None:
                _feed(process, out_of)
            if into is not None:
                into(process.stdout)
            else:
                said = process.stdout.read().decode(errors="replace")
        except BaseException:  # Ctrl-C too: no pg_dump or pg_restore works on alone
            process.kill()
            raise
        finally:
            process.wait()
            following.join()
    if process.returncode:
        raise BackupError(f"{program}: {postgres.reason(''.join(complaint))}")
    return said


def _feed(process: subprocess.Popen[bytes], chunks: Iterator[bytes]) -> None:
    """Give a program what it reads. One that stops reading says why by itself."""
    assert process.stdin is not None
    try:
        for chunk in chunks:
            process.stdin.write(chunk)
    except BrokenPipeError:
        pass
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()


def _follow(stderr: IO[bytes], say: Say | None, last: list[str]) -> None:
    """Keep its last lines, which say why it failed if it does."""
    for line in stderr:
        text = line.decode(errors="replace")
        last[:] = [*last[-20:], text]
        table = re.search(r'(?:dumping contents of|processing data for) table "(?:public\.)?(\w+)"', text)
        if table and say is not None:
            say(table[1])


def _sync(directory: Path) -> None:
    with suppress(OSError):  # not every file system can
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
