"""A file with what was found wrong with it: each line as it was read, its faults before it and in red.

Cells are text as it stood, so that a spreadsheet changes none of them, and the copy is imported as it is. What its
column would read otherwise as text (`0.02` shown as `2 %`, a bare serial of a day) stays a number. A filter in the
first column shows the lines that have faults alone.
"""

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from math import isfinite
from typing import Any

import xlsxwriter

from app.core.reading.xlsx import sheet_name, write_text
from app.core.writing import cells, sheets
from app.core.writing.importing import ANNOTATION
from app.reader.tables import MAX_CELL

_DAYS = {"date": "dd/mm/yyyy", "datetime": "dd/mm/yyyy hh:mm:ss"}
_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001  # spreadsheets know no zone
RED = {"bg_color": "#FFC7CE", "font_color": "#9C0006"}
MOST_LINES = 100_000  # lines that a copy can have


class TooManyLines(Exception):
    """The file has more lines than a copy can have."""


@dataclass(frozen=True)
class LineRemark:
    """A problem of a line: the heading of its column in the file, what to do, whether it keeps the line out."""

    line: int
    heading: str | None
    text: str
    blocking: bool

    def sentence(self, language: str) -> str:
        """What to do, after the heading of the column."""
        if self.heading is None:
            return self.text
        before, after = ("\u00ab\u00a0", "\u00a0\u00bb\u00a0: ") if language == "fr" else ("\u201c", "\u201d: ")
        return f"{before}{self.heading}{after}{self.text}"


def workbook(
    rows: Iterable[sheets.Row], header_line: int, remarks: Sequence[LineRemark], language: str, name: str | None,
    readers: Sequence[cells.CellReader | None] = (),
) -> bytes:  # fmt: skip
    """The copy: every line in the row that it had, moved by one column, in a sheet of the same name.

    `readers` are those of the columns from left to right, None for one that is not read. Raises `TooManyLines`.
    """
    by_place = dict(enumerate(readers))
    by_line: Mapping[int, list[LineRemark]] = defaultdict(list)
    for remark in remarks:
        by_line[remark.line].append(remark)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True, "in_memory": False}) as book:
        sheet = book.add_worksheet(None if name is None else sheet_name(name))
        red = book.add_format(RED)
        numbers = cache(lambda shown, marked: book.add_format({"num_format": shown} | (RED if marked else {})))
        told = book.add_format({"font_color": "#9C0006", "text_wrap": True, "valign": "top"})
        bold = book.add_format({"bold": True})
        sheet.set_column(0, 0, 60)
        headings: list[str] = []
        last = 0
        for line, row in rows:
            if line > MOST_LINES:
                raise TooManyLines
            texts = [cells.shown(cell, language) for cell in row]
            remarked = by_line.get(line, [])
            sentences = "\n".join(remark.sentence(language) for remark in remarked)[: MAX_CELL - 1]
            if line == header_line:
                headings = [text.strip() for text in texts]
                for place, heading in enumerate(headings, 1):
                    sheet.set_column(place, place, max(14, min(len(heading) + 4, 40)))
                write_text(sheet, line - 1, 0, ANNOTATION[language], bold)
                if sentences:
                    sheet.write_comment(line - 1, 0, sentences)
            elif sentences:
                write_text(sheet, line - 1, 0, sentences, told)
            wrong = {remark.heading for remark in remarked if remark.blocking and remark.heading}
            for place, text in enumerate(texts):
                marked = line != header_line and place < len(headings) and headings[place] in wrong
                if text or marked:
                    style = red if marked else bold if line == header_line else None
                    reader = by_place.get(place) if line > header_line else None
                    number = _only_as_a_number(row[place], text, reader)
                    _put(sheet, line - 1, place + 1, number or text, numbers(number[1], marked) if number else style)
            last = line
        if headings:
            sheet.freeze_panes(header_line, 1)
            sheet.autofilter(header_line - 1, 0, max(last, header_line) - 1, len(headings))
    return out.getvalue()


def _put(sheet: Any, row: int, column: int, written: str | tuple[float, str], style: Any) -> None:
    if isinstance(written, str):
        write_text(sheet, row, column, written, style)
    else:
        sheet.write_number(row, column, written[0], style)


def _only_as_a_number(cell: cells.Cell, text: str, reader: cells.CellReader | None) -> tuple[float, str] | None:
    """A number with its format, where its text would be read otherwise; so is a day, midnight where a time is meant."""
    it = cells.said(cell)
    if reader is None or it.kind not in ("number", *_DAYS) or _read(reader, cell) == _read(reader, text):
        return None
    try:
        if it.kind in _DAYS:
            return (datetime.fromisoformat(it.text) - _DAY_0) / timedelta(days=1), _DAYS[it.kind]
        value = float(it.text)
    except ValueError:
        return None
    return (value, it.format or "General") if isfinite(value) else None


def _read(reader: cells.CellReader, cell: cells.Cell) -> Any:
    try:
        value = reader(cell)
    except cells.CellRefused as refused:
        return refused.error.code
    return (value.value, value.error.code) if isinstance(value, cells.Noted) else value
