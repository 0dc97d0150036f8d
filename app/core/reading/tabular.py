"""One Select as NDJSON, CSV or XLSX: which form the caller asks for, and how each column looks in it.

The types of the read schema decide once: money becomes euros (`amount_cents` 123450 → `amount_eur` 1234.50), nested
objects become dotted columns, arrays are joined by `|`, what a spreadsheet would run is guarded by an apostrophe, in a
cell and in each element of an array.
`unguard`, `split` and `cents` take that back.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, Protocol, TypeAlias, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_json
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Numeric,
    Select,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.sql.selectable import FromClause

from app.core.db import as_json, compact, instant
from app.core.reading import xlsx
from app.core.reading.negotiation import preferred

Rows: TypeAlias = Select[*tuple[Any, ...]]
HeldRows: TypeAlias = Iterable[
    Mapping[str, Any]
]  # objects that Python holds, each with the fields of a schema in order


class ColumnKind(StrEnum):
    """How a column is written.

    `CODE` is text that no person chose, so that it needs no guard, `ID` a UUID; `PARTS` is an array or a JSON value as
    text.
    """

    TEXT = "text"
    CODE = "code"
    ID = "id"
    PARTS = "parts"
    NUMBER = "number"
    EUROS = "euros"
    DAY = "day"
    INSTANT = "instant"
    TRUTH = "truth"


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, its kind, and its value in SQL (of `EUROS`, euros).

    `joined` is the value of an array as one text, with or without a decimal comma, each text in it guarded. `path` is
    where a row that Python holds has the value.
    """

    name: str
    kind: ColumnKind
    value: ColumnElement[Any]
    joined: Callable[[bool, "Guard"], ColumnElement[Any]] | None = None
    path: tuple[str, ...] = ()


# --- the guard -------------------------------------------------------------------------------------------------------

# What a spreadsheet runs, also in full width, and where it would begin: a cell, and what it takes for a cell where it
# splits by another separator than ours.
_RUNS = "=+@\uff1d\uff0b\uff20\uff0d\u2212-"  # also in full width, and the sign of minus
_BEFORE = "(^|[;,|\t\r\n])([ \u00a0\u202f]*)"
_GUARDED = re.compile(f"{_BEFORE}'('*[{_RUNS}])")
# What spreadsheets show for an error, in English and French, and what programs write where they know nothing: an import
# refuses both, so that a name which is spelt so must say that it is one. `Null` is a name that people have.
ERRORS = (
    "#(?:N/A|N/D|REF!|VALUE!|VALEUR!|NAME[?]|NOM[?]|DIV/0!|NUM!|NOMBRE!|NULL!|NUL!|SPILL!|CALC!|GETTING_DATA|FIELD!"
    "|BLOCKED!)"
)
PLACEHOLDERS = "NULL|null|NaN|nan|N/A|n/a|\\[ND\\]|\\[NON-DIFFUSIBLE\\]|\u2013|\u2014"
DASHES = "-{1,3}"  # stand for nothing too; before these the guard of what a spreadsheet runs is enough
_NOTHING = f"{ERRORS}|{PLACEHOLDERS}"
_LED = re.compile(f"'+(?:[\t\r]|(?:{_NOTHING})\\Z)")


def unguard(value: str) -> str:
    """Text as it was before a CSV guarded it: without the apostrophes before what a spreadsheet would run."""
    if "'" not in value:
        return value
    return _GUARDED.sub(r"\1\2\3", value[1:] if _LED.match(value) else value)


def _beginning(apostrophes: str, end: str) -> str:
    """What an apostrophe is put before at the beginning of a text, as an expression with one group."""
    alone = f"|{DASHES}{end}" if apostrophes == "'+" else ""
    return f"^({apostrophes}[\t\r]|'*(?:{_NOTHING}){end}{alone})"


def guard(value: str, fewest: int = 0) -> str:
    """The text with an apostrophe before what a spreadsheet would run, where `fewest` or more stand there already."""
    apostrophes = "'+" if fewest else "'*"
    whole = re.sub(f"{_BEFORE}({apostrophes}[{_RUNS}])", r"\1\2'\3", value)
    return re.sub(_beginning(apostrophes, r"\Z"), r"'\1", whole)


Guard = Callable[[Any], ColumnElement[Any]]


