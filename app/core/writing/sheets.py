"""The tables that people send: what they are. What their cells say: `cells`.

A `Sniffer` looks at the bytes as they arrive, so that nothing is read twice: which format, and which encoding. What
real files look like: UTF-8 with or without a mark, UTF-16, Windows-1252, and once even Windows-1252 behind a UTF-8 mark
(the grants that the département of the Somme published for 2018). The rows are read by a program of its own (`apart`).
"""

import codecs
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.core.faults import Fault

EMPTY_FILE = Fault("empty_file", en="The file is empty.", fr="Le fichier est vide.")
UNREADABLE_FILE = Fault("unreadable_file", en="The file is damaged.", fr="Le fichier est endommagé.")
UNREADABLE_LINE = Fault(
    "unreadable_line",
    en="The quotation mark that opens cell {cell} is never closed. Close it; double a mark that belongs to the text.",
    fr="Le guillemet qui ouvre la cellule {cell} n'est jamais fermé. Fermez-le ; doublez un guillemet qui fait partie"
    " du texte.",
)
NOT_A_TABLE = Fault(
    "not_a_table",
    en="The file is {found}, not a table.",
    fr="Le fichier est au format {found} : ce n'est pas un tableau.",
)
NOT_AN_XLS = Fault(
    "not_an_xls",
    en="The file is a document of Office that is no workbook, or a workbook that a password locks.",
    fr="Le fichier est un document Office qui n'est pas un classeur, ou un classeur verrouillé par un mot de passe.",
)
NO_SUCH_SHEET = Fault(
    "no_such_sheet",
    en="The workbook has no sheet of this name. Its sheets: {sheets}.",
    fr="Le classeur n'a pas de feuille de ce nom. Ses feuilles : {sheets}.",
)
READER_ENDED = Fault(
    "reader_ended",
    en="The reader of files has ended twice in the middle of this one.",
    fr="Le lecteur de fichiers s'est arrêté deux fois au milieu de celui-ci.",
)
# The limits of what is read: each names itself in `import-too-large`.
LINE_TOO_LONG = Fault(
    "line_too_long",
    en="A line, or a cell of it, has more than {maximum} characters.",
    fr="Une ligne, ou une de ses cellules, a plus de {maximum} caractères.",
)
CELL_TOO_LONG = Fault(
    "cell_too_long",
    en="Cell {cell} has more than {maximum} characters.",
    fr="La cellule {cell} a plus de {maximum} caractères.",
)
TOO_MANY_COLUMNS = Fault(
    "too_many_columns", en="A line has more than {maximum} columns.", fr="Une ligne a plus de {maximum} colonnes."
)
TOO_MANY_ROWS = Fault(
    "too_many_rows", en="The sheet has more than {maximum} rows.", fr="La feuille a plus de {maximum} lignes."
)
TOO_MANY_STRINGS = Fault(
    "too_many_strings",
    en="The workbook has more than {maximum} different texts.",
    fr="Le classeur a plus de {maximum} textes différents.",
)
STRINGS_TOO_LARGE = Fault(
    "strings_too_large",
    en="The texts of the workbook unfold to more than {maximum} MiB.",
    fr="Les textes du classeur occupent, décompressés, plus de {maximum} Mio.",
)
TOO_MANY_PARTS = Fault(
    "too_many_parts",
    en="The workbook is packed of more than {maximum} parts.",
    fr="Le classeur se compose de plus de {maximum} parties.",
)
FILE_TOO_LARGE = Fault(
    "file_too_large",
    en="The file unfolds to more than {maximum} MiB.",
    fr="Le fichier occupe, décompressé, plus de {maximum} Mio.",
)
READING_MEMORY = Fault(
    "reading_memory",
    en="Reading the file takes more than {maximum} MiB of memory.",
    fr="La lecture du fichier occupe plus de {maximum} Mio de mémoire.",
)
READING_PROCESSOR = Fault(
    "reading_processor",
    en="Reading the file takes more than {maximum} s of the processor.",
    fr="La lecture du fichier occupe le processeur plus de {maximum} s.",
)
READING_TIME = Fault(
    "reading_time",
    en="Reading the file takes more than {maximum} s in all.",
    fr="La lecture du fichier dure plus de {maximum} s.",
)
UNUSABLE_HEADER = Fault(
    "unusable_header",
    en="Line {found_line} does not name all required columns. Where the headings stand in another, give its number"
    " (header_row).",
    fr="La ligne {found_line} ne nomme pas toutes les colonnes nécessaires. Si les titres sont à une autre ligne,"
    " donnez son numéro (header_row).",
)
UNUSABLE_SHEET = Fault(
    "unusable_sheet",
    en="Line {found_line} of the sheet {sheet} does not name all required columns. Where the headings stand elsewhere,"
    " give the sheet (sheet: {others}) or the number of the line (header_row).",
    fr="La ligne {found_line} de la feuille {sheet} ne nomme pas toutes les colonnes nécessaires. Si les titres sont"
    " ailleurs, donnez la feuille (sheet : {others}) ou le numéro de la ligne (header_row).",
)
EMPTY_SHEET = Fault(
    "empty_sheet",
    en="The sheet {sheet} is empty. Give the sheet to read (sheet: {others}).",
    fr="La feuille {sheet} est vide. Donnez la feuille à lire (sheet : {others}).",
)


