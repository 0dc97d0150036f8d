"""What commands say to a person at a terminal: refusals, aligned rows, how far they are."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any


class CommandRefused(Exception):
    """A command cannot go on; the text is one line for the person who typed it, `code` its exit code."""

    code = 1


def line_of(error: Exception) -> str:
    """What an error of the system or of the database says, in one line."""
    cause = getattr(error, "orig", None) or error  # SQLAlchemy puts the statement around it
    if isinstance(cause, OSError) and cause.filename:
        return f"{cause.filename}: {cause.strerror}"
    said = str(cause).strip().partition("\n")[0].rpartition("'>: ")[2]
    return said or type(cause).__name__


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as aligned lines, never cut: what is printed here is copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


@contextmanager
def progress(doing: str = "") -> Iterator[Callable[[str], None]]:
    """Shows progress on a terminal, in one line that is erased at the end."""
    shown = sys.stderr.isatty()

    def say(table: str) -> None:
        if shown:
            print("\r\033[K" + f"{doing} {table}".lstrip(), end="", file=sys.stderr, flush=True)

    try:
        yield say
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def text_of(value: Any) -> str:
    """A value of a row as it is printed; an instant with its zone."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")  # the session's zone is UTC
    return "" if value is None else str(value)