def guarded(value: Any) -> ColumnElement[Any]:
    """The text in SQL with an apostrophe before all that a spreadsheet would run; `unguard` takes it off."""
    return _led(value, "'*")


def doubled(value: Any) -> ColumnElement[Any]:
    """The same where an apostrophe stands there already: a workbook runs no text, but what reads it takes one off."""
    return _led(value, "'+")


def _led(value: Any, apostrophes: str) -> ColumnElement[Any]:
    first, place = _beginning(apostrophes, "$"), f"{_BEFORE}({apostrophes}[{_RUNS}])"
    inside = func.regexp_replace(value, _text(place), _text(r"\1\2'\3"), _text("g"))
    whole = func.regexp_replace(inside, _text(first), _text(r"'\1"))
    # Looking is a tenth of the work, and few texts have anything to guard.
    return cast(case((value.op("~")(_text(f"{first}|{place}")), whole), else_=value), Text)


# --- the columns of a Select -----------------------------------------------------------------------------------------


def columns_of(rows: FromClause, schema: type[BaseModel]) -> list[Column]:
    """The columns of these rows; `schema` has a field for each of them."""
    return [
        column
        for source in rows.c
        for column in _columns(str(source.key), source, schema.model_fields[str(source.key)].annotation)
    ]


def _columns(name: str, value: Any, annotation: Any) -> Iterator[Column]:
    inner = bare(annotation)
    kind = _kind(inner)
    if kind is not None:
        yield _scalar(name, kind, value)
    elif isinstance(inner, type) and issubclass(inner, BaseModel):
        for part, field in parts_of(inner):
            yield from _nested(f"{name}.{part}", func.to_jsonb(value), [part], field.annotation)
    else:
        yield from _nested(name, func.to_jsonb(value), [], inner)


def _nested(name: str, root: Any, path: list[str], annotation: Any) -> Iterator[Column]:
    """The part of a JSON value at `path`."""
    inner = bare(annotation)
    kind = _kind(inner)
    at = literal_column(f"'{{{','.join(path)}}}'", Text())
    if kind is not None:
        yield _scalar(name, kind, cast(root.op("#>>")(at), _TYPES[kind]))
    elif isinstance(inner, type) and issubclass(inner, BaseModel):
        for part, field in parts_of(inner):
            yield from _nested(f"{name}.{part}", root, [*path, part], field.annotation)
    elif get_origin(inner) in (list, tuple, set, frozenset):
        array = cast(root.op("#>")(at), JSONB)
        element = bare(get_args(inner)[0])
        if isinstance(element, type) and issubclass(element, BaseModel):
            for part, field in parts_of(element):
                yield _list(f"{name}.{part}", array, f"'{{{part}}}'", _kind(bare(field.annotation)))
        else:
            yield _list(name, array, "'{}'", _kind(element))
    else:
        yield _mixed(name, cast(root.op("#>")(at), JSONB))