class CellKind(StrEnum):
    """What a cell holds that is no text."""

    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    BOOLEAN = "boolean"
    ERROR = "error"
    FORMULA = "formula"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a workbook that is no text, as it stands there.

    `value` is exact: the digits of a number as the file writes them (`1415.2799999999997`, `9.1E+13`), an ISO day,
    instant or time (hours may be more than 23), `true` or `false`, an error such as `#N/A`, a formula that was never
    calculated. `format` is the format in which a number is shown (`000000000`), None where that is the general one or
    the file does not tell it.
    """

    kind: CellKind
    value: str
    format: str | None = None


Content = str | Cell | None  # what a cell may hold: text is `str`, in CSV all is; nothing is None or ""
Row = tuple[int, list[Content]]  # the line in the file, counted from 1, and its cells

ZIP = b"PK\x03\x04"


class Format(StrEnum):
    """What the bytes are."""

    CSV = "csv"
    XLSX = "xlsx"
    XLSB = "xlsb"
    XLS = "xls"
    ODS = "ods"
    XML = "xml"


class UnreadableSheet(Exception):
    """The file is no table: `reason` says why, `line` where."""

    def __init__(self, reason: Fault, line: int | None = None, **figures: Any) -> None:
        super().__init__(reason.code)
        self.reason = reason
        self.line = line
        self.figures = figures


class SheetTooLarge(Exception):
    """The file goes beyond a limit of what is read."""

    def __init__(self, limit: Fault, **figures: Any) -> None:
        super().__init__(limit.code)
        self.limit = limit
        self.figures = figures


@dataclass(frozen=True)
class SheetShape:
    """How the file is written: its format, and for CSV its encoding (`utf-8`, `utf-16`, `cp1252` or `latin-1`).

    Any zip counts as XLSX, until it is read.
    """

    format: Format
    encoding: str | None = None


class Sniffer:
    """Tells the shape of a file from its bytes, as they pass."""

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")("strict")
        self._beyond_cp1252 = False

    def feed(self, data: bytes) -> None:
        """Look at the next bytes."""
        self.size += len(data)
        if len(self._head) < _HEAD:
            self._head += data[: _HEAD - len(self._head)]
        if self._utf8 is not None:
            try:
                self._utf8.decode(data)
            except UnicodeDecodeError:
                self._utf8 = None
        if not self._beyond_cp1252:
            self._beyond_cp1252 = _UNDEFINED_IN_CP1252.search(data) is not None

    def shape(self) -> SheetShape:
        """What the file is, once all of it has passed. Raises `UnreadableSheet` for nothing at all and for no table."""
        if self.size == 0:
            raise UnreadableSheet(EMPTY_FILE)
        if self._head.startswith(ZIP):
            return SheetShape(Format.XLSX)
        if self._head.startswith(_COMPOUND):
            return SheetShape(Format.XLS)
        for name, pattern in _NO_TABLES.items():
            if pattern.match(self._head):
                raise UnreadableSheet(NOT_A_TABLE, found=name)
        if _XML.match(self._head):
            return SheetShape(Format.XML)
        if self._head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return SheetShape(Format.CSV, "utf-16")
        if self._utf8 is not None:
            try:
                self._utf8.decode(b"", final=True)
            except UnicodeDecodeError:
                pass
            else:
                return SheetShape(Format.CSV, "utf-8")
        return SheetShape(Format.CSV, "latin-1" if self._beyond_cp1252 else "cp1252")


_HEAD = 256  # bytes that tell a format
# An XML declaration, a document type, or a document that begins at once; also in UTF-16.
_XML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|(?:\w+:)?Document[\s>])|(?:\xff\xfe)?<\x00\?\x00|(?:\xfe\xff)?\x00<\x00\?"
)
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # XLS 97, and what else Office wrote then
_NO_TABLES = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "PDF": rb"%PDF-", "HTML": rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|table|meta)[\s>]",
        "JSON": rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"', "GZ": rb"\x1f\x8b", "PNG": rb"\x89PNG\r\n",
        "JPEG": rb"\xff\xd8\xff", "GIF": rb"GIF8[79]a", "RTF": rb"\{\\rtf", "7Z": rb"7z\xbc\xaf\x27\x1c",
        "RAR": rb"Rar!\x1a\x07", "BZ2": rb"BZh[1-9]1AY&SY", "XZ": rb"\xfd7zXZ\x00", "Parquet": rb"PAR1",
        "SQLite": rb"SQLite format 3\x00",
    }.items()
}  # fmt: skip
_UNDEFINED_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
