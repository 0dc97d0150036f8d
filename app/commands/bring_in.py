"""A territory's export, read into an empty database at the same revision: what `export` wrote, row by row as it was.

What the export does not carry is not made up: persons come without e-mail address and key, accounts without their
number, reviews without what they say. What the database makes of other rows is made anew (days of persons, totals of
frameworks, generated columns), and events are numbered from 1. All is one transaction, and `rebond check` is its last
part: a territory is there whole, with balances that agree, or not at all.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Column, ForeignKeyConstraint, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine

from app import models
from app.commands import check, export
from app.core import migrations
from app.core.db import raw_connection
from app.core.writing.events import Event

Say = Callable[[str], None]

OF_THE_INSTALLATION = {"secrets", "role_quotas"}  # made by `rebond migrate`, and never brought in
WAIT = "10s"  # for who writes to the database
PIECE = 1 << 20  # bytes that are read at once


class NotBroughtIn(Exception):
    """The territory cannot be brought in, and nothing was; the text is one line for the person who asked for it."""


class BalancesDiffer(NotBroughtIn):
    """The rows do not come to the balances that stand beside them."""

    def __init__(self, differing: list[check.Difference]) -> None:
        super().__init__(f"{len(differing)} balances differ from their entries: nothing was brought in")
        self.differing = differing


@dataclass(frozen=True)
class Brought:
    """What has been brought in."""

    territory: str
    tables: int
    rows: int
    balances: int


@dataclass(frozen=True)
class _File:
    """One table of an export: where its rows are, and how many there must be."""

    table: Table
    path: Path
    rows: int
    size: int
    digest: str

    @property
    def columns(self) -> list[Column[Any]]:
        return export.columns(self.table)


# --- the files -------------------------------------------------------------------------------------------------------


def _files(directory: Path, say: Say) -> tuple[str, list[_File]]:
    """The territory of an export and its files, each as it was written. Raises `NotBroughtIn`."""
    path = directory / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        territory, revision, entries = (manifest[name] for name in ("territory", "schema_revision", "tables"))
        shapes = [{name: value for name, value in each.items() if name not in _COUNTED} for each in entries]
        counted = [tuple(each[name] for name in _COUNTED) for each in entries]
    except FileNotFoundError:
        raise NotBroughtIn(f"{directory} is no export of a territory: it has no manifest.json") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotBroughtIn(f"{path} is cut short, or no manifest of an export") from None
    if revision != migrations.head():
        raise NotBroughtIn(
            f"the export is at revision {revision}, this version of Rebond at {migrations.head()}: bring it in with the"
            " version that made it, then migrate"
        )
    if shapes != [export.described(table) for table in export.tables()]:
        raise NotBroughtIn(f"{path} does not name the tables of an export at revision {revision}")
    files = [
        _File(table, directory / f"{table.name}.csv", *figures)
        for table, figures in zip(export.tables(), counted, strict=True)
    ]
    for file in files:
        say(f"reading {file.path.name}")
        _look_at(file)
    return territory, files


_COUNTED = ("rows", "bytes", "sha256")


def _look_at(file: _File) -> None:
    """Refuse a file that is not the one that was written."""
    size, digest = 0, hashlib.sha256()
    try:
        for piece in _pieces(file.path):
            size += len(piece)
            digest.update(piece)
    except FileNotFoundError:
        raise NotBroughtIn(f"{file.path} is missing") from None
    if size < file.size:
        raise NotBroughtIn(f"{file.path} is cut short: {size} of {file.size} bytes")
    if digest.hexdigest() != file.digest:
        raise NotBroughtIn(f"{file.path} is not as it was exported: its SHA-256 differs from the manifest's")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while piece := opened.read(PIECE):
            yield piece


# --- the database ----------------------------------------------------------------------------------------------------


async def read(engine: AsyncEngine, directory: Path, say: Say = lambda _: None) -> Brought:
    """Bring the export in `directory` into the database. `say` is called with what is being done.

    Raises `NotBroughtIn`, and changes nothing then.
    """
    territory, files = _files(directory, say)
    async with raw_connection(engine) as connection:
        try:
            async with connection.transaction():
                return await _read(connection, territory, files, say)
        except asyncpg.LockNotAvailableError:
            raise NotBroughtIn("somebody writes to the database: stop the service, and try again") from None
        except asyncpg.InsufficientPrivilegeError:
            raise NotBroughtIn(
                "only the owner of the tables brings a territory in: use the role that runs «rebond migrate»"
            ) from None


async def _read(connection: Any, territory: str, files: list[_File], say: Say) -> Brought:
    revision = await migrations.applied(connection)
    if revision != migrations.head():
        raise NotBroughtIn(f"the database is at revision {revision}, the export at {migrations.head()}")
    # A running transaction_timeout changes only by way of 0.
    await connection.execute(
        f"SET LOCAL transaction_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{WAIT}';"
        " SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL datestyle = 'ISO, YMD'"
    )
    tables = [table for table in models.metadata.sorted_tables if table.name not in OF_THE_INSTALLATION]
    # What the triggers made of each row stands in the files. It also holds every other writer off.
    await _alter(connection, tables, "DISABLE TRIGGER USER")
    for name in (table.name for table in tables if table.name not in export.NATIONAL):
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name})"):  # noqa: S608  # a name of ours
            raise NotBroughtIn(f"the database is not empty: {name} has rows. Bring the territory into a new one")
    # What the migrations have put there is in the files too.
    for table in reversed(tables):
        if table.name in export.NATIONAL:
            await connection.execute(f"DELETE FROM {table.name}")  # noqa: S608
    led_back = [
        key for table in tables for key in table.foreign_key_constraints if key.use_alter and not key.deferrable
    ]
    await _wait(connection, led_back, "DEFERRABLE")
    await connection.execute("SET CONSTRAINTS ALL DEFERRED")
    for file in files:
        say(f"writing {file.table.name}")
        await _copy(connection, file)
    say("computing what the rows come to")
    try:
        await connection.execute(_MADE_ANEW)
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except asyncpg.IntegrityConstraintViolationError as error:
        raise NotBroughtIn(f"the rows of the export do not go together: {error.args[0]}") from None
    await _wait(connection, led_back, "NOT DEFERRABLE")
    await _alter(connection, tables, "ENABLE TRIGGER USER")
    await connection.execute("ANALYZE")
    say("checking the balances")
    balances, differing = await check.differences_seen(connection)
    if differing:
        raise BalancesDiffer(differing)
    return Brought(territory, len(files), sum(file.rows for file in files), balances)


# What the export leaves out because other rows say it, what is not at hand here, and where the numbers of events go on.
_MADE_ANEW = """
INSERT INTO person_days (person_id, worked_on, days)
SELECT person_id, worked_on, sum(days) FROM time_entries WHERE status IN ('submitted', 'validated', 'certified')
GROUP BY 1, 2;
SELECT count_framework(id) FROM frameworks;
UPDATE import_problems SET found = NULL WHERE found IS NOT NULL;
UPDATE imports SET file_kept_until = NULL, claim = NULL, heartbeat_at = NULL,
    status = CASE WHEN finished_at IS NULL THEN 'cancelled' ELSE status END, finished_at = coalesce(finished_at, now())
