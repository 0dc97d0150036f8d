"""A file is read by a program of its own: what it tells, what bounds it, and when it ends."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from app.core.writing import apart, sheets
from app.core.writing.sheets import Cell, CellKind
from tests.integrations.imports.files import xlsx_file
from tests.reader.files import FOUND, begun, changed, ods_file, read, shape_of, strict, with_rows

NUMBER, DATE = CellKind.NUMBER, CellKind.DATE
HEAD = ["siren", "name"]
SLOW = b"siren;nom\n" + b"910009000;Alpha\n" * 400_000  # more than a pipe holds


def refused(tmp_path: Path, content: bytes, **bounds: Any) -> tuple[str, int | None, dict[str, Any]]:
    try:
        read(tmp_path, content, **bounds)
    except sheets.SheetTooLarge as error:
        return error.limit.code, None, error.figures
    except sheets.UnreadableSheet as error:
        return error.reason.code, error.line, error.figures
    raise AssertionError("the file was read")


def file(name: str) -> bytes:
    return (FOUND / name).read_bytes()


# --- what it tells ---------------------------------------------------------------------------------------------------


def in_parts(number: int) -> bytes:
    """A workbook of as many parts."""
    packed = io.BytesIO(xlsx_file(["siren"], ["910009000"]))
    with zipfile.ZipFile(packed, "a") as archive:
        for part in range(number - len(archive.infolist())):
            archive.writestr(f"xl/media/{part}.png", b"")
    return packed.getvalue()


def test_it_imports_nothing_of_the_service() -> None:
    modules = "app.reader.camt, app.reader.csvs, app.reader.workbooks"
    imports = f"import sys; sys.path += {apart._path()!r}; import {modules}; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", imports], capture_output=True, check=True, text=True
    ).stdout.split()
    assert {name for name in told if name.startswith("app.")} == {
        "app.reader", "app.reader.camt", "app.reader.csvs", "app.reader.tables", "app.reader.workbooks",
    }  # fmt: skip
    assert not {"pydantic", "pydantic_core", "sqlalchemy", "asyncpg", "structlog", "openpyxl"} & set(told)


def test_cells_are_told_as_they_stand(tmp_path: Path) -> None:
    cells = (
        '<row r="1"><c t="inlineStr"><is><t>siren</t></is></c></row>'
        '<row r="3"><c r="A3"><v>1415.2799999999997</v></c><c r="C3" t="b"><v>1</v></c><c t="e"><v>#N/A</v></c>'
        '<c><f>A1+1</f></c><c t="str"><f>""</f><v></v></c><c><v>9.1E+13</v></c><c t="d"><v>2023-09-08T10:30:00</v></c>'
        '<c t="inlineStr"><is><r><t>a_x000D_</t></r><r><t>b</t></r><rPh><t>x</t></rPh></is></c><c s="0"/></row>'
    )
    _, rows = read(tmp_path, with_rows(cells))
    assert rows == [
        (1, ["siren"]),
        (3, [
            Cell(NUMBER, "1415.2799999999997"), None, Cell(CellKind.BOOLEAN, "true"), Cell(CellKind.ERROR, "#N/A"),
            Cell(CellKind.FORMULA, "=A1+1"), None, Cell(NUMBER, "9.1E+13"),
            Cell(CellKind.DATETIME, "2023-09-08T10:30:00"), "a\rb",
        ]),
    ]  # fmt: skip


def test_numbers_come_with_their_formats_and_days_as_days(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([date(2023, 9, 8), datetime(2023, 9, 8, 10, 30), clock(8, 30), timedelta(hours=26), 300103, 1e9])
    sheet.cell(1, 5).number_format = "000000000"
    sheet.cell(1, 6).number_format = "dd/mm/yyyy"  # a day that no calendar has
    out = io.BytesIO()
    book.save(out)
    told, rows = read(tmp_path, out.getvalue())
    assert not told.shallow
    assert rows[0][1] == [
        Cell(DATE, "2023-09-08"), Cell(CellKind.DATETIME, "2023-09-08T10:30:00"), Cell(CellKind.TIME, "08:30:00"),
        Cell(CellKind.TIME, "26:00:00"), Cell(NUMBER, "300103", "000000000"), Cell(NUMBER, "1000000000", "dd/mm/yyyy"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("x03_formula_nocache.xlsx", ["910009000", "A", Cell(CellKind.FORMULA, '=UPPER("abc")')]),
        ("x04_err.xlsx", ["910009000", Cell(CellKind.ERROR, "#N/A"), Cell(CellKind.ERROR, "#REF!")]),
        ("x08_wide_blank.xlsx", ["910009000", "A"]),
        ("c05_utf16.txt", ["910009000", "Société Élan"]),
        ("c01_extra_cells.csv", ["910009000", "Dupont", " Fils et Cie", "DFC"]),
    ],
)
def test_files_of_others_are_read(tmp_path: Path, name: str, rows: list[Any]) -> None:
    assert read(tmp_path, file(name))[1][1] == (2, rows)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (file("b01_sparse_row.xlsx"), ("too_many_rows", None, {"maximum": 1_048_576})),
        (with_rows('<row r="1000000000000000"><c><v>1</v></c></row>'), ("too_many_rows", None, {"maximum": 1_048_576})),
        (with_rows("<row/>" * 1_048_577), ("too_many_rows", None, {"maximum": 1_048_576})),
        (with_rows('<row r="1"><c r="XFE1"><v>1</v></c></row>'), ("too_many_columns", None, {"maximum": 16_384})),
        (file("b05_sst.xlsx"), ("too_many_strings", None, {"maximum": 1_000_000})),
        (in_parts(10_001), ("too_many_parts", None, {"maximum": 10_000})),
        (b"a;" * 20_000, ("too_many_columns", None, {"maximum": 16_384})),
        (b"siren;nom\n" + b"x" * 2_000_000, ("line_too_long", None, {"maximum": 1_048_576})),
        (file("c02_stray_quote.csv"), ("unreadable_line", 2, {"cell": "C2"})),
        (file("w10.docx"), ("not_a_table", None, {"found": "DOCX"})),
        (b"PK\x03\x04 no archive", ("unreadable_file", None, {})),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, ("not_an_xls", None, {})),
        (with_rows('<row r="2"/><row r="2"><c><v>1</v></c></row>'), ("unreadable_file", 2, {})),
        (with_rows('<row r="1"><c t="s"><v>99</v></c></row>'), ("unreadable_file", 1, {})),
        (b"\xff\xfea\x00\n\x00b", ("unreadable_file", None, {})),
    ],
    ids=[
        "b01", "far", "empty", "wide", "b05", "parts", "columns", "long", "quote", "docx", "zip", "ole", "twice",
        "string", "half",
    ],
)  # fmt: skip
def test_what_is_no_table_or_too_large_is_named(tmp_path: Path, content: bytes, told: tuple[Any, ...]) -> None:
    assert refused(tmp_path, content) == told


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"%PDF-1.4\n%", "PDF"), (b"<!DOCTYPE html>\n<html>", "HTML"), (b"\xef\xbb\xbf\n<html><body>", "HTML"),
        (b'[{"siren": 1}]', "JSON"), (b'{"siren": 1}', "JSON"), (b"\x1f\x8b\x08\x00", "GZ"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_named_by_its_first_bytes(content: bytes, found: str) -> None:
    with pytest.raises(sheets.UnreadableSheet) as told:
        shape_of(content)
    assert (told.value.reason.code, told.value.figures) == ("not_a_table", {"found": found})


def test_what_openpyxl_cannot_open_is_read_without_its_looks(tmp_path: Path) -> None:
    plain = xlsx_file(HEAD, ["910009000", "Élan"])
    red = '<fills count="3"><fill><patternFill><fgColor rgb="red"/></patternFill></fill>'
    odd = changed(plain, r"xl/styles.xml", ('<fills count="2">', red))
    for content in (strict(plain), odd):
        told, rows = read(tmp_path, content)
        assert (told.format, told.shallow, rows) == ("xlsx", True, [(1, HEAD), (2, ["910009000", "Élan"])])
    told, rows = read(tmp_path, ods_file(HEAD, ["", "Élan"]))
    assert (told.format, told.shallow, rows) == ("ods", True, [(1, HEAD), (2, [None, "Élan"])])
    told, rows = read(tmp_path, file("old.xls"))
    assert (told.format, told.shallow, rows) == ("xls", True, [
        (1, ["siren", "nom", "créée le"]),
        (3, [Cell(NUMBER, "910009000"), "Société Élan", Cell(DATE, "2023-09-08")]),
        (4, [Cell(NUMBER, "910009018")]),
    ])  # fmt: skip


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    book = Workbook()
    book.create_sheet("Deux").append(["siren"])
    out = io.BytesIO()
    book.save(out)
    for content in (out.getvalue(), strict(out.getvalue())):
        assert read(tmp_path, content, sheet="Deux")[1] == [(1, ["siren"])]
        assert refused(tmp_path, content, sheet="Trois") == ("no_such_sheet", None, {"sheets": ["Sheet", "Deux"]})


def test_a_title_above_the_headings_does_not_tell_the_delimiter(tmp_path: Path) -> None:
    told, rows = read(tmp_path, b"Entreprises du bassin\n\nsiren;nom\n1;A, B\n")
    assert (told.delimiter, rows[-1]) == (";", (4, ["1", "A, B"]))


# --- what bounds it --------------------------------------------------------------------------------------------------


def test_its_memory_is_bounded(tmp_path: Path) -> None:
    wide = with_rows('<row r="1">' + "<c/>" * 3_000_000 + "</row>")
    assert refused(tmp_path, wide, memory=256 * 2**20) == ("reading_memory", None, {"maximum": 256})


def test_its_time_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = with_rows("<x/>" * 5_000_000)
    with monkeypatch.context() as patched:
        patched.setattr(apart, "PROCESSOR", 1)
        assert refused(tmp_path, busy) == ("reading_processor", None, {"maximum": 1})
    monkeypatch.setattr(apart, "SECONDS", 1)
    assert refused(tmp_path, busy) == ("reading_time", None, {"maximum": 1})


def test_a_death_without_a_word_is_told_as_one(tmp_path: Path) -> None:
    file, reading = begun(tmp_path, SLOW)
    with file, reading:
        reading.begin()
        os.kill(reading.pid, signal.SIGKILL)
        with pytest.raises(apart.ReaderDied) as told:
            list(reading.rows())
    assert told.value.code == -signal.SIGKILL


def test_it_goes_on_where_somebody_stops_its_group(tmp_path: Path) -> None:
    file, reading = begun(tmp_path, SLOW)
    with file, reading:
        reading.begin()
        os.kill(reading.pid, signal.SIGTERM)
        assert len(list(reading.rows())) == 400_001


# --- when it ends ----------------------------------------------------------------------------------------------------

# Of the service it imports what reads a file, which is quick.
_STARTS = """
import sys
from app.core.writing import apart, sheets
sniffer = sheets.Sniffer()
with open(sys.argv[1], "rb") as file:
    sniffer.feed(file.read())
    reading = apart.Reading(file, sniffer.shape())
print(reading.pid, flush=True)
sys.stdin.read()
"""


def _gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has waited for has, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("content", [SLOW, with_rows("<x/>" * 5_000_000)], ids=["waits", "works"])
def test_it_ends_with_the_process_that_started_it(tmp_path: Path, content: bytes) -> None:
    """Also where that is killed, whatever the reader is at: it waits for who takes its rows, or is busy."""
    (tmp_path / "file").write_bytes(content)
    parent = subprocess.Popen(
        [sys.executable, "-c", _STARTS, str(tmp_path / "file")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.5)
    assert not _gone(pid)
    parent.kill()
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()
    until = time.monotonic() + 5
    while not _gone(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert _gone(pid)


def test_it_is_told_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:secret@nowhere/nothing")
    file, reading = begun(tmp_path, SLOW)
    with file, reading:
        reading.begin()
        told = Path(f"/proc/{reading.pid}/environ").read_bytes() + Path(f"/proc/{reading.pid}/cmdline").read_bytes()
    assert b"secret" not in told
    assert json.loads(told.rpartition(b"__main__.py\0")[2].rstrip(b"\0"))["format"] == "csv"
