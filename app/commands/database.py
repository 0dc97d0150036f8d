"""The database that a command works on: the one of DATABASE_URL, else the bundled server."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from app import libpq
from app.bundled import backup, postgres
from app.commands.terminal import CommandRefused, aligned, line_of, text_of
from app.core import command_ends, installation, migrations, values
from app.core.db import SESSION, create_engine, raw_connection, session_factory
from app.core.problems import NotFound
from app.settings import Settings, get_settings

POSTGRESQL = 180_000  # the oldest server_version_num that the migrations run on


def data_dir_of(settings: Settings) -> Path:
    """The bundled server's data directory."""
    return settings.data_dir.expanduser() if settings.data_dir else postgres.default_data_dir()


@asynccontextmanager
async def engine_of(url: str, name: str) -> AsyncIterator[AsyncEngine]:
    """An engine of one connection for one command, which the server knows by `name`."""
    engine = create_engine(url, pool_size=1, name=name)
    try:
        yield engine
    finally:
        await engine.dispose()


@dataclass
class End:
    """How a command ends, unless it raises."""

    succeeded: bool = True


@contextmanager
def noted(url: str, command: str) -> Iterator[End]:
    """Write down how the block ends, for `/metrics`. A database that is no longer there is the block's own refusal."""

    async def note(succeeded: bool) -> None:
        async with engine_of(url, f"rebond {command}") as engine:
            await command_ends.note(engine, command, succeeded=succeeded)

    end = End()
    try:
        yield end
    except BaseException:  # whatever ends a command, a refusal or Ctrl-C
        end.succeeded = False
        raise
    finally:
        with suppress(Exception):  # whatever keeps it from being written: how the command ended is what counts
            asyncio.run(note(end.succeeded))


def identified(text: str, noun: str, command: str) -> UUID:
    """The id that a person has typed, as this command lists it."""
    try:
        return TypeAdapter(values.Uuid).validate_python(text)
    except ValidationError:
        raise CommandRefused(f"the {noun}'s id is a UUID: see «{command} list»") from None


def written(act: Callable[[Any], Awaitable[Any]], noun: str, command: str) -> None:
    """Do an act on one object as the service itself, with the database's own rights."""
    import app.models  # noqa: F401  # every table: a foreign key names one of another domain
    from app.core.writing.writes import System, new_request_id, run

    async def write(url: str) -> None:
        async with engine_of(url, command) as engine:
            await run(session_factory(engine), System(), act, request_id=new_request_id())

    with database(get_settings()) as url:
        try:
            asyncio.run(write(url))
        except NotFound:
            raise CommandRefused(f"no {noun} has this id: see «{command} list»") from None


def listed(command: str, heads: Sequence[str], query: str, *arguments: Any) -> None:
    """Print the rows of a query as aligned lines below their heads."""

    async def read(url: str) -> list[Any]:
        async with engine_of(url, command) as engine, raw_connection(engine) as connection:
            rows: list[Any] = await connection.fetch(query, *arguments)
            return rows

    with database(get_settings()) as url:
        rows = asyncio.run(read(url))
    for line in aligned([heads, *([text_of(value) for value in row.values()] for row in rows)]):
        print(line)


@contextmanager
def database(settings: Settings, *, migrate: bool = False, as_owner: bool = False) -> Iterator[str]:
    """The address of the database: the one of DATABASE_URL, else the bundled server, started where needed.

    There the command is the role that serves, unless it says that it needs the owner of the tables.
    """
    if settings.database_url is not None:
        if migrate:
            check_server(settings.database_url, migrated=False)
        else:
            check_server(settings.database_url)
        yield settings.database_url
        return
    with postgres.running(data_dir_of(settings)) as bundled:
        postgres.ensure_database(bundled, "rebond")
        upgrade(bundled.dsn())
        yield bundled.dsn(role=postgres.OWNER if as_owner else postgres.SERVICE)


def upgrade(url: str) -> None:
    """Migrate the database and make its secrets. Raises `CommandRefused` where a later version has migrated it."""
    try:
        migrations.upgrade(url)
    except migrations.UnknownRevision:
        raise CommandRefused(
            f"the database {shown(url)} was migrated by another version of Rebond, which has revisions that this one"
            " does not know"
        ) from None

    async def ensure() -> None:
        async with engine_of(url, "rebond migrate") as engine:
            await installation.ensure(engine)

    asyncio.run(ensure())


def check_server(url: str, *, migrated: bool = True) -> None:
    """Refuse, in one line, a database that cannot be reached, is too old, shares its sessions, or is not migrated."""
    place = shown(url)
    try:
        version, lost, revision = asyncio.run(_look(libpq.address(url)))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise CommandRefused(f"the database {place} cannot be reached: {line_of(error)}") from None
    if version < POSTGRESQL:
        raise CommandRefused(f"the database {place} is PostgreSQL {version // 10_000}; Rebond needs 18 or later")
    if lost is not None:
        raise CommandRefused(f"the database {place} {lost}")
    if not migrated:
        return
    if revision is None:
        raise CommandRefused(f"the database {place} is not migrated: run «rebond migrate»")
    if not migrations.is_current(revision):
        raise CommandRefused(
            f"the database {place} is at {revision}, this version needs {migrations.head()}: run «rebond migrate»"
        )


async def _look(address: libpq.Address) -> tuple[int, str | None, str | None]:
    """The server's version, what stands between it and us that would not do, and the database's revision."""
    # Nothing is prepared, which some poolers refuse; and without settings, of which an older server does not know some.
    async with AsyncExitStack() as stack:
        plain = await address.connection(statement_cache_size=0)
        stack.push_async_callback(plain.close)
        version = int(await plain.fetchval("SHOW server_version_num"))
        if version < POSTGRESQL:
            return version, None, None
        ours = await address.connection(SESSION, statement_cache_size=0)
        stack.push_async_callback(ours.close)
        return version, await _lost_between(plain, ours), await migrations.applied(plain)


async def _lost_between(plain: Any, ours: Any) -> str | None:
    """What a pooler takes from sessions, as the end of a sentence about the database; None where it takes nothing."""
    process = "SELECT pg_backend_pid()"  # of two sessions that are open: one alone where a pooler shares it out
    if await plain.fetchval(process) == await ours.fetchval(process):
        return (
            "is behind a pooler that shares out its sessions (pool_mode transaction or statement): locks, time-outs"
            " and prepared statements need one of their own (pool_mode = session)"
        )
    for name, wanted in SESSION.items():
        found = await ours.fetchval(f"SHOW {name}")
        if found != wanted:
            return f"says {name} = {found} where Rebond has set {wanted}: what is between them loses settings"
    return None


def shown(url: str) -> str:
    """The address as a person writes it, without the password."""
    return libpq.address(url).shown


def bundled_data_dir(otherwise: str) -> Path:
    """The bundled server's data directory. Where DATABASE_URL names another server, the refusal names its own tools.

    A command that asks for it cleans up behind itself also when it is ended by SIGTERM.
    """
    settings = get_settings()
    if settings.database_url is not None:
        named = shown(settings.database_url)
        command = otherwise.format(dump=" ".join(backup.DUMP), restore=" ".join(backup.RESTORE), url=f"'{named}'")
        raise CommandRefused(f"DATABASE_URL names a server of its own; {command}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return data_dir_of(settings)
