"""CSV in any of the shapes that French offices write: rows a few at a time, never the whole file."""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator

from app.reader.tables import MAX_CELL, MAX_COLUMNS, MAX_LINE, Row, Table, TooLarge, Unreadable, column_letters

DELIMITERS = ",;\t|"
TITLES = 20  # lines among which the headings are looked for
_SEPARATOR = re.compile(r"sep=([^\"\n])\n?")  # what Excel writes for itself


def table(chunks: Iterable[bytes], encoding: str) -> Table:
    """The lines of a CSV file that are not empty.

    The delimiter is the candidate that the first line that holds any holds most often outside quotes: a title above the
    headings holds none.
    """
    lines = _lines(chunks, encoding)
    head = []
    for line in lines:
        head.append(line)
        if len(head) == TITLES or _SEPARATOR.fullmatch(line) or any(sign in line for sign in DELIMITERS):
            break
    said = _SEPARATOR.fullmatch(head[-1]) if head else None
    if said:
        return Table("csv", _parsed(itertools.chain(head[:-1], ["\n"], lines), said[1]), said[1])
    bare = re.sub(r'"[^"]*"?', "", head[-1]) if head else ""
    delimiter = max(DELIMITERS, key=bare.count)
    return Table("csv", _parsed(itertools.chain(head, lines), delimiter), delimiter)


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Text lines with their ends, decoded as they come. A lone CR ends a line as well (old spreadsheets)."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    newlines = io.IncrementalNewlineDecoder(decoder, translate=True)
    rest = ""
    try:
        for chunk in _unmarked(chunks):
            *whole, rest = (rest + newlines.decode(chunk)).split("\n")
            if len(rest) > MAX_LINE:
                raise TooLarge("line_too_long", maximum=MAX_LINE)
            for line in whole:
                yield line + "\n"
        rest += newlines.decode(b"", final=True)
    except UnicodeError:
        raise Unreadable("unreadable_file") from None
    if rest:
        yield rest


def _unmarked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces without the mark of UTF-8 at the beginning, however small the first one is."""
    begun, head = False, b""
    for chunk in chunks:
        head += chunk
        if begun or len(head) >= len(codecs.BOM_UTF8):
            yield head if begun else head.removeprefix(codecs.BOM_UTF8)
            begun, head = True, b""
    if head:
        yield head.removeprefix(codecs.BOM_UTF8)


def _parsed(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(MAX_CELL)
    pending: list[str] = []  # the lines of the row that is being read
    began = 1  # where the last row did

    def passing() -> Iterator[str]:
        for line in lines:
            pending.append(line)
            yield line

    # What follows the mark that closes a cell belongs to it, as spreadsheets read it; what never ends is found below.
    reader = csv.reader(passing(), delimiter=delimiter, strict=False)
    while True:
        line = reader.line_num + 1
        last = "".join(pending)
        pending.clear()
        try:
            cells = next(reader, None)
        except csv.Error:  # longer than a cell may be
            _refuse_open("".join(pending), delimiter, line)
            raise TooLarge("line_too_long", maximum=MAX_CELL) from None
        if cells is None:
            _refuse_open(last, delimiter, began)
            return
        began = line
        if sum(map(len, cells)) > MAX_LINE:
            raise TooLarge("line_too_long", maximum=MAX_LINE)
        if len(cells) > MAX_COLUMNS:
            raise TooLarge("too_many_columns", maximum=MAX_COLUMNS)
        if any(cells):
            yield line, list(cells)


def _refuse_open(text: str, delimiter: str, line: int) -> None:
    """Raises `Unreadable` where a row ends within quotation marks, and names the cell that they open."""
    column, quoted, begins, closes = 1, False, True, False
    for sign in text:
        if quoted:
            quoted, closes = sign != '"', sign == '"'
        elif sign == '"' and (begins or closes):  # the second of two stands for one, and the cell goes on
            quoted, begins, closes = True, False, False
        else:
            begins, closes = sign == delimiter, False
            column += begins
    if quoted:
        raise Unreadable("unreadable_line", line, cell=f"{column_letters(column)}{line}")
