"""What a worker spends its time on: its stack, looked at a hundred times a second for as long as somebody asks.

A thread of the worker waits at a socket beside its figures; it costs nothing while nobody asks. It takes the names of
functions, never a value of theirs.
"""

import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

INTERVAL = 0.01  # seconds between two looks
LONGEST = 60  # seconds
PENDING = 4  # who asks while another profile is made


@contextmanager
def offered(directory: str | None) -> Iterator[None]:
    """Let who may write into `directory` ask this process for profiles, for the length of a block."""
    if directory is None:
        yield
        return
    path = Path(directory, f"{os.getpid()}.profile")
    with socket.socket(socket.AF_UNIX) as listening, _short(path) as address:
        listening.bind(address)
        listening.listen(PENDING)
        of = threading.get_ident()
        threading.Thread(target=_answer, args=(listening, of), name="profiles", daemon=True).start()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            listening.shutdown(socket.SHUT_RDWR)  # wakes the one who accepts


def taken(directory: str, seconds: int) -> bytes:
    """The profiles of all workers over the same seconds, a line for each stack: `worker_PID;outer;inner COUNT`."""
    found: dict[str, bytes] = {}

    def ask(path: Path) -> None:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as asking, _short(path) as address:  # it has ended
            asking.settimeout(PENDING * LONGEST + seconds)
            asking.connect(address)
            asking.sendall(bytes([seconds]))
            with asking.makefile("rb") as told:
                found[path.stem] = told.read()

    asking = [threading.Thread(target=ask, args=(path,)) for path in Path(directory).glob("*.profile")]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    return b"".join(
        b"worker_" + pid.encode() + b";" + line for pid, told in found.items() for line in told.splitlines(True)
    )


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """An address of this file for a socket, which takes 107 bytes at most."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _answer(listening: socket.socket, thread: int) -> None:
    while True:
        try:
            asked, _ = listening.accept()
        except OSError:  # the worker stops
            return
        with asked, suppress(OSError):  # who asked is gone
            asked.settimeout(LONGEST)
            if wanted := asked.recv(1):
                asked.sendall(_profile(thread, min(wanted[0], LONGEST)))


def _profile(thread: int, seconds: float) -> bytes:
    seen: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        frame = sys._current_frames().get(thread)  # noqa: SLF001  # what CPython offers for it
        stack = []
        while frame is not None:
            stack.append(f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}")
            frame = frame.f_back
        seen[";".join(reversed(stack))] += 1
        time.sleep(INTERVAL)
    return "".join(f"{stack} {number}\n" for stack, number in seen.most_common()).encode()
