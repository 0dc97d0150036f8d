"""Workbooks as other programs write them, and as nobody should."""

import io
import re
import struct
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

from app.core.writing import sheets
from app.core.writing.apart import Reading
from tests.integrations.imports.files import xlsx_file

FOUND = Path(__file__).parents[1] / "integrations" / "imports" / "found"
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


def _record(number: int, data: bytes = b"") -> bytes:
    """A record of BIFF12 ([MS-XLSB] 2.1.4): its number and its size in seven bits a byte, and its data."""
    head = bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])
    size, length = bytearray(), len(data)
    while True:
        size.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return head + bytes(size) + data


def _wide(text: str) -> bytes:
    encoded = text.encode("utf-16-le")
    return struct.pack("<I", len(encoded) // 2) + encoded


def _xlsb_cell(column: int, value: Any) -> bytes:
    day = isinstance(value, date)
    at = struct.pack("<II", column, 1 if day else 0)  # where, and in which style
    if isinstance(value, str):
        return _record(0x06, at + _wide(value))
    if isinstance(value, bool):
        return _record(0x04, at + bytes([value]))
    return _record(0x05, at + struct.pack("<d", (value - date(1899, 12, 30)).days if day else value))


def xlsb_file(*rows: list[Any], sheet: str = "Feuille 1") -> bytes:
    """A workbook as Excel writes it in binary: nobody but Excel does, so that it is made here record by record."""
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    table = b"".join(
        _record(0x00, struct.pack("<II", number, 0) + bytes(9))
        + b"".join(_xlsb_cell(column, value) for column, value in enumerate(row) if value is not None)
        for number, row in enumerate(rows)
    )
    size = struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1)
    data = _record(0x81) + _record(0x94, size) + _record(0x91) + table + _record(0x92) + _record(0x82)
    bundle = struct.pack("<II", 0, 1) + _wide("rId1") + _wide(sheet)
    sheets_of = _record(0x8F) + _record(0x9C, bundle) + _record(0x90)
    book = _record(0x83) + _record(0x99, bytes(8)) + sheets_of + _record(0x84)
    looks = [_record(0x2F, struct.pack("<HH", 0, number) + bytes(12)) for number in (0, 14)]  # plain, and a day
    xfs = _record(0x269, struct.pack("<I", len(looks))) + b"".join(looks) + _record(0x26A)
    relation = '<Relationship Id="rId{}" Type="{}/{}" Target="{}"/>'

    def relations(*targets: tuple[str, str]) -> str:
        told = "".join(relation.format(n, kind, name, target) for n, (name, target) in enumerate(targets, 1))
        return f'<?xml version="1.0"?><Relationships xmlns="{package}/relationships">{told}</Relationships>'

    parts: dict[str, bytes | str] = {
        "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{package}/content-types">'
        '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": relations(("officeDocument", "xl/workbook.bin")),
        "xl/_rels/workbook.bin.rels": relations(("worksheet", "worksheets/sheet1.bin"), ("styles", "styles.bin")),
        "xl/workbook.bin": book,
        "xl/worksheets/sheet1.bin": data,
        "xl/styles.bin": _record(0x116) + xfs + _record(0x117),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in parts.items():
            packed.writestr(name, part)
    return out.getvalue()
