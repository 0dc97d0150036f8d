"""A client that costs little: bytes written beforehand, plain sockets, and no more of HTTP than counting bodies."""

import re
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *([0-9]+)")
ANSWER_S = 30.0


def message(method: str, path: str, key: str = "", body: bytes = b"", **headers: str) -> bytes:
    """A request as it goes over the wire."""
    named = {"Host": "bench", **headers}
    if key:
        named["Authorization"] = f"Bearer {key}"
    if body:
        named |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


@dataclass(frozen=True)
class Slice:
    """What a few tenths of a second showed: answers a second, and processor time of the server for each."""

    rate: float
    cpu_us: float


class Client:
    """Connections that are kept open, each with one request on its way at any time."""

    def __init__(self, port: int, connections: int) -> None:
        self._sockets = {}
        self._poll = select.epoll()
        for _ in range(connections):
            each = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[each.fileno()] = each
            self._poll.register(each, select.EPOLLIN)
        self._buffer = bytearray(1 << 20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        for each in self._sockets.values():
            each.close()

    def run(self, requests: Iterator[bytes], seconds: float, *, status: int = 200) -> tuple[int, float]:
        """Ask as fast as it goes for so long: how many answers, in how many seconds. Another status is an error."""
        view = memoryview(self._buffer)
        wanted = b"HTTP/1.1 %d " % status
        missing = dict.fromkeys(self._sockets, 0)  # bytes still to come; 0 before the head
        done = 0
        waiting = len(missing)
        started = time.perf_counter()
        ends = started + seconds
        for each in self._sockets.values():
            each.sendall(next(requests))
        while waiting:
            ready = self._poll.poll(ANSWER_S)
            if not ready:
                raise TimeoutError(f"no answer within {ANSWER_S:.0f} s")
            for number, _ in ready:
                each = self._sockets[number]
                got = each.recv_into(self._buffer)
                rest = missing[number]
                if not rest:
                    head = bytes(view[: min(got, 2048)])
                    end = head.find(b"\r\n\r\n")
                    length = LENGTH.search(head, 0, end)
                    if not head.startswith(wanted) or length is None:
                        raise AssertionError(f"wanted {status}, got {bytes(view[:got])!r}")
                    rest = end + 4 + int(length[1])
                missing[number] = rest = rest - got
                if rest:
                    continue
                done += 1
                if time.perf_counter() < ends:
                    each.sendall(next(requests))
                else:
                    waiting -= 1
        return done, time.perf_counter() - started

    def measure(self, pid: int, requests: Iterator[bytes], seconds: float, *, status: int = 200) -> Slice:
        """The same with the processor time that the server `pid` took."""
        before = cpu_s(pid)
        done, took = self.run(requests, seconds, status=status)
        return Slice(done / took, (cpu_s(pid) - before) / done * 1e6)


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process has used (its main thread, where a server does all its work)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def memory_kib(pid: int, name: str) -> int:
    """`VmRSS` (now) or `VmHWM` (the most since `forget_peak`) of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def forget_peak(pid: int) -> None:
    """Start the count of `VmHWM` anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def download(port: int, request: bytes) -> float:
    """Read one stream to its end on a connection of its own; in how many seconds."""
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as each:
        each.sendall(request)
        buffer = bytearray(1 << 18)
        view = memoryview(buffer)
        start = tail = b""
        while got := each.recv_into(buffer):
            start = start or bytes(view[:12])
            tail = (tail + bytes(view[max(0, got - 5) : got]))[-5:]
    if start != b"HTTP/1.1 200" or tail != b"0\r\n\r\n":
        raise AssertionError("the stream broke off")
    return time.perf_counter() - started
