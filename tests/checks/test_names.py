"""Who takes something back frees its names: they are unique among what stands."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint

import app.models  # noqa: F401  # every table
from app.core.db import Base

TAKEN_BACK = ("reversed", "rejected", "cancelled", "withdrawn")
NAME = re.compile(r"(^|_)(external_id|reference|order_number)$")


def _taken_back(table: Table) -> list[str]:
    """The states of a table in which something is taken back, by the CHECK of its states."""
    shapes = " ".join(str(each.sqltext) for each in table.constraints if isinstance(each, CheckConstraint))
    return [state for state in TAKEN_BACK if re.search(rf"\bstatus\b[^)]*'{state}'", shapes)]


def _unique() -> Iterator[tuple[Table, UniqueConstraint | Index, list[str]]]:
    """What holds a name to one row, in tables whose rows can be taken back."""
    for table in Base.metadata.tables.values():
        states = _taken_back(table)
        each: list[UniqueConstraint | Index] = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
        each += [index for index in table.indexes if index.unique]
        for one in each:
            if states and any(NAME.search(column.name) for column in one.columns):
                yield table, one, states


NAMES = sorted(_unique(), key=lambda found: str(found[1].name))


@pytest.mark.parametrize(("table", "unique", "states"), NAMES, ids=[str(found[1].name) for found in NAMES])
def test_a_name_is_unique_among_what_stands(table: Table, unique: UniqueConstraint | Index, states: list[str]) -> None:
    where = unique.dialect_options["postgresql"]["where"] if isinstance(unique, Index) else None
    said = str(where) if where is not None else ""
    assert "status" in said, f"{unique.name} holds the name of a row of {table.name} that is {' or '.join(states)}"


def test_the_walk_finds_the_names_of_every_kind() -> None:
    """Else the pattern above has lost a table."""
    tables = {table.name for table, *_ in NAMES}
    assert tables >= {
        "advance_tranches", "advances", "auditions", "claims", "committees", "contributions", "grant_payments",
        "grants", "letters", "missions", "receipts", "recoveries", "recovery_receipts", "time_entries",
    }  # fmt: skip
