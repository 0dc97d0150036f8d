"""Whatever a table holds and however it is written, its cells are told as they stand: CSV and workbooks."""

import csv
import io
from datetime import date, datetime, timedelta
from typing import Any

import xlsxwriter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.reading.xlsx import write_text
from app.core.writing import sheets
from app.reader import csvs, workbooks
from app.reader.tables import Row, Tagged, column_letters

HEAD = ["siren", "nom d'usage"]
# What tells cells, lines and quotations apart, what spreadsheets run or escape, and letters beyond ASCII.
SIGNS = st.sampled_from([*"\"';,\t|\r\n=+-@<>&\\ ", "é", "ß", "œ", "\u00a0", "_x0041_", "<r>", "</r>", "a", "0"])
TEXTS = st.lists(SIGNS, max_size=8).map("".join)
LATIN = TEXTS.filter(lambda text: "œ" not in text)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1")


def of_csv(content: bytes, piece: int) -> list[Row]:
    sniffer = sheets.Sniffer()
    sniffer.feed(content)
    shape = sniffer.shape()
    assert shape.format is sheets.Format.CSV
    assert shape.encoding is not None
    pieces = [content[n : n + piece] for n in range(0, len(content), piece)]
    return list(csvs.table(pieces, shape.encoding).rows)


@given(
    rows=st.lists(st.lists(LATIN, min_size=1, max_size=4), max_size=5),
    delimiter=st.sampled_from(csvs.DELIMITERS), encoding=st.sampled_from(ENCODINGS),
    end=st.sampled_from(["\n", "\r\n", "\r"]), minimal=st.booleans(),
    said=st.booleans(), last=st.booleans(), piece=st.integers(1, 64),
)  # fmt: skip
@example(rows=[], delimiter=";", encoding="utf-8-sig", end="\n", minimal=False, said=False, last=True, piece=1)
@example(rows=[["é"]], delimiter=";", encoding="cp1252", end="\r\n", minimal=True, said=False, last=True, piece=1)
def test_the_cells_of_a_csv_are_told_however_it_is_written(
    rows: list[list[str]], delimiter: str, encoding: str, end: str, piece: int, *, minimal: bool, said: bool, last: bool
) -> None:
    written = io.StringIO(newline="")
    if said:  # as Excel says its separator itself
        written.write(f"sep={delimiter}{end}")
    # Of the line breaks csv.writer quotes those alone that end its own lines.
    broken = any(sign in each for row in rows for each in row for sign in "\r\n")
    quoting: Any = csv.QUOTE_MINIMAL if minimal and not broken else csv.QUOTE_ALL
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows([HEAD, *rows])
    text = written.getvalue() if last else written.getvalue().removesuffix(end)
    read = [[each.replace("\r\n", "\n").replace("\r", "\n") for each in row] for row in rows]
    assert [cells for _, cells in of_csv(text.encode(encoding), piece)] == [HEAD, *(row for row in read if any(row))]


NUMBERS = st.one_of(st.integers(-(10**14), 10**14), st.floats(-1e12, 1e12).map(lambda value: float(f"{value:.15G}")))
DAYS = st.dates(date(1904, 1, 2), date(9999, 12, 30))
INSTANTS = st.datetimes(datetime(1904, 1, 2), datetime(2199, 12, 31)).map(  # as workbooks have them
    lambda value: value.replace(microsecond=0, minute=30 if not value.minute + value.hour else value.minute)
)
CELLS = st.one_of(
    st.none(), TEXTS, st.text(st.characters(codec="utf-8"), max_size=6), NUMBERS, st.booleans(), DAYS, INSTANTS,
    st.sampled_from(["#N/A", "#REF!", "#DIV/0!"]).map(lambda error: ("error", error)),
)  # fmt: skip
TABLE = st.dictionaries(st.tuples(st.integers(0, 40), st.integers(0, 30)), CELLS, max_size=12)


def _told(value: Any) -> Tagged:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, tuple):
        return ["e", value[1]]
    if isinstance(value, bool):
        return ["b", "true" if value else "false"]
    if isinstance(value, datetime):
        return ["dt", value.isoformat()] if value.time() != datetime.min.time() else ["d", value.date().isoformat()]
    return ["d", value.isoformat()] if isinstance(value, date) else ["n", repr(float(value))]


def _exactly(cell: Tagged) -> Tagged:
    return ["n", repr(float(cell[1])), *cell[2:]] if isinstance(cell, list) and cell[0] == "n" else cell


@settings(max_examples=50)  # each makes a workbook
@given(
    table=TABLE, bounded=st.booleans(), since_1904=st.booleans(), zeros=st.booleans(),
    names=st.lists(st.from_regex(r"[A-Za-zé ]{1,20}", fullmatch=True), min_size=1, max_size=3, unique_by=str.casefold),
)  # fmt: skip
def test_the_cells_of_a_workbook_are_told_wherever_they_stand(
    table: dict[tuple[int, int], Any], names: list[str], *, bounded: bool, since_1904: bool, zeros: bool
) -> None:
    """`bounded` are workbooks that are written row by row, with their texts inside of the cells."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": bounded, "date_1904": since_1904}) as book:
        sheet, *_ = [book.add_worksheet(name) for name in names]
        day, instant = (book.add_format({"num_format": look}) for look in ("dd/mm/yyyy", "yyyy-mm-dd hh:mm:ss"))
        number = book.add_format({"num_format": "000000000"}) if zeros else None
        for (row, column), value in sorted(table.items()):
            if isinstance(value, str):
                write_text(sheet, row, column, value)
            elif isinstance(value, tuple):
                sheet.write_formula(row, column, "=1/0", None, value[1])
            elif isinstance(value, bool):
                sheet.write_boolean(row, column, value)
            elif isinstance(value, date):
                sheet.write_datetime(row, column, value, instant if isinstance(value, datetime) else day)
            elif value is None:
                sheet.write_blank(row, column, None, day)
            else:
                sheet.write_number(row, column, value, number)
    told = workbooks.packed(io.BytesIO(out.getvalue()))
    assert (told.format, told.shallow, told.sheets) == ("xlsx", False, tuple(names))
    found = {
        f"{column_letters(column)}{line}": _exactly(cell)
        for line, cells in told.rows for column, cell in enumerate(cells, 1) if cell is not None
    }  # fmt: skip
    wanted = {}
    for (row, column), value in table.items():
        if (cell := _told(value)) is not None:
            look = ["000000000"] if zeros and isinstance(cell, list) and cell[0] == "n" else []
            wanted[f"{column_letters(column + 1)}{row + 1}"] = [*cell, *look] if look else cell
    assert found == wanted


@settings(max_examples=10)
@given(st.timedeltas(timedelta(0), timedelta(days=40)).map(lambda span: timedelta(seconds=round(span.total_seconds()))))
def test_hours_may_be_more_than_those_of_a_day(span: timedelta) -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        book.add_worksheet().write_datetime(0, 0, span, book.add_format({"num_format": "[h]:mm:ss"}))
    seconds = round(span.total_seconds())
    [(_, [cell])] = workbooks.packed(io.BytesIO(out.getvalue())).rows
    assert cell == ["t", f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"]
