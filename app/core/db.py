"""The engine, the session, raw reads, and the conventions every table follows.

One ordinary engine serves both doors: a `Session` for writes, and `fetchrow`, which borrows a bare asyncpg connection
from the same pool for statements that PostgreSQL answers whole (a page of JSON, a write in one statement).
"""

import re
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    DDL,
    URL,
    BindParameter,
    CheckConstraint,
    ColumnClause,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    bindparam,
    cast,
    event,
    func,
    insert,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.sql.elements import CompilerElement

from app import libpq
from app.core import clock

DIALECT = asyncpg_dialect()

# The connection is gone: not a fault of the statement. A read may be tried once more, a write is a 503.
DEAD = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server hung up between two messages: «cannot switch to state …»
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    ConnectionError,
    OSError,
)


class Base(DeclarativeBase):
    """Tables name every CHECK by the problem it becomes (`days_exhausted` → `days-exhausted`)."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own way
        str: Text(),
        datetime: DateTime(timezone=True),
        date: Date(),
        Decimal: Numeric(7, 2),
        UUID: Uuid(),
        list[str]: ARRAY(Text()),
        list[UUID]: ARRAY(Uuid()),
        list[date]: ARRAY(Date()),
        list[int]: ARRAY(Integer()),
        list[Decimal]: ARRAY(Numeric(7, 2)),
    }


class Identified:
    """A UUIDv7 made by the database, so that ids sort by birth."""

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())


class Versioned:
    """`version` counts the changes of the object and is its ETag; SQLAlchemy raises it with every UPDATE."""

    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805  # declared_attr hands the class over
        return (
            {"version_id_col": cls.__table__.c.version}
            if hasattr(cls, "__table__")
            else {"version_id_col": cls.version}
        )


def touch(item: Versioned) -> None:
    """Give `item` a new version although only its children changed."""
    item.updated_at = clock.now()


def param(name: str, type_: Any = None) -> BindParameter[Any]:
    """A named parameter of a compiled statement.

    The prefix keeps it from having a column's name: SQLAlchemy would silently add that column to the SET of an UPDATE
    inside a CTE.
    """
    return bindparam("p_" + name, type_=type_, required=True)


def instant(column: Any) -> ColumnElement[Any]:
    """An instant as RFC 3339 in UTC, whatever the session's zone."""
    return func.to_char(func.timezone(text("'UTC'"), column), text("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""), type_=Text())


def as_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as JSON shows it; its type decides."""
    if isinstance(column.type, DateTime):
        return instant(column).label(column.key)
    if isinstance(column.type, JSONB):
        return compact(column).label(column.key)
    return column


def compact(column: Any) -> ColumnElement[Any]:
    """A stored JSON value without the white space that PostgreSQL writes between its parts."""
    tokens = literal_column(r"""'("(?:[^"\\]|\\.)*")|\s+'""", Text())
    kept = literal_column(r"'\1'", Text())
    return cast(func.regexp_replace(cast(column, Text), tokens, kept, literal_column("'g'", Text())), JSON)


def paris_day(column: Any) -> Any:
    """The Paris calendar day of an instant."""
    return cast(func.timezone(text("'Europe/Paris'"), column), Date)


NO_DAYS = literal_column("0.00", Numeric(7, 2))  # spelt as a sum of days is


def literals(codes: Iterable[StrEnum]) -> list[ColumnClause[str]]:
    """Codes of ours written out in the SQL, for an IN: bound ones would be expanded after compilation."""
    return [literal_column(f"'{code.value}'", Text()) for code in codes]


def one_of(column: str, codes: Iterable[StrEnum]) -> str:
    """A CHECK's text: the column holds one of the codes."""
    return f"{column} IN ({', '.join(repr(str(code)) for code in codes)})"


def shape(sqltext: str, *, name: str) -> CheckConstraint:
    """A CHECK that the schemas and the services hold already: to reach it is a fault of ours (500), not a refusal.

    A CHECK that may refuse is a limit: a plain `CheckConstraint` with a problem of its name.
    """
    return CheckConstraint(sqltext, name=name, info={"shape": True})


def ask_at_once(table: Any, noun: str, *, but: Iterable[str] = ()) -> None:
    """Let one CHECK, which calls a function, ask the shapes of a table's rows; `but` stay CHECKs of their own.

    PostgreSQL reads each CHECK anew for every statement that writes a row, and a function once for each connection. A
    refusal bears the name of the shape, the first one of those that are broken.
    """
    checks = {str(c.name): c for c in table.constraints if isinstance(c, CheckConstraint) and c.info.get("shape")}
    held = {name: checks[name] for name in sorted(checks) if name not in but}
    words = set(re.findall(r"\w+", " ".join(str(c.sqltext) for c in held.values())))
    columns = [column for column in table.columns if column.name in words]
    taken = ",\n".join(f"    {column.name} {column.type.compile(DIALECT).lower()}" for column in columns)
    broken = "\n".join(f"        WHEN NOT ({c.sqltext}) THEN '{name}'" for name, c in held.items())
    function = f"""
CREATE FUNCTION is_{noun}(
{taken}
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    broken text := CASE
{broken}
    END;
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'not a row of {table.name}'
            USING ERRCODE = 'check_violation', TABLE = '{table.name}', CONSTRAINT = broken;
    END IF;
    RETURN true;
END
$$
"""
    event.listen(Base.metadata, "before_create", DDL(function.replace("%", "%%")))
    for check in held.values():
        table.constraints.remove(check)
    asked = f"is_{noun}({', '.join(column.name for column in columns)})"
    table.append_constraint(
        CheckConstraint(asked, name=f"{noun}_shapes", info={"shape": True, "held": held, "function": function})
    )


class Statement:
    """A Core statement compiled once, run by name on a raw connection.

    `arguments(values)` puts the named values into the order of the SQL, those of JSON as text; a missing value is an
    error.
    """

    def __init__(self, statement: CompilerElement) -> None:
        compiled: Any = statement.compile(dialect=DIALECT)
        names: list[str] = compiled.positiontup or []
        constants = {name: value for name, value in compiled.params.items() if not name.startswith("p_")}
        self.sql: str = str(compiled)
        self._names = [(name.removeprefix("p_"), name in constants, constants.get(name)) for name in names]
        self._as_json = [
            (place, bind.type.bind_processor(DIALECT))
            for place, bind in enumerate(compiled.binds[name] for name in names)
            if isinstance(bind.type, JSON)
        ]

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        found = [constant if fixed else values[name] for name, fixed, constant in self._names]
        for place, as_json in self._as_json:
            found[place] = as_json(found[place])
        return found


# How many statements whose shape the caller decides (filters, fields that are given) a process keeps compiled: each
# takes some 10 kB, and there are millions of shapes.
KEPT_SHAPES = 500


@lru_cache(maxsize=KEPT_SHAPES)
def inserting(table: Table, names: frozenset[str]) -> Statement:
    """INSERT of one row with these columns; it answers with the id."""
    columns = table.c
    values = {columns[name]: param(name, columns[name].type) for name in sorted(names)}
    return Statement(insert(table).values(values).returning(columns.id))


# What bounds every wait of a session: 3 s for a lock, 20 s for a statement, 30 s for a transaction.
SESSION = MappingProxyType(
    {
        "timezone": "UTC",
        "jit": "off",
        # Lists join names to one driving table: their order matters little, and the search for the best one costs
        # 30 ms of planning where there are twelve tables (2 ms so).
        "join_collapse_limit": "5",
        "lock_timeout": "3s",
        "statement_timeout": "20s",
        "transaction_timeout": "30s",
        "idle_in_transaction_session_timeout": "30s",
    }
)


def bare_engine(
    url: str, *, session: Mapping[str, str] = MappingProxyType({}), name: str = "rebond", **options: Any
) -> AsyncEngine:
    """An engine for an address as libpq writes it, with the sessions' settings that are given and no others."""
    address = libpq.address(url)
    create = address.creator(
        session,
        name=name,
        # Of a longer statement asyncpg would remember nothing, and PostgreSQL plan it anew each time: 5 ms for the
        # follow-up of the days, which takes 17 kB.
        max_cacheable_statement_size=65_536,
    )
    return create_async_engine(
        # What is shown of it: the driver is told where to connect by `create`.
        URL.create("postgresql+asyncpg", database=address.database),
        connect_args={"async_creator_fn": create},
        hide_parameters=True,  # they are personal data, and errors go to the log
        **options,
    )


def create_engine(url: str, *, pool_size: int = 10, pool_timeout: float = 5.0, name: str = "rebond") -> AsyncEngine:
    """An engine whose sessions bound every wait (`SESSION`)."""
    engine = bare_engine(
        url,
        session=SESSION,
        name=name,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        pool_pre_ping=False,
        pool_use_lifo=True,  # few connections stay warm (plans, catalogue), instead of all being a little so
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(held: Any, _record: Any, _fairy: Any) -> None:
    """Let the pool open another connection where asyncpg has seen this one end; it costs no round trip.

    Without it a killed backend would poison the pool for ever for bare reads, and fail one write in a Session.
    """
    if held.driver_connection.is_closed():
        raise DisconnectionError


SessionFactory = async_sessionmaker[AsyncSession]


def session_factory(engine: AsyncEngine) -> SessionFactory:
    """Sessions whose objects stay readable after COMMIT."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def raw_connection(engine: AsyncEngine) -> AsyncIterator[Any]:
    """A bare asyncpg connection of the pool, in autocommit. One that dies meanwhile leaves the pool."""
    held = await engine.raw_connection()
    try:
        yield held.driver_connection
    except DEAD as error:
        held.invalidate(error)
        raise
    finally:
        held.close()


@asynccontextmanager
async def snapshot(engine: AsyncEngine, seconds: float) -> AsyncIterator[Any]:
    """A bare asyncpg connection that sees the database as it is now, read-only, for at most so many seconds."""
    bound = f"{int(seconds * 1000)}ms"
    # A running transaction_timeout changes only by way of 0: it is switched off, then set.
    begin = (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL transaction_timeout = 0; "
        f"SET LOCAL transaction_timeout = '{bound}'; SET LOCAL statement_timeout = '{bound}'; "
        "SET LOCAL datestyle = 'ISO, YMD'"
    )
    async with raw_connection(engine) as connection:
        await connection.execute(begin)
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await connection.execute("ROLLBACK")


async def copy_out(
    connection: Any, sql: str, arguments: Iterable[Any], write: Callable[[bytes], Any], **options: Any
) -> int:
    """Pass the rows of a query to `write` as COPY writes them, no faster than it takes them. Returns their number.

    A connection whose COPY was interrupted is closed, and the pool opens another: asyncpg cannot use it any more
    ("another operation is in progress").
    """
    try:
        status = await connection.copy_from_query(sql, *arguments, output=write, **options)
    except BaseException:  # a cancellation, and whatever `write` raises, interrupt COPY as an error does
        connection.terminate()
        raise
    return int(status.removeprefix("COPY "))


async def fetchrow(engine: AsyncEngine, statement: Statement, values: dict[str, Any]) -> Any:
    """One row of a read. A read may be repeated: once more when the connection turns out to be dead."""
    return await _read(engine, lambda connection: connection.fetchrow(statement.sql, *statement.arguments(values)))


async def fetch(engine: AsyncEngine, statement: Statement, values: dict[str, Any]) -> list[Any]:
    """All rows of a read, tried again like `fetchrow`."""
    rows: list[Any] = await _read(
        engine, lambda connection: connection.fetch(statement.sql, *statement.arguments(values))
    )
    return rows


async def _read(engine: AsyncEngine, run: Callable[[Any], Any]) -> Any:
    try:
        async with raw_connection(engine) as connection:
            return await run(connection)
    except DEAD:
        async with raw_connection(engine) as connection:
            return await run(connection)


async def driver_connection(session: AsyncSession) -> Any:
    """The asyncpg connection inside the session's transaction, found once for each transaction."""
    transaction = session.sync_session.get_transaction()
    found: Any
    of, found = session.info.get("driver_connection", (None, None))
    if transaction is None or of is None or of() is not transaction:
        connection = await session.connection()
        found = (await connection.get_raw_connection()).driver_connection
        if not found.is_in_transaction():  # SQLAlchemy sends BEGIN before the first statement that it runs itself
            await connection.exec_driver_sql("SELECT 1")
        session.info["driver_connection"] = weakref.ref(session.sync_session.get_transaction()), found
    return found


async def flush(session: AsyncSession) -> None:
    """Send what is pending. Where nothing is, as nearly always after a service's own flush, nothing is called."""
    if session.new or session.dirty or session.deleted:
        await session.flush()
