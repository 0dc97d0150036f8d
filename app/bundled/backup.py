"""A backup of the bundled server's database in one file, and its return.

The file is pg_dump's custom format: one snapshot, taken while the service runs, that pg_restore also brings to any
server of PostgreSQL 18. It holds everything that the service knows, personal data and the digests of keys included.
"""

import asyncio
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from app.bundled import postgres
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


def save(server: postgres.Server, target: Path, say: Say) -> tuple[Path, str]:
    """Write the database into `target`, a new file, or a directory, in which it is named by the instant.

    Gives the file and the revision in it. The file gets its name only when it is whole; nobody else may read it.
    `say` is called with the name of each table.
    """
    if target.is_dir():
        target /= f"rebond-{clock.now():%Y%m%dT%H%M%SZ}.dump"
    if os.path.lexists(target):
        raise BackupError(f"{target} exists already, and is not overwritten")
    whole = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from None
    try:
        arguments = [*DUMP, "--verbose", "--lock-wait-timeout=60s", f"--file={whole}", server.plain(DATABASE)]
        _run("pg_dump", arguments, say)
        os.fsync(descriptor)
        revision = revision_in(whole)
        if os.path.lexists(target):
            raise BackupError(f"{target} exists already, and is not overwritten")
        whole.rename(target)
    finally:
        os.close(descriptor)
        whole.unlink(missing_ok=True)
    _sync(target.parent)
    return target, revision


def revision_in(file: Path) -> str:
    """The revision of the database that was saved in `file`.

    Refuses what is no backup of Rebond, and what a newer version made: its data would not be understood.
    """
    if not file.is_file():
        raise BackupError(f"{file} is not a file")
    said = _run("pg_restore", ["--data-only", "--table=alembic_version", "--file=-", str(file)])
    row = re.search(r"^COPY public\.alembic_version .*\n(\S+)\n\\\.$", said, re.MULTILINE)
    if row is None:
        raise BackupError(f"{file} is a backup of something else than Rebond")
    if row[1] > migrations.head():
        raise BackupError(
            f"{file} was made by a newer version of Rebond: it is at {row[1]}, this version knows what came up to"
            f" {migrations.head()}"
        )
    return row[1]


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


def fill(server: postgres.Server, file: Path, say: Say) -> None:
    """Bring what is in `file` into the new database. `say` is called with the name of each table."""
    _run("pg_restore", [*RESTORE, "--verbose", f"--dbname={server.plain(RESTORED)}", str(file)], say)


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


def _run(program: str, arguments: list[str], say: Say | None = None) -> str:
    """What one of PostgreSQL's programs prints; BackupError where it fails. `say` is called with each table named."""
    argv = [postgres.program(program), *arguments]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT if say else subprocess.PIPE,
        text=True, errors="replace", env=postgres.environment(),
    ) as process:  # fmt: skip
        try:
            if say is None:
                said, complaint = process.communicate()
            else:
                said = complaint = _follow(process, say)
        except BaseException:  # Ctrl-C too: no pg_dump or pg_restore works on alone
            process.kill()
            raise
    if process.returncode:
        raise BackupError(f"{program}: {postgres.reason(complaint)}")
    return said


def _follow(process: subprocess.Popen[str], say: Say) -> str:
    """Its last lines, which say why it failed if it does."""
    assert process.stdout is not None
    last: list[str] = []
    for line in process.stdout:
        last = [*last[-20:], line]
        if table := re.search(r'(?:dumping contents of|processing data for) table "(?:public\.)?(\w+)"', line):
            say(table[1])
    return "".join(last)


def _sync(directory: Path) -> None:
    with suppress(OSError):  # not every file system can
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
