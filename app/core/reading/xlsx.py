"""An XLSX file written forward only: PostgreSQL writes the rows, the standard library zips them as they pass.

Cells are typed (ECMA-376 part 1, §18.3.1.4): text is an inline string, never a formula or a link; days and instants
are numbers with a date format; instants are in UTC. Nothing is held but what the zip has not handed out yet.
"""

import re
import zipfile
from collections.abc import Sequence
from datetime import date
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from sqlalchemy import ColumnElement, DateTime, Float, Integer, Text, case, cast, func, literal_column
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 100_000
MOST_CHARACTERS = 32_767  # of a cell: Excel calls a file with more of them damaged

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

# kind of a column → its style in `_STYLES`, its width in characters
_LOOKS = {"text": (0, 28), "parts": (0, 28), "code": (0, 22), "id": (0, 38), "number": (0, 12),
          "euros": (4, 16), "day": (2, 12), "instant": (3, 22), "truth": (0, 8)}  # fmt: skip

_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss\\Z"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="5">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)

_PARTS = {
    "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{MEDIA_TYPE}.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    '<Override PartName="/xl/styles.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>',
    "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": _STYLES,
}


# --- cells, in SQL ---------------------------------------------------------------------------------------------------


def _text(value: str) -> ColumnElement[str]:
    return literal_column("'" + value.replace("'", "''") + "'", Text())


def cell(kind: str, value: Any) -> ColumnElement[str]:
    """The XML of a cell; an empty one for NULL."""
    style = _LOOKS[kind][0]
    opening, closing = f'<c s="{style}"><v>' if style else "<c><v>", "</v></c>"
    content: Any
    match kind:
        case "text" | "parts" | "code" | "id":
            opening, closing = '<c t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"
            content = cast(value, Text)
            if kind == "parts":
                long = func.octet_length(content) > MOST_CHARACTERS
                content = case((long, func.left(content, MOST_CHARACTERS - 1).op("||")(_text("…"))), else_=content)
            if kind not in ("code", "id"):
                for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
                    content = func.replace(content, _text(sign), _text(name))
                # «_x0041_» in a text is what Excel would read as «A»: its first sign is itself escaped.
                escaped = func.regexp_replace(content, _text("_(?=x[0-9A-Fa-f]{4}_)"), _text("_x005F_"), _text("g"))
                content = case((func.strpos(value, _text("_x")) > 0, escaped), else_=content)
        case "truth":
            opening, content = '<c t="b"><v>', cast(cast(value, Integer), Text)
        case "day":
            # Excel's day 1 is 1900-01-01, and it counts a 29 February in that year.
            serial = value - literal_column("DATE '1899-12-30'")
            content = cast(serial - cast(value < literal_column("DATE '1900-03-01'"), Integer), Text)
        case "instant":
            seconds = func.extract("epoch", cast(value, DateTime(timezone=True)))
            content = cast(cast(seconds, Float(53)) / literal_column("86400") + literal_column("25569"), Text)
        case _:
            content = cast(value, Text)
    whole = _text(opening).op("||")(content).op("||")(_text(closing))
    return func.coalesce(whole, _text("<c/>"))


def row(cells: Sequence[ColumnElement[str]]) -> ColumnElement[str]:
    """The XML of a row."""
    whole: Any = _text("<row>")
    for each in cells:
        whole = whole.op("||")(each)
    closed: ColumnElement[str] = whole.op("||")(_text("</row>"))
    return closed


def held_cell(kind: str, value: Any) -> str:
    """The XML of a value that Python holds, but an instant; `cell` says what a cell looks like."""
    if value is None:
        return "<c/>"
    if kind in ("text", "parts", "code", "id"):
        text = escape(re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", str(value)[:MOST_CHARACTERS]))
        return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    if kind == "truth":
        return f'<c t="b"><v>{int(value)}</v></c>'
    if kind == "day":
        value = date.fromisoformat(value) if isinstance(value, str) else value
        value = (value - date(1899, 12, 30)).days - (value < date(1900, 3, 1))
    style = _LOOKS[kind][0]
    return f'<c s="{style}"><v>{value}</v></c>' if style else f"<c><v>{value}</v></c>"


def sheet_name(title: str) -> str:
    """What a sheet may be called: 31 signs as UTF-16 counts them, some of them not, and no apostrophe at an end."""
    plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).encode("utf-16-le")[:62].decode("utf-16-le", "ignore")
    return plain.strip("'") or "-"


