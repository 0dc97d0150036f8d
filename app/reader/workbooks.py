"""Workbooks: XLSX by openpyxl, which alone tells errors, formulas and number formats; what else there is by calamine.

Of a sheet in XLSX the XML is read here, row by row: openpyxl would make a float of each number, and would give all rows
that a file leaves out.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError, iterparse

from app.reader.tables import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_LINE,
    MAX_PARTS,
    MAX_ROWS,
    MAX_STRINGS,
    MAX_STRINGS_UNPACKED,
    MAX_UNPACKED,
    Row,
    Table,
    Tagged,
    TooLarge,
    Unreadable,
    column_letters,
)

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _CELL, _VALUE, _FORMULA = (_MAIN + name for name in ("row", "c", "v", "f"))
_INLINE, _TEXT, _RUN, _STRING = (_MAIN + name for name in ("is", "t", "r", "si"))
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_GENERAL = ("General", "@")

# What openpyxl raises for a workbook that it cannot read, whatever the reason.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, LookupError, ValueError, TypeError, AttributeError, EOFError, OSError,
    ParseError, ArithmeticError, RuntimeError,
)  # fmt: skip


def packed(file: IO[bytes], sheet: str | None = None) -> Table:
    """A sheet of a workbook that is a zip (XLSX, XLSB or ODS), the first where none is named."""
    kind = _kind(file)
    if kind == "xlsx":
        try:
            book = _Workbook(file, sheet)
            return Table(kind, _checked(book.rows()), sheets=book.sheets)
        except _BROKEN:  # Strict, or styles that Excel forgives: calamine does as well
            file.seek(0)
    return shallow(file, kind, sheet)


def _kind(file: IO[bytes]) -> str:
    """What a zip holds. Raises `Unreadable` where that is no workbook, and says what else it is."""
    try:
        with zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) > MAX_PARTS:
                raise TooLarge("too_many_parts", maximum=MAX_PARTS)
            parts = {part.filename: part.file_size for part in archive.infolist()}
            if sum(parts.values()) > MAX_UNPACKED:
                raise TooLarge("file_too_large", maximum=MAX_UNPACKED // 2**20)
            told = archive.read("mimetype")[:100].decode("latin-1") if parts.get("mimetype", 200) < 200 else ""
    except _BROKEN:
        raise Unreadable("unreadable_file") from None
    finally:
        file.seek(0)
    if told.startswith("application/vnd.oasis.opendocument."):
        if "spreadsheet" in told:
            return "ods"
        raise Unreadable("not_a_table", found="OpenDocument " + re.sub(r"[^a-z]", "", told.rpartition(".")[2])[:20])
    for folder, name in (("word/", "DOCX"), ("ppt/", "PPTX")):
        if any(part.startswith(folder) for part in parts):
            raise Unreadable("not_a_table", found=name)
    if "xl/workbook.bin" in parts:
        return "xlsb"
    if "[Content_Types].xml" not in parts:
        raise Unreadable("not_a_table", found="ZIP")
    return "xlsx"


# --- XLSX ------------------------------------------------------------------------------------------------------------


class _Workbook:
    """A sheet of an XLSX, with the strings and the formats that its cells refer to."""

    def __init__(self, file: IO[bytes], sheet: str | None) -> None:
        from openpyxl.reader.excel import ExcelReader
        from openpyxl.styles.stylesheet import apply_stylesheet
        from openpyxl.xml.constants import SHARED_STRINGS

        book = ExcelReader(file, read_only=True, keep_links=False)
        book.read_manifest()
        part = book.package.find(SHARED_STRINGS)
        self._strings = self._texts(book.archive, part.PartName[1:]) if part is not None else []
        book.read_workbook()
        apply_stylesheet(book.archive, book.wb)
        self._archive, self._book, self._epoch = book.archive, book.wb, book.wb.epoch
        paths = {told.name: to.target for told, to in book.parser.find_sheets() if "chartsheet" not in to.Type}
        self.sheets = _named(list(paths), sheet)
        self._path = paths[self.sheets[0]]
        self._archive.getinfo(self._path)  # KeyError: the sheet is not there
        self._styles: dict[str, tuple[str | None, str]] = {}
        self._columns: dict[str, int] = {}

    @staticmethod
    def _texts(archive: zipfile.ZipFile, path: str) -> list[str]:
        if archive.getinfo(path).file_size > MAX_STRINGS_UNPACKED:
            raise TooLarge("strings_too_large", maximum=MAX_STRINGS_UNPACKED // 2**20)
        texts: list[str] = []
        with archive.open(path) as source:
            for _, element in iterparse(source):  # noqa: S314  # what it may cost is bounded
                if element.tag == _STRING:
                    texts.append(_text(element))
                    element.clear()
                    if len(texts) > MAX_STRINGS:
                        raise TooLarge("too_many_strings", maximum=MAX_STRINGS)
        return texts

    def rows(self) -> Iterator[Row]:
        """The rows that hold something, by their own numbers. What a file leaves out costs nothing."""
        last, counted = 0, 0
        with self._archive.open(self._path) as source:
            for _, element in iterparse(source):  # noqa: S314  # what it may cost is bounded
                if element.tag != _ROW:
                    continue
                counted += 1
                number = int(element.get("r") or last + 1)
                if number > MAX_ROWS or counted > MAX_ROWS:
                    raise TooLarge("too_many_rows", maximum=MAX_ROWS)
                if number <= last:
                    raise Unreadable("unreadable_file", number)
                last = number
                cells = self._cells(element)
                element.clear()
                if cells:
                    yield number, cells

    def _cells(self, row: Element) -> list[Tagged]:
        cells: list[Tagged] = []
        column = 0
        for element in row:
            if element.tag != _CELL:
                continue
            place = element.get("r")
            column = self._column(place) if place else column + 1
            if (value := self._value(element)) is None:
                continue
            if column > MAX_COLUMNS:
                raise TooLarge("too_many_columns", maximum=MAX_COLUMNS)
            if column <= len(cells):
                raise ValueError("cells stand in their order")
            cells.extend([None] * (column - len(cells) - 1))
            cells.append(value)
        return cells

    def _column(self, place: str) -> int:
        letters = place.rstrip("0123456789")
        known = self._columns.get(letters)
        if known is None:
            if not re.fullmatch("[A-Z]{1,3}", letters):
                raise ValueError("a column has a name")
            known = 0
            for letter in letters:
                known = known * 26 + ord(letter) - ord("A") + 1
            self._columns[letters] = known
        return known

    def _value(self, element: Element) -> Tagged:
        kind = element.get("t", "n")
        if kind == "inlineStr":
            inline = element.find(_INLINE)
            return (_text(inline) or None) if inline is not None else None
        found = element.find(_VALUE)
        if found is not None and found.text:
            return self._read(kind, found.text, element.get("s", "0"))
        formula = element.find(_FORMULA)
        if formula is None or (kind == "str" and found is not None):  # one that comes to "" has a value
            return None
        return ["f", "=" + (formula.text or "")[:200]]

    def _read(self, kind: str, text: str, style: str) -> Tagged:
        if kind == "s":
            return self._strings[int(text)] or None
        if kind == "str":
            return _unescaped(text)
        if kind == "n":
            return self._number(text.strip(), style)
        if kind == "d":
            from openpyxl.utils.datetime import from_ISO8601

            return _moment(from_ISO8601(text))
        return ["b", "true" if text.strip() in ("1", "true") else "false"] if kind == "b" else ["e", text[:100]]

    def _number(self, text: str, style: str) -> Tagged:
        if not _NUMBER.fullmatch(text):
            raise ValueError("a number has digits")
        look, kind = self._styles.get(style) or self._style(style)
        if kind == "number":
            return ["n", text] if look is None else ["n", text, look]
        from openpyxl.utils.datetime import from_excel

        try:
            return _moment(from_excel(float(text), self._epoch, timedelta=kind == "span"))
        except (ValueError, OverflowError):
            return ["n", text, str(look)]

    def _style(self, style: str) -> tuple[str | None, str]:
        from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format

        styles, own = self._book._cell_styles, self._book._number_formats  # noqa: SLF001  # nothing else tells them
        number = styles[int(style)].numFmtId if int(style) < len(styles) else 0
        look = own[number - 164] if 0 <= number - 164 < len(own) else BUILTIN_FORMATS.get(number)
        kind = "span" if look and is_timedelta_format(look) else "day" if look and is_date_format(look) else "number"
        told = (None if look in _GENERAL else look, kind)
        self._styles[style] = told
        return told


def _named(sheets: list[str], wanted: str | None) -> tuple[str, ...]:
    """The sheets, before the others the one of this name, where one is wanted, in small letters or capitals."""
    if not sheets:
        raise LookupError("a workbook has a sheet")
    called = [name for name in sheets if wanted is None or name.strip().casefold() == wanted.strip().casefold()]
    if not called:
        raise Unreadable("no_such_sheet", sheets=[name[:100] for name in sheets[:50]])
    first = wanted if wanted in called else called[0]
    return first, *(name for name in sheets if name != first)


def _text(element: Element) -> str:
    """The text of a string and of its runs, without the readings of Japanese signs."""
    parts = (
        part.text
        for each in element
        if each.tag in (_TEXT, _RUN)
        for part in ([each] if each.tag == _TEXT else each.findall(_TEXT))
        if part.text
    )
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    """What XML cannot hold stands as `_x000D_` (ECMA-376 part 1, §22.9.2.19)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


