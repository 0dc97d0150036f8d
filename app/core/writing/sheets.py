"""The tables that people send: CSV in any of the shapes that French offices write, and XLSX.

A `Sniffer` looks at the bytes as they arrive, so that nothing is read twice: which format, and which encoding.
`csv_rows` and `xlsx_rows` then give numbered lines of cells, a few at a time; the file is never whole in memory. What
real files look like: UTF-8 with or without a mark, Windows-1252, and once even Windows-1252 behind a UTF-8 mark (the
grants that the département of the Somme published for 2018).
"""

import codecs
import csv
import io
import itertools
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from app.core.faults import Fault
from app.core.reading import tabular

EMPTY_FILE = Fault("empty_file", en="The file is empty.", fr="Le fichier est vide.")
UNREADABLE_FILE = Fault("unreadable_file", en="The file is damaged.", fr="Le fichier est endommagé.")
UNREADABLE_LINE = Fault(
    "unreadable_line",
    en="The line cannot be read; a quotation mark may be missing.",
    fr="La ligne ne peut pas être lue ; il manque peut-être un guillemet.",
)
LINE_TOO_LONG = Fault(
    "line_too_long",
    en="A line is too long to be read.",
    fr="Une ligne est trop longue pour être lue.",
)
TOO_MANY_COLUMNS = Fault(
    "too_many_columns",
    en="A line has more than {maximum} columns.",
    fr="Une ligne a plus de {maximum} colonnes.",
)
FILE_TOO_LARGE = Fault(
    "file_too_large",
    en="The unpacked file is too large.",
    fr="Le fichier décompressé est trop grand.",
)
UNUSABLE_HEADER = Fault(
    "unusable_header",
    en="The first line does not name all required columns.",
    fr="La première ligne ne nomme pas toutes les colonnes nécessaires.",
)

Cell = str | date | datetime | float | int | bool | None
Row = tuple[int, list[Cell]]  # the line in the file, counted from 1, and its cells

MAX_COLUMNS = 500
MAX_CELL = 32_768  # as in Excel
MAX_UNPACKED = 512 * 1024 * 1024  # bytes that an XLSX may unfold to

BOM = codecs.BOM_UTF8
ZIP = b"PK\x03\x04"
DELIMITERS = ",;\t|"


class Format(StrEnum):
    """What the bytes are."""

    CSV = "csv"
    XLSX = "xlsx"
    XML = "xml"


class UnreadableSheet(Exception):
    """The file is no table: `reason` says why, `line` where."""

    def __init__(self, reason: Fault, line: int | None = None, **figures: Any) -> None:
        super().__init__(reason.code)
        self.reason = reason
        self.line = line
        self.figures = figures


@dataclass(frozen=True)
class SheetShape:
    """How the file is written: its format, and for CSV its encoding (`utf-8`, `cp1252` or `latin-1`)."""

    format: Format
    encoding: str | None = None


class Sniffer:
    """Tells the shape of a file from its bytes, as they pass."""

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")("strict")
        self._beyond_cp1252 = False

    def feed(self, data: bytes) -> None:
        """Look at the next bytes."""
        self.size += len(data)
        if len(self._head) < _HEAD:
            self._head += data[: _HEAD - len(self._head)]
        if self._utf8 is not None:
            try:
                self._utf8.decode(data)
            except UnicodeDecodeError:
                self._utf8 = None
        if not self._beyond_cp1252:
            self._beyond_cp1252 = _UNDEFINED_IN_CP1252.search(data) is not None

    def shape(self) -> SheetShape:
        """What the file is, once all of it has passed. Raises `UnreadableSheet` for nothing at all."""
        if self.size == 0:
            raise UnreadableSheet(EMPTY_FILE)
        if self._head.startswith(ZIP):
            return SheetShape(Format.XLSX)
        if _XML.match(self._head):
            return SheetShape(Format.XML)
        if self._utf8 is not None:
            try:
                self._utf8.decode(b"", final=True)
            except UnicodeDecodeError:
                pass
            else:
                return SheetShape(Format.CSV, "utf-8")
        return SheetShape(Format.CSV, "latin-1" if self._beyond_cp1252 else "cp1252")


_HEAD = 256  # bytes that tell a format
# An XML declaration, a document type, or a document that begins at once; also in UTF-16.
_XML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|(?:\w+:)?Document[\s>])|(?:\xff\xfe)?<\x00\?\x00|(?:\xfe\xff)?\x00<\x00\?"
)
_UNDEFINED_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


def csv_rows(chunks: Iterable[bytes], encoding: str) -> tuple[str, Iterator[Row]]:
    """The delimiter, and the lines of a CSV file that are not empty. Raises `UnreadableSheet`.

    The delimiter is the candidate that the first line holds most often outside quotes.
    """
    lines = _lines(chunks, encoding)
    head = []
    for line in lines:
        head.append(line)
        if line.strip():
            break
    said = re.fullmatch(r"sep=(.)\n?", head[-1]) if head else None
    if said:  # what Excel writes for itself
        return said[1], _parsed(itertools.chain(head[:-1], ["\n"], lines), said[1])
    bare = re.sub(r'"[^"]*"?', "", head[-1]) if head else ""
    delimiter = max(DELIMITERS, key=bare.count)
    return delimiter, _parsed(itertools.chain(head, lines), delimiter)


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Text lines with their ends, decoded as they come. A lone CR ends a line as well (old spreadsheets)."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    newlines = io.IncrementalNewlineDecoder(decoder, translate=True)
    rest = ""
    start = True
    for chunk in chunks:
        data = chunk
        if start and data:
            data, start = data.removeprefix(BOM), False
        *whole, rest = (rest + newlines.decode(data)).split("\n")
        if len(rest) > MAX_CELL * MAX_COLUMNS:
            raise UnreadableSheet(LINE_TOO_LONG)
        for line in whole:
            yield line + "\n"
    rest += newlines.decode(b"", final=True)
    if rest:
        yield rest


