"""Forks `rebond` from a process that has imported the whole application: a start costs a tenth of a second, not three.

What is forked is a process like any other: a command line, an environment, a directory, signals, an exit code. That
each command also imports all that it needs, `tests/commands/test_cli.py` shows with processes forked from a bare one,
which has imported no more than the command line itself does.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).parents[1]
LARGEST = 2**17  # a command line and its environment, as JSON


class Started:
    """A forked command: what is needed of `subprocess.Popen`."""

    def __init__(self, pid: int, told: socket.socket, stdout: TextIOWrapper | None) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._told = told

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(1e-6)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same at its end, or subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = int(self._told.recv(100))
            except TimeoutError:
                raise subprocess.TimeoutExpired("rebond", timeout or 0) from None
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """To this process, where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.stdout is not None:
            self.stdout.close()
        self.wait()


class Starter:
    """The process that forks; it ends with the one that made it."""

    def __init__(self, *, bare: bool) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            argv = [sys.executable, "-c", f"from tests.starter import serve; serve(bare={bare})"]
            self._process = subprocess.Popen(argv, cwd=ROOT, stdin=theirs.fileno(), start_new_session=True)
        atexit.register(self._end)

    def start(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], stdout: int, stderr: int
    ) -> tuple[int, socket.socket]:
        """Its process id, and where its exit code will be told."""
        told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps({"words": list(words), "cwd": str(cwd), "env": dict(env)}).encode()
        assert len(request) < LARGEST
        with tells:
            socket.send_fds(self._ours, [request], [stdout, stderr, tells.fileno()])
        return int(told.recv(100)), told

    def _end(self) -> None:
        self._ours.close()
        self._process.wait()


_starters: dict[bool, Starter] = {}
_making = threading.Lock()


def start(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdout: int | IO[Any], stderr: int | IO[Any],
    bare: bool = False,
) -> Started:  # fmt: skip
    """`rebond` with these words, in a session of its own, reading nothing. It takes Popen's PIPE and DEVNULL, too.

    A bare one itself imports all that is not imported by the command line.
    """
    with _making:
        if bare not in _starters:
            _starters[bare] = Starter(bare=bare)
    with contextlib.ExitStack() as stack:
        reads = None

        def descriptor(given: int | IO[Any]) -> int:
            nonlocal reads
            if not isinstance(given, int):
                return given.fileno()
            if given == subprocess.PIPE:
                ours, theirs = os.pipe()
                reads = os.fdopen(ours, encoding="utf-8")
            elif given == subprocess.DEVNULL:
                theirs = os.open(os.devnull, os.O_WRONLY)
            else:
                return given
            stack.callback(os.close, theirs)
            return theirs

        pid, told = _starters[bare].start(words, cwd, env, descriptor(stdout), descriptor(stderr))
        return Started(pid, told, reads)


_HANDS_OVER = """import json, os, socket, sys
asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
asked.connect({address!r})
said = {{"words": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}
socket.send_fds(asked, [json.dumps(said).encode()], [1, 2])
sys.exit(int(asked.recv(100)))
"""


@contextlib.contextmanager
def command(place: Path) -> Iterator[str]:
    """What a script of a shell says for `rebond`, in this directory: it is forked, with its words and outputs."""
    program, address = place / "rebond-forked.py", place / "rebond-forked.socket"
    program.write_text(_HANDS_OVER.format(address=str(address)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(address))
        listening.listen()
        answering = threading.Thread(target=_answer, args=(listening,), daemon=True)
        answering.start()
        try:
            yield shlex.join([sys.executable, "-IS", str(program)])
        finally:
            listening.shutdown(socket.SHUT_RDWR)  # wakes the one who accepts
            answering.join()
            program.unlink()
            address.unlink()


def _answer(listening: socket.socket) -> None:
    while True:
        try:
            asked, _ = listening.accept()
        except OSError:
            return
        with asked:
            said, (stdout, stderr), _, _ = socket.recv_fds(asked, LARGEST, 2)
            request = json.loads(said)
            try:
                started = start(
                    request["words"], cwd=Path(request["cwd"]), env=request["env"], stdout=stdout, stderr=stderr
                )
            finally:
                os.close(stdout)
                os.close(stderr)
            asked.send(str(started.wait()).encode())


# --- in the process that forks ---------------------------------------------------------------------------------------


def serve(*, bare: bool) -> None:
    """Fork for every request on standard input, until it is closed; in what is forked, be `rebond`."""
    request = _requests(socket.socket(fileno=os.dup(0)), bare=bare)
    if request is not None:
        _be_rebond(**request)


def _requests(asked: socket.socket, *, bare: bool) -> dict[str, Any] | None:
    gc.disable()
    import app.cli

    if not bare:
        import alembic.command  # noqa: F401  # what the migrations need

        for module in pkgutil.walk_packages(app.__path__, "app."):
            importlib.import_module(module.name)
    gc.freeze()  # what is forked shares these pages for as long as nobody looks through them

    children: dict[int, socket.socket] = {}
    wakes, wake = socket.socketpair()
    for end in (wakes, wake):
        end.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(asked, selectors.EVENT_READ)
    selector.register(wakes, selectors.EVENT_READ)
    while True:
        ready = [key.fileobj for key, _ in selector.select()]
        if wakes in ready:
            wakes.recv(4096)
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            with children.pop(pid) as tells, contextlib.suppress(OSError):  # who asked may be gone
                tells.send(str(os.waitstatus_to_exitcode(status)).encode())
        if asked not in ready:
            continue
        said, descriptors, _, _ = socket.recv_fds(asked, LARGEST, 3)
        if not said:
            return None
        if not (pid := os.fork()):
            asked_for: dict[str, Any] = json.loads(said)
            return asked_for | {"descriptors": descriptors}
        for descriptor in descriptors[:2]:
            os.close(descriptor)
        children[pid] = socket.socket(fileno=descriptors[2])
        with contextlib.suppress(OSError):
            children[pid].send(str(pid).encode())


def _be_rebond(words: list[str], cwd: str, env: dict[str, str], descriptors: list[int]) -> None:
    from app import cli

    gc.enable()
    gc.collect()  # the selector and its sockets now, not when what they close is a descriptor of the command's
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    with open(os.devnull) as nothing:  # noqa: PTH123  # a fork just before the command: system calls alone
        os.dup2(nothing.fileno(), 0)
    os.dup2(descriptors[0], 1)
    os.dup2(descriptors[1], 2)
    os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)  # noqa: PTH208  # likewise
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = ["rebond", *words]
    cli.main()