# --- XLSB, XLS 97, ODS, and XLSX that openpyxl cannot open ------------------------------------------------------------


def shallow(file: IO[bytes], kind: str, sheet_name: str | None = None) -> Table:
    """A sheet as calamine reads it: whole in memory, without errors, formulas and formats."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(file)
        names = _named(book.sheet_names, sheet_name)
        sheet = book.get_sheet_by_name(names[0])
    except (CalamineError, OSError, LookupError, ValueError):
        # Word and Outlook, and Excel where it locks a workbook, write the same compound documents.
        raise (Unreadable("not_an_xls") if kind == "xls" else Unreadable("unreadable_file")) from None
    above = sheet.start[0] if sheet.start else 0
    left = sheet.start[1] if sheet.start else 0
    if above + sheet.height > MAX_ROWS:
        raise TooLarge("too_many_rows", maximum=MAX_ROWS)
    return Table(kind, _checked(_values(sheet, above, left)), shallow=True, sheets=names)


def _values(sheet: Any, above: int, left: int) -> Iterator[Row]:
    for number, values in enumerate(sheet.iter_rows(), above + 1):
        cells = [None] * left + [_plain(value) for value in values]
        while cells and cells[-1] is None:
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise TooLarge("too_many_columns", maximum=MAX_COLUMNS)
        if cells:
            yield number, cells


def _plain(value: Any) -> Tagged:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return ["b", "true" if value else "false"]
    if isinstance(value, float):
        return ["n", repr(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)]
    if isinstance(value, int):
        return ["n", str(value)]
    return _moment(value)


def _moment(value: Any) -> Tagged:
    """A day, a day with its time, a time, or hours that may be more than those of a day."""
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return ["t", f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"]
    if isinstance(value, datetime):
        return ["d", value.date().isoformat()] if value.time() == time.min else ["dt", value.isoformat()]
    if isinstance(value, date):
        return ["d", value.isoformat()]
    return ["t", value.isoformat()] if isinstance(value, time) else None


# --- both ------------------------------------------------------------------------------------------------------------


def _checked(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows whose cells are no longer than Excel's; what is broken inside of the sheet has a line."""
    last = 0
    try:
        for last, cells in rows:
            length = 0
            for column, cell in enumerate(cells, 1):
                size = len(cell) if isinstance(cell, str) else 0
                length += size
                if size > MAX_CELL:
                    raise TooLarge("cell_too_long", cell=f"{column_letters(column)}{last}", maximum=MAX_CELL)
            if length > MAX_LINE:
                raise TooLarge("line_too_long", maximum=MAX_LINE)
            yield last, cells
    except _BROKEN:
        raise Unreadable("unreadable_file", last + 1) from None