def _parsed(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=False)
    line = 1
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            raise UnreadableSheet(UNREADABLE_LINE, line) from None
        if cells is None:
            return
        if len(cells) > MAX_COLUMNS:
            raise UnreadableSheet(TOO_MANY_COLUMNS, line, maximum=MAX_COLUMNS)
        if any(cells):
            yield line, list(cells)


# What openpyxl raises for a broken or hostile workbook.
_BROKEN = (zipfile.BadZipFile, LookupError, ValueError, TypeError, AttributeError, EOFError, ParseError)


def xlsx_rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows of the first sheet that are not empty. Formulas count as what they last came to.

    Raises `UnreadableSheet`; a file that would unfold to more than 512 MiB is not unfolded.
    """
    from openpyxl import load_workbook  # slow to import, and rarely wanted

    try:
        with zipfile.ZipFile(file) as packed:
            if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
                raise UnreadableSheet(FILE_TOO_LARGE)
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what other programs write there is often wrong
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            if len(cells) > MAX_COLUMNS:
                raise UnreadableSheet(TOO_MANY_COLUMNS, line, maximum=MAX_COLUMNS)
            if any(cell not in (None, "") for cell in cells):
                yield line, list(cells)
    except _BROKEN as error:
        raise UnreadableSheet(UNREADABLE_FILE) from error


# --- what a cell says ------------------------------------------------------------------------------------------------

_SPACES = re.compile("[\\s\u00a0\u2007\u202f]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_DAYS = (
    (re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?Z?)?"), (1, 2, 3)),
    (re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})"), (3, 2, 1)),
)
YES = frozenset({"true", "yes", "oui", "vrai", "1", "o", "x"})
NO = frozenset({"false", "no", "non", "faux", "0", "n"})


def plain(cell: Cell) -> str:
    """A cell as text, trimmed; what our exports put before `=`, `+`, `-` and `@` is taken off again."""
    return tabular.unguard(_text(cell))


def _text(cell: Cell) -> str:
    """A cell as text, trimmed, as it stands."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat()
    return str(cell).strip("\u00a0\u202f \t\r\n")


def digits(cell: Cell) -> str:
    """A SIREN, a SIRET or a code without the spaces and points that people put between its groups."""
    return re.sub(r"[\s.\u00a0\u2007\u202f]", "", plain(cell))


def number(cell: Cell) -> Decimal | str:
    """`26 956,00`, `1 234,50 €` or `12.5` as an exact number; text that is none stays, for its rule to refuse."""
    if isinstance(cell, bool):
        return plain(cell)
    if isinstance(cell, int | float):
        return Decimal(str(cell))
    text = _SPACES.sub("", plain(cell)).removesuffix("€").removesuffix("EUR")
    if "," in text and "." in text:  # one of the two groups thousands: the last is the decimal sign
        groups = "," if text.rfind(",") < text.rfind(".") else "."
        text = text.replace(groups, "")
    return Decimal(text.replace(",", ".")) if _NUMBER.fullmatch(text) and len(text) <= 30 else plain(cell)


def whole(cell: Cell) -> int | str:
    """A whole number: a year, a count."""
    value = number(cell)
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else plain(cell)


def cents(cell: Cell) -> int | str:
    """An amount in euros as integer cents. More than two decimals are no amount."""
    euros = number(cell)
    if isinstance(euros, str):
        return euros
    amount = euros * 100
    return int(amount) if amount == amount.to_integral_value() else plain(cell)


def day(cell: Cell) -> str:
    """`2017/09/08`, `08/09/2017` or a spreadsheet's date as an ISO day; what is none stays, for its rule to refuse."""
    if isinstance(cell, datetime | date):
        return cell.isoformat()[:10]
    text = plain(cell)
    for pattern, (year, month, of_month) in _DAYS:
        if match := pattern.fullmatch(text):
            return f"{match[year]}-{match[month]:0>2}-{match[of_month]:0>2}"
    return text


def truth(cell: Cell) -> bool | str:
    """`oui`, `vrai`, `x` or `true`, and their opposites."""
    text = plain(cell).lower()
    return True if text in YES else False if text in NO else text


def parts(cell: Cell) -> list[str]:
    """Several values in one cell, between `|`; each has its own guard."""
    return [part for part in (plain(part) for part in tabular.split(_text(cell))) if part]


def each(read: Callable[[Cell], Any]) -> Callable[[Cell], list[Any]]:
    """Reads one part of every object of a list, as our exports write it between `|`; None where it has none."""
    return lambda cell: [read(part) if part else None for part in tabular.split(_text(cell))]