def write_text(sheet: Worksheet, row: int, column: int, text: str, style: Format | None = None) -> None:
    """Put a text into a sheet of XlsxWriter as it stands; what a cell cannot hold is cut, and shows it.

    XlsxWriter takes a text between `<r>` and `</r>` for XML of its own, and would write it as that: such a one is
    written in parts.
    """
    if len(text) > MOST_CHARACTERS // 2 and len(text.encode("utf-16-le")) // 2 > MOST_CHARACTERS:
        text = text.encode("utf-16-le")[: 2 * (MOST_CHARACTERS - 1)].decode("utf-16-le", "ignore") + "…"
    if text.startswith("<r>") and text.endswith("</r>"):
        sheet.write_rich_string(row, column, text[:1], text[1:2], text[2:], *([style] if style else ()))
    else:
        sheet.write_string(row, column, text, style)


# --- the file --------------------------------------------------------------------------------------------------------

# Signs that XML 1.0 has no place for; \x01 is also COPY's quote around a row that holds a line break.
_NO_XML = bytes(code for code in range(0x20) if code not in (0x09, 0x0A, 0x0D))


_ROW = b"<row>"  # in no text, whose signs are escaped

# Landscape A4, as wide as a page, with the number of each page.
_PRINTED = (
    '<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.6" header="0.3" footer="0.3"/>'
    '<pageSetup paperSize="9" orientation="landscape" fitToWidth="1" fitToHeight="0"/>'
    "<headerFooter><oddFooter>&amp;C&amp;P / &amp;N</oddFooter></headerFooter>"
)


def _letters(number: int) -> str:
    """The letters of a column, counted from 1."""
    number, letter = divmod(number - 1, 26)
    return (_letters(number) if number else "") + chr(ord("A") + letter)


class _Pipe:
    """What the zip writes to; it cannot be rewound, so sizes follow each part."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        taken, self._waiting = b"".join(self._waiting), []
        return taken


class Workbook:
    """A workbook of one sheet with a bold, frozen, filtered header, which is repeated on every printed page.

    Each method gives the bytes that are ready.
    """

    def __init__(self, title: str, columns: Sequence[tuple[str, str]]) -> None:
        self._title = sheet_name(title)
        self._columns = columns
        self._pipe = _Pipe()
        stream: Any = self._pipe  # a ZipFile asks of a stream no more than this
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._sheet: Any = None
        self._rows, self._tail = 1, b""

    def begin(self) -> bytes:
        named = "'" + self._title.replace("'", "''") + "'"
        workbook = (
            f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets><sheet name={quoteattr(self._title)} '
            'sheetId="1" r:id="rId1"/></sheets><definedNames><definedName name="_xlnm.Print_Titles" localSheetId="0">'
            f"{escape(named)}!$1:$1</definedName></definedNames></workbook>"
        )
        for name, content in {**_PARTS, "xl/workbook.xml": workbook}.items():
            with self._zip.open(name, "w") as part:  # which dates it 1980: the same rows give the same file
                part.write(content.encode())
        self._sheet = self._zip.open("xl/worksheets/sheet1.xml", "w")
        widths = [max(_LOOKS[kind][1], len(name) + 2) for name, kind in self._columns]
        cols = "".join(
            f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>' for n, width in enumerate(widths, 1)
        )
        heads = "".join(f'<c s="1" t="inlineStr"><is><t>{escape(name)}</t></is></c>' for name, _ in self._columns)
        self._sheet.write(
            f'{_XML}<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
            '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" '
            'topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
            f"<cols>{cols}</cols><sheetData><row>{heads}</row>".encode()
        )
        return self._pipe.take()

    def add(self, rows: bytes) -> bytes:
        self._sheet.write(rows.translate(None, _NO_XML))
        counted = self._tail + rows
        self._rows += counted.count(_ROW)
        self._tail = counted[1 - len(_ROW) :]
        return self._pipe.take()

    def end(self) -> bytes:
        last = f"{_letters(len(self._columns))}{self._rows}"
        self._sheet.write(f'</sheetData><autoFilter ref="A1:{last}"/>{_PRINTED}</worksheet>'.encode())
        self._sheet.close()
        self._zip.close()
        return self._pipe.take()
