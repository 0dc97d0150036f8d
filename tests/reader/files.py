"""Workbooks as other programs write them, and as nobody should."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

from app.core.writing import sheets
from app.core.writing.apart import Reading
from tests.integrations.imports.files import xlsx_file

BORDERS = Path(__file__).parents[1] / "integrations" / "imports" / "borders"
PURL = "http://purl.oclc.org/ooxml/"


def changed(content: bytes, part: str, *changes: tuple[str, str]) -> bytes:
    """The workbook with these texts of its parts replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name).decode()
            if re.fullmatch(part, name):
                for before, after in changes:
                    text = text.replace(before, after)
            new.writestr(name, text)
    return out.getvalue()


def with_rows(rows: str) -> bytes:
    """A workbook whose sheet has these rows, as XML."""
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    whole = f"{sheet}{rows}</sheetData></worksheet>"
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx_file(["siren"]))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, whole if name == "xl/worksheets/sheet1.xml" else old.read(name))
    return out.getvalue()


def strict(content: bytes) -> bytes:
    """The workbook in the strict form of the standard, whose names are others."""
    return changed(
        content,
        r".*\.(xml|rels)",
        ("http://schemas.openxmlformats.org/spreadsheetml/2006/main", PURL + "spreadsheetml/main"),
        ("http://schemas.openxmlformats.org/officeDocument/2006/relationships", PURL + "officeDocument/relationships"),
    )


def ods_file(*rows: list[str]) -> bytes:
    """A sheet of OpenDocument, all text."""
    ns = "urn:oasis:names:tc:opendocument:xmlns:"
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{ns}manifest:1.0"><manifest:file-entry manifest:full-path="/"'
            ' manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>',
        )
        book.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{ns}office:1.0" xmlns:table="{ns}table:1.0"'
            f' xmlns:text="{ns}text:1.0"><office:body><office:spreadsheet><table:table table:name="Firmes">{cells}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return out.getvalue()


def shape_of(content: bytes) -> sheets.SheetShape:
    sniffer = sheets.Sniffer()
    sniffer.feed(content)
    return sniffer.shape()


def begun(tmp_path: Path, content: bytes, **bounds: Any) -> tuple[Any, Reading]:
    """A file, and the reader that is at it."""
    path = tmp_path / "sent"
    path.write_bytes(content)
    file = path.open("rb")
    return file, Reading(file, shape_of(content), **bounds)


def read(tmp_path: Path, content: bytes, **bounds: Any) -> tuple[Reading, list[sheets.Row]]:
    """The rows as the reader tells them."""
    file, reading = begun(tmp_path, content, **bounds)
    with file, reading:
        reading.begin()
        return reading, list(reading.rows())
