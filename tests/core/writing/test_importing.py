"""Whatever a file holds: rows or `UnreadableFile`, lines or faults; what a cell says, by properties."""

import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.reading.tabular import split
from app.core.writing import cells, sheets
from app.core.writing.importing import Reader, match
from app.integrations.imports.importers import IMPORTERS
from app.reader import csvs, workbooks
from app.reader.tables import Row, TooLarge, Unreadable

CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "oui", "1e400", "NaN", "-0", "9" * 40, "\x00", "'=1", "a|b\\", "732829320", "31/02/2023", "\ud800"]
    ),
)
TABLES = st.lists(st.lists(CELLS, max_size=6), max_size=6)


def read(content: bytes) -> list[Row]:
    sniffer = sheets.Sniffer()
    sniffer.feed(content)
    shape = sniffer.shape()
    if shape.format is sheets.Format.XLSX:
        return list(workbooks.packed(io.BytesIO(content)).rows)
    if shape.format is sheets.Format.XLS:
        return list(workbooks.shallow(io.BytesIO(content), "xls").rows)
    if shape.format is sheets.Format.XML:
        return []  # no table: of the kinds that read it, `tests/treasury/test_camt.py` is about its bytes
    assert shape.encoding is not None
    return list(csvs.table([content[n : n + 7] for n in range(0, len(content), 7)], shape.encoding).rows)


@given(content=st.one_of(st.binary(max_size=300), st.binary(max_size=80).map(lambda rest: sheets.ZIP + rest)))
@example(content=b"")
@example(content=b"sep=\n")
@example(content=b"<?xml")
@example(content=b"\xef\xbb\xbf\xe9;\x81\n")
@example(content=b'"a\x00b";"\n')
def test_any_bytes_are_rows_or_an_unreadable_file(content: bytes) -> None:
    try:
        rows = read(content)
    except (sheets.UnreadableSheet, Unreadable, TooLarge):
        return
    numbers = [number for number, _ in rows]
    assert numbers == sorted(set(numbers))
    assert all(any(cells) for _, cells in rows)


@pytest.mark.parametrize("kind", sorted(IMPORTERS))
@settings(max_examples=60)
@given(data=st.data())
def test_any_table_is_lines_or_faults(kind: str, data: st.DataObject) -> None:
    importer = IMPORTERS[kind]
    fields = st.lists(st.one_of(CELLS, st.sampled_from(sorted(importer.fields))), max_size=8)
    header = match(importer, 1, data.draw(fields))
    header.faults(importer)
    reader = Reader(importer, header)
    for number, row in enumerate(data.draw(TABLES), start=2):
        line, faults = reader.line(number, row)
        assert (line is None) is any(not fault.advisory for fault in faults)
        for fault in faults:
            assert fault.error.public("fr")["detail"]


@given(cents=st.integers(0, 10**15), group=st.sampled_from(["", " ", "\u00a0", "\u202f"]), sign=st.sampled_from(",."))
def test_an_amount_in_euros_is_its_cents(cents: int, group: str, sign: str) -> None:
    euros = f"{cents // 100:,}".replace(",", group)
    assert cells.cents(f"{euros}{sign}{cents % 100:02} €") == cents


@given(number=st.decimals(-(10**9), 10**9, places=2))
def test_a_decimal_reads_with_either_sign(number: Decimal) -> None:
    assert cells.number(str(number)) == cells.number(str(number).replace(".", ",")) == number


@given(day=st.dates(date(1000, 1, 1)))
def test_a_day_reads_in_each_order(day: date) -> None:
    written = (
        f"{day:%d/%m/%Y}",
        f"{day:%Y/%m/%d}",
        f"{day:%Y-%m-%d} 00:00:00",
        f"{day:%Y%m%d}",
        f"{day.day}.{day.month}.{day.year}",
    )
    of_a_workbook = sheets.Cell(sheets.CellKind.DATE, day.isoformat())
    assert {cells.day(text) for text in written} == {cells.day(of_a_workbook)} == {day.isoformat()}


@given(text=CELLS)
def test_any_cell_is_a_value_or_a_refusal_that_says_why(text: str) -> None:
    for reader in (cells.number, cells.cents, cells.whole, cells.day, cells.truth, cells.digits, cells.parts):
        try:
            reader(text)
        except cells.CellRefused as refused:
            told = refused.error
        else:
            continue
        assert all(told.public(language)["detail"] for language in ("en", "fr"))


@given(parts=st.lists(st.text(max_size=8), min_size=2))
def test_a_joined_list_is_taken_apart_as_it_was(parts: list[str]) -> None:
    joined = "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)
    assert split(joined) == (parts if joined else [])


def test_a_lone_backslash_at_the_end_of_a_long_cell_costs_nothing() -> None:
    assert split("a" * 10**6 + "\\") == ["a" * 10**6 + "\\"]
