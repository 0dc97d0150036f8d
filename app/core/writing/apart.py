"""Files are read by a program of their own (`app.reader`), which is started here, heard, and ended.

What a stranger's file makes of its reader ends the reader alone: it has bounds of memory and of time, is killed where
the import is called off, and ends with the process that started it.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

import app.reader
from app.core.faults import FAULTS
from app.core.writing.sheets import (
    READING_MEMORY,
    READING_PROCESSOR,
    READING_TIME,
    Cell,
    CellKind,
    Content,
    Format,
    Row,
    SheetShape,
    SheetTooLarge,
    UnreadableSheet,
)

MEMORY = 1024**3  # bytes that a reader may take, all that it maps included
PROCESSOR = 180  # seconds of the processor
SECONDS = 1_800  # seconds in all: it waits for who takes its rows
_LONGEST = 16 * 1024 * 1024  # bytes of a line that it may tell

_PROGRAM = Path(app.reader.__file__).with_name("__main__.py")
_CRAMPED = 3  # how it ends for want of memory
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")  # no secret of ours is there for a file to find
_KINDS = {
    "n": CellKind.NUMBER, "d": CellKind.DATE, "dt": CellKind.DATETIME, "t": CellKind.TIME, "b": CellKind.BOOLEAN,
    "e": CellKind.ERROR, "f": CellKind.FORMULA,
}  # fmt: skip


class ReaderDied(Exception):
    """The reader ended in the middle of a file, without a word and by no limit of its own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class Reading:
    """A file that is being read apart. Leave it as a context, so that its reader ends.

    `sheet` names the sheet of a workbook, the first where it is None.

    All of it is for a thread: what is asked here waits for the reader. `close` may be called from elsewhere; whoever
    waits then hears of a reader that died.
    """

    def __init__(self, file: IO[bytes], shape: SheetShape, memory: int = MEMORY, sheet: str | None = None) -> None:
        self.taken = 0  # bytes that were told
        self.format: Format = shape.format
        self.delimiter: str | None = None
        self.shallow = False
        self.sheets: list[str] = []
        self._file, self._memory = file, memory
        file.seek(0)
        order = {
            "file": file.fileno(), "format": shape.format, "encoding": shape.encoding, "memory": memory,
            "processor": PROCESSOR, "seconds": SECONDS, "path": _path(), "sheet": sheet,
        }  # fmt: skip
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the reading
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-I", "-S", str(_PROGRAM), json.dumps(order)],
            stdin=subprocess.PIPE,  # it is never written to: that it closes tells the reader that we are gone
            stdout=subprocess.PIPE,
            stderr=self._words,
            pass_fds=[file.fileno()],
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            start_new_session=True,  # who interrupts us at a terminal does not interrupt it
        )

    def begin(self) -> None:
        """Wait for what the file is: its `format`, `delimiter`, its `sheets`, and whether it is read but `shallow`."""
        told = self._next()["table"]
        self.format, self.delimiter, self.shallow = Format(told["format"]), told["delimiter"], told["shallow"]
        self.sheets = [name[:100] for name in told["sheets"][:50]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the reader, whatever it is at."""
        process = self._process
        process.kill()
        process.wait()
        for end in (process.stdin, process.stdout, self._words):
            if end is not None:
                end.close()

    def kill(self) -> None:
        """End the reader while another thread may still listen: it then hears `ReaderDied`."""
        self._process.kill()

    @property
    def pid(self) -> int:
        """The reader's process."""
        return self._process.pid

    @property
    def share(self) -> float:
        """The share of the file that is read."""
        return os.lseek(self._file.fileno(), 0, os.SEEK_CUR) / max(os.fstat(self._file.fileno()).st_size, 1)

    def rows(self) -> Iterator[Row]:
        """The rows, once it has begun. Raises `UnreadableSheet`, `SheetTooLarge`, and `ReaderDied`, as `begin` does."""
        while (told := self._next()) is not None:
            number, cells = told
            yield number, [_cell(cell) if isinstance(cell, list) else cell for cell in cells]

    def _next(self) -> Any:
        """What the reader tells next; None once it has told all."""
        assert self._process.stdout is not None  # it is a pipe
        line = self._process.stdout.readline(_LONGEST)
        self.taken += len(line)
        if not line.endswith(b"\n"):
            raise self._death()
        told = json.loads(line.decode("ascii"))
        if not isinstance(told, dict) or "end" not in told:
            return told
        if told["end"] == "whole":
            return None
        fault = FAULTS[told["code"]]
        if told["end"] == "limit":
            raise SheetTooLarge(fault, **told["figures"])
        raise UnreadableSheet(fault, told["line"], **told["figures"])

    def _death(self) -> Exception:
        self._process.kill()
        code = self._process.wait()
        self._words.seek(0)
        cramped = code == -signal.SIGABRT and b"memory allocation" in self._words.read()  # how Rust says it
        if code == _CRAMPED or cramped:
            return SheetTooLarge(READING_MEMORY, maximum=self._memory // 2**20)
        if code == -signal.SIGXCPU:
            return SheetTooLarge(READING_PROCESSOR, maximum=PROCESSOR)
        if code == -signal.SIGALRM:
            return SheetTooLarge(READING_TIME, maximum=SECONDS)
        return ReaderDied(code)


def _cell(told: list[Any]) -> Content:
    return Cell(_KINDS[told[0]], told[1], told[2] if len(told) > 2 else None)


def _path() -> list[str]:
    """Where our own package and the libraries of the reader are: nothing else is found there."""
    found = [str(_PROGRAM.parents[2])]
    for name in ("openpyxl", "python_calamine"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found.append(str(Path(spec.origin).parents[1]))
    return list(dict.fromkeys(found))
