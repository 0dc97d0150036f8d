"""Workbooks for people: every text as it stands, and no more memory for a long one than for a short one."""

import io
import tracemalloc
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.reading.documents import Sheet
from app.core.reading.xlsx import MOST_CHARACTERS, sheet_name
from app.reader import workbooks
from app.reader.tables import Row


def rows_of(body: bytes) -> list[Row]:
    return list(workbooks.packed(io.BytesIO(body)).rows)


@settings(max_examples=40)  # each makes a workbook
@given(title=st.text(st.characters(codec="utf-8")), texts=st.lists(st.text(st.characters(codec="utf-8")), min_size=1))
@example("L'usine d'à côté, bassin d'Alès d'", ["<r><t>bold</r>", "<r></r>", "=1+1", "_x0041_", "\x01", "https://a.fr"])
@example("'''", ["\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")])
def test_every_text_stands_as_it_was_written(title: str, texts: list[str]) -> None:
    sheet = Sheet(title, "fr", (20,))
    sheet.row(*texts)
    whole = [text or None for text in texts]
    while whole and whole[-1] is None:
        whole.pop()
    assert [cells for _, cells in rows_of(sheet.bytes())] == ([whole] if whole else [])


@pytest.mark.parametrize("text", ["x" * 40_000, "🏭" * 20_000])
def test_a_text_that_no_cell_can_hold_is_cut_and_shows_it(text: str) -> None:
    sheet = Sheet("T", "en", (20,))
    sheet.row(text)
    [(_, [cell])] = rows_of(sheet.bytes())
    assert isinstance(cell, str)
    assert cell.endswith("…")
    assert len(cell.encode("utf-16-le")) // 2 in (MOST_CHARACTERS, MOST_CHARACTERS - 1)


@pytest.mark.parametrize(
    ("title", "name"),
    [("a/b: [c]", "a b   c "), ("'d'", "d"), ("", "-"), ("x" * 40, "x" * 31), ("🏭" * 20, "🏭" * 15)],
)
def test_a_sheet_is_called_what_a_sheet_may_be_called(title: str, name: str) -> None:
    assert sheet_name(title) == name


def test_numbers_and_days_look_as_the_language_writes_them() -> None:
    sheet = Sheet("T", "fr", (20, 20, 20))
    sheet.heading("Relevé")
    sheet.row("Jour", "Jours", "Montant", head=True)
    sheet.row(date(2023, 6, 14), Decimal("0.25"), Decimal("1234.50"), kinds=("", "days", "euros"))
    body = sheet.bytes()
    read = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0]
    assert [cell.number_format for cell in read[3]] == ["dd/mm/yyyy", "#,##0.00", '#,##0.00\\ "€"']
    assert (read.print_title_rows, read.freeze_panes, read.page_setup.orientation) == ("$2:$2", "A3", "landscape")


def test_a_long_document_takes_no_more_memory_than_a_short_one() -> None:
    def most(rows: int) -> int:
        tracemalloc.start()
        sheet = Sheet("T", "fr", (20,) * 6)
        for n in range(rows):
            sheet.row(f"Personne {n}", "Analyse", "Alès", Decimal("0.25"), "validé", "")
        body = len(sheet.bytes())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak - 2 * body  # the file itself is held

    assert most(2_000) - most(80) < 300_000
