"""What the readers share: rows as they travel, bounds, and the two ways to give up."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# A cell is text, nothing, or a list: its kind, its value as text, and for a number its format where it has one.
Tagged = str | list[str] | None
Row = tuple[int, list[Tagged]]  # the line in the file, counted from 1, and its cells; none at the end is blank

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384  # Excel's own
MAX_CELL = 32_768  # characters, as in Excel
MAX_LINE = 1_048_576  # characters of all cells of a row
MAX_UNPACKED = 512 * 1024 * 1024  # bytes that a workbook may unfold to
MAX_PARTS = 10_000  # of a workbook: a sheet, its drawing, each picture is one
# The texts of a workbook, each kept once, are held in memory: so many, and so large a share of what may be unfolded.
MAX_STRINGS = 1_000_000
MAX_STRINGS_UNPACKED = MAX_UNPACKED // 4


class Unreadable(Exception):
    """The file is no table that can be read: the code of a fault says why, `line` where."""

    def __init__(self, code: str, line: int | None = None, **figures: Any) -> None:
        super().__init__(code)
        self.code, self.line, self.figures = code, line, figures


class TooLarge(Exception):
    """The file goes beyond a limit, which the code of a fault names."""

    def __init__(self, code: str, **figures: Any) -> None:
        super().__init__(code)
        self.code, self.figures = code, figures


@dataclass(frozen=True)
class Table:
    """A file that is open: what it is, and its rows.

    `shallow` says that errors, formulas that were never calculated, and number formats are not seen; `sheets` are the
    names of the sheets that a workbook has, the one that is read first.
    """

    format: str
    rows: Iterator[Row]
    delimiter: str | None = None
    shallow: bool = False
    sheets: tuple[str, ...] = ()


def column_letters(number: int) -> str:
    """What a spreadsheet calls its column of this number, counted from 1: `A`, `Z`, `AA`."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
