"""What the database refuses, as the problem whose name its constraint bears."""

import json
from collections.abc import Mapping
from typing import Any

import asyncpg
from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.db import DEAD
from app.core.messages import DUPLICATE, NOT_FOUND
from app.core.problems import (
    BY_CONSTRAINT,
    AlreadyExists,
    Busy,
    DatabaseUnavailable,
    Problem,
    ReferenceNotFound,
    StillReferenced,
    TotalTooLarge,
)

DEADLOCK = "deadlock"


# What ran out, and how it is counted. A deadlock is a bug of ours: writers take their locks in one order.
SHORTAGES: Mapping[type[BaseException], str] = {
    asyncpg.DeadlockDetectedError: DEADLOCK,
    asyncpg.LockNotAvailableError: "lock_timeout",
    asyncpg.QueryCanceledError: "statement_timeout",
    asyncpg.TransactionTimeoutError: "transaction_timeout",
    asyncpg.IdleInTransactionSessionTimeoutError: "transaction_timeout",
    PoolTimeout: "pool",
    TimeoutError: "connect_timeout",
    asyncpg.TooManyConnectionsError: "connections",
    asyncpg.DiskFullError: "disk_full",
    asyncpg.InsufficientResourcesError: "memory",
}


def translate(error: BaseException, metadata: MetaData) -> Problem | None:  # noqa: PLR0911  # one return a kind
    """The problem that a database error is, or None for a bug: a CHECK without a problem, a statement that fails.

    A constraint is recognised by name. A broken foreign key names the field by its first column that is not the
    territory, a broken key by its last: the columns before it say where the name must be the only one. Waits that ran
    out are `Busy`, a lost connection is `DatabaseUnavailable`.
    """
    cause = _driver_error(error)
    if isinstance(cause, asyncpg.CheckViolationError):
        known = BY_CONSTRAINT.get(cause.constraint_name or "")
        return (
            known(**_told(cause.detail)) if known else None
        )  # a shape, which the schemas should have held already: a bug
    if isinstance(cause, asyncpg.ExclusionViolationError | asyncpg.UniqueViolationError):
        name = cause.constraint_name or ""
        if known := BY_CONSTRAINT.get(name):
            return known()
        fields = _columns_of(metadata, cause.table_name or "", name)
        return AlreadyExists(errors=[DUPLICATE.at(f"/{field}") for field in fields[-1:]])
    if isinstance(cause, asyncpg.ForeignKeyViolationError):
        if known := BY_CONSTRAINT.get(cause.constraint_name or ""):
            return known()
        if "still referenced" in (cause.detail or ""):
            return StillReferenced()
        fields = _columns_of(metadata, cause.table_name or "", cause.constraint_name or "")
        return ReferenceNotFound(errors=[NOT_FOUND.at(f"/{field}") for field in fields[:1]])
    if isinstance(cause, asyncpg.NumericValueOutOfRangeError):  # a sum beyond what its column can hold
        return TotalTooLarge()
    if reason := next((reason for kind, reason in SHORTAGES.items() if isinstance(cause, kind)), None):
        return Busy.because(reason)
    if isinstance(cause, (*DEAD, asyncpg.InvalidCatalogNameError)):
        return DatabaseUnavailable()
    return None


def _told(detail: str | None) -> dict[str, Any]:
    """The members that a trigger of ours tells with its refusal; what PostgreSQL itself says of a row is no JSON."""
    return json.loads(detail) if detail and detail.startswith("{") else {}


def constraint_of(error: BaseException) -> str:
    """The name of the constraint that refused, or an empty text."""
    return getattr(_driver_error(error), "constraint_name", None) or ""


def _driver_error(error: BaseException) -> BaseException:
    if isinstance(error, DBAPIError):
        try:
            return error.driver_exception
        except ValueError:  # SQLAlchemy's own InvalidCachedStatementError has no driver error behind it
            return error
    # While a connection is being made, SQLAlchemy's adapter hides the driver's error behind one of its own.
    cause = error.__cause__
    return cause if cause is not None and isinstance(cause, asyncpg.PostgresError | asyncpg.InterfaceError) else error


def _columns_of(metadata: MetaData, table_name: str, constraint: str) -> list[str]:
    table = metadata.tables.get(table_name)
    if table is None:
        return []
    field = next((c.info["field"] for c in _named(table) if c.name == constraint and "field" in c.info), None)
    if field is not None:
        return [field]
    for item in _named(table):
        if item.name == constraint and not isinstance(item, CheckConstraint):
            columns = [column.key for column in item.columns if column.name != "territory"]
            return columns or ["territory"]
    return []


def _named(
    table: Table,
) -> list[ForeignKeyConstraint | UniqueConstraint | PrimaryKeyConstraint | Index | CheckConstraint]:
    kinds = ForeignKeyConstraint | UniqueConstraint | PrimaryKeyConstraint | CheckConstraint
    return [c for c in table.constraints if isinstance(c, kinds)] + list(table.indexes)
