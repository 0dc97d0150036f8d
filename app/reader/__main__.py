"""Reads one file and tells its rows, a JSON document a line; the first says what the file is, the last how it ends.

    {"table": {"format": "xlsx", …}}    [2, ["910009000", null, ["n", "1.5", "0.00"]]]    {"end": "whole"}

It bounds itself: its memory, its time of the processor, its time in all. It ends with the process that started it,
which holds the other end of its stdin. No signal is handled here: the default of each, to end, is never missed.
"""

import fcntl
import json
import os
import resource
import select
import signal
import sys
from typing import IO, Any

CRAMPED = 3  # the exit code of who has no memory left: nothing more can be told


def _bound(memory: int, processor: int, seconds: int) -> None:
    """Bound this process, and end it with the one that started it."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # who listened is gone
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # whoever stops a group of processes stops the one that started us
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 2**20),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, processor),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    signal.alarm(seconds)
    os.nice(10)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)  # SIGIO ends us once stdin is closed
    if select.select([0], [], [], 0)[0]:
        sys.exit(1)  # it was closed before


def _tell(file: IO[bytes], order: dict[str, Any]) -> None:
    from app.reader import camt, csvs, workbooks
    from app.reader.tables import TooLarge, Unreadable

    out = sys.stdout
    try:
        if order["format"] == "csv":
            table = csvs.table(iter(lambda: file.read(64 * 1024), b""), order["encoding"])
        elif order["format"] == "xml":
            table = camt.table(file)
        elif order["format"] == "xls":
            table = workbooks.shallow(file, "xls", order["sheet"])
        else:
            table = workbooks.packed(file, order["sheet"])
        told = {"format": table.format, "delimiter": table.delimiter, "shallow": table.shallow, "sheets": table.sheets}
        out.write(json.dumps({"table": told}) + "\n")
        encode = json.JSONEncoder(separators=(",", ":")).encode
        for row in table.rows:
            out.write(encode(row) + "\n")
        end: dict[str, Any] = {"end": "whole"}
    except Unreadable as error:
        end = {"end": "unreadable", "code": error.code, "line": error.line, "figures": error.figures}
    except TooLarge as error:
        end = {"end": "limit", "code": error.code, "figures": error.figures}
    out.write(json.dumps(end) + "\n")
    out.flush()


def main() -> None:
    """Carry out the order that the command line gives."""
    order = json.loads(sys.argv[1])
    _bound(order["memory"], order["processor"], order["seconds"])
    sys.path += order["path"]  # where this package and the libraries are; nothing else was looked for
    try:
        with os.fdopen(order["file"], "rb") as file:
            _tell(file, order)
    except MemoryError:
        os._exit(CRAMPED)
    os._exit(0)  # nothing of the interpreter need be taken down


if __name__ == "__main__":
    main()
