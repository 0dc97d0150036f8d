"""The forms of a table, below HTTP: what is done to a value is undone, whatever the value and however it is cut."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from sqlalchemy import ARRAY, Boolean, Date, DateTime, Numeric, Text, cast, column, func, literal, select

from app.core.db import Statement, param
from app.core.reading import tabular, xlsx
from app.core.reading.tabular import FORMS, Column, ColumnKind, cents, doubled, guarded, split, unguard
from app.core.writing import cells

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.lists(texts, min_size=1, max_size=4), max_size=6), st.lists(st.integers(1, 50), max_size=20))
def test_a_csv_is_the_same_wherever_its_stream_is_cut(rows: list[list[str]], cuts: list[int]) -> None:
    """As COPY writes it: LF after a record, a value quoted where it holds a quote, comma or line break."""
    copied = io.StringIO(newline="")
    csv.writer(copied, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    body = copied.getvalue().encode()
    writer = FORMS["csv"].writer([Column("a", ColumnKind.TEXT, literal(""))], "t")
    found = writer.begin()
    for cut in cuts:
        found += writer.add(body[:cut])
        body = body[cut:]
    found += writer.add(body) + writer.end()
    assert list(csv.reader(io.StringIO(found.decode(), newline=""), strict=True)) == [["a"], *rows]
    wanted = io.StringIO(newline="")
    csv.writer(wanted, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(rows)
    assert found == b"a\r\n" + wanted.getvalue().encode()


@pytest.mark.parametrize(
    ("written", "plain"),
    [("'=1", "=1"), ("''=1", "'=1"), ("'plain", "'plain"), ("", ""), ("'", "'"), ("a'=", "a'="), ("'-2", "-2"),
     ("A;'=1+1;B", "A;=1+1;B"), ("A, '=1", "A, =1"), ("'＝1", "＝1"), ("'−2", "−2"), ("A;'B", "A;'B"),
     ("a\n'=1", "a\n=1"), ("'\t=1", "\t=1"), ("l'été, d'un = x", "l'été, d'un = x"), ("'NULL", "NULL"),
     ("''[ND]", "'[ND]"), ("'#N/A", "#N/A"), ("'NULLE", "'NULLE")],
)  # fmt: skip
def test_a_guard_is_taken_off_and_nothing_else(written: str, plain: str) -> None:
    assert unguard(written) == plain


RISKY = st.text(st.sampled_from("'=+-@|\\;,\t\r\n ＝＋－＠−a\N{NO-BREAK SPACE}é"), max_size=8)
NOTHING = ["NULL", "-", "--", "[ND]", "#REF!", "\u2014", "'NULL", "'-"]
SPELT = re.compile(f"{tabular.ERRORS}|{tabular.PLACEHOLDERS}|{tabular.DASHES}")  # as no value is
RUNS = re.compile(r"(?:^|[;,|\t\r\n])[ \u00a0\u202f]*[=+@＝＋＠－−-]|^[\t\r]")


@given(st.lists(st.one_of(RISKY, texts, st.sampled_from(NOTHING)), min_size=50, max_size=50))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_a_guard_puts_on_is_what_is_taken_off_and_nothing_runs(pool: Any, values: list[str]) -> None:
    named = column("v", Text())
    rows = func.unnest(param("values", ARRAY(Text()))).table_valued(named, with_ordinality="n").render_derived()
    statement = Statement(select(guarded(rows.c.v).label("g"), doubled(rows.c.v).label("d")).order_by(rows.c.n))
    found = await pool.fetch(statement.sql, *statement.arguments({"values": values}))
    assert [unguard(row["g"]) for row in found] == values
    assert [unguard(row["d"]) for row in found] == values, "a workbook's texts are read by the same rule"
    assert [row["g"] for row in found if RUNS.search(row["g"])] == []
    for row, value in zip(found, values, strict=True):
        assert RUNS.search(value) or "'" in value or SPELT.fullmatch(value) or row["g"] == value
        assert value not in NOTHING or (cells.plain(row["g"]), cells.plain(row["d"])) == (value, value)


@given(st.lists(texts, min_size=1))
def test_a_joined_array_is_split_into_what_it_was(elements: list[str]) -> None:
    joined = "|".join(each.replace("\\", "\\\\").replace("|", "\\|") for each in elements)
    assert split(joined) == (elements if joined else [])


@given(st.integers(0, 2**53 - 1))
def test_euros_are_read_back_as_cents_in_both_writings(amount: int) -> None:
    written = f"{amount // 100}.{amount % 100:02}"
    assert cents(written) == cents(written.replace(".", ",")) == amount


@pytest.mark.parametrize(
    "text", ["", "x", "1.005", "1,", "١", "NaN", "Infinity", "1 000,00", "1.000,00", "1e999999999"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        cents(text)


# --- the workbook, beside one of xlsxwriter ---------------------------------------------------------------------------

VALUES: list[tuple[str, Any, Any]] = [
    ("text", Text(), "plain"),
    ("text", Text(), "=1+1"),
    ("text", Text(), " <&>\"' 🏭 \n two"),
    ("text", Text(), "https://example.fr"),
    ("text", Text(), "_x0041_ is no A"),
    ("text", Text(), None),
    ("code", Text(), "00123"),
    ("number", Numeric(), Decimal("0.25")),
    ("number", Numeric(), Decimal(-12345678901)),
    ("euros", Numeric(), Decimal("1234.50")),
    ("euros", Numeric(), Decimal("90071992547409.91")),
    ("day", Date(), date(2023, 10, 3)),
    ("day", Date(), date(1900, 1, 1)),
    ("day", Date(), date(1900, 2, 28)),
    ("day", Date(), date(1900, 3, 1)),
    ("day", Date(), date(2199, 12, 31)),
    ("instant", DateTime(timezone=True), datetime(2026, 11, 22, 7, 30, 15, 250_000, tzinfo=UTC)),
    ("truth", Boolean(), None),
    ("truth", Boolean(), True),
    ("truth", Boolean(), False),
]


async def ours(pool: Any) -> bytes:
    cells = [xlsx.cell(kind, cast(param(str(n)), type_)) for n, (kind, type_, _) in enumerate(VALUES)]
    statement = Statement(select(xlsx.row(cells)))
    row: str = await pool.fetchval(
        statement.sql, *statement.arguments({str(n): value for n, (_, _, value) in enumerate(VALUES)})
    )
    workbook = xlsx.Workbook("t", [(f"c{n}", kind) for n, (kind, _, _) in enumerate(VALUES)])
    return workbook.begin() + workbook.add(row.encode()) + workbook.end()


def theirs() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet()
        formats = {
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "instant": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "euros": book.add_format({"num_format": "#,##0.00"}),
        }
        writing: dict[str, Callable[..., Any]] = {
            "text": sheet.write_string, "code": sheet.write_string, "number": sheet.write_number,
            "euros": sheet.write_number, "day": sheet.write_datetime, "instant": sheet.write_datetime,
            "truth": sheet.write_boolean,
        }  # fmt: skip
        for n, (kind, _, value) in enumerate(VALUES):
            if value is not None:
                naive = value.replace(tzinfo=None) if isinstance(value, datetime) else value
                writing[kind](1, n, naive, formats.get(kind))
    return file.getvalue()


async def test_a_workbook_reads_like_one_of_xlsxwriter(pool: Any) -> None:
    found, wanted = (
        list(openpyxl.load_workbook(io.BytesIO(body)).worksheets[0])[1] for body in (await ours(pool), theirs())
    )
    for cell, oracle, (kind, _, value) in zip(found, wanted, VALUES, strict=True):
        # openpyxl takes the escape of an inline string as it is, and undoes that of a shared one.
        shown = unescape(cell.value) if kind == "text" and cell.value else cell.value
        assert shown == oracle.value, (kind, value)
        assert cell.data_type == oracle.data_type, (kind, value)
        assert cell.is_date == oracle.is_date, (kind, value)


async def test_a_cell_that_excel_would_call_damaged_is_cut_and_shows_it(pool: Any) -> None:
    statement = Statement(select(xlsx.cell("parts", cast(param("long", Text()), Text))))
    whole = await pool.fetchval(statement.sql, *statement.arguments({"long": "é|" * 40_000}))
    text = whole.partition(">é")[2].partition("</t>")[0]
    assert len(text) + 1 == xlsx.MOST_CHARACTERS
    assert text.endswith("…")


def test_the_same_rows_give_the_same_file() -> None:
    def made() -> bytes:
        workbook = xlsx.Workbook("a/b: [c]", [("id", "code")])
        return workbook.begin() + workbook.add(b"<row><c/></row>\x01\n") + workbook.end()

    assert made() == made()
    assert openpyxl.load_workbook(io.BytesIO(made())).sheetnames == ["a b   c "]