def parts_of(schema: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """The fields of an object, each with the name that it has in JSON."""
    return ((field.serialization_alias or name, field) for name, field in schema.model_fields.items())


def bare(annotation: Any) -> Any:
    """The type without None and annotations."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return bare(parts[0]) if len(parts) == 1 else annotation
    return annotation


_KINDS: list[tuple[type, ColumnKind]] = [
    (Enum, ColumnKind.CODE),
    (UUID, ColumnKind.ID),
    (bool, ColumnKind.TRUTH),
    (int, ColumnKind.NUMBER),
    (float, ColumnKind.NUMBER),
    (Decimal, ColumnKind.NUMBER),
    (datetime, ColumnKind.INSTANT),
    (date, ColumnKind.DAY),
    (str, ColumnKind.TEXT),
]
_TYPES: dict[ColumnKind, Any] = {
    ColumnKind.TEXT: Text(),
    ColumnKind.CODE: Text(),
    ColumnKind.ID: Text(),
    ColumnKind.NUMBER: Numeric(),
    ColumnKind.DAY: Date(),
    ColumnKind.INSTANT: DateTime(timezone=True),
    ColumnKind.TRUTH: Boolean(),
}


def _kind(bare: Any) -> ColumnKind | None:
    """The kind of a scalar type; None for what has parts."""
    if get_origin(bare) is Literal:
        kinds = {_kind(type(value)) for value in get_args(bare)}
        return ColumnKind.NUMBER if kinds == {ColumnKind.NUMBER} else ColumnKind.CODE
    if not isinstance(bare, type):
        return None
    return next((kind for known, kind in _KINDS if issubclass(bare, known)), None)


def euro_name(name: str) -> str:
    """What a column of cents is called, having euros."""
    return name.removesuffix("_cents") + "_eur"


_CENT = literal_column("0.01", Numeric())  # a product of integers with it is exact, and has two decimals


def _scalar(name: str, kind: ColumnKind, value: Any) -> Column:
    if kind is ColumnKind.NUMBER and name.endswith("_cents"):
        return Column(euro_name(name), ColumnKind.EUROS, value * _CENT)
    return Column(name, kind, value)


def _list(name: str, array: Any, path: str, kind: ColumnKind | None) -> Column:
    """An array as one text, `|` between its elements; a backslash precedes a `|` or backslash of their own.

    Elements without a `kind` are JSON.
    """
    cents = kind is ColumnKind.NUMBER and name.endswith("_cents")

    def joined(comma: bool, guard: Guard) -> ColumnElement[Any]:
        element = func.jsonb_array_elements(array).table_valued("value", with_ordinality="place").render_derived()
        if kind is None:
            said: Any = _plain(cast(element.c.value.op("#>")(literal_column(path, Text())), JSONB))
        else:
            said = element.c.value.op("#>>")(literal_column(path, Text()))
        if cents:
            said = cast(cast(said, Numeric) * _CENT, Text)
        if comma and kind is ColumnKind.NUMBER:
            said = func.replace(said, _text("."), _text(","))
        if kind in (None, ColumnKind.TEXT):
            said = func.replace(func.replace(guard(said), _text("\\"), _text("\\\\")), _text("|"), _text("\\|"))
        whole = func.string_agg(func.coalesce(said, _text("")), aggregate_order_by(_text("|"), element.c.place))
        whole = func.nullif(whole, _text(""))  # an array of nothing but null is an empty cell, as an empty array is
        return case((func.jsonb_typeof(array) == _text("array"), select(whole).scalar_subquery()), else_=None)

    return Column(euro_name(name) if cents else name, ColumnKind.PARTS, joined(False, doubled), joined)


def _mixed(name: str, value: Any) -> Column:
    """A JSON value of any type as text; an array as one whose type says so."""
    array = _list(name, value, "'{}'", ColumnKind.TEXT).joined
    assert array is not None  # of an array
    return Column(
        name,
        ColumnKind.PARTS,
        func.coalesce(array(False, doubled), doubled(_plain(value))),
        lambda comma, guard: func.coalesce(array(comma, guard), guard(_plain(value))),
    )


def _plain(value: Any) -> ColumnElement[Any]:
    """A JSON value as the text of a cell: a string without its quotes, parts without white space between them."""
    whole = case(
        (func.jsonb_typeof(value).in_([_text("object"), _text("array")]), cast(compact(value), Text)),
        else_=value.op("#>>")(literal_column("'{}'", Text())),
    )
    return cast(whole, Text)


def _text(value: str) -> ColumnElement[str]:
    """A constant written out in the SQL. Never with `$1`, which asyncpg would take for a parameter of COPY."""
    return literal_column("'" + value.replace("'", "''") + "'", Text())


# --- what undoes it --------------------------------------------------------------------------------------------------


def split(value: str) -> list[str]:
    """The elements of an array that a CSV has joined."""
    parts = [""] if value else []
    for text, bar in re.findall(r"((?:[^\\|]|\\.?)+)|(\|)", value, re.DOTALL):
        if bar:
            parts.append("")
        else:
            parts[-1] = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
    return parts


def cents(value: str) -> int:
    """Euros as a CSV has them (1234.50, in French 1234,50) in cents. ValueError for any other text."""
    digits = re.fullmatch(r"(-?)([0-9]{1,15})(?:[.,]([0-9]{1,2}))?", value)
    if digits is None:
        raise ValueError("not an amount of euros and cents")
    amount = int(digits[2]) * 100 + int((digits[3] or "0").ljust(2, "0"))
    return -amount if digits[1] else amount


# --- the forms -------------------------------------------------------------------------------------------------------


class Writer(Protocol):
    """What a form writes before and after the rows, and how it changes them between COPY and the client."""

    def begin(self) -> bytes: ...

    def add(self, rows: bytes) -> bytes: ...

    def end(self) -> bytes: ...


@dataclass(frozen=True)
class Form:
    """A representation of a collection: its name as `format`, its media type, and how it is made.

    `select` gives the rows as COPY with the options `copy` writes them, `held` writes rows that Python holds the same
    way; `most` is how many it can hold.
    """

    name: str
    media_type: str
    extension: str
    select: Callable[[Rows, type[BaseModel]], Rows]
    writer: Callable[[list[Column], str], Writer]
    copy: dict[str, str]
    held: Callable[[list[Column], HeldRows], bytes]
    most: int | None = None


# One text a row, as it is: neither sign can be in it, so COPY quotes nothing but what holds a line break.
_RAW = {"format": "csv", "quote": "\x01", "delimiter": "\x02"}


def _as_objects(rows: Rows, _schema: type[BaseModel]) -> Rows:
    shown = rows.with_only_columns(*(as_json(column) for column in rows.selected_columns)).subquery("shown")
    return select(cast(func.row_to_json(shown.table_valued()), Text))


def _as_cells(*, comma: bool) -> Callable[[Rows, type[BaseModel]], Rows]:
    def cells(rows: Rows, schema: type[BaseModel]) -> Rows:
        # Rows in order are a table of their own to the planner: what is computed there is computed once.
        return select(*(_cell(column, comma) for column in columns_of(rows.subquery("shown"), schema)))

    return cells


def _cell(column: Column, comma: bool) -> ColumnElement[Any]:
    value = column.value
    match column.kind:
        case ColumnKind.PARTS:
            return column.joined(comma, guarded) if column.joined else guarded(value)
        case ColumnKind.TEXT:
            return guarded(value)
        case ColumnKind.NUMBER | ColumnKind.EUROS if comma:
            return func.replace(cast(value, Text), _text("."), _text(","))
        case ColumnKind.INSTANT:
            return instant(value)
        case ColumnKind.TRUTH:
            return cast(value, Text)
        case _:
            return value


class _Lines:
    """NDJSON: the rows as they are."""

    def __init__(self, _columns: list[Column], _title: str) -> None: ...

    def begin(self) -> bytes:
        return b""

    def add(self, rows: bytes) -> bytes:
        return rows

    def end(self) -> bytes:
        return b""


class _Csv:
    """CSV: a header, and CR LF after each record (RFC 4180 §2.1), where COPY writes LF."""

    delimiter = ","
    mark = ""

    def __init__(self, columns: list[Column], _title: str) -> None:
        self._names = [column.name for column in columns]
        self._quoted = False

    def begin(self) -> bytes:
        head = io.StringIO(newline="")
        csv.writer(head, delimiter=self.delimiter).writerow(self._names)
        return (self.mark + head.getvalue()).encode()

    def add(self, rows: bytes) -> bytes:
        parts = rows.split(b'"')  # every second part is inside quotes, where a line break belongs to the text
        for n in range(1 if self._quoted else 0, len(parts), 2):
            parts[n] = parts[n].replace(b"\n", b"\r\n")
        self._quoted ^= len(parts) % 2 == 0
        return b'"'.join(parts)

    def end(self) -> bytes:
        return b""


class _CsvFr(_Csv):
    """CSV as a French Excel opens it: semicolons, and the mark that says UTF-8."""

    delimiter = ";"
    mark = "\ufeff"


def _as_sheet(rows: Rows, schema: type[BaseModel]) -> Rows:
    columns = columns_of(rows.subquery("shown"), schema)
    return select(
        xlsx.row(
            [
                xlsx.cell(column.kind, doubled(column.value) if column.kind is ColumnKind.TEXT else column.value)
                for column in columns
            ]
        )
    )


def _workbook(columns: list[Column], title: str) -> Writer:
    return xlsx.Workbook(title, [(column.name, column.kind) for column in columns])


# --- rows that Python holds ------------------------------------------------------------------------------------------


def held_columns(schema: type[BaseModel], before: tuple[str, ...] = ()) -> list[Column]:
    """The columns of rows that Python holds, the fields of `schema`."""
    columns = []
    for name, field in parts_of(schema):
        inner, path = bare(field.annotation), (*before, name)
        kind = _kind(inner)
        if kind is ColumnKind.INSTANT:
            raise TypeError(f"{name} is an instant")  # which no table has had yet
        if kind is not None:
            columns.append(replace(_scalar(".".join(path), kind, literal_column("NULL", _TYPES[kind])), path=path))
        elif isinstance(inner, type) and issubclass(inner, BaseModel):
            columns += held_columns(inner, path)
        else:
            element = bare(get_args(inner)[0])
            deep = isinstance(element, type) and issubclass(element, BaseModel)
            for each in [(*path, part) for part, _ in parts_of(element)] if deep else [path]:
                columns.append(Column(".".join(each), ColumnKind.PARTS, literal_column("NULL", Text()), path=each))
    return columns


def _euros(value: int) -> str:
    return f"{'-' * (value < 0)}{abs(value) // 100}.{abs(value) % 100:02}"


def _said(value: Any) -> str:
    """A value as COPY writes it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _held(row: Any, column: Column, fewest: int) -> Any:
    """The value of a column in a row; texts are guarded, an array is one text."""
    value = row
    for part in column.path:
        value = [each[part] for each in value] if isinstance(value, list | tuple) else value and value[part]
    if value is None:
        return None
    match column.kind:
        case ColumnKind.EUROS:
            return _euros(value)
        case ColumnKind.TEXT:
            return guard(value, fewest)
        case ColumnKind.PARTS:
            said = (guard(_said(each), fewest).replace("\\", "\\\\").replace("|", "\\|") for each in value)
            return "|".join(said) or None
        case _:
            return value


def _held_objects(_columns: list[Column], rows: HeldRows) -> bytes:
    return b"".join(to_json(row) + b"\n" for row in rows)


def _held_cells(delimiter: str, *, comma: bool) -> Callable[[list[Column], HeldRows], bytes]:
    def cells(columns: list[Column], rows: HeldRows) -> bytes:
        lines = io.StringIO(newline="")
        writer = csv.writer(lines, delimiter=delimiter, lineterminator="\n")
        numbers = [comma and column.kind in (ColumnKind.NUMBER, ColumnKind.EUROS) for column in columns]
        for row in rows:
            values = [_said(_held(row, column, 0)) for column in columns]
            writer.writerow(
                [value.replace(".", ",") if number else value for value, number in zip(values, numbers, strict=True)]
            )
        return lines.getvalue().encode()

    return cells


def _held_sheet(columns: list[Column], rows: HeldRows) -> bytes:
    def written(row: Any) -> str:
        return f"<row>{''.join(xlsx.held_cell(each.kind, _held(row, each, 1)) for each in columns)}</row>"

    return "".join(map(written, rows)).encode()


FORMS = {
    form.name: form
    for form in (
        Form("csv", "text/csv; charset=utf-8; header=present", "csv", _as_cells(comma=False), _Csv,
             {"format": "csv"}, _held_cells(",", comma=False)),
        Form("ndjson", "application/x-ndjson", "ndjson", _as_objects, _Lines, _RAW, _held_objects),
        Form("xlsx", xlsx.MEDIA_TYPE, "xlsx", _as_sheet, _workbook, _RAW, _held_sheet, xlsx.MOST_ROWS),
        # As media type it is CSV too: who wants it asks by name.
        Form("csv-fr", "text/csv; charset=utf-8; header=present", "fr.csv", _as_cells(comma=True), _CsvFr,
             {"format": "csv", "delimiter": ";"}, _held_cells(";", comma=True)),
    )
}  # fmt: skip
NAMES = ("json", *FORMS)


# --- which one is asked for -------------------------------------------------------------------------------------------

JSON_SUFFICES = frozenset({"*/*", "application/json"})  # what most clients send
OFFERED = {"application/json": "json", "text/csv": "csv", "application/x-ndjson": "ndjson",
            "application/ndjson": "ndjson", "application/jsonl": "ndjson", xlsx.MEDIA_TYPE: "xlsx"}  # fmt: skip


def negotiated(accept: str) -> str:
    """The form that an Accept header prefers; JSON where it accepts nothing that there is, as everywhere here."""
    return preferred(accept, OFFERED)
