"""Attacks by bare SQL: a statement, and the constraint of the database that must refuse it."""

import re
from dataclasses import dataclass

from app.core.db import Base


@dataclass(frozen=True)
class Attack:
    """A statement and the constraint that must refuse it; `$name` stands for an id of the stage, as a literal."""

    constraint: str
    sql: str

    def __str__(self) -> str:
        return f"{self.constraint} against {re.sub(r'^INSERT INTO .*? SELECT ', 'insert ', self.sql)[:70]}"


def clone(table: str, where: str, **changes: str) -> str:
    """INSERT of a copy of one row with other values (SQL expressions)."""
    columns = [column.name for column in Base.metadata.tables[table].columns if column.computed is None]
    if "id" in columns:
        changes.setdefault("id", "uuidv7()")
    values = ", ".join(changes.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {where}"


def change(table: str, where: str, **changes: str) -> str:
    """UPDATE of one row."""
    return f"UPDATE {table} SET {', '.join(f'{name} = {value}' for name, value in changes.items())} WHERE {where}"