WHERE finished_at IS NULL OR file_kept_until IS NOT NULL;
SELECT setval('events_sequence', count(*)) FROM events HAVING count(*) > 0;
"""


async def _alter(connection: Any, tables: list[Table], how: str) -> None:
    await connection.execute("".join(f"ALTER TABLE {table.name} {how};" for table in tables))


async def _wait(connection: Any, keys: list[ForeignKeyConstraint], how: str) -> None:
    """Let foreign keys that lead back to a later table wait for its rows, or not."""
    await connection.execute(
        "".join(f"ALTER TABLE {key.table.name} ALTER CONSTRAINT {_NAMES.format_constraint(key)} {how};" for key in keys)
    )


_NAMES = postgresql.dialect().identifier_preparer


async def _copy(connection: Any, file: _File) -> None:
    """Write the rows of a file into their table, but for the columns that it generates."""
    name, written = file.table.name, [_NAMES.quote(column.name) for column in file.columns]
    stored = {_NAMES.quote(column.name): _NAMES.quote(column.name) for column in file.columns if not column.computed}
    if file.table is Event.__table__:
        stored["sequence"] = "row_number() OVER (ORDER BY sequence)"
    as_they_are = list(stored.values()) == written
    try:
        if not as_they_are:
            made = f"CREATE TEMP TABLE brought AS SELECT {', '.join(written)} FROM {name} WITH NO DATA"  # noqa: S608
            await connection.execute(made)
        copied = await connection.copy_to_table(
            name if as_they_are else "brought", source=file.path, columns=[column.name for column in file.columns],
            format="csv", header=True, encoding="utf-8",
        )  # fmt: skip
        if not as_they_are:
            columns, values = ", ".join(stored), ", ".join(stored.values())
            await connection.execute(f"INSERT INTO {name} ({columns}) SELECT {values} FROM brought")  # noqa: S608
            await connection.execute("DROP TABLE brought")
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        raise NotBroughtIn(f"{file.path} has a row that {name} does not take: {error.args[0]}") from None
    if copied != f"COPY {file.rows}":
        raise NotBroughtIn(f"{file.path} has other rows than the manifest says")
