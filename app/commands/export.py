"""Everything of one territory as documented files: one CSV per table, a manifest, and a page that explains them.

The tables are walked, not listed: a new one is exported without a change here. A table belongs to a territory by its
column `territory`, or by a foreign key to one that does; of the tables that all share, those rows are taken to which
the territory's rows point, and rules of the nation whole. All is seen in one snapshot; values are written as stored, so
that COPY reads them back, and so does `rebond import territory` (`bring_in`).
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    LargeBinary,
    Numeric,
    Table,
    Text,
    case,
    cast,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncEngine

from app import __version__, models
from app.core import clock, migrations
from app.core.db import Base, Statement, copy_out, instant, param, snapshot
from app.treasury.collections.schemas import CollectionRun
from app.treasury.runs.schemas import PaymentRun

LONGEST = 6 * 3600.0  # seconds

# Tables that are never taken out, and why.
LEFT_OUT = {
    "secrets": "secrets of the installation",
    "api_keys": "credentials",
    "firm_ibans": "bank account numbers; firm_bank_details and organisation_bank_accounts have them masked",
    "idempotency_keys": "stored answers of the last 24 hours, of all territories",
    "import_chunks": "pieces of uploaded files, until their import is finished",
    "import_lines": "lines of imports under way",
    "access_records": "who read what and who was refused, of all territories, for auditors",
    "event_seals": "digests of the events of all territories",
    "command_ends": "when the commands of the installation ended",
    "role_quotas": "limits of callers, which are no data of a territory",
    "person_days": "limit rows over all territories; computed again from time_entries",
}
# Rules of the nation, by which the rows of every territory are computed: all of them are taken out.
NATIONAL = {"legal_rates", "vat_rates", "refinancing_rates", "schemes", "scheme_parameters"}
FORMERLY = (CollectionRun, PaymentRun)  # whose past events tell what has become a secret since, one field of each
# Columns that are not needed to read the rest, and are nobody's business elsewhere.
HIDDEN = {
    "subjects": {"email"},
    "imports": {"api_key_id"},
    "firm_bank_details": {"iban_id"},
    "organisation_bank_accounts": {"iban_id"},
    # Of the files, which are known but for the numbers of accounts.
    "payment_runs": {"sha256", "file_hmac"},
    "collection_runs": {"sha256", "file_hmac"},
    # What all territories together have ordered.
    "frameworks": {
        "days_ordered", "ordered_cents", "days_peak", "cents_peak", "least_mission_cents", "orders_without_amount",
        "signed_from", "signed_to",
    },
    # What a review says is confidential: that there is one, and who wrote it, is enough.
    "application_reviews": {
        "opinion", "rating", "recommended_grant_cents", "recommended_advance_cents", "kyc", "body", "completed_on",
    },
}  # fmt: skip
# Rows that refer to these (keys, identities) are left out; rows that refer to other shared tables are exported.
PEOPLE = {"subjects", "organisations"}
# What points to another table without a foreign key.
POINTERS = [
    ("events", "actor_id", "subjects", "id"),
    ("events", "actor_organisation_id", "organisations", "id"),
    ("events", "owner_organisation_id", "organisations", "id"),
]


class NoSuchTerritory(Exception):
    """There is no territory of that name."""


# --- which rows ------------------------------------------------------------------------------------------------------


def _references(table: Table, *, back: bool = True) -> list[tuple[list[Column[Any]], list[Column[Any]]]]:
    """(columns, columns they refer to) of each foreign key to another table, those that are never null first.

    `back`: those too that lead back to a row that refers to this one (a firm's seat is a site of the firm).
    """
    keys = [
        (list(key.columns), [element.column for element in key.elements])
        for key in table.foreign_key_constraints
        if key.referred_table is not table and (back or not key.use_alter)
    ]
    return sorted(keys, key=lambda key: (any(column.nullable for column in key[0]), [c.name for c in key[0]]))


@cache
def _parents(table: Table) -> list[tuple[list[Column[Any]], list[Column[Any]]]]:
    """The references by which rows are found: without those that lead back, which would never end."""
    return _references(table, back=False)


@cache
def is_own(table: Table) -> bool:
    """Whether the rows of a table belong to one territory each."""
    if table.name in LEFT_OUT:
        return False
    named = "territory" in table.c or table.name == "territories"
    return named or any(is_own(there[0].table) for _, there in _parents(table))


@cache
def _referrers(table: Table) -> list[tuple[list[Column[Any]], list[Column[Any]]]]:
    """(columns of this table, columns that point to them) for every row taken out that may point here."""
    references = [
        (there, here)
        for other in models.metadata.sorted_tables
        for here, there in _parents(other)
        if there[0].table is table
        and (is_own(other) or other.name in NATIONAL or (other.name not in LEFT_OUT and _referrers(other)))
    ]
    named = models.metadata.tables
    return references + [([table.c[to]], [named[by].c[at]]) for by, at, name, to in POINTERS if name == table.name]


@cache
def rows(table: Table) -> ColumnElement[bool] | None:
    """The condition for the rows that belong to the territory, or that its rows point to. None: no way leads there."""
    if table.name in LEFT_OUT:
        return None
    if table.name in NATIONAL:
        return true()
    territory = param("territory", Text())
    if table.name == "territories":
        return table.c.slug == territory
    if "territory" in table.c:
        return table.c.territory == territory
    if is_own(table):
        ways = [(here, there) for here, there in _parents(table) if is_own(there[0].table)][:1]
    else:
        ways = _referrers(table) or [
            (here, there) for here, there in _parents(table) if there[0].table.name not in (*PEOPLE, *LEFT_OUT)
        ]
    return or_(*(_among(here, there) for here, there in ways)) if ways else None


def _among(columns: list[Column[Any]], others: list[Column[Any]]) -> ColumnElement[bool]:
    """Whether the columns are equal to the others in some row of theirs that is taken out."""
    condition = rows(others[0].table)
    assert condition is not None  # the ways lead to tables that are taken out
    return tuple_(*columns).in_(select(*others).where(condition).correlate(None))


def tables() -> list[Table]:
    """The tables that are taken out, each after those to which it points."""
    return [table for table in models.metadata.sorted_tables if rows(table) is not None]


def left_out() -> dict[str, str]:
    """The tables that are not, and why."""
    rest = [table.name for table in models.metadata.sorted_tables if rows(table) is None]
    return {name: LEFT_OUT.get(name, "it belongs to no territory") for name in sorted(rest)}


def columns(table: Table) -> list[Column[Any]]:
    """The columns that are taken out; bytes are secrets, and words to search by are made of the others."""
    hidden = HIDDEN.get(table.name, set())
    inside = (LargeBinary, TSVECTOR)
    return [column for column in table.c if column.name not in hidden and not isinstance(column.type, inside)]


@cache
def statement(table: Table) -> Statement:
    """The rows as COPY writes them, in the order of the key."""
    shown = [_shown(column).label(column.name) for column in columns(table)]
    condition = rows(table)
    assert condition is not None  # of a table that is taken out
    return Statement(select(*shown).where(condition).order_by(*table.primary_key.columns))


def _shown(column: Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, DateTime):
        return instant(column)
    if column.table.name == "events" and column.name == "data":
        return _told_today(column)
    return cast(column, Text) if isinstance(column.type, Boolean) else column


def _told_today(data: Column[Any]) -> ColumnElement[Any]:
    """What events tell, without the fields of before that they must no longer tell: the feed cuts them too."""
    noun = data.table.c.resource_type
    cuts = [
        (noun == literal_column(f"'{schema.noun()}'"), data.op("-")(literal_column(f"'{name}'")))
        for schema in FORMERLY
        for name in sorted(schema.formerly)
    ]
    return case(*cuts, else_=data)


# --- what the files say of themselves --------------------------------------------------------------------------------


def unit(column: Column[Any]) -> str | None:
    """What a column counts or how it is written, by its name and type."""
    words = {"_cents": "euro cents", "_bp": "basis points (0.01 %)"}
    for ending, meaning in words.items():
        if column.name.endswith(ending):
            return meaning
    if isinstance(column.type, DateTime):
        return "instant, RFC 3339 in UTC"
    if isinstance(column.type, Date):
        return "calendar day in Europe/Paris"
    if isinstance(column.type, ARRAY):
        return "array as PostgreSQL writes it: {a,b}"
    if isinstance(column.type, JSONB):
        return "JSON"
    return "days, multiples of 0.25" if isinstance(column.type, Numeric) and "days" in column.name else None


@cache
def _meanings() -> dict[str, str]:
    """What each table is, in the first line of its model."""
    mappers = Base.registry.mappers
    return {mapper.class_.__tablename__: (mapper.class_.__doc__ or "").strip().partition("\n")[0] for mapper in mappers}


def described(table: Table) -> dict[str, Any]:
    """A table's entry in the manifest, but for what is counted."""
    taken = {column.name for column in columns(table)}
    references = [
        {"columns": [c.name for c in here], "table": there[0].table.name, "to": [c.name for c in there]}
        for here, there in _references(table)
        if there[0].table.name not in LEFT_OUT
    ]
    return {
        "table": table.name,
        "file": f"{table.name}.csv",
        "what": _meanings().get(table.name, ""),
        "columns": [
            {"name": c.name, "type": c.type.compile(postgresql.dialect()), "nullable": c.nullable, "unit": unit(c)}
            for c in columns(table)
        ],
        "left_out": sorted({column.name for column in table.c} - taken),
        "key": [column.name for column in table.primary_key.columns],
        "references": references,
    }


def ddl() -> str:
    """The tables of the files for an empty PostgreSQL, and the commands of psql that read the files into them."""
    ours = {table.name for table in tables()}
    made, read, linked = [], [], []
    for table in tables():
        taken = columns(table)
        parts = [
            f"    {_quoted(c.name)} {c.type.compile(postgresql.dialect())}{'' if c.nullable else ' NOT NULL'}"
            for c in taken
        ]
        parts.append(f"    PRIMARY KEY ({_names(table.primary_key.columns)})")
        made.append(f"CREATE TABLE {table.name} (\n" + ",\n".join(parts) + "\n);")
        read.append(f"\\copy {table.name} ({_names(taken)}) FROM '{table.name}.csv' WITH (FORMAT csv, HEADER match)")
        for here, there in _references(table):
            key = there[0].table.primary_key.columns
            if there[0].table.name in ours and list(key) == there and set(here) <= set(taken):
                target = f"{there[0].table.name} ({_names(there)})"
                linked.append(f"ALTER TABLE {table.name} ADD FOREIGN KEY ({_names(here)}) REFERENCES {target};")
    head = "-- psql -d EMPTY -f schema.sql, in this directory"
    return "\n\n".join([head, *made, "\n".join(read), "\n".join(linked)]) + "\n"


_IDENTIFIER = postgresql.dialect().identifier_preparer


def _quoted(name: str) -> str:
    return str(_IDENTIFIER.quote(name))


def _names(named: Any) -> str:
    return ", ".join(_quoted(column.name) for column in named)


_README = """\
# {territory}
Everything that Rebond {version} held about this territory at {made_at}, seen in one snapshot, at schema revision
{revision}. `manifest.json` says the same for programs: for each file its columns with types and units, its key and
references, its rows, bytes and SHA-256.

Each file is one table: CSV as PostgreSQL's COPY writes it, in UTF-8, with a header, commas and LF. Nothing between two
commas is NULL, `""` is an empty text. Values stand as stored: money in integer cents, days as decimals, instants in
UTC. Text is not guarded against spreadsheets, which may run what begins with `=`: to look at data in one, ask the
service for `?format=xlsx` or `?format=csv-fr`. `schema.sql` makes the tables in an empty PostgreSQL, reads the
files and links them:

    psql -d EMPTY -f schema.sql

Of the tables that all territories share (organisations, subjects, firms, waves) those rows are here to which others
point; of persons the name, never the address. Schemes and rates of the law are here whole.

`rebond import territory DIRECTORY` reads the files into an empty database of the same revision.

| file | rows | what |
|---|---|---|
{files}

Not here: {left_out}.
"""


# --- writing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """What has been taken out."""

    directory: Path
    tables: int
    rows: int


async def write(
    engine: AsyncEngine, territory: str, directory: Path, progress: Callable[[str, int], None] = lambda *_: None
) -> Written:
    """Write the files of a territory into `directory`, absent or empty before; it appears complete or not at all.

    `progress` is called with the table and the bytes written of it. Raises `NoSuchTerritory`, and FileExistsError.
    """
    directory = directory.absolute()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise FileExistsError(f"{directory} is not an empty directory")
    directory.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        files = await _write(engine, territory, beside, progress)
        beside.replace(directory)
    except BaseException:  # Ctrl-C too: a half-written directory is left by nothing
        shutil.rmtree(beside)
        raise
    return Written(directory, len(files), sum(entry["rows"] for entry in files))


async def _write(
    engine: AsyncEngine, territory: str, directory: Path, progress: Callable[[str, int], None]
) -> list[dict[str, Any]]:
    async with snapshot(engine, LONGEST) as connection:
        place = await connection.fetchrow("SELECT name, now() AS made_at FROM territories WHERE slug = $1", territory)
        if place is None:
            raise NoSuchTerritory(territory)
        revision = await migrations.applied(connection)
        entries = [await _table(connection, table, territory, directory, progress) for table in tables()]
    made_at: datetime = place["made_at"]
    manifest = {
        "territory": territory,
        "name": place["name"],
        "made_at": f"{made_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "made_on": clock.paris_day(made_at).isoformat(),
        "rebond": __version__,
        "schema_revision": revision,
        "tables": entries,
        "left_out": left_out(),
    }
    files = "\n".join(f"| `{entry['file']}` | {entry['rows']} | {entry['what']} |" for entry in entries)
    reasons = ", ".join(f"`{name}` ({reason})" for name, reason in left_out().items())
    readme = _README.format(
        territory=place["name"], version=__version__, made_at=manifest["made_at"], revision=revision, files=files,
        left_out=reasons,
    )  # fmt: skip
    _save(directory / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    _save(directory / "README.md", readme)
    _save(directory / "schema.sql", ddl())
    return entries


async def _table(
    connection: Any, table: Table, territory: str, directory: Path, progress: Callable[[str, int], None]
) -> dict[str, Any]:
    entry = described(table)
    digest = hashlib.sha256()
    with (directory / entry["file"]).open("xb") as file:

        async def write(data: bytes) -> None:
            digest.update(data)
            file.write(data)
            progress(table.name, file.tell())

        arguments = statement(table).arguments({"territory": territory})
        count = await copy_out(connection, statement(table).sql, arguments, write, format="csv", header=True)
        file.flush()
        os.fsync(file.fileno())
        return {**entry, "rows": count, "bytes": file.tell(), "sha256": digest.hexdigest()}


def _save(path: Path, content: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
